//! Makes Cargo embed the dashboard again after a new build of it. Builds nothing itself: the server compiles without Node.

fn main() {
    // A path that does not exist would count as changed at every build; its folder shows when it appears.
    let dist = "../../ui/dist/index.html";
    let watched = if std::path::Path::new(dist).exists() {
        dist
    } else {
        "../../ui"
    };
    println!("cargo::rerun-if-changed={watched}");
}

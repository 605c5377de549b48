//! Locations where `scripts/install-test-deps.sh` installed the Moonrakers.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The Moonraker version of tests that do not choose one.
pub(crate) const DEFAULT_MOONRAKER: &str = "0.11.0";

/// The Python interpreter with Moonraker `version`.
///
/// # Errors
/// If it is not installed.
pub(crate) fn python(version: &str) -> Result<PathBuf> {
    let folder = match version {
        DEFAULT_MOONRAKER => "venv".to_owned(),
        other => format!("moonraker-{other}"),
    };
    let venv = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../.cache")
        .join(folder);
    ensure!(
        venv.join("installed").exists(),
        "Moonraker {version} is not installed in {}; run scripts/install-test-deps.sh",
        venv.display(),
    );
    Ok(venv.join("bin/python"))
}

/// The library that gives a program its own clock (Debian package `faketime`).
///
/// # Errors
/// If it is not installed.
pub fn libfaketime() -> Result<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").context("could not read /usr/lib")?;
    let mut libraries = folders
        .flatten()
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    let installed = libraries.find(|library| library.exists());
    installed.context("libfaketime is not installed; run scripts/install-test-deps.sh")
}

#[cfg(test)]
mod tests {
    #[test]
    fn missing_moonraker_names_the_script_that_installs_it() {
        let error = super::python("0.0.1").unwrap_err().to_string();
        assert!(error.contains("Moonraker 0.0.1 is not installed"), "{error}");
        assert!(error.ends_with("run scripts/install-test-deps.sh"), "{error}");
    }
}

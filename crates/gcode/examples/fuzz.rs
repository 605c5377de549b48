//! Fuzzes the parser for a given time: `cargo run --release -p gcode --example fuzz -- --seconds 600`.
//!
//! Seeds are the project's fixtures and, if present, the slicer corpus. Prints the slowest input and the peak memory.
//! Fails if one input takes more than five seconds, or the process uses more than 64 MB above what its seeds need.

#![expect(
    clippy::unwrap_used,
    reason = "a tool for developers: a broken environment may end it"
)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../tests/it/fuzzing.rs"]
mod fuzzing;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    let limit = Duration::from_secs(option("--seconds").unwrap_or(60));
    let mut random = fuzzing::Random(option("--seed").unwrap_or(1));
    let mut seeds = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    collect(&root.join("test_data"), &mut seeds);
    collect(&root.join("../../../shared/gcode/files"), &mut seeds);
    let baseline = peak_kilobytes();
    println!("{} seeds, {} KB", seeds.len(), baseline);
    let (start, mut inputs, mut bytes, mut slowest) = (Instant::now(), 0_u64, 0, Duration::ZERO);
    while start.elapsed() < limit {
        let file = fuzzing::input(&mut random, &seeds);
        let mut elapsed = timed(&mut random.clone(), &file);
        // A busy machine is slow once; a slow input is slow again.
        if elapsed > slowest {
            elapsed = elapsed.min(timed(&mut random.clone(), &file));
        }
        if elapsed > slowest {
            slowest = elapsed;
            println!(
                "slowest so far: {slowest:?} for {} bytes (input {inputs})",
                file.len()
            );
        }
        inputs += 1;
        bytes += file.len() as u64;
    }
    let memory = peak_kilobytes().saturating_sub(baseline);
    println!(
        "{inputs} inputs, {} MB, slowest {slowest:?}, {memory} KB above the seeds",
        bytes >> 20
    );
    assert!(slowest < Duration::from_secs(5), "an input took {slowest:?}");
    assert!(memory < 64 << 10, "{memory} KB");
}

fn timed(random: &mut fuzzing::Random, file: &[u8]) -> Duration {
    let before = Instant::now();
    fuzzing::check(random, file);
    before.elapsed()
}

fn collect(folder: &Path, seeds: &mut Vec<Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else {
        println!("no seeds at {}", folder.display());
        return;
    };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, seeds);
        } else {
            seeds.push(fs::read(path).unwrap());
        }
    }
}

/// `VmHWM` of this process; 0 without `/proc`.
fn peak_kilobytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

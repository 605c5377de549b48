//! Speed of parsing: `cargo run --release -p gcode --example bench -- DIR [--head 65536] [--tail 98304]`.
//!
//! Reads all files below DIR first; then times, again and again for some seconds, the parsing of head and
//! tail (what a logger does) and of whole files. Prints one JSON object per mode.

#![expect(
    clippy::unwrap_used,
    reason = "a tool for developers: a broken environment may end it"
)]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str, default: usize| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok())
            .unwrap_or(default)
    };
    let folder = arguments
        .get(1)
        .expect("usage: bench DIR [--head BYTES] [--tail BYTES]");
    let (head, tail) = (option("--head", 64 << 10), option("--tail", 96 << 10));
    let mut files = Vec::new();
    collect(Path::new(folder), &mut files);
    assert!(!files.is_empty(), "no files below {folder}");
    measure("head_and_tail", &files, |file| {
        let head = &file[..head.min(file.len())];
        let tail = &file[file.len() - tail.min(file.len())..];
        black_box(gcode::parse(head, tail, Some(file.len() as u64)));
        head.len() + tail.len()
    });
    measure("whole", &files, |file| {
        black_box(gcode::parse(file, b"", None));
        file.len()
    });
}

fn measure(mode: &str, files: &[Vec<u8>], parse: impl Fn(&[u8]) -> usize) {
    let (start, mut rounds, mut bytes, mut times) = (Instant::now(), 0, 0, Vec::new());
    while start.elapsed() < Duration::from_secs(3) || rounds < 3 {
        for file in files {
            let before = Instant::now();
            bytes += parse(file);
            times.push(before.elapsed());
        }
        rounds += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    println!(
        "{{\"mode\": \"{mode}\", \"files\": {}, \"rounds\": {rounds}, \"files_per_second\": {:.0}, \
         \"mb_per_second\": {:.0}, \"median_ms\": {:.3}, \"p95_ms\": {:.3}, \"max_ms\": {:.3}}}",
        files.len(),
        times.len() as f64 / seconds,
        bytes as f64 / 1e6 / seconds,
        at(0.5),
        at(0.95),
        at(1.0),
    );
}

fn collect(folder: &Path, files: &mut Vec<Vec<u8>>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(fs::read(path).unwrap());
        }
    }
}

//! Speed of parsing: `cargo run --release -p gcode --example bench -- DIR [SECONDS]`.
//!
//! Repeats each of three modes for some seconds, with one thread: head and tail of files in memory (what a logger
//! parses), whole files in memory, and head and tail of files on the disk. Prints one JSON object per mode.

#![expect(
    clippy::unwrap_used,
    reason = "a tool for developers: a broken environment may end it"
)]

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gcode::Reader;

/// What the reader requests of a typical file.
const HEAD: usize = 64 << 10;
const TAIL: usize = 96 << 10;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("usage: bench DIR [SECONDS]");
    let seconds = arguments.next().map_or(3.0, |seconds| seconds.parse().unwrap());
    let limit = Duration::from_secs_f64(seconds);
    let mut paths = Vec::new();
    collect(Path::new(&folder), &mut paths);
    assert!(!paths.is_empty(), "no files below {folder}");
    let files: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    measure("head_and_tail", limit, &files, |file| {
        let head = &file[..HEAD.min(file.len())];
        let tail = &file[file.len() - TAIL.min(file.len())..];
        black_box(gcode::parse(head, tail, Some(file.len() as u64)));
        head.len() + tail.len()
    });
    measure("whole", limit, &files, |file| {
        black_box(gcode::parse(file, b"", None));
        file.len()
    });
    measure("from_disk", limit, &paths, |path| {
        let mut file = File::open(path).unwrap();
        let mut reader = Reader::new(file.metadata().unwrap().len());
        while let Some(range) = reader.next_range() {
            let mut bytes = vec![0; (range.end - range.start) as usize];
            file.seek(SeekFrom::Start(range.start)).unwrap();
            file.read_exact(&mut bytes).unwrap();
            reader.push(range.start, &bytes);
        }
        black_box(reader.finish());
        reader.requested() as usize
    });
}

/// Counts the fastest of several runs of each file: other work on the machine only slows it down.
fn measure<T>(mode: &str, limit: Duration, files: &[T], parse: impl Fn(&T) -> usize) {
    let (start, mut rounds) = (Instant::now(), 0);
    let mut times = vec![Duration::MAX; files.len()];
    let mut bytes = 0;
    while start.elapsed() < limit || rounds < 3 {
        bytes = 0;
        for (file, best) in files.iter().zip(&mut times) {
            let before = Instant::now();
            bytes += parse(file);
            *best = before.elapsed().min(*best);
        }
        rounds += 1;
    }
    let seconds = times.iter().sum::<Duration>().as_secs_f64();
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

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

//! `printlog gcode`: shows the slicer data of G-code files. Needs neither configuration nor database.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, IsTerminal as _, Read as _, Seek as _, SeekFrom, Write as _},
    num::NonZero,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use gcode::{Parsed, Reader};
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde::Serialize;

use crate::cli::{
    Exit,
    arguments::ReadGcode,
    output::{Table, duration, metres, text},
};

/// File name endings that are searched for in folders.
const ENDINGS: [&str; 8] = [
    ".gcode",
    ".gco",
    ".g",
    ".bgcode",
    ".gcode.3mf",
    ".3mf",
    ".ufp",
    ".gx",
];

/// Maximum number of results that wait to be shown.
const AHEAD: usize = 256;

#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    #[serde(flatten)]
    parsed: &'a Parsed,
}

pub(super) fn run(arguments: &ReadGcode) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    let mut files = Vec::new();
    for path in &arguments.files {
        if let Err(cause) = collect(path, &mut files) {
            eprintln!("printlog: cannot read {}: {cause}", path.display());
            exit = Exit::Failed;
        }
    }
    // On a terminal, the lines themselves show the progress.
    let lines_are_seen = arguments.json && io::stdout().is_terminal();
    let progress = if files.len() > 1 && io::stderr().is_terminal() && !lines_are_seen {
        ProgressBar::new(files.len() as u64)
    } else {
        ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut table = Table::new([
        "file", "slicer", "material", "layer", "time", "filament", "weight",
    ]);
    let read = |file: &PathBuf| parse(file, arguments.json);
    in_order(&files, read, |file, parsed| {
        match parsed {
            Ok(Shown::Line(line)) => out.write_all(&line)?,
            Ok(Shown::Row(row)) => table.row(row),
            Err(cause) => {
                progress.suspend(|| eprintln!("printlog: cannot read {}: {cause}", file.display()));
                exit = Exit::Failed;
            }
        }
        progress.inc(1);
        Ok(())
    })?;
    progress.finish_and_clear();
    out.flush()?;
    drop(out);
    if !arguments.json {
        table.print()?;
    }
    Ok(exit)
}

/// Result for one file.
enum Shown {
    Line(Vec<u8>),
    Row([String; 7]),
}

fn parse(file: &Path, as_json: bool) -> io::Result<Shown> {
    let parsed = read(file)?;
    if !as_json {
        return Ok(Shown::Row(row(file, &parsed)));
    }
    let mut line = serde_json::to_vec(&Line {
        file: &file.to_string_lossy(),
        parsed: &parsed,
    })?;
    line.push(b'\n');
    Ok(Shown::Line(line))
}

/// Processes items on all cores, and passes the results to `take` in the order of the items.
fn in_order<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(&T, R) -> io::Result<()>,
) -> io::Result<()> {
    let workers = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(items.len());
    let next = AtomicUsize::new(0);
    let (done, results) = mpsc::sync_channel(AHEAD);
    thread::scope(|scope| {
        for _ in 0..workers {
            let (done, next, work) = (done.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return };
                    if done.send((index, work(item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        // Moved here: an error drops it, and the workers end.
        let results = results;
        let mut early = BTreeMap::new();
        let mut turn = 0;
        for (index, result) in &results {
            early.insert(index, result);
            while let Some(result) = early.remove(&turn) {
                take(&items[turn], result)?;
                turn += 1;
            }
        }
        Ok(())
    })
}

/// Collects the file, or all G-code files below the folder, in the order of their names.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !fs::metadata(path)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
        if kind.is_dir() {
            collect(&entry.path(), files)?;
        } else if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Reads head and tail only, however large the file is.
fn read(path: &Path) -> io::Result<Parsed> {
    let mut file = File::open(path)?;
    let mut reader = Reader::new(file.metadata()?.len());
    while let Some(range) = reader.next_range() {
        file.seek(SeekFrom::Start(range.start))?;
        let mut bytes = Vec::new();
        (&mut file)
            .take(range.end - range.start)
            .read_to_end(&mut bytes)?;
        reader.push(range.start, &bytes);
    }
    Ok(reader.finish())
}

fn row(file: &Path, parsed: &Parsed) -> [String; 7] {
    let metadata = &parsed.metadata;
    let slicer = [&metadata.slicer, &metadata.slicer_version]
        .into_iter()
        .flatten()
        .cloned()
        .collect::<Vec<_>>()
        .join(" ");
    let unknown = || text(None);
    [
        file.display().to_string(),
        text(Some(slicer.as_str()).filter(|slicer| !slicer.is_empty())),
        text(metadata.filament_type.as_deref()),
        metadata
            .layer_height
            .map_or_else(unknown, |height| format!("{height} mm")),
        duration(metadata.estimated_time.map(|seconds| seconds as f64)),
        metres(metadata.filament_used_mm),
        metadata
            .estimated_filament
            .map_or_else(unknown, |grams| format!("{grams:.1} g")),
    ]
}

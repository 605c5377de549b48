//! `printlog jobs export`.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use domain::JobFilter;
use indicatif::{ProgressBar, ProgressStyle};
use store::Store;

use crate::export::Exporter;

/// Writes the jobs, newest first, to `file` or to stdout. The file appears once it is complete.
pub(super) async fn export(
    store: &Store,
    filter: &JobFilter,
    exporter: Exporter,
    file: Option<&Path>,
) -> anyhow::Result<()> {
    let Some(file) = file else {
        return write(store, filter, exporter, io::stdout()).await;
    };
    let part = part(file);
    let cannot = || format!("cannot write {}", file.display());
    let written = write(store, filter, exporter, File::create(&part).with_context(cannot)?).await;
    if written.is_err() {
        // The original error is the one to report.
        let _ = fs::remove_file(&part);
    }
    written?;
    fs::rename(&part, file).with_context(cannot)
}

fn part(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

async fn write(
    store: &Store,
    filter: &JobFilter,
    mut exporter: Exporter,
    out: impl Write + Send,
) -> anyhow::Result<()> {
    let cannot = "cannot write the jobs";
    let mut out = BufWriter::new(out);
    let mut export = store.begin_export(filter).await?;
    // The progress bar goes to stderr, and is shown on a terminal only.
    let bar = ProgressBar::new(store.count_of_export(&export).await?);
    bar.set_style(ProgressStyle::with_template(
        "{wide_bar} {human_pos} of {human_len} jobs, {eta} left",
    )?);
    loop {
        let jobs = store.next_of_export(&mut export).await?;
        if jobs.is_empty() {
            break;
        }
        out.write_all(&exporter.add(&jobs).context(cannot)?)
            .context(cannot)?;
        bar.inc(jobs.len() as u64);
    }
    out.write_all(&exporter.end().context(cannot)?).context(cannot)?;
    out.flush().context(cannot)?;
    bar.finish_and_clear();
    Ok(())
}

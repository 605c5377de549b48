//! Results on stdout: JSON for scripts, tables for users.

use std::io::{self, Write as _};

use jiff::Timestamp;
use serde::Serialize;

pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

pub(super) fn print_line(line: &str) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{line}")?;
    Ok(())
}

/// A table with a header, its columns as wide as their content.
pub(super) struct Table<const N: usize> {
    header: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(header: [&'static str; N]) -> Self {
        Self {
            header,
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, row: [String; N]) {
        self.rows.push(row.map(|cell| printable(&cell)));
    }

    pub(super) fn print(&self) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        let header = self.header.map(str::to_owned);
        let lines = || std::iter::once(&header).chain(&self.rows);
        let widths: [usize; N] =
            std::array::from_fn(|column| lines().map(|row| row[column].chars().count()).max().unwrap_or(0));
        for row in lines() {
            let cells: Vec<_> = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            writeln!(out, "{}", cells.join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// Escapes a foreign text, which must not control the terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { '\u{fffd}' } else { letter })
        .collect()
}

/// An instant to the second; `-` if unknown.
pub(super) fn instant(instant: Option<Timestamp>) -> String {
    instant.map_or_else(nothing, |instant| {
        instant.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
    })
}

/// `1:02:03`; `-` if unknown.
pub(super) fn duration(seconds: Option<f64>) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a duration in seconds fits, and its fraction is not shown"
    )]
    seconds
        .map(|seconds| seconds.round() as i64)
        .map_or_else(nothing, |seconds| {
            format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
        })
}

/// Millimetres as metres; `-` if unknown.
pub(super) fn metres(millimetres: Option<f64>) -> String {
    millimetres.map_or_else(nothing, |millimetres| format!("{:.2} m", millimetres / 1000.0))
}

pub(super) fn text(text: Option<&str>) -> String {
    text.map_or_else(nothing, str::to_owned)
}

fn nothing() -> String {
    "-".to_owned()
}

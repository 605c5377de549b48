//! Measures the accuracy of this crate and of Moonraker over the slicer corpus.
//!
//! `cargo run -p gcode --example accuracy -- docs/gcode.md` replaces the tables in that file; without a file they are
//! printed.

#![expect(
    clippy::unwrap_used,
    reason = "a tool for developers: a broken environment may end it"
)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use serde_json::Value;

#[path = "../tests/it/corpus.rs"]
mod corpus;

use corpus::{FIELDS, Sample, Verdict};

const BEGIN: &str = "<!-- accuracy: begin -->\n";
const END: &str = "<!-- accuracy: end -->\n";

#[derive(Default)]
struct Tally {
    right: u32,
    wrong: u32,
    blind: u32,
    invented: u32,
    good: u32,
    all: u32,
}

impl Tally {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Right => self.right += 1,
            Verdict::Wrong => self.wrong += 1,
            Verdict::Blind => self.blind += 1,
            Verdict::Invented => self.invented += 1,
            Verdict::Silent => {}
        }
        self.good += u32::from(verdict.is_good());
        self.all += 1;
    }

    fn stated(&self) -> u32 {
        self.right + self.wrong + self.blind
    }

    fn cells(&self) -> String {
        let rate = match self.stated() {
            0 => "-".to_owned(),
            stated => format!(
                "{}/{stated} = {:.1} %",
                self.right,
                f64::from(self.right) * 100.0 / f64::from(stated)
            ),
        };
        format!("{rate} | {} | {} | {}", self.wrong, self.blind, self.invented)
    }
}

fn main() {
    let samples =
        corpus::samples().unwrap_or_else(|| panic!("no slicer corpus at {}", corpus::folder().display()));
    let tables = tables(&samples);
    match std::env::args().nth(1) {
        None => print!("{tables}"),
        Some(path) => {
            let text = fs::read_to_string(&path).unwrap();
            let (before, rest) = text.split_once(BEGIN).expect("the begin mark");
            let (_, after) = rest.split_once(END).expect("the end mark");
            fs::write(&path, format!("{before}{BEGIN}{tables}{END}{after}")).unwrap();
        }
    }
}

fn tables(samples: &[Sample]) -> String {
    let samples: Vec<&Sample> = samples
        .iter()
        .filter(|sample| !sample.is_robustness_only())
        .collect();
    let mut by_field: BTreeMap<&str, (Tally, Tally)> = BTreeMap::new();
    let mut by_slicer: BTreeMap<String, (u32, Tally, Tally)> = BTreeMap::new();
    for sample in &samples {
        let details = corpus::details(&gcode::parse(&sample.bytes, b"", None));
        let slicer = sample.expected["fields"]["slicer"].as_str().unwrap_or("(none)");
        let row = by_slicer.entry(slicer.to_owned()).or_default();
        row.0 += 1;
        for field in FIELDS {
            let ours = sample.verdict(field, details.get(field).unwrap_or(&Value::Null));
            row.1.add(ours);
            by_field.entry(field).or_default().0.add(ours);
            let theirs = sample
                .moonraker_verdict(field)
                .filter(|_| is_claimed_by_moonraker(sample));
            let Some(theirs) = theirs else { continue };
            row.2.add(theirs);
            by_field.entry(field).or_default().1.add(theirs);
        }
    }
    let (good, all) = by_slicer.values().fold((0, 0), |(good, all), (_, ours, _)| {
        (good + ours.good, all + ours.all)
    });
    let mut text = format!(
        "{} files; {good} of {all} values are as the truth has them.

",
        samples.len()
    );
    write!(
        text,
        "### By field

{HEADER}"
    )
    .unwrap();
    for field in FIELDS {
        let (ours, theirs) = &by_field[field];
        writeln!(
            text,
            "| `{field}` | {} | {} |",
            ours.cells(),
            moonraker_cells(theirs)
        )
        .unwrap();
    }
    write!(
        text,
        "\n### By slicer\n\n{}",
        HEADER.replace("| field", "| slicer (files)")
    )
    .unwrap();
    for (slicer, (files, ours, theirs)) in &by_slicer {
        writeln!(
            text,
            "| {slicer} ({files}) | {} | {} |",
            ours.cells(),
            moonraker_cells(theirs)
        )
        .unwrap();
    }
    text
}

const HEADER: &str = "\
| field | printlog right / stated | wrong | blind | not stated | Moonraker right / stated | wrong | blind | not stated |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
";

fn moonraker_cells(tally: &Tally) -> String {
    if tally.stated() == 0 && tally.invented == 0 {
        "does not report | | |".to_owned()
    } else {
        tally.cells()
    }
}

/// Moonraker reads text and `.ufp`; files that were damaged on purpose are left out as well.
fn is_claimed_by_moonraker(sample: &Sample) -> bool {
    let name = &sample.name;
    !(name.ends_with(".3mf") || name.ends_with(".bgcode") || name.starts_with("quirk_"))
}

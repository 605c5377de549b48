//! Busy times of the printers.

use std::collections::{BTreeMap, HashMap};

use domain::PrinterId;

use crate::{Busy, MonthKey, ReadError, Selection, month::MonthSummary, partition::MonthEntry};

/// Start and length of a job, in ms.
type Run = (i64, u64);

/// The jobs of a printer in a month.
struct Span<'a> {
    first_start: i64,
    last_end: i64,
    busy: u64,
    jobs: Jobs<'a>,
}

enum Jobs<'a> {
    /// The runs are read only if they are needed.
    Ended(&'a MonthEntry),
    Running(Vec<Run>),
}

impl Selection {
    /// Busy time of each printer. Of the filter, only the printers apply, because busy time describes the machine, not
    /// its jobs.
    ///
    /// Without `since`, the window of each printer begins with its first job.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn busy(&self, since: Option<i64>, until: i64) -> Result<BTreeMap<PrinterId, Busy>, ReadError> {
        let mut printers = self.spans();
        printers.retain(|_, spans| {
            spans.retain(|span| span.first_start < until && since.is_none_or(|since| span.last_end > since));
            spans.sort_by_key(|span| span.first_start);
            !spans.is_empty()
        });
        let runs = self.runs_of_cut_months(&printers, since, until)?;
        Ok(printers
            .into_iter()
            .map(|(id, spans)| (id, busy(id, &spans, &runs, since, until)))
            .collect())
    }

    fn spans(&self) -> BTreeMap<PrinterId, Vec<Span<'_>>> {
        let mut printers: BTreeMap<PrinterId, Vec<Span<'_>>> = BTreeMap::new();
        for entry in self.partitions.iter().flat_map(|partition| &partition.months) {
            if self.selects_printer(entry.month.printer_id) {
                let span = Span::of(&entry.summary, Jobs::Ended(entry));
                printers.entry(entry.month.printer_id).or_default().extend(span);
            }
        }
        for month in self.running_months() {
            let span = Span::of(&month.summary(), Jobs::Running(month.runs().collect()));
            printers.entry(month.printer_id()).or_default().extend(span);
        }
        printers
    }

    /// The runs of months that cannot be counted as a whole.
    fn runs_of_cut_months(
        &self,
        printers: &BTreeMap<PrinterId, Vec<Span<'_>>>,
        since: Option<i64>,
        until: i64,
    ) -> Result<HashMap<(PrinterId, MonthKey), Vec<Run>>, ReadError> {
        let cut = printers.values().flat_map(|spans| {
            let one_by_one = overlap(spans);
            spans.iter().filter(move |span| {
                one_by_one || span.last_end > until || since.is_some_and(|since| span.first_start < since)
            })
        });
        let entries = cut.filter_map(|span| match span.jobs {
            Jobs::Ended(entry) => Some(entry),
            Jobs::Running(_) => None,
        });
        let mut runs = HashMap::new();
        self.each_month(entries, &mut self.reading(), |month| {
            runs.insert((month.printer_id(), month.key()), month.runs().collect());
        })?;
        Ok(runs)
    }
}

impl<'a> Span<'a> {
    /// `None` if no start is known.
    fn of(summary: &MonthSummary, jobs: Jobs<'a>) -> Option<Self> {
        let (first_start, _) = summary.starts?;
        Some(Self {
            first_start,
            last_end: summary.last_end,
            busy: summary.busy,
            jobs,
        })
    }
}

/// A printer runs one job at a time, so months overlap only if a clock was set, or a job ran past the end of a month.
fn overlap(spans: &[Span<'_>]) -> bool {
    !spans.is_sorted_by(|one, next| one.last_end <= next.first_start)
}

fn busy(
    printer_id: PrinterId,
    spans: &[Span<'_>],
    read: &HashMap<(PrinterId, MonthKey), Vec<Run>>,
    since: Option<i64>,
    until: i64,
) -> Busy {
    let first = spans.first().map_or(until, |span| span.first_start);
    let mut busy = Busy::within(since.unwrap_or(first), until);
    let runs = |span: &Span<'_>| match &span.jobs {
        Jobs::Running(runs) => runs.clone(),
        Jobs::Ended(entry) => read
            .get(&(printer_id, entry.month.key))
            .cloned()
            .unwrap_or_default(),
    };
    if overlap(spans) {
        let mut all: Vec<Run> = spans.iter().flat_map(runs).collect();
        all.sort_unstable();
        all.into_iter()
            .for_each(|(start, length)| busy.add(start, length));
    } else {
        for span in spans {
            if !busy.add_all(span.first_start, span.last_end, span.busy) {
                runs(span)
                    .into_iter()
                    .for_each(|(start, length)| busy.add(start, length));
            }
        }
    }
    busy
}

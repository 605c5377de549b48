//! Filters for jobs, as in `GET /api/jobs`.

use clap::Args;
use domain::{AmountBounds, JobFilter, JobStatus, PrinterId, Verdict};
use jiff::Timestamp;

use crate::input;

/// Filters for jobs.
#[derive(Debug, Args)]
pub(in crate::cli) struct JobFilterArguments {
    /// Only jobs of this printer, by name or id. May be repeated
    #[arg(long, visible_alias = "printer-id", value_name = "PRINTER")]
    pub(in crate::cli) printer: Vec<String>,
    /// Only jobs with this status: printing, paused, completed, error, cancelled, interrupted, or failed for error and
    /// interrupted. May be repeated
    #[arg(long, value_delimiter = ',', value_parser = input::job::statuses)]
    status: Vec<Vec<JobStatus>>,
    /// Only jobs that started at this date or instant (UTC) or later
    #[arg(long, value_name = "WHEN", value_parser = input::instant)]
    since: Option<Timestamp>,
    /// Only jobs that started before this date or instant (UTC)
    #[arg(long, value_name = "WHEN", value_parser = input::instant)]
    until: Option<Timestamp>,
    /// Only jobs whose file name, title, notes, tags or verdict reason contain this text
    #[arg(long, value_name = "TEXT", visible_alias = "search")]
    q: Option<String>,
    /// Only jobs with this material, such as PLA, ignoring case; "" for unknown. May be repeated
    #[arg(long, value_name = "TYPE", value_parser = input::job::word_or_unknown)]
    filament_type: Vec<Option<String>>,
    /// Only jobs whose file was made by this slicer, such as OrcaSlicer, ignoring case; "" for unknown. May be repeated
    #[arg(long, value_name = "NAME", value_parser = input::job::word_or_unknown)]
    slicer: Vec<Option<String>>,
    /// Only jobs that this user started, ignoring case; "" for unknown. May be repeated
    #[arg(long, value_name = "NAME", value_parser = input::job::word_or_unknown)]
    user: Vec<Option<String>>,
    /// Only jobs with this cause, such as klippy_shutdown, ignoring case; "" for unknown. May be repeated
    #[arg(long, value_parser = input::job::word_or_unknown)]
    cause: Vec<Option<String>>,
    /// Only jobs with at least this print duration, in s
    #[arg(long, value_name = "SECONDS", value_parser = input::job::amount)]
    print_duration_min: Option<u64>,
    /// Only jobs with at most this print duration, in s
    #[arg(long, value_name = "SECONDS", value_parser = input::job::amount)]
    print_duration_max: Option<u64>,
    /// Only jobs that used at least this much filament, in mm
    #[arg(long, value_name = "MM", value_parser = input::job::amount)]
    filament_used_min: Option<u64>,
    /// Only jobs that used at most this much filament, in mm
    #[arg(long, value_name = "MM", value_parser = input::job::amount)]
    filament_used_max: Option<u64>,
    /// Only jobs with this verdict: good, partly_good, scrap. May be repeated
    #[arg(long, value_delimiter = ',', value_parser = input::word::<Verdict>)]
    verdict: Vec<Verdict>,
    /// Only jobs rated for this reason, ignoring case; "" for rated jobs without a reason. May be repeated
    #[arg(long, value_name = "REASON", value_parser = input::job::word_or_unknown)]
    verdict_reason: Vec<Option<String>>,
    /// Only jobs with this tag. May be repeated, for jobs with any of them
    #[arg(long, value_parser = input::job::tag)]
    tag: Vec<String>,
}

impl JobFilterArguments {
    /// The filter, with the ids of the printers that `printer` names.
    pub(in crate::cli) fn of_printers(&self, printer_ids: Vec<PrinterId>) -> JobFilter {
        JobFilter {
            printer_ids,
            statuses: self.status.iter().flatten().copied().collect(),
            since: self.since,
            until: self.until,
            text: self.q.clone(),
            filament_types: self.filament_type.clone(),
            slicers: self.slicer.clone(),
            users: self.user.clone(),
            causes: self.cause.clone(),
            print_duration: AmountBounds {
                min: self.print_duration_min,
                max: self.print_duration_max,
            },
            filament_used: AmountBounds {
                min: self.filament_used_min,
                max: self.filament_used_max,
            },
            verdicts: self.verdict.clone(),
            verdict_reasons: self.verdict_reason.clone(),
            tags: self.tag.clone(),
        }
    }
}

//! Every tolerance of the tracker, of the merge with the history, and of the comparison of figures.
//!
//! "Recorded" means the 57 sessions with real Moonrakers 0.8.0 to 0.11.0 in `crates/moonraker/test_data/transcripts`,
//! which contain 72 reported starts, 65 reported ends and 1,264 updates of running prints. They were recorded on a
//! machine with two cores; a Raspberry Pi answers several times slower, so each tolerance is a multiple of the largest
//! recorded value. Moonraker updates its own view of a print every 0.25 s. "Chosen" means that no recording shows an
//! upper limit, and gives the reason.
//!
//! | tolerance | value | recorded | smaller | larger |
//! | --- | --- | --- | --- | --- |
//! | [`REPORT_GRACE`] | 2 s | up to 0.77 s | one end is written twice | a kill loses more |
//! | [`CHECKPOINT`] | 30 s | chosen | more writes | a kill loses more |
//! | [`SAME_COUNTER`] | 0.5 s | -0.03 to 0.10 s | one print is split | a restart is missed |
//! | [`STALE_START`] | 0.9 s | -0.03 to 0.10 s | a late update starts a job | a reprint is ignored |
//! | [`SEEN_RUNNING`] | 0.5 s | -0.03 to 0.10 s | a reconnect splits a print | two prints become one |
//! | [`LATE_START`] | 10 s | 0.08 to 0.25 s | a late start is a second job | a reprint gets a wrong id |
//! | [`NOTICED_LATE`] | 1.5 s | 0.08 to 0.25 s, or 4.70 s | the next start is taken for a late one | a missed start is a second job |
//! | [`REMEMBERED_RUNS`] | 8 | chosen | a repeated start opens a job | more memory |
//! | [`HISTORY_START`] | 1.5 s | 0.06 to 0.27 s | a reconnect splits a print | two prints become one |
//! | [`UNWATCHED`] | 5 s | chosen | a print is not recognised after a restart of Moonraker | two prints become one |
//! | [`SINCE_ROW_START`] | 5 s | chosen | an end stays unknown | the end of another print is taken |
//! | [`JUST_STARTED`] | 10 s | chosen | a print is stored as interrupted | an abandoned row is imported later |
//! | [`MISSED_START`] | 1 s | 0.00 s, or 4.70 s | an ordinary row loses its start | a missed start is not corrected |
//! | [`COMPUTED_START`] | 2 s | 0.00 to 0.26 s | one print is stored twice | two prints become one |
//! | [`LATE_END`] | 10 s | 0.00 to 0.26 s | one print is stored twice | two prints become one |
//! | [`UNREPORTED_START`] | 1 s | 0.14 to 0.27 s | one print is stored twice | two prints become one |
//! | [`ONE_PRINT`] | 1 s | -0.24 to 0.14 s, or 6.00 s | a replaced print never ends | two prints share a row |
//! | [`FINAL_LAG`] | 1 s | 0.00 to 0.25 s | the figures of an end are refused | a reprint's figures are taken |
//! | [`MIRROR_LAG`] | 3 s | 0.15 to 0.50 s | needless reads | a lost subscription is noticed later |
//! | [`CLOCK_JUMP`] | 60 s | 0.24 s, or 3,600 s | ordinary jobs are marked | a set clock is not marked |

use std::time::Duration;

use jiff::SignedDuration;

/// How long to wait for the second report of a start or an end.
///
/// Absorbs the time between the report of `print_stats` and that of the history, in either order. Recorded: starts 1 to
/// 77 ms (median 14 ms), ends 0 to 72 ms (median 27 ms); 264 ms when the file was deleted (`file-deleted`), 313 ms and
/// 738 ms when the clock was set (`clock-jump`). Smaller: an end is written as `print_stats` showed it, then again as
/// the history reports it. Larger: jobs appear later, and a kill loses a start that nothing else reports.
pub(crate) const REPORT_GRACE: Duration = Duration::from_secs(2);

/// Shortest interval between writes of a running job while only its counters change.
///
/// Chosen: 1,000 printing printers then write 33 rows a second. Smaller: more writes, which wear out the SD card of a
/// Raspberry Pi. Larger: after a kill, a print that ended without a report keeps figures that are older.
pub(crate) const CHECKPOINT: Duration = Duration::from_secs(30);

/// Difference between the starts that two readings of one counter give.
///
/// Absorbs the time that an update takes from Klipper to printlog. Recorded: 34 ms earlier to 95 ms later than the first
/// reading of the print, largest with Moonraker 0.9.3 (`moonraker-kill`). Smaller: an update with a garbled name splits a
/// print. Larger: a print that starts within this time after the previous one is taken for it.
pub(crate) const SAME_COUNTER: Duration = Duration::from_millis(500);

/// How much later than an ended print an update's print may have started and still be that print.
///
/// Absorbs the same delays as [`SAME_COUNTER`]. A print cannot end and start again sooner: Moonraker needs two updates
/// of 0.25 s to notice. Smaller: an update that arrives after the end starts a job for a print that does not exist.
/// Larger: a reprint of a print that was cancelled at once is ignored.
pub(crate) const STALE_START: Duration = Duration::from_millis(900);

/// How much later than the last update of a job its print may have started, by its counter.
///
/// Absorbs the same delays as [`SAME_COUNTER`]. Smaller: a job that was lost right after its start is split at the next
/// connection. Larger: the next print of the file, started within this time after the connection was lost, continues the
/// job.
pub(crate) const SEEN_RUNNING: SignedDuration = SignedDuration::from_millis(500);

/// Length in seconds of a print to which a start in the history still belongs.
///
/// Absorbs a late notification of the start. Recorded: the counter is at 0.083 to 0.250 s (72 starts). Chosen: as long
/// as opening a connection may take. Smaller: a start that arrives late becomes a second job. Larger: a print whose
/// start was not reported gets the id of its reprint.
pub(crate) const LATE_START: f64 = 10.0;

/// Length in seconds of a print from which a start in the history is one that Moonraker missed.
///
/// Separates starts on time, recorded at 0.083 to 0.250 s, from starts that Moonraker 0.10.0 and 0.11.0 miss while they
/// subscribe, recorded at 4.704 s (`start-at-ready`). Smaller: the start of the next print is taken for the late start
/// of the running print. Larger: a missed start that Moonraker notices sooner becomes a second job.
pub(crate) const NOTICED_LATE: f64 = 1.5;

/// Number of ended runs whose repeated notifications are recognised.
///
/// Chosen: more prints than can start and end while a notification is in transit. Smaller: a repeated notification of
/// an older start opens a job. Larger: more memory.
pub(crate) const REMEMBERED_RUNS: usize = 8;

/// Difference between the start in a running history row and the start by the counter, by the clock of the host.
///
/// Moonraker notes a start at its next update. Recorded: 0.064 to 0.270 s late (66 starts, 0.8.0 to 0.11.0). Smaller: a
/// print is split at a reconnection. Larger: a print that replaced the job within this time is taken for it.
pub(crate) const HISTORY_START: SignedDuration = SignedDuration::from_millis(1_500);

/// How long after Moonraker stopped watching a print may have started, by the clock of the host, in seconds.
///
/// Absorbs a host clock that is corrected while Moonraker restarts: chosen as in [`SINCE_ROW_START`]. A killed Moonraker
/// leaves the length at the start, 0.24 s (`moonraker-kill`), so its rows accept starts up to 5.24 s later. Smaller: the
/// print is recorded twice. Larger: the next print of the file continues the interrupted row.
pub(crate) const UNWATCHED: f64 = 5.0;

/// How much earlier than the start of a history row its print may have started, by the counter and the host's clock.
///
/// Chosen: NTP corrects a clock by seconds, and Moonraker notes a start up to 0.27 s late. Smaller: the end of a print
/// during which Moonraker was restarted stays unknown. Larger: the end of an older print of the file is taken for it.
pub(crate) const SINCE_ROW_START: SignedDuration = SignedDuration::from_secs(5);

/// Age of a running history row whose print `print_stats` may not report yet.
///
/// Chosen: as long as [`LATE_START`]. Smaller: the row of a print that is about to start is stored as interrupted. Larger:
/// a row that Moonraker never closes is imported only at a later connection.
pub(crate) const JUST_STARTED: SignedDuration = SignedDuration::from_secs(10);

/// In a row without a file, Moonraker missed the start if start and end are closer than this, or if the length reaches
/// further back than this before the start.
///
/// Recorded for missed starts: 2 and 4 ms from start to end, and 4.70 s of length before the start (`start-at-ready`,
/// 0.10.0 and 0.11.0). Ordinary starts are noted up to 0.27 s late. Smaller: an ordinary row gets a computed start.
/// Larger: a print shorter than this keeps the start that Moonraker noted at its end.
pub(crate) const MISSED_START: SignedDuration = SignedDuration::from_secs(1);

/// Difference between the start computed from a history row (end minus length) and the start of an open job.
///
/// Moonraker's report of an end is 0 to 0.259 s old when it arrives (65 ends), and a start that printlog computes is
/// up to 0.1 s late. The two are read from the clocks of two machines, which differ by more. Smaller: the row becomes a
/// second job. Larger: a print that followed within this time is taken for the job.
pub(crate) const COMPUTED_START: SignedDuration = SignedDuration::from_secs(2);

/// Difference between the ends of a row whose start Moonraker missed and of a job with the same length.
///
/// Chosen: the lengths agree within [`FINAL_LAG`] already, and the ends are read from the clocks of two machines. Smaller:
/// the row becomes a second job. Larger: of two prints of the same length, the row may be merged with the wrong one.
pub(crate) const LATE_END: SignedDuration = SignedDuration::from_secs(10);

/// Difference between the start in a history row and the start of a job that was recorded from `print_stats` alone.
///
/// Recorded: Moonraker's start is 0.141 to 0.270 s later than that by the counter (64 starts). Smaller: the row becomes
/// a second job. Larger: a file that was started twice within this time is one job.
pub(crate) const UNREPORTED_START: SignedDuration = SignedDuration::from_secs(1);

/// Difference between end minus start and the length, in a history row of a single print.
///
/// Recorded: -0.240 to 0.136 s (62 rows). Three prints that Moonraker merged into one row differ by 5.999 s
/// (`restart-print-at-once`). Smaller: the row of an ordinary print never ends a job that was recorded as replaced. Larger:
/// a row of two prints, of which the first was this short, ends the first with the figures of the second.
pub(crate) const ONE_PRINT: SignedDuration = SignedDuration::from_secs(1);

/// How many seconds the final `total_duration` may be below an earlier reading of the same print.
///
/// Moonraker reports the values from before the event that ended a job: up to 0.25 s old (62 ends). Smaller: the figures
/// of a cancelled job are refused, and its end may be taken for another print's. Larger: a print that was replaced so soon
/// after its start gets the figures of the next one.
pub(crate) const FINAL_LAG: f64 = 1.0;

/// How many seconds the mirror of `print_stats` may differ from a direct answer.
///
/// Recorded: updates arrive every 0.155 to 0.502 s (99 % within 0.304 s). Chosen six times as long, for a busy host.
/// Smaller: the health check reads everything again needlessly. Larger: a subscription that Moonraker dropped is
/// noticed one check later.
pub(crate) const MIRROR_LAG: f64 = 3.0;

/// Difference in seconds between end minus start and `total_duration` from which a job is marked with `clock_jumped`.
///
/// Recorded without a change of the clock: 0.24 s; with one: 3,600 and 7,201 s (`clock-jump`). Chosen: NTP steps a running
/// clock by seconds, a Raspberry Pi without a battery starts hours or days off. Smaller: slow hosts mark ordinary jobs.
/// Larger: jobs with wrong dates are not marked.
pub(crate) const CLOCK_JUMP: f64 = 60.0;

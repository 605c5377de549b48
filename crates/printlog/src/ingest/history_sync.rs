//! Reads the history of a printer: its newest end after each connect, and all of it once.
//!
//! Both are reconcilers: they take no hint, and reading a row twice changes nothing.

use std::time::Duration;

use domain::{Backfill, HistoryEnd, HistoryJob, Job, PrinterId};
use jiff::Timestamp;
use moonraker::{Client, HistoryQuery, Order, RequestError};
use store::Store;
use tracing::{info, warn};

use super::{BackfillProgress, BackfillState, clock::Clock, convert, fleet::BackfillSetting};

/// Rows in a page of the newest end.
const RECENT: u64 = 50;
/// Rows in a page of the import. Moonraker builds a page in one go, and its web page waits meanwhile.
const PAGE: u64 = 250;
/// Pause between two pages of the import: at least this, and as long as the page took.
const PAUSE: Duration = Duration::from_millis(100);

/// Why the history could not be read or stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum HistoryError {
    #[error("cannot read the printer's history")]
    Request(#[from] RequestError),
    #[error("cannot store the printer's history")]
    Store(#[from] store::Error),
}

/// Reads the history of one printer.
#[derive(Clone)]
pub(super) struct HistoryReader {
    pub(super) printer_id: PrinterId,
    pub(super) store: Store,
    pub(super) clock: Clock,
}

/// The newest end of the history.
pub(super) struct Recent {
    /// The newest row. `None` if there is none, or none could be read.
    pub(super) newest: Option<HistoryJob>,
    /// Why older rows could not be read. `None` if all that are new have been.
    pub(super) cut_short: Option<RequestError>,
}

/// A page of the history.
struct Page {
    /// The rows that can be read.
    rows: Vec<HistoryJob>,
    /// Rows that the page is about, also those that cannot be read.
    covered: u64,
    /// Whether there are no more.
    is_last: bool,
}

impl HistoryReader {
    /// Merges the newest rows into the store, until there is nothing new in them. The newest is left out if it has not
    /// been seen to end: what becomes of it depends on the print in the machine.
    pub(super) async fn read_recent(
        &self,
        client: &Client,
        open: &[Job],
        backfill: &Backfill,
    ) -> Result<Recent, HistoryError> {
        let mut newest = None;
        let mut start = 0;
        let mut wanted: Vec<&Job> = open.iter().filter(|job| job.job_id.is_some()).collect();
        loop {
            let page = self.page(client, start, RECENT, Order::Descending).await;
            let Page { rows, is_last, .. } = match page {
                Ok(page) => page,
                Err(cause) => {
                    let cut_short = Some(cause);
                    return Ok(Recent { newest, cut_short });
                }
            };
            if start == 0 {
                newest = rows.first().cloned();
            }
            wanted.retain(|job| !rows.iter().any(|row| row.is_run_of(job)));
            let leave = newest
                .as_ref()
                .filter(|row| !matches!(row.end(), HistoryEnd::Seen(_)));
            let imported = self.import(&rows, leave, open, backfill).await?;
            // Before the first import is through, it is what reads the rest.
            if is_last || backfill.completed_at.is_none() || (imported == 0 && wanted.is_empty()) {
                return Ok(Recent {
                    newest,
                    cut_short: None,
                });
            }
            start += RECENT;
        }
    }

    /// Merges the next page of the whole history, oldest first, and returns how far it is now.
    ///
    /// `current` is the job in the machine: it is the tracker's.
    pub(super) async fn read_next_page(
        &self,
        client: &Client,
        current: Option<&Job>,
        mut backfill: Backfill,
        previous: Option<String>,
    ) -> Result<(Backfill, Option<String>), HistoryError> {
        // Each page begins with the last row of the one before: if that is another row now, some were deleted
        // meanwhile and all moved up.
        let overlap = u64::from(previous.is_some());
        let start = backfill.position.saturating_sub(overlap);
        let page = self.page(client, start, PAGE, Order::Ascending).await?;
        let rows = &page.rows;
        if previous.is_some() && rows.first().map(|row| &row.job_id) != previous.as_ref() {
            backfill.position = start.saturating_sub(PAGE);
            self.store.save_backfill(self.printer_id, &backfill).await?;
            return Ok((backfill, None));
        }
        let leave = rows
            .iter()
            .find(|row| current.is_some_and(|job| row.is_run_of(job)))
            .or_else(|| rows.last().filter(|row| row.end() == HistoryEnd::Running));
        self.import(rows, leave, current.map_or(&[], std::slice::from_ref), &backfill)
            .await?;
        // A row that cannot be read cannot be found again.
        let last = rows
            .last()
            .filter(|_| rows.len() as u64 == page.covered)
            .map(|row| row.job_id.clone());
        backfill.position = start + page.covered;
        if page.is_last {
            backfill.completed_at = Some(self.clock.now());
        }
        self.store.save_backfill(self.printer_id, &backfill).await?;
        Ok((backfill, last))
    }

    /// Returns how many rows were new or changed something.
    async fn import(
        &self,
        rows: &[HistoryJob],
        leave: Option<&HistoryJob>,
        open: &[Job],
        backfill: &Backfill,
    ) -> Result<u64, HistoryError> {
        let wanted: Vec<HistoryJob> = rows
            .iter()
            .filter(|row| match (backfill.since, row.start_time) {
                (Some(since), Some(start)) => start >= since || open.iter().any(|job| row.is_run_of(job)),
                _ => true,
            })
            .cloned()
            .collect();
        if wanted.is_empty() {
            return Ok(0);
        }
        let imported = self
            .store
            .import_history(self.printer_id, &wanted, leave, self.clock.now())
            .await?;
        Ok(imported.added + imported.changed)
    }

    async fn page(
        &self,
        client: &Client,
        start: u64,
        limit: u64,
        order: Order,
    ) -> Result<Page, RequestError> {
        let query = HistoryQuery {
            start,
            limit,
            order,
            ..HistoryQuery::default()
        };
        let page = client.history_page_stepping_over_bad_rows(query).await?;
        for problem in &page.problems {
            warn!("a row of the printer's history cannot be read: {problem}");
        }
        Ok(Page {
            covered: page.rows,
            is_last: page.is_last(limit),
            rows: page.jobs.into_iter().map(convert::history_job).collect(),
        })
    }
}

/// What the first contact with a printer fixes about its import. `host_now` is the printer's own clock.
pub(super) fn plan(setting: BackfillSetting, now: Timestamp, host_now: Timestamp) -> Backfill {
    Backfill {
        since: match setting {
            BackfillSetting::All => None,
            BackfillSetting::Nothing => Some(host_now),
            BackfillSetting::Since(since) => Some(since),
        },
        position: 0,
        completed_at: (setting == BackfillSetting::Nothing).then_some(now),
        first_contact: Some(now),
    }
}

/// The import of a whole history, page after page, beside the live connection.
pub(super) struct BackfillRun {
    reader: HistoryReader,
    client: Client,
    backfill: Backfill,
    previous: Option<String>,
    in_flight: Option<PageRead>,
}

type PageRead =
    std::pin::Pin<Box<dyn Future<Output = Result<(Backfill, Option<String>), HistoryError>> + Send>>;

impl BackfillRun {
    /// `None` if there is nothing left to import.
    pub(super) fn new(reader: HistoryReader, client: Client, backfill: Backfill) -> Option<Self> {
        backfill.completed_at.is_none().then(|| Self {
            reader,
            client,
            backfill,
            previous: None,
            in_flight: None,
        })
    }

    /// Reads the next page. May be dropped at any time and called again: the page goes on where it was.
    pub(super) async fn next(&mut self, current: Option<&Job>) -> Result<Backfill, HistoryError> {
        let read = self.in_flight.get_or_insert_with(|| {
            let (reader, client) = (self.reader.clone(), self.client.clone());
            let (backfill, previous, current) = (self.backfill, self.previous.clone(), current.cloned());
            Box::pin(async move {
                let began = tokio::time::Instant::now();
                let result = reader
                    .read_next_page(&client, current.as_ref(), backfill, previous)
                    .await;
                tokio::time::sleep(began.elapsed().max(PAUSE)).await;
                result
            })
        });
        let result = read.await;
        self.in_flight = None;
        let (backfill, previous) = result?;
        let printer_id = self.reader.printer_id.0;
        if backfill.completed_at.is_some() {
            info!(
                printer.id = printer_id,
                jobs = backfill.position,
                "the printer's history is imported"
            );
        } else if backfill.position / 10_000 != self.backfill.position / 10_000 {
            info!(
                printer.id = printer_id,
                jobs = backfill.position,
                "importing the printer's history"
            );
        }
        (self.backfill, self.previous) = (backfill, previous);
        Ok(backfill)
    }
}

/// What to show of the import.
pub(super) fn progress(backfill: &Backfill, running: bool, error: Option<String>) -> BackfillProgress {
    let state = match backfill.completed_at {
        Some(_) if backfill.position == 0 && backfill.since == backfill.first_contact => BackfillState::Off,
        Some(_) => BackfillState::Done,
        None if running => BackfillState::Running,
        None => BackfillState::Pending,
    };
    BackfillProgress {
        state,
        position: backfill.position,
        error,
    }
}

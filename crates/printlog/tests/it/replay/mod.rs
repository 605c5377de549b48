//! Every recorded session of a real Moonraker results in the right rows: without a break, with printlog killed and
//! restarted at any single frame, and with a restart at every frame.

mod engines;
mod sessions;
mod transcript;

use std::{path::PathBuf, time::Duration};

use domain::{
    Cause, HistoryEnd, Job, JobFilter, JobStatus, KlippyState, Moment, NewPrinter, PrinterId,
    tracker::{Action, Event, Newest, Sync, Tracker},
};
use jiff::SignedDuration;
use printlog::ingest::moonraker::convert;
use store::{FoundRun, Location, Store};

use transcript::{Frame, Heard, Transcript, World};

/// A true print of a session: file, outcome, and total seconds.
type Printed = (&'static str, JobStatus, f64);

/// Tolerance in seconds: counters are read four times a second, and a start is noticed up to 0.3 s late.
const TICK: f64 = 0.6;

/// When printlog is killed and restarted.
#[derive(Debug, Clone, Copy)]
enum Killed {
    Never,
    After(usize),
    AfterEachFrame,
}

/// A logger that replays a session with the real tracker and the real store, but without a socket.
struct Logger<'a> {
    store: &'a Store,
    printer_id: PrinterId,
    tracker: Tracker,
    transcript: &'a Transcript,
    world: World,
    now: Moment,
}

impl<'a> Logger<'a> {
    async fn start(store: &'a Store, transcript: &'a Transcript, name: &str) -> Self {
        let printer = NewPrinter {
            name: name.to_owned(),
            kind: domain::PrinterKind::default(),
            location: None,
            moonraker_url: "http://localhost:7125".to_owned(),
            moonraker_api_key: None,
            is_active: true,
        };
        let printer_id = store
            .add_printer(&printer, transcript.began)
            .await
            .expect("a printer")
            .id;
        Self {
            store,
            printer_id,
            tracker: Tracker::new(printer_id),
            transcript,
            world: World::default(),
            now: Moment {
                wall: transcript.began,
                monotonic: Duration::ZERO,
            },
        }
    }

    async fn hear_all(&mut self, killed: Killed) {
        for (index, frame) in self.transcript.frames.iter().enumerate() {
            self.hear(frame).await;
            let kill = match killed {
                Killed::Never => false,
                Killed::After(at) => at == index,
                Killed::AfterEachFrame => true,
            };
            if kill {
                self.tracker = Tracker::new(self.printer_id);
                self.sync().await;
            }
        }
        // Lets all timeouts expire.
        self.pass(10.0);
        self.step(Event::Tick).await;
    }

    async fn hear(&mut self, frame: &Frame) {
        let t = Duration::from_secs_f64(frame.t);
        self.pass(t.saturating_sub(self.now.monotonic).as_secs_f64());
        self.world.hear(&frame.heard);
        match &frame.heard {
            Heard::Connected | Heard::Klippy(_) | Heard::History(_) => {}
            Heard::Snapshot(_) => {
                self.look_ahead_for_history(frame.t);
                self.sync().await;
            }
            Heard::KlippyReady => {}
            Heard::Delta(delta) if delta.contains_key("print_stats") || delta.contains_key("webhooks") => {
                if let Some(stats) = convert::print_stats(&self.world.mirror) {
                    let (klippy, klippy_message) =
                        convert::klippy(&self.world.mirror).unwrap_or((KlippyState::Ready, None));
                    self.step(Event::Status {
                        stats,
                        klippy,
                        klippy_message,
                    })
                    .await;
                }
            }
            Heard::Delta(_) => {}
            Heard::Added(row) => self.step(Event::Added(row.clone())).await,
            Heard::Finished(row) => self.step(Event::Finished(row.clone())).await,
            Heard::KlippyShutdown => self.step(Event::KlippyShutdown).await,
            Heard::KlippyDisconnected => self.step(Event::KlippyDisconnected).await,
            Heard::Lost => self.step(Event::LinkLost).await,
        }
    }

    /// The recording client requested the history after the status, but printlog requests it before. The result is
    /// the same if no event came in between.
    fn look_ahead_for_history(&mut self, t: f64) {
        let next = self
            .transcript
            .frames
            .iter()
            .filter(|frame| frame.t >= t)
            .find_map(|frame| match &frame.heard {
                Heard::History(rows) => Some(Some(rows)),
                Heard::Added(_) | Heard::Finished(_) | Heard::Lost => Some(None),
                _ => None,
            });
        if let Some(Some(rows)) = next {
            self.world.history.clone_from(rows);
        }
    }

    fn pass(&mut self, seconds: f64) {
        self.now.wall += SignedDuration::from_secs_f64(seconds);
        self.now.monotonic += Duration::from_secs_f64(seconds);
    }

    async fn sync(&mut self) {
        if !self.world.connected {
            return;
        }
        let newest = self.world.history.last().cloned();
        let leave = newest
            .as_ref()
            .filter(|row| !matches!(row.end, HistoryEnd::Seen(_)));
        self.store
            .import_history(self.printer_id, &self.world.history, leave, self.now.wall)
            .await
            .expect("the history is imported");
        let newest = match newest {
            None => None,
            Some(row) => {
                let found = self
                    .store
                    .find_run(self.printer_id, &row)
                    .await
                    .expect("a look-up");
                let stored = match found {
                    FoundRun::Stored(_, job) => Some(job),
                    FoundRun::Deleted | FoundRun::Unknown => None,
                };
                Some(Newest {
                    row,
                    stored,
                    deleted: false,
                })
            }
        };
        let open = self.store.open_jobs(self.printer_id).await.expect("open jobs");
        let klippy = self.world.klippy.unwrap_or(KlippyState::Disconnected);
        self.step(Event::Synced(Box::new(Sync {
            klippy,
            klippy_message: convert::klippy(&self.world.mirror).and_then(|(_, message)| message),
            stats: convert::print_stats(&self.world.mirror),
            open: open.into_iter().map(|(_, job)| job).collect(),
            newest,
            host_clock: None,
        })))
        .await;
    }

    async fn step(&mut self, event: Event) {
        for action in self.tracker.step(self.now, event) {
            match action {
                Action::Save(job) => {
                    self.store.save_job(&job, self.now.wall).await.expect("a save");
                }
                Action::Checkpoint(job) => {
                    self.store
                        .save_progress(&job, self.now.wall)
                        .await
                        .expect("a checkpoint");
                }
                Action::Import(row) => {
                    self.store
                        .import_history(self.printer_id, &[*row], None, self.now.wall)
                        .await
                        .expect("an import");
                }
            }
        }
        let open = self
            .store
            .open_jobs(self.printer_id)
            .await
            .expect("open jobs")
            .len();
        assert!(open <= 1, "at most one open job a printer");
    }

    async fn rows(&self) -> Vec<Job> {
        let filter = JobFilter {
            printer_ids: vec![self.printer_id],
            ..JobFilter::default()
        };
        let page = self.store.list_jobs(&filter, 100, None).await.expect("a list");
        let mut jobs = Vec::new();
        for item in page.items {
            jobs.push(
                self.store
                    .job(item.stored.id)
                    .await
                    .expect("a look-up")
                    .expect("a job")
                    .job,
            );
        }
        jobs.sort_by_key(|job| job.start_time);
        jobs
    }
}

fn transcripts() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../moonraker/test_data/transcripts")
}

async fn rows_are_what_was_printed(file: &str, printed: &[Printed]) {
    let transcript = Transcript::read(&transcripts().join(file));
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&Location::Sqlite {
        path: folder.path().join("replay.db"),
    })
    .await
    .expect("a database");
    let mut ways = vec![Killed::Never, Killed::AfterEachFrame];
    ways.extend((0..transcript.frames.len()).map(Killed::After));
    for killed in ways {
        let mut logger = Logger::start(&store, &transcript, &format!("{killed:?}")).await;
        logger.hear_all(killed).await;
        let rows = logger.rows().await;
        let same = rows.len() == printed.len()
            && rows.iter().zip(printed).all(|(job, (file, status, length))| {
                let total = job.figures.total_duration.unwrap_or(-1.0);
                // The full duration of a replaced print is not reported; its last known figures are kept.
                let seen_in_part = job.cause == Some(Cause::Replaced) && total <= *length;
                job.filename.as_deref() == Some(file)
                    && job.status == *status
                    && ((total - length).abs() <= TICK || seen_in_part)
            });
        let seen: Vec<_> = rows
            .iter()
            .map(|job| (&job.filename, job.status, job.figures.total_duration))
            .collect();
        assert!(
            same,
            "{file}, killed {killed:?}: recorded {seen:?}, printed {printed:?}\n{rows:#?}"
        );
        for job in &rows {
            let (Some(start), Some(end), Some(total)) =
                (job.start_time, job.end_time, job.figures.total_duration)
            else {
                continue;
            };
            let length = end.duration_since(start).as_secs_f64();
            assert!(
                job.clock_jumped || (length - total).abs() < 2.0,
                "{file}, killed {killed:?}: {length} s from start to end, but {total} s by the counter\n{job:#?}"
            );
        }
    }
}

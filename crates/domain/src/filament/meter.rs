//! The state machine that turns positions of extruders into uses of filament.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::usage::{FilamentSource, FilamentUse, Supply, UseFlags, UseKind};

/// Longest plausible extrusion between two readings of a connected printer, in mm.
///
/// Klipper queues moves up to a few seconds ahead of the nozzle; readings are 0.25 s apart. Recorded: up to 30 mm at
/// once. Chosen: the longest loads through a Bowden tube are shorter, and a wrong position is usually off by more.
const LARGEST_JUMP: f64 = 1000.0;

/// The state of `toolhead` and of the print at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct FilamentReading {
    /// `toolhead.extruder`.
    pub extruder: String,
    /// `toolhead.position[3]` in mm: the end of the last queued move of this extruder, with M221 and without G92.
    pub position: f64,
    /// `toolhead.print_time` in s, which restarts from 0 with each start of Klippy. `None` if unknown.
    pub print_time: Option<f64>,
    /// Start of the running job. `None` without one.
    pub job: Option<Timestamp>,
    /// Whether the job is paused.
    pub is_paused: bool,
    /// `print_stats.filament_used` in mm. `None` if unknown.
    pub reported: Option<f64>,
    /// The loaded filament. Changes when new filament is loaded, not when its tool is selected.
    pub supply: Supply,
    /// What feeds the second carriage if it copies or mirrors the first (IDEX).
    pub copy: Option<Supply>,
}

/// An input of the meter.
#[derive(Debug, Clone, PartialEq)]
pub enum FilamentEvent {
    /// Klippy became ready while printlog was connected: all positions are 0.
    Ready,
    /// printlog connected, or was restarted. `same_session` if Klippy has been running without a restart since the last
    /// reading: the counter of the print continues.
    Connected {
        /// Whether Klippy was not restarted.
        same_session: bool,
    },
    /// Klippy shut down or disconnected: nothing moves, and the next start is a new session.
    KlippyLost,
    /// An update of `toolhead` or of the print.
    Reading(Box<FilamentReading>),
}

/// The state that survives a restart of printlog. Stored with a job's checkpoint.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MeterState {
    /// Highest position and last supply of each extruder.
    pub marks: BTreeMap<String, (f64, Supply)>,
    /// The open uses: one, or two if a second carriage copies the first.
    pub open: Vec<FilamentUse>,
    /// The last known `toolhead.print_time`.
    pub print_time: Option<f64>,
    /// Whether printlog observed the start of this session, when all positions were 0. This also applies to extruders
    /// that are first used after a restart of printlog.
    pub is_watched: bool,
}

/// Measures the filament of one printer.
#[derive(Debug, Clone, Default)]
pub struct FilamentMeter {
    state: MeterState,
    /// The next reading is the first after a lost connection.
    is_gap: bool,
}

impl FilamentMeter {
    /// Continues with a stored state. The next event must be [`FilamentEvent::Connected`].
    #[must_use]
    pub fn restore(state: MeterState) -> Self {
        Self { state, is_gap: true }
    }

    /// The state to store.
    #[must_use]
    pub fn state(&self) -> &MeterState {
        &self.state
    }

    /// Processes an event and returns the uses that have ended. Uses of length 0 are omitted.
    pub fn step(&mut self, now: Timestamp, event: FilamentEvent) -> Vec<FilamentUse> {
        let mut ended = Vec::new();
        match event {
            FilamentEvent::Ready => self.begin_session(true, now, &mut ended),
            FilamentEvent::Connected { same_session: true } => self.is_gap = true,
            FilamentEvent::Connected { same_session: false } => self.begin_session(false, now, &mut ended),
            FilamentEvent::KlippyLost => self.begin_session(false, now, &mut ended),
            FilamentEvent::Reading(reading) => self.read(now, *reading, &mut ended),
        }
        ended
    }

    fn begin_session(&mut self, is_watched: bool, now: Timestamp, ended: &mut Vec<FilamentUse>) {
        self.close(now, ended);
        self.state.marks.clear();
        self.state.print_time = None;
        self.state.is_watched = is_watched;
        self.is_gap = false;
    }

    fn read(&mut self, now: Timestamp, reading: FilamentReading, ended: &mut Vec<FilamentUse>) {
        if !reading.position.is_finite() {
            return;
        }
        if self.is_of_new_session(&reading) {
            self.begin_session(false, now, ended);
        }
        let is_gap = std::mem::take(&mut self.is_gap);
        let is_first = self.state.marks.is_empty();
        let mut flags = UseFlags {
            spool_conflict: reading.supply.is_conflict,
            ..UseFlags::default()
        };
        let (mark, fed_by) = match self.state.marks.get(&reading.extruder) {
            Some((mark, supply)) => (*mark, supply.clone()),
            // All extruders start at 0. If that was not observed, only what follows is known.
            None if self.state.is_watched => (0.0, reading.supply.clone()),
            None => {
                flags.assumed = true;
                (reading.position, reading.supply.clone())
            }
        };
        let is_reloaded = fed_by != reading.supply;
        let mut supply = reading.supply.clone();
        let mut from = mark;
        if is_reloaded {
            if is_gap {
                // Both the old and the new filament may have been used during the gap.
                supply = Supply::default();
            } else {
                // The mark only moves down: filament that was pulled out and pushed in again does not count twice, and
                // new filament is not hidden below the mark of the old one.
                from = mark.min(reading.position);
            }
        }
        let mut length = (reading.position - from).max(0.0);
        if length > LARGEST_JUMP && !is_gap {
            flags.implausible_jump = true;
            length = 0.0;
        }
        flags.bridged = is_gap && length > 0.0;
        if is_first && flags.assumed {
            self.add_reported(now, &reading, ended);
        }
        self.count(now, &reading, &supply, length, flags, ended);
        let mark = from.max(reading.position);
        self.state.marks.insert(reading.extruder, (mark, reading.supply));
        self.state.print_time = reading.print_time.or(self.state.print_time);
    }

    /// Whether Klippy was restarted without a notification: positions and time restarted from 0. A long unload also
    /// lowers the position, but not the time.
    fn is_of_new_session(&self, reading: &FilamentReading) -> bool {
        let fell = |mark: f64| reading.position < mark - LARGEST_JUMP;
        let mark = self.state.marks.get(&reading.extruder).map(|(mark, _)| *mark);
        let is_earlier = reading.print_time.zip(self.state.print_time);
        mark.is_some_and(fell) && is_earlier.is_some_and(|(now, before)| now < before)
    }

    /// The part of a print before the first reading, as `print_stats` reports it.
    fn add_reported(&mut self, now: Timestamp, reading: &FilamentReading, ended: &mut Vec<FilamentUse>) {
        let reported = reading
            .reported
            .filter(|length| length.is_finite() && *length > 0.0);
        let (Some(length), Some(job)) = (reported, reading.job) else {
            return;
        };
        ended.push(FilamentUse {
            job: Some(job),
            extruder: reading.extruder.clone(),
            supply: reading.supply.clone(),
            kind: UseKind::Print,
            source: FilamentSource::PrintStats,
            length,
            flags: UseFlags {
                assumed: true,
                spool_conflict: reading.supply.is_conflict,
                ..UseFlags::default()
            },
            started_at: job,
            ended_at: Some(now),
        });
    }

    /// Adds a length to the open uses, after ending those for another supply, purpose or job.
    fn count(
        &mut self,
        now: Timestamp,
        reading: &FilamentReading,
        supply: &Supply,
        length: f64,
        flags: UseFlags,
        ended: &mut Vec<FilamentUse>,
    ) {
        let kind = match reading.job {
            None => UseKind::Outside,
            Some(_) if reading.is_paused => UseKind::Pause,
            Some(_) => UseKind::Print,
        };
        let wanted: Vec<(&Supply, bool)> = std::iter::once((supply, false))
            .chain(reading.copy.as_ref().map(|copy| (copy, true)))
            .collect();
        let open = &self.state.open;
        let continues = open.len() == wanted.len()
            && open.iter().zip(&wanted).all(|(usage, (supply, _))| {
                usage.job == reading.job
                    && usage.kind == kind
                    && usage.extruder == reading.extruder
                    && usage.supply == **supply
            });
        if !continues {
            let new = wanted.into_iter().map(|(supply, copied)| FilamentUse {
                job: reading.job,
                extruder: reading.extruder.clone(),
                supply: supply.clone(),
                kind,
                source: FilamentSource::Measured,
                length: 0.0,
                flags: UseFlags {
                    copied,
                    ..UseFlags::default()
                },
                started_at: now,
                ended_at: None,
            });
            let new = new.collect();
            self.close(now, ended);
            self.state.open = new;
        }
        for usage in &mut self.state.open {
            usage.length += length;
            usage.flags.bridged |= flags.bridged;
            usage.flags.assumed |= flags.assumed;
            usage.flags.implausible_jump |= flags.implausible_jump;
            usage.flags.spool_conflict |= usage.supply.is_conflict;
        }
    }

    fn close(&mut self, now: Timestamp, ended: &mut Vec<FilamentUse>) {
        for mut usage in self.state.open.drain(..) {
            if usage.length > 0.0 || usage.flags.implausible_jump {
                usage.ended_at = Some(now);
                ended.push(usage);
            }
        }
    }
}

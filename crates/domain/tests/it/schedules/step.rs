//! What happens in a schedule.

use proptest::prelude::*;

/// One step of a schedule.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Wait(f64),
    Start(&'static str),
    Pause,
    Resume,
    Cancel,
    Complete,
    Fail,
    ResetFile,
    EmergencyStop,
    RestartKlippy,
    KillMoonraker,
    StopMoonraker,
    StartMoonraker,
    CutLink,
    RestoreLink,
    KillLogger,
    PowerCycle,
    WipeHistory,
}

impl Step {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let file = prop_oneof![Just("a.gcode"), Just("b.gcode")];
        prop_oneof![
            8 => (1.0..400.0_f64).prop_map(Self::Wait),
            6 => file.prop_map(Self::Start),
            1 => Just(Self::Pause),
            1 => Just(Self::Resume),
            2 => Just(Self::Cancel),
            4 => Just(Self::Complete),
            1 => Just(Self::Fail),
            1 => Just(Self::ResetFile),
            1 => Just(Self::EmergencyStop),
            1 => Just(Self::RestartKlippy),
            1 => Just(Self::KillMoonraker),
            1 => Just(Self::StopMoonraker),
            2 => Just(Self::StartMoonraker),
            1 => Just(Self::CutLink),
            2 => Just(Self::RestoreLink),
            2 => Just(Self::KillLogger),
            1 => Just(Self::PowerCycle),
            1 => Just(Self::WipeHistory),
        ]
    }
}

/// How the notification of a start or an end arrives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Disorder {
    /// Delay in seconds.
    pub(super) late: f64,
    /// Repeated this many seconds later.
    pub(super) repeated: Option<f64>,
}

impl Disorder {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let late = prop_oneof![4 => Just(0.0), 1 => 0.0..1.9_f64];
        let repeated = prop_oneof![4 => Just(None), 1 => (0.0..1.9_f64).prop_map(Some)];
        (late, repeated).prop_map(|(late, repeated)| Self { late, repeated })
    }
}

//! A user's notes on a job.

use strum::VariantArray;
use strum_macros::{EnumString, IntoStaticStr, VariantArray};

use crate::{UnknownName, all};

/// A user's notes on a job. Empty by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobNotes {
    /// Shown instead of the file name.
    pub title: Option<String>,
    /// Free text.
    pub notes: Option<String>,
    /// Tags to find the job by, in alphabetical order.
    pub tags: Vec<String>,
    /// Rating of the printed object.
    pub verdict: Option<Verdict>,
    /// Why the verdict was given. `None` without a verdict.
    pub verdict_reason: Option<String>,
}

/// A user's rating of the printed object. A `completed` job can still be scrap.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray, IntoStaticStr, EnumString,
)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Verdict {
    /// The object is as intended.
    Good,
    /// The object is usable despite defects, or only some of several objects are usable.
    PartlyGood,
    /// Not usable.
    Scrap,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; Self::VARIANTS.len()] = all();

    /// The word used in the database and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A reason for verdicts that a new database has. Users may remove it. Jobs store its text, as that of any reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum BuiltInReason {
    /// The object came off the bed.
    OffTheBed,
    /// Edges of the object lifted.
    Warped,
    /// Layers are displaced.
    LayerShift,
    /// Threads of filament between parts of the object.
    Stringing,
    /// Too little filament was extruded.
    UnderExtrusion,
    /// The surface has defects.
    PoorSurface,
    /// The object has the wrong size or does not fit.
    WrongSize,
    /// The object has the wrong material.
    WrongMaterial,
}

impl BuiltInReason {
    /// All of them, in the order of the list.
    pub const ALL: [Self; Self::VARIANTS.len()] = all();

    /// The reason with this text, ignoring case. `None` for a user's own reason.
    #[must_use]
    pub fn with_text(text: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|reason| reason.text().eq_ignore_ascii_case(text))
    }

    /// A stable name, which does not depend on a language.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The text in the database.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::OffTheBed => "Came off the bed",
            Self::Warped => "Warped",
            Self::LayerShift => "Layer shift",
            Self::Stringing => "Stringing",
            Self::UnderExtrusion => "Under-extrusion",
            Self::PoorSurface => "Poor surface",
            Self::WrongSize => "Wrong size or fit",
            Self::WrongMaterial => "Wrong material",
        }
    }
}

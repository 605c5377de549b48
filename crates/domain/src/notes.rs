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

//! A user's notes on a job.

use std::{fmt, str::FromStr};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The object is as wanted.
    Good,
    /// Usable with faults, or only some of several objects are usable.
    PartlyGood,
    /// Not usable.
    Scrap,
}

/// A string that is not a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVerdict(pub String);

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 3] = [Self::Good, Self::PartlyGood, Self::Scrap];

    /// The word used in the database and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::PartlyGood => "partly_good",
            Self::Scrap => "scrap",
        }
    }
}

impl FromStr for Verdict {
    type Err = UnknownVerdict;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == word)
            .ok_or_else(|| UnknownVerdict(word.to_owned()))
    }
}

impl fmt::Display for UnknownVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = Verdict::ALL.into_iter().map(Verdict::as_str).collect();
        write!(f, "`{}` is no verdict; allowed are {}", self.0, words.join(", "))
    }
}

//! What a user says of a job.

use std::{fmt, str::FromStr};

/// What a user says of a job. Empty unless somebody said something.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobNotes {
    /// What it is called, in the place of the file name.
    pub title: Option<String>,
    /// Anything else.
    pub notes: Option<String>,
    /// Words to find it by, in alphabetical order.
    pub tags: Vec<String>,
    /// Whether the thing that was printed is any good.
    pub verdict: Option<Verdict>,
    /// Why the verdict is what it is. `None` without one.
    pub verdict_reason: Option<String>,
}

/// Whether a thing that was printed is any good. A job that is `completed` may well be scrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// As wanted.
    Good,
    /// Of use, with faults; or some of several.
    PartlyGood,
    /// Of no use.
    Scrap,
}

/// A word that is none of the verdicts.
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

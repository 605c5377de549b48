//! All figures about groups of jobs: each is computed here and nowhere else, from [`Facts`]. `docs/metrics.md` says
//! what they mean.

mod estimates;
mod failures;
mod files;
mod groups;
mod heatmap;
mod partials;
mod timeline;
mod verdicts;

use std::collections::{BTreeSet, HashMap};

pub use estimates::Estimates;
pub use failures::Failures;
pub(crate) use files::FileCounts;
pub use files::FileFigures;
pub(crate) use groups::GroupSums;
pub use groups::Groups;
pub use heatmap::{Heatmap, HourCell};
pub(crate) use partials::Partials;
pub use timeline::{Cell, Series, Stack, StackKey};
pub use verdicts::{Judgement, Verdicts};

use crate::{Facts, Kind, Result, Store, facts};

impl Store {
    /// The texts (file names, causes) that facts have the numbers of.
    pub async fn job_texts(&self, numbers: impl IntoIterator<Item = u32>) -> Result<HashMap<u32, String>> {
        let numbers: Vec<u32> = numbers.into_iter().collect();
        let numbers = &numbers;
        self.read("read the names of files and causes", |db| async move {
            facts::texts(&db, numbers).await
        })
        .await
    }
}

/// What kinds have in common: names, and which of them each kind has.
struct ByKind {
    /// In their order, the unknown one first.
    names: Vec<Option<String>>,
    /// By [`slot`] of the kind.
    places: Vec<usize>,
}

impl ByKind {
    /// Place of the name. Of a kind that nobody knows yet the unknown one.
    #[inline]
    fn place(&self, kind: Option<u32>) -> usize {
        self.places.get(slot(kind)).copied().unwrap_or(0)
    }
}

impl Facts {
    /// Groups kinds by a part of them.
    fn by_kind(&self, part: impl Fn(&Kind) -> Option<&String>) -> ByKind {
        let kinds = self.kinds();
        let names: BTreeSet<Option<&String>> = kinds.values().map(&part).chain([None]).collect();
        let names: Vec<Option<&String>> = names.into_iter().collect();
        let mut places = vec![0; kinds.keys().max().map_or(1, |most| *most as usize + 2)];
        for (number, kind) in kinds {
            places[slot(Some(*number))] = names.binary_search(&part(kind)).unwrap_or(0);
        }
        ByKind {
            names: names.into_iter().map(|name| name.cloned()).collect(),
            places,
        }
    }
}

/// Where figures of a kind stand in a list; what is unknown comes first.
#[inline]
fn slot(kind: Option<u32>) -> usize {
    kind.map_or(0, |kind| kind as usize + 1)
}

/// The kind whose figures stand there.
fn kind_of(slot: usize) -> Option<u32> {
    slot.checked_sub(1).and_then(|kind| u32::try_from(kind).ok())
}

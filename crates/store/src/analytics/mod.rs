//! All figures about groups of jobs: each is computed here and nowhere else, from [`Facts`]. `docs/metrics.md` says
//! what they mean.

mod estimates;
mod failures;
mod files;
mod groups;
mod heatmap;
mod timeline;

use std::collections::HashMap;

pub use estimates::Estimates;
pub use failures::Failures;
pub use files::FileFigures;
pub use groups::Groups;
pub use heatmap::{Heatmap, HourCell};
pub use timeline::{Cell, Series, Stack, StackKey};

use crate::{Facts, Result, Store, facts};

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

impl Facts {
    /// Most numbers that kinds have, and one for what is unknown: see [`slot`].
    fn kind_slots(&self) -> usize {
        self.kinds().keys().max().map_or(1, |most| *most as usize + 2)
    }
}

/// Where figures of a kind stand in a list of [`Facts::kind_slots`].
#[inline]
fn slot(kind: Option<u32>) -> usize {
    kind.map_or(0, |kind| kind as usize + 1)
}

/// The kind whose figures stand there.
fn kind_of(slot: usize) -> Option<u32> {
    slot.checked_sub(1).and_then(|kind| u32::try_from(kind).ok())
}

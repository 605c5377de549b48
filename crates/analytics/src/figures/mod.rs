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

use std::collections::BTreeSet;

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

use crate::{Facts, MaterialProfile};

/// What profiles have in common: names, and which of them each profile has.
struct ByProfile {
    /// In their order, the unknown one first.
    names: Vec<Option<String>>,
    /// By [`slot`] of the profile.
    places: Vec<usize>,
}

impl ByProfile {
    /// Place of the name. Of a profile that nobody knows yet the unknown one.
    #[inline]
    fn place(&self, profile: Option<u32>) -> usize {
        self.places.get(slot(profile)).copied().unwrap_or(0)
    }
}

impl Facts {
    /// Groups profiles by a part of them.
    fn by_profile(&self, part: impl Fn(&MaterialProfile) -> Option<&String>) -> ByProfile {
        let profiles = self.profiles();
        let names: BTreeSet<Option<&String>> = profiles.values().map(&part).chain([None]).collect();
        let names: Vec<Option<&String>> = names.into_iter().collect();
        let mut places = vec![0; profiles.keys().max().map_or(1, |most| *most as usize + 2)];
        for (number, profile) in profiles {
            places[slot(Some(*number))] = names.binary_search(&part(profile)).unwrap_or(0);
        }
        ByProfile {
            names: names.into_iter().map(|name| name.cloned()).collect(),
            places,
        }
    }
}

/// Where figures of a profile stand in a list; what is unknown comes first.
#[inline]
fn slot(profile: Option<u32>) -> usize {
    profile.map_or(0, |profile| profile as usize + 1)
}

/// The profile whose figures stand there.
fn profile_of(slot: usize) -> Option<u32> {
    slot.checked_sub(1)
        .and_then(|profile| u32::try_from(profile).ok())
}

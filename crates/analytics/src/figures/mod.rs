//! All figures about groups of jobs. Each figure is computed only here. `docs/metrics.md` defines them.

mod busy_times;
mod counts;
mod estimates;
mod extent;
mod facets;
mod failures;
mod file_outcomes;
mod files;
mod groups;
mod heatmap;
mod timeline;
mod verdicts;

use std::collections::BTreeSet;

pub(crate) use counts::Counting;
pub use estimates::Estimates;
pub use facets::Facets;
pub use failures::Failures;
pub use file_outcomes::{FileOrder, FileOutcomes};
pub use files::FileFigures;
pub(crate) use files::{FileCounting, files_of_partition};
pub use groups::Groups;
pub use heatmap::{Heatmap, HourCell};
pub use timeline::{Cell, Series, Stack, StackKey};
pub use verdicts::{JobKey, Judgement, Verdicts};

use crate::{MaterialProfile, Selection};

/// Material profiles grouped by one of their fields.
#[derive(Debug)]
struct ByProfile {
    /// The values of the field, sorted; `None` comes first.
    names: Vec<Option<String>>,
    /// Index of the name, by [`slot`] of the profile.
    places: Vec<usize>,
}

impl ByProfile {
    /// Index of the name. A profile that is not known yet has the index of `None`.
    #[inline]
    fn place(&self, profile: Option<u32>) -> usize {
        self.places.get(slot(profile)).copied().unwrap_or(0)
    }
}

impl Selection {
    fn by_profile(&self, field: impl Fn(&MaterialProfile) -> Option<&String>) -> ByProfile {
        let profiles = &self.profiles;
        let names: BTreeSet<Option<&String>> = profiles.values().map(&field).chain([None]).collect();
        let names: Vec<Option<&String>> = names.into_iter().collect();
        let mut places = vec![0; profiles.keys().max().map_or(1, |largest| *largest as usize + 2)];
        for (number, profile) in profiles.iter() {
            places[slot(Some(*number))] = names.binary_search(&field(profile)).unwrap_or(0);
        }
        ByProfile {
            names: names.into_iter().map(|name| name.cloned()).collect(),
            places,
        }
    }
}

/// Index of a profile's figures in a list whose first entry is for jobs without a profile.
#[inline]
fn slot(profile: Option<u32>) -> usize {
    profile.map_or(0, |profile| profile as usize + 1)
}

//! The values in use that filters select by their text, in the spellings of the database.

use std::collections::{BTreeSet, HashSet};

use analytics::Words;
use domain::JobFilter;

use crate::db::text::fold;

/// Values in use that filters select by their text.
#[derive(Debug, Default)]
pub(crate) struct Spellings<'a> {
    pub(crate) filament_types: HashSet<&'a str>,
    pub(crate) slicers: HashSet<&'a str>,
    /// Causes and users, with their numbers.
    pub(crate) words: Vec<(u32, &'a str)>,
}

impl Spellings<'_> {
    /// The filter with every stored spelling of its values, except reasons.
    pub(crate) fn complete(&self, filter: &JobFilter) -> JobFilter {
        let words = || self.words.iter().map(|(_, word)| *word);
        JobFilter {
            filament_types: with_variants(&filter.filament_types, self.filament_types.iter().copied()),
            slicers: with_variants(&filter.slicers, self.slicers.iter().copied()),
            users: with_variants(&filter.users, words()),
            causes: with_variants(&filter.causes, words()),
            ..filter.clone()
        }
    }

    /// Numbers of the causes and users of a filter with every spelling.
    pub(crate) fn numbers(&self, filter: &JobFilter) -> Words {
        let numbers = |wanted: &[Option<String>]| {
            let known = self
                .words
                .iter()
                .filter(|(_, word)| wanted.iter().flatten().any(|text| text == word));
            // No word has the number `None`, which stands for jobs without one.
            let unknown = wanted.contains(&None).then_some(None);
            let numbers: BTreeSet<Option<u32>> =
                known.map(|(number, _)| Some(*number)).chain(unknown).collect();
            (!wanted.is_empty()).then_some(numbers)
        };
        Words {
            causes: numbers(&filter.causes),
            users: numbers(&filter.users),
        }
    }
}

/// The wanted values and the known ones that differ from them in case or Unicode form only.
pub(crate) fn with_variants<'a>(
    wanted: &[Option<String>],
    known: impl Iterator<Item = &'a str>,
) -> Vec<Option<String>> {
    if wanted.iter().flatten().next().is_none() {
        return wanted.to_vec();
    }
    // Compared by their folded form, because months contain the numbers of exact texts.
    let folded: HashSet<_> = wanted.iter().flatten().map(|text| fold(text)).collect();
    let variants = known.filter(|text| folded.contains(&fold(text)));
    let all: BTreeSet<_> = wanted
        .iter()
        .cloned()
        .chain(variants.map(|text| Some(text.to_owned())))
        .collect();
    all.into_iter().collect()
}

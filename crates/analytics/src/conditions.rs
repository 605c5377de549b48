//! Conditions on jobs other than their printer and start.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::{AmountBounds, JobFilter, JobId, JobStatus};

use crate::{IdSet, MaterialProfile, PackedJob};

/// Conditions that a job must all meet.
#[derive(Debug, Clone)]
pub(crate) struct Conditions {
    statuses: [bool; JobStatus::ALL.len()],
    /// By number of the material profile. `None` does not restrict.
    profiles: Option<Vec<bool>>,
    /// Whether `profiles` includes jobs without a profile.
    unknown_profile: bool,
    pub(crate) words: Words,
    print: AmountBounds,
    length: AmountBounds,
    pub(crate) text: Option<TextMatches>,
    /// Jobs selected by data that the months do not contain, such as tags. `None` does not restrict.
    pub(crate) ids: Option<HashSet<JobId>>,
}

/// Numbers of the causes and users that a filter allows. `None` does not restrict; a number that is `None` is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Words {
    /// Numbers of causes.
    pub causes: Option<BTreeSet<Option<u32>>>,
    /// Numbers of users.
    pub users: Option<BTreeSet<Option<u32>>>,
}

/// The places where a search text occurs.
#[derive(Debug, Clone)]
pub struct TextMatches {
    /// Files whose name contains the text.
    pub files: IdSet,
    /// Jobs with notes or tags, and running jobs, that contain it in another text.
    pub jobs: HashSet<JobId>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            statuses: [true; JobStatus::ALL.len()],
            profiles: None,
            unknown_profile: false,
            words: Words::default(),
            print: AmountBounds::default(),
            length: AmountBounds::default(),
            text: None,
            ids: None,
        }
    }
}

impl Conditions {
    /// The part of the filter that packed months can decide alone. `None` if it does not restrict.
    pub(crate) fn of(filter: &JobFilter, profiles: &HashMap<u32, MaterialProfile>) -> Option<Self> {
        let JobFilter {
            statuses,
            filament_types,
            slicers,
            print_duration,
            filament_used,
            ..
        } = filter;
        let by_profile = !filament_types.is_empty() || !slicers.is_empty();
        let bounds = [*print_duration, *filament_used];
        if !by_profile && statuses.is_empty() && bounds == [AmountBounds::default(); 2] {
            return None;
        }
        let is_wanted = |profile: &MaterialProfile| {
            (filament_types.is_empty() || filament_types.contains(&profile.filament_type))
                && (slicers.is_empty() || slicers.contains(&profile.slicer))
        };
        let profiles = by_profile.then(|| {
            let count = profiles.keys().max().map_or(0, |largest| *largest as usize + 1);
            let mut wanted = vec![false; count];
            for (number, profile) in profiles {
                wanted[*number as usize] = is_wanted(profile);
            }
            wanted
        });
        Some(Self {
            statuses: JobStatus::ALL.map(|status| statuses.is_empty() || statuses.contains(&status)),
            profiles,
            unknown_profile: is_wanted(&MaterialProfile::default()),
            print: *print_duration,
            length: *filament_used,
            ..Self::default()
        })
    }

    #[inline]
    pub(crate) fn are_met_by(&self, job: PackedJob<'_>) -> bool {
        self.text.as_ref().is_none_or(|text| text.include(job))
            && self.statuses[job.status() as usize]
            && self.is_profile_wanted(job.profile())
            && self.words.include(job)
            && self.allow_amounts(job)
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&job.id()))
    }

    #[inline]
    fn is_profile_wanted(&self, number: Option<u32>) -> bool {
        self.profiles.as_ref().is_none_or(|wanted| {
            let known = number.and_then(|number| wanted.get(number as usize).copied());
            // The profile of a running job may be newer than the selection.
            known.unwrap_or(self.unknown_profile)
        })
    }

    #[inline]
    fn allow_amounts(&self, job: PackedJob<'_>) -> bool {
        let is_free = |bounds: AmountBounds| bounds == AmountBounds::default();
        (is_free(self.print) || self.print.allow(job.print()))
            && (is_free(self.length) || self.length.allow(job.length()))
    }

    /// Whether figures under these conditions can be cached: they depend on the months only.
    pub(crate) fn depend_on_months_only(&self) -> bool {
        self.text.is_none() && self.ids.is_none()
    }

    /// Whether a search text is the only condition.
    pub(crate) fn are_only_text(&self) -> bool {
        self.ids.is_none()
            && self.profiles.is_none()
            && self.words == Words::default()
            && [self.print, self.length] == [AmountBounds::default(); 2]
            && self.statuses.iter().all(|wanted| *wanted)
    }
}

impl Words {
    #[inline]
    fn include(&self, job: PackedJob<'_>) -> bool {
        let has = |wanted: &Option<BTreeSet<Option<u32>>>, number: Option<u32>| {
            wanted.as_ref().is_none_or(|wanted| wanted.contains(&number))
        };
        (self.causes.is_none() || has(&self.causes, job.cause()))
            && (self.users.is_none() || has(&self.users, job.user()))
    }
}

impl TextMatches {
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.jobs.is_empty()
    }

    #[inline]
    fn include(&self, job: PackedJob<'_>) -> bool {
        job.file().is_some_and(|file| self.files.contains(file))
            || (!self.jobs.is_empty() && self.jobs.contains(&job.id()))
    }
}

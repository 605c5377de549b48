//! Conditions on jobs other than their printer and start.

use std::collections::{HashMap, HashSet};

use domain::{JobFilter, JobId, JobStatus};

use crate::{IdSet, MaterialProfile, PackedJob};

/// Conditions that a job must all meet.
#[derive(Debug, Clone)]
pub(crate) struct Conditions {
    statuses: [bool; JobStatus::ALL.len()],
    /// By number of the material profile. `None` does not restrict.
    profiles: Option<Vec<bool>>,
    pub(crate) text: Option<TextMatches>,
    /// Jobs selected by data that the months do not contain, such as tags. `None` does not restrict.
    pub(crate) ids: Option<HashSet<JobId>>,
}

/// The places where a text occurs.
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
            filament_type,
            slicer,
            ..
        } = filter;
        let by_profile = filament_type.is_some() || slicer.is_some();
        if !by_profile && statuses.is_empty() {
            return None;
        }
        let is_wanted = |profile: &MaterialProfile| {
            (filament_type.is_none() || profile.filament_type == *filament_type)
                && (slicer.is_none() || profile.slicer == *slicer)
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
            ..Self::default()
        })
    }

    #[inline]
    pub(crate) fn are_met_by(&self, job: PackedJob<'_>) -> bool {
        self.text.as_ref().is_none_or(|text| text.include(job))
            && self.statuses[job.status() as usize]
            && self.is_profile_wanted(job.profile())
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&job.id()))
    }

    #[inline]
    fn is_profile_wanted(&self, number: Option<u32>) -> bool {
        self.profiles.as_ref().is_none_or(|wanted| {
            number.is_some_and(|number| wanted.get(number as usize).copied().unwrap_or(false))
        })
    }

    /// Whether figures under these conditions can be cached: they depend on the months only.
    pub(crate) fn depend_on_months_only(&self) -> bool {
        self.text.is_none() && self.ids.is_none()
    }

    /// Whether a text is the only condition.
    pub(crate) fn are_only_text(&self) -> bool {
        self.ids.is_none() && self.profiles.is_none() && self.statuses.iter().all(|wanted| *wanted)
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

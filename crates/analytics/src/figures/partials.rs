//! What was computed of a month of all printers, for the next time that it is asked for.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use jiff::tz::TimeZone;

use crate::Sums;

use super::{
    Heatmap,
    estimates::PackedEstimates,
    failures::Faults,
    groups::GroupSums,
    timeline::{PartialSeries, PartialTimeline},
};

/// Figures of a month, each of which is small and made when it is first asked for.
#[derive(Debug, Default)]
pub(crate) struct Partials {
    pub(crate) sums: OnceLock<GroupSums>,
    pub(super) faults: OnceLock<Faults>,
    pub(super) estimates: OnceLock<PackedEstimates>,
    /// By time zone.
    pub(super) heatmaps: Memo<TimeZone, Heatmap, 3>,
    pub(super) timelines: Memo<PartialTimeline, Vec<PartialSeries>, 4>,
    /// Sums over the jobs of these files.
    pub(super) files: Memo<Vec<u32>, Vec<Sums>, 1>,
}

/// The answers to the last few questions.
#[derive(Debug)]
pub(super) struct Memo<Q, A, const MOST: usize>(Mutex<VecDeque<(Q, Arc<A>)>>);

impl<Q, A, const MOST: usize> Default for Memo<Q, A, MOST> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Q: PartialEq + Clone, A, const MOST: usize> Memo<Q, A, MOST> {
    /// The answer to the question, computed if it is not one of the last few.
    pub(super) fn answer(&self, question: &Q, compute: impl FnOnce() -> A) -> Arc<A> {
        let known = |kept: &VecDeque<(Q, Arc<A>)>| {
            let known = kept.iter().find(|(known, _)| known == question);
            known.map(|(_, answer)| answer.clone())
        };
        if let Some(answer) = known(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return answer;
        }
        let answer = Arc::new(compute());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known(&kept).is_none() {
            kept.truncate(MOST - 1);
            kept.push_front((question.clone(), answer.clone()));
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memo_keeps_the_last_answers() {
        let memo: Memo<u32, u32, 2> = Memo::default();
        let ask = |question| {
            let mut is_new = false;
            let answer = memo.answer(&question, || {
                is_new = true;
                question * 10
            });
            (*answer, is_new)
        };
        assert_eq!([ask(1), ask(2), ask(1)], [(10, true), (20, true), (10, false)]);
        assert_eq!([ask(3), ask(2), ask(1)], [(30, true), (20, false), (10, true)]);
    }
}

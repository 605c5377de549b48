//! Compares the recorded jobs with what was printed.

use domain::JobStatus;

use super::{SEEN, World};
use crate::{bench_printer::at, schedules::step::Step};

impl World {
    pub(in crate::schedules) fn assert_jobs_are_correct(&self, steps: &[Step]) {
        let rows = &self.logger.rows;
        let context = || format!("{steps:?}\nprinted: {:#?}\nrecorded: {rows:#?}", self.truths);
        for row in rows {
            assert!(!row.status.is_open(), "nothing runs any more\n{}", context());
        }
        let mut matched = vec![0; rows.len()];
        for truth in &self.truths {
            let start = at(truth.start);
            let of_truth = |row: &domain::Job| {
                row.filename.as_deref() == Some(truth.file)
                    && row
                        .start_time
                        .is_some_and(|time| time.duration_since(start).as_secs_f64().abs() < 1.0)
            };
            let found: Vec<_> = (0..rows.len()).filter(|index| of_truth(&rows[*index])).collect();
            for index in &found {
                matched[*index] += 1;
            }
            assert!(found.len() <= 1, "recorded twice: {truth:?}\n{}", context());
            let Some(row) = found.first().map(|index| &rows[*index]) else {
                assert!(
                    !truth.reported && truth.watched < SEEN,
                    "lost: {truth:?}\n{}",
                    context()
                );
                continue;
            };
            let (status, total) = truth.end.expect("every print has ended");
            if truth.end_seen {
                assert_eq!(row.status, status, "{truth:?}\n{}", context());
                let recorded = row.figures.total_duration.unwrap_or(-1.0);
                assert!(
                    (recorded - total).abs() <= 1.1,
                    "{recorded} of {total} s\n{}",
                    context()
                );
                let end = row
                    .end_time
                    .expect("an end that was seen")
                    .duration_since(start)
                    .as_secs_f64();
                assert!(
                    (end - total).abs() <= 1.1,
                    "end after {end} of {total} s\n{}",
                    context()
                );
            } else {
                // The end may still be known from print_stats; a recorded end must not be wrong.
                assert!(
                    row.status == status || row.status == JobStatus::Interrupted,
                    "{truth:?}\n{}",
                    context()
                );
            }
        }
        assert!(
            matched.iter().all(|count| *count == 1),
            "a row of no print, or of two: {matched:?}\n{}",
            context()
        );
    }
}

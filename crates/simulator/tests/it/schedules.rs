//! Random schedules: the printer's own accounts must agree with each other after any sequence of events.

use simulator::{Faults, Outcome, PrinterConfig, Schedule, ScheduledEvent, SimPrinter, Version};

#[tokio::test]
async fn rough_schedules_leave_accounts_that_agree() {
    let versions = [Version::V0_8, Version::V0_9, Version::V0_10, Version::V0_11];
    let runs = (0..12_u64).map(|seed| async move {
        let config = PrinterConfig {
            version: versions[usize::try_from(seed).unwrap() % 4],
            time_scale: 50.0,
            updates_per_second: 200.0,
            faults: Faults {
                late_history: 0.2,
                history_twice: 0.2,
                twice: 0.1,
                overtaken: 0.1,
            },
            seed,
            ..PrinterConfig::default()
        };
        let printer = SimPrinter::start(config, 0).await.unwrap();
        // At most one event per update, because Moonraker's history mixes up two prints in the same update.
        let schedule = Schedule {
            pause: 0.6..10.0,
            ..Schedule::rough(2.0..20.0, 40)
        };
        let happened = printer
            .run_schedule(seed, &schedule.without(&[ScheduledEvent::ReplaceAtOnce]))
            .await;
        assert_eq!(happened.len(), 40);
        check(&printer, seed);
        printer.truth().len()
    });
    let prints: usize = futures_util::future::join_all(runs).await.into_iter().sum();
    assert!(prints > 50, "the schedules printed only {prints} times");
}

fn check(printer: &SimPrinter, seed: u64) {
    let truth = printer.truth();
    let (ended, running): (Vec<_>, Vec<_>) = truth.iter().partition(|run| run.outcome.is_some());
    assert!(running.len() <= 1, "seed {seed}: one print at a time");
    assert!(running.iter().all(|run| *run == truth.last().unwrap()));
    for run in &ended {
        assert!(run.ended_at.is_some());
        assert!(
            run.print_duration <= run.total_duration + 1e-6,
            "seed {seed}: {run:?}"
        );
        assert!(
            run.outcome != Some(Outcome::Completed) || run.filament_used > 0.0,
            "seed {seed}: {run:?}"
        );
    }
    for job in printer.history() {
        let job_id = job["job_id"].as_str().unwrap();
        let filename = job["filename"].as_str().unwrap();
        let status = job["status"].as_str().unwrap();
        let total = job["total_duration"].as_f64().unwrap();
        let runs: Vec<_> = truth
            .iter()
            .filter(|run| run.job_ids.iter().any(|id| id == job_id))
            .collect();
        assert!(!runs.is_empty(), "seed {seed}: job {job_id} comes from no print");
        if filename.is_empty() || total == 0.0 {
            continue;
        }
        assert!(
            runs.iter()
                .any(|run| run.filename == filename && total <= run.total_duration + 1.0),
            "seed {seed}: job {job_id} ({status}) prints longer than the printer did: {job} {runs:?}"
        );
        if status == "completed" {
            let completed = runs.iter().any(|run| {
                run.outcome == Some(Outcome::Completed) && (run.total_duration - total).abs() < 1e-6
            });
            assert!(completed, "seed {seed}: {job} {runs:?}");
        }
    }
}

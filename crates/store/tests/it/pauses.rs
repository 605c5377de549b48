use domain::{Job, JobStatus};
use store::{Deletion, Pause, Saved};

use crate::{fixtures::*, on_every_engine};

/// The job, as observed some seconds into the test.
fn seen(job: &Job, status: JobStatus, second: f64) -> Job {
    Job {
        status,
        last_seen: Some(at(second)),
        ..job.clone()
    }
}

fn pause(paused: f64, resumed: Option<f64>) -> Pause {
    Pause {
        paused_at: at(paused),
        resumed_at: resumed.map(at),
    }
}

on_every_engine! {
    async fn pauses_begin_and_end_with_what_was_seen(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let job = running(printer, "a", 0.0);
        let Saved::Inserted(id) = db.store.save_job(&job, now()).await.unwrap() else { panic!("it is new") };
        let pauses = async || db.store.full_job(id, false).await.unwrap().unwrap().pauses;
        assert_eq!(pauses().await, []);
        for (status, second) in [
            (JobStatus::Paused, 10.0),
            (JobStatus::Paused, 15.0),
            (JobStatus::Printing, 20.5),
            (JobStatus::Printing, 25.0),
            (JobStatus::Paused, 30.0),
        ] {
            db.store.save_progress(&seen(&job, status, second), now()).await.unwrap();
        }
        assert_eq!(pauses().await, [pause(10.0, Some(20.5)), pause(30.0, None)]);
        // Its end was not observed, and later it is still paused: the pause continues.
        let mut lost = seen(&job, JobStatus::Interrupted, 30.0);
        lost.end_unseen();
        db.store.save_job(&lost, now()).await.unwrap();
        db.store.save_job(&seen(&job, JobStatus::Paused, 90.0), now()).await.unwrap();
        assert_eq!(pauses().await, [pause(10.0, Some(20.5)), pause(30.0, None)]);
        let mut cancelled = seen(&job, JobStatus::Cancelled, 90.0);
        cancelled.end_time = Some(at(95.0));
        db.store.save_job(&cancelled, now()).await.unwrap();
        assert_eq!(pauses().await, [pause(10.0, Some(20.5)), pause(30.0, Some(95.0))]);

        assert!(db.store.delete_job(id, Deletion::Final, now()).await.unwrap());
        assert_eq!(db.column::<i64>("SELECT COUNT(*) FROM job_pauses").await, [0]);
    }

    async fn pauses_that_nobody_saw_end_stay_without_an_end(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let job = running(printer, "a", 0.0);
        let Saved::Inserted(id) = db.store.save_job(&job, now()).await.unwrap() else { panic!("it is new") };
        db.store.save_progress(&seen(&job, JobStatus::Paused, 10.0), now()).await.unwrap();
        let mut lost = seen(&job, JobStatus::Interrupted, 10.0);
        lost.end_unseen();
        db.store.save_job(&lost, now()).await.unwrap();
        db.store.save_job(&seen(&job, JobStatus::Printing, 90.0), now()).await.unwrap();
        // Two pauses within a millisecond count as one.
        for (status, second) in [
            (JobStatus::Paused, 100.0),
            (JobStatus::Printing, 100.0),
            (JobStatus::Paused, 100.0),
            (JobStatus::Printing, 110.0),
        ] {
            db.store.save_progress(&seen(&job, status, second), now()).await.unwrap();
        }
        let pauses = db.store.full_job(id, false).await.unwrap().unwrap().pauses;
        assert_eq!(pauses, [pause(10.0, None), pause(100.0, Some(110.0))]);
    }

    async fn pauses_go_with_their_printer(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let job = running(printer, "a", 0.0);
        db.store.save_job(&job, now()).await.unwrap();
        db.store.save_progress(&seen(&job, JobStatus::Paused, 10.0), now()).await.unwrap();
        db.store.delete_printer(printer, true, now()).await.unwrap();
        assert_eq!(db.column::<i64>("SELECT COUNT(*) FROM job_pauses").await, [0]);
    }
}

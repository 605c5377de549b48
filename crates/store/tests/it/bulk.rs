//! Tests of changes of many jobs in one transaction.

use domain::{JobId, Verdict};
use store::{Deletion, JobAction, MAX_TAGS, NotesChange, Unchanged};

use crate::{fixtures::*, on_every_engine};

const BY_ADA: Deletion<'static> = Deletion::Restorable { by: Some("ada") };

on_every_engine! {
    async fn many_jobs_are_changed_at_once_and_each_that_is_not_says_why(db) {
        let store = &db.store;
        let printers = [add_printer(store, "Voron").await, add_printer(store, "Prusa").await];
        for printer in printers {
            let rows: Vec<_> = (0..3).map(|n| row(&format!("{n}"), "a", f64::from(n) * 100.0)).collect();
            store.import_history(printer, &rows, None, now()).await.unwrap();
        }
        let ids: Vec<_> = all_jobs(store).await.into_iter().map(|job| job.id).collect();
        let none = JobId(999);
        let set = |change| JobAction::SetNotes { change, changed_by: "ada" };
        let rate = |reason: Option<&str>| set(NotesChange {
            verdict: Some(Some(Verdict::Good)),
            verdict_reason: reason.map(|reason| Some(reason.to_owned())),
            ..NotesChange::default()
        });
        let changed = async |ids: &[JobId], action: JobAction<'_>| {
            let done = store.change_jobs(ids, &action, now()).await.unwrap();
            (done.changed, done.unchanged)
        };
        // Repeated ids count once.
        assert_eq!(changed(&[ids[0], none, ids[4], ids[0]], rate(None)).await,
            (vec![ids[0], ids[4]], vec![(none, Unchanged::NotFound)]));
        assert_eq!(changed(&ids[..2], rate(None)).await, (vec![ids[1]], vec![(ids[0], Unchanged::AlreadySo)]));
        assert_eq!(changed(&ids[..1], rate(Some("no such reason"))).await, (vec![], vec![(ids[0], Unchanged::UnknownReason)]));
        let only_reason = set(NotesChange { verdict_reason: Some(Some("Warped".to_owned())), ..NotesChange::default() });
        assert_eq!(changed(&ids[1..3], only_reason).await,
            (vec![ids[1]], vec![(ids[2], Unchanged::ReasonWithoutVerdict)]));
        let log = store.notes_history(ids[4]).await.unwrap();
        assert_eq!((log.len(), log[0].changed_by.as_str(), log[0].field.as_str()), (1, "ada", "verdict"));

        let tags = |add: &[String], remove: &[&str]| set(NotesChange {
            add_tags: add.to_vec(),
            remove_tags: remove.iter().map(|tag| (*tag).to_owned()).collect(),
            ..NotesChange::default()
        });
        let add = ["Gift".to_owned(), "spare".to_owned()];
        assert_eq!(changed(&ids[..2], tags(&add, &[])).await.0, ids[..2]);
        // A tag that a job has keeps its spelling.
        assert_eq!(changed(&ids[..3], tags(&["GIFT".to_owned()], &["SPARE"])).await, (ids[..3].to_vec(), vec![]));
        assert_eq!(store.tags().await.unwrap().iter().map(|(_, jobs)| *jobs).collect::<Vec<_>>(), [3]);
        assert_eq!(store.notes(&ids[..1]).await.unwrap()[&ids[0]].tags, ["Gift"]);
        let many: Vec<_> = (0..MAX_TAGS).map(|n| format!("t{n}")).collect();
        assert_eq!(changed(&[ids[0], ids[5]], tags(&many, &[])).await,
            (vec![ids[5]], vec![(ids[0], Unchanged::TooManyTags)]));

        assert_eq!(changed(&[ids[0], none, ids[5]], JobAction::Delete(BY_ADA)).await,
            (vec![ids[0], ids[5]], vec![(none, Unchanged::NotFound)]));
        assert_eq!(changed(&[ids[5], ids[1]], JobAction::Restore).await,
            (vec![ids[5]], vec![(ids[1], Unchanged::NotFound)]));
        let kinds: Vec<_> = store.outbox_after(0, 500).await.unwrap().into_iter().map(|event| (event.job_id, event.kind)).collect();
        assert_eq!(kinds.last().unwrap(), &(Some(ids[5]), "restored".to_owned()));
        assert_eq!(changed(&[], JobAction::Restore).await, (vec![], vec![]));
        check_totals(store).await;
        assert_eq!(store.check_aggregates().await.unwrap(), []);
    }
}

use domain::{JobFilter, JobId, JobNotes, Verdict};
use serde_json::json;
use store::{Deletion, Error, NotesChange, NotesChanged, Saved, Store};

use crate::{fixtures::*, on_every_engine};

async fn change(store: &Store, id: JobId, change: NotesChange) -> NotesChanged {
    store.change_notes(id, &change, "laptop", now()).await.unwrap()
}

async fn notes(store: &Store, id: JobId) -> JobNotes {
    store.notes(&[id]).await.unwrap().remove(&id).unwrap_or_default()
}

fn tags(tags: &[&str]) -> NotesChange {
    NotesChange {
        tags: Some(tags.iter().map(|tag| (*tag).to_owned()).collect()),
        ..NotesChange::default()
    }
}

fn verdict(verdict: Option<Verdict>, reason: Option<&str>) -> NotesChange {
    NotesChange {
        verdict: Some(verdict),
        verdict_reason: reason.map(|reason| Some(reason.to_owned())),
        ..NotesChange::default()
    }
}

/// Adds some jobs, oldest first.
async fn some_jobs(store: &Store, number: usize) -> Vec<JobId> {
    let printer = add_printer(store, "Voron").await;
    let mut ids = Vec::new();
    for n in 0..number {
        let job = known(
            printer,
            &n.to_string(),
            &format!("cube_{n}.gcode"),
            n as f64 * 100.0,
        );
        match store.save_job(&job, now()).await.unwrap() {
            Saved::Inserted(id) => ids.push(id),
            other => panic!("{other:?}"),
        }
    }
    ids
}

async fn found(store: &Store, filter: JobFilter) -> Vec<JobId> {
    let page = store.list_jobs(&filter, 50, None).await.unwrap();
    assert_eq!(page.total, page.items.len() as u64);
    let mut ids: Vec<_> = page.items.iter().map(|row| row.stored.id).collect();
    ids.reverse();
    ids
}

on_every_engine! {
    async fn what_is_said_of_a_job_is_kept_with_who_said_it(db) {
        let id = some_jobs(&db.store, 1).await[0];
        assert_eq!(notes(&db.store, id).await, JobNotes::default());
        let all = NotesChange {
            title: Some(Some("Lamp \u{1f4a1}".to_owned())),
            notes: Some(Some("x".repeat(10_000))),
            tags: Some(["gift", "Blue", "GIFT", "grün", "GRU\u{308}N"].map(str::to_owned).to_vec()),
            ..verdict(Some(Verdict::PartlyGood), Some("wARPED"))
        };
        assert_eq!(change(&db.store, id, all.clone()).await, NotesChanged::Done(true));
        assert_eq!(change(&db.store, id, all).await, NotesChanged::Done(false));
        let stored = notes(&db.store, id).await;
        assert_eq!(stored.title.as_deref(), Some("Lamp \u{1f4a1}"));
        assert_eq!(stored.notes.as_ref().map(String::len), Some(10_000));
        assert_eq!(stored.tags, ["Blue", "gift", "grün"]);
        assert_eq!((stored.verdict, stored.verdict_reason.as_deref()), (Some(Verdict::PartlyGood), Some("Warped")));

        let without = NotesChange { title: Some(None), ..tags(&["blue"]) };
        db.store.change_notes(id, &without, "phone", at(NOW + 5.0)).await.unwrap();
        let history = db.store.notes_history(id).await.unwrap();
        let told: Vec<_> = history.iter().map(|entry| (entry.changed_by.as_str(), entry.field.as_str())).collect();
        assert_eq!(told, [
            ("phone", "tags"), ("phone", "title"),
            ("laptop", "verdict_reason"), ("laptop", "verdict"), ("laptop", "tags"), ("laptop", "notes"), ("laptop", "title"),
        ]);
        assert_eq!((&history[0].old, &history[0].new), (&Some(json!(["Blue", "gift", "grün"])), &Some(json!(["blue"]))));
        assert_eq!((&history[1].old, &history[1].new), (&Some(json!("Lamp \u{1f4a1}")), &None));
        assert_eq!((history[0].changed_at, history[6].changed_at), (at(NOW + 5.0), now()));
        assert_eq!(change(&db.store, JobId(4711), tags(&["a"])).await, NotesChanged::NotFound);
        let long = db.store.change_notes(id, &tags(&[&"x".repeat(256)]), "laptop", now()).await;
        assert!(matches!(long, Err(Error::TooLong { .. })), "{long:?}");
    }

    async fn reasons_come_from_the_list_and_go_with_the_verdict(db) {
        let id = some_jobs(&db.store, 1).await[0];
        let reasons = db.store.verdict_reasons().await.unwrap();
        assert!(reasons.len() >= 5);
        let scrap = Some(Verdict::Scrap);
        assert_eq!(change(&db.store, id, verdict(scrap, Some("Ate my homework"))).await, NotesChanged::UnknownReason);
        assert_eq!(change(&db.store, id, verdict(None, Some("Warped"))).await, NotesChanged::ReasonWithoutVerdict);
        assert_eq!(notes(&db.store, id).await, JobNotes::default());

        let own = db.store.add_verdict_reason("Ate my homework").await.unwrap();
        assert_eq!(db.store.add_verdict_reason("ATE MY homework ").await.unwrap(), own);
        assert_eq!(change(&db.store, id, verdict(scrap, Some("ate my homework"))).await, NotesChanged::Done(true));
        assert!(db.store.remove_verdict_reason(own.id).await.unwrap());
        assert!(!db.store.remove_verdict_reason(own.id).await.unwrap());
        // The job keeps the reason, which can be set on it again.
        assert_eq!(change(&db.store, id, verdict(Some(Verdict::Good), Some("Ate my homework"))).await, NotesChanged::Done(true));
        change(&db.store, id, verdict(None, None)).await;
        assert_eq!(notes(&db.store, id).await, JobNotes::default());
        assert_eq!(change(&db.store, id, verdict(scrap, Some("Ate my homework"))).await, NotesChanged::UnknownReason);
    }

    async fn jobs_are_found_by_what_is_said_of_them(db) {
        let ids = some_jobs(&db.store, 6).await;
        change(&db.store, ids[0], verdict(Some(Verdict::Good), None)).await;
        change(&db.store, ids[1], verdict(Some(Verdict::Scrap), None)).await;
        change(&db.store, ids[2], verdict(Some(Verdict::Scrap), None)).await;
        for (n, words) in [(1, &["Würfel", "gift"][..]), (3, &["würfel"]), (4, &["gifts"])] {
            change(&db.store, ids[n], tags(words)).await;
        }
        let title = NotesChange { title: Some(Some("100% STRASSE".to_owned())), notes: Some(Some("für Oma".to_owned())), ..NotesChange::default() };
        change(&db.store, ids[5], title).await;

        let by_verdict = |verdicts: &[Verdict]| JobFilter { verdicts: verdicts.to_vec(), ..JobFilter::default() };
        let by_tag = |tags: &[&str]| JobFilter { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..JobFilter::default() };
        let by_text = |text: &str| JobFilter { text: Some(text.to_owned()), ..JobFilter::default() };
        assert_eq!(found(&db.store, by_verdict(&[Verdict::Scrap])).await, ids[1..3]);
        assert_eq!(found(&db.store, by_verdict(&[Verdict::Scrap, Verdict::Good])).await, ids[..3]);
        assert_eq!(found(&db.store, by_verdict(&[Verdict::PartlyGood])).await, []);
        assert_eq!(found(&db.store, by_tag(&["WÜRFEL"])).await, [ids[1], ids[3]]);
        assert_eq!(found(&db.store, by_tag(&["gift", "gifts"])).await, [ids[1], ids[4]]);
        let both = JobFilter { verdicts: vec![Verdict::Scrap], ..by_tag(&["würfel"]) };
        assert_eq!(found(&db.store, both).await, [ids[1]]);
        for (text, wanted) in [
            ("100%", &ids[5..]), ("OMA", &ids[5..]), ("würf", &[ids[1], ids[3]]), ("strasse\u{1f}für", &[]), ("cube_3", &ids[3..4]),
            ("cube", &ids[..]), ("_", &ids[..]),
        ] {
            assert_eq!(found(&db.store, by_text(text)).await, wanted, "{text}");
        }
        assert_eq!(db.store.tags().await.unwrap().iter().map(|(tag, jobs)| (tag.to_lowercase(), *jobs)).collect::<Vec<_>>(),
            [("gift".to_owned(), 1), ("gifts".to_owned(), 1), ("würfel".to_owned(), 2)]);
        let page = db.store.list_jobs(&JobFilter::default(), 2, None).await.unwrap();
        assert_eq!(page.items[0].notes.title.as_deref(), Some("100% STRASSE"));
        assert_eq!(page.items[0].notes.notes, None, "may be long");
        assert_eq!(page.items[1].notes.tags, ["gifts"]);
    }

    async fn what_was_said_goes_with_the_job(db) {
        let ids = some_jobs(&db.store, 2).await;
        for id in &ids {
            change(&db.store, *id, NotesChange { tags: tags(&["a"]).tags, ..verdict(Some(Verdict::Good), Some("Warped")) }).await;
        }
        assert!(db.store.delete_job(ids[0], Deletion::Final, now()).await.unwrap());
        assert_eq!(db.store.notes_history(ids[0]).await.unwrap(), []);
        assert_eq!(db.store.tags().await.unwrap(), [("a".to_owned(), 1)]);
        let printer = db.store.printers().await.unwrap()[0].id;
        db.store.delete_printer(printer, true, now()).await.unwrap();
        for table in ["job_notes", "job_tags", "job_changes"] {
            assert_eq!(db.column::<i64>(&format!("SELECT COUNT(*) FROM {table}")).await, [0], "{table}");
        }
    }

    async fn what_was_said_of_a_twin_is_not_lost(db) {
        let printer = add_printer(&db.store, "Voron").await;
        // Imported before it is known to be the tracked run.
        db.store.import_history(printer, &[row_without_start("00001A", 200.0, 100.0)], None, now()).await.unwrap();
        let (twin, _) = the_job(&db.store).await;
        change(&db.store, twin, tags(&["keep"])).await;
        let followed = running(printer, "cube.gcode", 3.0);
        let Saved::Inserted(id) = db.store.save_job(&followed, now()).await.unwrap() else { panic!("not new") };
        let mut identified = followed.clone();
        let stored = db.store.job(twin).await.unwrap().unwrap().job;
        (identified.job_id, identified.history_start_time) = (stored.job_id, stored.history_start_time);
        db.store.save_job(&identified, now()).await.unwrap();
        let (left, _) = the_job(&db.store).await;
        assert_eq!(left, id);
        assert_eq!(notes(&db.store, id).await.tags, ["keep"]);
        assert_eq!(db.store.notes_history(id).await.unwrap().len(), 1);
    }

    async fn of_many_who_change_a_job_none_is_lost(db) {
        let id = some_jobs(&db.store, 1).await[0];
        let changes = [
            tags(&["a"]),
            verdict(Some(Verdict::Good), None),
            NotesChange { title: Some(Some("t".to_owned())), ..NotesChange::default() },
            NotesChange { notes: Some(Some("n".to_owned())), ..NotesChange::default() },
        ];
        let tasks: Vec<_> = changes
            .into_iter()
            .map(|wanted| {
                let store = db.store.clone();
                tokio::spawn(async move { change(&store, id, wanted).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), NotesChanged::Done(true));
        }
        let stored = notes(&db.store, id).await;
        assert!(stored.title.is_some() && stored.notes.is_some() && stored.verdict.is_some());
        assert_eq!(stored.tags, ["a"]);
        assert_eq!(db.store.notes_history(id).await.unwrap().len(), 4);
    }
}

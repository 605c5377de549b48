use domain::{Backfill, PrinterId};
use sea_orm::ConnectionTrait as _;
use store::{DeletedPrinter, Deletion, Error, JobDetails, Location, Store};

use crate::{fixtures::*, on_every_engine};

on_every_engine! {
    async fn printer_is_stored_as_it_was_given(db) {
        let mut config = named(" Voron 2.4 \u{1f9a4}");
        config.location = Some("cellar".into());
        config.moonraker_api_key = Some("secret".into());
        config.is_active = false;
        let added = db.store.add_printer(&config, at(0.123)).await.unwrap();
        assert_eq!((&added.config, added.created_at, added.updated_at), (&config, at(0.123), at(0.123)));
        assert_eq!((added.last_seen, added.backfill), (None, Backfill::default()));
        assert_eq!(db.store.printer(added.id).await.unwrap().as_ref(), Some(&added));
        assert_eq!(db.store.printer_by_name("VORON 2.4 \u{1f9a4}").await.unwrap().as_ref(), Some(&added));
        assert_eq!(db.store.printers().await.unwrap(), std::slice::from_ref(&added));
        assert_eq!(db.store.printer(PrinterId(added.id.0 + 1)).await.unwrap(), None);
        assert_eq!(db.store.totals(added.id).await.unwrap(), Some(domain::JobTotals::default()));

        config.moonraker_url = "https://voron.local".into();
        let changed = db.store.update_printer(added.id, &config, at(9.0)).await.unwrap().unwrap();
        assert_eq!((&changed.config, changed.created_at, changed.updated_at), (&config, at(0.123), at(9.0)));
        let unchanged = db.store.update_printer(added.id, &config, at(99.0)).await.unwrap().unwrap();
        assert_eq!(unchanged, changed);
        assert_eq!(db.store.update_printer(PrinterId(added.id.0 + 1), &named("x"), now()).await.unwrap(), None);
    }

    async fn keys_of_printers_are_encrypted(db) {
        let mut config = named("Voron");
        config.moonraker_api_key = Some("s3cret of Voron".into());
        let printer = db.store.add_printer(&config, now()).await.unwrap();
        let stored = async || db.column::<String>("SELECT moonraker_api_key FROM printers").await.remove(0);
        let first = stored().await;
        assert!(first.starts_with("sealed:1:") && !first.contains("s3cret"), "{first}");
        config.location = Some("cellar".into());
        assert!(db.store.update_printer(printer.id, &config, now()).await.unwrap().is_some());
        let again = db.open_again().await.unwrap();
        let read = again.printer(printer.id).await.unwrap().unwrap();
        assert_eq!((&read.config, read.key_is_unreadable), (&config, false));
        again.close().await.unwrap();
    }

    async fn keys_from_before_encryption_are_encrypted_at_the_next_start(db) {
        let printer = add_printer(&db.store, "Voron").await;
        db.execute("UPDATE printers SET moonraker_api_key = 's3cret from before'").await;
        // Until then, they are read unencrypted.
        let key = async |store: &store::Store| store.printer(printer).await.unwrap().unwrap().config.moonraker_api_key;
        assert_eq!(key(&db.store).await.as_deref(), Some("s3cret from before"));
        let again = db.open_again().await.unwrap();
        assert_eq!(key(&again).await.as_deref(), Some("s3cret from before"));
        let stored = db.column::<String>("SELECT moonraker_api_key FROM printers").await;
        assert!(stored[0].starts_with("sealed:1:"), "{stored:?}");
        again.close().await.unwrap();
    }

    async fn a_lost_secret_costs_the_keys_and_nothing_else(db) {
        let mut config = named("Voron");
        config.moonraker_api_key = Some("s3cret".into());
        let id = db.store.add_printer(&config, now()).await.unwrap().id;
        let elsewhere = db.secret_file.with_file_name("other.key");
        let other = Store::open_with(&db.location, Some(&elsewhere)).await.unwrap();
        assert_eq!(other.secret_trouble(), None);
        let printer = other.printer(id).await.unwrap().unwrap();
        assert_eq!((printer.config.moonraker_api_key, printer.key_is_unreadable), (None, true));

        // A change of other fields keeps the key, in case the secret key is restored.
        let mut renamed = named("Voron 2");
        let changed = other.update_printer(id, &renamed, now()).await.unwrap().unwrap();
        assert!(changed.key_is_unreadable);
        let back = db.store.printer(id).await.unwrap().unwrap();
        assert_eq!((back.config.name.as_str(), back.config.moonraker_api_key.as_deref()), ("Voron 2", Some("s3cret")));
        // The key can be replaced and removed.
        renamed.moonraker_api_key = Some("n3w".into());
        let entered = other.update_printer(id, &renamed, now()).await.unwrap().unwrap();
        assert_eq!((&entered.config, entered.key_is_unreadable), (&renamed, false));
        assert!(db.store.printer(id).await.unwrap().unwrap().key_is_unreadable);
        db.store.remove_printer_key(id, now()).await.unwrap();
        assert!(!db.store.printer(id).await.unwrap().unwrap().key_is_unreadable);

        // Without a secret key, printers can be read, and no key is stored unencrypted.
        std::fs::write(&elsewhere, "damaged").unwrap();
        let none = Store::open_with(&db.location, Some(&elsewhere)).await.unwrap();
        assert!(none.secret_trouble().unwrap().contains("other.key"));
        let error = none.update_printer(id, &config, now()).await.unwrap_err();
        assert!(matches!(&error, Error::NoSecret { .. }) && !error.is_transient(), "{error:?}");
        config.moonraker_api_key = None;
        assert!(none.update_printer(id, &config, now()).await.unwrap().is_some());
        none.close().await.unwrap();
        other.close().await.unwrap();
    }

    async fn names_are_unique_whatever_their_case(db) {
        add_printer(&db.store, "Vörön").await;
        let other = add_printer(&db.store, "Voron").await;
        for name in ["VÖRÖN", " vörön\u{a0}", "Vo\u{308}ro\u{308}n", "VO\u{308}RÖN"] {
            let error = db.store.add_printer(&named(name), now()).await.unwrap_err();
            assert!(matches!(&error, Error::NameTaken { name: taken } if taken == name), "{error:?}");
            let error = db.store.update_printer(other, &named(name), now()).await.unwrap_err();
            assert!(matches!(error, Error::NameTaken { .. }) && !error.is_transient());
        }
        // A printer does not conflict with its own name.
        assert!(db.store.update_printer(other, &named("VORON"), now()).await.unwrap().is_some());
        let long = "x".repeat(256);
        assert!(matches!(db.store.add_printer(&named(&long), now()).await, Err(Error::TooLong { what: "name", .. })));
        add_printer(&db.store, &"ü".repeat(255)).await;
    }

    async fn of_many_that_take_a_name_one_gets_it(db) {
        let tries: Vec<_> = (0..8)
            .map(|n| {
                let store = db.store.clone();
                let name = if n % 2 == 0 { "voron" } else { "VORON" };
                tokio::spawn(async move { store.add_printer(&named(name), now()).await })
            })
            .collect();
        let mut added = 0;
        for result in tries {
            match result.await.unwrap() {
                Ok(_) => added += 1,
                Err(error) => assert!(matches!(error, Error::NameTaken { .. }), "{error:?}"),
            }
        }
        assert_eq!(added, 1);
        assert_eq!(db.store.all_totals().await.unwrap().len(), 1);
    }

    async fn printer_with_jobs_is_not_deleted_unasked(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let other = add_printer(&db.store, "Prusa").await;
        for of in [printer, other] {
            let rows: Vec<_> = (0..10).map(|n| row(&format!("{n}"), "a", f64::from(n) * 1000.0)).collect();
            db.store.import_history(of, &rows, None, now()).await.unwrap();
        }
        for (n, stored) in all_jobs(&db.store).await.into_iter().enumerate() {
            if n < 2 {
                db.store.delete_job(stored.id, Deletion::Final, now()).await.unwrap();
            } else {
                assert!(db.store.save_job_details(stored.id, &JobDetails::default(), now()).await.unwrap());
            }
        }
        let kept = db.store.totals(printer).await.unwrap().unwrap().total_jobs as u64;
        assert_eq!(db.store.delete_printer(printer, false, now()).await.unwrap(), DeletedPrinter::HasJobs(kept));
        assert!(db.store.printer(printer).await.unwrap().is_some());
        assert_eq!(db.store.delete_printer(printer, true, now()).await.unwrap(), DeletedPrinter::Deleted);
        assert_eq!(db.store.delete_printer(printer, true, now()).await.unwrap(), DeletedPrinter::NotFound);
        assert_eq!(db.store.printer(printer).await.unwrap(), None);
        assert!(all_jobs(&db.store).await.iter().all(|stored| stored.job.printer_id == other));
        assert_eq!(db.column::<i64>("SELECT COUNT(*) FROM job_details").await, [18 - kept as i64]);
        check_totals(&db.store).await;

        let empty = add_printer(&db.store, "Ender").await;
        assert_eq!(db.store.delete_printer(empty, false, now()).await.unwrap(), DeletedPrinter::Deleted);
        assert!(add_printer(&db.store, "Ender").await > empty);
    }

    async fn printers_are_touched_together(db) {
        let ids = [add_printer(&db.store, "a").await, add_printer(&db.store, "b").await, add_printer(&db.store, "c").await];
        db.store.touch_printers(&[(ids[0], at(1.5)), (ids[2], at(2.5)), (PrinterId(4711), at(3.0))]).await.unwrap();
        db.store.touch_printers(&[]).await.unwrap();
        let printers = db.store.printers().await.unwrap();
        let seen: Vec<_> = printers.iter().map(|printer| printer.last_seen).collect();
        assert_eq!(seen, [Some(at(1.5)), None, Some(at(2.5))]);
        assert!(printers.iter().all(|printer| printer.updated_at == now()));
    }

    async fn import_goes_on_where_it_was(db) {
        let id = add_printer(&db.store, "a").await;
        let mut backfill = Backfill { since: Some(at(-5.0)), position: 12_345_678_901, completed_at: None, first_contact: Some(at(1.0)) };
        db.store.save_backfill(id, &backfill).await.unwrap();
        assert_eq!(db.store.printer(id).await.unwrap().unwrap().backfill, backfill);
        backfill.completed_at = Some(at(99.999));
        db.store.save_backfill(id, &backfill).await.unwrap();
        assert_eq!(db.store.printer(id).await.unwrap().unwrap().backfill, backfill);
    }
}

#[tokio::test]
async fn no_file_of_sqlite_keeps_a_key_that_was_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Sqlite {
        path: folder.path().join("printlog.db"),
    };
    let store = Store::open(&location).await.unwrap();
    let mut config = named("Voron");
    config.moonraker_api_key = Some("s3cret-that-is-long-enough-to-be-found".to_owned());
    let id = store.add_printer(&config, now()).await.unwrap().id;
    store.close().await.unwrap();
    let raw = sea_orm::Database::connect(format!(
        "sqlite://{}",
        folder.path().join("printlog.db").display()
    ))
    .await
    .unwrap();
    let plain = "UPDATE printers SET moonraker_api_key = 's3cret-that-is-long-enough-to-be-found'";
    raw.execute_unprepared(plain).await.unwrap();
    raw.close().await.unwrap();
    let holds_key = || {
        std::fs::read_dir(folder.path()).unwrap().any(|file| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            bytes.windows(6).any(|window| window == b"s3cret")
        })
    };
    assert!(holds_key(), "the test looks where keys would be");
    let store = Store::open(&location).await.unwrap();
    assert!(!holds_key());
    assert_eq!(store.printer(id).await.unwrap().unwrap().config, config);
    store.close().await.unwrap();
}

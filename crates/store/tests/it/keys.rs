use store::{Error, KeyId, KeyScope, RevokedKey};

use crate::{fixtures::*, on_every_engine};

on_every_engine! {
    async fn key_is_shown_once_and_opens(db) {
        let new = db.store.create_key("laptop", KeyScope::Admin, None, at(0.0)).await.unwrap();
        assert_eq!(new.secret.len(), "3dp_".len() + 43);
        assert!(new.secret.starts_with("3dp_") && new.secret[4..].chars().all(|c| c.is_ascii_alphanumeric()));
        assert_eq!(new.record.key_prefix, new.secret[..12]);
        assert!(!format!("{new:?}").contains(&new.secret));
        assert_eq!(db.store.authenticate(&new.secret, at(1.0)).await.unwrap().as_ref(), Some(&new.record));
        for wrong in ["", "3dp_", &new.secret[..46], &new.secret.to_lowercase(), &format!("{} ", new.secret)] {
            assert_eq!(db.store.authenticate(wrong, at(1.0)).await.unwrap(), None, "{wrong}");
        }
        assert_eq!(db.store.keys().await.unwrap(), std::slice::from_ref(&new.record));
        let hashes = db.column::<String>("SELECT key_hash FROM api_keys").await;
        assert!(hashes[0].len() == 64 && hashes[0].chars().all(|c| c.is_ascii_hexdigit()));
        let other = db.store.create_key("laptop", KeyScope::Admin, None, at(0.0)).await.unwrap();
        assert_ne!(other.secret, new.secret);
        assert!(matches!(db.store.create_key(&"x".repeat(300), KeyScope::Admin, None, now()).await, Err(Error::TooLong { .. })));
    }

    async fn a_database_is_told_from_others_by_its_first_key_whatever_becomes_of_it(db) {
        assert_eq!(db.store.instance().await.unwrap(), None);
        let first = db.store.create_key("first", KeyScope::Admin, None, at(0.0)).await.unwrap();
        let instance = db.store.instance().await.unwrap().unwrap();
        assert!(instance.len() == 8 && instance.chars().all(|c| c.is_ascii_hexdigit()), "{instance}");
        let stored = db.column::<String>("SELECT key_hash FROM api_keys").await;
        assert!(!stored[0].starts_with(&instance), "what is stored is kept secret");
        db.store.create_key("second", KeyScope::Admin, None, at(1.0)).await.unwrap();
        db.store.revoke_key(first.record.id, true, at(2.0)).await.unwrap();
        assert_eq!(db.store.instance().await.unwrap(), Some(instance.clone()));
        assert_eq!(db.open_again().await.unwrap().instance().await.unwrap(), Some(instance));
    }

    async fn a_key_that_another_process_revokes_is_refused_at_once(db) {
        let other = db.open_again().await.unwrap();
        for n in 0..20 {
            let key = db.store.create_key(&n.to_string(), KeyScope::Admin, None, at(0.0)).await.unwrap();
            assert!(db.store.authenticate(&key.secret, at(1.0)).await.unwrap().is_some());
            let session = db.store.open_session(&key.secret, at(1.0)).await.unwrap().unwrap();
            assert!(db.store.session(&session.token, at(1.0)).await.unwrap().is_some());
            assert_eq!(other.revoke_key(key.record.id, false, at(1.0)).await.unwrap(), RevokedKey::Revoked);
            assert_eq!(db.store.authenticate(&key.secret, at(1.0)).await.unwrap(), None);
            assert_eq!(db.store.session(&session.token, at(1.0)).await.unwrap(), None);
        }
        other.close().await.unwrap();
    }

    async fn key_expires(db) {
        let key = db.store.create_key("guest", KeyScope::Admin, Some(at(100.0)), at(0.0)).await.unwrap();
        assert!(db.store.authenticate(&key.secret, at(99.999)).await.unwrap().is_some());
        assert!(db.store.authenticate(&key.secret, at(100.0)).await.unwrap().is_none());
        assert_eq!(db.store.admin_key_count(at(99.0)).await.unwrap(), 1);
        assert_eq!(db.store.admin_key_count(at(100.0)).await.unwrap(), 0);
    }

    async fn a_key_keeps_its_scope_and_only_the_last_admin_key_is_held_back(db) {
        let reader = db.store.create_key("grafana", KeyScope::Read, None, at(0.0)).await.unwrap();
        assert_eq!(reader.record.scope, KeyScope::Read);
        assert_eq!(db.store.authenticate(&reader.secret, at(1.0)).await.unwrap().unwrap().scope, KeyScope::Read);
        assert_eq!(db.store.admin_key_count(at(1.0)).await.unwrap(), 0);
        let admin = db.store.create_key("laptop", KeyScope::Admin, None, at(0.0)).await.unwrap();
        assert_eq!(db.store.authenticate(&admin.secret, at(1.0)).await.unwrap().unwrap().scope, KeyScope::Admin);
        // A read key cannot create another one.
        assert_eq!(db.store.revoke_key(admin.record.id, true, now()).await.unwrap(), RevokedKey::LastKey);
        assert_eq!(db.store.revoke_key(reader.record.id, true, now()).await.unwrap(), RevokedKey::Revoked);
    }

    async fn keys_of_one_beginning_are_told_apart(db) {
        let one = db.store.create_key("one", KeyScope::Admin, None, at(0.0)).await.unwrap();
        let two = db.store.create_key("two", KeyScope::Read, None, at(0.0)).await.unwrap();
        let same = format!("UPDATE api_keys SET key_prefix = '{}'", one.record.key_prefix);
        db.execute(&same).await;
        assert_eq!(db.store.authenticate(&one.secret, at(1.0)).await.unwrap().unwrap().id, one.record.id);
        let beginning = &one.record.key_prefix;
        let merged = format!("{beginning}{}", &two.secret[beginning.len()..]);
        assert_eq!(db.store.authenticate(&merged, at(1.0)).await.unwrap(), None);
    }

    async fn use_is_noted_once_a_minute(db) {
        let key = db.store.create_key("laptop", KeyScope::Admin, None, at(0.0)).await.unwrap().record.id;
        let used = async || db.store.keys().await.unwrap()[0].last_used;
        db.store.touch_key(key, at(10.0)).await.unwrap();
        assert_eq!(used().await, Some(at(10.0)));
        db.store.touch_key(key, at(69.9)).await.unwrap();
        assert_eq!(used().await, Some(at(10.0)));
        db.store.touch_key(key, at(70.0)).await.unwrap();
        assert_eq!(used().await, Some(at(70.0)));
        // Also works after the clock was set back.
        db.store.touch_key(key, at(-500.0)).await.unwrap();
        assert_eq!(used().await, Some(at(-500.0)));
        db.store.touch_key(KeyId(4711), at(0.0)).await.unwrap();
    }

    async fn last_key_can_be_kept(db) {
        let expired = db.store.create_key("old", KeyScope::Admin, Some(at(1.0)), at(0.0)).await.unwrap();
        let one = db.store.create_key("one", KeyScope::Admin, None, at(0.0)).await.unwrap();
        let two = db.store.create_key("two", KeyScope::Admin, None, at(0.0)).await.unwrap();
        assert_eq!(db.store.revoke_key(KeyId(4711), true, now()).await.unwrap(), RevokedKey::NotFound);
        assert_eq!(db.store.revoke_key(one.record.id, true, now()).await.unwrap(), RevokedKey::Revoked);
        assert_eq!(db.store.authenticate(&one.secret, now()).await.unwrap(), None);
        assert_eq!(db.store.revoke_key(one.record.id, true, now()).await.unwrap(), RevokedKey::Revoked);
        assert_eq!(db.store.revoke_key(two.record.id, true, now()).await.unwrap(), RevokedKey::LastKey);
        assert!(db.store.authenticate(&two.secret, now()).await.unwrap().is_some());
        assert_eq!(db.store.revoke_key(expired.record.id, true, now()).await.unwrap(), RevokedKey::Revoked);
        assert_eq!(db.store.revoke_key(two.record.id, false, now()).await.unwrap(), RevokedKey::Revoked);
        assert_eq!(db.store.admin_key_count(now()).await.unwrap(), 0);
        assert_eq!(db.store.keys().await.unwrap().len(), 3);
    }

    async fn of_many_that_revoke_all_keys_one_is_refused(db) {
        let mut tries = Vec::new();
        for name in ["a", "b", "c", "d"] {
            let id = db.store.create_key(name, KeyScope::Admin, None, at(0.0)).await.unwrap().record.id;
            tries.push((db.store.clone(), id));
        }
        let tries: Vec<_> = tries
            .into_iter()
            .map(|(store, id)| tokio::spawn(async move { store.revoke_key(id, true, now()).await.unwrap() }))
            .collect();
        let mut refused = 0;
        for result in tries {
            refused += usize::from(result.await.unwrap() == RevokedKey::LastKey);
        }
        assert_eq!(refused, 1);
        assert_eq!(db.store.admin_key_count(now()).await.unwrap(), 1);
    }
}

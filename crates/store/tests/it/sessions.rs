use jiff::SignedDuration;
use store::{NewSession, RevokedKey, SESSION_LIFETIME, Store};

use crate::{fixtures::*, on_every_engine};

const DAY: f64 = 86_400.0;

async fn signed_in(store: &Store, secret: &str, when: f64) -> NewSession {
    store.open_session(secret, at(when)).await.unwrap().unwrap()
}

on_every_engine! {
    async fn session_is_opened_with_a_key_and_only_its_hash_is_stored(db) {
        let key = db.store.create_key("laptop", store::KeyScope::Admin, None, at(0.0)).await.unwrap();
        for wrong in ["", "3dp_", &key.secret.to_uppercase()] {
            assert_eq!(db.store.open_session(wrong, at(1.0)).await.unwrap(), None, "{wrong}");
        }
        let new = signed_in(&db.store, &key.secret, 1.0).await;
        assert_eq!(new.token.len(), 43);
        assert_eq!(new.session.key, key.record);
        assert_eq!(new.session.expires_at, at(1.0) + SESSION_LIFETIME);
        assert!(!format!("{new:?}").contains(&new.token));
        assert_eq!(db.store.session(&new.token, at(2.0)).await.unwrap().as_ref(), Some(&new.session));
        for wrong in ["", &key.secret, &new.token.to_lowercase()] {
            assert_eq!(db.store.session(wrong, at(2.0)).await.unwrap(), None, "{wrong}");
        }
        let hashes = db.column::<String>("SELECT token_hash FROM sessions").await;
        assert!(hashes.len() == 1 && hashes[0].len() == 64);
        assert_ne!(signed_in(&db.store, &key.secret, 3.0).await.token, new.token);
    }

    async fn session_ends_when_it_is_not_used(db) {
        let key = db.store.create_key("laptop", store::KeyScope::Admin, None, at(0.0)).await.unwrap();
        let new = signed_in(&db.store, &key.secret, 0.0).await;
        let found = async |when| db.store.session(&new.token, at(when)).await.unwrap();
        // Nothing is written less than a day after the last extension.
        db.store.extend_session(&new.session, at(0.9 * DAY)).await.unwrap();
        assert_eq!(found(DAY).await.unwrap().expires_at, at(30.0 * DAY));
        db.store.extend_session(&new.session, at(20.0 * DAY)).await.unwrap();
        assert_eq!(found(45.0 * DAY).await.unwrap().expires_at, at(50.0 * DAY));
        assert_eq!(found(50.0 * DAY).await, None);
        // The next sign-in removes expired sessions.
        signed_in(&db.store, &key.secret, 51.0 * DAY).await;
        assert_eq!(db.column::<i64>("SELECT COUNT(*) FROM sessions").await, [1]);
    }

    async fn session_ends_with_its_key(db) {
        let end = at(5.0 * DAY);
        let guest = db.store.create_key("guest", store::KeyScope::Admin, Some(end), at(0.0)).await.unwrap();
        let new = signed_in(&db.store, &guest.secret, 0.0).await;
        assert_eq!(new.session.expires_at, end);
        db.store.extend_session(&new.session, at(4.0 * DAY)).await.unwrap();
        let shortly_before = end - SignedDuration::from_millis(1);
        assert!(db.store.session(&new.token, shortly_before).await.unwrap().is_some());
        assert_eq!(db.store.session(&new.token, end).await.unwrap(), None);

        let (one, two) = (
            db.store.create_key("one", store::KeyScope::Admin, None, at(0.0)).await.unwrap(),
            db.store.create_key("two", store::KeyScope::Admin, None, at(0.0)).await.unwrap(),
        );
        let of_one = signed_in(&db.store, &one.secret, 0.0).await;
        let of_two = signed_in(&db.store, &two.secret, 0.0).await;
        assert_eq!(db.store.revoke_key(one.record.id, true, at(1.0)).await.unwrap(), RevokedKey::Revoked);
        assert_eq!(db.store.session(&of_one.token, at(2.0)).await.unwrap(), None);
        assert_eq!(db.store.open_session(&one.secret, at(2.0)).await.unwrap(), None);
        assert!(db.store.session(&of_two.token, at(2.0)).await.unwrap().is_some());
    }

    async fn signing_out_ends_one_session(db) {
        let key = db.store.create_key("laptop", store::KeyScope::Admin, None, at(0.0)).await.unwrap();
        let (here, there) = (signed_in(&db.store, &key.secret, 0.0).await, signed_in(&db.store, &key.secret, 0.0).await);
        for _ in 0..2 {
            db.store.close_session(&here.token).await.unwrap();
        }
        assert_eq!(db.store.session(&here.token, at(1.0)).await.unwrap(), None);
        assert!(db.store.session(&there.token, at(1.0)).await.unwrap().is_some());
    }
}

//! The table `sessions`: browsers that signed in with an API key.
//!
//! Rows instead of signed cookies: deleting the row ends a session at once, there is no signing secret, and sessions
//! survive a restart.

use jiff::{SignedDuration, Timestamp};
use rand::distr::{Alphanumeric, SampleString};
use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    Result, Store,
    access::keys::{self, ApiKey, KeyId},
    db::{
        error::Fault,
        read::ReadConnection,
        tables::{ApiKeys, Sessions},
        transaction::Tx,
    },
};

/// A session ends after this time without use.
pub const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Minimum interval between extensions of a session. Most uses of a session cost no write.
const EXTEND: SignedDuration = SignedDuration::from_hours(24);

/// Primary key of `sessions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub i64);

/// A signed-in browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Primary key.
    pub id: SessionId,
    /// The API key used to sign in.
    pub key: ApiKey,
    /// Expiry time unless it is used before; never later than that of the key.
    pub expires_at: Timestamp,
}

/// A newly opened session. The token cannot be read again later.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSession {
    /// The stored record.
    pub session: Session,
    /// The token that the browser sends with each request: 43 letters and digits, 256 random bits.
    pub token: String,
}

impl std::fmt::Debug for NewSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSession")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a session with this key. `None` if the key is unknown, expired or revoked.
    pub async fn open_session(&self, secret: &str, now: Timestamp) -> Result<Option<NewSession>> {
        let Some(key) = self.authenticate(secret, now).await? else {
            return Ok(None);
        };
        let token = Alphanumeric.sample_string(&mut rand::rng(), keys::LENGTH);
        let (token_hash, key_id) = (&keys::hash(&token), key.id);
        let session = self
            .write("open a session", |tx| async move {
                let ended = Query::delete()
                    .from_table(Sessions::Table)
                    .and_where(Expr::col(Sessions::ExpiresAt).lte(now.as_millisecond()))
                    .to_owned();
                tx.execute(&ended).await?;
                // An earlier attempt may have committed.
                if let Some(session) = by_hash(&*tx, token_hash).await? {
                    return Ok(session);
                }
                let statement = Query::insert()
                    .into_table(Sessions::Table)
                    .columns([
                        Sessions::TokenHash,
                        Sessions::ApiKeyId,
                        Sessions::CreatedAt,
                        Sessions::ExpiresAt,
                    ])
                    .values_panic([
                        token_hash.clone().into(),
                        key_id.0.into(),
                        now.as_millisecond().into(),
                        (now + SESSION_LIFETIME).as_millisecond().into(),
                    ])
                    .to_owned();
                tx.execute(&statement).await?;
                by_hash(&*tx, token_hash)
                    .await?
                    .ok_or_else(|| DbErr::RecordNotInserted.into())
            })
            .await?;
        // The key may have been revoked meanwhile.
        Ok(session.works(now).then_some(NewSession { session, token }))
    }

    /// The session with this token, if neither the session nor its key has ended.
    pub async fn session(&self, token: &str, now: Timestamp) -> Result<Option<Session>> {
        let token_hash = &keys::hash(token);
        let session = self
            .read_fast(
                "look up a session",
                |db| async move { by_hash(&db, token_hash).await },
            )
            .await?;
        Ok(session.filter(|session| session.works(now)))
    }

    /// Extends a session in use, at most once a day.
    pub async fn extend_session(&self, session: &Session, now: Timestamp) -> Result<()> {
        if !session.is_to_be_extended(now) {
            return Ok(());
        }
        let end = now + SESSION_LIFETIME;
        let statement = &Query::update()
            .table(Sessions::Table)
            .value(Sessions::ExpiresAt, end.as_millisecond())
            .and_where(Expr::col(Sessions::Id).eq(session.id.0))
            .to_owned();
        self.write("extend a session", |tx| async move {
            tx.execute(statement).await?;
            Ok(())
        })
        .await
    }

    /// Ends the session with this token. An unknown token is not an error.
    pub async fn close_session(&self, token: &str) -> Result<()> {
        let statement = &Query::delete()
            .from_table(Sessions::Table)
            .and_where(Expr::col(Sessions::TokenHash).eq(keys::hash(token)))
            .to_owned();
        self.write("end a session", |tx| async move {
            tx.execute(statement).await?;
            Ok(())
        })
        .await
    }
}

impl Session {
    fn works(&self, now: Timestamp) -> bool {
        now < self.expires_at && self.key.works(now)
    }

    /// Whether using the session extends it. Extensions of less than a day are skipped.
    #[must_use]
    pub fn is_to_be_extended(&self, now: Timestamp) -> bool {
        let bound = self.key.expires_at.unwrap_or(Timestamp::MAX);
        (now + SESSION_LIFETIME)
            .min(bound)
            .duration_since(self.expires_at)
            >= EXTEND
    }
}

/// Ends all sessions that were opened with this key.
pub(crate) async fn close_all_of(tx: &Tx, key: KeyId) -> Result<(), Fault> {
    let statement = Query::delete()
        .from_table(Sessions::Table)
        .and_where(Expr::col(Sessions::ApiKeyId).eq(key.0))
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}

async fn by_hash(db: &impl ReadConnection, token_hash: &str) -> Result<Option<Session>, Fault> {
    let query = Query::select()
        .columns([Sessions::Id, Sessions::ApiKeyId, Sessions::ExpiresAt])
        .from(Sessions::Table)
        .and_where(Expr::col(Sessions::TokenHash).eq(token_hash))
        .to_owned();
    let session = db.row(&query, "sessions", "id", |record| {
        let key: i64 = record.get("api_key_id")?;
        Ok((SessionId(record.key), key, record.required_time("expires_at")?))
    });
    let Some((id, key, end)) = session.await? else {
        return Ok(None);
    };
    let of_key = keys::select()
        .and_where(Expr::col(ApiKeys::Id).eq(key))
        .to_owned();
    let Some(key) = keys::load(db, &of_key).await?.pop() else {
        return Ok(None);
    };
    Ok(Some(Session {
        id,
        expires_at: key.expires_at.map_or(end, |bound| bound.min(end)),
        key,
    }))
}

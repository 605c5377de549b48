//! The table `api_keys`.

use jiff::{SignedDuration, Timestamp};
use rand::distr::{Alphanumeric, SampleString};
use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, ExprTrait, Order, Query, SelectStatement, UpdateStatement},
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    Result, Store,
    error::Fault,
    record::{Record, milliseconds},
    rows::Ask,
    schema::ApiKeys,
    sessions,
    text::check_short,
};

/// Primary key of `api_keys`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub i64);

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyScope {
    /// Read what was printed and how the printers are; change nothing, and see no keys.
    Read,
    /// Everything.
    Admin,
}

impl KeyScope {
    /// All of them, the smallest first.
    pub const ALL: [Self; 2] = [Self::Read, Self::Admin];

    /// The word of the database and of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    /// Whether who has this may do what needs `needed`.
    #[must_use]
    pub fn covers(self, needed: Self) -> bool {
        self == Self::Admin || needed == Self::Read
    }
}

/// An API key, as far as it is stored: the key itself is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Primary key.
    pub id: KeyId,
    /// `3dp_` and the first 8 characters of the rest, to tell keys apart.
    pub key_prefix: String,
    /// What the user calls it. Need not be unique.
    pub name: String,
    /// What it may do.
    pub scope: KeyScope,
    /// Whether it has not been revoked.
    pub is_active: bool,
    /// When it was last used, to the minute. `None` if never.
    pub last_used: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused. `None`: never.
    pub expires_at: Option<Timestamp>,
}

/// A key that was just made. The only time that the secret is seen.
#[derive(Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What is stored of it.
    pub record: ApiKey,
    /// The key.
    pub secret: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey")
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

/// What became of the wish to revoke a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokedKey {
    /// It is refused from now on; its record stays.
    Revoked,
    /// There is none.
    NotFound,
    /// It is the last that works and may do everything, and was not to be revoked then. Nothing has changed.
    LastKey,
}

const MARK: &str = "3dp_";
/// Letters and digits of a key: 43 of 62 kinds make 256 bits.
pub(crate) const LENGTH: usize = 43;
const SHOWN: usize = 8;
/// `last_used` is true to this.
const TOUCH: SignedDuration = SignedDuration::from_secs(60);

impl Store {
    /// Makes a key: `3dp_` and 43 letters and digits, 256 random bits. Only its SHA-256 is stored.
    ///
    /// # Errors
    /// [`Error::TooLong`](crate::Error::TooLong) for the name.
    pub async fn create_key(
        &self,
        name: &str,
        scope: KeyScope,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<NewKey> {
        check_short("name", name)?;
        let secret = format!("{MARK}{}", Alphanumeric.sample_string(&mut rand::rng(), LENGTH));
        let secret = &secret;
        let record = self
            .write("make an API key", |tx| async move {
                // An earlier attempt may have arrived.
                if let Some(record) = by_hash(&*tx, secret).await? {
                    return Ok(record);
                }
                let statement = Query::insert()
                    .into_table(ApiKeys::Table)
                    .columns([
                        ApiKeys::KeyHash,
                        ApiKeys::KeyPrefix,
                        ApiKeys::Name,
                        ApiKeys::IsActive,
                        ApiKeys::CreatedAt,
                        ApiKeys::ExpiresAt,
                        ApiKeys::Scope,
                    ])
                    .values_panic([
                        hash(secret).into(),
                        secret[..MARK.len() + SHOWN].into(),
                        name.into(),
                        true.into(),
                        now.as_millisecond().into(),
                        milliseconds(expires_at).into(),
                        scope.as_str().into(),
                    ])
                    .to_owned();
                tx.execute(&statement).await?;
                by_hash(&*tx, secret)
                    .await?
                    .ok_or_else(|| DbErr::RecordNotInserted.into())
            })
            .await?;
        Ok(NewKey {
            record,
            secret: secret.clone(),
        })
    }

    /// The record of a key that is not revoked and not expired. `None` for anything else.
    ///
    /// Keys are found by their beginning, which is no secret, and compared by their hashes in constant time.
    pub async fn authenticate(&self, secret: &str, now: Timestamp) -> Result<Option<ApiKey>> {
        let Some(prefix) = secret.get(..MARK.len() + SHOWN) else {
            return Ok(None);
        };
        let query = &select()
            .column(ApiKeys::KeyHash)
            .and_where(Expr::col(ApiKeys::KeyPrefix).eq(prefix))
            .to_owned();
        let hash = &hash(secret);
        let key = self
            .read_quickly("look up an API key", |db| async move {
                let found = db.rows(query, "api_keys", "id", |record| {
                    let stored: String = record.get("key_hash")?;
                    let is_it = bool::from(stored.as_bytes().ct_eq(hash.as_bytes()));
                    is_it.then(|| key(record)).transpose()
                });
                Ok(found.await?.into_iter().flatten().next())
            })
            .await?;
        Ok(key.filter(|key| key.works(now)))
    }

    /// Stores when the key was last used, unless that was less than a minute ago.
    pub async fn touch_key(&self, id: KeyId, now: Timestamp) -> Result<()> {
        let fresh = |key: &ApiKey| {
            key.last_used
                .is_some_and(|used| now.duration_since(used).abs() < TOUCH)
        };
        let query = &select().and_where(Expr::col(ApiKeys::Id).eq(id.0)).to_owned();
        let key = self
            .read("read an API key", |db| async move { load(&db, query).await })
            .await?
            .pop();
        if key.is_none_or(|key| fresh(&key)) {
            return Ok(());
        }
        let statement = &change(id, ApiKeys::LastUsed, now.as_millisecond());
        self.write("store when an API key was used", |tx| async move {
            tx.execute(statement).await?;
            Ok(())
        })
        .await
    }

    /// Tells this database from others: eight hexadecimal digits that stay the same, also in a backup and on another
    /// engine. `None` while there is no key.
    pub async fn instance(&self) -> Result<Option<String>> {
        let query = &select()
            .column(ApiKeys::KeyHash)
            .order_by(ApiKeys::Id, Order::Asc)
            .limit(1)
            .to_owned();
        let first: Option<String> = self
            .read("read the first API key", |db| async move {
                db.row(query, "api_keys", "id", |record| record.get("key_hash"))
                    .await
            })
            .await?;
        // Keys are random, and stay when they are revoked. The hash that is stored must not get out.
        Ok(first.map(|stored| hash(&stored)[..8].to_owned()))
    }

    /// All keys, also revoked and expired ones, oldest first.
    pub async fn keys(&self) -> Result<Vec<ApiKey>> {
        let query = &select().order_by(ApiKeys::Id, Order::Asc).to_owned();
        self.read("read the API keys", |db| async move { load(&db, query).await })
            .await
    }

    /// Revokes a key and ends its sessions; with `refuse_last` not if no other that may do everything would work.
    /// Revoking twice is no error.
    pub async fn revoke_key(&self, id: KeyId, refuse_last: bool, now: Timestamp) -> Result<RevokedKey> {
        self.write("revoke an API key", |tx| async move {
            // Locks all keys, so that of two who revoke the last two only one succeeds.
            let keys = load(&*tx, select().lock_exclusive()).await?;
            let Some(key) = keys.iter().find(|key| key.id == id) else {
                return Ok(RevokedKey::NotFound);
            };
            let others_work = keys.iter().any(|other| other.id != id && other.administers(now));
            if refuse_last && key.administers(now) && !others_work {
                return Ok(RevokedKey::LastKey);
            }
            tx.execute(&change(id, ApiKeys::IsActive, false)).await?;
            sessions::close_all_of(&tx, id).await?;
            Ok(RevokedKey::Revoked)
        })
        .await
    }

    /// Number of keys that work and may do everything.
    pub async fn admin_key_count(&self, now: Timestamp) -> Result<u64> {
        let keys = self.keys().await?;
        Ok(keys.iter().filter(|key| key.administers(now)).count() as u64)
    }
}

impl ApiKey {
    /// Whether it is accepted: not revoked and not expired.
    #[must_use]
    pub fn works(&self, now: Timestamp) -> bool {
        self.is_active && self.expires_at.is_none_or(|end| now < end)
    }

    fn administers(&self, now: Timestamp) -> bool {
        self.scope == KeyScope::Admin && self.works(now)
    }
}

/// SHA-256, in hexadecimal.
pub(crate) fn hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn change(id: KeyId, column: ApiKeys, value: impl Into<Expr>) -> UpdateStatement {
    Query::update()
        .table(ApiKeys::Table)
        .value(column, value)
        .and_where(Expr::col(ApiKeys::Id).eq(id.0))
        .to_owned()
}

pub(crate) fn select() -> SelectStatement {
    Query::select()
        .columns([
            ApiKeys::Id,
            ApiKeys::KeyPrefix,
            ApiKeys::Name,
            ApiKeys::IsActive,
            ApiKeys::LastUsed,
            ApiKeys::CreatedAt,
            ApiKeys::ExpiresAt,
            ApiKeys::Scope,
        ])
        .from(ApiKeys::Table)
        .to_owned()
}

async fn by_hash(db: &impl Ask, secret: &str) -> Result<Option<ApiKey>, Fault> {
    let query = select()
        .and_where(Expr::col(ApiKeys::KeyHash).eq(hash(secret)))
        .to_owned();
    Ok(load(db, &query).await?.pop())
}

pub(crate) async fn load(db: &impl Ask, query: &SelectStatement) -> Result<Vec<ApiKey>, Fault> {
    db.rows(query, "api_keys", "id", key).await
}

fn key(record: &Record<'_>) -> Result<ApiKey, Fault> {
    let scope: String = record.get("scope")?;
    let known = KeyScope::ALL.into_iter().find(|known| known.as_str() == scope);
    Ok(ApiKey {
        id: KeyId(record.key),
        key_prefix: record.get("key_prefix")?,
        name: record.get("name")?,
        scope: known.ok_or_else(|| record.bad("scope", scope))?,
        is_active: record.get("is_active")?,
        last_used: record.time("last_used")?,
        created_at: record.required_time("created_at")?,
        expires_at: record.time("expires_at")?,
    })
}

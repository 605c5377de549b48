//! The table `api_keys`.

use data_encoding::HEXLOWER;
use domain::UnknownName;
use jiff::{SignedDuration, Timestamp};
use rand::distr::{Alphanumeric, SampleString};
use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, ExprTrait, Order, Query, SelectStatement, UpdateStatement},
};
use sha2::{Digest, Sha256};
use strum_macros::{EnumString, IntoStaticStr, VariantArray};
use subtle::ConstantTimeEq;

use crate::{
    Result, Store,
    access::sessions,
    db::{
        error::Fault,
        read::ReadConnection,
        record::{Record, milliseconds},
        tables::ApiKeys,
        text::check_short,
    },
};

/// Primary key of `api_keys`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub i64);

/// Scope of an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum KeyScope {
    /// Read jobs and the status of printers. Change nothing, and list no keys.
    Read,
    /// Full access.
    Admin,
}

impl KeyScope {
    /// Name in the database and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether this scope includes `needed`.
    #[must_use]
    pub fn covers(self, needed: Self) -> bool {
        self == Self::Admin || needed == Self::Read
    }
}

/// The stored record of an API key, without the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Primary key.
    pub id: KeyId,
    /// `3dp_` and the first 8 characters of the secret, to tell keys apart.
    pub key_prefix: String,
    /// Name given by the user. Need not be unique.
    pub name: String,
    /// Its scope.
    pub scope: KeyScope,
    /// `false` if it was revoked.
    pub is_active: bool,
    /// Time of the last use, to the minute. `None` if never used.
    pub last_used: Option<Timestamp>,
    /// Creation time.
    pub created_at: Timestamp,
    /// Expiry time. `None`: never expires.
    pub expires_at: Option<Timestamp>,
}

/// A newly created key. The secret cannot be read again later.
#[derive(Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The stored record.
    pub record: ApiKey,
    /// The key itself.
    pub secret: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey")
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

/// Result of revoking a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokedKey {
    /// Revoked. Its record stays.
    Revoked,
    /// There is no such key.
    NotFound,
    /// Refused, because it is the last working admin key. Nothing has changed.
    LastKey,
}

const MARK: &str = "3dp_";
/// Letters and digits of a key: 43 of an alphabet of 62 give 256 bits.
pub(crate) const LENGTH: usize = 43;
const SHOWN: usize = 8;
/// Precision of `last_used`.
const TOUCH: SignedDuration = SignedDuration::from_secs(60);

impl Store {
    /// Creates a key: `3dp_` and 43 letters and digits, 256 random bits. Only its SHA-256 is stored.
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
            .write("create an API key", |tx| async move {
                // An earlier attempt may have committed.
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

    /// Authenticates a key and returns its record. `None` if the key is unknown, revoked or expired.
    ///
    /// Keys are looked up by their prefix, which is not secret, and their hashes are compared in constant time.
    pub async fn authenticate(&self, secret: &str, now: Timestamp) -> Result<Option<ApiKey>> {
        // `get`, because the text is a client's and may end within a character.
        let Some(prefix) = secret.get(..MARK.len() + SHOWN) else {
            return Ok(None);
        };
        let query = &select()
            .column(ApiKeys::KeyHash)
            .and_where(Expr::col(ApiKeys::KeyPrefix).eq(prefix))
            .to_owned();
        let hash = &hash(secret);
        let key = self
            .read_fast("look up an API key", |db| async move {
                let found = db.rows(query, "api_keys", "id", |record| {
                    let stored: String = record.get("key_hash")?;
                    // The time of an early exit would reveal how much of a hash was right.
                    let is_it = bool::from(stored.as_bytes().ct_eq(hash.as_bytes()));
                    is_it.then(|| key(record)).transpose()
                });
                Ok(found.await?.into_iter().flatten().next())
            })
            .await?;
        Ok(key.filter(|key| key.works(now)))
    }

    /// Stores the time of use, unless the last stored use is less than a minute ago.
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
        // A client may use its key several times a second, and each write is a flush to the disk.
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

    /// Identifies this database: eight hexadecimal digits that survive a backup and a move to another engine. `None`
    /// while there is no key.
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
        // Derived from the first key, because keys are random and stay when they are revoked. It is hashed again,
        // because the stored hash must not be disclosed.
        Ok(first.map(|stored| hash(&stored)[..8].to_owned()))
    }

    /// All keys, oldest first, including revoked and expired ones.
    pub async fn keys(&self) -> Result<Vec<ApiKey>> {
        let query = &select().order_by(ApiKeys::Id, Order::Asc).to_owned();
        self.read("read the API keys", |db| async move { load(&db, query).await })
            .await
    }

    /// Revokes a key and ends its sessions. With `refuse_last`, does not revoke the last working admin key. Revoking a
    /// key twice is not an error.
    pub async fn revoke_key(&self, id: KeyId, refuse_last: bool, now: Timestamp) -> Result<RevokedKey> {
        self.write("revoke an API key", |tx| async move {
            // Locks all keys: if two requests revoke the last two keys, only one succeeds.
            let keys = load(&*tx, select().lock_exclusive()).await?;
            let Some(key) = keys.iter().find(|key| key.id == id) else {
                return Ok(RevokedKey::NotFound);
            };
            // Without one, only the command line on the server could create another.
            let others_work = keys.iter().any(|other| other.id != id && other.administers(now));
            if refuse_last && key.administers(now) && !others_work {
                return Ok(RevokedKey::LastKey);
            }
            tx.execute(&change(id, ApiKeys::IsActive, false)).await?;
            // A browser must not stay signed in with a key that is revoked.
            sessions::close_all_of(&tx, id).await?;
            Ok(RevokedKey::Revoked)
        })
        .await
    }

    /// Number of working admin keys.
    pub async fn admin_key_count(&self, now: Timestamp) -> Result<u64> {
        let keys = self.keys().await?;
        Ok(keys.iter().filter(|key| key.administers(now)).count() as u64)
    }
}

impl ApiKey {
    /// Whether the key is valid: neither revoked nor expired.
    #[must_use]
    pub fn works(&self, now: Timestamp) -> bool {
        self.is_active && self.expires_at.is_none_or(|end| now < end)
    }

    fn administers(&self, now: Timestamp) -> bool {
        self.scope == KeyScope::Admin && self.works(now)
    }
}

/// Hexadecimal SHA-256.
pub(crate) fn hash(secret: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(secret.as_bytes()))
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

async fn by_hash(db: &impl ReadConnection, secret: &str) -> Result<Option<ApiKey>, Fault> {
    let query = select()
        .and_where(Expr::col(ApiKeys::KeyHash).eq(hash(secret)))
        .to_owned();
    Ok(load(db, &query).await?.pop())
}

pub(crate) async fn load(db: &impl ReadConnection, query: &SelectStatement) -> Result<Vec<ApiKey>, Fault> {
    db.rows(query, "api_keys", "id", key).await
}

fn key(record: &Record<'_>) -> Result<ApiKey, Fault> {
    let scope: String = record.get("scope")?;
    Ok(ApiKey {
        id: KeyId(record.key),
        key_prefix: record.get("key_prefix")?,
        name: record.get("name")?,
        // An unknown scope is an error: no guess may give access.
        scope: scope.parse().map_err(|_| record.bad("scope", scope))?,
        is_active: record.get("is_active")?,
        last_used: record.time("last_used")?,
        created_at: record.required_time("created_at")?,
        expires_at: record.time("expires_at")?,
    })
}

//! The table `api_keys`.

use jiff::Timestamp;

use crate::{Result, Store};

/// Primary key of `api_keys`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub i64);

/// An API key, as far as it is stored: the key itself is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Primary key.
    pub id: KeyId,
    /// `3dp_` and the first 8 characters of the rest, to tell keys apart.
    pub key_prefix: String,
    /// What the user calls it. Need not be unique.
    pub name: String,
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
    /// It is the last that works, and was not to be revoked then. Nothing has changed.
    LastKey,
}

impl Store {
    /// Makes a key: `3dp_` and 43 letters and digits, 256 random bits. Only its SHA-256 is stored.
    pub async fn create_key(
        &self,
        name: &str,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<NewKey> {
        todo!()
    }

    /// The record of a key that is not revoked and not expired. `None` for anything else.
    pub async fn authenticate(&self, secret: &str, now: Timestamp) -> Result<Option<ApiKey>> {
        todo!()
    }

    /// Stores when the key was last used, unless that was less than a minute ago.
    pub async fn touch_key(&self, id: KeyId, now: Timestamp) -> Result<()> {
        todo!()
    }

    /// All keys, also revoked and expired ones, oldest first.
    pub async fn keys(&self) -> Result<Vec<ApiKey>> {
        todo!()
    }

    /// Revokes a key; with `refuse_last` not if no other would work. Revoking twice is no error.
    pub async fn revoke_key(&self, id: KeyId, refuse_last: bool, now: Timestamp) -> Result<RevokedKey> {
        todo!()
    }

    /// Number of keys that work.
    pub async fn active_key_count(&self, now: Timestamp) -> Result<u64> {
        todo!()
    }
}

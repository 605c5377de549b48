//! Primary keys that come from elsewhere, and those that leave no room for others.

use domain::LARGEST_ID;

use crate::{Error, Result, Store, copy::last_ids};

/// Whether a row from elsewhere keeps its id. The database goes on counting from the largest one: half of the ids are
/// left for rows to come.
pub(crate) fn is_kept(id: i64) -> bool {
    (1..=LARGEST_ID / 2).contains(&id)
}

impl Store {
    /// The tables that have given out ids beyond [`LARGEST_ID`], each with its last one. New rows get ids that clients
    /// cannot hold, or are refused by the database. Empty if all is well.
    pub async fn exhausted_tables(&self) -> Result<Vec<(String, i64)>> {
        self.read("look for the last ids", |db| async move {
            let mut ids = last_ids(&db, self.engine).await?;
            ids.retain(|(_, last)| *last > LARGEST_ID);
            Ok(ids)
        })
        .await
    }

    /// # Errors
    /// [`Error::IdsExhausted`] if there is no room for more rows.
    pub(crate) async fn refuse_exhausted(&self) -> Result<()> {
        match self.exhausted_tables().await?.pop() {
            Some((table, last)) => Err(Error::IdsExhausted { table, last }),
            None => Ok(()),
        }
    }
}

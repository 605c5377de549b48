//! Checks of primary keys: which ids an import may keep, and whether a table has run out of ids.

use domain::LARGEST_ID;

use crate::{Error, Result, Store, copy::last_ids};

/// Whether an imported row keeps its id. The database continues from the largest id, so half of the range is reserved
/// for new rows.
pub(crate) fn is_kept(id: i64) -> bool {
    (1..=LARGEST_ID / 2).contains(&id)
}

impl Store {
    /// Tables with ids beyond [`LARGEST_ID`], each with its last id. New rows get ids that clients cannot represent, or
    /// the database refuses them. Empty if no table has run out of ids.
    pub async fn exhausted_tables(&self) -> Result<Vec<(String, i64)>> {
        self.read("look for the last ids", |db| async move {
            let mut ids = last_ids(&db, self.engine).await?;
            ids.retain(|(_, last)| *last > LARGEST_ID);
            Ok(ids)
        })
        .await
    }

    /// # Errors
    /// [`Error::IdsExhausted`] if a table has no ids left.
    pub(crate) async fn refuse_exhausted(&self) -> Result<()> {
        match self.exhausted_tables().await?.pop() {
            Some((table, last)) => Err(Error::IdsExhausted { table, last }),
            None => Ok(()),
        }
    }
}

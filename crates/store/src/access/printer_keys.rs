//! The API keys of printers, encrypted in the table `printers`.

use domain::PrinterId;
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};
use tracing::{info, warn};

use super::secret;
use crate::{
    Error, Result, Store,
    db::{dialect::Engine, error::Fault, record::Record, tables::Printers},
};

impl Store {
    /// Why printer API keys can be neither encrypted nor decrypted. `None` if they can be.
    #[must_use]
    pub fn secret_trouble(&self) -> Option<&str> {
        self.secret.trouble()
    }

    /// Whether the reason is that the secret key file has invalid content.
    #[must_use]
    pub fn is_secret_damaged(&self) -> bool {
        self.secret.is_damaged()
    }

    /// Which other users can access the secret key file, and a command that changes this. `None` if there are none.
    #[must_use]
    pub fn secret_exposure(&self) -> Option<&str> {
        self.secret.exposure()
    }

    /// Removes the API key of a printer, even if it cannot be decrypted.
    pub async fn remove_printer_key(&self, id: PrinterId, now: Timestamp) -> Result<()> {
        let statement = &Query::update()
            .table(Printers::Table)
            .value(Printers::MoonrakerApiKey, None::<String>)
            .value(Printers::UpdatedAt, now.as_millisecond())
            .and_where(Expr::col(Printers::Id).eq(id.0))
            .to_owned();
        let result = self
            .write("remove the API key of a printer", |tx| async move {
                tx.execute(statement).await?;
                Ok(())
            })
            .await;
        self.unreadable_keys.changed();
        result
    }

    /// Encrypts API keys that an older printlog stored unencrypted.
    pub(crate) async fn seal_plain_keys(&self) -> Result<()> {
        let query = &Query::select()
            .columns([Printers::Id, Printers::MoonrakerApiKey])
            .from(Printers::Table)
            .and_where(Expr::col(Printers::MoonrakerApiKey).is_not_null())
            .and_where(Expr::col(Printers::MoonrakerApiKey).not_like(format!("{}%", secret::MARK)))
            .to_owned();
        let plain: &Vec<(i64, String)> = &self
            .read("read the API keys of printers", |db| async move {
                let rows = db.query_all(query).await?;
                let key = |row| {
                    let record = Record::new(row, "printers", "id")?;
                    Ok((record.key, record.get("moonraker_api_key")?))
                };
                rows.iter().map(key).collect::<Result<_, Fault>>()
            })
            .await?;
        if plain.is_empty() {
            return Ok(());
        }
        // They are usable as they are, and encrypted at the first start with a secret.
        if let Some(reason) = self.secret_trouble() {
            warn!(
                "{} API keys of printers remain unencrypted: {reason}",
                plain.len()
            );
            return Ok(());
        }
        self.write("encrypt the API keys of printers", |tx| async move {
            if self.engine == Engine::Sqlite {
                // Overwrites the old values on disk instead of only unlinking them.
                tx.execute_unprepared("PRAGMA secure_delete = ON").await?;
            }
            for (id, key) in plain {
                let statement = Query::update()
                    .table(Printers::Table)
                    .value(Printers::MoonrakerApiKey, self.seal(key)?)
                    .and_where(Expr::col(Printers::Id).eq(*id))
                    // A user may have changed it since it was read.
                    .and_where(Expr::col(Printers::MoonrakerApiKey).eq(key.as_str()))
                    .to_owned();
                tx.execute(&statement).await?;
            }
            Ok(())
        })
        .await?;
        info!("encrypted the API keys of {} printers", plain.len());
        if self.engine == Engine::Sqlite {
            // Truncates the log, which would otherwise contain the keys until it is reused. If another connection is
            // reading, that happens later.
            let cut = "PRAGMA wal_checkpoint(TRUNCATE)";
            if let Err(cause) = self.writer.execute_unprepared(cut).await {
                warn!("cannot truncate SQLite's log: {cause}");
            }
        }
        Ok(())
    }

    pub(crate) fn seal(&self, key: &str) -> Result<String, Error> {
        self.secret.seal(key).map_err(|reason| Error::NoSecret { reason })
    }
}

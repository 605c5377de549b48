//! Checks of the database.

use std::io;

use domain::{JobTotals, LARGEST_ID, Printer};
use store::{Journal, Location, Store, TotalsMismatch};

use super::{Checks, Finding};
use crate::{error_chain::ErrorChain, server};

/// Advice for a damaged file.
const DAMAGED: &str = "stop the server and restore a backup with `printlog restore FILE`; later prints are read from the printers' histories";

impl Checks {
    pub(super) async fn check_store(&mut self, store: &Store, location: &Location) -> anyhow::Result<()> {
        if let Location::Sqlite { path } = location {
            match store.find_damage(path).await {
                Ok(()) => self.good("file", "the database file is not damaged".to_owned())?,
                Err(cause) => {
                    return self.bad("file", ErrorChain(&cause).to_string(), DAMAGED);
                }
            }
        }
        let info = store.info().await?;
        let size = info
            .size_bytes
            .map(|bytes| format!(", {:.1} MB", megabytes(bytes)))
            .unwrap_or_default();
        self.good(
            "database",
            format!(
                "{location}: {} {}, schema {}{size}",
                info.engine, info.version, info.schema_version
            ),
        )?;

        if store.journal() == Some(Journal::Rollback) {
            self.add(Finding {
                subject: "database".to_owned(),
                ok: true,
                found: server::NO_SHARED_MEMORY.to_owned(),
                advice: Some(
                    "move the database to a local disk: stop the server, move its folder, set database.path"
                        .to_owned(),
                ),
            })?;
        }
        self.check_ids(store).await?;
        let printers = store.printers().await?;
        self.check_totals(store, &printers).await?;
        self.check_aggregates(store).await?;
        self.check_deleted_jobs(store).await?;
        self.check_secret(store).await?;
        let waiting = store.details_counts().await?;
        self.good(
            "details",
            format!(
                "{} jobs pending, {} partial, {} failed",
                waiting.pending, waiting.partial, waiting.failed
            ),
        )?;
        self.check_printers(printers).await
    }

    async fn check_ids(&mut self, store: &Store) -> anyhow::Result<()> {
        for (table, last) in store.exhausted_tables().await? {
            let found = format!(
                "the ids of the table {table} are exhausted: the last one is {last}, and the largest possible one is {LARGEST_ID}. No new rows can be stored there. An imported row had this id"
            );
            let advice = "restore a backup from before that import (`printlog restore FILE`). Without one, run `printlog jobs export --format ndjson -o FILE` and `printlog import FILE` into a new database, which assigns other ids; then set the addresses of the printers again";
            self.bad("numbers", found, advice)?;
        }
        Ok(())
    }

    async fn check_totals(&mut self, store: &Store, printers: &[Printer]) -> anyhow::Result<()> {
        let mismatches = store.check_totals().await?;
        if mismatches.is_empty() {
            let jobs: i64 = store
                .all_totals()
                .await?
                .iter()
                .map(|(_, totals)| totals.total_jobs)
                .sum();
            self.good(
                "totals",
                format!("the totals match {jobs} jobs of {} printers", printers.len()),
            )?;
        }
        for mismatch in &mismatches {
            let advice = "this is a bug in printlog, please report it";
            self.bad("totals", describe_mismatch(mismatch, printers), advice)?;
        }
        Ok(())
    }

    async fn check_deleted_jobs(&mut self, store: &Store) -> anyhow::Result<()> {
        const SUBJECT: &str = "deleted jobs";
        let check = store.check_deleted_jobs().await?;
        if check.broken.is_empty() {
            let found = format!("{} are kept and can be restored", check.restorable);
            self.good(SUBJECT, found)?;
        }
        for (id, reason) in check.broken {
            let advice = "this is a bug in printlog, please report it; the job remains deleted";
            self.bad(
                SUBJECT,
                format!("job {} cannot be restored: {reason}", id.0),
                advice,
            )?;
        }
        Ok(())
    }

    async fn check_aggregates(&mut self, store: &Store) -> anyhow::Result<()> {
        let mismatches = store.check_aggregates().await?;
        if mismatches.is_empty() {
            self.good("aggregates", "the aggregates match the jobs".to_owned())?;
        }
        for mismatch in &mismatches {
            let found = format!(
                "the aggregates for {} of printer {} do not match its jobs",
                mismatch.month, mismatch.printer_id.0
            );
            let advice =
                "`printlog rebuild-aggregates` repairs them; this is a bug in printlog, please report it";
            self.bad("aggregates", found, advice)?;
        }
        Ok(())
    }

    async fn check_secret(&mut self, store: &Store) -> anyhow::Result<()> {
        const SUBJECT: &str = "keys of printers";
        if let Some(trouble) = store.secret_trouble() {
            let advice = match store.is_secret_damaged() {
                true => {
                    "restore the right file (see database.secret_file); if there is no copy, move this one away: the next start creates a new one, and stored keys must be entered again"
                }
                false => "keep the file, and make it readable for printlog (see database.secret_file)",
            };
            return self.bad(SUBJECT, trouble.to_owned(), advice);
        }
        if let Some(exposure) = store.secret_exposure() {
            self.add(Finding {
                subject: "secret".to_owned(),
                ok: true,
                found: exposure.to_owned(),
                advice: Some("deny other accounts access with that command".to_owned()),
            })?;
        }
        match store.unreadable_key_count().await? {
            0 => self.good(SUBJECT, "all keys are encrypted and can be decrypted".to_owned()),
            number => self.bad(
                SUBJECT,
                format!("{number} cannot be decrypted: they were encrypted with another secret"),
                "restore the right file (see database.secret_file), or enter these keys again: `printlog printers edit NAME --api-key-file FILE`",
            ),
        }
    }
}

/// Advice for a database that cannot be opened.
pub(super) fn advice_on_opening(cause: &store::Error, location: &Location) -> &'static str {
    use store::Error as E;
    match (cause, location) {
        (cause, _) if cause.is_of_damage() => DAMAGED,
        (E::NewerSchema { .. }, _) => {
            "use the newer printlog; to return to this version, restore the backup from before the upgrade with `printlog restore`, see docs/upgrade.md"
        }
        (E::Outdated { .. }, _) => {
            "stop that server, and start the server of this version, which upgrades the database"
        }
        (E::Unfinished { .. }, _) => {
            "repeat the restore or the migration; until then the database cannot be used"
        }
        (E::UnsupportedServer { .. }, _) => {
            "upgrade the server, or set another one in the section `database`"
        }
        (E::BackupFile { .. }, _) => {
            "free some space, or allow printlog to write there (`backup.folder`): it backs up the database before an upgrade"
        }
        (E::Open { source, .. }, Location::Sqlite { .. }) if is_refusal(&**source) => {
            "run the suggested command, or run printlog as the user of the server"
        }
        (_, Location::Sqlite { .. }) => {
            "see `database.path` in the configuration: does the folder exist, can printlog write there, is the disk full?"
        }
        (_, Location::MySql { .. }) => {
            "see the section `database` of the configuration: is the server running, are host, account and password correct?"
        }
    }
}

/// Whether access was denied. The error text then suggests a command.
fn is_refusal(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    cause
        .downcast_ref::<io::Error>()
        .is_some_and(|cause| cause.kind() == io::ErrorKind::PermissionDenied)
}

fn describe_mismatch(mismatch: &TotalsMismatch, printers: &[Printer]) -> String {
    let printer = printers.iter().find(|printer| printer.id == mismatch.printer_id);
    let name = printer.map_or_else(
        || mismatch.printer_id.0.to_string(),
        |printer| printer.config.name.clone(),
    );
    let describe = |totals: &JobTotals| {
        format!(
            "{} jobs, {:.1} s, {:.1} mm",
            totals.total_jobs, totals.total_time, totals.total_filament_used
        )
    };
    let stored = mismatch
        .stored
        .as_ref()
        .map_or_else(|| "none".to_owned(), describe);
    format!(
        "printer {name} has the totals {stored}; the sums over its jobs are {}",
        describe(&mismatch.computed)
    )
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

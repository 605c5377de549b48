//! `printlog check`: finds problems, and says what to do about them.

use std::{io, path::Path};

use domain::{JobTotals, LARGEST_ID, Printer};
use serde::Serialize;
use store::{Journal, Location, Opener, Store, TotalsMismatch};

use crate::{
    cli::{
        Exit, Output, load,
        output::{print_json, print_line},
    },
    clock::Clock,
    config::Config,
    error_chain::ErrorChain,
    logging,
    printers::probe::{self, Outcome},
    server,
};

/// Maximum number of printers tested at the same time.
const AT_ONCE: usize = 16;

/// Result of one check.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// Subject: `configuration`, `database`, `numbers`, `totals`, `aggregates`, `keys`, or `printer NAME`.
    subject: String,
    /// No problem was found. There may still be advice.
    ok: bool,
    /// What was found.
    found: String,
    /// What to do about it. `null` if there is nothing to do.
    advice: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    findings: Vec<Finding>,
}

pub(super) async fn check(file: Option<&Path>, output: Output) -> anyhow::Result<Exit> {
    let config = load(file)?;
    logging::start_for_command(&config.logging);
    let mut checks = Checks {
        findings: Vec::new(),
        is_json: output.json,
    };
    checks.run(&config).await?;
    let ok = checks.findings.iter().all(|finding| finding.ok);
    if output.json {
        print_json(&Report {
            ok,
            findings: checks.findings,
        })?;
    } else {
        print_line(if ok {
            "No problems found."
        } else {
            "Problems found, see above."
        })?;
    }
    Ok(if ok { Exit::Done } else { Exit::FoundTrouble })
}

/// All findings, for programs.
pub(super) async fn findings(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let mut checks = Checks {
        findings: Vec::new(),
        is_json: true,
    };
    checks.run(config).await?;
    Ok(checks.findings)
}

/// Advice for a damaged file.
const DAMAGED: &str = "stop the server and restore a backup with `printlog restore FILE`; later prints are read from the printers' histories";

struct Checks {
    findings: Vec<Finding>,
    is_json: bool,
}

impl Checks {
    async fn run(&mut self, config: &Config) -> anyhow::Result<()> {
        self.good("configuration", "is understood".to_owned())?;
        if let Err(cause) = config.moonraker.trust_ca_file() {
            let advice = "correct `moonraker.ca_file`: the server does not start with it";
            self.bad("certificates", ErrorChain(&cause).to_string(), advice)?;
        }
        let location = &config.database;
        let store = match config.open_store(Opener::Command, Clock::start().now()).await {
            Ok((store, _)) => store,
            Err(cause) => {
                let advice = advice_on_opening(&cause, location);
                return self.bad("database", ErrorChain(&cause).to_string(), advice);
            }
        };
        let checked = self.check_store(&store, location).await;
        store.close().await?;
        checked
    }

    async fn check_store(&mut self, store: &Store, location: &Location) -> anyhow::Result<()> {
        if let Location::Sqlite { path } = location {
            match store.find_damage(path).await {
                Ok(()) => self.good("file", "of the database is sound".to_owned())?,
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
        for (table, last) in store.exhausted_tables().await? {
            let found = format!(
                "of the table {table} are exhausted: the last one is {last}, and the largest is {LARGEST_ID}. No new rows can be stored there. An imported row had this id"
            );
            let advice = "restore a backup from before that import (`printlog restore FILE`). Without one, run `printlog jobs export --format ndjson -o FILE` and `printlog import FILE` into a new database, which assigns other ids; then set the addresses of the printers again";
            self.bad("numbers", found, advice)?;
        }
        let mismatches = store.check_totals().await?;
        let printers = store.printers().await?;
        if mismatches.is_empty() {
            let jobs: i64 = store
                .all_totals()
                .await?
                .iter()
                .map(|(_, totals)| totals.total_jobs)
                .sum();
            self.good(
                "totals",
                format!("equal the sums over {jobs} jobs of {} printers", printers.len()),
            )?;
        }
        for mismatch in &mismatches {
            let advice = "this is a bug in printlog, please report it";
            self.bad("totals", describe_mismatch(mismatch, &printers), advice)?;
        }
        let mismatches = store.check_aggregates().await?;
        if mismatches.is_empty() {
            self.good("aggregates", "match the jobs".to_owned())?;
        }
        for mismatch in &mismatches {
            let found = format!(
                "of {} of printer {} do not match its jobs",
                mismatch.month, mismatch.printer_id.0
            );
            let advice =
                "`printlog rebuild-aggregates` repairs them; this is a bug in printlog, please report it";
            self.bad("aggregates", found, advice)?;
        }
        self.check_secret(store).await?;
        let waiting = store.details_counts().await?;
        self.good(
            "details",
            format!(
                "of {} jobs are pending, of {} partial, of {} failed",
                waiting.pending, waiting.partial, waiting.failed
            ),
        )?;
        self.check_printers(printers).await
    }

    async fn check_secret(&mut self, store: &Store) -> anyhow::Result<()> {
        const SUBJECT: &str = "keys of printers";
        if let Some(trouble) = store.secret_trouble() {
            let advice = match store.is_secret_damaged() {
                true => {
                    "put a copy of the right file there (see database.secret_file); if there is none, move this one away: the next start creates a new one, and stored keys must be entered again"
                }
                false => "keep the file, and let printlog read it (see database.secret_file)",
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
            0 => self.good(SUBJECT, "are encrypted, and can be decrypted".to_owned()),
            number => self.bad(
                SUBJECT,
                format!("{number} cannot be decrypted: they were encrypted with another secret"),
                "restore the right file (see database.secret_file), or enter these keys again: `printlog printers edit NAME --api-key-file FILE`",
            ),
        }
    }

    async fn check_printers(&mut self, printers: Vec<Printer>) -> anyhow::Result<()> {
        if printers.is_empty() {
            self.good(
                "printers",
                "there are none yet; `printlog printers add NAME URL` adds one".to_owned(),
            )?;
        }
        let mut printers = printers.into_iter();
        loop {
            let batch: Vec<_> = printers.by_ref().take(AT_ONCE).collect();
            if batch.is_empty() {
                return Ok(());
            }
            let probes: Vec<_> = batch
                .into_iter()
                .map(|printer| {
                    tokio::spawn(async move {
                        let config = &printer.config;
                        let verdict = match config.is_active {
                            true => Some(
                                probe::probe(&config.moonraker_url, config.moonraker_api_key.as_deref())
                                    .await,
                            ),
                            false => None,
                        };
                        (printer, verdict)
                    })
                })
                .collect();
            for probe in probes {
                let (printer, verdict) = probe.await?;
                self.printer(&printer, verdict)?;
            }
        }
    }

    fn printer(&mut self, printer: &Printer, verdict: Option<probe::Verdict>) -> anyhow::Result<()> {
        let subject = format!("printer {}", printer.config.name);
        let Some(verdict) = verdict else {
            return self.good(&subject, "is inactive; not tested".to_owned());
        };
        let found = crate::cli::printers::describe(&printer.config.moonraker_url, &verdict);
        let edit = format!("`printlog printers edit {}", printer.id.0);
        match (verdict.outcome, printer.last_seen) {
            (Outcome::Ok, _) if verdict.keeps_no_history() => self.add(Finding {
                subject,
                ok: true,
                found,
                advice: Some(
                    "nothing, if this is intended. Otherwise add a section [history] to moonraker.conf, and look for database errors in moonraker.log: without a history, prints that run while printlog is down are not recorded"
                        .to_owned(),
                ),
            }),
            (Outcome::Ok, _) => self.good(&subject, found),
            (Outcome::NoPrint, _) => self.bad(
                &subject,
                found,
                "see klippy.log and moonraker.log; printlog reads `print_stats` with printer.objects.subscribe",
            ),
            (Outcome::KeyNeeded | Outcome::WrongKey, _) => {
                self.bad(&subject, found, &format!("{edit} --api-key-file FILE` stores the right key"))
            }
            (Outcome::Unreachable, Some(last_seen)) if verdict.may_be_off => self.add(Finding {
                subject,
                ok: true,
                found,
                advice: Some(format!(
                    "nothing, if it is switched off: its prints are imported later. It last responded at {last_seen:.0}; if it has another address now, {edit} --url URL` stores it"
                )),
            }),
            (Outcome::Unreachable, None) if verdict.may_be_off => self.bad(
                &subject,
                found,
                &format!(
                    "it has never responded at this address: switch it on, or correct the address with {edit} --url URL`"
                ),
            ),
            (Outcome::Unreachable, _) => self.bad(
                &subject,
                found,
                &format!(
                    "make sure that Moonraker runs there and that printlog can reach it, or correct the address with {edit} --url URL`, usually http://HOST:7125"
                ),
            ),
            (Outcome::WrongAddress | Outcome::NotMoonraker, _) => self.bad(
                &subject,
                found,
                &format!("{edit} --url URL` stores the address of its Moonraker, usually http://HOST:7125"),
            ),
        }
    }

    fn good(&mut self, subject: &str, found: String) -> anyhow::Result<()> {
        self.add(Finding {
            subject: subject.to_owned(),
            ok: true,
            found,
            advice: None,
        })
    }

    fn bad(&mut self, subject: &str, found: String, advice: &str) -> anyhow::Result<()> {
        self.add(Finding {
            subject: subject.to_owned(),
            ok: false,
            found,
            advice: Some(advice.to_owned()),
        })
    }

    /// Prints a finding at once, because reaching printers takes time.
    fn add(&mut self, finding: Finding) -> anyhow::Result<()> {
        if !self.is_json {
            let mark = match (finding.ok, &finding.advice) {
                (true, None) => "ok   ",
                (true, Some(_)) => "note ",
                (false, _) => "WRONG",
            };
            print_line(&format!("{mark}  {}: {}", finding.subject, finding.found))?;
            if let Some(advice) = &finding.advice {
                print_line(&format!("       to do: {advice}"))?;
            }
        }
        self.findings.push(finding);
        Ok(())
    }
}

/// Advice for a database that cannot be opened.
fn advice_on_opening(cause: &store::Error, location: &Location) -> &'static str {
    use store::Error as E;
    match (cause, location) {
        (cause, _) if cause.is_of_damage() => DAMAGED,
        (E::NewerSchema { .. }, _) => {
            "use the newer printlog; to return to this version, restore the backup from before the upgrade with `printlog restore`, see docs/upgrade.md"
        }
        (E::Outdated { .. }, _) => {
            "stop that server, and start the one of this version: it upgrades the database"
        }
        (E::Unfinished { .. }, _) => {
            "repeat the restore or the migration; until then the database cannot be used"
        }
        (E::UnsupportedServer { .. }, _) => {
            "upgrade the server, or set another one in the section `database`"
        }
        (E::BackupFile { .. }, _) => {
            "free some space, or let printlog write there (`backup.folder`): it backs up the database before an upgrade"
        }
        (E::Open { source, .. }, Location::Sqlite { .. }) if is_refusal(&**source) => {
            "do that, or run this command as the user of the server"
        }
        (_, Location::Sqlite { .. }) => {
            "see `database.path` in the configuration: does the folder exist, may printlog write there, is the disk full?"
        }
        (_, Location::MySql { .. }) => {
            "see the section `database` of the configuration: is the server running, are host, account and password right?"
        }
    }
}

/// Whether access was denied. The error text says what to do then.
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
        .map_or_else(|| "nothing".to_owned(), describe);
    format!(
        "of printer {name} are {stored}; the sums over its jobs are {}",
        describe(&mismatch.computed)
    )
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

//! `printlog check`: what is wrong, and what to do.

use std::path::Path;

use domain::{JobTotals, Printer};
use serde::Serialize;
use store::{Store, TotalsMismatch};

use super::{
    Exit, Output, load,
    output::{print_json, print_line},
};
use crate::{
    config::Config,
    ingest::Clock,
    logging,
    probe::{self, Outcome},
};

/// Printers that are tried at the same time.
const AT_ONCE: usize = 16;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// What: `configuration`, `database`, `totals`, `aggregates`, `keys`, or `printer NAME`.
    subject: String,
    ok: bool,
    /// What was found.
    found: String,
    /// What to do about it. `null` if nothing is to be done.
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
            "All is well."
        } else {
            "Something is wrong, see above."
        })?;
    }
    Ok(if ok { Exit::Done } else { Exit::FoundTrouble })
}

/// Everything that is found, for a program.
pub(super) async fn findings(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let mut checks = Checks {
        findings: Vec::new(),
        is_json: true,
    };
    checks.run(config).await?;
    Ok(checks.findings)
}

/// What to do about a damaged file.
const DAMAGED: &str = "end the server and put a backup in its place with `printlog restore FILE`; what has been printed \
                       since then is read from the printers";

struct Checks {
    findings: Vec<Finding>,
    is_json: bool,
}

impl Checks {
    async fn run(&mut self, config: &Config) -> anyhow::Result<()> {
        self.good("configuration", "is understood".to_owned())?;
        let location = &config.database;
        let store = match config.open_store(Clock::start().now()).await {
            Ok((store, _)) => store,
            Err(cause) => {
                let advice = match cause.is_of_damage() {
                    true => DAMAGED,
                    false => {
                        "see the section `database` of the configuration; is the server on, are account and password \
                         right, may printlog write there?"
                    }
                };
                return self.bad("database", format!("{:#}", anyhow::Error::new(cause)), advice);
            }
        };
        let checked = self.check_store(&store, location).await;
        store.close().await?;
        checked
    }

    async fn check_store(&mut self, store: &Store, location: &store::Location) -> anyhow::Result<()> {
        if let store::Location::Sqlite { path } = location {
            match store.find_damage(path).await {
                Ok(()) => self.good("file", "of the database is sound".to_owned())?,
                Err(cause) => {
                    return self.bad("file", format!("{:#}", anyhow::Error::new(cause)), DAMAGED);
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
            let advice = "this is a bug of printlog, please report it";
            self.bad("totals", mismatch_told(mismatch, &printers), advice)?;
        }
        let mismatches = store.check_aggregates().await?;
        if mismatches.is_empty() {
            self.good("aggregates", "say what the jobs say".to_owned())?;
        }
        for mismatch in &mismatches {
            let found = format!(
                "of {} of printer {} are not what its jobs say",
                mismatch.month, mismatch.printer_id.0
            );
            let advice =
                "`printlog rebuild-aggregates` mends them; this is a bug of printlog, please report it";
            self.bad("aggregates", found, advice)?;
        }
        self.check_secret(store).await?;
        let waiting = store.details_counts().await?;
        self.good(
            "details",
            format!(
                "of {} jobs are still to be read from their files, of {} known in part, of {} given up",
                waiting.pending, waiting.partial, waiting.failed
            ),
        )?;
        self.check_printers(printers).await
    }

    async fn check_secret(&mut self, store: &Store) -> anyhow::Result<()> {
        const SUBJECT: &str = "keys of printers";
        if let Some(trouble) = store.secret_trouble() {
            let advice = "put the right file there (database.secret_file says where), or remove a damaged one: the next \
                          start makes a new one, and keys that are stored must be entered anew";
            return self.bad(SUBJECT, trouble.to_owned(), advice);
        }
        match store.unreadable_key_count().await? {
            0 => self.good(SUBJECT, "are encrypted, and can be read".to_owned()),
            number => self.bad(
                SUBJECT,
                format!("{number} cannot be decrypted: they were encrypted with another secret"),
                "put the right file back (database.secret_file says where), or enter these keys anew: PUT \
                 /api/printers/{id} with moonraker_api_key",
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
            return self.good(&subject, "is switched off in printlog; not tried".to_owned());
        };
        let found = super::printers::told(&printer.config.moonraker_url, &verdict);
        match verdict.outcome {
            Outcome::Ok => self.good(&subject, found),
            Outcome::KeyNeeded | Outcome::WrongKey => self.bad(
                &subject,
                found,
                "store the right key: PUT /api/printers/{id} with moonraker_api_key",
            ),
            Outcome::Unreachable => self.bad(
                &subject,
                found,
                "if it is just switched off, all is well: its prints are imported later",
            ),
            Outcome::WrongAddress | Outcome::NotMoonraker => self.bad(
                &subject,
                found,
                "store the address of its Moonraker, mostly http://HOST:7125",
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

    /// Shown as it is found: reaching printers takes its time.
    fn add(&mut self, finding: Finding) -> anyhow::Result<()> {
        if !self.is_json {
            let mark = if finding.ok { "ok   " } else { "WRONG" };
            print_line(&format!("{mark}  {}: {}", finding.subject, finding.found))?;
            if let Some(advice) = &finding.advice {
                print_line(&format!("       to do: {advice}"))?;
            }
        }
        self.findings.push(finding);
        Ok(())
    }
}

fn mismatch_told(mismatch: &TotalsMismatch, printers: &[Printer]) -> String {
    let printer = printers.iter().find(|printer| printer.id == mismatch.printer_id);
    let name = printer.map_or_else(
        || mismatch.printer_id.0.to_string(),
        |printer| printer.config.name.clone(),
    );
    let told = |totals: &JobTotals| {
        format!(
            "{} jobs, {:.1} s, {:.1} mm",
            totals.total_jobs, totals.total_time, totals.total_filament_used
        )
    };
    let stored = mismatch
        .stored
        .as_ref()
        .map_or_else(|| "nothing".to_owned(), told);
    format!(
        "of printer {name} say {stored}; its jobs say {}",
        told(&mismatch.computed)
    )
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

//! Checks of the printers.

use domain::Printer;

use super::{Checks, Finding};
use crate::printers::probe::{self, Outcome};

/// Maximum number of printers tested at the same time.
const AT_ONCE: usize = 16;

impl Checks {
    pub(super) async fn check_printers(&mut self, printers: Vec<Printer>) -> anyhow::Result<()> {
        if printers.is_empty() {
            self.good(
                "printers",
                "no printers yet; `printlog printers add NAME URL` adds one".to_owned(),
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
}

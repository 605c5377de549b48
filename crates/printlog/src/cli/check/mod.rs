//! `printlog check`: finds problems, and suggests what to do about them.

mod database;
mod printers;

use std::path::Path;

use serde::Serialize;
use store::Opener;

use crate::{
    cli::{
        Exit, Output, load,
        output::{print_json, print_line},
    },
    clock::Clock,
    config::Config,
    error_chain::ErrorChain,
    logging,
};

/// Result of one check.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// Subject, such as `configuration`, `database`, `totals`, or `printer NAME`.
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

struct Checks {
    findings: Vec<Finding>,
    is_json: bool,
}

impl Checks {
    async fn run(&mut self, config: &Config) -> anyhow::Result<()> {
        self.good("configuration", "the configuration is valid".to_owned())?;
        if let Err(cause) = config.moonraker.trust_ca_file() {
            let advice = "correct `moonraker.ca_file`: the server does not start with it";
            self.bad("certificates", ErrorChain(&cause).to_string(), advice)?;
        }
        let location = &config.database;
        let store = match config.open_store(Opener::Command, Clock::start().now()).await {
            Ok((store, _)) => store,
            Err(cause) => {
                let advice = database::advice_on_opening(&cause, location);
                return self.bad("database", ErrorChain(&cause).to_string(), advice);
            }
        };
        let checked = self.check_store(&store, location).await;
        store.close().await?;
        checked
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

//! `printlog diagnostics`: writes one file to attach to a report, without secrets.

use std::{
    fs,
    io::{self, Read as _, Seek as _, SeekFrom, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use domain::Printer;
use store::{Location, Opener, Store};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{
    api::PrinterList,
    cli::{Exit, check, load, output::print_line},
    clock::Clock,
    config::Config,
    logging,
};

/// Maximum bytes from the end of each log file.
const LOG: u64 = 1024 * 1024;
/// Replacement for a secret.
const HIDDEN: &str = "(hidden)";
/// Prefix of printlog's keys, and the number of letters and digits after it; the first few are shown everywhere.
const KEY: (&str, usize) = ("3dp_", 43);
const KEY_SHOWN: usize = 8;

pub(super) async fn run(file: Option<&Path>, output: Option<PathBuf>) -> anyhow::Result<Exit> {
    let config = load(file)?;
    logging::start_for_command(&config.logging);
    let now = Clock::start().now();
    let path = output.unwrap_or_else(|| {
        now.strftime("printlog-diagnostics-%Y%m%d-%H%M%S.zip")
            .to_string()
            .into()
    });
    let mut secrets = Secrets::of_config(&config);
    let about = format!(
        "printlog {}\n{} on {}\nwritten {now}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        std::env::consts::OS
    );
    let mut texts = vec![
        ("about.txt".to_owned(), about),
        ("configuration.txt".to_owned(), format!("{config:#?}\n")),
        (
            "findings.json".to_owned(),
            serde_json::to_string_pretty(&check::findings(&config).await?)?,
        ),
    ];
    match of_database(&config).await {
        Ok((printers, list)) => {
            secrets.add_printers(&printers);
            texts.push(("printers.json".to_owned(), list));
        }
        // The findings contain this error, too.
        Err(cause) => texts.push(("printers.txt".to_owned(), format!("{cause:#}\n"))),
    }
    texts.extend(logs(&config)?);

    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .open(&path)
        .with_context(|| format!("cannot create {}", path.display()))?;
    write(file, &texts, &secrets).with_context(|| format!("cannot write {}", path.display()))?;
    print_line(&format!("Wrote {}.", path.display()))?;
    eprintln!(
        "Keys and passwords are left out; names of printers, addresses and files are included. Read it before you send it."
    );
    Ok(Exit::Done)
}

async fn of_database(config: &Config) -> anyhow::Result<(Vec<Printer>, String)> {
    let (store, _) = config.open_store(Opener::Command, Clock::start().now()).await?;
    let read = read(&store).await;
    store.close().await?;
    read
}

async fn read(store: &Store) -> anyhow::Result<(Vec<Printer>, String)> {
    let list = serde_json::to_string_pretty(&PrinterList::read(store).await?)?;
    Ok((store.printers().await?, list))
}

/// The ends of the log file and of the rotated ones.
fn logs(config: &Config) -> io::Result<Vec<(String, String)>> {
    let Some(current) = &config.logging.file else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for age in ["", ".1", ".2"] {
        let mut path = current.clone().into_os_string();
        path.push(age);
        match fs::File::open(&path) {
            Ok(file) => found.push((format!("printlog.log{age}"), end_of(file)?)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => found.push((format!("printlog.log{age}"), format!("cannot be read: {cause}\n"))),
        }
    }
    Ok(found)
}

fn end_of(mut file: fs::File) -> io::Result<String> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG)))?;
    let mut bytes = Vec::new();
    file.take(LOG).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn write(file: fs::File, texts: &[(String, String)], secrets: &Secrets) -> anyhow::Result<()> {
    let mut bundle = ZipWriter::new(file);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, text) in texts {
        bundle.start_file(name.as_str(), options)?;
        bundle.write_all(secrets.hidden_in(text).as_bytes())?;
    }
    bundle.finish()?.sync_all()?;
    Ok(())
}

/// Secrets that must not be in a bundle. What is written should contain none anyway; this is a second safeguard.
#[derive(Default)]
struct Secrets(Vec<String>);

impl Secrets {
    fn of_config(config: &Config) -> Self {
        let mut secrets = Self::default();
        if let Location::MySql { url } = &config.database
            && let Some(password) = url.password()
        {
            secrets.add(password);
            secrets.add(&percent_decoded(password));
        }
        if let Ok(secret) = fs::read_to_string(config.secret_file()) {
            secrets.add(secret.trim());
        }
        secrets
    }

    fn add_printers(&mut self, printers: &[Printer]) {
        for key in printers
            .iter()
            .filter_map(|printer| printer.config.moonraker_api_key.as_deref())
        {
            self.add(key);
        }
    }

    /// Longest first, because one secret may be part of another.
    fn add(&mut self, secret: &str) {
        if !secret.is_empty() {
            self.0.push(secret.to_owned());
            self.0.sort_by_key(|known| std::cmp::Reverse(known.len()));
        }
    }

    fn hidden_in(&self, text: &str) -> String {
        let text = self
            .0
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN));
        without_keys(&text)
    }
}

/// Replaces printlog's own keys, which can only be recognised by their form.
fn without_keys(text: &str) -> String {
    let mut parts = text.split(KEY.0);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(KEY.0);
        let letters = part.bytes().take_while(u8::is_ascii_alphanumeric).count();
        if letters >= KEY.1 {
            out.push_str(&part[..KEY_SHOWN]);
            out.push_str(HIDDEN);
            out.push_str(&part[letters..]);
        } else {
            out.push_str(part);
        }
    }
    out
}

fn percent_decoded(text: &str) -> String {
    url::form_urlencoded::parse(format!("x={}", text.replace('+', "%2B")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        let mut secrets = Secrets::default();
        secrets.add("abc");
        secrets.add("abcdef");
        let key = format!("3dp_{}", "k".repeat(43));
        let text = format!("x abcdef y abc z key={key}, 3dp_short 3dp_");
        assert_eq!(
            secrets.hidden_in(&text),
            "x (hidden) y (hidden) z key=3dp_kkkkkkkk(hidden), 3dp_short 3dp_"
        );
        assert_eq!(percent_decoded("p%40ss+w%25rd"), "p@ss+w%rd");
    }
}

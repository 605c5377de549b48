//! `printlog printers`.

use anyhow::{Context as _, bail};
use domain::{JobTotals, Printer, PrinterId};
use serde_json::json;
use store::{DeletedPrinter, Store};

use crate::{
    api::{PrinterBody, PrinterList, TestBody},
    cli::{
        Context, Exit, UsageError,
        arguments::{
            AddPrinter, EditPrinter, Output, PrinterKey, PrintersCommand, RemovePrinter, TestPrinter,
        },
        output::{Table, instant, metres, print_json, print_line, text},
        secret,
    },
    printers::{
        address::without_login,
        input,
        probe::{self, Outcome, Verdict},
    },
};

pub(super) async fn run(context: &Context, command: PrintersCommand) -> anyhow::Result<Exit> {
    match command {
        PrintersCommand::Add(arguments) => add(context, arguments).await,
        PrintersCommand::List(output) => list(context, output).await,
        PrintersCommand::Test(arguments) => test(context, arguments).await,
        PrintersCommand::Edit(arguments) => edit(context, arguments).await,
        PrintersCommand::Remove(arguments) => remove(context, arguments).await,
    }
}

async fn add(context: &Context, arguments: AddPrinter) -> anyhow::Result<Exit> {
    let key = key(&arguments.key)?;
    let printer = input::printer(
        &arguments.name,
        None,
        arguments.location.as_deref(),
        &arguments.url,
        key.as_deref(),
        !arguments.inactive,
    )
    .map_err(|errors| UsageError::of_fields(&errors))?;
    let printer = context.store.add_printer(&printer, context.clock.now()).await?;
    if arguments.output.json {
        print_json(&PrinterBody::new(printer, JobTotals::default()))?;
    } else {
        let (id, name) = (printer.id.0, &printer.config.name);
        print_line(&format!(
            "Added printer {id}, {name}, at {}.",
            printer.config.moonraker_url
        ))?;
        print_line(&format!(
            "A running server connects to it within seconds. `printlog printers test {id}` tests the connection now."
        ))?;
    }
    Ok(Exit::Done)
}

async fn list(context: &Context, output: Output) -> anyhow::Result<Exit> {
    let printers = PrinterList::read(&context.store).await?;
    if output.json {
        print_json(&printers)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new([
        "ID",
        "NAME",
        "LOCATION",
        "URL",
        "ACTIVE",
        "LAST SEEN",
        "JOBS",
        "FILAMENT",
    ]);
    for printer in &printers.items {
        table.row([
            printer.id.to_string(),
            printer.name.clone(),
            text(printer.location.as_deref()),
            printer.moonraker_url.clone(),
            (if printer.is_active { "yes" } else { "no" }).to_owned(),
            instant(printer.last_seen),
            printer.totals.total_jobs.to_string(),
            metres(Some(printer.totals.total_filament_used)),
        ]);
    }
    table.print()?;
    Ok(Exit::Done)
}

async fn test(context: &Context, arguments: TestPrinter) -> anyhow::Result<Exit> {
    context
        .moonraker
        .trust_ca_file()
        .context("see moonraker.ca_file in the configuration")?;
    let given_key = key(&arguments.key)?;
    let stored = find(&context.store, &arguments.printer).await?;
    let (url, key) = match stored {
        Some(printer) => (
            printer.config.moonraker_url,
            given_key.or(printer.config.moonraker_api_key),
        ),
        None => (arguments.printer, given_key),
    };
    let verdict = probe::probe(&url, key.as_deref()).await;
    let exit = if verdict.outcome == Outcome::Ok {
        Exit::Done
    } else {
        Exit::FoundTrouble
    };
    if arguments.output.json {
        print_json(&TestBody::from(verdict))?;
    } else {
        print_line(&describe(&without_login(&url), &verdict))?;
    }
    Ok(exit)
}

/// The result of a connection test as text for users.
pub(super) fn describe(url: &str, verdict: &Verdict) -> String {
    let reason = verdict.reason.as_deref();
    if verdict.outcome != Outcome::Ok {
        return format!("{url}: failed: {}", reason.unwrap_or("it cannot be recorded"));
    }
    let report = &verdict.report;
    let moonraker = match &report.moonraker_version {
        Some(version) => format!("Moonraker {version}"),
        None => "Moonraker".to_owned(),
    };
    let host = report
        .hostname
        .as_deref()
        .map(|host| format!(" on {host}"))
        .unwrap_or_default();
    let state = match reason {
        None => "Klipper is ready".to_owned(),
        Some(reason) => format!("but {reason}"),
    };
    let limitations: String = report
        .limitations
        .iter()
        .map(|limitation| format!("; {limitation}"))
        .collect();
    format!("{url}: ok, {moonraker}{host}, {state}{limitations}")
}

async fn edit(context: &Context, arguments: EditPrinter) -> anyhow::Result<Exit> {
    let Some(stored) = find(&context.store, &arguments.printer).await? else {
        bail!(no_such_printer(&arguments.printer));
    };
    let config = stored.config;
    let key = match arguments.no_api_key {
        true => None,
        false => key(&arguments.key)?.or(config.moonraker_api_key),
    };
    let printer = input::printer(
        arguments.name.as_deref().unwrap_or(&config.name),
        Some(config.kind.as_str()),
        arguments.location.as_deref().or(config.location.as_deref()),
        arguments.url.as_deref().unwrap_or(&config.moonraker_url),
        key.as_deref(),
        (config.is_active || arguments.active) && !arguments.inactive,
    )
    .map_err(|errors| UsageError::of_fields(&errors))?;
    let now = context.clock.now();
    if arguments.no_api_key {
        // A key that cannot be decrypted would be kept otherwise.
        context.store.remove_printer_key(stored.id, now).await?;
    }
    let Some(printer) = context.store.update_printer(stored.id, &printer, now).await? else {
        bail!(no_such_printer(&arguments.printer));
    };
    if arguments.output.json {
        let totals = context.store.totals(printer.id).await?.unwrap_or_default();
        print_json(&PrinterBody::new(printer, totals))?;
    } else {
        print_line(&format!(
            "Changed printer {}, {}. A running server applies this within seconds.",
            printer.id.0, printer.config.name
        ))?;
    }
    Ok(Exit::Done)
}

async fn remove(context: &Context, arguments: RemovePrinter) -> anyhow::Result<Exit> {
    let Some(printer) = find(&context.store, &arguments.printer).await? else {
        bail!(no_such_printer(&arguments.printer));
    };
    match context
        .store
        .delete_printer(printer.id, arguments.delete_jobs, context.clock.now())
        .await?
    {
        DeletedPrinter::Deleted if arguments.output.json => {
            print_json(&json!({"id": printer.id.0, "name": printer.config.name, "removed": true}))?;
        }
        DeletedPrinter::Deleted => print_line(&format!("Removed printer {}.", printer.config.name))?,
        DeletedPrinter::NotFound => bail!(no_such_printer(&arguments.printer)),
        DeletedPrinter::HasJobs(count) => bail!(
            "printer {} has {count} jobs; --delete-jobs deletes them, too. Nothing was changed",
            printer.config.name
        ),
    }
    Ok(Exit::Done)
}

/// The printer with this name or, if there is none, with this id.
pub(super) async fn find(store: &Store, wanted: &str) -> anyhow::Result<Option<Printer>> {
    if let Some(printer) = store.printer_by_name(wanted).await? {
        return Ok(Some(printer));
    }
    match wanted.trim().parse() {
        Ok(id) => Ok(store.printer(PrinterId(id)).await?),
        Err(_) => Ok(None),
    }
}

pub(super) fn no_such_printer(wanted: &str) -> String {
    format!("there is no printer `{wanted}`; `printlog printers list` shows them")
}

fn key(arguments: &PrinterKey) -> anyhow::Result<Option<String>> {
    match &arguments.api_key_file {
        Some(file) => Ok(Some(secret::read(file, "the API key")?.trim().to_owned())),
        None => Ok(arguments.api_key.clone()),
    }
}

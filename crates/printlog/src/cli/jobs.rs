//! `printlog jobs`.

use domain::{JobFilter, JobId, PrinterId};
use store::{Store, Unchanged};

use crate::{
    api::{DeletedJobListBody, Fault, JobListBody},
    cli::{
        Context, Exit, UsageError,
        arguments::{JobFilterArguments, JobsCommand, ListJobs, RestoreJob},
        export,
        output::{Table, duration, instant, metres, print_json, print_line, text},
        printers,
    },
    export::{ExportFormat, Exporter, Layout},
    input::page,
};

pub(super) async fn run(context: &Context, command: JobsCommand) -> anyhow::Result<Exit> {
    match command {
        JobsCommand::List(arguments) if arguments.deleted => list_deleted(context, arguments).await,
        JobsCommand::Restore(arguments) => restore(context, &arguments).await,
        JobsCommand::List(arguments) => list(context, arguments).await,
        JobsCommand::Export(arguments) => {
            if arguments.bom && arguments.format != ExportFormat::Csv {
                return Err(UsageError("--bom requires the format csv".to_owned()).into());
            }
            let filter = filter(&context.store, &arguments.filter).await?;
            export::export(
                &context.store,
                &filter,
                Exporter::new(arguments.format, arguments.bom, Layout::Raw)?,
                arguments.output.as_deref(),
            )
            .await?;
            Ok(Exit::Done)
        }
    }
}

async fn list(context: &Context, arguments: ListJobs) -> anyhow::Result<Exit> {
    let filter = filter(&context.store, &arguments.filter).await?;
    let order = arguments.sort;
    let after = match &arguments.cursor {
        Some(text) => {
            let cursor = page::decode(text).and_then(|place| place.within(order));
            Some(cursor.ok_or_else(|| {
                UsageError(
                    "--cursor does not belong to this list; use `next` of the previous page, with its --sort"
                        .to_owned(),
                )
            })?)
        }
        None => None,
    };
    let page = context
        .store
        .list_jobs_in(order, &filter, arguments.limit.into(), after)
        .await?;
    let page = JobListBody::new(order, page);
    if arguments.output.json {
        print_json(&page)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["ID", "PRINTER", "STARTED", "STATUS", "TIME", "FILAMENT", "FILE"]);
    for job in page.items.iter().map(|item| &item.job) {
        table.row([
            job.id.to_string(),
            job.printer_name.clone(),
            instant(job.start_time),
            job.status.to_owned(),
            duration(job.total_duration),
            metres(job.filament_used),
            text(job.filename.as_deref()),
        ]);
    }
    table.print()?;
    match &page.next {
        Some(next) => eprintln!(
            "{} of {} jobs. --cursor {next} shows more.",
            page.items.len(),
            page.total
        ),
        None => eprintln!("{} of {} jobs.", page.items.len(), page.total),
    }
    Ok(Exit::Done)
}

async fn list_deleted(context: &Context, arguments: ListJobs) -> anyhow::Result<Exit> {
    let filter = filter(&context.store, &arguments.filter).await?;
    let of_printers = JobFilter {
        printer_ids: filter.printer_ids.clone(),
        ..JobFilter::default()
    };
    if filter != of_printers {
        return Err(UsageError("--deleted takes no filter but --printer".to_owned()).into());
    }
    let after = arguments.cursor.as_deref().map(page::deleted_place).transpose();
    let after = after.map_err(|message| UsageError(format!("--cursor {message}")))?;
    let deleted = context
        .store
        .deleted_jobs(&filter.printer_ids, arguments.limit.into(), after)
        .await?;
    let page = DeletedJobListBody::new(deleted, context.retention.deleted_jobs);
    if arguments.output.json {
        print_json(&page)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new([
        "ID",
        "PRINTER",
        "STARTED",
        "STATUS",
        "FILE",
        "DELETED",
        "BY",
        "RESTORABLE UNTIL",
    ]);
    for deleted in &page.items {
        let job = &deleted.job.job;
        table.row([
            job.id.to_string(),
            job.printer_name.clone(),
            instant(job.start_time),
            job.status.to_owned(),
            text(job.filename.as_deref()),
            instant(Some(deleted.deleted_at)),
            text(deleted.deleted_by.as_deref()),
            instant(Some(deleted.expires_at)),
        ]);
    }
    table.print()?;
    match &page.next {
        Some(next) => eprintln!("{} deleted jobs. --cursor {next} shows more.", page.items.len()),
        None => eprintln!("{} deleted jobs.", page.items.len()),
    }
    Ok(Exit::Done)
}

async fn restore(context: &Context, arguments: &RestoreJob) -> anyhow::Result<Exit> {
    let id = JobId(arguments.id);
    match context.store.restore_job(id, context.clock.now()).await? {
        None => {}
        Some(Unchanged::RecordedAgain(other)) => anyhow::bail!(Fault::JobRecordedAgain { id: other.0 }),
        Some(_) => anyhow::bail!(Fault::JobNotDeleted { id: id.0 }),
    }
    match arguments.output.json {
        true => print_json(&serde_json::json!({ "restored": id.0 }))?,
        false => print_line(&format!("Restored job {}.", id.0))?,
    }
    Ok(Exit::Done)
}

async fn filter(store: &Store, arguments: &JobFilterArguments) -> anyhow::Result<JobFilter> {
    let mut printer_ids: Vec<PrinterId> = Vec::new();
    for wanted in &arguments.printer {
        let printer = printers::find(store, wanted).await?;
        printer_ids.push(
            printer
                .ok_or_else(|| UsageError(printers::no_such_printer(wanted)))?
                .id,
        );
    }
    Ok(arguments.of_printers(printer_ids))
}

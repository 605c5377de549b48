//! `printlog jobs`.

use domain::{JobFilter, PrinterId};
use store::Store;

use crate::{
    api::JobListBody,
    cli::{
        Context, Exit, UsageError,
        arguments::{JobFilterArguments, JobsCommand, ListJobs},
        export,
        output::{Table, duration, instant, metres, print_json, text},
        printers,
    },
    export::{ExportFormat, Exporter, Layout},
    input::page,
};

pub(super) async fn run(context: &Context, command: JobsCommand) -> anyhow::Result<Exit> {
    match command {
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

//! `printlog import`: imports an export.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::{Context as _, anyhow, bail};
use domain::PrinterId;
use indicatif::{ProgressBar, ProgressStyle};
use store::{ImportedRecords, JobRecord};

use crate::{
    cli::{
        Context, Exit,
        arguments::ImportFile,
        output::{print_json, print_line},
    },
    export::{Imported, Record, RecordError, Records},
};

/// Limits of one transaction, in jobs and in bytes of their lines: a database server refuses statements of more than
/// 16 MB.
const BATCH: usize = 1_000;
const BATCH_BYTES: usize = 4 << 20;
/// Maximum number of invalid lines that are reported one by one.
const REPORTED: u64 = 20;

pub(super) async fn run(context: &Context, arguments: &ImportFile) -> anyhow::Result<Exit> {
    let name = arguments.file.display();
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template(
        "{wide_bar} {bytes} of {total_bytes}, {eta} left",
    )?);
    let input: Box<dyn Read> = if arguments.file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let cannot = || format!("cannot read {name}");
        let file = File::open(&arguments.file).with_context(cannot)?;
        let metadata = file.metadata().with_context(cannot)?;
        if metadata.is_dir() {
            bail!("{name} is a folder; specify a file in it");
        }
        bar.set_length(metadata.len());
        Box::new(bar.wrap_read(file))
    };
    let mut import = Import {
        context,
        dry_run: arguments.dry_run,
        printers: HashMap::new(),
        imported: Imported::default(),
    };
    let mut batch = Vec::with_capacity(BATCH);
    let mut bytes = 0;
    let records =
        Records::new(arguments.format, input, context.clock.now()).map_err(|error| match error {
            RecordError::NotAnExport(cause) => anyhow!("{name} is not an export of jobs: {cause}"),
            other => anyhow::Error::new(other).context(format!("cannot import {name}")),
        })?;
    for record in records {
        match record {
            Ok(record) => {
                bytes += record.length;
                batch.push(record);
            }
            Err(error @ RecordError::Invalid { .. }) => import.report_invalid(&bar, &error),
            Err(error) => return Err(error.into()),
        }
        if batch.len() == BATCH || bytes >= BATCH_BYTES {
            bytes = 0;
            import.store(std::mem::take(&mut batch)).await?;
        }
    }
    import.store(batch).await?;
    bar.finish_and_clear();
    report(&import.imported, arguments)?;
    Ok(match import.imported.invalid {
        0 => Exit::Done,
        _ => Exit::Failed,
    })
}

struct Import<'a> {
    context: &'a Context,
    dry_run: bool,
    /// Ids of this database's printers by name. `None` for those that a dry run did not create.
    printers: HashMap<String, Option<PrinterId>>,
    imported: Imported,
}

impl Import<'_> {
    async fn store(&mut self, batch: Vec<Record>) -> anyhow::Result<()> {
        let mut records: Vec<JobRecord> = Vec::with_capacity(batch.len());
        for mut record in batch {
            match self.printer(&record).await? {
                Some(id) => {
                    record.record.job.printer_id = id;
                    records.push(record.record);
                }
                // A job of a new printer is new.
                None => self.imported.added += 1,
            }
        }
        let ImportedRecords {
            added,
            known,
            skipped_deleted,
        } = match self.dry_run {
            true => self.context.store.preview_import(&records).await?,
            false => {
                let now = self.context.clock.now();
                self.context.store.import_jobs(&records, now).await?
            }
        };
        self.imported.added += added;
        self.imported.known += known;
        self.imported.skipped_deleted += skipped_deleted;
        Ok(())
    }

    async fn printer(&mut self, record: &Record) -> anyhow::Result<Option<PrinterId>> {
        let name = record.printer_name.trim();
        if let Some(known) = self.printers.get(name) {
            return Ok(*known);
        }
        let store = &self.context.store;
        let id = if self.dry_run {
            store.printer_by_name(name).await?.map(|printer| printer.id)
        } else {
            let now = self.context.clock.now();
            let (id, is_new) = store.adopt_printer(name, record.printer_id, now).await?;
            self.imported.printers_added += u64::from(is_new);
            Some(id)
        };
        self.imported.printers_added += u64::from(id.is_none());
        self.printers.insert(name.to_owned(), id);
        Ok(id)
    }

    fn report_invalid(&mut self, bar: &ProgressBar, error: &RecordError) {
        self.imported.invalid += 1;
        match self.imported.invalid {
            ..=REPORTED => bar.suspend(|| eprintln!("printlog: {error}")),
            n if n == REPORTED + 1 => {
                bar.suspend(|| eprintln!("printlog: further invalid lines are not shown"));
            }
            _ => {}
        }
    }
}

fn report(imported: &Imported, arguments: &ImportFile) -> anyhow::Result<()> {
    if arguments.output.json {
        return print_json(imported);
    }
    let Imported {
        added,
        known,
        skipped_deleted,
        invalid,
        printers_added,
    } = imported;
    let would = if arguments.dry_run { "would be " } else { "" };
    print_line(&format!(
        "{added} jobs {would}added, {known} already stored, {skipped_deleted} deleted earlier, {invalid} invalid lines"
    ))?;
    if *printers_added > 0 {
        print_line(&format!(
            "{printers_added} printers {would}added as inactive: set their addresses"
        ))?;
    }
    Ok(())
}

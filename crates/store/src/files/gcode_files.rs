//! The table `gcode_files`: the metadata of a G-code file, stored once for all jobs that printed it.

use std::collections::{BTreeMap, HashMap};

use domain::{JobId, PrinterId, UnknownName};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{self, Expr, ExprTrait, Query, SelectStatement},
};
use serde_json::Value;

use strum_macros::{EnumString, IntoStaticStr, VariantArray};

use crate::{
    db::{
        batches::{insert_all, padded},
        error::Fault,
        read::ReadConnection,
        record::Record,
        tables::{DeletedJobRows, DetailsQueue, GcodeFiles},
        transaction::Tx,
    },
    files::{
        job_details::JobDetails,
        thumbnails::{NewThumbnail, file_ids, remove_unused_thumbnails, store_thumbnails, unlink_thumbnails},
    },
};

/// Data read from a G-code file.
#[derive(Debug, Clone, PartialEq)]
pub struct NewGcodeFile {
    /// Hash of the file's identity on its printer.
    pub file_key: String,
    /// SHA-256 of the bytes that were read, hexadecimal. `None` if the file was not read.
    pub content_hash: Option<String>,
    /// Source of the metadata.
    pub source: DetailsSource,
    /// An object with `details` (fields named like the columns of `job_details`), `tools` and `warnings`.
    pub metadata: Value,
    /// All keys and values, unchanged.
    pub raw: Option<Value>,
    /// Thumbnails.
    pub thumbnails: Vec<NewThumbnail>,
}

/// Source of a file's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum DetailsSource {
    /// The file itself.
    File,
    /// Moonraker's metadata of the file.
    Moonraker,
}

impl DetailsSource {
    /// Name in the database and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Stored data of a job's file.
#[derive(Debug, Clone, PartialEq)]
pub struct GcodeFile {
    /// Source of the metadata.
    pub source: DetailsSource,
    /// See [`NewGcodeFile::metadata`].
    pub metadata: Value,
    /// All keys and values. Also `None` if they were not requested.
    pub raw: Option<Value>,
}

impl NewGcodeFile {
    /// The columns of `job_details`, from the metadata.
    #[must_use]
    pub fn job_details(&self) -> JobDetails {
        JobDetails::from_metadata(&self.metadata)
    }
}

/// A stored file.
pub(crate) struct PutFile {
    pub(crate) id: i64,
    /// The jobs of a file whose metadata has changed. Their details must be replaced, also those of its deleted jobs.
    /// `None` if the metadata is unchanged.
    pub(crate) outdated: Option<Vec<JobId>>,
}

/// Inserts a file or finds its row, which is updated if the metadata differs.
pub(crate) async fn put(
    tx: &Tx,
    printer_id: PrinterId,
    file: &NewGcodeFile,
    now: Timestamp,
) -> Result<PutFile, Fault> {
    let query = Query::select()
        .columns([GcodeFiles::Id, GcodeFiles::Metadata])
        .from(GcodeFiles::Table)
        .and_where(Expr::col(GcodeFiles::PrinterId).eq(printer_id.0))
        .and_where(Expr::col(GcodeFiles::FileKey).eq(file.file_key.clone()))
        .to_owned();
    if let Some(row) = tx.query_one(&query).await? {
        let record = Record::new(&row, "gcode_files", "id")?;
        let mut outdated = None;
        if record.json("metadata")?.as_ref() != Some(&file.metadata) {
            replace(tx, record.key, file).await?;
            // Their details came from the metadata that was replaced.
            outdated = Some(jobs_of(tx, record.key).await?);
        }
        return Ok(PutFile {
            id: record.key,
            outdated,
        });
    }
    let (columns, values) = row(printer_id.0, file, now);
    let statement = Query::insert()
        .into_table(GcodeFiles::Table)
        .columns(columns)
        .values_panic(values.into_iter().map(Expr::val))
        .to_owned();
    let id = tx.execute(&statement).await?.last_insert_id();
    let id = i64::try_from(id).map_err(|_| sea_orm::DbErr::UnpackInsertId)?;
    store_thumbnails(tx, id, &file.thumbnails).await?;
    Ok(PutFile { id, outdated: None })
}

/// Replaces the metadata of a file: a newer printlog may read more from the same file.
async fn replace(tx: &Tx, id: i64, file: &NewGcodeFile) -> Result<(), Fault> {
    let statement = Query::update()
        .table(GcodeFiles::Table)
        .value(GcodeFiles::ContentHash, file.content_hash.clone())
        .value(GcodeFiles::Metadata, file.metadata.to_string())
        .value(GcodeFiles::Raw, file.raw.as_ref().map(Value::to_string))
        .and_where(Expr::col(GcodeFiles::Id).eq(id))
        .to_owned();
    tx.execute(&statement).await?;
    // Removed only after the new ones are linked: they are usually the same images.
    let before = unlink_thumbnails(tx, id).await?;
    store_thumbnails(tx, id, &file.thumbnails).await?;
    remove_unused_thumbnails(tx, before).await
}

async fn jobs_of(tx: &Tx, file_id: i64) -> Result<Vec<JobId>, Fault> {
    let jobs = Query::select()
        .column(DetailsQueue::PrintJobId)
        .from(DetailsQueue::Table)
        .and_where(Expr::col(DetailsQueue::GcodeFileId).eq(file_id))
        .to_owned();
    let rows = tx.query_all(&jobs).await?;
    rows.iter()
        .map(|row| Ok(JobId(row.try_get("", "print_job_id")?)))
        .collect()
}

/// Row ids of many files of a printer, by file key. Inserts missing files, without thumbnails; existing rows are kept.
pub(crate) async fn put_all<'a>(
    tx: &Tx,
    printer_id: PrinterId,
    files: impl Iterator<Item = &'a NewGcodeFile>,
    now: Timestamp,
) -> Result<HashMap<String, i64>, Fault> {
    // In the order of the keys, and each once: many jobs of a page have the same file.
    let files: BTreeMap<&str, &NewGcodeFile> = files.map(|file| (file.file_key.as_str(), file)).collect();
    if files.is_empty() {
        return Ok(HashMap::new());
    }
    let keys = padded(files.keys().map(|key| (*key).to_owned()).collect());
    let query = Query::select()
        .columns([GcodeFiles::Id, GcodeFiles::FileKey])
        .from(GcodeFiles::Table)
        .and_where(Expr::col(GcodeFiles::PrinterId).eq(printer_id.0))
        .and_where(Expr::col(GcodeFiles::FileKey).is_in(keys))
        .to_owned();
    let known = ids_by_key(tx, &query).await?;
    let missing = files.values().filter(|file| !known.contains_key(&file.file_key));
    let rows: Vec<_> = missing.map(|file| row(printer_id.0, file, now)).collect();
    if rows.is_empty() {
        return Ok(known);
    }
    insert_all(tx, GcodeFiles::Table, rows).await?;
    ids_by_key(tx, &query).await
}

async fn ids_by_key(tx: &Tx, query: &SelectStatement) -> Result<HashMap<String, i64>, Fault> {
    let rows = tx.query_all(query).await?;
    let pairs: Result<_, DbErr> = rows
        .iter()
        .map(|row| Ok((row.try_get("", "file_key")?, row.try_get("", "id")?)))
        .collect();
    Ok(pairs?)
}

/// Columns and values of a new row. The columns are always the same.
fn row(printer_id: i64, file: &NewGcodeFile, now: Timestamp) -> (Vec<GcodeFiles>, Vec<sea_query::Value>) {
    let row = [
        (GcodeFiles::PrinterId, printer_id.into()),
        (GcodeFiles::FileKey, file.file_key.clone().into()),
        (GcodeFiles::ContentHash, file.content_hash.clone().into()),
        (GcodeFiles::Source, file.source.as_str().into()),
        (GcodeFiles::CreatedAt, now.as_millisecond().into()),
        (GcodeFiles::Metadata, file.metadata.to_string().into()),
        (GcodeFiles::Raw, file.raw.as_ref().map(Value::to_string).into()),
    ];
    row.into_iter().unzip()
}

/// Removes a file that no job uses, not even a deleted one that can be restored, and thumbnails that no file uses.
pub(crate) async fn remove_unused(tx: &Tx, file_id: i64) -> Result<(), Fault> {
    let used = Query::select()
        .column(DetailsQueue::PrintJobId)
        .from(DetailsQueue::Table)
        .and_where(Expr::col(DetailsQueue::GcodeFileId).eq(file_id))
        .limit(1)
        .to_owned();
    let used_by_deleted = Query::select()
        .column(DeletedJobRows::PrintJobId)
        .from(DeletedJobRows::Table)
        .and_where(Expr::col(DeletedJobRows::GcodeFileId).eq(file_id))
        .limit(1)
        .to_owned();
    // The queue keeps the link from a job to its file also after the details were read.
    for query in [used, used_by_deleted] {
        if tx.query_one(&query).await?.is_some() {
            return Ok(());
        }
    }
    let hashes = unlink_thumbnails(tx, file_id).await?;
    let file = Query::delete()
        .from_table(GcodeFiles::Table)
        .and_where(Expr::col(GcodeFiles::Id).eq(file_id))
        .to_owned();
    tx.execute(&file).await?;
    remove_unused_thumbnails(tx, hashes).await
}

/// Removes all files of a printer. Its jobs must have been removed from the queue, and its deleted jobs, too.
pub(crate) async fn remove_of_printer(tx: &Tx, printer_id: PrinterId) -> Result<(), Fault> {
    let query = Query::select()
        .column(GcodeFiles::Id)
        .from(GcodeFiles::Table)
        .and_where(Expr::col(GcodeFiles::PrinterId).eq(printer_id.0))
        .to_owned();
    // One by one, because other printers may have files with the same thumbnails.
    for row in tx.query_all(&query).await? {
        remove_unused(tx, row.try_get("", "id")?).await?;
    }
    Ok(())
}

/// Stored data of a job's file.
pub(crate) async fn of_job(
    db: &impl ReadConnection,
    id: JobId,
    with_raw: bool,
) -> Result<Option<GcodeFile>, Fault> {
    let mut query = Query::select();
    query
        .columns([GcodeFiles::Id, GcodeFiles::Source, GcodeFiles::Metadata])
        .from(GcodeFiles::Table)
        .and_where(Expr::col(GcodeFiles::Id).in_subquery(file_ids(id)));
    if with_raw {
        query.column(GcodeFiles::Raw);
    }
    db.row(&query, "gcode_files", "id", |record| {
        let source: String = record.get("source")?;
        Ok(GcodeFile {
            source: source.parse().unwrap_or(DetailsSource::Moonraker),
            metadata: record.json("metadata")?.unwrap_or_default(),
            raw: if with_raw { record.json("raw")? } else { None },
        })
    })
    .await
}

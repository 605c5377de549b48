//! The tables `gcode_files` and `thumbnails`: the metadata of a G-code file, stored once for all jobs that printed it.
//!
//! Images are rows, not files: a backup of the database is complete, and several printlogs on one MySQL share them.
//! Their key is the hash of their bytes, so each image is stored once.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{JobId, PrinterId};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{self, Expr, ExprTrait, Order, Query, SelectStatement},
};
use serde_json::Value;

use crate::{
    Result, Store,
    db::{
        batches::{insert_all, padded},
        error::Fault,
        read::ReadConnection,
        record::Record,
        tables::{DetailsQueue, GcodeFileThumbnails, GcodeFiles, Thumbnails},
        transaction::Tx,
    },
    files::job_details::JobDetails,
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

/// A thumbnail, in a format that browsers can show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewThumbnail {
    /// SHA-256 of the data, hexadecimal.
    pub hash: String,
    /// `image/png`, …
    pub media_type: &'static str,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The image file.
    pub data: Vec<u8>,
}

/// Source of a file's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        match self {
            Self::File => "file",
            Self::Moonraker => "moonraker",
        }
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

/// A thumbnail without its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThumbnailInfo {
    /// SHA-256 of the data, hexadecimal.
    pub hash: String,
    /// `image/png`, …
    pub media_type: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Size of the image file.
    pub bytes: u64,
}

impl NewGcodeFile {
    /// The columns of `job_details`, from the metadata.
    #[must_use]
    pub fn job_details(&self) -> JobDetails {
        JobDetails::from_metadata(&self.metadata)
    }
}

impl Store {
    /// Stored data of a job's file. `None` if there is none.
    pub async fn gcode_file_of(&self, id: JobId, with_raw: bool) -> Result<Option<GcodeFile>> {
        self.read("read what is known of a gcode file", |db| async move {
            of_job(&db, id, with_raw).await
        })
        .await
    }

    /// Thumbnails of a job's file, smallest first.
    pub async fn thumbnails_of(&self, id: JobId) -> Result<Vec<ThumbnailInfo>> {
        self.read_fast("read which images a job has", |db| async move {
            thumbnails(&db, id).await
        })
        .await
    }

    /// Data of a thumbnail. `None` if no thumbnail has this hash.
    pub async fn thumbnail_data(&self, hash: &str) -> Result<Option<Vec<u8>>> {
        let query = &Query::select()
            .column(Thumbnails::Data)
            .from(Thumbnails::Table)
            .and_where(Expr::col(Thumbnails::Hash).eq(hash))
            .to_owned();
        self.read("read an image", |db| async move {
            let row = db.query_one(query).await?;
            Ok(row.map(|row| row.try_get("", "data")).transpose()?)
        })
        .await
    }
}

/// A stored file.
pub(crate) struct PutFile {
    pub(crate) id: i64,
    /// The jobs of a file whose metadata has changed. Their details must be replaced.
    pub(crate) outdated: Vec<JobId>,
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
        let mut outdated = Vec::new();
        if record.json("metadata")?.as_ref() != Some(&file.metadata) {
            replace(tx, record.key, file).await?;
            outdated = jobs_of(tx, record.key).await?;
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
    put_thumbnails(tx, id, &file.thumbnails).await?;
    Ok(PutFile {
        id,
        outdated: Vec::new(),
    })
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
    let before = unlink_thumbnails(tx, id).await?;
    put_thumbnails(tx, id, &file.thumbnails).await?;
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

async fn put_thumbnails(tx: &Tx, id: i64, thumbnails: &[NewThumbnail]) -> Result<(), Fault> {
    let mut linked: Vec<&str> = Vec::new();
    for thumbnail in thumbnails {
        if linked.contains(&thumbnail.hash.as_str()) {
            continue;
        }
        linked.push(&thumbnail.hash);
        put_thumbnail(tx, thumbnail).await?;
        let link = Query::insert()
            .into_table(GcodeFileThumbnails::Table)
            .columns([
                GcodeFileThumbnails::GcodeFileId,
                GcodeFileThumbnails::ThumbnailHash,
            ])
            .values_panic([Expr::val(id), Expr::val(thumbnail.hash.clone())])
            .to_owned();
        tx.execute(&link).await?;
    }
    Ok(())
}

/// Row ids of many files of a printer, by file key. Inserts missing files, without thumbnails; existing rows are kept.
pub(crate) async fn put_all<'a>(
    tx: &Tx,
    printer_id: PrinterId,
    files: impl Iterator<Item = &'a NewGcodeFile>,
    now: Timestamp,
) -> Result<HashMap<String, i64>, Fault> {
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

async fn put_thumbnail(tx: &Tx, thumbnail: &NewThumbnail) -> Result<(), Fault> {
    let known = Query::select()
        .column(Thumbnails::Hash)
        .from(Thumbnails::Table)
        .and_where(Expr::col(Thumbnails::Hash).eq(thumbnail.hash.clone()))
        .to_owned();
    if tx.query_one(&known).await?.is_some() {
        return Ok(());
    }
    let statement = Query::insert()
        .into_table(Thumbnails::Table)
        .columns([
            Thumbnails::Hash,
            Thumbnails::MediaType,
            Thumbnails::Width,
            Thumbnails::Height,
            Thumbnails::Bytes,
            Thumbnails::Data,
        ])
        .values_panic([
            Expr::val(thumbnail.hash.clone()),
            Expr::val(thumbnail.media_type),
            Expr::val(i64::from(thumbnail.width)),
            Expr::val(i64::from(thumbnail.height)),
            Expr::val(i64::try_from(thumbnail.data.len()).unwrap_or(i64::MAX)),
            Expr::val(thumbnail.data.clone()),
        ])
        .to_owned();
    tx.execute(&statement).await?;
    Ok(())
}

/// Removes a file that no job uses, and thumbnails that no file uses.
pub(crate) async fn remove_unused(tx: &Tx, file_id: i64) -> Result<(), Fault> {
    let used = Query::select()
        .column(DetailsQueue::PrintJobId)
        .from(DetailsQueue::Table)
        .and_where(Expr::col(DetailsQueue::GcodeFileId).eq(file_id))
        .limit(1)
        .to_owned();
    if tx.query_one(&used).await?.is_some() {
        return Ok(());
    }
    let hashes = unlink_thumbnails(tx, file_id).await?;
    let file = Query::delete()
        .from_table(GcodeFiles::Table)
        .and_where(Expr::col(GcodeFiles::Id).eq(file_id))
        .to_owned();
    tx.execute(&file).await?;
    remove_unused_thumbnails(tx, hashes).await
}

/// Unlinks a file from its thumbnails. Returns their hashes.
async fn unlink_thumbnails(tx: &Tx, file_id: i64) -> Result<Vec<String>, Fault> {
    let query = Query::select()
        .column(GcodeFileThumbnails::ThumbnailHash)
        .from(GcodeFileThumbnails::Table)
        .and_where(Expr::col(GcodeFileThumbnails::GcodeFileId).eq(file_id))
        .to_owned();
    let mut hashes = Vec::new();
    for row in tx.query_all(&query).await? {
        hashes.push(row.try_get("", "thumbnail_hash")?);
    }
    let links = Query::delete()
        .from_table(GcodeFileThumbnails::Table)
        .and_where(Expr::col(GcodeFileThumbnails::GcodeFileId).eq(file_id))
        .to_owned();
    tx.execute(&links).await?;
    Ok(hashes)
}

async fn remove_unused_thumbnails(tx: &Tx, hashes: Vec<String>) -> Result<(), Fault> {
    for hash in hashes {
        let still = Query::select()
            .column(GcodeFileThumbnails::ThumbnailHash)
            .from(GcodeFileThumbnails::Table)
            .and_where(Expr::col(GcodeFileThumbnails::ThumbnailHash).eq(hash.clone()))
            .limit(1)
            .to_owned();
        if tx.query_one(&still).await?.is_none() {
            let image = Query::delete()
                .from_table(Thumbnails::Table)
                .and_where(Expr::col(Thumbnails::Hash).eq(hash))
                .to_owned();
            tx.execute(&image).await?;
        }
    }
    Ok(())
}

/// Removes all files of a printer. Its jobs must have been removed from the queue.
pub(crate) async fn remove_of_printer(tx: &Tx, printer_id: PrinterId) -> Result<(), Fault> {
    let query = Query::select()
        .column(GcodeFiles::Id)
        .from(GcodeFiles::Table)
        .and_where(Expr::col(GcodeFiles::PrinterId).eq(printer_id.0))
        .to_owned();
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
            source: match source.as_str() {
                "file" => DetailsSource::File,
                _ => DetailsSource::Moonraker,
            },
            metadata: record.json("metadata")?.unwrap_or_default(),
            raw: if with_raw { record.json("raw")? } else { None },
        })
    })
    .await
}

/// Thumbnails of a job's file, smallest first.
pub(crate) async fn thumbnails(db: &impl ReadConnection, id: JobId) -> Result<Vec<ThumbnailInfo>, Fault> {
    let hashes = Query::select()
        .column(GcodeFileThumbnails::ThumbnailHash)
        .from(GcodeFileThumbnails::Table)
        .and_where(Expr::col(GcodeFileThumbnails::GcodeFileId).in_subquery(file_ids(id)))
        .to_owned();
    let query = Query::select()
        .columns([
            Thumbnails::Hash,
            Thumbnails::MediaType,
            Thumbnails::Width,
            Thumbnails::Height,
            Thumbnails::Bytes,
        ])
        .from(Thumbnails::Table)
        .and_where(Expr::col(Thumbnails::Hash).in_subquery(hashes))
        .order_by(Thumbnails::Width, Order::Asc)
        .order_by(Thumbnails::Hash, Order::Asc)
        .to_owned();
    // `bytes` serves as the key: the primary key is the hash, which is not a number.
    db.rows(&query, "thumbnails", "bytes", |record| {
        let pixels = |column| -> Result<u32, Fault> {
            Ok(u32::try_from(record.get::<i64>(column)?).unwrap_or_default())
        };
        Ok(ThumbnailInfo {
            hash: record.get("hash")?,
            media_type: record.get("media_type")?,
            width: pixels("width")?,
            height: pixels("height")?,
            bytes: u64::try_from(record.key).unwrap_or_default(),
        })
    })
    .await
}

/// The jobs among these whose files have thumbnails.
pub(crate) async fn with_thumbnails(
    db: &impl ReadConnection,
    ids: &[JobId],
) -> Result<HashSet<JobId>, Fault> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let query = Query::select()
        .column((DetailsQueue::Table, DetailsQueue::PrintJobId))
        .from(DetailsQueue::Table)
        .inner_join(
            GcodeFileThumbnails::Table,
            Expr::col((GcodeFileThumbnails::Table, GcodeFileThumbnails::GcodeFileId))
                .equals((DetailsQueue::Table, DetailsQueue::GcodeFileId)),
        )
        .and_where(
            Expr::col((DetailsQueue::Table, DetailsQueue::PrintJobId)).is_in(ids.iter().map(|id| id.0)),
        )
        .to_owned();
    let ids = db.rows(&query, "details_queue", "print_job_id", |record| {
        Ok(JobId(record.key))
    });
    Ok(ids.await?.into_iter().collect())
}

fn file_ids(id: JobId) -> sea_orm::sea_query::SelectStatement {
    Query::select()
        .column(DetailsQueue::GcodeFileId)
        .from(DetailsQueue::Table)
        .and_where(Expr::col(DetailsQueue::PrintJobId).eq(id.0))
        .to_owned()
}

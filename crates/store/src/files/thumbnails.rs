//! The table `thumbnails`: the images of G-code files, each stored once.
//!
//! Images are rows, not files: a backup of the database is complete, and several printlogs on one MySQL share them.
//! Their key is the hash of their bytes.

use std::collections::HashSet;

use domain::JobId;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Order, Query, SelectStatement},
};

use crate::{
    Result, Store,
    db::{
        error::Fault,
        read::ReadConnection,
        tables::{DetailsQueue, GcodeFileThumbnails, Thumbnails},
        transaction::Tx,
    },
};

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

impl Store {
    /// Thumbnails of a job's file, smallest first.
    pub async fn thumbnails_of(&self, id: JobId) -> Result<Vec<ThumbnailInfo>> {
        self.read_fast("list the thumbnails of a job", |db| async move {
            of_job(&db, id).await
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
        self.read("read a thumbnail", |db| async move {
            let row = db.query_one(query).await?;
            Ok(row.map(|row| row.try_get("", "data")).transpose()?)
        })
        .await
    }
}

pub(super) async fn store_thumbnails(tx: &Tx, id: i64, thumbnails: &[NewThumbnail]) -> Result<(), Fault> {
    let mut linked: Vec<&str> = Vec::new();
    for thumbnail in thumbnails {
        if linked.contains(&thumbnail.hash.as_str()) {
            continue;
        }
        linked.push(&thumbnail.hash);
        store_thumbnail(tx, thumbnail).await?;
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

async fn store_thumbnail(tx: &Tx, thumbnail: &NewThumbnail) -> Result<(), Fault> {
    let known = Query::select()
        .column(Thumbnails::Hash)
        .from(Thumbnails::Table)
        .and_where(Expr::col(Thumbnails::Hash).eq(thumbnail.hash.clone()))
        .to_owned();
    // Looked up first: the image would be sent to the server only to be refused.
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

/// Unlinks a file from its thumbnails. Returns their hashes.
pub(super) async fn unlink_thumbnails(tx: &Tx, file_id: i64) -> Result<Vec<String>, Fault> {
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

pub(super) async fn remove_unused_thumbnails(tx: &Tx, hashes: Vec<String>) -> Result<(), Fault> {
    for hash in hashes {
        let still = Query::select()
            .column(GcodeFileThumbnails::ThumbnailHash)
            .from(GcodeFileThumbnails::Table)
            .and_where(Expr::col(GcodeFileThumbnails::ThumbnailHash).eq(hash.clone()))
            .limit(1)
            .to_owned();
        // Other files, also of other printers, may contain the same image.
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

/// Thumbnails of a job's file, smallest first.
pub(crate) async fn of_job(db: &impl ReadConnection, id: JobId) -> Result<Vec<ThumbnailInfo>, Fault> {
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
        // Two images of one width would otherwise change places between requests.
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

pub(super) fn file_ids(id: JobId) -> SelectStatement {
    Query::select()
        .column(DetailsQueue::GcodeFileId)
        .from(DetailsQueue::Table)
        .and_where(Expr::col(DetailsQueue::PrintJobId).eq(id.0))
        .to_owned()
}

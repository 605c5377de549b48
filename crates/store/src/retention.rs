//! Removes data that is kept for a limited time, and reports the size of the tables. Jobs and their figures are kept
//! forever.

use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait, Statement,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    Engine, Result, Store,
    copy::count_rows,
    schema::{GcodeFileThumbnails, GcodeFiles, Thumbnails},
    transaction::LONG,
};

/// Size of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpace {
    /// The table.
    pub table: String,
    /// Number of rows.
    pub rows: u64,
    /// Bytes on disk, including indexes. An estimate on a server.
    pub bytes: u64,
}

impl Store {
    /// Removes the raw metadata of G-code files that were read before this time. Returns the number of files.
    pub async fn forget_raw_metadata(&self, before: Timestamp) -> Result<u64> {
        let statement = &Query::update()
            .table(GcodeFiles::Table)
            .value(GcodeFiles::Raw, None::<String>)
            .and_where(Expr::col(GcodeFiles::Raw).is_not_null())
            .and_where(Expr::col(GcodeFiles::CreatedAt).lt(before.as_millisecond()))
            .to_owned();
        self.write_within(LONG, "forget old raw metadata", |tx| async move {
            Ok(tx.execute(statement).await?.rows_affected())
        })
        .await
    }

    /// Removes the thumbnails of G-code files that were read before this time, and unused thumbnails. Returns the
    /// number of thumbnails.
    pub async fn forget_thumbnails(&self, before: Timestamp) -> Result<u64> {
        let old = Query::select()
            .column(GcodeFiles::Id)
            .from(GcodeFiles::Table)
            .and_where(Expr::col(GcodeFiles::CreatedAt).lt(before.as_millisecond()))
            .to_owned();
        let unlink = &Query::delete()
            .from_table(GcodeFileThumbnails::Table)
            .and_where(Expr::col(GcodeFileThumbnails::GcodeFileId).in_subquery(old))
            .to_owned();
        let used = Query::select()
            .column(GcodeFileThumbnails::ThumbnailHash)
            .from(GcodeFileThumbnails::Table)
            .to_owned();
        let delete = &Query::delete()
            .from_table(Thumbnails::Table)
            .and_where(Expr::col(Thumbnails::Hash).not_in_subquery(used))
            .to_owned();
        self.write_within(LONG, "forget old images", |tx| async move {
            tx.execute(unlink).await?;
            Ok(tx.execute(delete).await?.rows_affected())
        })
        .await
    }

    /// Sizes of the tables, the largest first.
    pub async fn table_spaces(&self) -> Result<Vec<TableSpace>> {
        self.read_within(LONG, "measure the tables", |db| async move {
            let sql = match self.engine {
                Engine::Sqlite => {
                    "SELECT s.tbl_name AS name, SUM(d.pgsize) AS bytes \
                     FROM dbstat AS d JOIN sqlite_master AS s ON s.name = d.name GROUP BY s.tbl_name"
                }
                Engine::MySql | Engine::MariaDb => {
                    "SELECT CAST(table_name AS CHAR) AS name, CAST(data_length + index_length AS SIGNED) AS bytes \
                     FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
                }
            };
            let statement = Statement::from_string(db.get_database_backend(), sql);
            let mut spaces = Vec::new();
            for row in db.query_all_raw(statement).await? {
                let table: String = row.try_get("", "name")?;
                let bytes: Option<i64> = row.try_get("", "bytes")?;
                spaces.push(TableSpace {
                    rows: count_rows(&db, &table).await?,
                    bytes: bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or(0),
                    table,
                });
            }
            spaces.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.table.cmp(&b.table)));
            Ok(spaces)
        })
        .await
    }
}

//! Removes data that is kept for a limited time. Jobs and their figures are kept forever.

use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    Result, Store,
    db::{
        tables::{GcodeFileThumbnails, GcodeFiles, Thumbnails},
        transaction::LONG,
    },
};

impl Store {
    /// Removes the raw metadata of G-code files that were read before this time. Returns the number of files.
    pub async fn forget_raw_metadata(&self, before: Timestamp) -> Result<u64> {
        let statement = &Query::update()
            .table(GcodeFiles::Table)
            .value(GcodeFiles::Raw, None::<String>)
            .and_where(Expr::col(GcodeFiles::Raw).is_not_null())
            .and_where(Expr::col(GcodeFiles::CreatedAt).lt(before.as_millisecond()))
            .to_owned();
        self.write_within(LONG, "remove old raw metadata", |tx| async move {
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
        self.write_within(LONG, "remove old thumbnails", |tx| async move {
            tx.execute(unlink).await?;
            Ok(tx.execute(delete).await?.rows_affected())
        })
        .await
    }
}

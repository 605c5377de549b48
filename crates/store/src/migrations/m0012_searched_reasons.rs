//! Adds the reasons of verdicts to the search texts.

use analytics::SEPARATOR;
use sea_orm::ConnectionTrait;
use sea_orm_migration::prelude::*;

use crate::db::text::folded;

pub(super) struct SearchedReasons;

impl MigrationName for SearchedReasons {
    fn name(&self) -> &'static str {
        "m0012_searched_reasons"
    }
}

/// Rows held in memory at a time.
const PAGE: u64 = 1_000;

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for SearchedReasons {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let mut after = i64::MIN;
        loop {
            let rows = db.query_all(&with_reasons(after)).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                let text: String = row.try_get("", "text")?;
                let reason: String = row.try_get("", "verdict_reason")?;
                after = row.try_get("", "print_job_id")?;
                let addition = format!("{SEPARATOR}{}", folded(&reason));
                // An interrupted run has added it already.
                if text.ends_with(&addition) {
                    continue;
                }
                let update = Query::update()
                    .table("job_search")
                    .value("text", text + &addition)
                    .and_where(Expr::col("print_job_id").eq(after))
                    .to_owned();
                db.execute(&update).await?;
            }
        }
    }
}

fn with_reasons(after: i64) -> SelectStatement {
    Query::select()
        .column(("job_search", "print_job_id"))
        .column(("job_search", "text"))
        .column(("job_notes", "verdict_reason"))
        .from("job_notes")
        .inner_join(
            "job_search",
            Expr::col(("job_search", "print_job_id")).equals(("job_notes", "print_job_id")),
        )
        .and_where(Expr::col(("job_notes", "verdict_reason")).is_not_null())
        .and_where(Expr::col(("job_notes", "print_job_id")).gt(after))
        .order_by(("job_notes", "print_job_id"), Order::Asc)
        .limit(PAGE)
        .to_owned()
}

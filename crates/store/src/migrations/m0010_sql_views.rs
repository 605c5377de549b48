//! An index for queries over `v_jobs` by start. The views themselves are replaced after every run of migrations.

use sea_orm_migration::prelude::*;

pub(super) struct SqlViews;

impl MigrationName for SqlViews {
    fn name(&self) -> &'static str {
        "m0010_sql_views"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for SqlViews {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // MySQL has no IF NOT EXISTS here.
        if manager.has_index("print_jobs", "print_jobs_start_time").await? {
            return Ok(());
        }
        let index = Index::create()
            .name("print_jobs_start_time")
            .table("print_jobs")
            .col("start_time")
            .to_owned();
        manager.create_index(index).await
    }
}

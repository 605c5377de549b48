//! Pauses of jobs.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

pub(super) struct JobPauses;

impl MigrationName for JobPauses {
    fn name(&self) -> &'static str {
        "m0008_job_pauses"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for JobPauses {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let number = |name: &'static str| ColumnDef::new_with_type(name, ColumnType::BigInteger);
        let mut table = Table::create()
            .table("job_pauses")
            .if_not_exists()
            .col(number("print_job_id").not_null())
            .col(number("paused_at").not_null())
            .col(number("resumed_at").null())
            .primary_key(Index::create().col("print_job_id").col("paused_at"))
            .foreign_key(
                ForeignKey::create()
                    .name("pauses_of_job")
                    .from("job_pauses", "print_job_id")
                    .to("print_jobs", "id"),
            )
            .to_owned();
        if manager.get_database_backend() == DbBackend::MySql {
            table
                .engine("InnoDB")
                .character_set("utf8mb4")
                .collate("utf8mb4_bin");
        }
        manager.create_table(table).await
    }
}

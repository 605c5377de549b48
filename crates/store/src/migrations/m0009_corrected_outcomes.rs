//! Former outcomes of jobs that were corrected, so that job counters never decrease.
//!
//! Earlier corrections are unknown.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

pub(super) struct CorrectedOutcomes;

impl MigrationName for CorrectedOutcomes {
    fn name(&self) -> &'static str {
        "m0009_corrected_outcomes"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for CorrectedOutcomes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let number = |name: &'static str| ColumnDef::new_with_type(name, ColumnType::BigInteger);
        let mut table = Table::create()
            .table("corrected_outcomes")
            .if_not_exists()
            .col(number("printer_id").not_null())
            .col(ColumnDef::new_with_type("status", ColumnType::string(Some(32))).not_null())
            .col(number("jobs").not_null())
            .primary_key(Index::create().col("printer_id").col("status"))
            .foreign_key(
                ForeignKey::create()
                    .name("corrected_outcomes_of_printer")
                    .from("corrected_outcomes", "printer_id")
                    .to("printers", "id"),
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

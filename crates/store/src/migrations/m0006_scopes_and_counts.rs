//! What an API key may do, and how jobs that were deleted had ended, so that counters of jobs never go back.
//!
//! Keys from before may do everything; of jobs that were deleted before, nobody knows.

use sea_orm_migration::prelude::*;

pub(super) struct ScopesAndCounts;

impl MigrationName for ScopesAndCounts {
    fn name(&self) -> &'static str {
        "m0006_scopes_and_counts"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for ScopesAndCounts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let word = |name: &'static str| ColumnDef::new_with_type(name, ColumnType::string(Some(255)));
        for (table, mut column) in [
            ("api_keys", word("scope").not_null().default("admin").to_owned()),
            ("deleted_jobs", word("status").null().to_owned()),
        ] {
            // MySQL commits each change of the schema: this may be the second attempt.
            if manager.has_column(table, column.get_column_name()).await? {
                continue;
            }
            let add = Table::alter().table(table).add_column(&mut column).to_owned();
            manager.alter_table(add).await?;
        }
        Ok(())
    }
}

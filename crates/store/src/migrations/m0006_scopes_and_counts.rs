//! Scopes of API keys, and the outcomes of deleted jobs, so that job counters never decrease.
//!
//! Existing keys get full access. The outcomes of jobs deleted before are unknown.

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
            // MySQL commits each schema change, so an interrupted attempt may have added the column.
            if manager.has_column(table, column.get_column_name()).await? {
                continue;
            }
            let add = Table::alter().table(table).add_column(&mut column).to_owned();
            manager.alter_table(add).await?;
        }
        Ok(())
    }
}

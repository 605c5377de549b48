//! Settings of the server that users change in the dashboard.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

pub(super) struct ServerSettings;

impl MigrationName for ServerSettings {
    fn name(&self) -> &'static str {
        "m0017_server_settings"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for ServerSettings {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text =
            |name: &'static str, length| ColumnDef::new_with_type(name, ColumnType::string(Some(length)));
        let mut settings = Table::create()
            .table("server_settings")
            .if_not_exists()
            .col(text("name", 64).not_null().primary_key())
            .col(text("value", 255).not_null())
            .to_owned();
        if manager.get_database_backend() == DbBackend::MySql {
            settings
                .engine("InnoDB")
                .character_set("utf8mb4")
                .collate("utf8mb4_bin");
        }
        manager.create_table(settings).await
    }
}

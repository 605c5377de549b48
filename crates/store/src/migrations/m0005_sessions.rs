//! Sessions of signed-in browsers.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

pub(super) struct Sessions;

impl MigrationName for Sessions {
    fn name(&self) -> &'static str {
        "m0005_sessions"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for Sessions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create()
            .table("sessions")
            .if_not_exists()
            .col(
                ColumnDef::new("id")
                    .big_integer()
                    .not_null()
                    .auto_increment()
                    .primary_key(),
            )
            // Hexadecimal SHA-256 of the cookie.
            .col(ColumnDef::new("token_hash").string_len(255).not_null())
            .col(ColumnDef::new("api_key_id").big_integer().not_null())
            .col(ColumnDef::new("created_at").big_integer().not_null())
            .col(ColumnDef::new("expires_at").big_integer().not_null())
            .foreign_key(
                ForeignKey::create()
                    .name("sessions_of_key")
                    .from("sessions", "api_key_id")
                    .to("api_keys", "id"),
            )
            .to_owned();
        if manager.get_database_backend() == DbBackend::MySql {
            table
                .engine("InnoDB")
                .character_set("utf8mb4")
                .collate("utf8mb4_bin");
        }
        manager.create_table(table).await?;
        for (name, column, unique) in [
            ("sessions_token_hash", "token_hash", true),
            ("sessions_key", "api_key_id", false),
            ("sessions_expires_at", "expires_at", false),
        ] {
            // MySQL has no IF NOT EXISTS here.
            if manager.has_index("sessions", name).await? {
                continue;
            }
            let mut index = Index::create();
            index.name(name).table("sessions").col(column);
            if unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

//! What an API key may do. Keys from before may do everything.

use sea_orm_migration::prelude::*;

pub(super) struct KeyScopes;

impl MigrationName for KeyScopes {
    fn name(&self) -> &'static str {
        "m0006_key_scopes"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for KeyScopes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // MySQL commits each change of the schema: this may be the second attempt.
        if manager.has_column("api_keys", "scope").await? {
            return Ok(());
        }
        let scope = ColumnDef::new_with_type("scope", ColumnType::string(Some(255)))
            .not_null()
            .default("admin")
            .to_owned();
        let add = Table::alter().table("api_keys").add_column(scope).to_owned();
        manager.alter_table(add).await
    }
}

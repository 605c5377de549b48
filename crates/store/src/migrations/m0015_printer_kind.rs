//! The kind of each printer: what printlog connects to. All printers so far are Moonrakers.

use sea_orm_migration::prelude::*;

pub(super) struct PrinterKind;

impl MigrationName for PrinterKind {
    fn name(&self) -> &'static str {
        "m0015_printer_kind"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for PrinterKind {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // MySQL commits each schema change, so an interrupted attempt may have added the column.
        if manager.has_column("printers", "kind").await? {
            return Ok(());
        }
        let mut kind = ColumnDef::new_with_type("kind", ColumnType::string(Some(32)))
            .not_null()
            .default("moonraker")
            .to_owned();
        let add = Table::alter().table("printers").add_column(&mut kind).to_owned();
        manager.alter_table(add).await
    }
}

//! Deleted jobs that can still be restored.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

pub(super) struct DeletedJobRows;

impl MigrationName for DeletedJobRows {
    fn name(&self) -> &'static str {
        "m0016_deleted_job_rows"
    }
}

const TABLE: &str = "deleted_job_rows";

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for DeletedJobRows {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = table();
        if manager.get_database_backend() == DbBackend::MySql {
            table
                .engine("InnoDB")
                .character_set("utf8mb4")
                .collate("utf8mb4_bin");
        }
        manager.create_table(table).await?;
        let indexes: [(&str, &[&'static str]); 3] = [
            ("deleted_job_rows_deleted_at", &["deleted_at", "print_job_id"]),
            ("deleted_job_rows_printer", &["printer_id"]),
            ("deleted_job_rows_file", &["gcode_file_id"]),
        ];
        for (name, columns) in indexes {
            // MySQL has no IF NOT EXISTS here.
            if manager.has_index(TABLE, name).await? {
                continue;
            }
            let mut index = Index::create();
            index.name(name).table(TABLE);
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

/// `details` and `data` are JSON.
fn table() -> TableCreateStatement {
    let column = |name: &'static str, column_type| ColumnDef::new_with_type(name, column_type);
    let number = |name: &'static str| column(name, ColumnType::BigInteger);
    let reference = |name: &str, from: &'static str, to: (&'static str, &'static str)| {
        let mut key = ForeignKey::create();
        key.name(name).from(TABLE, from).to(to.0, to.1);
        key
    };
    Table::create()
        .table(TABLE)
        .if_not_exists()
        .col(number("print_job_id").not_null().primary_key())
        .col(number("printer_id").not_null())
        .col(number("gcode_file_id").null())
        .col(number("deleted_at").not_null())
        .col(column("deleted_by", ColumnType::string(Some(255))).null())
        .col(column("details", ColumnType::custom("longtext")).null())
        .col(column("data", ColumnType::custom("longtext")).not_null())
        .foreign_key(&mut reference(
            "deleted_job_rows_run",
            "print_job_id",
            ("deleted_jobs", "print_job_id"),
        ))
        .foreign_key(&mut reference(
            "deleted_job_rows_of_printer",
            "printer_id",
            ("printers", "id"),
        ))
        .foreign_key(&mut reference(
            "deleted_job_rows_with_file",
            "gcode_file_id",
            ("gcode_files", "id"),
        ))
        .to_owned()
}

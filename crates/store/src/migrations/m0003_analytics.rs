//! Tables for the analytics: more columns of `job_details`, and the months of packed facts.
//!
//! The months are filled when the database is opened, by the code that also rebuilds them: current code must not run
//! before later migrations.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

pub(super) struct Analytics;

impl MigrationName for Analytics {
    fn name(&self) -> &'static str {
        "m0003_analytics"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for Analytics {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_mysql = manager.get_database_backend() == DbBackend::MySql;
        let columns = [
            ("job_details", optional("slicer", long_text())),
            ("job_details", optional("grams_per_mm", ColumnType::Double)),
            ("job_details", optional("weight_source", short_text())),
            ("job_details", optional("estimated_length", ColumnType::Double)),
            ("job_details", optional("filament_cost", ColumnType::Double)),
            ("job_details", optional("currency", long_text())),
            (
                "job_totals",
                required("facts_version", ColumnType::BigInteger)
                    .default(0)
                    .to_owned(),
            ),
            (
                "job_totals",
                required("facts_format", ColumnType::BigInteger)
                    .default(0)
                    .to_owned(),
            ),
        ];
        for (table, column) in columns {
            if !manager.has_column(table, column.get_column_name()).await? {
                manager
                    .alter_table(Table::alter().table(table).add_column(column).to_owned())
                    .await?;
            }
        }
        for mut table in [kinds(), texts(), months()] {
            if is_mysql {
                table
                    .engine("InnoDB")
                    .character_set("utf8mb4")
                    .collate("utf8mb4_bin");
            }
            manager.create_table(table).await?;
        }
        for (table, name) in [("job_kinds", "job_kinds_hash"), ("job_texts", "job_texts_hash")] {
            // MySQL has no IF NOT EXISTS here.
            if !manager.has_index(table, name).await? {
                let index = Index::create()
                    .name(name)
                    .table(table)
                    .col("hash")
                    .unique()
                    .to_owned();
                manager.create_index(index).await?;
            }
        }
        manager
            .get_connection()
            .execute_unprepared(&fill_details(is_mysql))
            .await?;
        Ok(())
    }
}

/// Fills the new columns of existing details from the JSON of their files.
fn fill_details(is_mysql: bool) -> String {
    let value = |path: &str| match is_mysql {
        true => format!("NULLIF(JSON_UNQUOTE(JSON_EXTRACT(f.metadata, '{path}')), 'null')"),
        false => format!("json_extract(f.metadata, '{path}')"),
    };
    let columns = [
        ("slicer", "$.details.slicer"),
        ("grams_per_mm", "$.grams_per_mm"),
        ("weight_source", "$.weight_source"),
        ("estimated_length", "$.details.filament_used_mm"),
        ("filament_cost", "$.details.filament_cost"),
        ("currency", "$.details.currency"),
    ];
    let columns: Vec<String> = columns
        .into_iter()
        .map(|(column, path)| {
            format!(
                "{column} = (SELECT {} FROM gcode_files f JOIN details_queue q ON q.gcode_file_id = f.id \
                 WHERE q.print_job_id = job_details.print_job_id)",
                value(path)
            )
        })
        .collect();
    format!("UPDATE job_details SET {}", columns.join(", "))
}

fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(name).if_not_exists().to_owned()
}

fn required(name: &'static str, column_type: ColumnType) -> ColumnDef {
    ColumnDef::new_with_type(name, column_type).not_null().to_owned()
}

fn optional(name: &'static str, column_type: ColumnType) -> ColumnDef {
    ColumnDef::new_with_type(name, column_type).null().to_owned()
}

fn id() -> ColumnDef {
    ColumnDef::new("id")
        .big_integer()
        .not_null()
        .auto_increment()
        .primary_key()
        .to_owned()
}

fn short_text() -> ColumnType {
    ColumnType::string(Some(255))
}

/// Data of any length: MySQL's `TEXT` and `BLOB` refuse more than 64 KB.
fn long_text() -> ColumnType {
    ColumnType::custom("longtext")
}

/// Each combination of slicer values that the analytics group by.
fn kinds() -> TableCreateStatement {
    table("job_kinds")
        .col(id())
        .col(required("hash", short_text()))
        .col(optional("filament_type", long_text()))
        .col(optional("filament_brand", long_text()))
        .col(optional("filament_color", long_text()))
        .col(optional("slicer", long_text()))
        .col(optional("currency", long_text()))
        .to_owned()
}

/// Each file name and each cause.
fn texts() -> TableCreateStatement {
    table("job_texts")
        .col(id())
        .col(required("hash", short_text()))
        .col(required("text", long_text()))
        .to_owned()
}

/// Packed facts of the ended jobs of a printer, a row for each month (UTC) in which jobs began.
fn months() -> TableCreateStatement {
    table("job_months")
        .col(required("printer_id", ColumnType::BigInteger))
        .col(required("month", ColumnType::BigInteger))
        .col(required("version", ColumnType::BigInteger))
        .col(required("jobs", ColumnType::BigInteger))
        .col(required("facts", ColumnType::custom("longblob")))
        .primary_key(Index::create().col("printer_id").col("month"))
        .foreign_key(
            ForeignKey::create()
                .name("job_months_of_printer")
                .from("job_months", "printer_id")
                .to("printers", "id"),
        )
        .to_owned()
}

//! The tables of the first version.
//!
//! Instants are milliseconds since 1970 in UTC, durations seconds, lengths millimetres. JSON is stored as text: MySQL's
//! own type would sort the keys, and MariaDB's is text anyway. Comparisons are exact to the byte; values to be compared
//! without case have a column with a folded copy (`name_key`, `filename_key`).

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

pub(super) struct Initial;

impl MigrationName for Initial {
    fn name(&self) -> &'static str {
        "m0001_initial"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for Initial {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            printers(),
            print_jobs(),
            job_details(),
            job_totals(),
            api_keys(),
            deleted_jobs(),
        ] {
            create_table(manager, table).await?;
        }
        let indexes: [(&str, &str, &[&str], bool); 11] = [
            ("printers", "printers_name_key", &["name_key"], true),
            ("api_keys", "api_keys_key_hash", &["key_hash"], true),
            // Identity of a run in Moonraker's history. Rows without one have nulls, which are all distinct.
            (
                "print_jobs",
                "print_jobs_run",
                &["printer_id", "history_start_time", "job_id"],
                true,
            ),
            // Lists, newest first: every engine appends the primary key to an index.
            ("print_jobs", "print_jobs_sort_time", &["sort_time"], false),
            (
                "print_jobs",
                "print_jobs_printer",
                &["printer_id", "sort_time"],
                false,
            ),
            ("print_jobs", "print_jobs_status", &["status", "sort_time"], false),
            (
                "print_jobs",
                "print_jobs_printer_status",
                &["printer_id", "status", "sort_time"],
                false,
            ),
            // For the longest job.
            (
                "print_jobs",
                "print_jobs_length",
                &["printer_id", "total_duration"],
                false,
            ),
            (
                "job_details",
                "job_details_filament_type",
                &["filament_type"],
                false,
            ),
            (
                "deleted_jobs",
                "deleted_jobs_run",
                &["printer_id", "history_start_time"],
                false,
            ),
            (
                "deleted_jobs",
                "deleted_jobs_start_time",
                &["printer_id", "start_time"],
                false,
            ),
        ];
        for (table, name, columns, unique) in indexes {
            create_index(manager, table, name, columns, unique).await?;
        }
        Ok(())
    }
}

async fn create_table(manager: &SchemaManager<'_>, mut table: TableCreateStatement) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::MySql {
        table
            .engine("InnoDB")
            .character_set("utf8mb4")
            .collate("utf8mb4_bin");
    }
    manager.create_table(table).await
}

async fn create_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    name: &'static str,
    columns: &[&'static str],
    unique: bool,
) -> Result<(), DbErr> {
    // MySQL has no IF NOT EXISTS here.
    if manager.has_index(table, name).await? {
        return Ok(());
    }
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    if unique {
        index.unique();
    }
    manager.create_index(index).await
}

fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(name).if_not_exists().to_owned()
}

/// A primary key whose values are never reused.
fn id() -> ColumnDef {
    ColumnDef::new("id")
        .big_integer()
        .not_null()
        .auto_increment()
        .primary_key()
        .to_owned()
}

fn required(name: &'static str, column_type: ColumnType) -> ColumnDef {
    ColumnDef::new_with_type(name, column_type).not_null().to_owned()
}

fn optional(name: &'static str, column_type: ColumnType) -> ColumnDef {
    ColumnDef::new_with_type(name, column_type).null().to_owned()
}

fn instant() -> ColumnType {
    ColumnType::BigInteger
}

/// At most 255 characters, which an index of any engine accepts.
fn short_text() -> ColumnType {
    ColumnType::string(Some(255))
}

/// Text of any length: MySQL's `TEXT` refuses more than 64 KB.
fn long_text() -> ColumnType {
    ColumnType::custom("longtext")
}

fn of_printer(table: &'static str, constraint: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(constraint)
        .from(table, "printer_id")
        .to("printers", "id")
        .to_owned()
}

fn printers() -> TableCreateStatement {
    table("printers")
        .col(id())
        .col(required("name", short_text()))
        .col(required("name_key", short_text()))
        .col(optional("location", long_text()))
        .col(required("moonraker_url", long_text()))
        .col(optional("moonraker_api_key", long_text()))
        .col(required("is_active", ColumnType::Boolean))
        .col(optional("last_seen", instant()))
        .col(required("created_at", instant()))
        .col(required("updated_at", instant()))
        .col(optional("backfill_since", instant()))
        .col(required("backfill_position", ColumnType::BigInteger))
        .col(optional("backfill_completed_at", instant()))
        .col(optional("first_contact", instant()))
        .to_owned()
}

fn print_jobs() -> TableCreateStatement {
    table("print_jobs")
        .col(id())
        .col(required("printer_id", ColumnType::BigInteger))
        .col(optional("job_id", short_text()))
        .col(optional("history_start_time", instant()))
        .col(optional("user", long_text()))
        .col(optional("filename", long_text()))
        .col(optional("filename_key", long_text()))
        .col(required("status", short_text()))
        .col(optional("cause", long_text()))
        .col(optional("message", long_text()))
        .col(required("sort_time", instant()))
        .col(optional("start_time", instant()))
        .col(optional("end_time", instant()))
        .col(optional("print_duration", ColumnType::Double))
        .col(optional("total_duration", ColumnType::Double))
        .col(optional("filament_used", ColumnType::Double))
        .col(optional("end_source", short_text()))
        .col(required("figures_source", short_text()))
        .col(required("clock_jumped", ColumnType::Boolean))
        .col(optional("last_seen", instant()))
        .col(required("created_at", instant()))
        .col(required("updated_at", instant()))
        // Last, so that SQLite does not have to read past them to reach other columns.
        .col(optional("metadata", long_text()))
        .col(optional("auxiliary_data", long_text()))
        .foreign_key(&mut of_printer("print_jobs", "print_jobs_of_printer"))
        .to_owned()
}

fn job_details() -> TableCreateStatement {
    table("job_details")
        .col(required("print_job_id", ColumnType::BigInteger).primary_key())
        .col(optional("layer_height", ColumnType::Double))
        .col(optional("first_layer_height", ColumnType::Double))
        .col(optional("nozzle_temp", ColumnType::Double))
        .col(optional("bed_temp", ColumnType::Double))
        .col(optional("print_speed", ColumnType::Double))
        .col(optional("infill_percentage", ColumnType::Double))
        .col(optional("infill_pattern", long_text()))
        .col(optional("support_enabled", ColumnType::Boolean))
        .col(optional("support_type", long_text()))
        .col(optional("filament_type", short_text()))
        .col(optional("filament_brand", long_text()))
        .col(optional("filament_color", long_text()))
        .col(optional("estimated_time", ColumnType::Double))
        .col(optional("estimated_filament", ColumnType::Double))
        .col(optional("layer_count", ColumnType::BigInteger))
        .col(optional("object_height", ColumnType::Double))
        .col(optional("raw_metadata", long_text()))
        .foreign_key(
            ForeignKey::create()
                .name("job_details_of_job")
                .from("job_details", "print_job_id")
                .to("print_jobs", "id"),
        )
        .to_owned()
}

fn job_totals() -> TableCreateStatement {
    table("job_totals")
        .col(required("printer_id", ColumnType::BigInteger).primary_key())
        .col(required("total_jobs", ColumnType::BigInteger))
        .col(required("total_time", ColumnType::Double))
        .col(required("total_print_time", ColumnType::Double))
        .col(required("total_filament_used", ColumnType::Double))
        .col(optional("longest_job", ColumnType::Double))
        .col(optional("last_updated", instant()))
        .foreign_key(&mut of_printer("job_totals", "job_totals_of_printer"))
        .to_owned()
}

fn api_keys() -> TableCreateStatement {
    table("api_keys")
        .col(id())
        .col(required("key_hash", short_text()))
        .col(required("key_prefix", short_text()))
        .col(required("name", short_text()))
        .col(required("is_active", ColumnType::Boolean))
        .col(optional("last_used", instant()))
        .col(required("created_at", instant()))
        .col(optional("expires_at", instant()))
        .to_owned()
}

/// Runs that a user deleted, with the fields by which rows of the history are recognised.
fn deleted_jobs() -> TableCreateStatement {
    table("deleted_jobs")
        .col(required("print_job_id", ColumnType::BigInteger).primary_key())
        .col(required("printer_id", ColumnType::BigInteger))
        .col(optional("job_id", short_text()))
        .col(optional("history_start_time", instant()))
        .col(optional("start_time", instant()))
        .col(optional("end_time", instant()))
        .col(optional("filename", long_text()))
        .col(optional("total_duration", ColumnType::Double))
        .col(required("deleted_at", instant()))
        .foreign_key(&mut of_printer("deleted_jobs", "deleted_jobs_of_printer"))
        .to_owned()
}

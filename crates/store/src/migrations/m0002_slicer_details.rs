//! Metadata of G-code files, their thumbnails, and the queue of jobs whose details are to be read.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

pub(super) struct SlicerDetails;

impl MigrationName for SlicerDetails {
    fn name(&self) -> &'static str {
        "m0002_slicer_details"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for SlicerDetails {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for mut table in [
            gcode_files(),
            thumbnails(),
            gcode_file_thumbnails(),
            details_queue(),
        ] {
            if manager.get_database_backend() == DbBackend::MySql {
                table
                    .engine("InnoDB")
                    .character_set("utf8mb4")
                    .collate("utf8mb4_bin");
            }
            manager.create_table(table).await?;
        }
        let indexes: [(&str, &str, &[&str], bool); 5] = [
            (
                "gcode_files",
                "gcode_files_key",
                &["printer_id", "file_key"],
                true,
            ),
            (
                "gcode_file_thumbnails",
                "gcode_file_thumbnails_hash",
                &["thumbnail_hash"],
                false,
            ),
            (
                "details_queue",
                "details_queue_due",
                &["priority", "next_attempt_at", "sort_time"],
                false,
            ),
            ("details_queue", "details_queue_status", &["status"], false),
            ("details_queue", "details_queue_file", &["gcode_file_id"], false),
        ];
        for (table, name, columns, unique) in indexes {
            // MySQL has no IF NOT EXISTS here.
            if manager.has_index(table, name).await? {
                continue;
            }
            let mut index = Index::create();
            index.name(name).table(table);
            for column in columns {
                index.col(*column);
            }
            if unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        // Queues existing jobs, too.
        manager
            .get_connection()
            .execute_unprepared(
                "INSERT INTO details_queue \
                 (print_job_id, status, priority, attempts, next_attempt_at, sort_time, updated_at) \
                 SELECT id, 'pending', 0, 0, 0, sort_time, updated_at FROM print_jobs \
                 WHERE id NOT IN (SELECT print_job_id FROM details_queue)",
            )
            .await?;
        Ok(())
    }
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

fn short_text() -> ColumnType {
    ColumnType::string(Some(255))
}

/// Text of any length: MySQL's `TEXT` and `BLOB` refuse more than 64 KB.
fn long_text() -> ColumnType {
    ColumnType::custom("longtext")
}

fn reference(
    table: &'static str,
    name: &'static str,
    column: &'static str,
    to: (&'static str, &'static str),
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(name)
        .from(table, column)
        .to(to.0, to.1)
        .to_owned()
}

fn gcode_files() -> TableCreateStatement {
    table("gcode_files")
        .col(
            ColumnDef::new("id")
                .big_integer()
                .not_null()
                .auto_increment()
                .primary_key(),
        )
        .col(required("printer_id", ColumnType::BigInteger))
        .col(required("file_key", short_text()))
        .col(optional("content_hash", short_text()))
        .col(required("source", short_text()))
        .col(required("created_at", ColumnType::BigInteger))
        .col(required("metadata", long_text()))
        // Last, so that SQLite does not have to read past it to reach other columns.
        .col(optional("raw", long_text()))
        .foreign_key(&mut reference(
            "gcode_files",
            "gcode_files_of_printer",
            "printer_id",
            ("printers", "id"),
        ))
        .to_owned()
}

fn thumbnails() -> TableCreateStatement {
    table("thumbnails")
        .col(required("hash", short_text()).primary_key())
        .col(required("media_type", short_text()))
        .col(required("width", ColumnType::BigInteger))
        .col(required("height", ColumnType::BigInteger))
        .col(required("bytes", ColumnType::BigInteger))
        .col(required("data", ColumnType::custom("longblob")))
        .to_owned()
}

fn gcode_file_thumbnails() -> TableCreateStatement {
    table("gcode_file_thumbnails")
        .col(required("gcode_file_id", ColumnType::BigInteger))
        .col(required("thumbnail_hash", short_text()))
        .primary_key(Index::create().col("gcode_file_id").col("thumbnail_hash"))
        .foreign_key(&mut reference(
            "gcode_file_thumbnails",
            "thumbnail_of_file",
            "gcode_file_id",
            ("gcode_files", "id"),
        ))
        .foreign_key(&mut reference(
            "gcode_file_thumbnails",
            "file_with_thumbnail",
            "thumbnail_hash",
            ("thumbnails", "hash"),
        ))
        .to_owned()
}

/// `next_attempt_at` is 0 before the first attempt and null if no attempt is planned.
fn details_queue() -> TableCreateStatement {
    table("details_queue")
        .col(required("print_job_id", ColumnType::BigInteger).primary_key())
        .col(required("status", short_text()))
        .col(required("priority", ColumnType::BigInteger))
        .col(optional("reason", long_text()))
        .col(required("attempts", ColumnType::BigInteger))
        .col(optional("next_attempt_at", ColumnType::BigInteger))
        .col(optional("gcode_file_id", ColumnType::BigInteger))
        .col(required("sort_time", ColumnType::BigInteger))
        .col(required("updated_at", ColumnType::BigInteger))
        .foreign_key(&mut reference(
            "details_queue",
            "details_of_job",
            "print_job_id",
            ("print_jobs", "id"),
        ))
        .foreign_key(&mut reference(
            "details_queue",
            "details_from_file",
            "gcode_file_id",
            ("gcode_files", "id"),
        ))
        .to_owned()
}

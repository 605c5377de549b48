//! What users add to jobs, the log of these changes, and the list of verdict reasons.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

pub(super) struct UserNotes;

impl MigrationName for UserNotes {
    fn name(&self) -> &'static str {
        "m0005_user_notes"
    }
}

/// Common reasons. Users can edit the list.
const REASONS: [&str; 8] = [
    "Came off the bed",
    "Warped",
    "Layer shift",
    "Stringing",
    "Under-extrusion",
    "Poor surface",
    "Wrong size or fit",
    "Wrong material",
];

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for UserNotes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for mut table in [job_notes(), job_tags(), job_changes(), verdict_reasons()] {
            if manager.get_database_backend() == DbBackend::MySql {
                table
                    .engine("InnoDB")
                    .character_set("utf8mb4")
                    .collate("utf8mb4_bin");
            }
            manager.create_table(table).await?;
        }
        for (table, name, columns, unique) in [
            ("job_notes", "job_notes_verdict", &["verdict"][..], false),
            ("job_tags", "job_tags_key", &["tag_key"], false),
            (
                "job_changes",
                "job_changes_of_job",
                &["print_job_id", "id"],
                false,
            ),
            ("verdict_reasons", "verdict_reasons_key", &["name_key"], true),
        ] {
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
        let known = Query::select()
            .column("id")
            .from("verdict_reasons")
            .limit(1)
            .to_owned();
        let db = manager.get_connection();
        if db.query_one(&known).await?.is_none() {
            let mut reasons = Query::insert()
                .into_table("verdict_reasons")
                .columns(["name", "name_key"])
                .to_owned();
            for reason in REASONS {
                reasons.values_panic([reason.into(), reason.to_lowercase().into()]);
            }
            db.execute(&reasons).await?;
        }
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

/// Text of any length: MySQL's `TEXT` refuses more than 64 KB.
fn long_text() -> ColumnType {
    ColumnType::custom("longtext")
}

fn of_job(table: &'static str, name: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(name)
        .from(table, "print_job_id")
        .to("print_jobs", "id")
        .to_owned()
}

fn job_notes() -> TableCreateStatement {
    table("job_notes")
        .col(required("print_job_id", ColumnType::BigInteger).primary_key())
        .col(optional("title", short_text()))
        .col(optional("verdict", short_text()))
        .col(optional("verdict_reason", short_text()))
        .col(optional("notes", long_text()))
        .foreign_key(&mut of_job("job_notes", "notes_of_job"))
        .to_owned()
}

fn job_tags() -> TableCreateStatement {
    table("job_tags")
        .col(required("print_job_id", ColumnType::BigInteger))
        .col(required("tag_key", short_text()))
        .col(required("tag", short_text()))
        .primary_key(Index::create().col("print_job_id").col("tag_key"))
        .foreign_key(&mut of_job("job_tags", "tags_of_job"))
        .to_owned()
}

/// Values are JSON.
fn job_changes() -> TableCreateStatement {
    table("job_changes")
        .col(id())
        .col(required("print_job_id", ColumnType::BigInteger))
        .col(required("changed_at", ColumnType::BigInteger))
        .col(required("changed_by", short_text()))
        .col(required("field", short_text()))
        .col(optional("old_value", long_text()))
        .col(optional("new_value", long_text()))
        .foreign_key(&mut of_job("job_changes", "changes_of_job"))
        .to_owned()
}

fn verdict_reasons() -> TableCreateStatement {
    table("verdict_reasons")
        .col(id())
        .col(required("name", short_text()))
        .col(required("name_key", short_text()))
        .to_owned()
}

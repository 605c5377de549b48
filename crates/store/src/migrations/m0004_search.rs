//! The searchable text of each job, in a narrow separate table; on SQLite with a trigram index.
//!
//! Drops the copy of the file name in `print_jobs`, which was searched before.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

pub(super) struct Search;

impl MigrationName for Search {
    fn name(&self) -> &'static str {
        "m0004_search"
    }
}

/// The index does not store the texts, so the triggers must pass it the text to remove.
const TRIGRAMS: [&str; 4] = [
    "CREATE VIRTUAL TABLE IF NOT EXISTS job_search_trigrams USING fts5(\
     text, content = 'job_search', content_rowid = 'print_job_id', tokenize = 'trigram case_sensitive 1')",
    "CREATE TRIGGER IF NOT EXISTS job_search_inserted AFTER INSERT ON job_search BEGIN \
     INSERT INTO job_search_trigrams (rowid, text) VALUES (new.print_job_id, new.text); END",
    "CREATE TRIGGER IF NOT EXISTS job_search_deleted AFTER DELETE ON job_search BEGIN \
     INSERT INTO job_search_trigrams (job_search_trigrams, rowid, text) \
     VALUES ('delete', old.print_job_id, old.text); END",
    "CREATE TRIGGER IF NOT EXISTS job_search_updated AFTER UPDATE ON job_search BEGIN \
     INSERT INTO job_search_trigrams (job_search_trigrams, rowid, text) \
     VALUES ('delete', old.print_job_id, old.text); \
     INSERT INTO job_search_trigrams (rowid, text) VALUES (new.print_job_id, new.text); END",
];

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for Search {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = job_search();
        let is_mysql = manager.get_database_backend() == DbBackend::MySql;
        if is_mysql {
            table
                .engine("InnoDB")
                .character_set("utf8mb4")
                .collate("utf8mb4_bin");
        }
        manager.create_table(table).await?;
        let db = manager.get_connection();
        if !is_mysql {
            for statement in TRIGRAMS {
                db.execute_unprepared(statement).await?;
            }
        }
        if manager.has_column("print_jobs", "filename_key").await? {
            db.execute_unprepared(
                "INSERT INTO job_search (print_job_id, text) \
                 SELECT id, COALESCE(filename_key, '') FROM print_jobs \
                 WHERE id NOT IN (SELECT print_job_id FROM job_search)",
            )
            .await?;
            let without = Table::alter()
                .table("print_jobs")
                .drop_column("filename_key")
                .to_owned();
            manager.alter_table(without).await?;
        }
        Ok(())
    }
}

fn job_search() -> TableCreateStatement {
    Table::create()
        .table("job_search")
        .if_not_exists()
        .col(
            ColumnDef::new("print_job_id")
                .big_integer()
                .not_null()
                .primary_key(),
        )
        .col(ColumnDef::new_with_type("text", ColumnType::custom("longtext")).not_null())
        .foreign_key(
            ForeignKey::create()
                .name("search_of_job")
                .from("job_search", "print_job_id")
                .to("print_jobs", "id"),
        )
        .to_owned()
}

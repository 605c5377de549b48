//! Tests of the read-only views in `docs/sql.md`, on every engine.

use domain::{Figures, JobStatus};
use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::{Value, json};
use store::{Engine, NotesChange, Store};

use crate::{database::Database, fixtures::*, on_every_engine};

/// The documented columns of a view.
fn documented(view: &str) -> Vec<String> {
    let docs = include_str!("../../../../docs/sql.md");
    let section = docs
        .split("\n## ")
        .find(|section| section.starts_with(&format!("`{view}`")))
        .unwrap();
    let cells = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    cells.map(str::to_owned).collect()
}

async fn columns(db: &Database, view: &str) -> Vec<(String, String)> {
    let sql = match db.engine {
        Engine::Sqlite => format!("SELECT name, type FROM pragma_table_info('{view}')"),
        Engine::MySql | Engine::MariaDb => format!(
            "SELECT CAST(column_name AS CHAR), CAST(data_type AS CHAR) FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = '{view}' ORDER BY ordinal_position"
        ),
    };
    let statement = Statement::from_string(db.raw.get_database_backend(), sql);
    let rows = db.raw.query_all_raw(statement).await.unwrap();
    rows.iter()
        .map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap()))
        .collect()
}

/// One value of a view as text.
async fn value(db: &Database, what: &str, view: &str) -> Option<String> {
    let kind = match db.engine {
        Engine::Sqlite => "TEXT",
        Engine::MySql | Engine::MariaDb => "CHAR",
    };
    db.column::<Option<String>>(&format!("SELECT CAST({what} AS {kind}) FROM {view}"))
        .await
        .remove(0)
}

fn parsed(text: Option<String>) -> Value {
    serde_json::from_str(&text.unwrap()).unwrap()
}

/// A job of 1,000 mm with details, notes, tags and metadata.
async fn add_job(db: &Database) {
    let printer = add_printer(&db.store, "Voron").await;
    let mut job = known(printer, "00001A", "Gehäuse.gcode", 0.25);
    job.status = JobStatus::Completed;
    job.end_time = Some(at(100.5));
    job.figures = Figures {
        filament_used: Some(1000.0),
        ..job.figures
    };
    job.metadata = Some(json!({"size": 3, "name": "ä"}).into());
    db.store.save_job(&job, now()).await.unwrap();
    let (id, _) = the_job(&db.store).await;
    let change = NotesChange {
        title: Some(Some("Left half".to_owned())),
        tags: Some(vec!["grün".to_owned(), "abs".to_owned()]),
        ..NotesChange::default()
    };
    db.store.change_notes(id, &change, "tests", now()).await.unwrap();
    db.execute(&format!(
        "INSERT INTO job_details (print_job_id, layer_height, filament_type, grams_per_mm, weight_source, \
         estimated_length, filament_cost, currency, raw_metadata) \
         VALUES ({}, 0.2, 'PETG', 0.003, 'file', 2000, 1.5, 'EUR', '{{\"layer_height\": \"0.2\"}}')",
        id.0
    ))
    .await;
}

on_every_engine! {
    async fn cost_of_used_filament_is_that_of_the_analytics(db) {
        add_job(&db).await;
        let lengths = [None, Some(0.0), Some(1.0), Some(-5.0), Some(2000.0)];
        let sql = |value: Option<f64>| value.map_or("NULL".to_owned(), |value| value.to_string());
        for cost in [None, Some(0.0), Some(1.5)] {
            for planned in lengths {
                for used in lengths {
                    db.execute(&format!("UPDATE job_details SET filament_cost = {}, estimated_length = {}", sql(cost), sql(planned))).await;
                    db.execute(&format!("UPDATE print_jobs SET filament_used = {}", sql(used))).await;
                    let found = db.column::<Option<f64>>("SELECT filament_cost_used FROM v_jobs").await.remove(0);
                    let expected = domain::used_cost(cost, planned, used);
                    let is_equal = match (found, expected) {
                        (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
                        (found, expected) => found == expected,
                    };
                    assert!(is_equal, "{cost:?} {used:?} {planned:?}: {found:?}, {expected:?}");
                }
            }
        }
    }

    async fn views_have_the_documented_columns_and_types(db) {
        for view in ["v_printers", "v_jobs", "v_job_details", "v_totals"] {
            let found = columns(&db, view).await;
            let names: Vec<_> = found.iter().map(|(name, _)| name.clone()).collect();
            assert_eq!(names, documented(view), "{view}");
            for (name, kind) in found {
                if db.engine == Engine::Sqlite {
                    continue;
                }
                if name.ends_with("_time") && !name.contains("total_") && name != "estimated_time" || name.ends_with("_at") || name.starts_with("last_") {
                    assert_eq!(kind, "datetime", "{view}.{name}");
                }
                if name.ends_with("metadata") || name == "auxiliary_data" || name == "tags" {
                    // MariaDB has no JSON type: it is validated text.
                    let expected = if db.engine == Engine::MySql { "json" } else { "text" };
                    assert!(kind.ends_with(expected), "{view}.{name} is {kind}");
                }
            }
        }
    }

    async fn views_show_jobs_with_details_notes_and_the_engines_own_types(db) {
        add_job(&db).await;
        assert_eq!(value(&db, "printer_name", "v_jobs").await.unwrap(), "Voron");
        // The start is 1,780,000,000.25 s after the epoch.
        assert_eq!(value(&db, "start_time", "v_jobs").await.unwrap(), "2026-05-28 20:26:40.250");
        assert_eq!(value(&db, "end_time", "v_jobs").await.unwrap(), "2026-05-28 20:28:20.500");
        assert_eq!(value(&db, "start_time_ms", "v_jobs").await.unwrap(), "1780000000250");
        let number = async |what: &str| value(&db, what, "v_jobs").await.unwrap().parse::<f64>().unwrap();
        assert!((number("filament_used_g").await - 3.0).abs() < 1e-9);
        assert!((number("filament_cost_used").await - 0.75).abs() < 1e-9);
        assert_eq!(value(&db, "title", "v_jobs").await.unwrap(), "Left half");
        let mut tags = parsed(value(&db, "tags", "v_jobs").await);
        tags.as_array_mut().unwrap().sort_by_key(ToString::to_string);
        assert_eq!(tags, json!(["abs", "grün"]));
        assert_eq!(parsed(value(&db, "metadata", "v_jobs").await), json!({"size": 3, "name": "ä"}));
        assert_eq!(value(&db, "auxiliary_data", "v_jobs").await, None);
        assert_eq!(parsed(value(&db, "raw_metadata", "v_job_details").await), json!({"layer_height": "0.2"}));
        assert_eq!(value(&db, "total_jobs", "v_totals").await.unwrap(), "1");
        assert_eq!(value(&db, "last_seen", "v_printers").await, None);
    }

    async fn a_job_of_which_nothing_is_known_is_in_the_views(db) {
        let printer = add_printer(&db.store, "Voron").await;
        let mut job = running(printer, "a.gcode", 0.0);
        job.start_time = None;
        job.last_seen = None;
        db.store.save_job(&job, now()).await.unwrap();
        for column in ["start_time", "end_time", "filament_used_g", "filament_cost_used", "title", "metadata", "last_seen"] {
            assert_eq!(value(&db, column, "v_jobs").await, None, "{column}");
        }
        assert_eq!(parsed(value(&db, "tags", "v_jobs").await), json!([]));
    }

    async fn text_that_is_not_json_is_null_and_breaks_no_query(db) {
        add_job(&db).await;
        db.execute("UPDATE print_jobs SET metadata = '{\"cut off\": '").await;
        assert_eq!(value(&db, "metadata", "v_jobs").await, None);
    }

    async fn raw_metadata_of_a_file_is_in_place(db) {
        add_job(&db).await;
        db.execute("UPDATE job_details SET raw_metadata = NULL").await;
        db.execute(
            "INSERT INTO gcode_files (id, printer_id, file_key, source, created_at, metadata, raw) \
             SELECT 7, id, 'k', 'file', 0, '{}', '{\"from\": \"the file\"}' FROM printers",
        ).await;
        db.execute("UPDATE details_queue SET gcode_file_id = 7").await;
        assert_eq!(parsed(value(&db, "raw_metadata", "v_job_details").await), json!({"from": "the file"}));
    }

    async fn a_database_from_before_the_views_gets_them(db) {
        for view in ["v_totals", "v_job_details", "v_jobs", "v_printers"] {
            db.execute(&format!("DROP VIEW {view}")).await;
        }
        db.execute("DELETE FROM schema_migrations WHERE version = 'm0010_sql_views'").await;
        let store: Store = db.open_again().await.unwrap();
        assert_eq!(columns(&db, "v_totals").await.len(), documented("v_totals").len());
        store.close().await.unwrap();
    }
}

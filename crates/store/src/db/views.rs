//! Read-only views for Grafana, Metabase and users who write SQL. `docs/sql.md` documents every column.
//!
//! The tables may change with any version; the views keep their columns. They are recreated after each run of
//! migrations.

use sea_orm::ConnectionTrait;
use tracing::warn;

use crate::db::{
    dialect::Engine,
    error::{Fault, server_error_number},
};

/// All views. Each comes after the views it selects from.
const NAMES: [&str; 4] = ["v_printers", "v_jobs", "v_job_details", "v_totals"];

/// Drops existing views. SQLite needs this before a migration: it refuses to alter a table while a view refers to a
/// missing column.
pub(crate) async fn drop_all(db: &impl ConnectionTrait) -> Result<(), Fault> {
    for name in NAMES {
        db.execute_unprepared(&format!("DROP VIEW IF EXISTS {name}"))
            .await?;
    }
    Ok(())
}

/// Creates the views on the newest schema.
///
/// printlog itself does not use them: for an account without the right to create views, it logs a warning and continues
/// without them.
pub(crate) async fn create(db: &impl ConnectionTrait, engine: Engine) -> Result<(), Fault> {
    for (name, select) in definitions(engine) {
        // On a server, SQL SECURITY INVOKER: users of the view need the right to read the tables, and the views of a
        // dump that is loaded under another account do not lack their owner.
        let create = match engine {
            Engine::Sqlite => format!("CREATE VIEW {name} AS {select}"),
            Engine::MySql | Engine::MariaDb => {
                format!("CREATE OR REPLACE SQL SECURITY INVOKER VIEW {name} AS {select}")
            }
        };
        match db.execute_unprepared(&create).await {
            Ok(_) => {}
            // Views are an extra: recording must not depend on an account's right to create them.
            Err(cause) if engine != Engine::Sqlite && is_forbidden(&cause) => {
                warn!(
                    "the database account cannot create views, so {} are missing; to use them, grant it CREATE VIEW and DROP: {cause}",
                    NAMES.join(", ")
                );
                return Ok(());
            }
            Err(cause) => return Err(cause.into()),
        }
    }
    Ok(())
}

/// Whether the account lacks a right: 1142 for the view or a table, 1044 for the database.
fn is_forbidden(cause: &sea_orm::DbErr) -> bool {
    [1142, 1044].contains(&server_error_number(cause).unwrap_or_default())
}

/// Name and SELECT of each view.
fn definitions(engine: Engine) -> [(&'static str, String); 4] {
    let [printers, jobs, details, totals] = NAMES;
    [
        (printers, select_printers(engine)),
        (jobs, select_jobs(engine)),
        (details, select_details(engine)),
        (totals, select_totals(engine)),
    ]
}

/// A column of epoch milliseconds as the engine's own timestamp, in UTC.
fn instant(engine: Engine, column: &str) -> String {
    match engine {
        // SQLite has no type for instants. This is the text that its own date functions write.
        Engine::Sqlite => format!("strftime('%Y-%m-%d %H:%M:%f', {column} / 1000.0, 'unixepoch')"),
        // FROM_UNIXTIME would depend on the time zone of the session, and end in 2038 on older servers.
        Engine::MySql | Engine::MariaDb => format!(
            "CAST(TIMESTAMPADD(MICROSECOND, {column} * 1000, TIMESTAMP '1970-01-01 00:00:00') AS DATETIME(3))"
        ),
    }
}

/// A text column that holds JSON, in the engine's own type. NULL if it is not valid JSON.
fn json(engine: Engine, column: &str) -> String {
    match engine {
        Engine::Sqlite => format!("CASE WHEN json_valid({column}) THEN json({column}) END"),
        Engine::MySql => format!("IF(JSON_VALID({column}), CAST({column} AS JSON), NULL)"),
        // MariaDB's JSON is validated text.
        Engine::MariaDb => format!("IF(JSON_VALID({column}), JSON_COMPACT({column}), NULL)"),
    }
}

/// The tags of the job `j.id`, as a JSON array.
fn tags(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => {
            "(SELECT json_group_array(t.tag) FROM \
             (SELECT tag FROM job_tags WHERE print_job_id = j.id ORDER BY tag_key) AS t)"
        }
        Engine::MySql | Engine::MariaDb => {
            "COALESCE((SELECT JSON_ARRAYAGG(t.tag) FROM job_tags AS t WHERE t.print_job_id = j.id), JSON_ARRAY())"
        }
    }
}

fn select_printers(engine: Engine) -> String {
    let instant = |column| instant(engine, column);
    format!(
        "SELECT p.id, p.name, p.kind, p.location, p.moonraker_url, p.is_active, {last_seen} AS last_seen, \
         {created_at} AS created_at, {updated_at} AS updated_at FROM printers AS p",
        last_seen = instant("p.last_seen"),
        created_at = instant("p.created_at"),
        updated_at = instant("p.updated_at"),
    )
}

fn select_jobs(engine: Engine) -> String {
    let instant = |column| instant(engine, column);
    format!(
        "SELECT j.id, j.printer_id, p.name AS printer_name, j.job_id, j.{user} AS {user}, j.filename, j.status, j.cause, \
         j.message, {start_time} AS start_time, {end_time} AS end_time, j.start_time AS start_time_ms, \
         j.end_time AS end_time_ms, j.print_duration, j.total_duration, j.filament_used, \
         j.filament_used * d.grams_per_mm AS filament_used_g, d.weight_source AS filament_used_g_source, \
         CASE WHEN d.estimated_length > 0 THEN d.filament_cost * j.filament_used / d.estimated_length END \
         AS filament_cost_used, d.currency, \
         d.filament_type, d.filament_brand, d.filament_color, d.slicer, \
         j.end_source, j.figures_source, j.clock_jumped, \
         n.title, n.verdict, n.verdict_reason, n.notes, {tags} AS tags, \
         {last_seen} AS last_seen, {created_at} AS created_at, {updated_at} AS updated_at, \
         {metadata} AS metadata, {auxiliary_data} AS auxiliary_data \
         FROM print_jobs AS j JOIN printers AS p ON p.id = j.printer_id \
         LEFT JOIN job_details AS d ON d.print_job_id = j.id \
         LEFT JOIN job_notes AS n ON n.print_job_id = j.id",
        // `user` is a reserved word in some tools, and a function in MySQL.
        user = match engine {
            Engine::Sqlite => "\"user\"",
            Engine::MySql | Engine::MariaDb => "`user`",
        },
        start_time = instant("j.start_time"),
        end_time = instant("j.end_time"),
        tags = tags(engine),
        last_seen = instant("j.last_seen"),
        created_at = instant("j.created_at"),
        updated_at = instant("j.updated_at"),
        metadata = json(engine, "j.metadata"),
        auxiliary_data = json(engine, "j.auxiliary_data"),
    )
}

/// `raw_metadata` is stored once per file, and with the job only if no file was read.
fn select_details(engine: Engine) -> String {
    let of_file = "(SELECT f.raw FROM details_queue AS q JOIN gcode_files AS f ON f.id = q.gcode_file_id \
                   WHERE q.print_job_id = d.print_job_id)";
    format!(
        "SELECT d.print_job_id, d.slicer, d.layer_height, d.first_layer_height, d.nozzle_temp, d.bed_temp, \
         d.print_speed, d.infill_percentage, d.infill_pattern, d.support_enabled, d.support_type, d.filament_type, \
         d.filament_brand, d.filament_color, d.estimated_time, d.estimated_filament, d.estimated_length, \
         d.layer_count, d.object_height, d.filament_cost, d.currency, d.grams_per_mm, d.weight_source, \
         COALESCE({own}, {file}) AS raw_metadata FROM job_details AS d",
        own = json(engine, "d.raw_metadata"),
        file = json(engine, of_file),
    )
}

fn select_totals(engine: Engine) -> String {
    format!(
        "SELECT t.printer_id, p.name AS printer_name, t.total_jobs, t.total_time, t.total_print_time, \
         t.total_filament_used, t.longest_job, {last_updated} AS last_updated \
         FROM job_totals AS t JOIN printers AS p ON p.id = t.printer_id",
        last_updated = instant(engine, "t.last_updated"),
    )
}

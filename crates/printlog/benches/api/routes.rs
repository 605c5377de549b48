//! The measured routes, one per line.

use anyhow::Context as _;

use crate::client::Client;

/// A route, and the SQL statements that it needs at least.
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) statements: Vec<String>,
}

const PAGE: &str = "SELECT id, printer_id, job_id, user, filename, status, cause, message, sort_time, start_time, \
    end_time, print_duration, total_duration, filament_used, end_source, figures_source, clock_jumped, last_seen, \
    created_at, updated_at, (SELECT name FROM printers WHERE printers.id = printer_id) FROM print_jobs";
const NEWEST: &str = "ORDER BY sort_time DESC, id DESC LIMIT 51";
const TOTAL: &str = "SELECT SUM(total_jobs) FROM job_totals";

/// The statement that would compute the summary from the rows alone.
const SUMS: &str = "SELECT status, COUNT(*), SUM(print_duration), SUM(total_duration), SUM(filament_used), \
    MAX(total_duration) FROM print_jobs";
const WITH_DETAILS: &str = "JOIN job_details ON job_details.print_job_id = print_jobs.id";
const DAY: &str = "strftime('%Y-%m-%d', start_time / 1000, 'unixepoch')";

/// Adds the statements for the notes and thumbnails of the jobs in a response. They are separate because a join would
/// repeat jobs.
async fn add_notes(client: &mut Client, route: &mut Route) -> anyhow::Result<()> {
    let answer = client.json(&route.path).await?;
    let ids: Vec<String> = match answer["items"].as_array() {
        Some(items) => items.iter().map(|item| item["id"].to_string()).collect(),
        None => vec![answer["id"].to_string()],
    };
    let ids = ids.join(", ");
    route.statements.extend([
        format!("SELECT print_job_id, title, verdict, verdict_reason FROM job_notes WHERE print_job_id IN ({ids})"),
        format!("SELECT print_job_id, tag FROM job_tags WHERE print_job_id IN ({ids}) ORDER BY print_job_id, tag_key"),
        format!("SELECT print_job_id FROM details_queue JOIN gcode_file_thumbnails USING (gcode_file_id) WHERE print_job_id IN ({ids})"),
    ]);
    Ok(())
}

/// All routes, with parameters taken from the existing jobs.
pub(crate) async fn all(client: &mut Client) -> anyhow::Result<Vec<Route>> {
    let total = client.json("/api/jobs?limit=1").await?["total"]
        .as_u64()
        .context("no total")?;
    // The job in the middle: here, ids are in start order.
    let middle = client.json(&format!("/api/jobs/{}", total / 2)).await?;
    let start = middle["start_time"].as_str().context("no start")?;
    let page = client.json(&format!("/api/jobs?limit=1&until={start}")).await?;
    let cursor = page["next"].as_str().context("no cursor")?;
    let last = &page["items"][0];
    let (last_id, last_start) = (&last["id"], last["start_time"].as_str().context("no start")?);
    let last_start: jiff::Timestamp = last_start.parse()?;
    let (month, ms) = (
        jiff::SignedDuration::from_hours(30 * 24),
        |time: jiff::Timestamp| time.as_millisecond(),
    );
    let until = last_start + month;
    let between = format!("sort_time >= {} AND sort_time < {}", ms(last_start), ms(until));
    let list = |name: &str, query: &str, condition: &str, total: String| Route {
        name: name.to_owned(),
        path: format!("/api/jobs{query}"),
        statements: vec![format!("{PAGE} WHERE {condition} {NEWEST}"), total],
    };
    let count = |condition: &str| format!("SELECT COUNT(*) FROM print_jobs WHERE {condition}");
    let found = |name: &str, text: &str| {
        let phrase =
            format!("SELECT rowid FROM job_search_trigrams WHERE job_search_trigrams MATCH '\"{text}\"'");
        let few = format!("id IN ({phrase} LIMIT 2001)");
        list(
            name,
            &format!("?q={text}"),
            &few,
            format!("SELECT COUNT(*) FROM ({phrase})"),
        )
    };
    let material =
        "EXISTS (SELECT 1 FROM job_details WHERE print_job_id = print_jobs.id AND filament_type = 'PVA')";
    let mut routes = vec![
        list("list, first page", "", "TRUE", TOTAL.to_owned()),
        list(
            "list, deep page",
            &format!("?cursor={cursor}"),
            &format!(
                "sort_time <= {0} AND (sort_time < {0} OR id < {last_id})",
                ms(last_start)
            ),
            TOTAL.to_owned(),
        ),
        list(
            "list, of a printer",
            "?printer_id=3",
            "printer_id = 3",
            format!("{TOTAL} WHERE printer_id = 3"),
        ),
        list(
            "list, failed",
            "?status=error",
            "status = 'error'",
            count("status = 'error'"),
        ),
        list(
            "list, completed",
            "?status=completed",
            "status = 'completed'",
            count("status = 'completed'"),
        ),
        list(
            "list, failed of a printer",
            "?printer_id=3&status=error",
            "printer_id = 3 AND status = 'error'",
            count("printer_id = 3 AND status = 'error'"),
        ),
        list(
            "list, of 30 days",
            &format!("?since={last_start}&until={until}"),
            &between,
            count(&between),
        ),
        list(
            "list, of a material",
            "?filament_type=PVA",
            material,
            count(material),
        ),
        Route {
            name: "list, longest".to_owned(),
            path: "/api/jobs?sort=-print_duration".to_owned(),
            statements: vec![
                format!("{PAGE} ORDER BY print_duration DESC, id DESC LIMIT 51"),
                TOTAL.to_owned(),
            ],
        },
        Route {
            name: "list, longest of a material".to_owned(),
            path: "/api/jobs?filament_type=PVA&sort=-print_duration".to_owned(),
            statements: vec![
                format!("{PAGE} WHERE {material} ORDER BY print_duration DESC, id DESC LIMIT 51"),
                count(material),
            ],
        },
        found("search, rare", "articulated_pva_1h"),
        found("search, nothing", "nothing_like_it"),
        found("search, common", "benchy"),
        found("search, in every name", "gcode"),
        list(
            "search, two characters",
            "?q=zz",
            "id IN (SELECT print_job_id FROM job_search WHERE INSTR(text, 'zz') > 0)",
            "SELECT COUNT(*) FROM job_search WHERE INSTR(text, 'zz') > 0".to_owned(),
        ),
        Route {
            name: "job".to_owned(),
            path: format!("/api/jobs/{last_id}"),
            statements: vec![
                format!("SELECT * FROM print_jobs WHERE id = {last_id}"),
                format!("SELECT * FROM details_queue WHERE print_job_id = {last_id}"),
                format!("SELECT * FROM job_details WHERE print_job_id = {last_id}"),
                format!(
                    "SELECT id, source, metadata FROM gcode_files WHERE id IN \
                     (SELECT gcode_file_id FROM details_queue WHERE print_job_id = {last_id})"
                ),
                format!(
                    "SELECT hash FROM thumbnails WHERE hash IN (SELECT thumbnail_hash FROM gcode_file_thumbnails \
                     WHERE gcode_file_id IN (SELECT gcode_file_id FROM details_queue WHERE print_job_id = {last_id}))"
                ),
            ],
        },
    ];
    for route in &mut routes {
        add_notes(client, route).await?;
    }
    let period = format!("since={last_start}&until={}", last_start + month * 6);
    let some = format!("printer_id=3&filament_type=PLA&{period}");
    let of_some = format!(
        "{WITH_DETAILS} WHERE printer_id = 3 AND filament_type = 'PLA' AND sort_time >= {} AND sort_time < {}",
        ms(last_start),
        ms(last_start + month * 6)
    );
    let sums = |rest: &str, by: &str| format!("{SUMS} {rest} GROUP BY {by}, status");
    let analytics = [
        ("summary", "", String::new(), "status".to_owned()),
        ("printers", "", String::new(), "printer_id".to_owned()),
        (
            "printers/3",
            "",
            "WHERE printer_id = 3".to_owned(),
            "printer_id".to_owned(),
        ),
        (
            "filament",
            "",
            WITH_DETAILS.to_owned(),
            "filament_type, filament_brand, filament_color".to_owned(),
        ),
        ("timeline", "bucket=day", String::new(), DAY.to_owned()),
        (
            "heatmap",
            "",
            String::new(),
            "strftime('%w %H', start_time / 1000, 'unixepoch')".to_owned(),
        ),
        (
            "estimates",
            "",
            WITH_DETAILS.to_owned(),
            "printer_id, filament_type".to_owned(),
        ),
        ("files", "", String::new(), "filename".to_owned()),
        (
            "failures",
            "",
            format!("{WITH_DETAILS} WHERE status IN ('error', 'interrupted')"),
            "cause, printer_id, filament_type".to_owned(),
        ),
    ];
    for (route, query, rest, by) in &analytics {
        routes.push(Route {
            name: format!("analytics, {route}"),
            path: format!("/api/analytics/{route}?{query}"),
            statements: vec![sums(rest, by)],
        });
    }
    for (route, query, _, by) in &analytics {
        routes.push(Route {
            name: format!("analytics, {route}, of a printer, a material and half a year"),
            path: match route.strip_prefix("printers/") {
                Some(_) => format!("/api/analytics/{route}?filament_type=PLA&{period}"),
                None => format!("/api/analytics/{route}?{some}&{query}"),
            },
            statements: vec![sums(&of_some, by)],
        });
    }
    let singles = [
        ("a printer", "printer_id=3".to_owned()),
        ("a material", "filament_type=PLA".to_owned()),
        ("half a year", period),
    ];
    for (name, filter) in &singles {
        for (route, query, ..) in analytics.iter().filter(|(route, ..)| *route != "printers/3") {
            routes.push(Route {
                name: format!("analytics, {route}, of {name}"),
                path: format!("/api/analytics/{route}?{filter}&{query}"),
                statements: Vec::new(),
            });
        }
    }
    Ok(routes)
}

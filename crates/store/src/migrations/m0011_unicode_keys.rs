//! Folds the comparison keys again: names, tags and search texts, in NFC and with full case folding.
//!
//! Tags that become equal are merged. If two printers get the same name, the one added later is renamed, such as `Vörön
//! (2)`. If two verdict reasons become equal, the older spelling is kept, also for jobs with the other one. File names
//! are unchanged, byte for byte.

use std::collections::HashSet;

use sea_orm::ConnectionTrait;
use sea_orm_migration::prelude::*;
use tracing::warn;

use crate::db::text::{SHORT, fold, name_key};

pub(super) struct UnicodeKeys;

impl MigrationName for UnicodeKeys {
    fn name(&self) -> &'static str {
        "m0011_unicode_keys"
    }
}

/// Rows held in memory at a time.
const PAGE: u64 = 1_000;

#[expect(elided_lifetimes_in_paths, reason = "as the trait has it")]
#[async_trait::async_trait]
impl MigrationTrait for UnicodeKeys {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        printers(db).await?;
        verdict_reasons(db).await?;
        tags(db).await?;
        search(db).await
    }
}

/// Comparison key of a name. Folding can make a name longer than the column; the original always fits.
fn key(name: &str) -> String {
    cut(name_key(name), SHORT)
}

fn cut(text: String, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

async fn printers(db: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
    let named = names(db, "printers").await?;
    let mut taken: HashSet<String> = named.iter().map(|printer| key(&printer.name)).collect();
    let mut seen = HashSet::new();
    let mut changed = Vec::new();
    for Named {
        id,
        name,
        key: stored,
    } in named
    {
        let mut new_name = name.clone();
        if !seen.insert(key(&name)) {
            let mut number = 2;
            while !taken.insert(key(&new_name)) {
                let suffix = format!(" ({number})");
                new_name = cut(name.clone(), SHORT - suffix.len()) + &suffix;
                number += 1;
            }
            warn!(
                printer.id = id,
                "the printer {name:?} has the name of another printer in another Unicode form: it is renamed to \
                 {new_name:?}"
            );
        }
        if key(&new_name) != stored {
            changed.push((id, new_name));
        }
    }
    // A new key may equal the old key of a printer that is updated later.
    for (id, _) in &changed {
        set(db, "printers", *id, [("name_key", format!("\u{1f}{id}"))]).await?;
    }
    for (id, name) in changed {
        set(db, "printers", id, [("name_key", key(&name)), ("name", name)]).await?;
    }
    Ok(())
}

async fn verdict_reasons(db: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
    let mut kept: Vec<Named> = Vec::new();
    for reason in names(db, "verdict_reasons").await? {
        let new = key(&reason.name);
        let Some(first) = kept.iter().find(|kept| key(&kept.name) == new) else {
            kept.push(reason);
            continue;
        };
        let jobs = Query::update()
            .table("job_notes")
            .value("verdict_reason", first.name.as_str())
            .and_where(Expr::col("verdict_reason").eq(reason.name.as_str()))
            .to_owned();
        db.execute(&jobs).await?;
        let twin = Query::delete()
            .from_table("verdict_reasons")
            .and_where(Expr::col("id").eq(reason.id))
            .to_owned();
        db.execute(&twin).await?;
    }
    for Named {
        id,
        name,
        key: stored,
    } in kept
    {
        if key(&name) != stored {
            set(db, "verdict_reasons", id, [("name_key", key(&name))]).await?;
        }
    }
    Ok(())
}

struct Named {
    id: i64,
    name: String,
    key: String,
}

/// Rows of a table, oldest first.
async fn names(db: &SchemaManagerConnection<'_>, table: &'static str) -> Result<Vec<Named>, DbErr> {
    let query = Query::select()
        .columns(["id", "name", "name_key"])
        .from(table)
        .order_by("id", Order::Asc)
        .to_owned();
    let rows = db.query_all(&query).await?;
    rows.iter()
        .map(|row| {
            Ok(Named {
                id: row.try_get("", "id")?,
                name: row.try_get("", "name")?,
                key: row.try_get("", "name_key")?,
            })
        })
        .collect()
}

async fn set<const N: usize>(
    db: &SchemaManagerConnection<'_>,
    table: &'static str,
    id: i64,
    values: [(&'static str, String); N],
) -> Result<(), DbErr> {
    let values = values.map(|(column, value)| (column, Expr::val(value)));
    let update = Query::update()
        .table(table)
        .values(values)
        .and_where(Expr::col("id").eq(id))
        .to_owned();
    db.execute(&update).await.map(drop)
}

/// Runs one statement for each spelling: there are few spellings, each with many jobs.
async fn tags(db: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
    let spellings = Query::select()
        .distinct()
        .columns(["tag", "tag_key"])
        .from("job_tags")
        .to_owned();
    for row in db.query_all(&spellings).await? {
        let (tag, stored): (String, String) = (row.try_get("", "tag")?, row.try_get("", "tag_key")?);
        let new = key(&tag);
        if new == stored {
            continue;
        }
        // A job that has the tag in both forms keeps one of them. MySQL requires the subquery in a derived table.
        let has_it = Query::select()
            .column("print_job_id")
            .from_subquery(
                Query::select()
                    .column("print_job_id")
                    .from("job_tags")
                    .and_where(Expr::col("tag_key").eq(new.as_str()))
                    .to_owned(),
                "has_it",
            )
            .to_owned();
        let twins = Query::delete()
            .from_table("job_tags")
            .and_where(Expr::col("tag_key").eq(stored.as_str()))
            .and_where(Expr::col("print_job_id").in_subquery(has_it))
            .to_owned();
        db.execute(&twins).await?;
        let update = Query::update()
            .table("job_tags")
            .value("tag_key", new.as_str())
            .and_where(Expr::col("tag_key").eq(stored.as_str()))
            .to_owned();
        db.execute(&update).await?;
    }
    Ok(())
}

/// Folds the stored text, which is already lower case, again. The result equals that of folding the originals.
async fn search(db: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
    let mut after = i64::MIN;
    loop {
        let page = Query::select()
            .columns(["print_job_id", "text"])
            .from("job_search")
            .and_where(Expr::col("print_job_id").gt(after))
            .order_by("print_job_id", Order::Asc)
            .limit(PAGE)
            .to_owned();
        let rows = db.query_all(&page).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            let text: String = row.try_get("", "text")?;
            after = row.try_get("", "print_job_id")?;
            let folded = fold(&text);
            if folded == text {
                continue;
            }
            let update = Query::update()
                .table("job_search")
                .value("text", &*folded)
                .and_where(Expr::col("print_job_id").eq(after))
                .to_owned();
            db.execute(&update).await?;
        }
    }
}

//! The rows of `printers`, and their conversion to `domain` types and back.

use domain::{Backfill, NewPrinter, Printer, PrinterId};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query, SelectStatement, UpdateStatement},
};

use crate::{
    access::secret::Secret,
    db::{error::Fault, record::Record, tables::Printers, text::name_key},
};

/// The columns that a user sets, except for the key.
pub(crate) fn columns(printer: &NewPrinter) -> [(Printers, Expr); 6] {
    [
        (Printers::Name, printer.name.clone().into()),
        (Printers::NameKey, name_key(&printer.name).into()),
        (Printers::Kind, printer.kind.as_str().into()),
        (Printers::Location, printer.location.clone().into()),
        (Printers::MoonrakerUrl, printer.moonraker_url.clone().into()),
        (Printers::IsActive, printer.is_active.into()),
    ]
}

/// Sets columns of a printer.
pub(crate) fn change(id: PrinterId, values: impl IntoIterator<Item = (Printers, Expr)>) -> UpdateStatement {
    Query::update()
        .table(Printers::Table)
        .values(values)
        .and_where(Expr::col(Printers::Id).eq(id.0))
        .to_owned()
}

/// Selects complete printers.
pub(crate) fn select() -> SelectStatement {
    Query::select()
        .columns([
            Printers::Id,
            Printers::Name,
            Printers::Kind,
            Printers::Location,
            Printers::MoonrakerUrl,
            Printers::MoonrakerApiKey,
            Printers::IsActive,
            Printers::LastSeen,
            Printers::CreatedAt,
            Printers::UpdatedAt,
            Printers::BackfillSince,
            Printers::BackfillPosition,
            Printers::BackfillCompletedAt,
            Printers::FirstContact,
        ])
        .from(Printers::Table)
        .to_owned()
}

pub(crate) async fn by_id(
    db: &impl ConnectionTrait,
    secret: &Secret,
    id: PrinterId,
) -> Result<Option<Printer>, Fault> {
    let query = select().and_where(Expr::col(Printers::Id).eq(id.0)).to_owned();
    Ok(load(db, secret, &query).await?.pop())
}

pub(crate) async fn by_name(
    db: &impl ConnectionTrait,
    secret: &Secret,
    name: &str,
) -> Result<Option<Printer>, Fault> {
    let query = select()
        .and_where(Expr::col(Printers::NameKey).eq(name_key(name)))
        .to_owned();
    Ok(load(db, secret, &query).await?.pop())
}

/// Reads printers with their keys decrypted.
pub(crate) async fn load(
    db: &impl ConnectionTrait,
    secret: &Secret,
    query: &SelectStatement,
) -> Result<Vec<Printer>, Fault> {
    let rows = db.query_all(query).await?;
    rows.iter()
        .map(|row| {
            let record = Record::new(row, "printers", "id")?;
            let stored_key: Option<String> = record.get("moonraker_api_key")?;
            let key = stored_key.as_deref().and_then(|key| secret.unseal(key));
            Ok(Printer {
                id: PrinterId(record.key),
                key_is_unreadable: stored_key.is_some() && key.is_none(),
                config: NewPrinter {
                    name: record.get("name")?,
                    kind: record.printer_kind()?,
                    location: record.get("location")?,
                    moonraker_url: record.get("moonraker_url")?,
                    moonraker_api_key: key,
                    is_active: record.get("is_active")?,
                },
                last_seen: record.time("last_seen")?,
                created_at: record.required_time("created_at")?,
                updated_at: record.required_time("updated_at")?,
                backfill: Backfill {
                    since: record.time("backfill_since")?,
                    position: record.get::<i64>("backfill_position")?.try_into().unwrap_or(0),
                    completed_at: record.time("backfill_completed_at")?,
                    first_contact: record.time("first_contact")?,
                },
            })
        })
        .collect()
}

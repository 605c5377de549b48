//! Reads the table `job_months`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use analytics::{Month, MonthKey, MonthRef};
use domain::PrinterId;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Order, Query, SimpleExpr},
};

use crate::{
    Error,
    db::{
        error::Fault,
        tables::{JobMonths, JobTotals},
    },
};

/// Version of the months of each printer.
pub(crate) async fn versions(db: &impl ConnectionTrait) -> Result<HashMap<PrinterId, i64>, Fault> {
    let query = Query::select()
        .columns([JobTotals::PrinterId, JobTotals::FactsVersion])
        .from(JobTotals::Table)
        .to_owned();
    let rows = db.query_all(&query).await?;
    rows.iter()
        .map(|row| {
            Ok((
                PrinterId(row.try_get("", "printer_id")?),
                row.try_get("", "facts_version")?,
            ))
        })
        .collect()
}

/// The months of a printer that were written after this version, each with the number of its jobs, the oldest first.
pub(crate) async fn newer(
    db: &impl ConnectionTrait,
    printer_id: PrinterId,
    version: i64,
) -> Result<Vec<(MonthRef, i64)>, Fault> {
    let query = Query::select()
        .columns([JobMonths::Month, JobMonths::Version, JobMonths::Jobs])
        .from(JobMonths::Table)
        .and_where(Expr::col(JobMonths::PrinterId).eq(printer_id.0))
        .and_where(Expr::col(JobMonths::Version).gt(version))
        .order_by(JobMonths::Month, Order::Asc)
        .to_owned();
    let rows = db.query_all(&query).await?;
    rows.iter()
        .map(|row| {
            let month = MonthRef {
                printer_id,
                key: MonthKey(row.try_get("", "month")?),
                version: row.try_get("", "version")?,
            };
            Ok((month, row.try_get("", "jobs")?))
        })
        .collect()
}

/// The current versions of these months, those that still exist.
pub(crate) async fn read(
    db: &impl ConnectionTrait,
    months: &[MonthRef],
) -> Result<Vec<(MonthRef, Month)>, Fault> {
    let mut read = Vec::new();
    for condition in conditions(months) {
        let query = Query::select()
            .columns([
                JobMonths::PrinterId,
                JobMonths::Month,
                JobMonths::Version,
                JobMonths::Facts,
            ])
            .from(JobMonths::Table)
            .and_where(condition)
            .to_owned();
        for row in db.query_all(&query).await? {
            let month = MonthRef {
                printer_id: PrinterId(row.try_get("", "printer_id")?),
                key: MonthKey(row.try_get("", "month")?),
                version: row.try_get("", "version")?,
            };
            let bytes: Vec<u8> = row.try_get("", "facts")?;
            read.push((month, unpack(month, &bytes)?));
        }
    }
    Ok(read)
}

/// Conditions that each use the primary key, as few as possible: a request reads many printers of one month, or many
/// months of one printer.
fn conditions(months: &[MonthRef]) -> Vec<SimpleExpr> {
    let keys: BTreeSet<MonthKey> = months.iter().map(|month| month.key).collect();
    let printers: BTreeSet<PrinterId> = months.iter().map(|month| month.printer_id).collect();
    let mut groups: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let by_month = keys.len() <= printers.len();
    for month in months {
        let (one, many) = match by_month {
            true => (month.key.0, month.printer_id.0),
            false => (month.printer_id.0, month.key.0),
        };
        groups.entry(one).or_default().push(many);
    }
    let (one, many) = match by_month {
        true => (JobMonths::Month, JobMonths::PrinterId),
        false => (JobMonths::PrinterId, JobMonths::Month),
    };
    groups
        .into_iter()
        .map(|(value, values)| Expr::col(one).eq(value).and(Expr::col(many).is_in(values)))
        .collect()
}

fn unpack(month: MonthRef, bytes: &[u8]) -> Result<Month, Fault> {
    let unpacked = Month::from_bytes(month.printer_id, month.key, bytes);
    let damaged = || Error::BadValue {
        table: "job_months",
        column: "facts",
        row: month.printer_id.0,
        found: format!(
            "invalid bytes for {}; `printlog rebuild-aggregates` repairs them",
            month.key
        ),
    };
    Ok(unpacked.ok_or_else(damaged)?)
}

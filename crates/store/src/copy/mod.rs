//! Copies all rows of all tables from one database into another, whatever the engines, and proves that they arrived.
//!
//! Backups of servers, restoring and moving to another engine are this one copy.

mod tables;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, ExprTrait as _, IsolationLevel, QueryResult, Statement,
    TransactionOptions, TransactionTrait,
    sea_query::{Expr, Order, Query, Value},
};
use sha2::{Digest as _, Sha256};

use crate::{
    Engine, Error, Location, Result, Store,
    error::Fault,
    migrations::own_tables,
    transaction::{LONG, Tx},
};
use tables::{Column, Kind, Table, tables};

/// Rows that are read and written at a time; fewer where a row can be an image.
const PAGE: u64 = 200;
const PAGE_OF_IMAGES: u64 = 16;

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSum {
    /// The table.
    pub table: String,
    /// How many rows.
    pub rows: u64,
    /// The same for the same rows, on whatever engine and in whatever order: the sum of the rows' SHA-256, of which the
    /// first 16 bytes count, hexadecimal.
    pub checksum: String,
}

#[derive(Default)]
struct Summing {
    rows: u64,
    sum: u128,
}

impl Summing {
    fn add(&mut self, row: &[Value]) {
        let mut hash = Sha256::new();
        for value in row {
            match value {
                Value::BigInt(Some(number)) => {
                    hash.update(b"i");
                    hash.update(number.to_be_bytes());
                }
                Value::Double(Some(number)) => {
                    hash.update(b"r");
                    // Zero has two signs, and not every engine keeps them apart.
                    hash.update((number + 0.0).to_bits().to_be_bytes());
                }
                Value::String(Some(text)) => hash_bytes(&mut hash, b"t", text.as_bytes()),
                Value::Bytes(Some(bytes)) => hash_bytes(&mut hash, b"b", bytes),
                _ => hash.update(b"n"),
            }
        }
        let mut first = [0; 16];
        first.copy_from_slice(&hash.finalize()[..16]);
        self.rows += 1;
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(first));
    }

    fn of(self, table: &Table) -> TableSum {
        TableSum {
            table: table.name.clone(),
            rows: self.rows,
            checksum: format!("{:032x}", self.sum),
        }
    }
}

fn hash_bytes(hash: &mut Sha256, tag: &[u8], bytes: &[u8]) {
    hash.update(tag);
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

/// Counts and sums of all tables of a database, which is left as it is, whatever its schema.
///
/// # Errors
/// [`Error::Open`], or the read that failed.
pub async fn table_sums(location: &Location) -> Result<Vec<TableSum>> {
    let store = Store::connect(location, None).await?;
    let sums = store.table_sums().await;
    store.close().await?;
    sums
}

impl Store {
    /// Counts and sums of all tables, at one moment.
    pub async fn table_sums(&self) -> Result<Vec<TableSum>> {
        self.read_within(LONG, "count the rows of all tables", |_| async {
            let snapshot = self.snapshot().await?;
            let mut sums = Vec::new();
            for table in tables(&snapshot, self.engine).await? {
                sums.push(sum(&snapshot, &table).await?);
            }
            Ok(sums)
        })
        .await
    }

    /// What all following reads see is one moment of the database. Nobody is held up by it.
    async fn snapshot(&self) -> Result<DatabaseTransaction, Fault> {
        let options = match self.engine {
            Engine::Sqlite => TransactionOptions::default(),
            Engine::MySql | Engine::MariaDb => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                ..TransactionOptions::default()
            },
        };
        Ok(self.reader.begin_with_options(options).await?)
    }
}

/// The number of rows of a table.
pub(crate) async fn count_rows(db: &impl ConnectionTrait, table: &str) -> Result<u64, Fault> {
    let query = Query::select()
        .expr_as(Expr::cust("COUNT(*)"), "n")
        .from(table.to_owned())
        .to_owned();
    let row = db.query_one(&query).await?;
    let count: Option<i64> = row.map(|row| row.try_get("", "n")).transpose()?;
    Ok(count.and_then(|count| count.try_into().ok()).unwrap_or(0))
}

/// Puts all rows of `source`, as they are at one moment, in the place of all rows of `target`. Both have the same
/// schema. Gives what was copied, read again from `target`.
///
/// # Errors
/// [`Error::CopyDiffers`] if what arrived is not what was sent.
pub(crate) async fn copy_all(source: &Store, target: &Store) -> Result<Vec<TableSum>> {
    let fault = |fault: Fault| fault.into_error("copy a database");
    let snapshot = source.snapshot().await.map_err(fault)?;
    let from = tables(&snapshot, source.engine).await.map_err(fault)?;
    let to = tables(&target.writer, target.engine).await.map_err(fault)?;
    for table in to.iter().rev() {
        empty(target, table).await?;
    }
    let mut sent = Vec::new();
    for table in &to {
        let Some(source) = from.iter().find(|source| source.name == table.name) else {
            return Err(Error::CopyDiffers {
                table: table.name.clone(),
                what: "it is missing in the source".to_owned(),
            });
        };
        // In the order of the target, so that both are summed alike.
        let ordered = Table {
            columns: table.columns.clone(),
            ..source.clone()
        };
        sent.push(copy(&snapshot, &ordered, target).await?);
    }
    if let Some(extra) = from
        .iter()
        .find(|table| to.iter().all(|to| to.name != table.name))
    {
        return Err(Error::CopyDiffers {
            table: extra.name.clone(),
            what: "it is missing in the target".to_owned(),
        });
    }
    copy_counters(&snapshot, source.engine, target).await?;
    snapshot.rollback().await.map_err(|cause| fault(cause.into()))?;
    let arrived = target.table_sums().await?;
    for sent in &sent {
        let found = arrived.iter().find(|sum| sum.table == sent.table);
        if found != Some(sent) {
            return Err(Error::CopyDiffers {
                table: sent.table.clone(),
                what: format!(
                    "{} rows with checksum {} were sent, {} with {} arrived",
                    sent.rows,
                    sent.checksum,
                    found.map_or(0, |sum| sum.rows),
                    found.map_or("none", |sum| sum.checksum.as_str())
                ),
            });
        }
    }
    Ok(arrived)
}

async fn empty(target: &Store, table: &Table) -> Result<()> {
    let statement = &Query::delete().from_table(table.name.clone()).to_owned();
    target
        .write_within(LONG, "empty a table", |tx| async move {
            tx.execute(statement).await?;
            Ok(())
        })
        .await
}

async fn copy(snapshot: &DatabaseTransaction, table: &Table, target: &Store) -> Result<TableSum> {
    let mut summing = Summing::default();
    let mut last = None;
    loop {
        let page = read_page(snapshot, table, last.as_deref())
            .await
            .map_err(|fault| fault.into_error("read a table"))?;
        let Some(end) = page.last() else {
            return Ok(summing.of(table));
        };
        last = Some(key_of(table, end));
        page.iter().for_each(|row| summing.add(row));
        let page = &page;
        target
            .write_within(LONG, "load a table", |tx| write_page(tx, table, page))
            .await?;
    }
}

async fn sum(snapshot: &DatabaseTransaction, table: &Table) -> Result<TableSum, Fault> {
    let mut summing = Summing::default();
    let mut last = None;
    loop {
        let page = read_page(snapshot, table, last.as_deref()).await?;
        let Some(end) = page.last() else {
            return Ok(summing.of(table));
        };
        last = Some(key_of(table, end));
        page.iter().for_each(|row| summing.add(row));
    }
}

/// The rows behind the key `last`, in the order of the key.
async fn read_page(
    db: &impl ConnectionTrait,
    table: &Table,
    last: Option<&[Value]>,
) -> Result<Vec<Vec<Value>>, Fault> {
    let has_images = table.columns.iter().any(|column| column.kind == Kind::Bytes);
    let mut query = Query::select();
    query
        .columns(table.columns.iter().map(|column| column.name.clone()))
        .from(table.name.clone())
        .limit(if has_images { PAGE_OF_IMAGES } else { PAGE });
    for column in &table.key {
        query.order_by(column.clone(), Order::Asc);
    }
    if let Some(last) = last {
        let key = table.key.iter().map(|column| Expr::col(column.clone()));
        let last = last.iter().map(|value| Expr::val(value.clone()));
        query.and_where(Expr::tuple(key).gt(Expr::tuple(last)));
    }
    let rows = db.query_all(&query).await?;
    rows.iter()
        .map(|row| {
            table
                .columns
                .iter()
                .enumerate()
                .map(|(index, column)| value(row, index, column))
                .collect()
        })
        .collect()
}

fn value(row: &QueryResult, index: usize, column: &Column) -> Result<Value, Fault> {
    Ok(match column.kind {
        Kind::Integer => row.try_get_by_index::<Option<i64>>(index)?.into(),
        Kind::Real => row.try_get_by_index::<Option<f64>>(index)?.into(),
        Kind::Text => row.try_get_by_index::<Option<String>>(index)?.into(),
        Kind::Bytes => row.try_get_by_index::<Option<Vec<u8>>>(index)?.into(),
    })
}

fn key_of(table: &Table, row: &[Value]) -> Vec<Value> {
    table
        .key
        .iter()
        .filter_map(|name| {
            let index = table.columns.iter().position(|column| column.name == *name)?;
            row.get(index).cloned()
        })
        .collect()
}

/// `REPLACE`, as an attempt may have written them whose answer was lost.
async fn write_page(tx: Tx, table: &Table, page: &[Vec<Value>]) -> Result<(), Fault> {
    let mut insert = Query::insert();
    insert
        .replace()
        .into_table(table.name.clone())
        .columns(table.columns.iter().map(|column| column.name.clone()));
    for row in page {
        insert.values_panic(row.iter().map(|value| Expr::val(value.clone())));
    }
    tx.execute(&insert).await?;
    Ok(())
}

/// Ids that were given out and deleted must not be given out again.
async fn copy_counters(snapshot: &DatabaseTransaction, engine: Engine, target: &Store) -> Result<()> {
    let fault = |fault: Fault| fault.into_error("copy the counters of ids");
    for (table, last) in last_ids(snapshot, engine).await.map_err(fault)? {
        let sql = match target.engine {
            Engine::Sqlite => format!(
                "INSERT INTO sqlite_sequence (name, seq) SELECT '{table}', {last} \
                 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = '{table}')"
            ),
            Engine::MySql | Engine::MariaDb => {
                format!(
                    "ALTER TABLE `{table}` AUTO_INCREMENT = {}",
                    last.saturating_add(1)
                )
            }
        };
        let backend = target.writer.get_database_backend();
        let run = async |sql: String| -> Result<(), Fault> {
            target
                .writer
                .execute_raw(Statement::from_string(backend, sql))
                .await?;
            Ok(())
        };
        run(sql).await.map_err(fault)?;
        if target.engine == Engine::Sqlite {
            run(format!(
                "UPDATE sqlite_sequence SET seq = {last} WHERE name = '{table}' AND seq < {last}"
            ))
            .await
            .map_err(fault)?;
        }
    }
    Ok(())
}

/// The last id that each table has given out.
pub(crate) async fn last_ids(db: &impl ConnectionTrait, engine: Engine) -> Result<Vec<(String, i64)>, Fault> {
    let backend = db.get_database_backend();
    if engine == Engine::MySql {
        // It tells numbers that are up to a day old, otherwise.
        let fresh = Statement::from_string(backend, "SET SESSION information_schema_stats_expiry = 0");
        db.execute_raw(fresh).await?;
    }
    let sql = match engine {
        Engine::Sqlite => "SELECT name, seq AS last FROM sqlite_sequence",
        Engine::MySql | Engine::MariaDb => {
            "SELECT CAST(table_name AS CHAR) AS name, CAST(LEAST(auto_increment, 9223372036854775807) AS SIGNED) - 1 AS last \
             FROM information_schema.tables WHERE table_schema = DATABASE() AND auto_increment IS NOT NULL"
        }
    };
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await?;
    let own = own_tables().await?;
    let counters = rows
        .iter()
        .map(|row| Ok((row.try_get("", "name")?, row.try_get("", "last")?)));
    let mut counters: Vec<(String, i64)> = counters.collect::<Result<_, Fault>>()?;
    counters.retain(|(table, _)| own.contains(table));
    Ok(counters)
}

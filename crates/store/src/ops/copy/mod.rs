//! Copies all rows of all tables from one database into another, on any engine, and verifies the copy.
//!
//! Backups of servers, restores and moves to another engine all use this copy.

mod tables;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, ExprTrait as _, IsolationLevel, QueryResult, Statement,
    TransactionOptions, TransactionTrait,
    sea_query::{Expr, Order, Query, Value},
};
use sha2::{Digest as _, Sha256};

use crate::{
    Error, Result, Store,
    db::{
        dialect::Engine,
        error::Fault,
        location::Location,
        transaction::{LONG, Tx},
    },
    ops::id_space::last_ids,
};
use tables::{Column, Kind, Table, tables};

/// Rows per page; fewer for tables with images.
const PAGE: u64 = 200;
const PAGE_OF_IMAGES: u64 = 16;

/// Row count and checksum of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSum {
    /// The table.
    pub table: String,
    /// Number of rows.
    pub rows: u64,
    /// Checksum of the rows, independent of engine and row order: the sum of the first 16 bytes of each row's SHA-256,
    /// hexadecimal.
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
                    // Normalises negative zero, which not every engine distinguishes.
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
        // A sum, because engines return rows in different orders of texts.
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
    // Otherwise two texts could be divided at another place and have the same hash.
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

/// Row counts and checksums of all tables of a database. Changes nothing and works with any schema version.
///
/// # Errors
/// [`Error::Open`], or the error of a failed read.
pub async fn table_sums(location: &Location) -> Result<Vec<TableSum>> {
    let store = Store::connect(location, None).await?;
    let sums = store.table_sums().await;
    store.close().await?;
    sums
}

impl Store {
    /// Row counts and checksums of all tables, in one snapshot.
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

    /// Begins a snapshot: all reads in it see the same state of the database. It blocks no other connection.
    async fn snapshot(&self) -> Result<DatabaseTransaction, Fault> {
        let options = match self.engine {
            Engine::Sqlite => TransactionOptions::default(),
            Engine::MySql | Engine::MariaDb => TransactionOptions {
                // Connections otherwise read what is committed at the time of each statement.
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                ..TransactionOptions::default()
            },
        };
        Ok(self.reader.begin_with_options(options).await?)
    }
}

/// Replaces all rows of `target` with a snapshot of all rows of `source`. Both must have the same schema. Returns
/// counts and checksums, read again from `target`.
///
/// # Errors
/// [`Error::CopyDiffers`] if the copy differs from the source.
pub(crate) async fn copy_all(source: &Store, target: &Store) -> Result<Vec<TableSum>> {
    let fault = |fault: Fault| fault.into_error("copy a database");
    let snapshot = source.snapshot().await.map_err(fault)?;
    let from = tables(&snapshot, source.engine).await.map_err(fault)?;
    let to = tables(&target.writer, target.engine).await.map_err(fault)?;
    // Tables that refer to others first.
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
        // Uses the column order of the target, so that the checksums match.
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
    // After the rows, which move the counters on.
    copy_counters(&snapshot, source.engine, target).await?;
    snapshot.rollback().await.map_err(|cause| fault(cause.into()))?;
    // Read again from the target: what was sent proves nothing about what was stored.
    let arrived = target.table_sums().await?;
    for sent in &sent {
        let found = arrived.iter().find(|sum| sum.table == sent.table);
        if found != Some(sent) {
            return Err(Error::CopyDiffers {
                table: sent.table.clone(),
                what: format!(
                    "the source has {} rows with checksum {}, the copy {} with {}",
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

/// Reads the rows after the key `last`, ordered by key.
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
        // A page is held in memory as a whole.
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

/// Uses `REPLACE`, because an earlier attempt may have committed although its answer was lost.
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

/// Copies the id counters, so that ids of deleted rows are not reused.
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
        // Outside of a transaction: on a server, ALTER TABLE commits by itself.
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

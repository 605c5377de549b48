//! Sizes of the tables.

use sea_orm::{
    ConnectionTrait, Statement,
    sea_query::{Expr, Query},
};

use crate::{
    Result, Store,
    db::{dialect::Engine, error::Fault, transaction::LONG},
};

/// Size of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpace {
    /// The table.
    pub table: String,
    /// Number of rows.
    pub rows: u64,
    /// Bytes on disk, including indexes. An estimate on a server.
    pub bytes: u64,
}

impl Store {
    /// Sizes of the tables, the largest first.
    pub async fn table_spaces(&self) -> Result<Vec<TableSpace>> {
        self.read_within(LONG, "measure the tables", |db| async move {
            let sql = match self.engine {
                Engine::Sqlite => {
                    "SELECT s.tbl_name AS name, SUM(d.pgsize) AS bytes \
                     FROM dbstat AS d JOIN sqlite_master AS s ON s.name = d.name GROUP BY s.tbl_name"
                }
                Engine::MySql | Engine::MariaDb => {
                    "SELECT CAST(table_name AS CHAR) AS name, CAST(data_length + index_length AS SIGNED) AS bytes \
                     FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
                }
            };
            let statement = Statement::from_string(db.get_database_backend(), sql);
            let mut spaces = Vec::new();
            for row in db.query_all_raw(statement).await? {
                let table: String = row.try_get("", "name")?;
                let bytes: Option<i64> = row.try_get("", "bytes")?;
                spaces.push(TableSpace {
                    // Counted, because the number in the catalogue of a server is an estimate.
                    rows: count_rows(&db, &table).await?,
                    bytes: bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or(0),
                    table,
                });
            }
            spaces.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.table.cmp(&b.table)));
            Ok(spaces)
        })
        .await
    }
}

/// Number of rows of a table.
async fn count_rows(db: &impl ConnectionTrait, table: &str) -> Result<u64, Fault> {
    let query = Query::select()
        .expr_as(Expr::cust("COUNT(*)"), "n")
        .from(table.to_owned())
        .to_owned();
    let row = db.query_one(&query).await?;
    let count: Option<i64> = row.map(|row| row.try_get("", "n")).transpose()?;
    Ok(count.and_then(|count| count.try_into().ok()).unwrap_or(0))
}

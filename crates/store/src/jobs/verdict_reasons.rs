//! The table `verdict_reasons`: a list of reasons for verdicts, edited by users. Jobs keep the text of their reason
//! when the list changes.

use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, ExprTrait, Order, Query, SelectStatement},
};

use crate::{
    Error, Result, Store,
    db::{
        error::Fault,
        record::Record,
        tables::VerdictReasons,
        text::{check_short, name_key},
        transaction::Tx,
    },
};

/// A verdict reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictReason {
    /// Primary key.
    pub id: i64,
    /// Text. Unique, ignoring case.
    pub name: String,
}

impl Store {
    /// All reasons, in the order in which they were added.
    pub async fn verdict_reasons(&self) -> Result<Vec<VerdictReason>> {
        let query = &select().order_by(VerdictReasons::Id, Order::Asc).to_owned();
        self.read(
            "read the verdict reasons",
            |db| async move { load(&db, query).await },
        )
        .await
    }

    /// Adds a reason. An existing one is not an error.
    ///
    /// # Errors
    /// [`Error::TooLong`].
    pub async fn add_verdict_reason(&self, name: &str) -> Result<VerdictReason> {
        let key = &checked_key(name)?;
        self.write("add a verdict reason", |tx| async move {
            // Two users may add the same reason.
            if let Some(known) = by_key(&*tx, key).await? {
                return Ok(known);
            }
            let statement = Query::insert()
                .into_table(VerdictReasons::Table)
                .columns([VerdictReasons::Name, VerdictReasons::NameKey])
                .values_panic([name.into(), key.clone().into()])
                .to_owned();
            tx.execute(&statement).await?;
            by_key(&*tx, key)
                .await?
                .ok_or_else(|| DbErr::RecordNotInserted.into())
        })
        .await
    }

    /// Removes a reason from the list. `false` if it is not in the list.
    pub async fn remove_verdict_reason(&self, id: i64) -> Result<bool> {
        let statement = &Query::delete()
            .from_table(VerdictReasons::Table)
            .and_where(Expr::col(VerdictReasons::Id).eq(id))
            .to_owned();
        self.write("remove a verdict reason", |tx| async move {
            let removed = tx.execute(statement).await?.rows_affected() > 0;
            // An earlier attempt may have removed it although its answer was lost.
            Ok(removed || tx.is_retry)
        })
        .await
    }
}

/// The spelling of a reason in the list. `None` if it is not in the list.
pub(crate) async fn canonical(tx: &Tx, name: &str) -> Result<Option<String>, Fault> {
    Ok(by_key(&**tx, &name_key(name)).await?.map(|reason| reason.name))
}

fn checked_key(name: &str) -> Result<String, Error> {
    check_short("name", name)?;
    let key = name_key(name);
    // Folding can make a name longer.
    check_short("name", &key)?;
    Ok(key)
}

fn select() -> SelectStatement {
    Query::select()
        .columns([VerdictReasons::Id, VerdictReasons::Name])
        .from(VerdictReasons::Table)
        .to_owned()
}

async fn by_key(db: &impl ConnectionTrait, key: &str) -> Result<Option<VerdictReason>, Fault> {
    let query = select()
        .and_where(Expr::col(VerdictReasons::NameKey).eq(key))
        .to_owned();
    Ok(load(db, &query).await?.pop())
}

async fn load(db: &impl ConnectionTrait, query: &SelectStatement) -> Result<Vec<VerdictReason>, Fault> {
    let rows = db.query_all(query).await?;
    let reason = |row| {
        let record = Record::new(row, "verdict_reasons", "id")?;
        Ok(VerdictReason {
            id: record.key,
            name: record.get("name")?,
        })
    };
    rows.iter().map(reason).collect()
}

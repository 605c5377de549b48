//! Many rows at once.

use sea_orm::{
    ConnectionTrait, Iden, Values,
    sea_query::{Expr, Query, Value},
};

use crate::{error::Fault, transaction::Tx};

/// Rows of one statement. Few sizes, because each is a statement that the driver keeps prepared.
pub(crate) const BATCHES: [usize; 3] = [64, 8, 1];

/// Inserts rows that all have the same columns.
pub(crate) async fn insert_all<C: Iden + Copy + 'static>(
    tx: &Tx,
    table: C,
    rows: Vec<(Vec<C>, Vec<Value>)>,
) -> Result<(), Fault> {
    let mut rows = rows.into_iter();
    while let Some((columns, values)) = rows.next() {
        let more = BATCHES
            .into_iter()
            .find(|size| *size <= rows.len() + 1)
            .unwrap_or(1)
            - 1;
        let first = Query::insert()
            .into_table(table)
            .columns(columns)
            .values_panic(values.into_iter().map(Expr::val))
            .to_owned();
        let mut statement = tx.get_database_backend().build(&first);
        // All rows look like the first: to build each anew takes longer than to insert it.
        let row = statement
            .sql
            .rfind('(')
            .map_or("", |begin| &statement.sql[begin..]);
        statement.sql += &format!(", {row}").repeat(more);
        let all = &mut statement.values.get_or_insert_with(|| Values(Vec::new())).0;
        all.extend(rows.by_ref().take(more).flat_map(|(_, values)| values));
        tx.execute_raw(statement).await?;
    }
    Ok(())
}

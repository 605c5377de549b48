//! Inserts of many rows.

use sea_orm::{
    ConnectionTrait, Iden, Values,
    sea_query::{Expr, Query, Value},
};

use crate::db::{error::Fault, transaction::Tx};

/// Rows per statement. Only a few sizes, because the driver keeps a prepared statement for each.
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
            // The largest that the rows that are left can fill.
            .find(|size| *size <= rows.len() + 1)
            .unwrap_or(1)
            - 1;
        let first = Query::insert()
            .into_table(table)
            .columns(columns)
            .values_panic(values.into_iter().map(Expr::val))
            .to_owned();
        let mut statement = tx.get_database_backend().build(&first);
        // The SQL is built from the first row, since all rows have the same form. Building it for each row takes longer
        // than the insert.
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

/// Pads the list to the next power of two with its last value. Fewer lengths mean fewer prepared statements.
pub(crate) fn padded<T: Clone>(mut values: Vec<T>) -> Vec<T> {
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

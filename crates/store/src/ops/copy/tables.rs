//! Lists the tables of a database from its catalogue, so that a table added later is included.

use sea_orm::{ConnectionTrait, Statement};

use crate::{
    Error,
    db::{dialect::Engine, error::Fault},
    migrations::own_tables,
};

/// Tables that a copy leaves out: migrations create the first themselves, and the second describes a running server.
const NOT_COPIED: [&str; 2] = ["schema_migrations", "server_lease"];

/// A table of the catalogue.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// Names of the columns of the primary key, in its order.
    pub(super) key: Vec<String>,
}

/// A column of the catalogue.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// Type of a column's values, independent of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Real,
    Text,
    Bytes,
}

/// All tables of printlog that a copy includes, referenced tables first.
pub(super) async fn tables(db: &impl ConnectionTrait, engine: Engine) -> Result<Vec<Table>, Fault> {
    let sql = match engine {
        Engine::Sqlite => {
            "SELECT t.name AS table_name, c.name AS column_name, c.type AS data_type, c.pk AS key_position \
             FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c \
             WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
             ORDER BY t.name, c.cid"
        }
        Engine::MySql | Engine::MariaDb => {
            "SELECT CAST(c.table_name AS CHAR) AS table_name, CAST(c.column_name AS CHAR) AS column_name, \
             CAST(c.data_type AS CHAR) AS data_type, CAST(COALESCE(k.ordinal_position, 0) AS SIGNED) AS key_position \
             FROM information_schema.columns AS c \
             JOIN information_schema.tables AS t \
             ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE' \
             LEFT JOIN information_schema.key_column_usage AS k \
             ON k.table_schema = c.table_schema AND k.table_name = c.table_name AND k.column_name = c.column_name \
             AND k.constraint_name = 'PRIMARY' \
             WHERE c.table_schema = DATABASE() AND COALESCE(c.generation_expression, '') = '' \
             ORDER BY c.table_name, c.ordinal_position"
        }
    };
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let mut tables: Vec<Table> = Vec::new();
    let mut keys: Vec<Vec<(i64, String)>> = Vec::new();
    let own = own_tables().await?;
    for row in db.query_all_raw(statement).await? {
        let table: String = row.try_get("", "table_name")?;
        // Other programs may keep tables of their own in the database.
        if NOT_COPIED.contains(&table.as_str()) || !own.contains(&table) {
            continue;
        }
        let name: String = row.try_get("", "column_name")?;
        let data_type: String = row.try_get("", "data_type")?;
        let position: i64 = row.try_get("", "key_position")?;
        if tables.last().is_none_or(|last| last.name != table) {
            tables.push(Table {
                name: table,
                columns: Vec::new(),
                key: Vec::new(),
            });
            keys.push(Vec::new());
        }
        let kind = kind(&data_type);
        if let (Some(table), Some(key)) = (tables.last_mut(), keys.last_mut()) {
            if position > 0 {
                key.push((position, name.clone()));
            }
            table.columns.push(Column { name, kind });
        }
    }
    for (table, mut key) in tables.iter_mut().zip(keys) {
        // The catalogue lists the columns in the order of the table, not of the key.
        key.sort();
        table.key = key.into_iter().map(|(_, name)| name).collect();
    }
    in_order(tables, &references(db, engine).await?)
}

fn kind(data_type: &str) -> Kind {
    let data_type = data_type.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| data_type.contains(part));
    // SQLite returns the words of the CREATE statement, servers their own.
    if has(&["int", "bool"]) {
        Kind::Integer
    } else if has(&["double", "float", "real"]) {
        Kind::Real
    } else if has(&["blob", "binary"]) {
        Kind::Bytes
    } else {
        Kind::Text
    }
}

/// Foreign keys, as pairs of table and referenced table.
async fn references(db: &impl ConnectionTrait, engine: Engine) -> Result<Vec<(String, String)>, Fault> {
    let sql = match engine {
        Engine::Sqlite => {
            "SELECT t.name AS child, f.\"table\" AS parent \
             FROM pragma_table_list AS t JOIN pragma_foreign_key_list(t.name) AS f WHERE t.schema = 'main'"
        }
        Engine::MySql | Engine::MariaDb => {
            "SELECT CAST(table_name AS CHAR) AS child, CAST(referenced_table_name AS CHAR) AS parent \
             FROM information_schema.key_column_usage \
             WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL"
        }
    };
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| Ok((row.try_get("", "child")?, row.try_get("", "parent")?)))
        .collect()
}

fn in_order(mut tables: Vec<Table>, references: &[(String, String)]) -> Result<Vec<Table>, Fault> {
    let mut ordered: Vec<Table> = Vec::new();
    while !tables.is_empty() {
        let waits_for_none = |table: &Table| {
            !references.iter().any(|(child, parent)| {
                *child == table.name
                    // A table that refers to itself does not wait for itself.
                    && *parent != table.name
                    && tables.iter().any(|waiting| waiting.name == *parent)
            })
        };
        // No table of ours does so; a migration that adds a circle is found by the first copy.
        let Some(next) = tables.iter().position(waits_for_none) else {
            let names: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
            return Err(Error::Circle(names.join(", ")).into());
        };
        ordered.push(tables.remove(next));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_come_after_those_they_refer_to() {
        let named = |name: &str| Table {
            name: name.to_owned(),
            columns: Vec::new(),
            key: Vec::new(),
        };
        let tables = || vec![named("a"), named("b"), named("c")];
        let refers = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(child, parent)| ((*child).to_owned(), (*parent).to_owned()))
                .collect::<Vec<_>>()
        };
        let ordered = in_order(tables(), &refers(&[("a", "b"), ("b", "c"), ("c", "c")])).unwrap();
        let names: Vec<_> = ordered.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["c", "b", "a"]);
        assert!(in_order(tables(), &refers(&[("a", "b"), ("b", "a")])).is_err());
    }

    #[test]
    fn kinds_are_known_by_the_words_of_all_engines() {
        for (word, expected) in [
            ("bigint", Kind::Integer),
            ("tinyint", Kind::Integer),
            ("boolean", Kind::Integer),
            ("double", Kind::Real),
            ("longblob", Kind::Bytes),
            ("longtext", Kind::Text),
            ("varchar(255)", Kind::Text),
        ] {
            assert_eq!(kind(word), expected, "{word}");
        }
    }
}

//! `printlog space`: disk usage by kind of data.

use serde::Serialize;

use crate::cli::{
    Context, Exit, Output,
    output::{Table, print_json},
};

#[derive(Serialize)]
struct TableSpace {
    table: String,
    rows: u64,
    /// Size on disk, including indexes; a database server reports an estimate.
    bytes: u64,
}

pub(super) async fn run(context: &Context, output: Output) -> anyhow::Result<Exit> {
    let spaces = context.store.table_spaces().await?;
    if output.json {
        let tables: Vec<_> = spaces
            .into_iter()
            .map(|space| TableSpace {
                table: space.table,
                rows: space.rows,
                bytes: space.bytes,
            })
            .collect();
        print_json(&tables)?;
    } else {
        let mut shown = Table::new(["table", "rows", "KB"]);
        for space in spaces {
            let kilobytes = space.bytes.div_ceil(1000).to_string();
            shown.row([space.table, space.rows.to_string(), kilobytes]);
        }
        shown.print()?;
    }
    Ok(Exit::Done)
}

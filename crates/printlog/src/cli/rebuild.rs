//! `printlog rebuild-aggregates`: recomputes the aggregates that analytics use.

use serde::Serialize;

use crate::cli::{
    Context, Exit, Output,
    output::{print_json, print_line},
};

#[derive(Debug, Serialize)]
struct Rebuilt {
    /// Number of jobs that have ended: aggregates contain no running jobs.
    jobs: u64,
}

pub(super) async fn run(context: &Context, output: Output) -> anyhow::Result<Exit> {
    let jobs = context.store.rebuild_aggregates().await?;
    match output.json {
        true => print_json(&Rebuilt { jobs })?,
        false => print_line(&format!("Computed the aggregates of {jobs} jobs."))?,
    }
    Ok(Exit::Done)
}

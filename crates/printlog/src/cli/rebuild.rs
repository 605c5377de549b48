//! `printlog rebuild-aggregates`: what analytics are made of, computed anew.

use serde::Serialize;

use super::{
    Context, Exit, Output,
    output::{print_json, print_line},
};

#[derive(Debug, Serialize)]
struct Rebuilt {
    /// Jobs that have ended: those that run are in no aggregate.
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

//! `printlog details`: requests that details are read again.

use serde::Serialize;

use crate::cli::{
    Context, Exit,
    arguments::DetailsCommand,
    output::{print_json, print_line},
};

#[derive(Serialize)]
struct Refreshed {
    jobs: u64,
}

pub(super) async fn run(context: &Context, command: DetailsCommand) -> anyhow::Result<Exit> {
    let DetailsCommand::Refresh(refresh) = command;
    let jobs = context.store.refresh_missing_details(context.clock.now()).await?;
    if refresh.output.json {
        print_json(&Refreshed { jobs })?;
    } else {
        print_line(&format!(
            "The running server reads the details of {jobs} jobs again."
        ))?;
    }
    Ok(Exit::Done)
}

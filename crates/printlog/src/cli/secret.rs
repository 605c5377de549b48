//! Secrets that are not to stand in the list of processes.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use anyhow::Context as _;

/// All of the file, of stdin for `-`. `what` it is makes the error.
pub(super) fn read(file: &Path, what: &str) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        io::stdin()
            .read_to_string(&mut text)
            .with_context(|| format!("cannot read {what} from stdin"))?;
        return Ok(text);
    }
    fs::read_to_string(file).with_context(|| format!("cannot read {what} from {}", file.display()))
}

//! Reads secrets that must not appear in the process list.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use anyhow::Context as _;

/// Reads the whole file, or stdin for `-`. `what` names the secret in errors.
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

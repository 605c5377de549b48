//! Validates statuses, verdicts and tags of jobs.

use domain::{JobStatus, UnknownVerdict, Verdict};

use crate::input;

/// Maximum length of a tag in characters.
const TAG: usize = 64;

/// Parses a status.
pub(crate) fn status(text: &str) -> Result<JobStatus, String> {
    text.parse::<JobStatus>().map_err(|unknown| unknown.to_string())
}

/// Parses a verdict.
pub(crate) fn verdict(text: &str) -> Result<Verdict, String> {
    text.parse()
        .map_err(|unknown: UnknownVerdict| unknown.to_string())
}

/// Validates a tag and trims it.
pub(crate) fn tag(text: &str) -> Result<String, String> {
    let tag = input::name(text, TAG)?;
    match tag.contains(',') {
        true => Err("must not contain a comma".to_owned()),
        false => Ok(tag),
    }
}

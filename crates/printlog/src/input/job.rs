//! Validates statuses, verdicts and tags of jobs.

use domain::JobStatus;

use crate::input;

/// Maximum length of a tag in characters.
const TAG: usize = 64;

/// Filter value for all statuses of failed jobs.
pub(crate) const FAILED: &str = "failed";
/// Maximum length of a filter value in characters.
const WORD: usize = 255;
/// The largest amount that a filter compares with, in s or mm.
const LARGEST_AMOUNT: f64 = 1e12;

/// Parses a status, or `failed` for all statuses of failed jobs.
pub(crate) fn statuses(text: &str) -> Result<Vec<JobStatus>, String> {
    match text {
        FAILED => Ok(JobStatus::ALL
            .into_iter()
            .filter(|status| status.has_failed())
            .collect()),
        _ => input::word(text)
            .map(|status| vec![status])
            .map_err(|message| format!("{message}, or {FAILED}")),
    }
}

/// Parses a word, or nothing, which means that the value is unknown.
pub(crate) fn word_or_unknown(text: &str) -> Result<Option<String>, String> {
    match text {
        "" => Ok(None),
        text => input::text(WORD)(text).map(Some),
    }
}

/// Parses an amount, and returns it in thousandths of its unit.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within 0 and 1e15"
)]
pub(crate) fn amount(text: &str) -> Result<u64, String> {
    match text.parse::<f64>() {
        Ok(amount) if (0.0..=LARGEST_AMOUNT).contains(&amount) => Ok((amount * 1000.0).round() as u64),
        _ => Err("must be a number from 0 to 1000000000000".to_owned()),
    }
}

/// Validates a tag and trims it.
pub(crate) fn tag(text: &str) -> Result<String, String> {
    let tag = input::name(text, TAG)?;
    match tag.contains(',') {
        true => Err("must not contain a comma".to_owned()),
        false => Ok(tag),
    }
}

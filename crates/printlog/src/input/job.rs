//! Validates statuses, verdicts and tags of jobs.

use domain::{JobStatus, UnknownName};

use crate::input::{self, Invalid};

/// Maximum length of a tag in characters.
const TAG: usize = 64;

/// Filter value for all statuses of failed jobs.
pub(crate) const FAILED: &str = "failed";
/// Maximum length of a filter value in characters.
const WORD: usize = 255;
/// The largest amount that a filter compares with, in s or mm.
const LARGEST_AMOUNT: u64 = 1_000_000_000_000;

/// Parses a status, or `failed` for all statuses of failed jobs.
pub(crate) fn statuses(text: &str) -> Result<Vec<JobStatus>, Invalid> {
    match text {
        FAILED => Ok(JobStatus::ALL
            .into_iter()
            .filter(|status| status.has_failed())
            .collect()),
        _ => text
            .parse()
            .map(|status| vec![status])
            .map_err(|unknown: UnknownName| {
                let mut allowed = unknown.into_allowed();
                allowed.push(FAILED);
                Invalid::NotAllowed { allowed }
            }),
    }
}

/// Parses a word, or nothing, which means that the value is unknown.
pub(crate) fn word_or_unknown(text: &str) -> Result<Option<String>, Invalid> {
    match text {
        "" => Ok(None),
        text => input::text(WORD)(text).map(Some),
    }
}

/// Parses an amount, and returns it in thousandths of its unit.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "within 0 and 1e15"
)]
pub(crate) fn amount(text: &str) -> Result<u64, Invalid> {
    match text.parse::<f64>() {
        Ok(amount) if (0.0..=LARGEST_AMOUNT as f64).contains(&amount) => Ok((amount * 1000.0).round() as u64),
        _ => Err(Invalid::NotNumber {
            min: 0,
            max: LARGEST_AMOUNT,
        }),
    }
}

/// Validates a tag and trims it.
pub(crate) fn tag(text: &str) -> Result<String, Invalid> {
    let tag = input::name(text, TAG)?;
    match tag.contains(',') {
        true => Err(Invalid::Comma),
        false => Ok(tag),
    }
}

//! `raw`: every key/value outside of the moves, untouched and bounded.

use crate::scan::Scan;
use crate::{Parsed, Warning, settings};

const MAX_KEYS: usize = 8192;
const MAX_BYTES: usize = 1 << 20;

/// Adds what the comments of a text file say, in file order.
pub(crate) fn collect(scan: &Scan<'_>, parsed: &mut Parsed) {
    let mut bytes = 0;
    for (key, value) in settings::outer_pairs(scan).iter() {
        bytes += key.len() + value.len();
        if bytes > MAX_BYTES || parsed.metadata.raw.len() >= MAX_KEYS {
            parsed.warn(Warning::RawTruncated);
            return;
        }
        parsed
            .metadata
            .raw
            .entry(key.to_owned())
            .or_insert_with(|| value.to_owned());
    }
}

/// Adds one pair, unless the key is known.
pub(crate) fn insert(parsed: &mut Parsed, key: &str, value: &str) {
    if parsed.metadata.raw.len() >= MAX_KEYS || value.len() > MAX_BYTES / 4 {
        parsed.warn(Warning::RawTruncated);
        return;
    }
    parsed
        .metadata
        .raw
        .entry(key.to_owned())
        .or_insert_with(|| value.to_owned());
}

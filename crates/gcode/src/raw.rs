//! `raw`: all keys and values outside of the moves, unchanged and bounded.

use indexmap::map::Entry;

use crate::scan::Scan;
use crate::{Parsed, Warning, settings};

const MAX_KEYS: usize = 8192;
const MAX_BYTES: usize = 1 << 20;

/// Adds the keys and values in the comments of a text file, in file order.
pub(crate) fn collect(scan: &Scan<'_>, parsed: &mut Parsed) {
    let raw = &mut parsed.metadata.raw;
    let mut bytes = 0;
    let mut is_full = false;
    for (key, value) in settings::each_outer_pair(scan) {
        is_full = raw.len() >= MAX_KEYS || bytes >= MAX_BYTES;
        if is_full {
            break;
        }
        if let Entry::Vacant(vacant) = raw.entry(key.into_owned()) {
            bytes += vacant.key().len() + value.len();
            vacant.insert(value.into_owned());
        }
    }
    if is_full {
        parsed.warn(Warning::RawTruncated);
    }
}

/// Adds one pair, unless its key exists already.
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

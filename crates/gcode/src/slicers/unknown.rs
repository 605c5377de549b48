//! An unknown slicer: temperatures from the commands, and values in the form of a known slicer.

use super::{by_keys, cura, temperatures_of_commands};
use crate::Parsed;
use crate::heaters::Targets;
use crate::scan::Scan;
use crate::settings;

pub(super) fn read(scan: &Scan<'_>, parsed: &mut Parsed) {
    let mut config = settings::config_block(scan);
    let mut statistics = settings::statistics(scan);
    if config.has("layer_height") || !statistics.is_empty() {
        by_keys(&mut config, &mut statistics, scan, parsed);
        temperatures_of_commands(scan, &mut parsed.metadata);
    } else {
        cura::read(scan, parsed);
    }
    let metadata = &mut parsed.metadata;
    metadata.chamber_temp = metadata.chamber_temp.or(Targets::of(scan).chamber);
}

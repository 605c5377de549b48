//! No known slicer: temperatures from the commands, and what is stated in the words of a known one.

use super::{by_keys, cura};
use crate::Parsed;
use crate::heaters::Targets;
use crate::scan::Scan;
use crate::settings;

pub(super) fn read(scan: &Scan<'_>, parsed: &mut Parsed) {
    let config = settings::config_block(scan);
    let statistics = settings::statistics(scan);
    if config.has("layer_height") || !statistics.is_empty() {
        by_keys(&config, &statistics, scan, parsed);
    } else {
        cura::read(scan, parsed);
    }
    let targets = Targets::of(scan);
    let metadata = &mut parsed.metadata;
    if metadata.tools.iter().all(|tool| tool.nozzle_temp.is_none()) {
        metadata.nozzle_temp_first_layer = metadata.nozzle_temp_first_layer.or(targets.nozzle);
        metadata.nozzle_temp = metadata.nozzle_temp.or(targets.nozzle);
        metadata.bed_temp_first_layer = metadata.bed_temp_first_layer.or(targets.bed);
        metadata.bed_temp = metadata.bed_temp.or(targets.bed);
    }
    metadata.chamber_temp = metadata.chamber_temp.or(targets.chamber);
}

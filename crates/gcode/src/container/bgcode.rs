//! Binary G-code: a chain of blocks, metadata and thumbnails before the first block of moves.
//!
//! Format: <https://github.com/prusa3d/libbgcode/blob/main/doc/specifications.md>

use std::borrow::Cow;
use std::ops::Range;

use super::inflate::{self, Framing};
use crate::scan::decode;
use crate::segments::Segments;
use crate::settings::Settings;
use crate::thumbnail::{MAX_IMAGE, Thumbnail};
use crate::{Parsed, Warning, slicers};

const FILE_HEADER: u64 = 10;
/// Metadata is about 30 KB of text.
const MAX_METADATA: usize = 4 << 20;
const MAX_BLOCKS: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    FileMetadata,
    Moves,
    SlicerMetadata,
    PrinterMetadata,
    PrintMetadata,
    Thumbnail,
    Unknown,
}

/// One block; `data` is the position of its payload in the file.
#[derive(Debug, Clone)]
struct Block {
    kind: Kind,
    compression: u16,
    parameters: Range<u64>,
    data: Range<u64>,
}

/// The chain of blocks, as far as it is known.
#[derive(Debug)]
struct Chain {
    blocks: Vec<Block>,
    /// The header of the next block, if it is not known.
    missing: Option<Range<u64>>,
    damaged: bool,
}

/// The next range that is needed, within `budget` bytes. Thumbnails that do not fit are omitted.
pub(crate) fn wants(segments: &Segments<'_>, budget: u64) -> Option<Range<u64>> {
    let chain = chain(segments);
    for block in &chain.blocks {
        let wanted = segments.missing(block.parameters.start..block.data.end);
        let fits = |range: &Range<u64>| range.end - range.start <= budget;
        if block.kind != Kind::Moves
            && let Some(range) = wanted.filter(fits)
        {
            return Some(range);
        }
    }
    // Headers are small; also read what probably follows.
    chain
        .missing
        .map(|header| header.start..header.end.saturating_add(4096).min(segments.size()))
}

pub(crate) fn read(segments: &Segments<'_>, parsed: &mut Parsed) {
    let chain = chain(segments);
    if chain.damaged {
        parsed.warn(Warning::ContainerDamaged("a block of the .bgcode".into()));
    } else if chain.missing.is_some() {
        parsed.warn(Warning::ContainerCut("blocks of the .bgcode".into()));
    }
    let mut config = Settings::default();
    let mut statistics = Settings::default();
    for block in &chain.blocks {
        match block.kind {
            Kind::Moves | Kind::Unknown => {}
            Kind::Thumbnail => thumbnail(segments, block, parsed),
            kind => {
                let Some(text) = text(segments, block, parsed) else {
                    continue;
                };
                for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
                    let (key, value) = (key.trim(), value.trim());
                    crate::raw::insert(parsed, key, value);
                    if kind == Kind::FileMetadata && key == "Producer" {
                        producer(value, parsed);
                    }
                    // The printer's block repeats settings and statistics; of equal keys the first wins.
                    if kind == Kind::SlicerMetadata {
                        config.insert(Cow::Owned(key.to_owned()), Cow::Owned(value.to_owned()));
                    } else {
                        statistics.insert(Cow::Owned(key.to_owned()), Cow::Owned(value.to_owned()));
                    }
                }
            }
        }
    }
    for key in PRINTER_SETTINGS {
        if let Some(value) = statistics.get(key) {
            config.insert(Cow::Borrowed(key), Cow::Owned(value.to_owned()));
        }
    }
    if config.is_empty() {
        parsed.warn(Warning::NoSettings);
    }
    slicers::read_prusa_settings(&config, &statistics, parsed);
}

/// Settings that the printer's block repeats, for files whose slicer block is broken.
const PRINTER_SETTINGS: [&str; 10] = [
    "printer_model",
    "filament_type",
    "nozzle_diameter",
    "bed_temperature",
    "temperature",
    "fill_density",
    "layer_height",
    "support_material",
    "extruder_colour",
    "filament_colour",
];

/// `PrusaSlicer 2.9.2`
fn producer(text: &str, parsed: &mut Parsed) {
    if let Some(id) = slicers::name_and_version(text) {
        parsed.metadata.slicer = Some(id.name);
        parsed.metadata.slicer_version = id.version;
    }
}

fn chain(segments: &Segments<'_>) -> Chain {
    let mut chain = Chain {
        blocks: Vec::new(),
        missing: None,
        damaged: false,
    };
    let Some(header) = segments.get(0..FILE_HEADER) else {
        chain.missing = segments.missing(0..FILE_HEADER);
        chain.damaged = chain.missing.is_none();
        return chain;
    };
    let checksum = match u16::from_le_bytes([header[8], header[9]]) {
        0 => 0,
        _ => 4,
    };
    let mut at = FILE_HEADER;
    while at < segments.size() && chain.blocks.len() < MAX_BLOCKS {
        match block(segments, at) {
            Ok(block) => {
                at = block.data.end.saturating_add(checksum);
                let moves = block.kind == Kind::Moves;
                chain.damaged |= block.data.end > segments.size();
                chain.blocks.push(block);
                // Metadata never follows the moves.
                if moves || chain.damaged {
                    break;
                }
            }
            Err(needed) => {
                chain.missing = segments.missing(needed);
                chain.damaged = chain.missing.is_none();
                break;
            }
        }
    }
    chain
}

/// The block at an offset, or the range that its header needs.
fn block(segments: &Segments<'_>, at: u64) -> Result<Block, Range<u64>> {
    let fixed = at..at + 8;
    let header = segments.get(fixed.clone()).ok_or(fixed)?;
    let u16_at = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let (kind, compression) = (u16_at(0), u16_at(2));
    let uncompressed = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    let mut next = at + 8;
    let mut size = uncompressed;
    if compression != 0 {
        let range = next..next + 4;
        let bytes = segments.get(range.clone()).ok_or(range)?;
        size = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        next += 4;
    }
    let kind = match kind {
        0 => Kind::FileMetadata,
        1 => Kind::Moves,
        2 => Kind::SlicerMetadata,
        3 => Kind::PrinterMetadata,
        4 => Kind::PrintMetadata,
        5 => Kind::Thumbnail,
        _ => Kind::Unknown,
    };
    let data_start = next + if kind == Kind::Thumbnail { 6 } else { 2 };
    Ok(Block {
        kind,
        compression,
        parameters: next..data_start,
        data: data_start..data_start + u64::from(size),
    })
}

/// The text of a metadata block, or a warning.
fn text(segments: &Segments<'_>, block: &Block, parsed: &mut Parsed) -> Option<String> {
    let Some(data) = segments.get(block.data.clone()) else {
        parsed.warn(Warning::ContainerCut("a metadata block of the .bgcode".into()));
        return None;
    };
    let bytes = match block.compression {
        0 if data.len() <= MAX_METADATA => Cow::Borrowed(data),
        1 => match inflate::block(data, Framing::Zlib, MAX_METADATA) {
            Some(bytes) => Cow::Owned(bytes),
            None => {
                parsed.warn(Warning::ContainerDamaged(
                    "a metadata block of the .bgcode".into(),
                ));
                return None;
            }
        },
        // Heatshrink is used for moves only.
        method => {
            parsed.warn(Warning::UnsupportedCompression(format!(
                "method {method} of a metadata block"
            )));
            return None;
        }
    };
    Some(decode(&bytes).into_owned())
}

fn thumbnail(segments: &Segments<'_>, block: &Block, parsed: &mut Parsed) {
    let Some(parameters) = segments.get(block.parameters.clone()) else {
        return;
    };
    let u16_at = |at: usize| u32::from(u16::from_le_bytes([parameters[at], parameters[at + 1]]));
    let (width, height) = (u16_at(2), u16_at(4));
    let Some(data) = segments.get(block.data.clone()) else {
        parsed.warn(Warning::ThumbnailCut { width, height });
        return;
    };
    let data = match block.compression {
        0 if data.len() <= MAX_IMAGE => Some(data.to_vec()),
        1 => inflate::block(data, Framing::Zlib, MAX_IMAGE),
        _ => None,
    };
    match data.and_then(|data| Thumbnail::from_image(data, (width, height))) {
        Some(image) if parsed.metadata.thumbnails.len() < 32 => {
            parsed.metadata.thumbnails.push(Thumbnail {
                offset: block.data.start,
                ..image
            });
        }
        Some(_) => {}
        None => parsed.warn(Warning::ThumbnailUnreadable { width, height }),
    }
}

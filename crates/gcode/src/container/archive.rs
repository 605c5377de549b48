//! `.gcode.3mf` and `.ufp`: ZIP files with the G-code of one or more plates, settings and images.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use zip::{CompressionMethod, ZipArchive};

use super::inflate::{self, Framing};
use super::plate_info;
use super::sparse::SparseReader;
use crate::scan::decode;
use crate::segments::Segments;
use crate::thumbnail::{MAX_IMAGE, Thumbnail};
use crate::{Parsed, Warning, text};

/// A member of the archive.
#[derive(Debug, Clone)]
struct Member {
    index: usize,
    /// Without the leading `/` of `.ufp` files.
    name: String,
    header_start: u64,
    compressed: u64,
    size: u64,
    method: CompressionMethod,
    encrypted: bool,
}

/// The members needed for one plate.
#[derive(Debug, Default)]
struct Contents {
    gcode: Option<Member>,
    plate: u32,
    plates: usize,
    slice_info: Option<Member>,
    project_settings: Option<Member>,
    images: Vec<Member>,
}

/// The directory at the end, with room for the longest possible ZIP comment.
const DIRECTORY: u64 = 66 << 10;
/// Local header: 30 bytes, a name and extra fields.
const LOCAL_HEADER: u64 = 30 + 512;
/// Largest compressed size of settings, and of an image, that is read.
const MAX_SIDE_MEMBER: u64 = 64 << 10;
/// G-code up to this size is read completely, else only its beginning.
const WHOLE_GCODE: u64 = 160 << 10;
const GCODE_HEAD: u64 = 96 << 10;
/// Settings are about 70 KB of text.
const MAX_SIDE_TEXT: usize = 8 << 20;
/// More members than any project has.
const MAX_MEMBERS: usize = 10_000;

type Archive<'s> = ZipArchive<SparseReader<'s>>;

/// The next range that is needed: directory, side members, beginning of the G-code, images.
pub(crate) fn wants(segments: &Segments<'_>) -> Option<Range<u64>> {
    let size = segments.size();
    if let Some(range) = segments.missing(size.saturating_sub(DIRECTORY)..size) {
        return Some(range);
    }
    let (archive, missing) = open(segments);
    let Some(archive) = archive else {
        let from = missing.get()?;
        return segments.missing(from..from.saturating_add(DIRECTORY).min(size));
    };
    let contents = Contents::of(&archive);
    let end = |member: &Member, most: u64| {
        member
            .header_start
            .saturating_add(LOCAL_HEADER + member.compressed.min(most))
    };
    let side = [&contents.slice_info, &contents.project_settings]
        .into_iter()
        .flatten();
    let side = side
        .filter(|member| member.compressed <= MAX_SIDE_MEMBER)
        .map(|member| (member, MAX_SIDE_MEMBER));
    let gcode = contents
        .gcode
        .iter()
        .map(|member| match member.compressed <= WHOLE_GCODE {
            true => (member, WHOLE_GCODE),
            false => (member, GCODE_HEAD),
        });
    let images = contents
        .images
        .iter()
        .filter(|image| image.compressed <= MAX_SIDE_MEMBER);
    let images = images.map(|member| (member, MAX_SIDE_MEMBER));
    side.chain(gcode)
        .chain(images)
        .find_map(|(member, most)| segments.missing(member.header_start..end(member, most)))
}

pub(crate) fn read(segments: &Segments<'_>, parsed: &mut Parsed) {
    let (archive, missing) = open(segments);
    let Some(mut archive) = archive else {
        parsed.warn(match missing.get() {
            Some(_) => Warning::ContainerCut("the directory of the ZIP".into()),
            None => Warning::ContainerDamaged("the directory of the ZIP".into()),
        });
        return;
    };
    let contents = Contents::of(&archive);
    if contents.plates > 1 {
        parsed.warn(Warning::SeveralPlates {
            chosen: contents.plate,
            plates: contents.plates,
        });
    }
    match &contents.gcode {
        Some(gcode) => {
            let project = contents.project_settings.as_ref();
            let ends = stream(segments, &mut archive, gcode, parsed);
            let container_settings = || {
                let json = whole(segments, &mut archive, project?, MAX_SIDE_TEXT)?;
                plate_info::project_settings(&json)
            };
            read_gcode(gcode, &ends, container_settings, parsed);
        }
        None => parsed.warn(Warning::ContainerDamaged("no G-code in the ZIP".into())),
    }
    if let Some(xml) = contents
        .slice_info
        .as_ref()
        .and_then(|info| whole(segments, &mut archive, info, MAX_SIDE_TEXT))
    {
        plate_info::complete(&decode(&xml), contents.plate, parsed);
    }
    for member in &contents.images {
        image(segments, &mut archive, member, parsed);
    }
}

fn read_gcode(
    gcode: &Member,
    ends: &inflate::Inflated,
    container_settings: impl FnOnce() -> Option<crate::settings::Settings<'static>>,
    parsed: &mut Parsed,
) {
    // An unfinished stream is longer than its available part.
    let size = if ends.finished {
        ends.total
    } else {
        gcode.size.max(ends.total + 1)
    };
    let segments = Segments::head_and_tail(&ends.head, &ends.tail, Some(size));
    text::read(&segments, 0, container_settings, parsed);
    // Offsets within a compressed member are of no use.
    parsed.metadata.moves = crate::Moves::default();
}

fn open<'s>(segments: &'s Segments<'_>) -> (Option<Archive<'s>>, Rc<Cell<Option<u64>>>) {
    let reader = SparseReader::new(segments);
    let missing = reader.missing();
    (ZipArchive::new(reader).ok(), missing)
}

impl Contents {
    fn of(archive: &Archive<'_>) -> Self {
        let mut contents = Self::default();
        let mut plates: Vec<(u32, Member)> = Vec::new();
        let mut images = Vec::new();
        for index in 0..archive.len().min(MAX_MEMBERS) {
            let Ok(entry) = archive.by_index_data(index) else {
                continue;
            };
            let name = decode(entry.name_raw()).trim_start_matches('/').to_owned();
            let member = Member {
                index,
                header_start: entry.header_start(),
                compressed: entry.compressed_size(),
                size: entry.size(),
                method: entry.compression(),
                encrypted: entry.encrypted(),
                name,
            };
            match member.name.as_str() {
                "Metadata/slice_info.config" => contents.slice_info = Some(member),
                "Metadata/project_settings.config" => contents.project_settings = Some(member),
                name if name.ends_with(".gcode") => plates.push((plate_number(name), member)),
                name if name.starts_with("Metadata/") && is_image(name) => images.push(member),
                _ => {}
            }
        }
        plates.sort_by_key(|(plate, _)| *plate);
        contents.plates = plates.len();
        if let Some((plate, gcode)) = plates.into_iter().next() {
            contents.plate = plate;
            contents.gcode = Some(gcode);
        }
        contents.images = images_of(contents.plate, &images);
        contents
    }
}

fn is_image(name: &str) -> bool {
    [".png", ".jpg", ".jpeg"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

/// `Metadata/plate_2.gcode` is 2; a file without a number is plate 1.
fn plate_number(name: &str) -> u32 {
    let stem = name.trim_end_matches(".gcode");
    let digits = stem.len() - stem.bytes().rev().take_while(u8::is_ascii_digit).count();
    stem[digits..].parse().unwrap_or(1)
}

/// The images of a plate, the best first. `pick_N.png` is a mask for clicks, not an image.
fn images_of(plate: u32, images: &[Member]) -> Vec<Member> {
    let names = [
        format!("Metadata/plate_{plate}.png"),
        format!("Metadata/plate_{plate}_small.png"),
        format!("Metadata/plate_no_light_{plate}.png"),
        format!("Metadata/top_{plate}.png"),
        "Metadata/thumbnail.png".to_owned(),
    ];
    names
        .iter()
        .filter_map(|name| images.iter().find(|member| member.name == *name))
        .cloned()
        .collect()
}

/// The compressed bytes of a member, as far as they are known, and whether they are complete.
fn packed<'s>(
    segments: &'s Segments<'_>,
    archive: &mut Archive<'_>,
    member: &Member,
) -> Option<(&'s [u8], bool)> {
    let start = archive.by_index_raw(member.index).ok()?.data_start()?;
    let end = start.checked_add(member.compressed)?;
    let bytes = segments.available(start..end);
    Some((bytes, bytes.len() as u64 == member.compressed))
}

/// A small member, decompressed.
fn whole(
    segments: &Segments<'_>,
    archive: &mut Archive<'_>,
    member: &Member,
    limit: usize,
) -> Option<Vec<u8>> {
    let (bytes, complete) = packed(segments, archive, member)?;
    match member.method {
        _ if !complete || member.encrypted => None,
        CompressionMethod::Stored if bytes.len() <= limit => Some(bytes.to_vec()),
        CompressionMethod::DEFLATE => inflate::block(bytes, Framing::Raw, limit),
        _ => None,
    }
}

/// Both ends of the G-code, as far as it is known.
fn stream(
    segments: &Segments<'_>,
    archive: &mut Archive<'_>,
    member: &Member,
    parsed: &mut Parsed,
) -> inflate::Inflated {
    let Some((bytes, complete)) = packed(segments, archive, member) else {
        parsed.warn(Warning::ContainerCut(member.name.clone()));
        return inflate::Inflated::default();
    };
    let inflated = match member.method {
        _ if member.encrypted => None,
        CompressionMethod::Stored => Some(stored(bytes, complete)),
        CompressionMethod::DEFLATE => Some(inflate::ends(bytes, Framing::Raw)),
        _ => None,
    };
    let Some(inflated) = inflated else {
        parsed.warn(Warning::UnsupportedCompression(member.name.clone()));
        return inflate::Inflated::default();
    };
    if !inflated.finished {
        parsed.warn(match complete {
            true => Warning::ContainerDamaged(member.name.clone()),
            false => Warning::ContainerCut(member.name.clone()),
        });
    }
    inflated
}

fn stored(bytes: &[u8], complete: bool) -> inflate::Inflated {
    let head = bytes.len().min(inflate::HEAD);
    let rest = if complete { &bytes[head..] } else { &[] };
    inflate::Inflated {
        head: bytes[..head].to_vec(),
        tail: rest[rest.len().saturating_sub(inflate::HEAD)..].to_vec(),
        total: bytes.len() as u64,
        finished: complete,
    }
}

fn image(segments: &Segments<'_>, archive: &mut Archive<'_>, member: &Member, parsed: &mut Parsed) {
    let Some(data) = whole(segments, archive, member, MAX_IMAGE) else {
        parsed.warn(Warning::ContainerCut(member.name.clone()));
        return;
    };
    match Thumbnail::from_image(data, (0, 0)) {
        Some(image) => {
            let member = Some(member.name.clone());
            parsed.metadata.thumbnails.push(Thumbnail {
                offset: 0,
                member,
                ..image
            });
        }
        None => parsed.warn(Warning::ThumbnailUnreadable { width: 0, height: 0 }),
    }
}

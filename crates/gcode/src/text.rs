//! Parses a text file, or the text in a container: scan, slicer, thumbnails, raw keys and values.

use std::borrow::Cow;
use std::ops::Range;

use crate::reader::MovesHint;
use crate::scan::Scan;
use crate::segments::Segments;
use crate::settings::{self, Settings};
use crate::slicers::{self, Source};
use crate::{Moves, Parsed, raw, thumbnail_block};

/// Longest beginning and end of a file that are read; the rest is never read.
const MAX_HEAD: usize = 1 << 20;
const MAX_TAIL: usize = 512 << 10;

/// Parses a text into `parsed`. `container_settings` supplies settings if the text has none.
pub(crate) fn read(
    segments: &Segments<'_>,
    text_start: u64,
    container_settings: impl FnOnce() -> Option<Settings<'static>>,
    parsed: &mut Parsed,
) {
    let windows = windows(segments);
    let scan = Scan::of(&windows, text_start);
    raw::collect(&scan, parsed);
    let container_settings = if settings::has_whole_block(&scan) {
        None
    } else {
        container_settings()
    };
    slicers::read(
        &Source {
            scan: &scan,
            container_settings,
        },
        parsed,
    );
    let mut warnings = Vec::new();
    let images = thumbnail_block::decode_all(&scan.thumbnails, &mut |warning| warnings.push(warning));
    parsed.metadata.thumbnails.extend(images);
    for warning in warnings {
        parsed.warn(warning);
    }
    let end_known = windows
        .tail()
        .is_some_and(|tail| scan.last_command.is_some_and(|end| end > tail.offset));
    parsed.metadata.moves = Moves {
        start: scan.first_command,
        end: scan.last_command.filter(|_| end_known),
    };
}

/// The two ends of a file that is known completely or in large parts.
pub(crate) fn windows<'s>(segments: &'s Segments<'_>) -> Segments<'s> {
    let size = segments.size();
    let mut windows = Segments::new(size);
    let head = segments.head();
    if head.len() <= MAX_HEAD + MAX_TAIL {
        windows.insert(0, Cow::Borrowed(head));
    } else {
        windows.insert(0, Cow::Borrowed(&head[..MAX_HEAD]));
    }
    if let Some(tail) = segments.tail() {
        let keep = tail.bytes.len().min(MAX_TAIL);
        let from = tail.bytes.len() - keep;
        if tail.offset > 0 || head.len() > MAX_HEAD + MAX_TAIL {
            windows.insert(size - keep as u64, Cow::Borrowed(&tail.bytes[from..]));
        }
    }
    windows
}

/// Files up to this size are read completely: one request costs less than two.
const WHOLE: u64 = 192 << 10;
const FIRST_HEAD: u64 = 64 << 10;
const FIRST_TAIL: u64 = 96 << 10;
const STEP: u64 = 64 << 10;
/// Together they are the budget of the reader.
const HEAD_LIMIT: u64 = 336 << 10;
const TAIL_LIMIT: u64 = 176 << 10;

/// The next range that a text file needs.
pub(crate) fn wants(segments: &Segments<'_>, text_start: u64, hint: MovesHint) -> Option<Range<u64>> {
    let size = segments.size();
    if size <= WHOLE {
        return segments.missing(0..size);
    }
    // The start code and its temperatures follow the first command; the last layer precedes the last command.
    let head = hint
        .start
        .map_or(FIRST_HEAD, |start| start.saturating_add(STEP / 4))
        .clamp(STEP / 4, HEAD_LIMIT);
    let tail = hint.end.map_or(FIRST_TAIL, |end| {
        size.saturating_sub(end).saturating_add(STEP / 2)
    });
    let tail = tail.clamp(STEP / 4, TAIL_LIMIT);
    let first = segments
        .missing(0..head.min(size))
        .or_else(|| segments.missing(size - tail.min(size)..size));
    if first.is_some() {
        return first;
    }
    let scan = Scan::of(segments, text_start);
    let head_end = segments.head().len() as u64;
    if head_end < HEAD_LIMIT.min(size) && head_is_short(&scan, head_end) {
        return segments.missing(head_end..(head_end + STEP).min(HEAD_LIMIT).min(size));
    }
    let tail_start = segments.tail()?.offset;
    let known = size - tail_start;
    if tail_start > head_end && known < TAIL_LIMIT && tail_is_short(&scan, tail_start) {
        let from = tail_start
            .saturating_sub(STEP.min(TAIL_LIMIT - known))
            .max(head_end);
        return segments.missing(from..tail_start);
    }
    None
}

/// The next range of a text whose offsets cannot be mapped: both ends, as far as the budget allows.
pub(crate) fn wants_ends(segments: &Segments<'_>) -> Option<Range<u64>> {
    let size = segments.size();
    segments
        .missing(0..HEAD_LIMIT.min(size))
        .or_else(|| segments.missing(size.saturating_sub(TAIL_LIMIT)..size))
}

/// Whether the head has no command yet, or an image or the settings continue after it.
fn head_is_short(scan: &Scan<'_>, head_end: u64) -> bool {
    let command = scan.first_command.is_some_and(|offset| offset < head_end);
    let image = scan
        .thumbnails
        .iter()
        .any(|block| !block.complete && block.offset < head_end);
    !command || image || settings::is_cut(scan) == Some(settings::Cut::End) || slicers::head_is_short(scan)
}

/// Whether the tail has only comments, or settings that begin before it.
fn tail_is_short(scan: &Scan<'_>, tail_start: u64) -> bool {
    let command = scan.last_command.is_some_and(|offset| offset > tail_start);
    !command || settings::is_cut(scan) == Some(settings::Cut::Start)
}

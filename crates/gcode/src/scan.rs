//! One pass over the text of a G-code file: comments, thumbnails, heater commands, start macros, layers.
//!
//! Independent of the slicer. Lines that are cut by the edge of a segment are dropped; all other results are slices of
//! the input.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr_iter};

use crate::beginning::Beginning;
use crate::heaters::{self, HeaterCommand};
use crate::segments::Segments;
use crate::thumbnail_block::{BlockScanner, ThumbnailBlock};

/// The results of one pass.
#[derive(Debug, Default)]
pub(crate) struct Scan<'a> {
    /// Comments in file order, without thumbnails.
    pub(crate) comments: Vec<Comment<'a>>,
    /// Comments before this index precede the first command.
    pub(crate) head_end: usize,
    /// Comments from this index on follow the last command.
    pub(crate) tail_start: usize,
    pub(crate) thumbnails: Vec<ThumbnailBlock<'a>>,
    pub(crate) heaters: Vec<HeaterCommand>,
    /// Macro calls with parameters, such as `START_PRINT BED_TEMP=60`.
    pub(crate) macros: Vec<Cow<'a, str>>,
    layers: Layers,
    /// Names from `EXCLUDE_OBJECT_DEFINE` and `M486 A`.
    pub(crate) objects: Vec<String>,
    pub(crate) first_command: Option<u64>,
    pub(crate) last_command: Option<u64>,
    /// The tools of `T0`, `T1` … lines, as bits.
    pub(crate) tool_changes: u64,
    pub(crate) beginning: Beginning,
    /// Whether all bytes of the file were scanned.
    pub(crate) whole: bool,
    /// Comments from this index on are in the last known part of the file.
    last_part: usize,
    /// Whether that part reaches the end of the file.
    end_known: bool,
}

/// One comment line, without its `;`, surrounding white space, `\r` and NULs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Comment<'a> {
    pub(crate) text: &'a [u8],
    /// Consecutive comment lines have the same run.
    pub(crate) run: u32,
}

/// Layer marks in the moves (`;Z:0.2`, `; Z_HEIGHT: 0.2`).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Layers {
    highest: Option<f64>,
    in_last_part: bool,
    /// An unreadable mark may be the highest.
    unreadable: bool,
}

/// The part of the file that a comment belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    /// Before the first command.
    Head,
    /// Among the commands.
    Body,
    /// After the last command.
    Tail,
}

impl<'a> Scan<'a> {
    /// Scans the text of a file, beginning at `text_start`.
    pub(crate) fn of(segments: &'a Segments<'_>, text_start: u64) -> Self {
        let mut scanner = Scanner::default();
        for part in segments.parts() {
            let skip = text_start
                .saturating_sub(part.offset)
                .min(part.bytes.len() as u64);
            let offset = part.offset + skip;
            let cut_end = part.end() < segments.size();
            scanner.segment(&part.bytes[skip as usize..], offset, offset > text_start, cut_end);
        }
        let mut scan = scanner.finish();
        scan.whole = segments.missing(text_start..segments.size()).is_none();
        scan.end_known = segments.tail().is_some();
        scan
    }

    pub(crate) fn zone(&self, index: usize) -> Zone {
        match index {
            _ if index < self.head_end => Zone::Head,
            _ if index >= self.tail_start => Zone::Tail,
            _ => Zone::Body,
        }
    }

    /// The comments of the part that reaches the end of the file, last first. Empty if that part is unknown.
    ///
    /// A value that a slicer prints with every layer has its final value there, and not in the head.
    pub(crate) fn last_first(&self) -> impl Iterator<Item = &Comment<'a>> {
        let known = if self.end_known {
            self.comments.get(self.last_part..)
        } else {
            None
        };
        known.unwrap_or_default().iter().rev()
    }

    /// Height of the highest layer, if the last layers are among the known parts.
    pub(crate) fn highest_layer(&self) -> Option<f64> {
        let near_the_end = self.end_known && self.layers.in_last_part && !self.layers.unreadable;
        self.layers.highest.filter(|_| near_the_end)
    }

    /// Comments outside of the moves first, then those among them.
    pub(crate) fn outer_first(&self) -> impl Iterator<Item = &Comment<'a>> {
        let (head_end, tail_start) = (self.head_end, self.tail_start.max(self.head_end));
        let body = self.comments.get(head_end..tail_start).unwrap_or_default();
        self.comments[..head_end]
            .iter()
            .chain(&self.comments[tail_start..])
            .chain(body)
    }

    /// The rest of the first comment with the given beginning, trimmed. Comments outside of the moves are searched
    /// first.
    pub(crate) fn after(&self, beginning: &str) -> Option<Cow<'a, str>> {
        self.outer_first()
            .find_map(|comment| comment.text.strip_prefix(beginning.as_bytes()))
            .map(|rest| decode(rest.trim_ascii()))
    }
}

/// Decodes UTF-8, or Latin-1 if it is invalid. Control characters at the ends are removed.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

#[derive(Default)]
struct Scanner<'a> {
    scan: Scan<'a>,
    blocks: BlockScanner,
    run: u32,
    seen_command: bool,
}

impl<'a> Scanner<'a> {
    fn segment(&mut self, bytes: &'a [u8], offset: u64, cut_start: bool, cut_end: bool) {
        if cut_start {
            self.scan.beginning.end();
        }
        if cut_start && !self.seen_command {
            self.seen_command = true;
            self.scan.head_end = self.scan.comments.len();
        }
        if self.seen_command {
            self.scan.tail_start = self.scan.comments.len();
        }
        self.run += 1;
        self.scan.last_part = self.scan.comments.len();
        self.scan.layers.in_last_part = false;
        let end_of_line = if memchr(b'\n', bytes).is_none() && memchr(b'\r', bytes).is_some() {
            b'\r'
        } else {
            b'\n'
        };
        let mut at = 0;
        if cut_start {
            at = memchr(end_of_line, bytes).map_or(bytes.len(), |newline| newline + 1);
        } else if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
            at = bytes.len() - rest.len();
        }
        let from = at;
        for length in memchr_iter(end_of_line, &bytes[from..]) {
            self.line(bytes, at..from + length, offset);
            at = from + length + 1;
        }
        if at < bytes.len() && !cut_end {
            self.line(bytes, at..bytes.len(), offset);
        }
        self.blocks
            .end_of_segment(bytes, &mut self.scan.thumbnails, cut_end);
    }

    fn line(&mut self, bytes: &'a [u8], range: Range<usize>, offset: u64) {
        // Nearly all lines of a file are moves; they only end the preceding run or block.
        if bytes.get(range.start) == Some(&b'G') && self.blocks.is_idle() {
            if !self.scan.beginning.is_complete() {
                self.scan.beginning.command(trim(&bytes[range.clone()]));
            }
            return self.command_at(range, offset);
        }
        let line = trim(&bytes[range.clone()]);
        let Some(&first) = line.first() else {
            self.run += 1;
            return;
        };
        if first == b';' {
            let text = trim(&line[1..]);
            if !self
                .blocks
                .comment(text, bytes, range.clone(), offset, &mut self.scan.thumbnails)
            {
                self.scan.layers.comment(text);
                if !self.scan.beginning.is_complete() {
                    self.scan.beginning.comment(text, !self.seen_command);
                }
                self.scan.comments.push(Comment { text, run: self.run });
            }
            return;
        }
        if self
            .blocks
            .hex_line(line, offset + range.start as u64, &mut self.scan.thumbnails)
        {
            return;
        }
        self.blocks.command(bytes, range.start, &mut self.scan.thumbnails);
        if !self.scan.beginning.is_complete() {
            self.scan.beginning.command(line);
        }
        self.command(line);
        self.command_at(range, offset);
    }

    fn command_at(&mut self, range: Range<usize>, offset: u64) {
        self.run += 1;
        let scan = &mut self.scan;
        if !self.seen_command {
            self.seen_command = true;
            scan.head_end = scan.comments.len();
            scan.first_command = Some(offset + range.start as u64);
        }
        scan.tail_start = scan.comments.len();
        scan.last_command = Some(offset + range.end as u64 + 1);
    }

    fn command(&mut self, line: &'a [u8]) {
        let scan = &mut self.scan;
        match line {
            [b'G' | b'g', ..] => {}
            [b'M', digit, ..] if digit.is_ascii_digit() => {
                if let Some(command) = heaters::command(line).filter(|_| scan.heaters.len() < MAX_HEATERS) {
                    scan.heaters.push(command);
                } else if let Some(name) = line.strip_prefix(b"M486 A") {
                    push_object(&mut scan.objects, &decode(name));
                }
            }
            [b'T', digits @ ..] if digits.first().is_some_and(u8::is_ascii_digit) => {
                let digits = digits.split(|b| !b.is_ascii_digit()).next().unwrap_or_default();
                let tool = std::str::from_utf8(digits)
                    .ok()
                    .and_then(|digits| digits.parse::<u32>().ok());
                if let Some(bit) = tool.and_then(|tool| 1_u64.checked_shl(tool)) {
                    scan.tool_changes |= bit;
                }
            }
            [letter, second, ..] if letter.is_ascii_alphabetic() && !second.is_ascii_digit() => {
                if let Some(parameters) = line.strip_prefix(b"EXCLUDE_OBJECT_DEFINE ") {
                    let parameters = decode(parameters);
                    let name = parameters
                        .split_whitespace()
                        .find_map(|word| word.strip_prefix("NAME="));
                    push_object(&mut scan.objects, name.unwrap_or_default());
                } else if memchr(b'=', line).is_some() && scan.macros.len() < MAX_MACROS {
                    scan.macros.push(decode(line));
                }
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Scan<'a> {
        if !self.seen_command {
            self.scan.head_end = self.scan.comments.len();
            self.scan.tail_start = self.scan.comments.len();
        }
        self.scan
    }
}

const MAX_HEATERS: usize = 4096;
const MAX_MACROS: usize = 256;
const MAX_OBJECTS: usize = 1024;

fn push_object(objects: &mut Vec<String>, name: &str) {
    let name = name.trim();
    if !name.is_empty() && objects.len() < MAX_OBJECTS && !objects.iter().any(|known| known == name) {
        objects.push(name.to_owned());
    }
}

impl Layers {
    fn comment(&mut self, text: &[u8]) {
        let Some(z) = text
            .strip_prefix(b"Z:")
            .or_else(|| text.strip_prefix(b"Z_HEIGHT:"))
        else {
            return;
        };
        let z = std::str::from_utf8(z).ok().and_then(crate::value::decimal);
        self.in_last_part |= z.is_some();
        self.unreadable |= z.is_none() && text.iter().any(u8::is_ascii_digit);
        if let Some(z) = z.filter(|z| self.highest.is_none_or(|highest| *z > highest)) {
            self.highest = Some(z);
        }
    }
}

/// Strips blanks, `\r` and NULs from both ends.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && (first.is_ascii_whitespace() || *first == 0)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && (last.is_ascii_whitespace() || *last == 0)
    {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scan: &Scan<'_>, zone: Zone) -> Vec<String> {
        let comments = scan.comments.iter().enumerate();
        comments
            .filter(|(i, _)| scan.zone(*i) == zone)
            .map(|(_, c)| decode(c.text).into_owned())
            .collect()
    }

    #[test]
    fn zones_are_split_at_the_first_and_last_command() {
        let file = b"\xEF\xBB\xBF; head\r\nG28\r\n;Z:0.2\r\nG1 X1\r\n\r\n; tail\0\0".to_vec();
        let segments = Segments::head_and_tail(&file, b"", None);
        let scan = Scan::of(&segments, 0);
        assert_eq!(texts(&scan, Zone::Head), ["head"]);
        assert_eq!(texts(&scan, Zone::Body), ["Z:0.2"]);
        assert_eq!(texts(&scan, Zone::Tail), ["tail"]);
        assert_eq!(scan.highest_layer(), Some(0.2));
        assert_eq!(scan.first_command, Some(11));
        assert!(scan.whole);
    }

    #[test]
    fn cut_lines_are_dropped() {
        let segments = Segments::head_and_tail(b"; a\n; b cut he", b"re\nG1\n; c", Some(100));
        let scan = Scan::of(&segments, 0);
        assert_eq!(texts(&scan, Zone::Head), ["a"]);
        assert_eq!(texts(&scan, Zone::Tail), ["c"]);
        assert!(!scan.whole);
    }

    #[test]
    fn a_tail_without_commands_is_no_head() {
        let segments = Segments::head_and_tail(b"; a\nG1\n; body\n", b"x\n; c\n; d\n", Some(100));
        let scan = Scan::of(&segments, 0);
        assert_eq!(texts(&scan, Zone::Body), ["body"]);
        assert_eq!(texts(&scan, Zone::Tail), ["c", "d"]);
    }

    #[test]
    fn old_mac_line_ends_and_latin1_are_read() {
        let segments = Segments::head_and_tail(b"; caf\xe9\r; b\rG1\r", b"", None);
        assert_eq!(texts(&Scan::of(&segments, 0), Zone::Head), ["caf\u{e9}", "b"]);
    }

    #[test]
    fn objects_macros_and_tools_are_collected() {
        let file = b"EXCLUDE_OBJECT_DEFINE NAME=cube CENTER=1,2\nSTART_PRINT BED=60\nT1\nM486 Aring\n";
        let segments = Segments::head_and_tail(file, b"", None);
        let scan = Scan::of(&segments, 0);
        assert_eq!(scan.objects, ["cube", "ring"]);
        assert_eq!(scan.macros, ["START_PRINT BED=60"]);
        assert_eq!(scan.tool_changes, 0b10);
    }
}

//! UTF-16 with a byte order mark, as some editors on Windows save it: converted to UTF-8.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::segments::{Segment, Segments};

/// Byte order of a code unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Utf16 {
    Little,
    Big,
}

impl Utf16 {
    /// The byte order mark at the beginning of a file.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0xFF, 0xFE, ..] => Some(Self::Little),
            [0xFE, 0xFF, ..] => Some(Self::Big),
            _ => None,
        }
    }

    /// The known parts of a text in UTF-8. Gaps remain gaps; offsets no longer match the file.
    pub(crate) fn to_utf8(self, segments: &Segments<'_>) -> Segments<'static> {
        let mut parts = Vec::new();
        let (mut end, mut known_end) = (0_u64, 0);
        for part in segments.parts() {
            let start = if part.offset > known_end { end + 1 } else { end };
            let text = self.decode(part.bytes.get(self.first_unit(part)..).unwrap_or_default());
            end = start + text.len() as u64;
            known_end = part.end();
            parts.push((start, text));
        }
        let mut decoded = Segments::new(if known_end < segments.size() { end + 1 } else { end });
        for (start, text) in parts {
            decoded.insert(start, Cow::Owned(text.into_bytes()));
        }
        decoded
    }

    /// Where the first whole unit of a part begins: 0, or 1 for a range that begins in the middle of one.
    ///
    /// The upper bytes of G-code are nearly all zero. The offset is less reliable: without the size of the file, the
    /// offset of a tail is unknown.
    fn first_unit(self, part: &Segment<'_>) -> usize {
        let zeros = |odd: usize| {
            let bytes = part.bytes.iter().skip(odd).step_by(2);
            bytes.take(1024).filter(|byte| **byte == 0).count()
        };
        let upper_is_odd = match zeros(0).cmp(&zeros(1)) {
            _ if part.offset == 0 => return 0,
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => return (part.offset % 2) as usize,
        };
        usize::from(upper_is_odd != (self == Self::Little))
    }

    fn decode(self, bytes: &[u8]) -> String {
        let unit = |pair: &[u8]| match *pair {
            [first, second] if self == Self::Big => u16::from_be_bytes([first, second]),
            [first, second] => u16::from_le_bytes([first, second]),
            _ => 0,
        };
        let units = bytes.chunks_exact(2).map(unit);
        char::decode_utf16(units)
            .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_begins_in_the_middle_of_a_unit_is_aligned() {
        let file: Vec<u8> = "\u{feff}; a\u{e4}\u{1f600}\nG28\n; b\n"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        for tail in 0..file.len() {
            let segments = Segments::head_and_tail(&file[..8], &file[tail..], Some(file.len() as u64));
            let decoded = Utf16::Big.to_utf8(&segments);
            let last = decoded
                .tail()
                .map(|part| String::from_utf8_lossy(&part.bytes).into_owned());
            let text = last.unwrap_or_default();
            assert!(
                text.ends_with("; b\n") || tail + 8 > file.len(),
                "{tail}: {text:?}"
            );
            assert!(decoded.head().starts_with("\u{feff}; a".as_bytes()), "{tail}");
        }
    }
}

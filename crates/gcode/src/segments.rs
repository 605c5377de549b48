//! The known parts of a partially read file: sorted, disjoint, merged where they touch.

use std::borrow::Cow;
use std::ops::Range;

/// Known byte ranges of one file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Segments<'a> {
    parts: Vec<Segment<'a>>,
    size: u64,
}

/// One contiguous known range.
#[derive(Debug, Clone)]
pub(crate) struct Segment<'a> {
    pub(crate) offset: u64,
    pub(crate) bytes: Cow<'a, [u8]>,
}

impl Segment<'_> {
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

impl<'a> Segments<'a> {
    /// Creates a file of `size` bytes without any known part.
    pub(crate) fn new(size: u64) -> Self {
        Self {
            parts: Vec::new(),
            size,
        }
    }

    /// Creates a file from its head and tail. If the size is unknown and there is a tail, one byte between them counts
    /// as missing.
    pub(crate) fn head_and_tail(head: &'a [u8], tail: &'a [u8], size: Option<u64>) -> Self {
        let (head_len, tail_len) = (head.len() as u64, tail.len() as u64);
        let least = head_len.max(tail_len);
        let size = match size {
            Some(size) => size.max(least),
            None if tail.is_empty() => head_len,
            None => head_len + 1 + tail_len,
        };
        let mut segments = Self::new(size);
        segments.insert(0, Cow::Borrowed(head));
        segments.insert(size - tail_len, Cow::Borrowed(tail));
        segments
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn parts(&self) -> &[Segment<'a>] {
        &self.parts
    }

    /// The known bytes from the beginning of the file.
    pub(crate) fn head(&self) -> &[u8] {
        match self.parts.first() {
            Some(first) if first.offset == 0 => &first.bytes,
            _ => &[],
        }
    }

    /// The last known range, if it reaches the end of the file.
    pub(crate) fn tail(&self) -> Option<&Segment<'a>> {
        self.parts.last().filter(|last| last.end() == self.size)
    }

    /// The known bytes of a range, from its start up to the first gap.
    pub(crate) fn available(&self, range: Range<u64>) -> &[u8] {
        let Some(part) = self
            .parts
            .iter()
            .find(|part| part.offset <= range.start && range.start < part.end())
        else {
            return &[];
        };
        let from = (range.start - part.offset) as usize;
        let to = (range.end.min(part.end()) - part.offset) as usize;
        part.bytes.get(from..to).unwrap_or_default()
    }

    /// A whole range. `None` if any byte of it is unknown.
    pub(crate) fn get(&self, range: Range<u64>) -> Option<&[u8]> {
        let bytes = self.available(range.clone());
        (bytes.len() as u64 == range.end.saturating_sub(range.start)).then_some(bytes)
    }

    /// The first unknown part of a range.
    pub(crate) fn missing(&self, range: Range<u64>) -> Option<Range<u64>> {
        let end = range.end.min(self.size);
        let mut from = range.start;
        for part in &self.parts {
            if part.offset > from {
                let gap_end = part.offset.min(end);
                return (from < gap_end).then_some(from..gap_end);
            }
            from = from.max(part.end());
        }
        (from < end).then_some(from..end)
    }

    /// Adds a range. Bytes beyond the end of the file are dropped; overlapping ranges have equal bytes.
    pub(crate) fn insert(&mut self, offset: u64, mut bytes: Cow<'a, [u8]>) {
        let room = self.size.saturating_sub(offset);
        if (bytes.len() as u64) > room {
            match &mut bytes {
                Cow::Borrowed(slice) => *slice = &slice[..room as usize],
                Cow::Owned(vec) => vec.truncate(room as usize),
            }
        }
        if bytes.is_empty() {
            return;
        }
        let new = Segment { offset, bytes };
        // Ranges that touch or overlap the new one are merged with it.
        let first = self.parts.partition_point(|part| part.end() < new.offset);
        let last = self.parts.partition_point(|part| part.offset <= new.end());
        if first == last {
            self.parts.insert(first, new);
            return;
        }
        let merged = self.parts.drain(first..last).fold(new, merge);
        self.parts.insert(first, merged);
    }
}

fn merge<'a>(a: Segment<'a>, b: Segment<'a>) -> Segment<'a> {
    let (first, second) = if a.offset <= b.offset { (a, b) } else { (b, a) };
    if second.end() <= first.end() {
        return first;
    }
    let known = (first.end() - second.offset) as usize;
    let mut bytes = first.bytes.into_owned();
    bytes.extend_from_slice(&second.bytes[known..]);
    Segment {
        offset: first.offset,
        bytes: Cow::Owned(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_head_and_tail_become_the_whole_file() {
        let segments = Segments::head_and_tail(b"abcdef", b"efgh", Some(8));
        assert_eq!(segments.parts().len(), 1);
        assert_eq!(segments.head(), b"abcdefgh");
        assert_eq!(segments.missing(0..8), None);
    }

    #[test]
    fn a_gap_is_missing() {
        let mut segments = Segments::head_and_tail(b"abc", b"h", Some(8));
        assert_eq!(segments.missing(0..8), Some(3..7));
        assert_eq!(segments.available(1..6), b"bc");
        assert_eq!(segments.get(1..6), None);
        segments.insert(3, Cow::Borrowed(b"defghX"));
        assert_eq!(segments.get(0..8), Some(&b"abcdefgh"[..]));
    }

    #[test]
    fn sizes_that_cannot_be_are_corrected() {
        assert_eq!(Segments::head_and_tail(b"abc", b"", Some(1)).size(), 3);
        assert_eq!(Segments::head_and_tail(b"abc", b"x", None).parts().len(), 2);
        assert_eq!(Segments::head_and_tail(b"", b"", None).size(), 0);
    }
}

//! `Read + Seek` over the known parts of a file. Reading an unknown part fails, and its position is remembered.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use crate::segments::Segments;

/// A reader that never returns invented bytes.
#[derive(Debug)]
pub(crate) struct SparseReader<'s> {
    segments: &'s Segments<'s>,
    position: u64,
    missing: Rc<Cell<Option<u64>>>,
}

impl<'s> SparseReader<'s> {
    pub(crate) fn new(segments: &'s Segments<'s>) -> Self {
        Self {
            segments,
            position: 0,
            missing: Rc::default(),
        }
    }

    /// Position of the first unknown byte that was read. Shared with the reader, which may have been moved.
    pub(crate) fn missing(&self) -> Rc<Cell<Option<u64>>> {
        Rc::clone(&self.missing)
    }
}

impl Read for SparseReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.segments.size() || buffer.is_empty() {
            return Ok(0);
        }
        let bytes = self
            .segments
            .available(self.position..self.position.saturating_add(buffer.len() as u64));
        if bytes.is_empty() {
            self.missing.set(self.missing.get().or(Some(self.position)));
            return Err(io::Error::other("this part of the file was not read"));
        }
        buffer[..bytes.len()].copy_from_slice(bytes);
        self.position += bytes.len() as u64;
        Ok(bytes.len())
    }
}

impl Seek for SparseReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.segments.size().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "seek before the start of the file")
        })?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_bytes_are_an_error_and_are_remembered() {
        let segments = Segments::head_and_tail(b"abc", b"yz", Some(10));
        let mut reader = SparseReader::new(&segments);
        let missing = reader.missing();
        let mut buffer = [0; 8];
        assert_eq!(reader.read(&mut buffer).unwrap(), 3);
        assert!(reader.read(&mut buffer).is_err());
        assert_eq!(missing.get(), Some(3));
        reader.seek(SeekFrom::End(-2)).unwrap();
        assert_eq!(reader.read(&mut buffer).unwrap(), 2);
        assert_eq!(reader.read(&mut buffer).unwrap(), 0);
        assert!(reader.seek(SeekFrom::Current(-11)).is_err());
    }
}

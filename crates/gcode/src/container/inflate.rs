//! Bounded decompression: a decompression bomb costs a buffer, not the memory of the machine.

use flate2::{Decompress, FlushDecompress, Status};

/// Framing around the deflate stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// ZIP members.
    Raw,
    /// `.bgcode` blocks.
    Zlib,
}

/// The beginning and the end of a decompressed stream.
#[derive(Debug, Default)]
pub(crate) struct Inflated {
    pub(crate) head: Vec<u8>,
    /// Empty if everything fits into the head, or if the end was not reached.
    pub(crate) tail: Vec<u8>,
    /// Number of decompressed bytes.
    pub(crate) total: u64,
    /// Whether the end of the stream was reached.
    pub(crate) finished: bool,
}

/// How much of the beginning and of the end of a stream is kept.
pub(crate) const HEAD: usize = 1 << 20;
const TAIL: usize = 512 << 10;
/// Decompression stops here: longer than any known plate, and a second of work.
const MAX_TOTAL: u64 = 256 << 20;
const STEP: usize = 64 << 10;

/// Decompresses a whole block of at most `limit` bytes. `None` if it is broken, cut or longer.
pub(crate) fn block(bytes: &[u8], framing: Framing, limit: usize) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    let finished = run(bytes, framing, |piece| {
        data.extend_from_slice(piece);
        data.len() <= limit
    });
    (finished && data.len() <= limit).then_some(data)
}

/// Decompresses the available bytes and keeps both ends.
pub(crate) fn ends(bytes: &[u8], framing: Framing) -> Inflated {
    let mut inflated = Inflated::default();
    let finished = run(bytes, framing, |piece| {
        inflated.total += piece.len() as u64;
        let to_head = piece.len().min(HEAD - inflated.head.len());
        inflated.head.extend_from_slice(&piece[..to_head]);
        inflated.tail.extend_from_slice(&piece[to_head..]);
        if inflated.tail.len() > 2 * TAIL {
            inflated.tail.drain(..inflated.tail.len() - TAIL);
        }
        inflated.total < MAX_TOTAL
    });
    inflated.finished = finished;
    if !finished {
        inflated.tail.clear();
    }
    inflated
}

/// Passes decompressed pieces to `keep` until it returns false. Returns whether the end of the stream was reached.
fn run(mut bytes: &[u8], framing: Framing, mut keep: impl FnMut(&[u8]) -> bool) -> bool {
    let mut stream = Decompress::new(framing == Framing::Zlib);
    let mut buffer = vec![0; STEP];
    loop {
        let (read, written) = (stream.total_in(), stream.total_out());
        let Ok(status) = stream.decompress(bytes, &mut buffer, FlushDecompress::None) else {
            return false;
        };
        let (read, written) = (
            (stream.total_in() - read) as usize,
            (stream.total_out() - written) as usize,
        );
        bytes = &bytes[read..];
        let more = keep(&buffer[..written]);
        match status {
            Status::StreamEnd => return true,
            _ if !more || (read == 0 && written == 0) => return false,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, ZlibEncoder};

    use super::*;

    #[test]
    fn both_ends_are_kept_and_a_cut_stream_has_no_end() {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"head").unwrap();
        encoder.write_all(&vec![b'x'; 3 << 20]).unwrap();
        encoder.write_all(b"tail").unwrap();
        let packed = encoder.finish().unwrap();
        let inflated = ends(&packed, Framing::Raw);
        assert!(inflated.finished && inflated.head.starts_with(b"head") && inflated.tail.ends_with(b"tail"));
        assert_eq!(inflated.total, (3 << 20) + 8);
        let cut = ends(&packed[..packed.len() / 2], Framing::Raw);
        assert!(!cut.finished && cut.head.starts_with(b"head") && cut.tail.is_empty());
    }

    #[test]
    fn a_bomb_is_cut_off() {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![0; 8 << 20]).unwrap();
        let packed = encoder.finish().unwrap();
        assert_eq!(block(&packed, Framing::Zlib, 1 << 20), None);
        assert_eq!(
            block(&packed, Framing::Zlib, 8 << 20).map(|data| data.len()),
            Some(8 << 20)
        );
        assert_eq!(block(b"not zlib", Framing::Zlib, 100), None);
    }
}

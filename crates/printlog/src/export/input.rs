//! Decodes a file to import as UTF-8, and cuts it into records of limited length with their line numbers.
//!
//! Lines end with LF, CR LF or CR, also within quotes. After an invalid record, reading continues with the next one.

use std::{
    io::{self, BufRead, BufReader, Read},
    mem,
};

/// Maximum size of a record in bytes. The longest record of an export is far shorter.
pub(super) const LONGEST: usize = 1 << 20;

/// A record of the file, without its line end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The line where it begins, from 1.
    pub(super) line: u64,
    /// Its text, or what is wrong with it.
    pub(super) text: Result<String, String>,
}

/// How a file is divided into records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Each line is a record.
    Lines,
    /// Each line is a record, but quoted cells may contain line ends. A quote only opens after this delimiter.
    Quoted(u8),
    /// The elements of a JSON array.
    Elements,
}

/// The records of a file.
pub(super) struct Pieces<R> {
    input: BufReader<R>,
    /// Bytes to read again.
    again: Vec<u8>,
    /// Number of the next line.
    line: u64,
    /// The last line ended with CR, so a following LF belongs to it.
    after_cr: bool,
    /// Whether the array has begun, and whether it has ended.
    in_array: bool,
    has_ended: bool,
}

impl<R: Read> Pieces<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input: BufReader::with_capacity(64 * 1024, input),
            again: Vec::new(),
            line: 1,
            after_cr: false,
            in_array: false,
            has_ended: false,
        }
    }

    /// The next non-empty record. `None` at the end.
    pub(super) fn next(&mut self, cut: Cut) -> io::Result<Option<Piece>> {
        loop {
            let (line, bytes, problem) = match cut {
                Cut::Lines => self.row(None)?,
                Cut::Quoted(delimiter) => self.row(Some(delimiter))?,
                Cut::Elements => self.element()?,
            };
            let is_empty = bytes.iter().all(u8::is_ascii_whitespace) && problem.is_none();
            if is_empty && self.has_ended {
                return Ok(None);
            }
            if is_empty {
                continue;
            }
            let text = match problem {
                Some(problem) => Err(problem),
                None => String::from_utf8(bytes).map_err(|cause| {
                    let at = cause.utf8_error().valid_up_to();
                    format!(
                        "not UTF-8 text: byte {} is 0x{:02X}",
                        at + 1,
                        cause.as_bytes()[at]
                    )
                }),
            };
            return Ok(Some(Piece { line, text }));
        }
    }

    /// The next byte. Counts lines.
    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = match self.again.pop() {
            Some(byte) => byte,
            None => {
                let Some(byte) = self.input.fill_buf()?.first().copied() else {
                    self.has_ended = true;
                    return Ok(None);
                };
                self.input.consume(1);
                byte
            }
        };
        match byte {
            b'\n' if mem::take(&mut self.after_cr) => {}
            b'\n' => self.line += 1,
            b'\r' => {
                self.after_cr = true;
                self.line += 1;
            }
            _ => self.after_cr = false,
        }
        Ok(Some(byte))
    }

    /// Reads a line, or a row of a table whose quoted cells may contain line ends.
    fn row(&mut self, delimiter: Option<u8>) -> io::Result<(u64, Vec<u8>, Option<String>)> {
        #[derive(PartialEq)]
        enum At {
            CellStart,
            Cell,
            Quotes,
            /// After a quote inside quotes: it closes them, or is the first of two.
            Quote,
        }
        let line = self.line;
        let mut at = At::CellStart;
        let mut bytes = Vec::new();
        while let Some(byte) = self.byte()? {
            let ends_line = matches!(byte, b'\r' | b'\n');
            if ends_line && at != At::Quotes {
                // The LF after a CR gives an empty record, which is skipped.
                return Ok((line, bytes, None));
            }
            bytes.push(byte);
            at = match (at, byte) {
                (At::CellStart, b'"') if delimiter.is_some() => At::Quotes,
                (At::Quotes, b'"') => At::Quote,
                (At::Quotes, _) => At::Quotes,
                (At::Quote, b'"') => At::Quotes,
                (_, byte) if Some(byte) == delimiter => At::CellStart,
                // The closing quote is not at the end of a cell. If the quotes began on an earlier line, they were
                // opened by mistake.
                (At::Quote, _) => match self.without_quotes(line, &mut bytes) {
                    Some(found) => return Ok(found),
                    None => At::Cell,
                },
                _ => At::Cell,
            };
            if bytes.len() > LONGEST {
                let found = match at {
                    At::Quotes | At::Quote => self.without_quotes(line, &mut bytes),
                    At::CellStart | At::Cell => None,
                };
                return match found {
                    Some(found) => Ok(found),
                    None => self.rest_of_line().map(|()| (line, bytes, Some(too_long()))),
                };
            }
        }
        if at != At::Quotes {
            return Ok((line, bytes, None));
        }
        match self.without_quotes(line, &mut bytes) {
            Some(found) => {
                self.has_ended = false;
                Ok(found)
            }
            None => Ok((line, bytes, Some(unclosed()))),
        }
    }

    fn rest_of_line(&mut self) -> io::Result<()> {
        while let Some(byte) = self.byte()? {
            if matches!(byte, b'\r' | b'\n') {
                break;
            }
        }
        Ok(())
    }

    /// Handles quotes that are never closed: ends the record with its first line, and queues the lines after it to be
    /// read again. `None` if it has one line only.
    fn without_quotes(&mut self, line: u64, bytes: &mut Vec<u8>) -> Option<(u64, Vec<u8>, Option<String>)> {
        let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
        self.again.extend(bytes.drain(end..).rev());
        self.line = line;
        self.after_cr = false;
        Some((line, mem::take(bytes), Some(unclosed())))
    }

    /// Reads an element of the array.
    fn element(&mut self) -> io::Result<(u64, Vec<u8>, Option<String>)> {
        let mut line = self.line;
        let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
        let mut bytes: Vec<u8> = Vec::new();
        let mut is_too_long = false;
        while let Some(byte) = self.byte()? {
            match byte {
                b'[' if !self.in_array => {
                    self.in_array = true;
                    continue;
                }
                // A JSON string cannot contain a line break: this one is unclosed, and the next element begins on
                // another line.
                b'\n' | b'\r' if in_text => return Ok((line, bytes, is_too_long.then(too_long))),
                _ if is_escaped => is_escaped = false,
                b'\\' if in_text => is_escaped = true,
                b'"' => in_text = !in_text,
                _ if in_text => {}
                b',' | b']' if depth == 0 => return Ok((line, bytes, is_too_long.then(too_long))),
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if bytes.is_empty() && byte.is_ascii_whitespace() {
                line = self.line;
            } else if bytes.len() < LONGEST {
                bytes.push(byte);
            } else {
                is_too_long = true;
            }
        }
        Ok((line, bytes, is_too_long.then(too_long)))
    }
}

fn too_long() -> String {
    format!("longer than {LONGEST} bytes, the limit for a job")
}

fn unclosed() -> String {
    "a quotation mark is not closed".to_owned()
}

/// Converts UTF-16 to UTF-8. An unpaired surrogate becomes a byte that occurs in no UTF-8 text.
pub(super) struct Utf16<R> {
    input: R,
    is_little: bool,
    /// Bytes that have been read but do not form a character yet.
    rest: Vec<u8>,
    /// Converted bytes.
    out: io::Cursor<Vec<u8>>,
}

const NO_UTF8: u8 = 0xFF;

impl<R: Read> Utf16<R> {
    pub(super) fn new(input: R, is_little: bool) -> Self {
        Self {
            input,
            is_little,
            rest: Vec::new(),
            out: io::Cursor::default(),
        }
    }

    fn convert(&mut self) -> io::Result<()> {
        let mut read = [0; 16 * 1024];
        let length = self.input.read(&mut read)?;
        self.rest.extend_from_slice(&read[..length]);
        let unit = |pair: &[u8]| match self.is_little {
            true => u16::from_le_bytes([pair[0], pair[1]]),
            false => u16::from_be_bytes([pair[0], pair[1]]),
        };
        let mut units: Vec<u16> = self.rest.chunks_exact(2).map(unit).collect();
        let is_end = length == 0;
        // The second half of a surrogate pair may follow.
        if !is_end && units.last().is_some_and(|unit| (0xD800..0xDC00).contains(unit)) {
            units.pop();
        }
        self.rest.drain(..2 * units.len());
        let mut out = Vec::with_capacity(units.len() * 2);
        for letter in char::decode_utf16(units) {
            match letter {
                Ok(letter) => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(_) => out.push(NO_UTF8),
            }
        }
        if is_end && !mem::take(&mut self.rest).is_empty() {
            out.push(NO_UTF8);
        }
        self.out = io::Cursor::new(out);
        if self.out.get_ref().is_empty() && !is_end {
            return self.convert();
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.out.read(into)?;
        if length > 0 || into.is_empty() {
            return Ok(length);
        }
        self.convert()?;
        self.out.read(into)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(cut: Cut, text: &[u8]) -> Vec<(u64, Result<String, String>)> {
        let mut pieces = Pieces::new(text);
        std::iter::from_fn(|| pieces.next(cut).unwrap())
            .map(|piece| (piece.line, piece.text))
            .collect()
    }

    fn good(line: u64, text: &str) -> (u64, Result<String, String>) {
        (line, Ok(text.to_owned()))
    }

    #[test]
    fn lines_have_their_numbers_whatever_ends_them() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a", "", "b,\"x", "y\",c", "d"].join(end);
            let quoted = format!("b,\"x{end}y\",c");
            assert_eq!(
                cut(Cut::Quoted(b','), text.as_bytes()),
                [good(1, "a"), good(3, &quoted), good(5, "d")],
                "{end:?}"
            );
            let lines = [good(1, "a"), good(3, "b,\"x"), good(4, "y\",c"), good(5, "d")];
            assert_eq!(cut(Cut::Lines, text.as_bytes()), lines, "{end:?}");
        }
    }

    #[test]
    fn unclosed_quotes_end_with_their_line() {
        for rest in ["d\ne,\"f\"\n", "d\ne,f"] {
            let found = cut(Cut::Quoted(b','), format!("a\nb,\"c\n{rest}").as_bytes());
            assert_eq!(found[0], good(1, "a"));
            assert_eq!((found[1].0, found[1].1.is_err()), (2, true), "{found:?}");
            let others: Vec<_> = found[2..]
                .iter()
                .map(|(line, text)| (*line, text.is_ok()))
                .collect();
            assert_eq!(others, [(3, true), (4, true)], "{found:?}");
        }
        // A quote inside a cell is a part of it.
        assert_eq!(
            cut(Cut::Quoted(b';'), b"a;5\"\nb;c"),
            [good(1, "a;5\""), good(2, "b;c")]
        );
    }

    #[test]
    fn long_records_are_left_out_and_the_next_ones_found() {
        let long = "x".repeat(3 * LONGEST);
        let text = format!("a\n{long}\nb\n\"{long}\nc\n\"{long}\",d\ne");
        let found = cut(Cut::Quoted(b','), text.as_bytes());
        let lines: Vec<_> = found
            .iter()
            .map(|(line, text)| (*line, text.as_deref().ok()))
            .collect();
        assert_eq!(
            lines,
            [
                (1, Some("a")),
                (2, None),
                (3, Some("b")),
                (4, None),
                (5, Some("c")),
                (6, None),
                (7, Some("e"))
            ]
        );
    }

    /// A stream of one record with `size` bytes, and a short one.
    fn stream(begin: &'static str, size: u64, end: &'static str) -> impl Read {
        let begin = begin.as_bytes();
        begin.chain(io::repeat(b'x').take(size)).chain(end.as_bytes())
    }

    #[test]
    fn a_record_takes_no_more_memory_than_the_limit() {
        // What is kept does not depend on the size, as it is below the size by far.
        let size = 16 * LONGEST as u64;
        for (cut, begin, end, next) in [
            (Cut::Lines, "", "\nb", (2, "b")),
            (Cut::Quoted(b','), "", "\nb", (2, "b")),
            // Quotes that are closed, closed late, and never.
            (Cut::Quoted(b','), "\"", "\",c\nb", (2, "b")),
            (Cut::Quoted(b','), "\"a\n", "\nb", (3, "b")),
            (Cut::Elements, "[\"", "\",\nb]", (2, "b")),
            (Cut::Elements, "[{\"a\": [", "]},\nb]", (2, "b")),
        ] {
            let mut pieces = Pieces::new(stream(begin, size, end));
            let (line, bytes, problem) = match cut {
                Cut::Lines => pieces.row(None),
                Cut::Quoted(delimiter) => pieces.row(Some(delimiter)),
                Cut::Elements => pieces.element(),
            }
            .unwrap();
            assert_eq!(line, 1, "{cut:?} {begin}");
            assert!(problem.is_some(), "{cut:?} {begin}");
            let kept = bytes.capacity() + pieces.again.capacity() + pieces.input.capacity();
            assert!(kept < 5 * LONGEST, "{cut:?} {begin}: {kept}");
            let found = std::iter::from_fn(|| pieces.next(cut).unwrap())
                .find_map(|piece| Some((piece.line, piece.text.ok()?)));
            assert_eq!(found, Some((next.0, next.1.to_owned())), "{cut:?} {begin}");
            let kept = pieces.again.capacity() + pieces.input.capacity();
            assert!(kept < 5 * LONGEST, "{cut:?} {begin}: {kept}");
        }
    }

    #[test]
    fn elements_of_an_array_are_found() {
        let text = b"[\n{\"a\": \"],\\\"{\"},\n {\"b\":\n [1, 2]}, 5 , \"x\n{\"c\": 1},\r\n\xff,{}]\n";
        let found = cut(Cut::Elements, text);
        assert_eq!(found[0], good(2, "{\"a\": \"],\\\"{\"}"));
        assert_eq!(found[1], good(3, "{\"b\":\n [1, 2]}"));
        assert_eq!(found[2], good(4, "5 "));
        assert_eq!(found[3], good(4, "\"x"));
        assert_eq!(found[4], good(5, "{\"c\": 1}"));
        assert_eq!((found[5].0, found[5].1.is_err()), (6, true));
        assert_eq!(found[6..], [good(6, "{}")]);
        let long = format!("[{{\"a\": \"{}\"}},\n{{}}]", "x".repeat(2 * LONGEST));
        let found = cut(Cut::Elements, long.as_bytes());
        assert!(found[0].1.is_err());
        assert_eq!(found[1..], [good(2, "{}")]);
    }

    #[test]
    fn bytes_that_are_no_text_spoil_their_line_only() {
        let found = cut(Cut::Lines, b"a\nK\xfcche\nc");
        assert_eq!((&found[0], &found[2]), (&good(1, "a"), &good(3, "c")));
        let message = found[1].1.clone().unwrap_err();
        assert_eq!(message, "not UTF-8 text: byte 2 is 0xFC");
    }

    #[test]
    fn half_a_surrogate_pair_is_no_text() {
        let bytes: Vec<u8> = [0x61_u16, 0xD83D, 0x0A, 0x62]
            .iter()
            .flat_map(|unit| unit.to_le_bytes())
            .collect();
        let found = cut_utf16(&bytes);
        assert!(found[0].1.is_err());
        assert_eq!(found[1..], [good(2, "b")]);
    }

    fn cut_utf16(bytes: &[u8]) -> Vec<(u64, Result<String, String>)> {
        let mut pieces = Pieces::new(Utf16::new(bytes, true));
        std::iter::from_fn(|| pieces.next(Cut::Lines).unwrap())
            .map(|piece| (piece.line, piece.text))
            .collect()
    }

    /// A reader that returns one byte at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = self.0.len().min(into.len()).min(1);
            into[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    proptest! {
        #[test]
        fn utf16_is_what_it_was(text in ".{0,40}", is_little in any::<bool>()) {
            let bytes: Vec<u8> = text
                .encode_utf16()
                .flat_map(|unit| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() })
                .collect();
            let mut found = String::new();
            Utf16::new(Slow(&bytes), is_little).read_to_string(&mut found).unwrap();
            prop_assert_eq!(found, text);
        }

        #[test]
        fn every_record_that_is_written_is_found(
            rows in prop::collection::vec(prop::collection::vec("[a;,\"\r\n é]{0,6}", 2..4), 1..6),
        ) {
            let mut csv = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for row in &rows {
                csv.write_record(row).unwrap();
            }
            let text = csv.into_inner().unwrap();
            let found = cut(Cut::Quoted(b','), &text);
            let cells: Vec<Vec<String>> = found
                .iter()
                .map(|(_, text)| crate::export::read::cells(text.as_ref().unwrap(), b','))
                .collect();
            let wanted: Vec<_> = rows.into_iter().filter(|row| row.len() > 1).collect();
            prop_assert_eq!(cells, wanted);
        }
    }
}

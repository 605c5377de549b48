//! Keeps each event of the text log on one line, even if it contains strings from printers and users.

use std::{borrow::Cow, fmt::Write as _, io};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// Escapes characters that would end a line or control a terminal. Each event is written with one call, and ends with
/// its own line feed.
pub(super) struct OneLine<M> {
    pub(super) inner: M,
    /// Whether to keep the formatter's own colour codes. It escapes those in the texts of events.
    pub(super) colourful: bool,
}

pub(super) struct EventWriter<W> {
    inner: W,
    colourful: bool,
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for OneLine<M> {
    type Writer = EventWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        EventWriter {
            inner: self.inner.make_writer(),
            colourful: self.colourful,
        }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Self::Writer {
        EventWriter {
            inner: self.inner.make_writer_for(meta),
            colourful: self.colourful,
        }
    }
}

impl<W: io::Write> io::Write for EventWriter<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        self.inner
            .write_all(on_one_line(&text, self.colourful).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn on_one_line(event: &str, colourful: bool) -> Cow<'_, str> {
    let (body, end) = match event.strip_suffix('\n') {
        Some(body) => (body, "\n"),
        None => (event, ""),
    };
    let is_harmful = |character: char| match character {
        '\t' => false,
        '\u{1b}' => !colourful,
        // Line separators, and characters that change the direction of the text.
        '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    };
    if !body.contains(is_harmful) {
        return event.into();
    }
    let mut escaped = String::with_capacity(event.len() + 16);
    for character in body.chars() {
        match is_harmful(character) {
            true => {
                // Writing to a String does not fail.
                let _ = write!(escaped, "{}", character.escape_default());
            }
            false => escaped.push(character),
        }
    }
    escaped.push_str(end);
    escaped.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_ends_a_line_or_steers_a_terminal_is_escaped() {
        for (event, expected) in [
            ("2026 INFO fine\n", "2026 INFO fine\n"),
            ("a\nERROR forged\n", "a\\nERROR forged\n"),
            ("a\r\nb\n", "a\\r\\nb\n"),
            ("a\u{1b}[31mb\n", "a\\u{1b}[31mb\n"),
            (
                "a\u{85}b\u{2028}c\u{202e}d\0\n",
                "a\\u{85}b\\u{2028}c\\u{202e}d\\u{0}\n",
            ),
            ("Würfel\t日本 🙂\n", "Würfel\t日本 🙂\n"),
            ("no end", "no end"),
        ] {
            assert_eq!(on_one_line(event, false), expected);
        }
        assert_eq!(
            on_one_line("\u{1b}[2mtime\u{1b}[0m a\nb\n", true),
            "\u{1b}[2mtime\u{1b}[0m a\\nb\n"
        );
    }

    proptest! {
        #[test]
        fn every_event_is_one_line(event in "\\PC{0,20}[\\x00-\\x1f\\x7f-\\x9f\u{2028}\u{202e}]{0,3}.{0,20}") {
            let line = on_one_line(&format!("{event}\n"), false).into_owned();
            prop_assert_eq!(line.lines().count(), 1);
            prop_assert!(!line.trim_end_matches('\n').contains(|c: char| c.is_control() && c != '\t'));
        }
    }
}

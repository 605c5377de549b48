//! Parses a frame no further than needed: most frames are dropped, or needed only in part.

use serde::Deserialize;
use serde_json::value::RawValue;

/// One JSON-RPC message.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    /// An answer. An id that is not a number is not one of ours.
    Answer {
        id: Option<u64>,
        result: Result<Option<&'a RawValue>, Refusal>,
    },
    /// A notification. The method is the raw text of the frame without quotes.
    Notification {
        method: &'a str,
        params: Option<&'a RawValue>,
    },
}

/// The error member of an answer. Its other contents (a Python traceback) are not parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: i64,
    pub(crate) message: String,
}

/// Why a frame could not be parsed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("not JSON of the expected form: {0}")]
    Json(#[from] serde_json::Error),
    #[error("neither an answer nor a notification")]
    Shapeless,
    #[error("more than {PARTS_LIMIT} parts")]
    TooManyParts,
}

/// Number of array and object members that a frame may have. In memory, each takes up to a few hundred times its size
/// in the frame. A page of 500 history rows has about 30,000.
const PARTS_LIMIT: usize = 400_000;

/// Parses a frame: a message, or a batch of messages. A broken member of a batch does not affect the others.
pub(crate) fn read(frame: &str, mut each: impl FnMut(Result<Message<'_>, FrameError>)) {
    let repaired = repair(frame);
    let frame = repaired.as_deref().unwrap_or(frame);
    if has_too_many_parts(frame) {
        return each(Err(FrameError::TooManyParts));
    }
    if !frame.trim_start().starts_with('[') {
        return each(read_one(frame));
    }
    match serde_json::from_str::<Vec<&RawValue>>(frame) {
        Ok(members) => members
            .into_iter()
            .for_each(|member| each(read_one(member.get()))),
        Err(cause) => each(Err(cause.into())),
    }
}

/// Whether a frame has too many members, counted by the characters that begin or divide them, including those inside
/// strings.
fn has_too_many_parts(frame: &str) -> bool {
    let is_mark = |byte: &&u8| matches!(byte, b',' | b'[' | b'{');
    frame.len() > PARTS_LIMIT && frame.as_bytes().iter().filter(is_mark).count() > PARTS_LIMIT
}

/// Replaces what Python's encoder writes and JSON does not allow. `None` if there is nothing to replace.
///
/// - Numbers such as `NaN` become null. Moonraker before 0.9 sends them for a broken sensor.
/// - Lone halves of a surrogate pair become U+FFFD. Python reads a byte of a file name that is not UTF-8 as one, and
///   programs that cut texts by UTF-16 units leave one.
fn repair(frame: &str) -> Option<String> {
    const NUMBERS: [&str; 3] = ["NaN", "-Infinity", "Infinity"];
    const SUSPECTS: [&str; 4] = ["NaN", "Infinity", "\\ud", "\\uD"];
    // Frames can be 16 MB long. Searching for a single character is fastest.
    let may_contain = |text: &str| frame.contains(text.as_bytes()[0] as char) && frame.contains(text);
    if !SUSPECTS.into_iter().any(may_contain) {
        return None;
    }
    let mut repaired = String::with_capacity(frame.len());
    let mut in_text = false;
    let mut rest = frame;
    while let Some(next) = rest.chars().next() {
        let word = NUMBERS
            .iter()
            .find(|number| !in_text && rest.starts_with(**number));
        let (replacement, length) = match (word, next) {
            (Some(word), _) => ("null", word.len()),
            (None, '\\') if in_text => escape(rest),
            _ => (&rest[..next.len_utf8()], next.len_utf8()),
        };
        in_text ^= next == '"';
        repaired.push_str(replacement);
        rest = &rest[length..];
    }
    Some(repaired)
}

/// The replacement of the escape at the start of a string, and the length that it replaces.
fn escape(text: &str) -> (&str, usize) {
    const UNIT: usize = r"\u0000".len();
    let unit = |at: usize| {
        let digits = text.get(at..at + UNIT)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let length = match (unit(0), unit(UNIT)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 2 * UNIT,
        (Some(0xd800..=0xdfff), _) => return (r"\ufffd", UNIT),
        // The backslash and the escaped character.
        _ => text.char_indices().nth(2).map_or(text.len(), |(at, _)| at),
    };
    (&text[..length], length)
}

fn read_one(text: &str) -> Result<Message<'_>, FrameError> {
    let fields: Fields<'_> = serde_json::from_str(text)?;
    if let Some(method) = fields.method {
        // The methods we know need no escapes, so the raw text is the name.
        let method = method.get().trim_matches('"');
        return Ok(Message::Notification {
            method,
            params: fields.params,
        });
    }
    let result = match (fields.error, fields.result) {
        (Some(error), _) => Err(read_refusal(error)),
        (None, result) if result.is_some() || fields.id.is_some() => Ok(result),
        (None, _) => return Err(FrameError::Shapeless),
    };
    Ok(Message::Answer {
        id: fields.id.and_then(|id| id.get().parse().ok()),
        result,
    })
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

fn read_refusal(error: &RawValue) -> Refusal {
    #[derive(Deserialize)]
    struct Error {
        #[serde(default, deserialize_with = "crate::lenient::maybe_number")]
        code: Option<f64>,
        #[serde(default, deserialize_with = "crate::lenient::maybe_text")]
        message: Option<String>,
    }
    let error = serde_json::from_str(error.get()).unwrap_or(Error {
        code: None,
        message: None,
    });
    #[expect(clippy::cast_possible_truncation, reason = "codes are small; others saturate")]
    let code = error.code.unwrap_or(0.0) as i64;
    Refusal {
        code,
        message: error.message.as_deref().map(readable_message).unwrap_or_default(),
    }
}

/// Longest message kept, in bytes.
const MESSAGE_LIMIT: usize = 500;

/// The readable part of an error message: on one line, without a Python traceback, and without the Python dict that 0.8
/// wraps around Klipper's message.
fn readable_message(message: &str) -> String {
    let message = message
        .split("Traceback (most recent call last)")
        .next()
        .unwrap_or_default();
    let message = message
        .strip_prefix("{'error': 'WebRequestError', 'message': ")
        .and_then(|rest| rest.strip_suffix('}'))
        .map_or(message, |quoted| quoted.trim_matches(['\'', '"']));
    let mut words = message
        .replace("\\n", "\n")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    words.truncate(words.floor_char_boundary(MESSAGE_LIMIT));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(frame: &str) -> Vec<String> {
        let mut found = Vec::new();
        read(frame, |message| {
            found.push(match message {
                Ok(Message::Answer { id, result }) => {
                    format!(
                        "answer {id:?} {:?}",
                        result.map(|raw| raw.map(|raw| raw.get().to_owned()))
                    )
                }
                Ok(Message::Notification { method, params }) => {
                    format!("{method} {:?}", params.map(RawValue::get))
                }
                Err(_) => "odd".to_owned(),
            });
        });
        found
    }

    #[test]
    fn messages_of_all_forms_are_told_apart() {
        assert_eq!(
            all(r#"{"jsonrpc":"2.0","result":{"a":1},"id":7}"#),
            [r#"answer Some(7) Ok(Some("{\"a\":1}"))"#]
        );
        assert_eq!(all(r#"{"result":null,"id":7}"#), ["answer Some(7) Ok(None)"]);
        assert_eq!(
            all(r#"{"method":"notify_klippy_ready"}"#),
            ["notify_klippy_ready None"]
        );
        assert_eq!(
            all(r#"{"error":{"code":-32700,"message":"Parse error"},"id":null}"#).len(),
            1
        );
        assert_eq!(all(r#"{"result":1,"id":"x"}"#), [r#"answer None Ok(Some("1"))"#]);
        assert_eq!(
            all(r#" [{"method":"a"}, 5, {"id":1,"result":2}]"#),
            ["a None", "odd", r#"answer Some(1) Ok(Some("2"))"#]
        );
        for odd in [
            "",
            "no",
            "{}",
            "[",
            "[1",
            "null",
            r#"{"id":null}"#,
            r#"{"method":"a""#,
        ] {
            assert_eq!(all(odd), ["odd"], "{odd}");
        }
    }

    #[test]
    fn lone_surrogates_are_replaced() {
        for (given, expected) in [
            (r"\ud83d", r"\ufffd"),
            (r"\uD83D.gcode", r"\ufffd.gcode"),
            (r"\ude00\ud83d", r"\ufffd\ufffd"),
            (r"\ud83d\ud83d\ude00", r"\ufffd\ud83d\ude00"),
            (r"\ud83d\ude00", r"\ud83d\ude00"),
            (r"\uDCE9t\u00e9", r"\ufffdt\u00e9"),
            // An escaped backslash, and a quote after one.
            (r"\\ud83d", r"\\ud83d"),
            (r"\\\ud83d", r"\\\ufffd"),
            (r#"\"NaN\ud83d"#, r#"\"NaN\ufffd"#),
            (r"\ud83dé\ud8", r"\ufffdé\ud8"),
        ] {
            assert_eq!(
                repair(&format!(r#"["{given}", NaN]"#)).unwrap(),
                format!(r#"["{expected}", null]"#)
            );
        }
        assert_eq!(
            all(r#"{"result":{"a":"\ud83d","b":7},"id":7}"#),
            [r#"answer Some(7) Ok(Some("{\"a\":\"\\ufffd\",\"b\":7}"))"#]
        );
        // A frame that ends anywhere, also within an escape.
        let frame = r#"{"method":"a","params":["\ud83d\ude00\ud83d\\"]}"#;
        for end in 0..frame.len() {
            assert_eq!(all(&frame[..end]), ["odd"], "{end}");
        }
    }

    #[test]
    fn numbers_that_json_does_not_have_are_null() {
        assert_eq!(
            all(r#"{"result":{"a":NaN,"b":[-Infinity,Infinity],"c":"NaN \"NaN","d":"\\"},"id":7}"#),
            [
                r#"answer Some(7) Ok(Some("{\"a\":null,\"b\":[null,null],\"c\":\"NaN \\\"NaN\",\"d\":\"\\\\\"}"))"#
            ]
        );
        assert_eq!(all("NaN Infinity \u{e9}"), ["odd"]);
    }

    #[test]
    fn refusals_are_put_plainly() {
        for (given, expected) in [
            ("SD busy", "SD busy"),
            (
                "\nPrinter is not ready\nPlease\nretry.\n",
                "Printer is not ready Please retry.",
            ),
            (
                "{'error': 'WebRequestError', 'message': 'Unable to open file'}",
                "Unable to open file",
            ),
            (
                "failed Traceback (most recent call last):\n  File \"/home/pi/x.py\"",
                "failed",
            ),
        ] {
            assert_eq!(readable_message(given), expected);
        }
        let error = RawValue::from_string(r#"{"code":404.0,"traceback":"…"}"#.to_owned()).unwrap();
        assert_eq!(
            read_refusal(&error),
            Refusal {
                code: 404,
                message: String::new()
            }
        );
    }
}

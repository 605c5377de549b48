//! Cursors: opaque places in a list.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::JobId;
use store::Cursor;

/// First byte of a cursor. Another order of the list gets another version, so that old cursors are refused.
const VERSION: u8 = 1;

/// The cursor as the client keeps it.
pub(crate) fn encode(cursor: Cursor) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend(cursor.sort_time.to_be_bytes());
    bytes.extend(cursor.id.0.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// `None` if it is no cursor of ours.
pub(crate) fn decode(text: &str) -> Option<Cursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (version, rest) = bytes.split_first()?;
    let (sort_time, id) = rest.split_first_chunk()?;
    let id = JobId(i64::from_be_bytes(id.try_into().ok()?));
    (*version == VERSION).then_some(Cursor {
        sort_time: i64::from_be_bytes(*sort_time),
        id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_as_they_were() {
        for (sort_time, id) in [(1_767_225_600_123, 1), (i64::MIN, i64::MAX), (-5, 7), (0, 0)] {
            let cursor = Cursor {
                sort_time,
                id: JobId(id),
            };
            assert_eq!(decode(&encode(cursor)), Some(cursor));
        }
    }

    #[test]
    fn what_is_no_cursor_is_none() {
        let whole = encode(Cursor {
            sort_time: 5,
            id: JobId(5),
        });
        for wrong in [
            "",
            "x",
            "AA",
            "not a cursor!",
            &whole[1..],
            &format!("{whole}AA"),
            &whole.replacen('A', "B", 1),
        ] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}

//! The sort orders of a list, and its opaque cursors, as clients write them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Amount, Cursor, JobId, LARGEST_ID, ListOrder};

use crate::input::Invalid;

/// The sort orders by name. A column sorts ascending; with a leading minus it sorts descending.
const ORDERS: [(&str, ListOrder); 8] = [
    ("newest", ListOrder::Newest),
    ("oldest", ListOrder::Oldest),
    ("print_duration", ListOrder::Least(Amount::PrintDuration)),
    ("-print_duration", ListOrder::Most(Amount::PrintDuration)),
    ("total_duration", ListOrder::Least(Amount::TotalDuration)),
    ("-total_duration", ListOrder::Most(Amount::TotalDuration)),
    ("filament_used", ListOrder::Least(Amount::FilamentUsed)),
    ("-filament_used", ListOrder::Most(Amount::FilamentUsed)),
];

/// A decoded cursor, with the number of its sort order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    order: u8,
    cursor: Cursor,
}

impl Place {
    /// The cursor within this sort order. `None` if it belongs to another one.
    pub(crate) fn within(self, order: ListOrder) -> Option<Cursor> {
        (self.order == number(order)).then_some(self.cursor)
    }
}

/// The names of all sort orders.
pub(crate) fn orders() -> [&'static str; ORDERS.len()] {
    ORDERS.map(|(name, _)| name)
}

/// Parses the name of a sort order.
pub(crate) fn order(text: &str) -> Result<ListOrder, Invalid> {
    let named = ORDERS.iter().find(|(name, _)| *name == text);
    named.map(|(_, order)| *order).ok_or_else(|| Invalid::NotAllowed {
        allowed: orders().to_vec(),
    })
}

/// First byte of a cursor, which identifies its sort order. An order that changes gets a new number, so that old
/// cursors are refused. `Newest` and `Oldest` share their cursors.
fn number(order: ListOrder) -> u8 {
    match order {
        ListOrder::Newest | ListOrder::Oldest => 1,
        ListOrder::Least(Amount::PrintDuration) => 2,
        ListOrder::Most(Amount::PrintDuration) => 3,
        ListOrder::Least(Amount::TotalDuration) => 4,
        ListOrder::Most(Amount::TotalDuration) => 5,
        ListOrder::Least(Amount::FilamentUsed) => 6,
        ListOrder::Most(Amount::FilamentUsed) => 7,
    }
}

/// First byte of a cursor in the list of deleted jobs.
const DELETED: u8 = 8;

/// Encodes a cursor for the client.
pub(crate) fn encode(order: ListOrder, cursor: Cursor) -> String {
    encoded(number(order), cursor)
}

/// Encodes a cursor in the list of deleted jobs.
pub(crate) fn encode_deleted(cursor: Cursor) -> String {
    encoded(DELETED, cursor)
}

fn encoded(order: u8, cursor: Cursor) -> String {
    let mut bytes = vec![order];
    bytes.extend(cursor.value.to_be_bytes());
    bytes.extend(cursor.id.0.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes a cursor, or reports that it is invalid.
pub(crate) fn place(text: &str) -> Result<Place, Invalid> {
    decode(text).ok_or(Invalid::NotCursor)
}

/// Decodes a cursor in the list of deleted jobs, or reports that it is invalid.
pub(crate) fn deleted_place(text: &str) -> Result<Cursor, Invalid> {
    bytes(text)
        .filter(|(order, _)| *order == DELETED)
        .map(|(_, cursor)| cursor)
        .ok_or(Invalid::NotCursor)
}

/// Decodes a cursor. `None` if it is invalid.
pub(crate) fn decode(text: &str) -> Option<Place> {
    let (order, cursor) = bytes(text)?;
    let is_known = ORDERS.iter().any(|(_, known)| number(*known) == order);
    is_known.then_some(Place { order, cursor })
}

fn bytes(text: &str) -> Option<(u8, Cursor)> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (order, rest) = bytes.split_first()?;
    let (value, id) = rest.split_first_chunk()?;
    let cursor = Cursor {
        value: i64::from_be_bytes(*value),
        id: JobId(i64::from_be_bytes(id.try_into().ok()?)),
    };
    (0..=LARGEST_ID)
        .contains(&cursor.id.0)
        .then_some((*order, cursor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_survive_encoding_and_decoding() {
        for (value, id) in [(1_767_225_600_123, 1), (i64::MIN, LARGEST_ID), (-5, 7), (0, 0)] {
            let cursor = Cursor { value, id: JobId(id) };
            for (_, order) in ORDERS {
                let place = decode(&encode(order, cursor)).unwrap();
                assert_eq!(place.within(order), Some(cursor));
            }
        }
    }

    #[test]
    fn cursors_of_deleted_jobs_belong_to_no_other_list() {
        let cursor = Cursor {
            value: 1_767_225_600_123,
            id: JobId(7),
        };
        let text = encode_deleted(cursor);
        assert_eq!(deleted_place(&text), Ok(cursor));
        assert_eq!(decode(&text), None);
        deleted_place(&encode(ListOrder::Newest, cursor)).unwrap_err();
    }

    #[test]
    fn a_cursor_belongs_to_its_order() {
        let cursor = Cursor {
            value: 5,
            id: JobId(5),
        };
        for (_, one) in ORDERS {
            for (_, other) in ORDERS {
                let by_start = [one, other].iter().all(|order| number(*order) == 1);
                let is_within = decode(&encode(one, cursor)).unwrap().within(other).is_some();
                assert_eq!(is_within, one == other || by_start, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn invalid_cursors_are_refused() {
        let whole = encode(
            ListOrder::Newest,
            Cursor {
                value: 5,
                id: JobId(5),
            },
        );
        for wrong in [
            "",
            "x",
            "AA",
            "not a cursor!",
            &whole[1..],
            &format!("{whole}AA"),
            &whole.replacen('A', "C", 1),
            &encode(
                ListOrder::Newest,
                Cursor {
                    value: 5,
                    id: JobId(LARGEST_ID + 1),
                },
            ),
        ] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}

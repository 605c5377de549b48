//! The order of jobs by what they took, as the columns of a month tell it.

use std::ops::RangeInclusive;

use super::month::Row;
use crate::{Amount, Cursor, ListOrder};

/// What comes first. What is unknown comes last.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ranking {
    Most(Amount),
    Least(Amount),
}

impl Ranking {
    pub(super) fn order(self) -> ListOrder {
        match self {
            Self::Most(amount) => ListOrder::Most(amount),
            Self::Least(amount) => ListOrder::Least(amount),
        }
    }

    pub(super) fn amount(self) -> Amount {
        match self {
            Self::Most(amount) | Self::Least(amount) => amount,
        }
    }

    /// Where the job stands in the list.
    pub(super) fn place(self, row: Row<'_>) -> Cursor {
        let taken = row.amount(self.amount());
        let unknown = match self {
            Self::Most(_) => -1,
            Self::Least(_) => i64::MAX,
        };
        Cursor {
            value: taken.map_or(unknown, u64::cast_signed),
            id: row.id(),
        }
    }

    /// The rank of a number of a column, in which 0 is unknown and all else one more than it is.
    #[inline]
    pub(super) fn rank(self, number: u64) -> u64 {
        match self {
            Self::Most(_) => number,
            // What is unknown gets the highest.
            Self::Least(_) => number.wrapping_sub(1),
        }
    }

    /// The ranks that there are from `after` to `last`, both included.
    pub(super) fn between(self, after: Option<Cursor>, last: Option<Cursor>) -> RangeInclusive<u64> {
        let rank = |cursor: Cursor| match self {
            Self::Most(_) => cursor.value.saturating_add(1).max(0).cast_unsigned(),
            Self::Least(_) if cursor.value == i64::MAX => u64::MAX,
            Self::Least(_) => cursor.value.max(0).cast_unsigned(),
        };
        match self {
            Self::Most(_) => last.map_or(0, rank)..=after.map_or(u64::MAX, rank),
            Self::Least(_) => after.map_or(0, rank)..=last.map_or(u64::MAX, rank),
        }
    }
}

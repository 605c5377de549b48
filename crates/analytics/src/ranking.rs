//! The order of jobs by what they took, as the columns of a month tell it.

use std::ops::RangeInclusive;

use domain::{Amount, Cursor, ListOrder};

use crate::Row;

/// What comes first. What is unknown comes last.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ranking {
    Most(Amount),
    Least(Amount),
}

impl Ranking {
    pub(crate) fn order(self) -> ListOrder {
        match self {
            Self::Most(amount) => ListOrder::Most(amount),
            Self::Least(amount) => ListOrder::Least(amount),
        }
    }

    pub(crate) fn amount(self) -> Amount {
        match self {
            Self::Most(amount) | Self::Least(amount) => amount,
        }
    }

    /// Where the job stands in the list.
    pub(crate) fn place(self, row: Row<'_>) -> Cursor {
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

    /// The numbers that stand from `after` to `last`, both included, in a column in which 0 is unknown and all else one
    /// more than it is; and whether the unknown do, too.
    pub(crate) fn between(self, after: Option<Cursor>, last: Option<Cursor>) -> (RangeInclusive<u64>, bool) {
        let number = |cursor: Cursor| cursor.value.saturating_add(1).max(0).cast_unsigned();
        match self {
            Self::Most(_) => {
                let base = last.map_or(0, number);
                (base.max(1)..=after.map_or(u64::MAX, number), base == 0)
            }
            Self::Least(_) => {
                let is_open = last.is_none_or(|last| last.value == i64::MAX);
                (
                    after.map_or(1, number).max(1)..=last.map_or(u64::MAX, number),
                    is_open,
                )
            }
        }
    }
}

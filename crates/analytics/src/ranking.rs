//! Orders by amount, expressed in the stored numbers of a month.

use std::{cmp::Reverse, ops::RangeInclusive};

use domain::{Amount, Cursor, ListOrder};

use crate::{PackedJob, month::AmountRange};

/// An order by amount. Unknown amounts come last.
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

    /// Key that sorts months by their best amount, the best first.
    pub(crate) fn best(self, amounts: AmountRange) -> (bool, Reverse<u64>, u64) {
        match (self, amounts.known) {
            (_, None) => (true, Reverse(0), 0),
            (Self::Most(_), Some((_, high))) => (false, Reverse(high), 0),
            (Self::Least(_), Some((low, _))) => (false, Reverse(0), low),
        }
    }

    /// Position of the job in the list.
    pub(crate) fn place(self, job: PackedJob<'_>) -> Cursor {
        let amount = job.amount(self.amount());
        let unknown = match self {
            Self::Most(_) => -1,
            Self::Least(_) => i64::MAX,
        };
        Cursor {
            value: amount.map_or(unknown, u64::cast_signed),
            id: job.id(),
        }
    }

    /// The stored numbers from `after` to `last`, both included, and whether unknown amounts are between them. A stored
    /// number is the amount plus one; 0 means unknown.
    pub(crate) fn between(self, after: Option<Cursor>, last: Option<Cursor>) -> (RangeInclusive<u64>, bool) {
        let number = |cursor: Cursor| cursor.value.saturating_add(1).max(0).cast_unsigned();
        match self {
            Self::Most(_) => {
                let lowest = last.map_or(0, number);
                (lowest.max(1)..=after.map_or(u64::MAX, number), lowest == 0)
            }
            Self::Least(_) => {
                let with_unknown = last.is_none_or(|last| last.value == i64::MAX);
                let highest = last.map_or(u64::MAX, number);
                (after.map_or(1, number).max(1)..=highest, with_unknown)
            }
        }
    }
}

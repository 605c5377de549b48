//! The columns of a month, and the numbers that they contain.

use domain::{Amount, all};
use strum::VariantArray;
use strum_macros::VariantArray;

use crate::Fact;

/// A column of a month, in the order of the byte format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub(super) enum Field {
    Id,
    /// ms after the start of the month.
    Start,
    /// Status, and whether the weight is an estimate.
    Status,
    Profile,
    File,
    Cause,
    Print,
    Total,
    Length,
    Weight,
    Estimate,
    Cost,
    User,
}

impl Field {
    pub(super) const ALL: [Self; Self::VARIANTS.len()] = all();

    pub(super) fn of(amount: Amount) -> Self {
        match amount {
            Amount::PrintDuration => Self::Print,
            Amount::TotalDuration => Self::Total,
            Amount::FilamentUsed => Self::Length,
        }
    }

    /// The number that is stored. For an optional value it is 0 if unknown, otherwise the value plus one.
    pub(super) fn encode(self, fact: &Fact, month_start: i64) -> u64 {
        let amount = |amount: Option<u64>| amount.map_or(0, |amount| amount.saturating_add(1));
        let number = |number: Option<u32>| number.map_or(0, |number| u64::from(number) + 1);
        match self {
            Self::Id => fact.id.0.cast_unsigned(),
            Self::Start => fact
                .start
                .map_or(0, |start| (start - month_start).cast_unsigned()),
            Self::Status => (fact.status as u64) << 1 | u64::from(fact.weight_is_estimated),
            Self::Profile => number(fact.profile),
            Self::File => number(fact.file),
            Self::Cause => number(fact.cause),
            Self::Print => amount(fact.print),
            Self::Total => amount(fact.total),
            Self::Length => amount(fact.length),
            Self::Weight => amount(fact.weight),
            Self::Estimate => amount(fact.estimate),
            Self::Cost => amount(fact.cost),
            Self::User => number(fact.user),
        }
    }
}

//! A job of a packed month.

use domain::{Amount, JobId, JobStatus, PrinterId};

use super::{Month, field::Field};
use crate::Fact;

/// A job of a month. Its values are those of a [`Fact`], unpacked on access.
#[derive(Debug, Clone, Copy)]
pub struct PackedJob<'a> {
    pub(super) month: &'a Month,
    pub(super) index: usize,
}

impl PackedJob<'_> {
    #[inline]
    fn number(self, field: Field) -> u64 {
        self.month.columns[field as usize].get(self.index)
    }

    /// An amount, or a number reduced by one; `None` is stored as 0.
    #[inline]
    fn optional(self, field: Field) -> Option<u64> {
        self.number(field).checked_sub(1)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "encoded from a u32")]
    fn reference(self, field: Field) -> Option<u32> {
        self.optional(field).map(|number| number as u32)
    }

    pub(crate) fn printer_id(self) -> PrinterId {
        self.month.printer_id
    }

    pub(crate) fn id(self) -> JobId {
        JobId(self.number(Field::Id).cast_signed())
    }

    #[inline]
    pub(crate) fn start(self) -> Option<i64> {
        let month_start = self.month.month_start?;
        Some(month_start + self.number(Field::Start).cast_signed())
    }

    #[inline]
    pub(crate) fn status(self) -> JobStatus {
        JobStatus::ALL[(self.number(Field::Status) >> 1) as usize]
    }

    /// Number of the material profile.
    #[inline]
    #[must_use]
    pub fn profile(self) -> Option<u32> {
        self.reference(Field::Profile)
    }

    /// Number of the file name.
    #[inline]
    #[must_use]
    pub fn file(self) -> Option<u32> {
        self.reference(Field::File)
    }

    /// Number of the cause.
    #[must_use]
    pub fn cause(self) -> Option<u32> {
        self.reference(Field::Cause)
    }

    /// Number of the user.
    #[must_use]
    pub fn user(self) -> Option<u32> {
        self.reference(Field::User)
    }

    #[inline]
    pub(crate) fn amount(self, amount: Amount) -> Option<u64> {
        self.optional(Field::of(amount))
    }

    #[inline]
    pub(crate) fn print(self) -> Option<u64> {
        self.optional(Field::Print)
    }

    #[inline]
    pub(crate) fn total(self) -> Option<u64> {
        self.optional(Field::Total)
    }

    #[inline]
    pub(crate) fn length(self) -> Option<u64> {
        self.optional(Field::Length)
    }

    #[inline]
    pub(crate) fn weight(self) -> Option<u64> {
        self.optional(Field::Weight)
    }

    #[inline]
    pub(crate) fn weight_is_estimated(self) -> bool {
        self.number(Field::Status) & 1 == 1
    }

    #[inline]
    pub(crate) fn estimate(self) -> Option<u64> {
        self.optional(Field::Estimate)
    }

    pub(crate) fn fact(self) -> Fact {
        Fact {
            id: self.id(),
            printer_id: self.printer_id(),
            start: self.start(),
            status: self.status(),
            profile: self.profile(),
            file: self.file(),
            cause: self.cause(),
            print: self.print(),
            total: self.total(),
            length: self.length(),
            weight: self.weight(),
            weight_is_estimated: self.weight_is_estimated(),
            estimate: self.estimate(),
            cost: self.optional(Field::Cost),
            user: self.user(),
        }
    }
}

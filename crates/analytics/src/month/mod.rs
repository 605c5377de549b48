//! The facts of one printer's jobs that began in one month (UTC), packed by column, as a blob in the database and in
//! memory.

mod column;
mod key;

use std::ops::{Range, RangeInclusive};

use domain::{Amount, JobId, JobStatus, PrinterId};

use crate::{Busy, Fact};
use column::Column;
pub use key::MonthKey;

/// Version of the byte format and of the meaning of [`Fact`]. Increase it if either changes: all months are then packed
/// again when the database is opened.
pub const FORMAT: i64 = 3;

/// A column of a month, in the order of the byte format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Id,
    /// ms after the begin of the month.
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

/// Packed facts, ordered by start and id.
#[derive(Debug)]
pub struct Month {
    printer_id: PrinterId,
    key: MonthKey,
    /// Begin of the month in ms since 1970. `None` if the starts are unknown.
    begin: Option<i64>,
    len: usize,
    /// In the order of [`Field::ALL`].
    columns: [Column; Field::ALL.len()],
}

/// A job of a month. Its values are those of a [`Fact`], unpacked on access.
#[derive(Debug, Clone, Copy)]
pub struct PackedJob<'a> {
    month: &'a Month,
    index: usize,
}

/// The data of a month that stays in memory when its jobs are evicted.
#[derive(Debug, Clone)]
pub(crate) struct MonthSummary {
    pub(crate) len: usize,
    /// Bytes that its packed jobs take in memory.
    pub(crate) bytes: usize,
    /// First and last start. `None` if they are unknown, or there are no jobs.
    pub(crate) starts: Option<(i64, i64)>,
    /// Latest end of a job, computed from start and `total`.
    pub(crate) last_end: i64,
    /// Time in ms during which a job ran; overlaps count once.
    pub(crate) busy: u64,
    ranges: [AmountRange; 3],
}

/// Smallest and largest known amount, and whether an amount is unknown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AmountRange {
    pub(crate) known: Option<(u64, u64)>,
    pub(crate) has_unknown: bool,
}

impl Field {
    const ALL: [Self; 13] = [
        Self::Id,
        Self::Start,
        Self::Status,
        Self::Profile,
        Self::File,
        Self::Cause,
        Self::Print,
        Self::Total,
        Self::Length,
        Self::Weight,
        Self::Estimate,
        Self::Cost,
        Self::User,
    ];

    fn of(amount: Amount) -> Self {
        match amount {
            Amount::PrintDuration => Self::Print,
            Amount::TotalDuration => Self::Total,
            Amount::FilamentUsed => Self::Length,
        }
    }

    /// The number that is stored. For an optional value it is 0 if unknown, otherwise the value plus one.
    fn encode(self, fact: &Fact, begin: i64) -> u64 {
        let amount = |amount: Option<u64>| amount.map_or(0, |amount| amount.saturating_add(1));
        let number = |number: Option<u32>| number.map_or(0, |number| u64::from(number) + 1);
        match self {
            Self::Id => fact.id.0.cast_unsigned(),
            Self::Start => fact.start.map_or(0, |start| (start - begin).cast_unsigned()),
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

impl Month {
    /// Packs facts. They must be ordered by start and id, and all belong to that printer and month.
    #[must_use]
    pub fn pack(printer_id: PrinterId, key: MonthKey, facts: &[Fact]) -> Self {
        let begin = key.begin().unwrap_or(0);
        let columns = Field::ALL.map(|field| {
            let numbers: Vec<u64> = facts.iter().map(|fact| field.encode(fact, begin)).collect();
            Column::of(&numbers)
        });
        Self {
            printer_id,
            key,
            begin: key.begin(),
            len: facts.len(),
            columns,
        }
    }

    /// Serialises the month for the database.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len * 36);
        write_number(&mut bytes, self.len as u64);
        for column in &self.columns {
            for index in 0..self.len {
                write_number(&mut bytes, column.get(index));
            }
        }
        bytes
    }

    /// Parses the output of [`to_bytes`](Self::to_bytes). `None` if the bytes are invalid.
    #[must_use]
    pub fn from_bytes(printer_id: PrinterId, key: MonthKey, mut bytes: &[u8]) -> Option<Self> {
        let len = usize::try_from(read_number(&mut bytes)?).ok()?;
        if len > bytes.len() {
            return None;
        }
        let mut numbers = Vec::with_capacity(len);
        let mut columns = Vec::with_capacity(Field::ALL.len());
        for field in Field::ALL {
            numbers.clear();
            for _ in 0..len {
                numbers.push(read_number(&mut bytes)?);
            }
            let is_status = |code: &u64| (code >> 1) < JobStatus::ALL.len() as u64;
            if field == Field::Status && !numbers.iter().all(is_status) {
                return None;
            }
            columns.push(Column::of(&numbers));
        }
        bytes.is_empty().then_some(Self {
            printer_id,
            key,
            begin: key.begin(),
            len,
            columns: columns.try_into().ok()?,
        })
    }

    /// The printer.
    #[must_use]
    pub fn printer_id(&self) -> PrinterId {
        self.printer_id
    }

    /// The month.
    #[must_use]
    pub fn key(&self) -> MonthKey {
        self.key
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes that the month takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.columns.iter().map(Column::bytes).sum::<usize>()
    }

    pub(crate) fn is_undated(&self) -> bool {
        self.begin.is_none()
    }

    #[inline]
    pub(crate) fn job(&self, index: usize) -> PackedJob<'_> {
        PackedJob { month: self, index }
    }

    /// All jobs, in the order of start and id.
    pub fn jobs(&self) -> impl DoubleEndedIterator<Item = PackedJob<'_>> {
        (0..self.len).map(|index| self.job(index))
    }

    /// All jobs, unpacked.
    pub fn facts(&self) -> impl Iterator<Item = Fact> {
        self.jobs().map(PackedJob::fact)
    }

    /// Start and length of the jobs that have both.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (i64, u64)> {
        self.jobs().filter_map(|job| Some((job.start()?, job.total()?)))
    }

    pub(crate) fn summary(&self) -> MonthSummary {
        let mut busy = Busy::within(i64::MIN, i64::MAX);
        let mut last_end = i64::MIN;
        for job in self.jobs() {
            if let Some(start) = job.start() {
                let length = job.total().unwrap_or(0);
                busy.add(start, length);
                last_end = last_end.max(start.saturating_add_unsigned(length));
            }
        }
        let last = self.len.checked_sub(1);
        let start = |index: usize| self.job(index).start();
        MonthSummary {
            len: self.len,
            bytes: self.bytes(),
            starts: last.and_then(|last| start(0).zip(start(last))),
            last_end,
            busy: busy.busy(),
            ranges: AMOUNTS.map(|amount| self.amount_range(amount)),
        }
    }

    fn amount_range(&self, amount: Amount) -> AmountRange {
        let mut range = AmountRange::default();
        for job in self.jobs() {
            match job.amount(amount) {
                None => range.has_unknown = true,
                Some(amount) => {
                    let (low, high) = range.known.unwrap_or((amount, amount));
                    range.known = Some((low.min(amount), high.max(amount)));
                }
            }
        }
        range
    }

    /// Finds a job. `None` if it is not in the month.
    pub(crate) fn find(&self, id: JobId, start: Option<i64>) -> Option<PackedJob<'_>> {
        let first = match start {
            Some(_) if self.is_undated() => return None,
            Some(start) => self.first_from(start),
            None if self.is_undated() => 0,
            None => return None,
        };
        (first..self.len)
            .map(|index| self.job(index))
            .take_while(|job| job.start() == start)
            .find(|job| job.id() == id)
    }

    /// Visits the jobs in `range` whose stored amount is in `known` and, if requested, those whose amount is unknown.
    pub(crate) fn each_by_amount<'a>(
        &'a self,
        amount: Amount,
        range: Range<usize>,
        (known, with_unknown): (RangeInclusive<u64>, bool),
        mut visit: impl FnMut(PackedJob<'a>),
    ) {
        let column = &self.columns[Field::of(amount) as usize];
        if with_unknown {
            column.each_within(range.clone(), 0..=0, |index| visit(self.job(index)));
        }
        column.each_within(range, known, |index| visit(self.job(index)));
    }

    /// Index of the first job that starts at `time` or later. Jobs without a start come before all times.
    pub(crate) fn first_from(&self, time: i64) -> usize {
        let Some(begin) = self.begin else { return self.len };
        let starts = &self.columns[Field::Start as usize];
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = usize::midpoint(low, high);
            if begin + starts.get(middle).cast_signed() < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// In the order of [`MonthSummary::ranges`].
const AMOUNTS: [Amount; 3] = [Amount::PrintDuration, Amount::TotalDuration, Amount::FilamentUsed];

impl MonthSummary {
    pub(crate) fn amounts(&self, amount: Amount) -> AmountRange {
        self.ranges[amount as usize]
    }
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
        let begin = self.month.begin?;
        Some(begin + self.number(Field::Start).cast_signed())
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
            weight_is_estimated: self.number(Field::Status) & 1 == 1,
            estimate: self.estimate(),
            cost: self.optional(Field::Cost),
            user: self.user(),
        }
    }
}

/// LEB128: seven bits per byte, the lowest first.
fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[inline]
fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(id: i64, start: Option<i64>) -> Fact {
        Fact {
            id: JobId(id),
            printer_id: PrinterId(7),
            start,
            status: JobStatus::Cancelled,
            profile: Some(3),
            file: None,
            cause: Some(0),
            print: Some(0),
            total: None,
            length: Some(u64::from(u32::MAX)),
            weight: Some(0xff_fffe),
            weight_is_estimated: true,
            estimate: Some(1 << 40),
            cost: None,
            user: Some(9),
        }
    }

    #[test]
    fn facts_survive_packing() {
        let start = 1_780_000_000_123;
        let facts = [fact(1, Some(start)), fact(i64::MAX, Some(start + 5))];
        let month = MonthKey::of(Some(start));
        let packed = Month::pack(PrinterId(7), month, &facts);
        assert_eq!(packed.facts().collect::<Vec<_>>(), facts);
        let bytes = packed.to_bytes();
        let unpacked = |bytes: &[u8]| {
            let month = Month::from_bytes(PrinterId(7), month, bytes)?;
            Some(month.facts().collect::<Vec<_>>())
        };
        assert_eq!(unpacked(&bytes), Some(facts.into()));
        assert_eq!(unpacked(&bytes[1..]), None);
        assert_eq!(unpacked(&bytes[..bytes.len() - 1]), None);
        assert_eq!(unpacked(b""), None);
    }

    #[test]
    fn unknown_starts_have_a_month_of_their_own() {
        let month = MonthKey::of(None);
        assert!(month.is_undated());
        let packed = Month::pack(PrinterId(7), month, &[fact(4, None)]);
        assert_eq!(packed.job(0).fact(), fact(4, None));
        assert_eq!(packed.first_from(i64::MIN), 1);
    }

    #[test]
    fn months_are_calendar_months_in_utc_before_1970_too() {
        for (time, month) in [(0, 1970 * 12), (-1, 1970 * 12 - 1), (-62_198_755_200_000, -12)] {
            assert_eq!(MonthKey::of(Some(time)), MonthKey(month));
            let packed = Month::pack(PrinterId(7), MonthKey(month), &[fact(1, Some(time))]);
            assert_eq!(packed.job(0).start(), Some(time));
        }
    }
}

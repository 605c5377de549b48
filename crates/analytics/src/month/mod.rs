//! The facts of one printer's jobs that began in one month (UTC), packed by column, as a blob in the database and in
//! memory.

mod column;
mod field;
mod key;
mod packed_job;
mod summary;
mod varint;

use std::ops::{Range, RangeInclusive};

use domain::{Amount, JobId, JobStatus, PrinterId};

use crate::Fact;
use column::Column;
use field::Field;
use varint::{read_number, write_number};

pub use key::MonthKey;
pub use packed_job::PackedJob;
pub(crate) use summary::{AmountRange, MonthSummary};

/// Version of the byte format and of the meaning of [`Fact`]. Increase it if either changes: all months are then packed
/// again when the database is opened.
pub const FORMAT: i64 = 3;

/// Packed facts, ordered by start and id.
#[derive(Debug)]
pub struct Month {
    printer_id: PrinterId,
    key: MonthKey,
    /// Start of the month in ms since 1970. `None` if the starts are unknown.
    month_start: Option<i64>,
    len: usize,
    /// In the order of [`Field::ALL`].
    columns: [Column; Field::ALL.len()],
}

impl Month {
    /// Packs facts. They must be ordered by start and id, and all belong to that printer and month.
    #[must_use]
    pub fn pack(printer_id: PrinterId, key: MonthKey, facts: &[Fact]) -> Self {
        let month_start = key.start().unwrap_or(0);
        let columns = Field::ALL.map(|field| {
            let numbers: Vec<u64> = facts.iter().map(|fact| field.encode(fact, month_start)).collect();
            Column::of(&numbers)
        });
        Self {
            printer_id,
            key,
            month_start: key.start(),
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
            month_start: key.start(),
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
        self.month_start.is_none()
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
        let Some(month_start) = self.month_start else {
            return self.len;
        };
        let starts = &self.columns[Field::Start as usize];
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = usize::midpoint(low, high);
            if month_start + starts.get(middle).cast_signed() < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
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

//! The facts of one printer's jobs that began in one month (UTC), packed: column by column, in a blob and in memory.

use std::{
    collections::BTreeMap,
    fmt,
    ops::{Range, RangeInclusive},
    sync::OnceLock,
};

use domain::{Amount, JobId, JobStatus, PrinterId, UNDATED};
use jiff::{Timestamp, civil::date, tz::TimeZone};

use crate::{Busy, Fact};

/// Version of the byte format and of the meaning of [`Fact`]. Increase it with either: all months are then packed again
/// when the database is opened.
pub const FORMAT: i64 = 2;

/// IdSet that a fact is made of.
const FIELDS: usize = 12;
/// IdSet that are compared at once.
const CHUNK: usize = 64;

/// Months since year 0, or [`UNDATED`] for jobs whose start is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonthKey(pub i64);

/// The number of a profile, and how many of its jobs are in each status.
pub(crate) type ProfileCounts = (Option<u32>, [u32; JobStatus::ALL.len()]);

/// Packed facts, in the order of their starts.
#[derive(Debug)]
pub struct Month {
    printer_id: PrinterId,
    /// Where the month begins, in ms since 1970. `None` if the starts are unknown.
    begin: Option<i64>,
    /// Start of the first job.
    pub(crate) first_start: i64,
    /// End of the job that ends last, by start and `total`.
    pub(crate) last_end: i64,
    /// Time in ms that its jobs cover; where they overlap, once.
    pub(crate) busy: u64,
    len: usize,
    columns: [Column; FIELDS],
    counts: OnceLock<Vec<ProfileCounts>>,
}

/// A job of a month. Each part is unpacked when it is asked for; they are those of a [`Fact`].
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    month: &'a Month,
    index: usize,
}

/// IdSet, each by what it has deltas the base of them.
#[derive(Debug)]
struct Column {
    base: u64,
    deltas: Deltas,
}

/// IdSet, as narrow as they fit. If they are all zeroes, there are none.
#[derive(Debug)]
enum Deltas {
    Byte(Vec<u8>),
    Short(Vec<u16>),
    /// The lowest byte first.
    Medium(Vec<[u8; 3]>),
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

impl MonthKey {
    /// The month in which a job with this start (ms since 1970) began.
    pub fn of(start: Option<i64>) -> Self {
        let Some(start) = start else { return Self(UNDATED) };
        let time = Timestamp::from_millisecond(start).unwrap_or(Timestamp::UNIX_EPOCH);
        let date = time.to_zoned(TimeZone::UTC).date();
        Self(i64::from(date.year()) * 12 + i64::from(date.month()) - 1)
    }

    /// Whether this is the month of jobs whose start is unknown.
    pub fn is_undated(self) -> bool {
        self.0 == UNDATED
    }

    /// The first `sort_time` after it.
    pub fn end(self) -> i64 {
        match self.is_undated() {
            true => UNDATED + 1,
            false => Self(self.0 + 1).begin().unwrap_or(i64::MAX),
        }
    }

    /// In ms since 1970.
    fn begin(self) -> Option<i64> {
        if self.is_undated() {
            return None;
        }
        let (year, month) = (self.0.div_euclid(12), self.0.rem_euclid(12) + 1);
        let first = date(year.try_into().ok()?, month.try_into().ok()?, 1);
        Some(first.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
    }
}

impl fmt::Display for MonthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_undated() {
            true => f.write_str("unknown"),
            false => write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1),
        }
    }
}

impl Month {
    /// Packs facts. They must be in the order of start and id, and all of that printer and month.
    pub fn pack(printer_id: PrinterId, month: MonthKey, facts: &[Fact]) -> Self {
        let begin = month.begin();
        let mut columns = [const { Vec::new() }; FIELDS];
        for fact in facts {
            for (column, number) in columns.iter_mut().zip(numbers(fact, begin.unwrap_or(0))) {
                column.push(number);
            }
        }
        Self::new(printer_id, begin, facts.len(), &columns)
    }

    fn new(printer_id: PrinterId, begin: Option<i64>, len: usize, columns: &[Vec<u64>; FIELDS]) -> Self {
        let mut month = Self {
            printer_id,
            begin,
            first_start: i64::MAX,
            last_end: i64::MIN,
            busy: 0,
            len,
            columns: columns.each_ref().map(|numbers| Column::of(numbers)),
            counts: OnceLock::new(),
        };
        let mut busy = Busy::within(i64::MIN, i64::MAX);
        for index in 0..len {
            let row = month.row(index);
            if let Some(start) = row.start() {
                let length = row.total().unwrap_or(0);
                busy.add(start, length);
                month.first_start = month.first_start.min(start);
                month.last_end = month.last_end.max(start.saturating_add_unsigned(length));
            }
        }
        month.busy = busy.busy();
        month
    }

    /// The bytes that are stored.
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

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. `None` if it is something else.
    pub fn from_bytes(printer_id: PrinterId, month: MonthKey, mut bytes: &[u8]) -> Option<Self> {
        let len = usize::try_from(read_number(&mut bytes)?).ok()?;
        if len > bytes.len() {
            return None;
        }
        let mut columns = [const { Vec::new() }; FIELDS];
        for column in &mut columns {
            column.reserve_exact(len);
            for _ in 0..len {
                column.push(read_number(&mut bytes)?);
            }
        }
        let known = columns[2]
            .iter()
            .all(|code| (code >> 1) < JobStatus::ALL.len() as u64);
        (known && bytes.is_empty()).then(|| Self::new(printer_id, month.begin(), len, &columns))
    }

    /// The printer.
    pub fn printer_id(&self) -> PrinterId {
        self.printer_id
    }

    /// Number of jobs.
    pub fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_undated(&self) -> bool {
        self.begin.is_none()
    }

    /// Where it begins, in ms since 1970. `None` if the starts are unknown.
    pub(crate) fn begin(&self) -> Option<i64> {
        self.begin
    }

    #[inline]
    pub(crate) fn row(&self, index: usize) -> Row<'_> {
        Row { month: self, index }
    }

    /// All jobs, in the order of start and id.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = Row<'_>> {
        (0..self.len).map(|index| self.row(index))
    }

    /// Jobs of each profile by status, counted once.
    pub(crate) fn counts(&self) -> &[ProfileCounts] {
        self.counts.get_or_init(|| {
            let mut counts: BTreeMap<Option<u32>, [u32; JobStatus::ALL.len()]> = BTreeMap::new();
            for row in self.rows() {
                counts.entry(row.profile()).or_default()[row.status() as usize] += 1;
            }
            counts.into_iter().collect()
        })
    }

    /// The job, if it is one of them.
    pub(crate) fn find(&self, id: JobId, start: Option<i64>) -> Option<Row<'_>> {
        let first = match start.zip(self.starts()) {
            Some((start, (first, last))) if (first..=last).contains(&start) => self.first_from(start),
            None if start.is_none() && self.is_undated() => 0,
            _ => return None,
        };
        (first..self.len)
            .map(|index| self.row(index))
            .take_while(|row| row.start() == start)
            .find(|row| row.id() == id)
    }

    /// First and last start. `None` if they are unknown, or there are no jobs.
    pub(crate) fn starts(&self) -> Option<(i64, i64)> {
        let last = self.len.checked_sub(1)?;
        Some((self.row(0).start()?, self.row(last).start()?))
    }

    /// All jobs, unpacked.
    pub fn facts(&self) -> impl Iterator<Item = Fact> {
        self.rows().map(Row::fact)
    }

    /// Start and length of its jobs, where known.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (i64, u64)> {
        self.rows().filter_map(|row| Some((row.start()?, row.total()?)))
    }

    /// Shows those of the jobs in `range` that took as much as `known` says, or, if wanted, of which that is unknown.
    pub(crate) fn each_that_took<'a>(
        &'a self,
        amount: Amount,
        range: Range<usize>,
        (known, with_unknown): (RangeInclusive<u64>, bool),
        mut visit: impl FnMut(Row<'a>),
    ) {
        let column = &self.columns[column_of(amount)];
        if with_unknown {
            column.each_within(range.clone(), 0..=0, |index| visit(self.row(index)));
        }
        column.each_within(range, known, |index| visit(self.row(index)));
    }

    /// Index of the first job that starts at `time` or later. All starts of a month without them are before any time.
    pub(crate) fn first_from(&self, time: i64) -> usize {
        let Some(begin) = self.begin else { return self.len };
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = usize::midpoint(low, high);
            if begin + self.columns[1].get(middle).cast_signed() < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

impl Row<'_> {
    #[inline]
    fn number(self, column: usize) -> u64 {
        self.month.columns[column].get(self.index)
    }

    pub(crate) fn printer_id(self) -> PrinterId {
        self.month.printer_id
    }

    pub(crate) fn id(self) -> JobId {
        JobId(self.number(0).cast_signed())
    }

    #[inline]
    pub(crate) fn start(self) -> Option<i64> {
        let begin = self.month.begin?;
        Some(begin + self.number(1).cast_signed())
    }

    #[inline]
    pub(crate) fn status(self) -> JobStatus {
        JobStatus::ALL[(self.number(2) >> 1) as usize]
    }

    /// Number of the material profile.
    #[inline]
    pub fn profile(self) -> Option<u32> {
        number_of(self.number(3))
    }

    /// Number of the file name.
    #[inline]
    pub fn file(self) -> Option<u32> {
        number_of(self.number(4))
    }

    pub(crate) fn cause(self) -> Option<u32> {
        number_of(self.number(5))
    }

    #[inline]
    pub(crate) fn amount(self, amount: Amount) -> Option<u64> {
        amount_of(self.number(column_of(amount)))
    }

    #[inline]
    pub(crate) fn print(self) -> Option<u64> {
        amount_of(self.number(6))
    }

    #[inline]
    pub(crate) fn total(self) -> Option<u64> {
        amount_of(self.number(7))
    }

    #[inline]
    pub(crate) fn length(self) -> Option<u64> {
        amount_of(self.number(8))
    }

    #[inline]
    pub(crate) fn weight(self) -> Option<u64> {
        amount_of(self.number(9))
    }

    #[inline]
    pub(crate) fn estimate(self) -> Option<u64> {
        amount_of(self.number(10))
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
            weight_is_estimated: self.number(2) & 1 == 1,
            estimate: self.estimate(),
            cost: amount_of(self.number(11)),
        }
    }
}

impl Column {
    #[expect(clippy::cast_possible_truncation, reason = "the widest fits")]
    fn of(numbers: &[u64]) -> Self {
        let base = numbers.iter().min().copied().unwrap_or(0);
        let most = numbers.iter().max().copied().unwrap_or(0);
        let numbers = numbers.iter().map(|number| number - base);
        let deltas = match most - base {
            0 => Deltas::Byte(Vec::new()),
            1..=0xff => Deltas::Byte(numbers.map(|number| number as u8).collect()),
            0x100..=0xffff => Deltas::Short(numbers.map(|number| number as u16).collect()),
            0x1_0000..=0xff_ffff => {
                let bytes = |number: u64| {
                    let [a, b, c, ..] = number.to_le_bytes();
                    [a, b, c]
                };
                Deltas::Medium(numbers.map(bytes).collect())
            }
            0x100_0000..=0xffff_ffff => Deltas::Narrow(numbers.map(|number| number as u32).collect()),
            _ => Deltas::Wide(numbers.collect()),
        };
        Self { base, deltas }
    }

    /// Shows the places in `range` of the numbers that are `wanted`.
    fn each_within(&self, range: Range<usize>, wanted: RangeInclusive<u64>, mut visit: impl FnMut(usize)) {
        let Some(most) = wanted.end().checked_sub(self.base) else {
            return;
        };
        let wanted = wanted.start().saturating_sub(self.base)..=most;
        let first = range.start;
        match &self.deltas {
            Deltas::Byte(numbers) if numbers.is_empty() => {
                if *wanted.start() == 0 {
                    range.for_each(visit);
                }
            }
            Deltas::Byte(numbers) => among(
                &numbers[range],
                |number| number,
                &wanted,
                u8::MAX,
                |at| visit(first + at),
            ),
            Deltas::Short(numbers) => among(
                &numbers[range],
                |number| number,
                &wanted,
                u16::MAX,
                |at| visit(first + at),
            ),
            Deltas::Medium(numbers) => {
                let wide = |[a, b, c]: [u8; 3]| u32::from_le_bytes([a, b, c, 0]);
                among(&numbers[range], wide, &wanted, u32::MAX, |at| visit(first + at));
            }
            Deltas::Narrow(numbers) => among(
                &numbers[range],
                |number| number,
                &wanted,
                u32::MAX,
                |at| visit(first + at),
            ),
            Deltas::Wide(numbers) => among(
                &numbers[range],
                |number| number,
                &wanted,
                u64::MAX,
                |at| visit(first + at),
            ),
        }
    }

    #[inline]
    fn get(&self, index: usize) -> u64 {
        let deltas = match &self.deltas {
            Deltas::Byte(numbers) => numbers.get(index).map_or(0, |number| u64::from(*number)),
            Deltas::Short(numbers) => numbers.get(index).map_or(0, |number| u64::from(*number)),
            Deltas::Medium(numbers) => numbers
                .get(index)
                .map_or(0, |[a, b, c]| u64::from(u32::from_le_bytes([*a, *b, *c, 0]))),
            Deltas::Narrow(numbers) => numbers.get(index).map_or(0, |number| u64::from(*number)),
            Deltas::Wide(numbers) => numbers.get(index).copied().unwrap_or(0),
        };
        self.base + deltas
    }
}

/// Shows the places of the numbers that are `wanted`. `most` is the largest that a number can be.
#[inline]
fn among<N: Copy, T: Copy + PartialOrd + TryFrom<u64>>(
    numbers: &[N],
    value: impl Fn(N) -> T,
    wanted: &RangeInclusive<u64>,
    most: T,
    mut visit: impl FnMut(usize),
) {
    let Ok(low) = T::try_from(*wanted.start()) else {
        return;
    };
    let high = T::try_from(*wanted.end()).unwrap_or(most);
    let is_wanted = |number: &N| (low <= value(*number)) & (value(*number) <= high);
    for (n, chunk) in numbers.chunks(CHUNK).enumerate() {
        // Most have none, which is told without a branch for each number.
        if chunk.iter().fold(false, |any, number| any | is_wanted(number)) {
            let places = (n * CHUNK..).zip(chunk);
            places
                .filter(|(_, number)| is_wanted(number))
                .for_each(|(at, _)| visit(at));
        }
    }
}

fn column_of(amount: Amount) -> usize {
    match amount {
        Amount::PrintDuration => 6,
        Amount::TotalDuration => 7,
        Amount::FilamentUsed => 8,
    }
}

/// What is unknown is 0, what is known one more than it is.
fn numbers(fact: &Fact, begin: i64) -> [u64; FIELDS] {
    let amount = |amount: Option<u64>| amount.map_or(0, |amount| amount.saturating_add(1));
    let number = |number: Option<u32>| number.map_or(0, |number| u64::from(number) + 1);
    [
        fact.id.0.cast_unsigned(),
        fact.start.map_or(0, |start| (start - begin).cast_unsigned()),
        (fact.status as u64) << 1 | u64::from(fact.weight_is_estimated),
        number(fact.profile),
        number(fact.file),
        number(fact.cause),
        amount(fact.print),
        amount(fact.total),
        amount(fact.length),
        amount(fact.weight),
        amount(fact.estimate),
        amount(fact.cost),
    ]
}

#[inline]
fn amount_of(number: u64) -> Option<u64> {
    number.checked_sub(1)
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "was an u32")]
fn number_of(number: u64) -> Option<u32> {
    number.checked_sub(1).map(|number| number as u32)
}

/// LEB128: seven bits a byte, the lowest first.
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
        }
    }

    #[test]
    fn facts_come_back_as_they_were() {
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
        assert_eq!(packed.row(0).fact(), fact(4, None));
        assert_eq!(packed.first_from(i64::MIN), 1);
    }

    #[test]
    fn months_are_those_of_utc_before_1970_too() {
        for (time, month) in [(0, 1970 * 12), (-1, 1970 * 12 - 1), (-62_198_755_200_000, -12)] {
            assert_eq!(MonthKey::of(Some(time)), MonthKey(month));
            let packed = Month::pack(PrinterId(7), MonthKey(month), &[fact(1, Some(time))]);
            assert_eq!(packed.row(0).start(), Some(time));
        }
    }
}

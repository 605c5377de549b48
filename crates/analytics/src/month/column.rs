//! A column of numbers, stored in as few bytes as the range of its values allows.

use std::ops::{Range, RangeInclusive};

/// Numbers stored as a base and differences to it. Values that differ by up to 255 take one byte each.
#[derive(Debug)]
pub(crate) struct Column {
    base: u64,
    deltas: Deltas,
}

/// Differences to the base, in the narrowest type that fits all of them. Empty if all are zero.
#[derive(Debug)]
enum Deltas {
    Byte(Vec<u8>),
    Short(Vec<u16>),
    /// Little-endian.
    Medium(Vec<[u8; 3]>),
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

/// How many numbers are compared without a branch between them, which the compiler turns into SIMD.
const CHUNK: usize = 64;

impl Column {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each difference fits the type chosen for the largest"
    )]
    pub(crate) fn of(numbers: &[u64]) -> Self {
        let base = numbers.iter().min().copied().unwrap_or(0);
        let largest = numbers.iter().max().map_or(0, |largest| largest - base);
        let deltas = numbers.iter().map(|number| number - base);
        let deltas = match largest {
            0 => Deltas::Byte(Vec::new()),
            1..=0xff => Deltas::Byte(deltas.map(|delta| delta as u8).collect()),
            0x100..=0xffff => Deltas::Short(deltas.map(|delta| delta as u16).collect()),
            0x1_0000..=0xff_ffff => {
                let bytes = |delta: u64| {
                    let [a, b, c, ..] = delta.to_le_bytes();
                    [a, b, c]
                };
                Deltas::Medium(deltas.map(bytes).collect())
            }
            0x100_0000..=0xffff_ffff => Deltas::Narrow(deltas.map(|delta| delta as u32).collect()),
            _ => Deltas::Wide(deltas.collect()),
        };
        Self { base, deltas }
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        match &self.deltas {
            Deltas::Byte(deltas) => deltas.len(),
            Deltas::Short(deltas) => deltas.len() * 2,
            Deltas::Medium(deltas) => deltas.len() * 3,
            Deltas::Narrow(deltas) => deltas.len() * 4,
            Deltas::Wide(deltas) => deltas.len() * 8,
        }
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> u64 {
        let delta = match &self.deltas {
            Deltas::Byte(deltas) => deltas.get(index).map_or(0, |delta| u64::from(*delta)),
            Deltas::Short(deltas) => deltas.get(index).map_or(0, |delta| u64::from(*delta)),
            Deltas::Medium(deltas) => deltas
                .get(index)
                .map_or(0, |[a, b, c]| u64::from(u32::from_le_bytes([*a, *b, *c, 0]))),
            Deltas::Narrow(deltas) => deltas.get(index).map_or(0, |delta| u64::from(*delta)),
            Deltas::Wide(deltas) => deltas.get(index).copied().unwrap_or(0),
        };
        self.base + delta
    }

    /// Visits the indices in `range` whose numbers are in `wanted`.
    pub(crate) fn each_within(
        &self,
        range: Range<usize>,
        wanted: RangeInclusive<u64>,
        mut visit: impl FnMut(usize),
    ) {
        let Some(high) = wanted.end().checked_sub(self.base) else {
            return;
        };
        let wanted = wanted.start().saturating_sub(self.base)..=high;
        let first = range.start;
        let visit_at = |at: usize| visit(first + at);
        match &self.deltas {
            Deltas::Byte(deltas) if deltas.is_empty() => {
                if *wanted.start() == 0 {
                    range.for_each(visit);
                }
            }
            Deltas::Byte(deltas) => scan(&deltas[range], |delta| delta, &wanted, u8::MAX, visit_at),
            Deltas::Short(deltas) => scan(&deltas[range], |delta| delta, &wanted, u16::MAX, visit_at),
            Deltas::Medium(deltas) => {
                let wide = |[a, b, c]: [u8; 3]| u32::from_le_bytes([a, b, c, 0]);
                scan(&deltas[range], wide, &wanted, u32::MAX, visit_at);
            }
            Deltas::Narrow(deltas) => scan(&deltas[range], |delta| delta, &wanted, u32::MAX, visit_at),
            Deltas::Wide(deltas) => scan(&deltas[range], |delta| delta, &wanted, u64::MAX, visit_at),
        }
    }
}

/// Visits the indices of the numbers in `wanted`. `max` is the largest value of the type.
#[inline]
fn scan<N: Copy, T: Copy + PartialOrd + TryFrom<u64>>(
    numbers: &[N],
    value: impl Fn(N) -> T,
    wanted: &RangeInclusive<u64>,
    max: T,
    mut visit: impl FnMut(usize),
) {
    let Ok(low) = T::try_from(*wanted.start()) else {
        return;
    };
    let high = T::try_from(*wanted.end()).unwrap_or(max);
    let is_wanted = |number: &N| (low <= value(*number)) & (value(*number) <= high);
    for (n, chunk) in numbers.chunks(CHUNK).enumerate() {
        // Most chunks have no match.
        if chunk.iter().fold(false, |any, number| any | is_wanted(number)) {
            let matches = (n * CHUNK..).zip(chunk).filter(|(_, number)| is_wanted(number));
            matches.for_each(|(at, _)| visit(at));
        }
    }
}

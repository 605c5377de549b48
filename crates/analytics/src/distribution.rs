//! Median and quartiles, computed from the count of each value.

use std::collections::BTreeMap;

use crate::memory::HeapSize;

/// The count of each value. Small values, which are the most common, need no search.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Distribution {
    small: Vec<u32>,
    large: BTreeMap<u64, u32>,
    count: u64,
}

/// The values below which a quarter, half, and three quarters of all values lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quartiles {
    /// First quartile.
    pub lower: f64,
    /// Second quartile.
    pub median: f64,
    /// Third quartile.
    pub upper: f64,
}

/// A distribution that needs little memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackedDistribution {
    /// Values with their counts. A count that does not fit is split over several entries.
    small: Box<[(u16, u16)]>,
    large: Box<[(u64, u32)]>,
    count: u64,
}

/// Values from here on are in the map.
const SMALL: u64 = 4096;

impl HeapSize for Distribution {
    fn heap_size(&self) -> usize {
        size_of_val(self.small.as_slice()) + self.large.len() * size_of::<(u64, u32)>()
    }
}

impl HeapSize for PackedDistribution {
    fn heap_size(&self) -> usize {
        size_of_val(&*self.small) + size_of_val(&*self.large)
    }
}

impl Distribution {
    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        self.count += 1;
        if value < SMALL {
            if self.small.is_empty() {
                self.small = vec![0; SMALL as usize];
            }
            self.small[value as usize] += 1;
        } else {
            *self.large.entry(value).or_default() += 1;
        }
    }

    /// Adds the values of another distribution.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        if self.small.is_empty() {
            self.small.clone_from(&other.small);
        } else {
            for (mine, more) in self.small.iter_mut().zip(&other.small) {
                *mine += more;
            }
        }
        for (value, count) in &other.large {
            *self.large.entry(*value).or_default() += count;
        }
    }

    /// Adds the values of a packed distribution.
    pub fn merge_packed(&mut self, other: &PackedDistribution) {
        self.count += other.count;
        if self.small.is_empty() && !other.small.is_empty() {
            self.small = vec![0; SMALL as usize];
        }
        for (value, count) in &other.small {
            self.small[usize::from(*value)] += u32::from(*count);
        }
        for (value, count) in &other.large {
            *self.large.entry(*value).or_default() += count;
        }
    }

    /// Packs the distribution.
    #[must_use]
    pub fn pack(&self) -> PackedDistribution {
        let mut small = Vec::new();
        for (value, count) in (0_u16..).zip(&self.small) {
            let mut left = *count;
            while left > 0 {
                let part = u16::try_from(left).unwrap_or(u16::MAX);
                small.push((value, part));
                left -= u32::from(part);
            }
        }
        PackedDistribution {
            small: small.into(),
            large: self.large.iter().map(|(value, count)| (*value, *count)).collect(),
            count: self.count,
        }
    }

    /// Number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The quartiles, interpolated between two values, as in spreadsheets (`QUARTILE.INC`). `None` if there are no
    /// values.
    #[must_use]
    pub fn quartiles(&self) -> Option<Quartiles> {
        let last = self.count.checked_sub(1)?;
        let quartile = |number: u64| {
            let (below, quarters) = (last * number / 4, last * number % 4);
            let low = self.nth(below);
            let high = if quarters == 0 { low } else { self.nth(below + 1) };
            #[expect(clippy::cast_precision_loss, reason = "of a quartile")]
            let (low, high, part) = (low as f64, high as f64, quarters as f64 / 4.0);
            low + (high - low) * part
        };
        Some(Quartiles {
            lower: quartile(1),
            median: quartile(2),
            upper: quartile(3),
        })
    }

    /// The value at this position of the sorted values.
    fn nth(&self, position: u64) -> u64 {
        let small = self.small.iter().enumerate();
        let all = small
            .map(|(value, count)| (value as u64, *count))
            .chain(self.large.iter().map(|(value, count)| (*value, *count)));
        let mut seen = 0;
        for (value, count) in all {
            seen += u64::from(count);
            if seen > position {
                return value;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, proptest};

    use super::*;

    proptest! {
        #[test]
        fn quartiles_are_those_of_the_sorted_values(mut values in vec(0_u64..9000, 1..60)) {
            let mut distribution = Distribution::default();
            for value in &values {
                distribution.add(*value);
            }
            values.sort_unstable();
            let at = |part: f64| {
                let position = (values.len() - 1) as f64 * part;
                let (low, high) = (values[position.floor() as usize], values[position.ceil() as usize]);
                low as f64 + (high - low) as f64 * position.fract()
            };
            let expected = Quartiles { lower: at(0.25), median: at(0.5), upper: at(0.75) };
            assert_eq!(distribution.quartiles(), Some(expected));
        }
    }

    #[test]
    fn packing_loses_nothing() {
        let mut distribution = Distribution::default();
        for value in (0..200_000).map(|n| n % 3).chain([SMALL - 1, SMALL, u64::MAX]) {
            distribution.add(value);
        }
        let mut unpacked = Distribution::default();
        unpacked.merge_packed(&distribution.pack());
        assert_eq!(unpacked, distribution);
        unpacked.merge_packed(&distribution.pack());
        distribution.merge(&distribution.clone());
        assert_eq!(unpacked, distribution);
        assert_eq!(Distribution::default().pack(), PackedDistribution::default());
    }

    #[test]
    fn of_nothing_there_are_none() {
        assert_eq!(Distribution::default().quartiles(), None);
    }
}

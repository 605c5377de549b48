//! The memory budget: packed months and the figures computed from them, each in a cache that evicts the least recently
//! used entries.

use std::{
    any::Any,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::PrinterId;
use lru::LruCache;

use crate::{
    Month, MonthKey,
    selection::{Question, Scope},
};

/// Default of the setting `analytics.memory`, in bytes.
pub const DEFAULT_MEMORY: usize = 64_000_000;

/// A version of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MonthRef {
    /// The printer.
    pub printer_id: PrinterId,
    /// The month.
    pub key: MonthKey,
    /// Version of the printer's months in which it was written.
    pub version: i64,
}

/// Reads months that are not in memory.
pub trait MonthSource: std::fmt::Debug + Send + Sync {
    /// The current versions of these months, in any order. Months that no longer exist are omitted.
    ///
    /// # Errors
    /// If the source cannot be read.
    fn read(&self, months: &[MonthRef]) -> Result<Vec<(MonthRef, Month)>, ReadError>;
}

/// Why months could not be read.
pub type ReadError = Box<dyn std::error::Error + Send + Sync>;

/// Approximate number of bytes that a value takes on the heap.
pub(crate) trait HeapSize {
    fn heap_size(&self) -> usize;
}

/// Key of a cached figure.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FigureKey {
    /// Id of a partition, or of all partitions.
    pub(crate) partition: u64,
    pub(crate) scope: Arc<Scope>,
    pub(crate) question: Question,
}

type Figure = Arc<dyn Any + Send + Sync>;

/// The data in memory, within a budget. Text blocks are budgeted here and held by [`TextIndex`](crate::TextIndex).
#[derive(Debug)]
pub(crate) struct Memory {
    months: Mutex<Lru<MonthRef, Arc<Month>>>,
    figures: Mutex<Lru<FigureKey, Figure>>,
}

/// The text index's share of a budget: half is for packed months, and a quarter each for figures and for the text
/// index.
pub(crate) fn text_share(budget: usize) -> usize {
    budget / 4
}

impl Memory {
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            months: Mutex::new(Lru::new(budget / 2)),
            figures: Mutex::new(Lru::new(budget / 4)),
        }
    }

    pub(crate) fn month(&self, month: &MonthRef) -> Option<Arc<Month>> {
        lock(&self.months).get(month).cloned()
    }

    pub(crate) fn keep_month(&self, key: MonthRef, month: Arc<Month>) {
        let size = month.bytes();
        lock(&self.months).insert(key, month, size);
    }

    pub(crate) fn forget_month(&self, key: &MonthRef) {
        lock(&self.months).remove(key);
    }

    /// Capacity for months in bytes.
    pub(crate) fn months_capacity(&self) -> usize {
        lock(&self.months).capacity
    }

    pub(crate) fn figure<T: Send + Sync + 'static>(&self, key: &FigureKey) -> Option<Arc<T>> {
        let figure = lock(&self.figures).get(key).cloned()?;
        figure.downcast().ok()
    }

    pub(crate) fn keep_figure<T: HeapSize + Send + Sync + 'static>(&self, key: FigureKey, figure: Arc<T>) {
        let size = figure.heap_size() + size_of::<T>() + size_of::<FigureKey>() + key.question.heap_size();
        lock(&self.figures).insert(key, figure, size);
    }

    /// Bytes of months and of figures.
    pub(crate) fn used(&self) -> (usize, usize) {
        (lock(&self.months).used, lock(&self.figures).used)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Values with sizes. The least recently used ones are evicted to stay within a capacity.
#[derive(Debug)]
struct Lru<K: Hash + Eq, V> {
    values: LruCache<K, (V, usize)>,
    used: usize,
    capacity: usize,
}

impl<K: Hash + Eq, V> Lru<K, V> {
    fn new(capacity: usize) -> Self {
        Self {
            values: LruCache::unbounded(),
            used: 0,
            capacity,
        }
    }

    fn get(&mut self, key: &K) -> Option<&V> {
        self.values.get(key).map(|(value, _)| value)
    }

    /// A value larger than the capacity is not kept.
    fn insert(&mut self, key: K, value: V, size: usize) {
        if size > self.capacity {
            self.remove(&key);
            return;
        }
        if let Some((_, (_, replaced))) = self.values.push(key, (value, size)) {
            self.used -= replaced;
        }
        self.used += size;
        while self.used > self.capacity {
            let Some((_, (_, evicted))) = self.values.pop_lru() else {
                break;
            };
            self.used -= evicted;
        }
    }

    fn remove(&mut self, key: &K) {
        if let Some((_, size)) = self.values.pop(key) {
            self.used -= size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_is_evicted() {
        let mut lru = Lru::new(10);
        for key in [1, 2, 3] {
            lru.insert(key, key * 10, 3);
        }
        assert_eq!(lru.get(&1), Some(&10));
        lru.insert(4, 40, 4);
        assert_eq!(
            [1, 2, 3, 4].map(|key| lru.get(&key).copied()),
            [Some(10), None, Some(30), Some(40)]
        );
        assert_eq!(lru.used, 10);
        lru.insert(1, 11, 1);
        assert_eq!((lru.get(&1).copied(), lru.used), (Some(11), 8));
        lru.insert(5, 50, 11);
        assert_eq!((lru.get(&5).is_none(), lru.used), (true, 8));
        lru.remove(&4);
        assert_eq!(lru.used, 4);
    }
}

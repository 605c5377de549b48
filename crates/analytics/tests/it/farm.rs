//! Months of jobs in a map that replaces the database.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use analytics::{
    Fact, MaterialProfile, Month, MonthCache, MonthKey, MonthRef, MonthSource, NewMonths, ReadError,
    Selection,
};
use domain::{JobFilter, JobId, JobStatus, PrinterId};

pub(crate) const MATERIALS: [&str; 2] = ["PLA", "PETG"];

/// The given day in ms since 1970, at some time of the day.
pub(crate) fn day(day: u32) -> i64 {
    1_767_000_000_000 + i64::from(day) * 86_400_000
}

/// Printer, start in days, status, profile and file of a job.
pub(crate) type Values = (u8, Option<u32>, u8, u8, Option<u32>);

/// A job with these values. Its amounts follow from the id, and some are unknown.
pub(crate) fn fact(id: i64, (printer, start, status, profile, file): Values) -> Fact {
    let length = (id as u64 * 7_919) % 5_000;
    Fact {
        id: JobId(id),
        printer_id: PrinterId(printer.into()),
        start: start.map(|start| day(start) + id % 1000),
        status: JobStatus::ALL[usize::from(status)],
        profile: (profile > 0).then_some(u32::from(profile)),
        file,
        cause: (status == 3).then_some(u32::from(profile)),
        print: (id % 5 != 0).then_some(length * 1000),
        total: (id % 7 != 0).then_some(length * 1100),
        length: (id % 3 != 0).then_some(length),
        weight: (id % 4 != 0).then_some(length * 3),
        weight_is_estimated: id % 4 == 1,
        estimate: (id % 2 != 0).then_some(length * 900),
        cost: (id % 6 != 0).then_some(length / 2),
        user: (id % 3 != 0).then_some((id % 4) as u32),
    }
}

/// A cache over months that are kept as bytes.
#[derive(Debug)]
pub(crate) struct Farm {
    cache: MonthCache,
    budget: usize,
    version: i64,
    source: Arc<Bytes>,
}

/// Version and bytes.
type Stored = (i64, Vec<u8>);

#[derive(Debug, Default)]
struct Bytes {
    months: Mutex<BTreeMap<(PrinterId, MonthKey), Stored>>,
    read: AtomicUsize,
    fails: AtomicBool,
}

impl MonthSource for Bytes {
    fn read(&self, months: &[MonthRef]) -> Result<Vec<(MonthRef, Month)>, ReadError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err("the disk is gone".into());
        }
        self.read.fetch_add(months.len(), Ordering::Relaxed);
        let stored = self.months.lock().unwrap();
        let found = months.iter().filter_map(|month| {
            let (version, bytes) = stored.get(&(month.printer_id, month.key))?;
            let current = MonthRef {
                version: *version,
                ..*month
            };
            Some((current, Month::from_bytes(month.printer_id, month.key, bytes)?))
        });
        Ok(found.collect())
    }
}

impl Farm {
    pub(crate) fn of(facts: &[Fact], budget: usize) -> Self {
        let mut farm = Self {
            cache: MonthCache::new(budget),
            budget,
            version: 0,
            source: Arc::default(),
        };
        farm.cache.set_profiles(profiles());
        farm.replace(facts);
        farm
    }

    /// Replaces all jobs of the printers that these facts belong to.
    pub(crate) fn replace(&mut self, facts: &[Fact]) {
        self.version += 1;
        let mut printers: BTreeMap<PrinterId, BTreeMap<MonthKey, Vec<Fact>>> = BTreeMap::new();
        for fact in facts {
            let months = printers.entry(fact.printer_id).or_default();
            months.entry(MonthKey::of(fact.start)).or_default().push(*fact);
        }
        let mut existing = HashMap::new();
        let mut changes = Vec::new();
        for (printer_id, months) in printers {
            existing.insert(printer_id, self.version);
            let months = months.into_iter().map(|(key, mut facts)| {
                facts.sort_by_key(|fact| (fact.start, fact.id));
                let month = Month::pack(printer_id, key, &facts);
                let bytes = (self.version, month.to_bytes());
                self.source
                    .months
                    .lock()
                    .unwrap()
                    .insert((printer_id, key), bytes);
                self.cache.prepare(self.version, month)
            });
            changes.push(NewMonths {
                printer_id,
                version: self.version,
                is_complete: true,
                months: months.collect(),
            });
        }
        self.cache.apply(&existing, changes);
    }

    pub(crate) fn remove_printer(&mut self, printer_id: PrinterId) {
        self.source
            .months
            .lock()
            .unwrap()
            .retain(|(id, _), _| *id != printer_id);
        self.cache.apply(&HashMap::new(), Vec::new());
    }

    pub(crate) fn select(&self, filter: &JobFilter) -> Selection {
        self.cache.select(filter, self.source.clone())
    }

    pub(crate) fn months_read(&self) -> usize {
        self.source.read.load(Ordering::Relaxed)
    }

    pub(crate) fn fail(&self) {
        self.source.fails.store(true, Ordering::Relaxed);
    }

    pub(crate) fn check_budget(&self) {
        let (months, figures) = self.cache.used();
        assert!(months + figures <= self.budget, "{months} + {figures} bytes");
    }
}

/// Profile 3 has no material.
pub(crate) fn profiles() -> HashMap<u32, MaterialProfile> {
    let profile = |material: &str| MaterialProfile {
        filament_type: Some(material.to_owned()),
        ..MaterialProfile::default()
    };
    HashMap::from([
        (1, profile(MATERIALS[0])),
        (2, profile(MATERIALS[1])),
        (3, MaterialProfile::default()),
    ])
}

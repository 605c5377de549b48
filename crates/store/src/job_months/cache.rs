//! The cache of months and of file names. Reads what has changed since the last request, and months that were evicted
//! to keep the memory budget.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use analytics::{
    DEFAULT_MEMORY, Fact, IdSet, MonthCache, MonthRef, MonthSource, NewMonths, ReadError, Selection,
    TextIndex,
};
use domain::JobFilter;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use tokio::{runtime::Handle, sync::OnceCell};

use super::{dictionary, months, spellings::Spellings};
use crate::{
    Error, Result, Store,
    db::{error::Fault, text::folded},
};

/// The index of file names. Empty until the first search.
pub(crate) type FileNames = Arc<OnceCell<RwLock<TextIndex>>>;

/// The cached months and file names.
#[derive(Debug)]
pub(crate) struct JobMonthCache {
    months: MonthCache,
    /// File names. Replaced when all months are read again, because files may then have other numbers.
    names: FileNames,
    /// Files whose names may be missing.
    unnamed: IdSet,
    /// Causes and users, by number.
    words: HashMap<u32, String>,
}

/// Maximum number of jobs in the months that are decoded at once.
const JOBS_AT_ONCE: i64 = 200_000;

impl Store {
    /// Limits the memory for packed months, figures and file names. Call it before the first request.
    #[must_use]
    pub fn with_analytics_memory(mut self, bytes: usize) -> Self {
        self.month_cache = Arc::new(JobMonthCache::new(bytes).into());
        self
    }

    /// The texts (file names, causes, users) that facts refer to by number.
    pub async fn job_texts(&self, numbers: impl IntoIterator<Item = u32>) -> Result<HashMap<u32, String>> {
        let numbers: Vec<u32> = numbers.into_iter().collect();
        let numbers = &numbers;
        self.read("read the names of files and causes", |db| async move {
            dictionary::texts(&db, numbers).await
        })
        .await
    }

    /// Selects the ended jobs by the parts of the filter that months contain, and adds the `running` ones. With
    /// `needs_names`, the index of file names is complete. The returned filter has every stored spelling of its values,
    /// except reasons.
    pub(crate) async fn select_months(
        &self,
        db: &DatabaseConnection,
        filter: &JobFilter,
        running: &[Fact],
        needs_names: bool,
    ) -> Result<(Selection, FileNames, JobFilter), Fault> {
        if needs_names {
            // Read before the lock is taken, because the first read takes long.
            self.read_names(db).await?;
        }
        let source = Arc::new(Months {
            store: self.clone(),
            runtime: Handle::current(),
        });
        let mut cache = self.month_cache.lock().await;
        cache.refresh(db, running).await?;
        if needs_names {
            cache.learn_names(db).await?;
        }
        let spellings = cache.spellings();
        let filter = spellings.complete(filter);
        let selection = cache.months.select(&filter, source);
        let selection = selection
            .with_running(running)
            .with_words(spellings.numbers(&filter))
            .with_currency(self.currency.get());
        Ok((selection, cache.names.clone(), filter))
    }

    /// Reads the index of file names if it is empty.
    pub(crate) async fn read_names(&self, db: &DatabaseConnection) -> Result<(), Fault> {
        let (names, share) = {
            let cache = self.month_cache.lock().await;
            (cache.names.clone(), cache.months.text_share())
        };
        names.get_or_try_init(|| dictionary::index(db, share)).await?;
        Ok(())
    }
}

/// Computes figures over selected jobs on a thread that may block, because months may have to be read.
pub(crate) async fn compute<T: Send + 'static>(
    selection: Selection,
    work: impl FnOnce(&Selection) -> Result<T, ReadError> + Send + 'static,
) -> Result<T, Fault> {
    let done = run_blocking(move || work(&selection)).await?;
    done.map_err(|cause| match cause.downcast::<Error>() {
        Ok(error) => Fault::Store(*error),
        Err(cause) => DbErr::Custom(cause.to_string()).into(),
    })
}

async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|cause| DbErr::Custom(format!("a computation ended early: {cause}")).into())
}

/// Reads months from the database. Only for threads that may block.
#[derive(Debug)]
struct Months {
    store: Store,
    runtime: Handle,
}

impl MonthSource for Months {
    fn read(&self, refs: &[MonthRef]) -> Result<Vec<(MonthRef, analytics::Month)>, ReadError> {
        let reading = self.store.read("read the aggregates", |db| async move {
            months::read(&db, refs).await
        });
        Ok(self.runtime.block_on(reading)?)
    }
}

impl Default for JobMonthCache {
    fn default() -> Self {
        Self::new(DEFAULT_MEMORY)
    }
}

impl JobMonthCache {
    fn new(budget: usize) -> Self {
        Self {
            months: MonthCache::new(budget),
            names: Arc::default(),
            unnamed: IdSet::default(),
            words: HashMap::new(),
        }
    }

    /// Values in use that filters select by their text.
    fn spellings(&self) -> Spellings<'_> {
        let profiles = || self.months.profiles().values();
        Spellings {
            filament_types: profiles()
                .filter_map(|profile| profile.filament_type.as_deref())
                .collect(),
            slicers: profiles()
                .filter_map(|profile| profile.slicer.as_deref())
                .collect(),
            words: self
                .words
                .iter()
                .map(|(number, word)| (*number, word.as_str()))
                .collect(),
        }
    }

    /// The filter with every stored spelling of its values, except reasons.
    pub(crate) async fn spelled(
        &mut self,
        db: &impl ConnectionTrait,
        filter: &JobFilter,
        running: &[Fact],
    ) -> Result<JobFilter, Fault> {
        self.refresh(db, running).await?;
        Ok(self.spellings().complete(filter))
    }

    /// Reads the months that have changed, and the texts and profiles that only `running` jobs refer to.
    async fn refresh(&mut self, db: &impl ConnectionTrait, running: &[Fact]) -> Result<(), Fault> {
        let current = months::versions(db).await?;
        let mut changes = Vec::new();
        let mut new_profiles = false;
        let mut files = IdSet::default();
        let mut words = HashSet::new();
        for (id, version) in &current {
            let known = self.months.version(*id);
            // A lower version: the database was restored to an earlier state.
            let since = if known > *version { 0 } else { known };
            if since == *version {
                continue;
            }
            let mut new_months = Vec::new();
            // In parts: decoded, a month takes many times its packed size.
            for refs in batches(months::newer(db, *id, since).await?) {
                for (month_ref, month) in months::read(db, &refs).await? {
                    for job in month.jobs() {
                        job.file().into_iter().for_each(|file| files.insert(file));
                        let is_new = |word: &u32| since == 0 || !self.words.contains_key(word);
                        words.extend([job.cause(), job.user()].into_iter().flatten().filter(is_new));
                        new_profiles |= job
                            .profile()
                            .is_some_and(|number| !self.months.knows_profile(number));
                    }
                    new_months.push(self.months.prepare(month_ref.version, month));
                }
            }
            changes.push(NewMonths {
                printer_id: *id,
                version: *version,
                is_complete: since == 0,
                months: new_months,
            });
        }
        for fact in running {
            let is_new = |word: &u32| !self.words.contains_key(word);
            words.extend([fact.cause, fact.user].into_iter().flatten().filter(is_new));
            new_profiles |= fact
                .profile
                .is_some_and(|number| !self.months.knows_profile(number));
        }
        if new_profiles {
            self.months.set_profiles(dictionary::profiles(db).await?);
        }
        let words: Vec<u32> = words.into_iter().collect();
        let words = dictionary::texts(db, &words).await?;
        // Nothing below can fail or wait, so all parts of the cache change together.
        if changes
            .iter()
            .any(|change| change.is_complete && self.months.version(change.printer_id) > 0)
        {
            self.names = Arc::default();
        }
        // Their names are read only when a search needs them.
        files.iter().for_each(|file| self.unnamed.insert(file));
        self.words.extend(words);
        self.months.apply(&current, changes);
        Ok(())
    }

    /// Reads the names of new files.
    async fn learn_names(&mut self, db: &impl ConnectionTrait) -> Result<(), Fault> {
        let share = self.months.text_share();
        let names = self
            .names
            .get_or_try_init(|| dictionary::index(db, share))
            .await?;
        let unknown: Vec<u32> = {
            let names = names.read().unwrap_or_else(PoisonError::into_inner);
            self.unnamed.iter().filter(|file| !names.knows(*file)).collect()
        };
        let texts = dictionary::texts(db, &unknown).await?;
        // Locked only after the database has answered: searches read it on other threads.
        let mut names = names.write().unwrap_or_else(PoisonError::into_inner);
        for (number, text) in texts {
            names
                .add(number, &folded(&text))
                .map_err(|cause| dictionary::damaged(&cause))?;
        }
        self.unnamed = IdSet::default();
        Ok(())
    }
}

/// Splits months into batches of at most [`JOBS_AT_ONCE`] jobs. A larger month is a batch alone.
fn batches(months: Vec<(MonthRef, i64)>) -> Vec<Vec<MonthRef>> {
    let mut batches: Vec<Vec<MonthRef>> = Vec::new();
    let mut jobs_in_last = i64::MAX;
    for (month, jobs) in months {
        if jobs_in_last.saturating_add(jobs) > JOBS_AT_ONCE {
            batches.push(Vec::new());
            jobs_in_last = 0;
        }
        jobs_in_last += jobs;
        batches.last_mut().into_iter().for_each(|batch| batch.push(month));
    }
    batches
}

/// The files whose names contain the folded `text`. Reads the file names that are not indexed.
pub(crate) async fn files_containing(
    db: &impl ConnectionTrait,
    text: String,
    names: FileNames,
) -> Result<IdSet, Fault> {
    let part = text.clone();
    let indexed = run_blocking(move || match names.get() {
        Some(names) => {
            let names = names.read().unwrap_or_else(PoisonError::into_inner);
            Ok((names.containing(&part)?, names.not_indexed_from()))
        }
        None => Ok((IdSet::default(), None)),
    });
    let (mut files, not_indexed_from) = indexed.await?.map_err(|cause| dictionary::damaged(&cause))?;
    if let Some(first) = not_indexed_from {
        dictionary::each_text(db, first, |number, name| {
            if folded(&name).contains(&text) {
                files.insert(number);
            }
            Ok(true)
        })
        .await?;
    }
    Ok(files)
}

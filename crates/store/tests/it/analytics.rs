//! Compares the figures of the analytics with a model that uses complete jobs only, over random changes, filters and
//! time zones.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use analytics::{
    Bucket, Heatmap, MaterialProfile, ReadError, Selection, Series, Stack, StackKey, Sums, VerdictSums,
    buckets,
};
use domain::{
    Amount, AmountBounds, Cause, Cursor, JobFilter, JobId, JobNotes, JobStatus, ListOrder, PrinterId,
    UNDATED, Verdict,
};
use jiff::{Timestamp, tz::TimeZone};
use rand::{
    RngExt, SeedableRng,
    rngs::StdRng,
    seq::{IndexedRandom, IteratorRandom},
};
use store::{JobDetails, NotesChange, Saved, Store, StoredJob};

use crate::{database::Database, fixtures::*, on_every_engine, totals};

on_every_engine! {
    async fn figures_are_those_of_the_jobs_whatever_happens(db) {
        let printers = [add_printer(&db.store, "a").await, add_printer(&db.store, "b").await];
        // Another process has its own cache. This one has memory for some months and few figures only, so it rereads
        // months often.
        let other = db.open_again().await.unwrap().with_analytics_memory(4_000);
        let mut rng = StdRng::seed_from_u64(20_261_123);
        for round in 0..20 {
            for _ in 0..4 {
                totals::step(&db, &printers, &mut rng).await;
                some_details(&db, &mut rng).await;
                some_verdict(&db, &mut rng).await;
            }
            assert_eq!(db.store.check_aggregates().await.unwrap(), []);
            let model = Model::of(&db.store).await;
            for number in 0..5 {
                // Cached figures of whole months only help if the filter contains nothing but times.
                let filter = match (number, some_filter(&printers, &mut rng)) {
                    (0, _) => JobFilter::default(),
                    (1, JobFilter { since, until, .. }) => JobFilter { since, until, ..JobFilter::default() },
                    (_, filter) => filter,
                };
                model.compare(&db.store, &filter, &mut rng).await;
                model.compare(&other, &filter, &mut rng).await;
            }
            if round % 5 == 4 {
                db.store.rebuild_aggregates().await.unwrap();
                assert_eq!(db.store.check_aggregates().await.unwrap(), []);
                model.compare(&db.store, &JobFilter::default(), &mut rng).await;
            }
        }
        other.close().await.unwrap();
    }

    async fn wrong_aggregates_are_found_and_mended(db) {
        let printer = add_printer(&db.store, "a").await;
        db.store.import_history(printer, &[row("1", "a", 0.0), row("2", "b", 500.0)], None, now()).await.unwrap();
        let jobs = async |store: &Store| all_sums(store).await.jobs();
        assert_eq!(jobs(&db.store).await, 2);
        db.execute("UPDATE print_jobs SET filament_used = 1.5 WHERE job_id = '1'").await;
        let wrong = db.store.check_aggregates().await.unwrap();
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert_eq!(wrong[0].month, "2026-05");
        assert_eq!(db.store.rebuild_aggregates().await.unwrap(), 2);
        assert_eq!(db.store.check_aggregates().await.unwrap(), []);
        Model::of(&db.store).await.compare(&db.store, &JobFilter::default(), &mut StdRng::seed_from_u64(1)).await;

        // Corrupt bytes are reported, do not block recording, and are repaired by it.
        db.execute("UPDATE job_months SET facts = 'nonsense', version = version + 1").await;
        db.execute("UPDATE job_totals SET facts_version = facts_version + 1").await;
        let error = db.store.analyze(&JobFilter::default(), |_| Ok(())).await.unwrap_err();
        assert!(format!("{error:?}").contains("rebuild-aggregates"), "{error:?}");
        db.store.import_history(printer, &[row("3", "c", 900.0)], None, now()).await.unwrap();
        assert_eq!(jobs(&db.store).await, 3);
        assert_eq!(db.store.check_aggregates().await.unwrap(), []);
    }

    async fn jobs_of_an_earlier_version_are_counted(db) {
        let printer = add_printer(&db.store, "a").await;
        db.store.import_history(printer, &[row("1", "a", 0.0), row("2", "b", 500.0)], None, now()).await.unwrap();
        // The state after a migration.
        db.execute("DELETE FROM job_months").await;
        db.execute("UPDATE job_totals SET facts_format = 0, facts_version = 0").await;
        let store = db.open_again().await.unwrap();
        assert_eq!(all_sums(&store).await.jobs(), 2);
        assert_eq!(store.check_aggregates().await.unwrap(), []);
        store.close().await.unwrap();
    }

    async fn figures_of_a_deleted_printer_are_gone(db) {
        let printer = add_printer(&db.store, "a").await;
        db.store.import_history(printer, &[row("1", "a", 0.0)], None, now()).await.unwrap();
        assert_eq!(all_sums(&db.store).await.jobs(), 1);
        db.store.delete_printer(printer, true, now()).await.unwrap();
        assert_eq!(all_sums(&db.store).await, Sums::default());
    }

    async fn a_running_job_may_be_the_first_with_its_material(db) {
        let printer = add_printer(&db.store, "a").await;
        db.store.save_job(&running(printer, "a", 0.0), now()).await.unwrap();
        let id = all_jobs(&db.store).await[0].id;
        let details = JobDetails { filament_type: Some("ASA".into()), ..JobDetails::default() };
        db.store.save_job_details(id, &details, now()).await.unwrap();
        let of_asa = JobFilter { filament_types: vec![Some("asa".into())], ..JobFilter::default() };
        for filter in [JobFilter::default(), of_asa] {
            // Read by another process, which has not seen the change.
            let other = db.open_again().await.unwrap();
            let materials = other.analyze(&filter, |jobs| Ok(jobs.groups()?.by_profile(|profile| profile.filament_type.as_ref()))).await;
            let jobs: Vec<_> = materials.unwrap().into_iter().map(|(material, sums)| (material, sums.jobs())).collect();
            assert_eq!(jobs, [(Some("ASA".into()), 1)]);
            assert_eq!(other.list_jobs(&filter, 10, None).await.unwrap().items.len(), 1);
            other.close().await.unwrap();
        }
    }

    async fn checkpoints_of_a_running_job_write_no_month(db) {
        let printer = add_printer(&db.store, "a").await;
        let mut job = running(printer, "a", 0.0);
        db.store.save_job(&job, now()).await.unwrap();
        for total in [20.0, 40.0] {
            job.figures = figures(total);
            db.store.save_progress(&job, now()).await.unwrap();
        }
        assert_eq!(db.column::<i64>("SELECT COUNT(*) FROM job_months").await, [0]);
        let sums = all_sums(&db.store).await;
        assert_eq!((sums.jobs(), sums.total.sum), (1, 40_000));
        job.status = JobStatus::Completed;
        db.store.save_progress(&job, now()).await.unwrap();
        assert_eq!(db.column::<i64>("SELECT jobs FROM job_months").await, [1]);
    }
}

const MATERIALS: [&str; 3] = ["PLA", "PETG", "TPU"];
const SLICERS: [&str; 2] = ["OrcaSlicer", "Cura"];
const ZONES: [&str; 6] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
];

async fn some_details(db: &Database, rng: &mut StdRng) {
    let jobs = all_jobs(&db.store).await;
    let Some(stored) = jobs.choose(rng) else { return };
    let mut maybe = |chance| rng.random_bool(chance);
    let (has_type, has_slicer, is_weighed, is_estimated, has_cost, has_time) = (
        maybe(0.8),
        maybe(0.7),
        maybe(0.8),
        maybe(0.5),
        maybe(0.5),
        maybe(0.8),
    );
    let details = JobDetails {
        filament_type: has_type.then(|| (*MATERIALS.choose(rng).unwrap()).to_owned()),
        filament_color: has_slicer.then(|| "#FF0000".to_owned()),
        slicer: has_slicer.then(|| (*SLICERS.choose(rng).unwrap()).to_owned()),
        grams_per_mm: is_weighed.then_some(0.003),
        weight_source: is_weighed.then(|| {
            if is_estimated {
                "usual_density"
            } else {
                "file_density"
            }
            .to_owned()
        }),
        estimated_length: Some(if has_time { 1000.0 } else { 0.0 }),
        filament_cost: has_cost.then_some(1.25),
        currency: is_estimated.then(|| "EUR".to_owned()),
        estimated_time: has_time.then(|| f64::from(rng.random_range(0..90_000))),
        ..JobDetails::default()
    };
    assert!(
        db.store
            .save_job_details(stored.id, &details, now())
            .await
            .unwrap()
    );
}

async fn some_verdict(db: &Database, rng: &mut StdRng) {
    let jobs = all_jobs(&db.store).await;
    let Some(stored) = jobs.choose(rng) else { return };
    let verdict = Verdict::ALL
        .into_iter()
        .choose(rng)
        .filter(|_| rng.random_bool(0.9));
    let reason = ["Warped", "Stringing"].choose(rng).copied();
    let change = NotesChange {
        verdict: Some(verdict),
        verdict_reason: Some(
            reason
                .filter(|_| verdict.is_some() && rng.random_bool(0.7))
                .map(str::to_owned),
        ),
        ..NotesChange::default()
    };
    let changed = db
        .store
        .change_notes(stored.id, &change, "laptop", now())
        .await
        .unwrap();
    assert!(matches!(changed, store::NotesChanged::Done(_)), "{changed:?}");
}

fn some_filter(printers: &[PrinterId], rng: &mut StdRng) -> JobFilter {
    let mut time = |chance| rng.random_bool(chance).then(|| at(totals::some_start(rng) + 1.0));
    let (since, until) = (time(0.4), time(0.4));
    let number = rng.random_range(0..3);
    let printer_ids = printers.sample(rng, number).copied().collect();
    let number = rng.random_range(0..3);
    let statuses = JobStatus::ALL.sample(rng, number).copied().collect();
    let number = usize::from(rng.random_bool(0.2)) * 2;
    let verdicts = Verdict::ALL.sample(rng, number).copied().collect();
    let some = |rng: &mut StdRng, words: &[&str]| {
        rng.random_bool(0.3)
            .then(|| (*words.iter().choose(rng).unwrap()).to_owned())
    };
    let known = |word: String| (!word.is_empty()).then_some(word);
    JobFilter {
        printer_ids,
        statuses,
        since,
        until,
        text: some(rng, &["A", "b", "c"]),
        filament_types: some(rng, &["PLA", "PETG", "pla"]).map(Some).into_iter().collect(),
        slicers: some(rng, &["orcaslicer", "Cura", ""])
            .map(known)
            .into_iter()
            .collect(),
        causes: some(rng, &["", "ERROR", "klippy_shutdown"])
            .filter(|_| number == 0)
            .map(known)
            .into_iter()
            .collect(),
        print_duration: AmountBounds {
            min: (number == 2).then_some(50_000),
            max: None,
        },
        verdicts,
        verdict_reasons: some(rng, &["warped", ""]).map(known).into_iter().collect(),
        ..JobFilter::default()
    }
}

/// All jobs with their details and notes, and nothing else.
struct Model {
    jobs: Vec<(StoredJob, JobDetails)>,
    notes: HashMap<JobId, JobNotes>,
}

impl Model {
    async fn of(store: &Store) -> Self {
        let mut jobs = Vec::new();
        for stored in all_jobs(store).await {
            let details = store.job_details(stored.id).await.unwrap().unwrap_or_default();
            jobs.push((stored, details));
        }
        let ids: Vec<_> = jobs.iter().map(|(stored, _)| stored.id).collect();
        let notes = store.notes(&ids).await.unwrap();
        Self { jobs, notes }
    }

    fn filtered(&self, filter: &JobFilter) -> Vec<&(StoredJob, JobDetails)> {
        let passes = |(stored, details): &&(StoredJob, JobDetails)| {
            let job = &stored.job;
            let reason = self
                .notes
                .get(&stored.id)
                .and_then(|notes| notes.verdict_reason.clone());
            let searched = [job.filename.clone(), reason];
            (filter.printer_ids.is_empty() || filter.printer_ids.contains(&job.printer_id))
                && (filter.statuses.is_empty() || filter.statuses.contains(&job.status))
                && filter
                    .since
                    .is_none_or(|since| job.start_time.is_some_and(|start| start >= since))
                && filter
                    .until
                    .is_none_or(|until| job.start_time.is_some_and(|start| start < until))
                && filter.text.as_ref().is_none_or(|part| {
                    searched
                        .iter()
                        .flatten()
                        .any(|text| text.to_lowercase().contains(&part.to_lowercase()))
                })
                && includes(&filter.filament_types, details.filament_type.as_deref())
                && includes(&filter.slicers, details.slicer.as_deref())
                && includes(&filter.causes, job.cause.as_ref().map(Cause::as_str))
                && filter.print_duration.allow(milli(job.figures.print_duration))
                && (filter.verdict_reasons.is_empty()
                    || self.notes.get(&stored.id).is_some_and(|notes| {
                        notes.verdict.is_some()
                            && includes(&filter.verdict_reasons, notes.verdict_reason.as_deref())
                    }))
                && (filter.verdicts.is_empty()
                    || self
                        .verdict(stored)
                        .is_some_and(|verdict| filter.verdicts.contains(&verdict)))
        };
        self.jobs.iter().filter(passes).collect()
    }

    async fn compare(&self, store: &Store, filter: &JobFilter, rng: &mut StdRng) {
        let jobs = self.filtered(filter);
        let asked = &Asked { store, filter };
        let sums = asked.ask(|jobs| Ok(jobs.groups()?.sums())).await;
        assert_eq!(
            sums.jobs(),
            store.list_jobs(filter, 1, None).await.unwrap().total,
            "as in the list"
        );
        check_sums(&sums, &jobs);
        for (id, sums) in asked.ask(|jobs| Ok(jobs.groups()?.by_printer())).await {
            let of_printer: Vec<_> = jobs
                .iter()
                .filter(|(stored, _)| stored.job.printer_id == id)
                .copied()
                .collect();
            check_sums(&sums, &of_printer);
        }
        let parts: [(OfProfile, OfDetails); 3] = [
            (
                |profile| profile.filament_type.as_ref(),
                |details| details.filament_type.as_ref(),
            ),
            (
                |profile| profile.slicer.as_ref(),
                |details| details.slicer.as_ref(),
            ),
            (
                |profile| profile.filament_color.as_ref(),
                |details| details.filament_color.as_ref(),
            ),
        ];
        for (of_profile, of_details) in parts {
            let groups = asked
                .ask(move |jobs| Ok(jobs.groups()?.by_profile(of_profile)))
                .await;
            let keys: BTreeSet<_> = jobs
                .iter()
                .map(|(_, details)| of_details(details).cloned())
                .collect();
            assert_eq!(groups.keys().cloned().collect::<BTreeSet<_>>(), keys);
            for (key, sums) in groups {
                let group: Vec<_> = jobs
                    .iter()
                    .filter(|(_, details)| of_details(details) == key.as_ref())
                    .copied()
                    .collect();
                check_sums(&sums, &group);
            }
        }
        let zone = TimeZone::get(ZONES.choose(rng).unwrap()).unwrap();
        check_timeline(asked, &jobs, &zone, *Bucket::ALL.choose(rng).unwrap()).await;
        check_heatmap(asked, &jobs, &zone).await;
        check_estimates(asked, &jobs).await;
        check_files(asked, &jobs).await;
        check_failures(asked, &jobs).await;
        self.check_facets(asked, &jobs).await;
        self.check_verdicts(asked, &jobs).await;
        self.check_busy(asked, rng).await;
        check_pages(asked, &jobs).await;
    }

    fn verdict(&self, stored: &StoredJob) -> Option<Verdict> {
        self.notes.get(&stored.id)?.verdict
    }

    async fn check_facets(&self, asked: &Asked<'_>, jobs: &Jobs<'_>) {
        let (judgements, tagged) = (
            asked.store.judgements().await.unwrap(),
            asked.store.tagged_jobs().await.unwrap(),
        );
        let (facets, materials, reasons, tags) = asked
            .ask(move |jobs| {
                let facets = jobs.facets()?;
                let materials = jobs.facets_by_profile(&facets, |profile| profile.filament_type.as_ref());
                Ok((facets, materials, jobs.reasons(&judgements)?, jobs.tags(&tagged)?))
            })
            .await;
        assert_eq!(facets.jobs, jobs.len() as u64);
        assert_eq!(
            facets.printers,
            counted(jobs.iter().map(|job| job.0.job.printer_id))
        );
        assert_eq!(
            materials,
            counted(jobs.iter().map(|job| job.1.filament_type.clone()))
        );
        let numbers = facets
            .statuses()
            .into_iter()
            .flat_map(|(_, causes)| causes.into_keys());
        let texts = asked.store.job_texts(numbers.flatten()).await.unwrap();
        let mut causes = BTreeMap::new();
        for (status, of_status) in facets.statuses() {
            for (cause, jobs) in of_status {
                causes.insert((status.as_str(), cause.map(|cause| texts[&cause].clone())), jobs);
            }
        }
        let expected = jobs.iter().map(|(stored, _)| {
            (
                stored.job.status.as_str(),
                stored.job.cause.clone().map(String::from),
            )
        });
        assert_eq!(causes, counted(expected));
        let notes = || jobs.iter().filter_map(|(stored, _)| self.notes.get(&stored.id));
        let rated = notes().filter_map(|notes| Some((notes.verdict?, notes.verdict_reason.clone())));
        assert_eq!(reasons, counted(rated));
        assert_eq!(
            tags,
            counted(notes().flat_map(|notes| notes.tags.iter().cloned()))
        );
    }

    async fn check_verdicts(&self, asked: &Asked<'_>, jobs: &Jobs<'_>) {
        let judgements = asked.store.judgements().await.unwrap();
        let found = asked.ask(move |jobs| jobs.verdicts(&judgements)).await;
        let check = |sums: &VerdictSums, is_meant: &dyn Fn(&(StoredJob, JobDetails)) -> bool| {
            let group: Vec<_> = jobs.iter().copied().filter(|job| is_meant(job)).collect();
            let with = |verdict| -> Vec<_> {
                let with = group.iter().filter(|job| self.verdict(&job.0) == verdict);
                with.copied().collect()
            };
            assert_eq!(sums.jobs, group.len() as u64);
            assert_eq!(sums.unjudged(), with(None).len() as u64);
            for verdict in Verdict::ALL {
                assert_eq!(sums.of(verdict), with(Some(verdict)).len() as u64);
            }
            let judged = group.len() - with(None).len();
            let share = (judged > 0).then(|| with(Some(Verdict::Good)).len() as f64 / judged as f64);
            assert_eq!((sums.judged(), sums.good_share()), (judged as u64, share));
            check_sums(&sums.scrap, &with(Some(Verdict::Scrap)));
        };
        check(&found.all, &|_| true);
        for (id, sums) in &found.printers {
            check(sums, &|(stored, _)| stored.job.printer_id == *id);
        }
        for (material, sums) in &found.materials {
            check(sums, &|(_, details)| details.filament_type == *material);
        }
        for (reason, sums) in &found.reasons {
            check(sums, &|(stored, _)| {
                let notes = self.notes.get(&stored.id);
                notes.is_some_and(|notes| notes.verdict.is_some() && notes.verdict_reason == *reason)
            });
        }
        let all =
            |groups: &mut dyn Iterator<Item = &VerdictSums>| groups.map(VerdictSums::judged).sum::<u64>();
        assert_eq!(all(&mut found.reasons.values()), found.all.judged());
        assert_eq!(all(&mut found.printers.values()), found.all.judged());
        assert_eq!(all(&mut found.materials.values()), found.all.judged());
    }

    /// Counts second by second, which is precise enough for the times in the tests.
    async fn check_busy(&self, asked: &Asked<'_>, rng: &mut StdRng) {
        let (since, until) = (
            at(totals::some_start(rng) - 1000.0),
            at(totals::some_start(rng) + f64::from(rng.random_range(1000..60_000))),
        );
        let window = (Some(since.as_millisecond()), until.as_millisecond());
        let found = asked.ask(move |jobs| jobs.busy(window.0, window.1)).await;
        let printers: BTreeSet<PrinterId> = self
            .jobs
            .iter()
            .map(|(stored, _)| stored.job.printer_id)
            .collect();
        for id in printers {
            let wanted = &asked.filter.printer_ids;
            if !wanted.is_empty() && !wanted.contains(&id) {
                assert!(!found.contains_key(&id));
                continue;
            }
            let runs: Vec<(i64, i64)> = self
                .jobs
                .iter()
                .filter(|(stored, _)| stored.job.printer_id == id)
                .filter_map(|(stored, _)| {
                    let start = stored.job.start_time?.as_millisecond();
                    Some((
                        start,
                        start + milli(stored.job.figures.total_duration)?.cast_signed(),
                    ))
                })
                .collect();
            let mut edges: Vec<i64> = runs.iter().flat_map(|(start, end)| [*start, *end]).collect();
            edges.extend([since.as_millisecond(), until.as_millisecond()]);
            edges.retain(|edge| (since.as_millisecond()..=until.as_millisecond()).contains(edge));
            edges.sort_unstable();
            let covered: i64 = edges
                .windows(2)
                .filter(|pair| {
                    runs.iter()
                        .any(|(start, end)| *start <= pair[0] && pair[1] <= *end)
                })
                .map(|pair| pair[1] - pair[0])
                .sum();
            let busy = found.get(&id).map_or(0, analytics::Busy::busy);
            assert_eq!(busy.cast_signed(), covered);
        }
    }
}

fn counted<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    keys.for_each(|key| *counts.entry(key).or_default() += 1);
    counts
}

/// A filter with the database that it is applied to.
struct Asked<'a> {
    store: &'a Store,
    filter: &'a JobFilter,
}

impl Asked<'_> {
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Selection) -> Result<T, ReadError> + Send + 'static,
    ) -> T {
        self.store.analyze(self.filter, work).await.unwrap()
    }

    async fn timeline(&self, bounds: &[i64], stack: Stack) -> Vec<Series> {
        let bounds = bounds.to_vec();
        self.ask(move |jobs| jobs.timeline(&bounds, stack)).await
    }

    async fn heatmap(&self, zone: &TimeZone) -> Heatmap {
        let zone = zone.clone();
        self.ask(move |jobs| jobs.heatmap(&zone)).await
    }
}

async fn all_sums(store: &Store) -> Sums {
    let filter = &JobFilter::default();
    Asked { store, filter }
        .ask(|jobs| Ok(jobs.groups()?.sums()))
        .await
}

/// Checks that pages of three contain all jobs, in each order.
async fn check_pages(asked: &Asked<'_>, jobs: &Jobs<'_>) {
    let amounts = [Amount::PrintDuration, Amount::TotalDuration, Amount::FilamentUsed];
    let by_amount = amounts
        .into_iter()
        .flat_map(|amount| [ListOrder::Most(amount), ListOrder::Least(amount)]);
    for order in by_amount.chain([ListOrder::Newest, ListOrder::Oldest]) {
        let mut places: Vec<Cursor> = jobs.iter().map(|(stored, _)| place(order, stored)).collect();
        places.sort_by(|one, other| order.compare(*one, *other));
        let found = asked.ask(move |jobs| {
            let mut found: Vec<Cursor> = Vec::new();
            loop {
                let page = jobs.first(order, 3, found.last().copied())?;
                found.extend(&page);
                if page.len() < 3 {
                    return Ok(found);
                }
            }
        });
        assert_eq!(found.await, places, "{order:?}");
    }
}

fn place(order: ListOrder, stored: &StoredJob) -> Cursor {
    let figures = &stored.job.figures;
    let amount = |amount| match amount {
        Amount::PrintDuration => figures.print_duration,
        Amount::TotalDuration => figures.total_duration,
        Amount::FilamentUsed => figures.filament_used,
    };
    let value = match order {
        ListOrder::Newest | ListOrder::Oldest => {
            stored.job.start_time.map_or(UNDATED, Timestamp::as_millisecond)
        }
        ListOrder::Most(by) => milli(amount(by)).map_or(-1, u64::cast_signed),
        ListOrder::Least(by) => milli(amount(by)).map_or(i64::MAX, u64::cast_signed),
    };
    Cursor { value, id: stored.id }
}

type OfProfile = fn(&MaterialProfile) -> Option<&String>;
type OfDetails = fn(&JobDetails) -> Option<&String>;
type Jobs<'a> = [&'a (StoredJob, JobDetails)];

fn milli(amount: Option<f64>) -> Option<u64> {
    amount.map(|amount| (amount * 1000.0).round() as u64)
}

fn check_sums(sums: &Sums, jobs: &Jobs<'_>) {
    assert_eq!(sums.jobs(), jobs.len() as u64);
    for status in JobStatus::ALL {
        let number = jobs
            .iter()
            .filter(|(stored, _)| stored.job.status == status)
            .count();
        assert_eq!(sums.of(status), number as u64);
    }
    let known = |amount: &dyn Fn(&(StoredJob, JobDetails)) -> Option<f64>| {
        let amounts: Vec<u64> = jobs.iter().filter_map(|job| milli(amount(job))).collect();
        (amounts.iter().sum::<u64>(), amounts.len() as u64)
    };
    let pair = |total: analytics::Total| (total.sum, total.jobs);
    assert_eq!(
        pair(sums.print),
        known(&|(stored, _)| stored.job.figures.print_duration)
    );
    assert_eq!(
        pair(sums.total),
        known(&|(stored, _)| stored.job.figures.total_duration)
    );
    assert_eq!(
        pair(sums.length),
        known(&|(stored, _)| stored.job.figures.filament_used)
    );
    let weight = |estimated: bool| {
        move |(stored, details): &(StoredJob, JobDetails)| {
            let is_so = (details.weight_source.as_deref() == Some("usual_density")) == estimated;
            let weight = stored.job.figures.filament_used? * details.grams_per_mm?;
            is_so.then_some(weight)
        }
    };
    assert_eq!(pair(sums.weight_known), known(&weight(false)));
    assert_eq!(pair(sums.weight_estimated), known(&weight(true)));
    let cost = known(&|(stored, details)| {
        let planned = details.estimated_length.filter(|planned| *planned > 0.0)?;
        Some(details.filament_cost? * stored.job.figures.filament_used? / planned * 10.0)
    });
    let found = sums
        .costs
        .iter()
        .fold((0, 0), |all, (_, total)| (all.0 + total.sum, all.1 + total.jobs));
    assert_eq!(found, cost);
    let longest = jobs
        .iter()
        .filter_map(|(stored, _)| milli(stored.job.figures.total_duration))
        .max();
    assert_eq!(sums.longest, longest);
    let starts = || {
        jobs.iter()
            .filter_map(|(stored, _)| Some(stored.job.start_time?.as_millisecond()))
    };
    assert_eq!(sums.starts, starts().min().zip(starts().max()));
}

/// Label of a job's bucket, by the calendar of the time zone.
fn label(bucket: Bucket, start: Timestamp, zone: &TimeZone) -> String {
    let zoned = start.to_zoned(zone.clone());
    let date = zoned.date();
    match bucket {
        // The offset distinguishes the two occurrences of a repeated hour.
        Bucket::Hour => format!("{date} {} {}", zoned.hour(), zoned.offset()),
        Bucket::Day => date.to_string(),
        Bucket::Week => format!("{:?}", (date.iso_week_date().year(), date.iso_week_date().week())),
        Bucket::Month => format!("{} {}", date.year(), date.month()),
        Bucket::Year => date.year().to_string(),
    }
}

async fn check_timeline(asked: &Asked<'_>, jobs: &Jobs<'_>, zone: &TimeZone, bucket: Bucket) {
    let (extent, undated) = asked.ask(|jobs| jobs.extent()).await;
    assert_eq!(
        undated,
        jobs.iter()
            .filter(|(stored, _)| stored.job.start_time.is_none())
            .count() as u64
    );
    let Some((first, last)) = extent else {
        assert_eq!(undated, jobs.len() as u64);
        return;
    };
    let instant = |time: i64| Timestamp::from_millisecond(time).unwrap();
    let bounds = buckets(zone, bucket, instant(first), instant(last), 10_000).unwrap();
    let milliseconds: Vec<i64> = bounds.iter().map(|bound| bound.as_millisecond()).collect();
    for stack in Stack::ALL {
        let mut expected: BTreeMap<(StackKey, String), (u64, u64, u64)> = BTreeMap::new();
        for (stored, details) in jobs {
            let job = &stored.job;
            let Some(start) = job.start_time else { continue };
            let key = match stack {
                Stack::Status => StackKey::Status(job.status.as_str()),
                Stack::Printer => StackKey::Printer(job.printer_id),
                Stack::Material => StackKey::Material(details.filament_type.clone()),
            };
            let cell = expected.entry((key, label(bucket, start, zone))).or_default();
            cell.0 += 1;
            cell.1 += milli(job.figures.print_duration).unwrap_or(0);
            cell.2 += milli(job.figures.filament_used).unwrap_or(0);
        }
        let mut found = BTreeMap::new();
        for series in asked.timeline(&milliseconds, stack).await {
            assert_eq!(series.cells.len(), bounds.len() - 1);
            for (cell, start) in series.cells.iter().zip(&bounds).filter(|(cell, _)| cell.jobs > 0) {
                let key = (series.key.clone(), label(bucket, *start, zone));
                assert_eq!(found.insert(key, (cell.jobs, cell.print, cell.length)), None);
            }
        }
        assert_eq!(found, expected, "{bucket} of {zone:?}");
    }
}

async fn check_heatmap(asked: &Asked<'_>, jobs: &Jobs<'_>, zone: &TimeZone) {
    let map = asked.heatmap(zone).await;
    let mut week = [[(0, 0, 0); 24]; 7];
    let mut days: BTreeMap<String, u64> = BTreeMap::new();
    for (stored, _) in jobs {
        let Some(start) = stored.job.start_time else {
            continue;
        };
        let zoned = start.to_zoned(zone.clone());
        let weekday = usize::try_from(zoned.weekday().to_monday_zero_offset()).unwrap();
        let cell = &mut week[weekday][usize::try_from(zoned.hour()).unwrap()];
        cell.0 += 1;
        cell.1 += u64::from(stored.job.status == JobStatus::Completed);
        cell.2 += u64::from(matches!(
            stored.job.status,
            JobStatus::Error | JobStatus::Interrupted
        ));
        *days.entry(zoned.date().to_string()).or_default() += 1;
    }
    assert_eq!(
        map.week
            .map(|hours| hours.map(|cell| (cell.jobs, cell.completed, cell.failed))),
        week
    );
    let date = |day: i64| analytics::LocalClock::date(day).unwrap().to_string();
    let found: BTreeMap<String, u64> = map
        .days
        .iter()
        .map(|(day, cell)| (date(*day), cell.jobs))
        .collect();
    assert_eq!(found, days);
}

async fn check_estimates(asked: &Asked<'_>, jobs: &Jobs<'_>) {
    let found = asked.ask(|jobs| jobs.estimates()).await;
    let mut ratios = Vec::new();
    let mut unknown = 0;
    for (stored, details) in jobs
        .iter()
        .filter(|(stored, _)| stored.job.status == JobStatus::Completed)
    {
        let estimate = details.estimated_time.filter(|estimate| *estimate > 0.0);
        match milli(stored.job.figures.print_duration).zip(estimate) {
            Some((print, estimate)) => ratios.push((print as f64 / estimate).round()),
            None => unknown += 1,
        }
    }
    assert_eq!(found.unknown, unknown);
    assert_eq!(found.all.count(), ratios.len() as u64);
    ratios.sort_by(f64::total_cmp);
    let median = found.all.quartiles().map(|quartiles| quartiles.median);
    let middle = ratios.len() / 2;
    let expected = match ratios.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(ratios[middle]),
        _ => Some(f64::midpoint(ratios[middle - 1], ratios[middle])),
    };
    // The model uses floating-point division, which may round differently.
    assert!(
        median
            .zip(expected)
            .is_none_or(|(median, expected)| (median - expected).abs() <= 1.0),
        "{median:?} {expected:?}"
    );
    assert_eq!(median.is_some(), expected.is_some());
    let of_parts = |count: u64| assert_eq!(count, ratios.len() as u64);
    of_parts(found.printers.values().map(analytics::Distribution::count).sum());
    of_parts(found.materials.values().map(analytics::Distribution::count).sum());
    of_parts(found.slicers.values().map(analytics::Distribution::count).sum());
}

async fn check_files(asked: &Asked<'_>, jobs: &Jobs<'_>) {
    let found = asked.ask(|jobs| jobs.files(100)).await;
    let names = asked
        .store
        .job_texts(found.files.iter().map(|(file, _)| *file))
        .await
        .unwrap();
    let mut expected: BTreeMap<&str, Vec<&(StoredJob, JobDetails)>> = BTreeMap::new();
    for job in jobs {
        if let Some(filename) = &job.0.job.filename {
            expected.entry(filename).or_default().push(job);
        }
    }
    assert_eq!(
        (found.total, found.files.len()),
        (expected.len() as u64, expected.len())
    );
    assert_eq!(
        found.unknown,
        jobs.iter()
            .filter(|(stored, _)| stored.job.filename.is_none())
            .count() as u64
    );
    assert!(
        found
            .files
            .is_sorted_by(|one, other| one.1.jobs() >= other.1.jobs())
    );
    for (file, sums) in &found.files {
        check_sums(sums, &expected[names[file].as_str()]);
    }
    let first: Vec<_> = asked.ask(|jobs| jobs.files(1)).await.files;
    assert_eq!(first.as_slice(), &found.files[..first.len()]);
}

async fn check_failures(asked: &Asked<'_>, jobs: &Jobs<'_>) {
    let found = asked.ask(|jobs| jobs.failures()).await;
    let names = asked
        .store
        .job_texts(found.causes.keys().copied().flatten())
        .await
        .unwrap();
    let mut causes: BTreeMap<Option<String>, u64> = BTreeMap::new();
    let mut hours: BTreeMap<Option<u64>, u64> = BTreeMap::new();
    for (stored, _) in jobs {
        let job = &stored.job;
        if matches!(job.status, JobStatus::Error | JobStatus::Interrupted) {
            *causes.entry(job.cause.clone().map(String::from)).or_default() += 1;
            *hours
                .entry(milli(job.figures.total_duration).map(|total| total / 3_600_000))
                .or_default() += 1;
        }
    }
    let named: BTreeMap<_, _> = found
        .causes
        .iter()
        .map(|(cause, jobs)| (cause.map(|cause| names[&cause].clone()), *jobs))
        .collect();
    assert_eq!(named, causes);
    assert_eq!(found.hours, hours);
    assert_eq!(found.all.failed(), causes.values().sum::<u64>());
}

#[tokio::test]
async fn a_job_that_was_saved_is_seen_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let location = store::Location::Sqlite {
        path: folder.path().join("jobs.db"),
    };
    let store = Store::open(&location).await.unwrap();
    let printer = add_printer(&store, "a").await;
    for n in 0..5 {
        let mut job = known(printer, &n.to_string(), "a", f64::from(n) * 1e6);
        job.status = JobStatus::Completed;
        assert!(matches!(
            store.save_job(&job, now()).await.unwrap(),
            Saved::Inserted(_)
        ));
        let sums = all_sums(&store).await;
        assert_eq!(sums.of(JobStatus::Completed), n as u64 + 1);
    }
    store.close().await.unwrap();
}

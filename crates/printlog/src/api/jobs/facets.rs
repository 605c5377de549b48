//! The values that jobs can be filtered by, with the number of jobs of each.

use std::collections::BTreeMap;

use analytics::{Facets, MaterialProfile, Selection};
use axum::Json;
use domain::{BuiltInReason, JobFilter, PrinterId, Verdict};
use serde::Serialize;
use store::name_key;
use utoipa::ToSchema;

use crate::api::{
    analytics::{compute, printer_names},
    http::{error::ApiResult, query::Query},
    jobs::{FilterParameters, PrinterParameters},
    schema_enums,
    state::Core,
};

/// The values that jobs have. Each list is computed under all filters except its own, so that it shows what another
/// choice would find. The most frequent value comes first; values that differ only in case are counted together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobFacets)]
pub(crate) struct FacetsBody {
    /// Jobs that match all filters.
    jobs: u64,
    printers: Vec<PrinterFacet>,
    /// Failed statuses first.
    statuses: Vec<StatusFacet>,
    materials: Vec<ValueFacet>,
    slicers: Vec<ValueFacet>,
    users: Vec<ValueFacet>,
    verdicts: Vec<VerdictFacet>,
    tags: Vec<ValueFacet>,
}

/// Jobs with a value.
#[derive(Debug, Serialize, ToSchema)]
struct ValueFacet {
    /// The most frequent spelling. `null`: unknown, or not given; an empty filter value selects these jobs.
    value: Option<String>,
    jobs: u64,
}

/// Jobs of a printer.
#[derive(Debug, Serialize, ToSchema)]
struct PrinterFacet {
    printer_id: i64,
    name: String,
    jobs: u64,
}

/// Jobs with a status.
#[derive(Debug, Serialize, ToSchema)]
struct StatusFacet {
    #[schema(value_type = schema_enums::JobStatus)]
    status: &'static str,
    /// Whether the filter value `failed` includes the status.
    failed: bool,
    jobs: u64,
    /// Their causes.
    causes: Vec<ValueFacet>,
}

/// Jobs with a rating.
#[derive(Debug, Serialize, ToSchema)]
struct VerdictFacet {
    /// `null`: not rated.
    #[schema(value_type = Option<schema_enums::JobVerdict>)]
    verdict: Option<&'static str>,
    jobs: u64,
    /// Their reasons; empty for jobs that are not rated.
    reasons: Vec<ReasonFacet>,
}

/// Jobs with a reason for their rating.
#[derive(Debug, Serialize, ToSchema)]
struct ReasonFacet {
    /// The spelling of most jobs. `null`: not given; an empty filter value selects these jobs.
    value: Option<String>,
    /// Stable name of a built-in reason, for translations. `null` otherwise.
    #[schema(value_type = Option<schema_enums::BuiltInReason>)]
    key: Option<&'static str>,
    jobs: u64,
}

/// List the values that jobs can be filtered by
///
/// With the number of jobs of each, under the given filters.
#[utoipa::path(get, path = "/api/jobs/facets", tag = "jobs", params(PrinterParameters, FilterParameters),
    responses((status = 200, body = FacetsBody)))]
pub(crate) async fn get_facets(
    core: Core,
    Query((printers, filter)): Query<(PrinterParameters, FilterParameters)>,
) -> ApiResult<Json<FacetsBody>> {
    let asked = Facetted {
        core,
        filter: filter.of_printers(printers),
    };
    let statuses = asked.without(|filter| {
        filter.statuses.clear();
        filter.causes.clear();
    });
    Ok(Json(FacetsBody {
        jobs: asked.jobs(asked.filter.clone(), |facets| facets.jobs).await?,
        printers: asked.printers().await?,
        statuses: asked.statuses(statuses).await?,
        materials: asked
            .profiles(asked.without(|filter| filter.filament_types.clear()), |profile| {
                profile.filament_type.as_ref()
            })
            .await?,
        slicers: asked
            .profiles(asked.without(|filter| filter.slicers.clear()), |profile| {
                profile.slicer.as_ref()
            })
            .await?,
        users: asked.users().await?,
        verdicts: asked.verdicts().await?,
        tags: asked.tags().await?,
    }))
}

/// A request for facets.
struct Facetted {
    core: Core,
    filter: JobFilter,
}

impl Facetted {
    fn without(&self, clear: impl FnOnce(&mut JobFilter)) -> JobFilter {
        let mut filter = self.filter.clone();
        clear(&mut filter);
        filter
    }

    /// Part of the facets of a filter. The cache of figures makes a repeated filter cheap.
    async fn jobs<T: Send + 'static>(
        &self,
        filter: JobFilter,
        part: impl FnOnce(&Facets) -> T + Send + 'static,
    ) -> ApiResult<T> {
        compute(&self.core, &filter, move |jobs| {
            jobs.facets().map(|facets| part(&facets))
        })
        .await
    }

    async fn printers(&self) -> ApiResult<Vec<PrinterFacet>> {
        let names = printer_names(&self.core).await?;
        let filter = self.without(|filter| filter.printer_ids.clear());
        let counts = self.jobs(filter, |facets| facets.printers.clone()).await?;
        let facet = |(id, jobs): (PrinterId, u64)| {
            let name = names.get(&id)?.clone();
            Some(PrinterFacet {
                printer_id: id.0,
                name,
                jobs,
            })
        };
        let mut printers: Vec<_> = counts.into_iter().filter_map(facet).collect();
        printers.sort_by(|one, other| other.jobs.cmp(&one.jobs).then_with(|| one.name.cmp(&other.name)));
        Ok(printers)
    }

    async fn statuses(&self, filter: JobFilter) -> ApiResult<Vec<StatusFacet>> {
        let counts = self.jobs(filter, Facets::statuses).await?;
        let numbers = counts
            .iter()
            .flat_map(|(_, causes)| causes.keys().copied().flatten());
        let texts = self.core.store.job_texts(numbers).await?;
        let mut statuses: Vec<_> = counts
            .iter()
            .map(|(status, causes)| StatusFacet {
                status: status.as_str(),
                failed: status.has_failed(),
                jobs: causes.values().sum(),
                causes: named(causes, &texts),
            })
            .collect();
        statuses.sort_by_key(|facet| (!facet.failed, std::cmp::Reverse(facet.jobs)));
        Ok(statuses)
    }

    async fn profiles(
        &self,
        filter: JobFilter,
        field: fn(&MaterialProfile) -> Option<&String>,
    ) -> ApiResult<Vec<ValueFacet>> {
        let counts = compute(&self.core, &filter, move |jobs| {
            let facets = jobs.facets()?;
            Ok(jobs.facets_by_profile(&facets, field))
        });
        Ok(values(counts.await?))
    }

    async fn users(&self) -> ApiResult<Vec<ValueFacet>> {
        let filter = self.without(|filter| filter.users.clear());
        let counts = self.jobs(filter, |facets| facets.users.clone()).await?;
        let texts = self
            .core
            .store
            .job_texts(counts.keys().copied().flatten())
            .await?;
        Ok(named(&counts, &texts))
    }

    async fn verdicts(&self) -> ApiResult<Vec<VerdictFacet>> {
        let filter = self.without(|filter| {
            filter.verdicts.clear();
            filter.verdict_reasons.clear();
        });
        let judgements = self.core.store.judgements().await?;
        let (jobs, counts) = compute(&self.core, &filter, move |jobs: &Selection| {
            Ok((jobs.count()?, jobs.reasons(&judgements)?))
        })
        .await?;
        let of = |wanted: Verdict| {
            let reasons = counts.iter().filter(move |((verdict, _), _)| *verdict == wanted);
            let reasons: BTreeMap<_, _> = reasons
                .map(|((_, reason), jobs)| (reason.clone(), *jobs))
                .collect();
            VerdictFacet {
                verdict: Some(wanted.as_str()),
                jobs: reasons.values().sum(),
                reasons: values(reasons).into_iter().map(ReasonFacet::from).collect(),
            }
        };
        let mut facets: Vec<_> = Verdict::ALL
            .into_iter()
            .map(of)
            .filter(|facet| facet.jobs > 0)
            .collect();
        let unrated = jobs.saturating_sub(counts.values().sum());
        if unrated > 0 {
            facets.push(VerdictFacet {
                verdict: None,
                jobs: unrated,
                reasons: Vec::new(),
            });
        }
        Ok(facets)
    }

    async fn tags(&self) -> ApiResult<Vec<ValueFacet>> {
        let filter = self.without(|filter| filter.tags.clear());
        let tagged = self.core.store.tagged_jobs().await?;
        let counts = compute(&self.core, &filter, move |jobs: &Selection| jobs.tags(&tagged)).await?;
        Ok(values(counts.into_iter().map(|(tag, jobs)| (Some(tag), jobs))))
    }
}

fn named(
    counts: &BTreeMap<Option<u32>, u64>,
    texts: &std::collections::HashMap<u32, String>,
) -> Vec<ValueFacet> {
    let text = |number: &Option<u32>| number.and_then(|number| texts.get(&number).cloned());
    values(counts.iter().map(|(number, jobs)| (text(number), *jobs)))
}

/// Counts of values, those that differ in case only added up; the most jobs first.
fn values(counts: impl IntoIterator<Item = (Option<String>, u64)>) -> Vec<ValueFacet> {
    let mut groups: BTreeMap<Option<String>, (u64, ValueFacet)> = BTreeMap::new();
    for (value, jobs) in counts {
        let key = value.as_deref().map(name_key);
        let (most, group) = groups.entry(key).or_insert_with(|| {
            let value = value.clone();
            (0, ValueFacet { value, jobs: 0 })
        });
        group.jobs += jobs;
        if jobs > *most {
            *most = jobs;
            group.value = value;
        }
    }
    let mut values: Vec<_> = groups.into_values().map(|(_, group)| group).collect();
    values.sort_by(|one, other| {
        other
            .jobs
            .cmp(&one.jobs)
            .then_with(|| one.value.cmp(&other.value))
    });
    values
}

impl From<ValueFacet> for ReasonFacet {
    fn from(facet: ValueFacet) -> Self {
        Self {
            key: facet
                .value
                .as_deref()
                .and_then(BuiltInReason::with_text)
                .map(BuiltInReason::as_str),
            value: facet.value,
            jobs: facet.jobs,
        }
    }
}

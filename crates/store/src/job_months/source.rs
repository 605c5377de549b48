//! Reads facts from rows of `print_jobs` and `job_details`.

use std::collections::{HashMap, HashSet};

use analytics::{COST_UNIT, Fact, MaterialProfile, in_thousandths};
use domain::{JobId, PrinterId, USUAL_DENSITY, is_resumed_file, used_cost, used_grams};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, JoinType, Query, SimpleExpr},
};

use super::dictionary;
use crate::db::{
    error::Fault,
    record::{Record, milliseconds},
    tables::{JobDetails, PrintJobs},
    transaction::Tx,
};

/// A fact whose texts have not been replaced by numbers.
pub(crate) struct Source {
    fact: Fact,
    profile: Option<MaterialProfile>,
    file: Option<String>,
    cause: Option<String>,
    user: Option<String>,
}

/// Reads the jobs that meet the condition.
pub(crate) async fn load(db: &impl ConnectionTrait, condition: SimpleExpr) -> Result<Vec<Source>, Fault> {
    let of_job = |column: PrintJobs| (PrintJobs::Table, column);
    let of_details = |column: JobDetails| (JobDetails::Table, column);
    let query = Query::select()
        .columns(
            [
                PrintJobs::Id,
                PrintJobs::PrinterId,
                PrintJobs::StartTime,
                PrintJobs::Status,
                PrintJobs::Filename,
                PrintJobs::Cause,
                PrintJobs::User,
                PrintJobs::PrintDuration,
                PrintJobs::TotalDuration,
                PrintJobs::FilamentUsed,
            ]
            .map(of_job),
        )
        .columns(
            [
                JobDetails::FilamentType,
                JobDetails::FilamentBrand,
                JobDetails::FilamentColor,
                JobDetails::Slicer,
                JobDetails::Currency,
                JobDetails::EstimatedTime,
                JobDetails::GramsPerMm,
                JobDetails::WeightSource,
                JobDetails::EstimatedLength,
                JobDetails::FilamentCost,
            ]
            .map(of_details),
        )
        .from(PrintJobs::Table)
        .join(
            // Most jobs of an import have no details yet, and count all the same.
            JoinType::LeftJoin,
            JobDetails::Table,
            Expr::col(of_details(JobDetails::PrintJobId)).equals(of_job(PrintJobs::Id)),
        )
        .and_where(condition)
        .to_owned();
    let rows = db.query_all(&query).await?;
    rows.iter()
        .map(|row| source(&Record::new(row, "print_jobs", "id")?))
        .collect()
}

/// A column of `print_jobs`.
pub(crate) fn column(column: PrintJobs) -> Expr {
    Expr::col((PrintJobs::Table, column))
}

fn source(record: &Record<'_>) -> Result<Source, Fault> {
    let used: Option<f64> = record.get("filament_used")?;
    let grams_per_mm: Option<f64> = record.get("grams_per_mm")?;
    let weight_source: Option<String> = record.get("weight_source")?;
    let planned: Option<f64> = record.get("estimated_length")?;
    let price: Option<f64> = record.get("filament_cost")?;
    // The slicer's price is for the planned amount; a cancelled print used less.
    let cost = used_cost(price, planned, used);
    let profile = MaterialProfile {
        filament_type: record.get("filament_type")?,
        filament_brand: record.get("filament_brand")?,
        filament_color: record.get("filament_color")?,
        slicer: record.get("slicer")?,
        currency: record.get("currency")?,
    };
    let weight = in_thousandths(used_grams(grams_per_mm, used));
    let filename: Option<String> = record.get("filename")?;
    Ok(Source {
        fact: Fact {
            id: JobId(record.key),
            printer_id: PrinterId(record.get("printer_id")?),
            start: milliseconds(record.time("start_time")?),
            status: record.status()?,
            profile: None,
            file: None,
            cause: None,
            print: in_thousandths(record.get("print_duration")?),
            total: in_thousandths(record.get("total_duration")?),
            length: in_thousandths(used),
            weight,
            weight_is_estimated: weight.is_some() && weight_source.as_deref() == Some(USUAL_DENSITY),
            // The estimate of a resumed file covers the whole print, but the job printed only the rest.
            estimate: match filename.as_deref().is_some_and(is_resumed_file) {
                true => None,
                false => in_thousandths(record.get("estimated_time")?),
            },
            cost: in_thousandths(cost.map(|cost| cost * (COST_UNIT / 1000.0))),
            user: None,
        },
        profile: (profile != MaterialProfile::default()).then_some(profile),
        file: filename,
        cause: record.get("cause")?,
        user: record.get("user")?,
    })
}

/// Replaces texts by numbers. New texts get one.
pub(crate) async fn number_all(tx: &Tx, sources: Vec<Source>) -> Result<Vec<Fact>, Fault> {
    let (texts, profiles) = named(&sources);
    let texts = dictionary::number_all(tx, &texts).await?;
    let profiles = dictionary::number_all(tx, &profiles).await?;
    Ok(numbered(&sources, &texts, &profiles))
}

/// Replaces texts by numbers. A text without a number becomes unknown.
pub(crate) async fn number_known(
    db: &impl ConnectionTrait,
    sources: Vec<Source>,
) -> Result<Vec<Fact>, Fault> {
    let (texts, profiles) = named(&sources);
    let texts = dictionary::find(db, &texts).await?;
    let profiles = dictionary::find(db, &profiles).await?;
    Ok(numbered(&sources, &texts, &profiles))
}

fn named(sources: &[Source]) -> (HashSet<String>, HashSet<MaterialProfile>) {
    let texts = sources
        .iter()
        .flat_map(|source| source.file.iter().chain(&source.cause).chain(&source.user));
    let profiles = sources.iter().filter_map(|source| source.profile.as_ref());
    (texts.cloned().collect(), profiles.cloned().collect())
}

fn numbered(
    sources: &[Source],
    texts: &HashMap<String, u32>,
    profiles: &HashMap<MaterialProfile, u32>,
) -> Vec<Fact> {
    let text = |text: &Option<String>| texts.get(text.as_ref()?).copied();
    let mut facts: Vec<Fact> = sources
        .iter()
        .map(|source| Fact {
            profile: source
                .profile
                .as_ref()
                .and_then(|profile| profiles.get(profile).copied()),
            file: text(&source.file),
            cause: text(&source.cause),
            user: text(&source.user),
            ..source.fact
        })
        .collect();
    facts.sort_unstable_by_key(|fact| (fact.start, fact.id));
    facts
}

//! The table `job_search`: the searchable text of each job, folded, in one column.
//!
//! The table is narrow, so a full scan is fast: a million jobs take about 60 MB. SQLite finds texts of three or more
//! characters in a trigram index, which triggers maintain. Shorter texts and the other engines use a scan.

use std::collections::HashSet;

use analytics::SEPARATOR;
use domain::{JobFilter, JobId};
use sea_orm::{
    ConnectionTrait, DatabaseConnection,
    sea_query::{
        ColumnRef, Expr, ExprTrait, Func, IntoColumnRef, IntoTableRef, Query, SelectStatement, TableRef,
    },
};

use crate::{
    db::{
        dialect::Engine,
        error::Fault,
        tables::{JobNotes, JobSearch, JobSearchTrigrams, JobTags, PrintJobs},
        text::folded,
    },
    jobs::rows::is_open,
};

/// Up to this many matching jobs are selected by id. With more matches, pages fill quickly from any index.
const FEW: usize = 2_000;
/// Minimum number of characters for the trigram index.
const TRIGRAM: usize = 3;

/// Search text of a job with these texts.
pub(crate) fn key<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let texts: Vec<_> = texts.into_iter().flatten().map(folded).collect();
    texts.join(SEPARATOR.encode_utf8(&mut [0; 4]))
}

/// The filter's text, folded.
pub(crate) fn wanted(filter: &JobFilter) -> Option<String> {
    let text = filter.text.as_deref()?;
    (!text.is_empty()).then(|| folded(text))
}

/// Jobs that contain the folded `text` and cannot be found by file name alone: those with notes or tags, and running
/// ones.
pub(crate) async fn noted_or_running(db: &impl ConnectionTrait, text: &str) -> Result<HashSet<JobId>, Fault> {
    let needle = Needle {
        text: text.to_owned(),
        has_trigrams: false,
    };
    let mut jobs = HashSet::new();
    let id = Expr::col((JobSearch::Table, JobSearch::PrintJobId));
    let mut query = Query::select();
    query
        .expr_as(id.clone(), "print_job_id")
        .and_where(needle.is_in_text());
    let joined = |table: TableRef, key: ColumnRef| {
        query
            .clone()
            .from(table)
            .inner_join(JobSearch::Table, id.clone().eq(Expr::col(key)))
            .to_owned()
    };
    let of_notes = joined(
        JobNotes::Table.into_table_ref(),
        (JobNotes::Table, JobNotes::PrintJobId).into_column_ref(),
    );
    let of_tags = joined(
        JobTags::Table.into_table_ref(),
        (JobTags::Table, JobTags::PrintJobId).into_column_ref(),
    );
    let mut of_running = joined(
        PrintJobs::Table.into_table_ref(),
        (PrintJobs::Table, PrintJobs::Id).into_column_ref(),
    );
    of_running.and_where(is_open());
    for query in [of_notes, of_tags, of_running] {
        for row in db.query_all(&query).await? {
            jobs.insert(JobId(row.try_get("", "print_job_id")?));
        }
    }
    Ok(jobs)
}

/// Result of a text search.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// No text was given.
    All,
    /// The ids of the matching jobs.
    Few(Vec<i64>),
    /// Many matches. The search is repeated in each query that needs them.
    Many(Needle),
}

/// A folded search text.
#[derive(Debug, Clone)]
pub(crate) struct Needle {
    text: String,
    has_trigrams: bool,
}

/// Searches all jobs for a text.
pub(crate) async fn look_for(
    db: &DatabaseConnection,
    engine: Engine,
    text: Option<&str>,
) -> Result<Found, Fault> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(Found::All);
    };
    let text = folded(text);
    let has_trigrams = engine == Engine::Sqlite && text.chars().count() >= TRIGRAM;
    let needle = Needle { text, has_trigrams };
    let query = needle.ids().limit(FEW as u64 + 1).to_owned();
    let rows = db.query_all(&query).await?;
    if rows.len() > FEW {
        return Ok(Found::Many(needle));
    }
    let mut ids = Vec::with_capacity(rows.len());
    for row in rows {
        ids.push(row.try_get("", "print_job_id")?);
    }
    Ok(Found::Few(ids))
}

impl Needle {
    /// Selects the ids of all matching jobs, as `print_job_id`.
    pub(crate) fn ids(&self) -> SelectStatement {
        self.select(|id| id, "print_job_id")
    }

    /// Selects the number of matching jobs, as `number`. Not a count over `ids`: MariaDB refuses that when it is run
    /// again.
    pub(crate) fn count(&self) -> SelectStatement {
        self.select(|id| Func::count(id).into(), "number")
    }

    fn select(&self, of_id: impl Fn(Expr) -> Expr, name: &'static str) -> SelectStatement {
        if self.has_trigrams {
            let phrase = format!("\"{}\"", self.text.replace('"', "\"\""));
            return Query::select()
                .expr_as(of_id(Expr::cust("rowid")), name)
                .from(JobSearchTrigrams::Table)
                .and_where(Expr::cust_with_values("job_search_trigrams MATCH ?", [phrase]))
                .to_owned();
        }
        Query::select()
            .expr_as(of_id(Expr::col(JobSearch::PrintJobId)), name)
            .from(JobSearch::Table)
            .and_where(self.is_in_text())
            .to_owned()
    }

    /// Condition that a job matches, for rows that are read anyway.
    pub(crate) fn is_in_job(&self) -> Expr {
        let search = Query::select()
            .expr(Expr::val(1))
            .from(JobSearch::Table)
            .and_where(
                Expr::col((JobSearch::Table, JobSearch::PrintJobId))
                    .equals((PrintJobs::Table, PrintJobs::Id)),
            )
            .and_where(self.is_in_text())
            .to_owned();
        Expr::exists(search)
    }

    /// Condition that the text matches. Unlike LIKE, it has no wildcards.
    fn is_in_text(&self) -> Expr {
        let position = Func::cust("INSTR")
            .arg(Expr::col((JobSearch::Table, JobSearch::Text)))
            .arg(self.text.clone());
        Expr::expr(position).gt(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_found_across_two_texts() {
        let key = key([Some("ABC"), None, Some("d\u{1f}E")]);
        assert_eq!(key, "abc\u{1f}d\u{fffd}e");
        assert!(key.contains(&folded("BC")) && key.contains(&folded("D\u{1f}e")));
        assert!(!key.contains(&folded("c\u{1f}d")));
    }
}

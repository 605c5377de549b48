//! The tables `job_kinds` (material profiles) and `job_texts` (file names, causes and users): shared values with fixed
//! numbers.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::RwLock,
};

use data_encoding::HEXLOWER;
use sea_orm::{
    ConnectionTrait, DbErr, QueryResult,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Order, Query, SimpleExpr},
};
use sha2::{Digest as _, Sha256};

use crate::db::{
    error::Fault,
    tables::{JobKinds, JobTexts},
    text::folded,
    transaction::Tx,
};
use analytics::{Damaged, MaterialProfile, TextIndex};

/// A value of one of these tables, identified by a hash.
pub(crate) trait Entry: Clone + Eq + Hash {
    const TABLE: &'static str;
    fn hash_text(&self) -> String;
    fn columns(&self) -> Vec<(&'static str, SimpleExpr)>;
}

impl Entry for String {
    const TABLE: &'static str = "job_texts";

    fn hash_text(&self) -> String {
        self.clone()
    }

    fn columns(&self) -> Vec<(&'static str, SimpleExpr)> {
        vec![("text", self.clone().into())]
    }
}

impl Entry for MaterialProfile {
    const TABLE: &'static str = "job_kinds";

    fn hash_text(&self) -> String {
        serde_json::json!(fields(self).map(|(_, value)| value)).to_string()
    }

    fn columns(&self) -> Vec<(&'static str, SimpleExpr)> {
        fields(self)
            .map(|(name, value)| (name, value.clone().into()))
            .into()
    }
}

fn fields(profile: &MaterialProfile) -> [(&'static str, &Option<String>); 5] {
    [
        ("filament_type", &profile.filament_type),
        ("filament_brand", &profile.filament_brand),
        ("filament_color", &profile.filament_color),
        ("slicer", &profile.slicer),
        ("currency", &profile.currency),
    ]
}

/// Entries looked up by one statement.
const BATCH: usize = 256;
/// Texts per page when all are read.
const PAGE: u64 = 2_000;

/// The numbers of these entries. Entries without a number are omitted.
pub(crate) async fn find<T: Entry>(
    db: &impl ConnectionTrait,
    entries: &HashSet<T>,
) -> Result<HashMap<T, u32>, Fault> {
    let hashes: HashMap<String, &T> = entries.iter().map(|entry| (hash(entry), entry)).collect();
    let mut found = HashMap::new();
    let all: Vec<&String> = hashes.keys().collect();
    for batch in all.chunks(BATCH) {
        let mut wanted: Vec<String> = batch.iter().map(|hash| (*hash).clone()).collect();
        // Fewer lengths mean fewer prepared statements.
        wanted.resize(wanted.len().next_power_of_two(), wanted[0].clone());
        let query = Query::select()
            .columns(["id", "hash"])
            .from(T::TABLE)
            .and_where(Expr::col("hash").is_in(wanted))
            .to_owned();
        for row in db.query_all(&query).await? {
            // By hash, because a text of 4 KB fits into no index of a server.
            let hash: String = row.try_get("", "hash")?;
            if let Some(entry) = hashes.get(&hash) {
                found.insert((*entry).clone(), number(&row)?);
            }
        }
    }
    Ok(found)
}

/// The numbers of these entries. New entries get one.
pub(crate) async fn number_all<T: Entry>(tx: &Tx, entries: &HashSet<T>) -> Result<HashMap<T, u32>, Fault> {
    let mut found = find(&**tx, entries).await?;
    let mut missing: Vec<(String, &T)> = entries
        .iter()
        .filter(|entry| !found.contains_key(*entry))
        .map(|entry| (hash(entry), entry))
        .collect();
    if missing.is_empty() {
        return Ok(found);
    }
    // In the order of the hashes, so that two transactions that add the same entries do not deadlock.
    missing.sort_by(|one, other| one.0.cmp(&other.0));
    for batch in missing.chunks(BATCH) {
        let mut statement = Query::insert().into_table(T::TABLE).to_owned();
        for (hash, entry) in batch {
            let (names, values): (Vec<_>, Vec<_>) = entry.columns().into_iter().unzip();
            statement
                .columns(["hash"].into_iter().chain(names).map(Alias::new))
                .values_panic([Expr::val(hash.clone())].into_iter().chain(values));
        }
        // The transaction of another printer may have added the same file.
        statement.on_conflict(OnConflict::column("hash").do_nothing_on(["id"]).to_owned());
        tx.execute(&statement).await?;
    }
    let missing = missing.into_iter().map(|(_, entry)| entry.clone()).collect();
    found.extend(find(&**tx, &missing).await?);
    Ok(found)
}

/// The texts with these numbers.
pub(crate) async fn texts(db: &impl ConnectionTrait, numbers: &[u32]) -> Result<HashMap<u32, String>, Fault> {
    let mut texts = HashMap::new();
    for batch in numbers.chunks(BATCH) {
        let query = Query::select()
            .columns([JobTexts::Id, JobTexts::Text])
            .from(JobTexts::Table)
            .and_where(Expr::col(JobTexts::Id).is_in(batch.iter().map(|number| i64::from(*number))))
            .to_owned();
        for row in db.query_all(&query).await? {
            texts.insert(number(&row)?, row.try_get("", "text")?);
        }
    }
    Ok(texts)
}

/// An index of texts, up to this size in bytes.
pub(crate) async fn index(db: &impl ConnectionTrait, bytes: usize) -> Result<RwLock<TextIndex>, Fault> {
    let mut index = TextIndex::new(bytes);
    each_text(db, 0, |number, text| {
        index
            .add(number, &folded(&text))
            .map_err(|cause| damaged(&cause))?;
        Ok(index.not_indexed_from().is_none())
    })
    .await?;
    Ok(RwLock::new(index))
}

/// Visits the texts from this number on, ascending, until `visit` returns `false`.
pub(crate) async fn each_text(
    db: &impl ConnectionTrait,
    first: u32,
    mut visit: impl FnMut(u32, String) -> Result<bool, Fault>,
) -> Result<(), Fault> {
    let mut last = i64::from(first) - 1;
    loop {
        let query = Query::select()
            .columns([JobTexts::Id, JobTexts::Text])
            .from(JobTexts::Table)
            .and_where(Expr::col(JobTexts::Id).gt(last))
            .order_by(JobTexts::Id, Order::Asc)
            .limit(PAGE)
            .to_owned();
        let rows = db.query_all(&query).await?;
        for row in &rows {
            let number = number(row)?;
            last = i64::from(number);
            if !visit(number, row.try_get("", "text")?)? {
                return Ok(());
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
    }
}

pub(crate) fn damaged(cause: &Damaged) -> Fault {
    DbErr::Custom(format!("the names of files in memory are damaged: {cause}")).into()
}

/// All material profiles.
pub(crate) async fn profiles(db: &impl ConnectionTrait) -> Result<HashMap<u32, MaterialProfile>, Fault> {
    let query = Query::select()
        .columns([
            JobKinds::Id,
            JobKinds::FilamentType,
            JobKinds::FilamentBrand,
            JobKinds::FilamentColor,
            JobKinds::Slicer,
            JobKinds::Currency,
        ])
        .from(JobKinds::Table)
        .to_owned();
    let rows = db.query_all(&query).await?;
    rows.iter()
        .map(|row| {
            let text = |column| row.try_get::<Option<String>>("", column);
            let profile = MaterialProfile {
                filament_type: text("filament_type")?,
                filament_brand: text("filament_brand")?,
                filament_color: text("filament_color")?,
                slicer: text("slicer")?,
                currency: text("currency")?,
            };
            Ok((number(row)?, profile))
        })
        .collect()
}

fn number(row: &QueryResult) -> Result<u32, Fault> {
    let id: i64 = row.try_get("", "id")?;
    u32::try_from(id).map_err(|_| DbErr::Custom(format!("there are more than {} entries", u32::MAX)).into())
}

fn hash(entry: &impl Entry) -> String {
    HEXLOWER.encode(&Sha256::digest(entry.hash_text().as_bytes()))
}

//! The table `server_settings`: what users set in the dashboard. The configuration file overrides it.

use std::sync::{Arc, PoisonError, RwLock};

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    Result, Store,
    db::{error::Fault, tables::ServerSettings, text::check_short},
};

/// Name of the row.
const CURRENCY: &str = "currency";

/// Currency of costs whose file names none. Clones share what users set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Currency {
    configured: Option<Arc<str>>,
    stored: Arc<RwLock<Option<Arc<str>>>>,
}

impl Currency {
    /// The configured currency, or else the one that a user has set.
    pub(crate) fn get(&self) -> Option<Arc<str>> {
        let stored = || self.stored.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.configured.clone().or_else(stored)
    }

    fn store(&self, currency: Option<&str>) {
        *self.stored.write().unwrap_or_else(PoisonError::into_inner) = currency.map(Arc::from);
    }
}

impl Store {
    /// Sets the currency of costs whose file names none. `None` leaves it to users.
    #[must_use]
    pub fn with_currency(mut self, currency: Option<&str>) -> Self {
        self.currency.configured = currency.map(Arc::from);
        self
    }

    /// Currency of costs whose file names none. `None` if neither the configuration nor a user has set one.
    #[must_use]
    pub fn currency(&self) -> Option<Arc<str>> {
        self.currency.get()
    }

    /// Stores the currency that a user has set. `None` removes it.
    ///
    /// # Errors
    /// [`Error::TooLong`](crate::Error::TooLong).
    pub async fn set_currency(&self, currency: Option<&str>) -> Result<()> {
        if let Some(currency) = currency {
            check_short("currency", currency)?;
        }
        self.write("store the currency", |tx| async move {
            let is_it = Expr::col(ServerSettings::Name).eq(CURRENCY);
            let remove = Query::delete()
                .from_table(ServerSettings::Table)
                .and_where(is_it)
                .to_owned();
            tx.execute(&remove).await?;
            if let Some(currency) = currency {
                let insert = Query::insert()
                    .into_table(ServerSettings::Table)
                    .columns([ServerSettings::Name, ServerSettings::Value])
                    .values_panic([CURRENCY.into(), currency.into()])
                    .to_owned();
                tx.execute(&insert).await?;
            }
            Ok(())
        })
        .await?;
        self.currency.store(currency);
        Ok(())
    }

    /// Reads what users have set. A server calls it when it takes over the database from another one.
    pub async fn read_settings(&self) -> Result<()> {
        let query = &Query::select()
            .column(ServerSettings::Value)
            .from(ServerSettings::Table)
            .and_where(Expr::col(ServerSettings::Name).eq(CURRENCY))
            .to_owned();
        let stored: Option<String> = self
            .read("read the settings", |db| async move {
                let rows = db.query_all(query).await?;
                let value = rows.first().map(|row| row.try_get("", "value"));
                Ok::<_, Fault>(value.transpose()?)
            })
            .await?;
        self.currency.store(stored.as_deref());
        Ok(())
    }
}

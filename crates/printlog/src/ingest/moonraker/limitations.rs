//! Capabilities that a printer's Moonraker lacks. Kept while the printer is disconnected, and checked again at each
//! connection.

use std::collections::BTreeMap;

use moonraker::{Capability, Limitation, Optional};
use tracing::{info, warn};

use crate::ingest;

/// The missing capabilities and their causes.
#[derive(Debug, Default)]
pub(crate) struct Limitations(BTreeMap<Capability, Limitation>);

/// Problems with rows of the history: values that cannot be read or had to be cut.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowProblems {
    count: u64,
    first: Option<String>,
}

impl RowProblems {
    pub(crate) fn add(&mut self, problem: &impl ToString) {
        self.count += 1;
        self.first.get_or_insert_with(|| problem.to_string());
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn append(&mut self, later: Self) {
        self.count += later.count;
        self.first = self.first.take().or(later.first);
    }

    pub(crate) fn outcome(&self) -> Optional<()> {
        match &self.first {
            None => Ok(()),
            Some(first) => Err(Limitation::of_rows(self.count, first)),
        }
    }
}

impl Limitations {
    /// Records the outcome of an optional call, and returns its result if there is one.
    pub(crate) fn note<T>(&mut self, capability: Capability, outcome: Optional<T>) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.remove(capability);
                Some(value)
            }
            Err(limitation) => {
                self.add(limitation);
                None
            }
        }
    }

    /// Records the missing capabilities; those in `tried` that are not missing become available.
    pub(crate) fn note_all(&mut self, tried: &[Capability], missing: Vec<Limitation>) {
        for capability in tried {
            if missing
                .iter()
                // It was tried and not refused.
                .all(|limitation| limitation.capability != *capability)
            {
                self.remove(*capability);
            }
        }
        missing.into_iter().for_each(|limitation| self.add(limitation));
    }

    pub(crate) fn has(&self, capability: Capability) -> bool {
        self.0.contains_key(&capability)
    }

    pub(crate) fn list(&self) -> Vec<ingest::Limitation> {
        let limitations = self.0.values().map(|limitation| ingest::Limitation {
            capability: limitation.capability.as_str(),
            reason: limitation.to_string(),
            cause: limitation.cause.clone(),
            is_slow: limitation.timed_out,
        });
        limitations.collect()
    }

    /// Logged only when new: a printer that reconnects every minute must not fill the log.
    fn add(&mut self, limitation: Limitation) {
        if !self.has(limitation.capability) {
            warn!(capability = limitation.capability.as_str(), "{limitation}");
        }
        self.0.insert(limitation.capability, limitation);
    }

    fn remove(&mut self, capability: Capability) {
        if self.0.remove(&capability).is_some() {
            info!("the printer now offers the capability `{}`", capability.as_str());
        }
    }
}

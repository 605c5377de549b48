//! What a printer's Moonraker does not offer, as its task found it. Kept while the printer is away, and tried again
//! at each connection.

use std::collections::BTreeMap;

use moonraker::{Capability, Limitation, Optional};
use tracing::{info, warn};

/// What is missing, by capability.
#[derive(Debug, Default)]
pub(super) struct Limitations(BTreeMap<Capability, Limitation>);

impl Limitations {
    /// Notes what an optional call showed, and returns its answer if there is one.
    pub(super) fn note<T>(&mut self, capability: Capability, outcome: Optional<T>) -> Option<T> {
        match outcome {
            Ok(answer) => {
                self.lift(capability);
                Some(answer)
            }
            Err(limitation) => {
                self.add(limitation);
                None
            }
        }
    }

    /// Notes what is missing of `tried`.
    pub(super) fn note_all(&mut self, tried: &[Capability], missing: Vec<Limitation>) {
        for capability in tried {
            if missing
                .iter()
                .all(|limitation| limitation.capability != *capability)
            {
                self.lift(*capability);
            }
        }
        missing.into_iter().for_each(|limitation| self.add(limitation));
    }

    pub(super) fn has(&self, capability: Capability) -> bool {
        self.0.contains_key(&capability)
    }

    pub(super) fn list(&self) -> Vec<Limitation> {
        self.0.values().cloned().collect()
    }

    /// Logged when it is new: a printer that reconnects every minute does not fill the log.
    fn add(&mut self, limitation: Limitation) {
        if !self.has(limitation.capability) {
            warn!(capability = limitation.capability.as_str(), "{limitation}");
        }
        self.0.insert(limitation.capability, limitation);
    }

    fn lift(&mut self, capability: Capability) {
        if self.0.remove(&capability).is_some() {
            info!("the printer offers the capability `{}` now", capability.as_str());
        }
    }
}

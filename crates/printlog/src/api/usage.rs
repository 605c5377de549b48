//! When keys and sessions were used, written while nobody waits for it: a database that takes no writes must not keep
//! people from what can be read.

use jiff::Timestamp;
use store::{KeyId, Session, Store};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use crate::ingest::Clock;

/// What waits to be written. More is left out: it is told again at the next use.
const WAITING: usize = 16;

/// Takes note of what is used. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Usage(mpsc::Sender<Used>);

/// What was used.
#[derive(Debug)]
enum Used {
    Key(KeyId),
    Session(Box<Session>),
}

impl Usage {
    /// Writes what is noted, until `stop`.
    pub(crate) fn start(store: Store, clock: Clock, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let (sender, mut receiver) = mpsc::channel(WAITING);
        tasks.spawn(async move {
            while let Some(Some(used)) = stop.run_until_cancelled(receiver.recv()).await {
                let written = stop.run_until_cancelled(write(&store, &used, clock.now())).await;
                if let Some(Err(cause)) = written {
                    let what = match used {
                        Used::Key(_) => "write when an API key was used",
                        Used::Session(_) => "extend a session",
                    };
                    warn!("cannot {what}: {:#}", anyhow::Error::new(cause));
                }
            }
        });
        Self(sender)
    }

    /// The key has let somebody in.
    pub(super) fn of_key(&self, id: KeyId) {
        self.0.try_send(Used::Key(id)).ok();
    }

    /// The session has let somebody in, so that it goes on.
    pub(super) fn of_session(&self, session: Session) {
        self.0.try_send(Used::Session(Box::new(session))).ok();
    }
}

async fn write(store: &Store, used: &Used, now: Timestamp) -> store::Result<()> {
    match used {
        Used::Key(id) => store.touch_key(*id, now).await,
        Used::Session(session) => store.extend_session(session, now).await,
    }
}

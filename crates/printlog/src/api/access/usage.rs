//! Records the use of keys and sessions in the background: a database that refuses writes must not block reading.

use jiff::Timestamp;
use store::{KeyId, Session, Store};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use crate::{clock::Clock, error_chain::ErrorChain};

/// Capacity of the queue. When it is full, a use is dropped and recorded at the next use.
const WAITING: usize = 16;

/// Handle for recording uses. Clones share the queue.
#[derive(Debug, Clone)]
pub(crate) struct Usage(mpsc::Sender<Used>);

/// A used key or session.
#[derive(Debug)]
enum Used {
    Key(KeyId),
    Session(Box<Session>),
}

impl Usage {
    /// Starts writing the recorded uses, until `stop`.
    pub(crate) fn start(store: Store, clock: Clock, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let (sender, mut receiver) = mpsc::channel(WAITING);
        tasks.spawn(async move {
            while let Some(Some(used)) = stop.run_until_cancelled(receiver.recv()).await {
                let written = stop.run_until_cancelled(write(&store, &used, clock.now())).await;
                if let Some(Err(cause)) = written {
                    let what = match used {
                        Used::Key(_) => "store the last use of an API key",
                        Used::Session(_) => "extend a session",
                    };
                    warn!("cannot {what}: {}", ErrorChain(&cause));
                }
            }
        });
        Self(sender)
    }

    /// Records that a key authenticated a request.
    pub(crate) fn of_key(&self, id: KeyId) {
        self.0.try_send(Used::Key(id)).ok();
    }

    /// Records that a session authenticated a request, which extends the session.
    pub(crate) fn of_session(&self, session: Session) {
        self.0.try_send(Used::Session(Box::new(session))).ok();
    }
}

async fn write(store: &Store, used: &Used, now: Timestamp) -> store::Result<()> {
    match used {
        Used::Key(id) => store.touch_key(*id, now).await,
        Used::Session(session) => store.extend_session(session, now).await,
    }
}

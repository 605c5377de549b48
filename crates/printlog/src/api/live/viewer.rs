//! A viewer: forwards the shared events to one client, and disconnects it when its session or key ends.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::broadcast::{self, error::RecvError};
use tracing::warn;

use crate::{
    api::{access::auth::Credential, live::Event, state::Core},
    clock::Clock,
    error_chain::ErrorChain,
};

const HEARTBEAT: Bytes = Bytes::from_static(b"event: heartbeat\ndata: {}\n\n");

pub(super) struct Viewer {
    core: Core,
    clock: Clock,
    credential: Credential,
    events: broadcast::Receiver<Event>,
    /// The whole state, until it has been sent.
    snapshot: Option<Bytes>,
}

impl Viewer {
    pub(super) fn new(core: Core, clock: Clock, credential: Credential) -> Self {
        let (snapshot, events) = core.live.follow();
        Self {
            core,
            clock,
            credential,
            events,
            snapshot: Some(snapshot),
        }
    }

    /// All events from now on. Events that a slow client has not received yet stay in the shared channel.
    pub(super) fn events(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        stream::unfold(self, |mut viewer| async move {
            let frame = viewer.next().await?;
            Some((Ok(frame), viewer))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(snapshot) = self.snapshot.take() {
                return Some(snapshot);
            }
            let event = self
                .core
                .live
                .stop
                .run_until_cancelled(self.events.recv())
                .await?;
            match event {
                Ok(Event::Frame(frame)) => return Some(frame),
                Ok(Event::Heartbeat) if self.has_access().await => return Some(HEARTBEAT),
                Ok(Event::AccessChanged) if self.has_access().await => {}
                Ok(Event::Heartbeat | Event::AccessChanged) | Err(RecvError::Closed) => return None,
                Ok(Event::Resync) | Err(RecvError::Lagged(_)) => {
                    let (snapshot, events) = self.core.live.follow();
                    (self.snapshot, self.events) = (Some(snapshot), events);
                }
            }
        }
    }

    async fn has_access(&self) -> bool {
        match self.credential.key(&self.core, self.clock.now()).await {
            Ok(key) => key.is_some(),
            Err(cause) => {
                // A failing database is no reason to disconnect an authorised viewer.
                warn!("cannot check the access of a viewer: {}", ErrorChain(&cause));
                true
            }
        }
    }
}

//! Accepts and serves connections within limits: the number of connections in total and per client, the size of a
//! request head, and the time a client may take to send a head or to read a response.
//!
//! `/health` is answered even when all places are taken: a connection without a place receives only that response or
//! a refusal.

pub(crate) mod clients;
mod places;

use std::{collections::VecDeque, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, response::Response};
use http_body_util::BodyExt as _;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

pub(crate) use places::NoPlace;
use places::{Place, Places};

use crate::serving::clients::TrustedProxies;

/// Time limit for receiving a request head; also the idle time limit of a connection.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// The same for connections without a place.
const HEAD_TIME_WITHOUT_PLACE: Duration = Duration::from_secs(2);
/// Maximum size of a request head in bytes. A longer one is answered 431.
const HEAD: usize = 32 * 1024;
/// How long a client may stop reading a response.
const UNREAD_TIME: Duration = Duration::from_secs(30);
/// Maximum number of connections without a place. A further one closes the oldest.
const WITHOUT_PLACE: usize = 64;
/// Pause after a connection could not be accepted, for example for lack of file descriptors.
const NO_ROOM: Duration = Duration::from_millis(500);

/// Serves connections until `stop`, then finishes the requests in progress. Connections run as tasks of `tasks`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    proxies: TrustedProxies,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let places = Places::new(proxies);
    let mut without_place = VecDeque::<AbortHandle>::new();
    loop {
        let (stream, peer) = match stop.run_until_cancelled(listener.accept()).await {
            None => return,
            Some(Ok(accepted)) => accepted,
            Some(Err(cause)) => {
                warn!("cannot accept a connection: {cause}");
                stop.run_until_cancelled(tokio::time::sleep(NO_ROOM)).await;
                continue;
            }
        };
        let place = places.of_connection(peer.ip());
        let has_place = place.is_ok();
        let connection = Connection {
            peer,
            place,
            places: places.clone(),
            router: router.clone(),
        };
        let task = tasks.spawn(connection.serve(stream, stop.clone()));
        if !has_place {
            without_place.push_back(task.abort_handle());
            if without_place.len() > WITHOUT_PLACE {
                without_place.pop_front().inspect(AbortHandle::abort);
            }
        }
    }
}

struct Connection {
    peer: SocketAddr,
    /// Held until the connection is closed.
    place: Result<Place, NoPlace>,
    places: Arc<Places>,
    router: Router,
}

impl Connection {
    async fn serve(self, stream: TcpStream, stop: CancellationToken) {
        // On failure, responses are only delayed by a few milliseconds.
        stream.set_nodelay(true).ok();
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(UNREAD_TIME));
        let service = service_fn(|request| self.service(request));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).max_buf_size(HEAD);
        match self.place {
            Ok(_) => http.header_read_timeout(HEAD_TIME),
            Err(_) => http
                .header_read_timeout(HEAD_TIME_WITHOUT_PLACE)
                .keep_alive(false),
        };
        let mut connection = pin!(http.serve_connection(TokioIo::new(Box::pin(stream)), service));
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(cause) = result {
            debug!("a connection of {} ended: {cause}", self.peer);
        }
    }

    /// Passes the request to the router, which refuses requests that carry a [`NoPlace`].
    async fn service(&self, mut request: Request<Incoming>) -> Result<Response, std::convert::Infallible> {
        let place = match &self.place {
            Ok(_) => self.places.of_request(self.peer.ip(), request.headers()),
            Err(no_place) => Err(*no_place),
        };
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let place = match place {
            Ok(place) => place,
            Err(no_place) => {
                request.extensions_mut().insert(no_place);
                None
            }
        };
        let response = TowerToHyperService::new(self.router.clone())
            .call(request)
            .await?;
        Ok(match place {
            // Held until the response has been written.
            Some(place) => response.map(|body| {
                Body::new(body.map_frame(move |frame| {
                    let _held = &place;
                    frame
                }))
            }),
            None => response,
        })
    }
}

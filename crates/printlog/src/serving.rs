//! Takes connections and answers on them, each within bounds: the number of connections, in all and of one client, the
//! size of a request's head, and the time that a client takes to send a head or to read an answer.
//!
//! `/health` is answered also when all places are taken: a connection without a place gets that answer or a refusal.

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

use crate::clients::TrustedProxies;
pub(crate) use places::NoPlace;
use places::{Place, Places};

/// How long a client may take over the head of a request; also how long a connection may wait for the next one.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// The same, for connections without a place.
const HEAD_TIME_WITHOUT_PLACE: Duration = Duration::from_secs(2);
/// Longest head of a request, in bytes. A longer one is answered 431.
const HEAD: usize = 32 * 1024;
/// How long a client may read nothing of an answer.
const UNREAD_TIME: Duration = Duration::from_secs(30);
/// Connections without a place. The oldest is closed for a new one.
const WITHOUT_PLACE: usize = 64;
/// Pause when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(500);

/// Answers until `stop`; what has begun then is finished. The connections are tasks of `tasks`.
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
                warn!("cannot take a connection: {cause}");
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
        let task = tasks.spawn(connection.answer(stream, stop.clone()));
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
    /// Held as long as the connection.
    place: Result<Place, NoPlace>,
    places: Arc<Places>,
    router: Router,
}

impl Connection {
    async fn answer(self, stream: TcpStream, stop: CancellationToken) {
        // A failure costs some milliseconds of delay only.
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

    /// The router's answer. It refuses a request that comes with a [`NoPlace`].
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
            // Held until the answer is written.
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

//! Takes connections and answers on them, each within bounds: the number of connections, the size of a request's head,
//! and the time that a client takes over it.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
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
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

/// Connections at the same time. Others wait until one ends.
const CONNECTIONS: usize = 1024;
/// How long a client may take over the head of a request; also how long a connection may wait for the next one.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Longest head of a request, in bytes. A longer one is answered 431.
const HEAD: usize = 32 * 1024;
/// Pause when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(500);

/// Answers until `stop`; what has begun then is finished. The connections are tasks of `tasks`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = stop.run_until_cancelled(async {
            // Closed by nobody.
            let place = places.clone().acquire_owned().await.ok();
            (place, listener.accept().await)
        });
        match accepted.await {
            None => return,
            Some((place, Ok((stream, peer)))) => {
                let (router, stop) = (router.clone(), stop.clone());
                tasks.spawn(async move {
                    answer(stream, peer, router, stop).await;
                    drop(place);
                });
            }
            Some((_, Err(cause))) => {
                warn!("cannot take a connection: {cause}");
                stop.run_until_cancelled(tokio::time::sleep(NO_ROOM)).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    // A failure costs some milliseconds of delay only.
    stream.set_nodelay(true).ok();
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.call(request)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(HEAD)
            .serve_connection(TokioIo::new(stream), service)
    );
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(cause) = result {
        debug!("a connection of {peer} ended: {cause}");
    }
}

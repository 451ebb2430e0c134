//! Connections: how many, how long, and how they end.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    GatewayError, body,
    door::Door,
    observe,
    problem::{Answer, Problem},
    voice::Voice,
};

/// How long a connection may take for a request's head, and stay idle between two requests.
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// Connections beyond the cap that are still told so; more are closed without a word.
const TURNED_AWAY_MAX: usize = 64;
/// How long a connection that is turned away may take to say what it wanted.
const TURNED_AWAY_TIME_MAX: Duration = Duration::from_secs(3);
/// The pause after an accept that failed, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The read buffer of a connection: above the cap on headers, so that the cap's own answer is given.
const BUFFER_BYTES_MIN: usize = 16 << 10;

/// Takes the port.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, GatewayError> {
    TcpListener::bind(address).await.map_err(|error| GatewayError::Bind { address, error })
}

/// Serves until `shutdown`; then accepts no more, lets what is in flight finish, and returns.
pub(crate) async fn serve(listener: TcpListener, door: Arc<Door>, shutdown: CancellationToken) {
    let places = Arc::new(Semaphore::new(door.config().connections_max.min(Semaphore::MAX_PERMITS)));
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY_MAX));
    let open = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased; // Leaving comes first.
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(error = %error, "a connection was not accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if let Ok(place) = places.clone().try_acquire_owned() {
            open.spawn(connection(stream, door.clone(), shutdown.clone(), place));
        } else if let Ok(place) = turned_away.clone().try_acquire_owned() {
            open.spawn(turn_away(stream, place));
        } else {
            observe::refused("unknown", "connections");
        }
    }
    drop(listener);
    open.close();
    open.wait().await;
    door.finish().await;
}

async fn connection(
    stream: TcpStream,
    door: Arc<Door>,
    shutdown: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    // An answer is one small write; waiting to fill a packet would only delay it.
    let _ = stream.set_nodelay(true);
    observe::connections(1.0);
    let config = door.config();
    let (headers_max, bytes_max) = (config.headers_max, config.headers_bytes_max.as_usize());
    let service = service_fn(move |request| door.clone().answer(request));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_headers(headers_max.saturating_mul(2))
        .max_buf_size(bytes_max.saturating_mul(2).max(BUFFER_BYTES_MIN))
        .serve_connection(TokioIo::new(Voice::new(stream)), service);
    let mut serving = std::pin::pin!(serving);
    let served = tokio::select! {
        served = serving.as_mut() => served,
        () = shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(error = %error, "a connection broke off: {error}");
    }
    observe::connections(-1.0);
}

/// Says 503 to the first request, and closes.
async fn turn_away(stream: TcpStream, _place: OwnedSemaphorePermit) {
    observe::refused("unknown", "connections");
    let service = service_fn(|request: http::Request<Incoming>| async {
        body::drain(request.into_body());
        Ok::<Answer, Infallible>(Problem::Connections.answer())
    });
    let serving =
        http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(Voice::new(stream)), service);
    // However it ends, there is nothing to do about it.
    let _ = tokio::time::timeout(TURNED_AWAY_TIME_MAX, serving).await;
}

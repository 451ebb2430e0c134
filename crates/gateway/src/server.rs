//! Connections: how many, how long, and how they end.

use std::{
    convert::Infallible,
    future::poll_fn,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use futures::FutureExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    GatewayError, body,
    door::Door,
    leaving::Leaving,
    observe,
    problem::{Answer, Problem},
    timer::Timer,
    tls,
    voice::Voice,
};

/// How long a connection may take for a request's head, and stay idle between two requests.
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// Connections beyond the cap that are still told so; more are closed without a word.
const TURNED_AWAY_MAX: usize = 64;
/// How long a connection that is turned away may take to say what it wanted.
const TURNED_AWAY_TIME_MAX: Duration = Duration::from_secs(3);
/// How long a connection stays after the shutdown if no request is being handled on it: a head that is nearly here.
const UNASKED_TIME_MAX: Duration = Duration::from_millis(500);
/// What an answer may take after the deadline of its request to reach its sender.
const FAREWELL: Duration = Duration::from_secs(1);
/// Of the time that stopping may take, for the producer.
const FLUSH_TIME_MIN: Duration = Duration::from_secs(1);
/// The pause after an accept that failed, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The read buffer of a connection: above the cap on headers, so that the cap's own answer is given.
const BUFFER_BYTES_MIN: usize = 16 << 10;

/// A request's whole state between two polls; what is larger belongs on the heap, see [`crate::door`].
const ANSWER_BYTES_MAX: usize = 3 << 10;

/// So many headers hyper reads without asking for memory; more it refuses by itself, unless it is told another number.
const HEADERS_INLINE: usize = 100;

/// Takes the port.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, GatewayError> {
    TcpListener::bind(address).await.map_err(|error| GatewayError::Bind { address, error })
}

/// Serves until `shutdown`; then accepts no more, lets what is in flight finish, and returns what is left for the
/// producer. Nobody outside can make this longer than [`crate::GatewayConfig::stop_max`].
pub(crate) async fn serve(listener: TcpListener, door: Arc<Door>, shutdown: CancellationToken) -> Duration {
    let places = Arc::new(Semaphore::new(door.config().connections_max.min(Semaphore::MAX_PERMITS)));
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY_MAX));
    let open = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased; // Leaving comes first.
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = %error, "a connection was not accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if let Ok(place) = places.clone().try_acquire_owned() {
            open.spawn(connection((stream, peer.ip()), door.clone(), shutdown.clone(), place));
        } else if let Ok(place) = turned_away.clone().try_acquire_owned() {
            open.spawn(turn_away(stream, door.tls().take(), place));
        } else {
            observe::refused("unknown", "connections");
        }
    }
    let end = Instant::now() + door.config().stop_max();
    drop(listener);
    open.close();
    // Each of them bounds itself, see `farewell`.
    open.wait().await;
    if timeout_at(end - FLUSH_TIME_MIN, door.finish()).await.is_err() {
        tracing::warn!(
            "deliveries were still on their way when the gateway had to stop; their senders were told 503"
        );
    }
    end.saturating_duration_since(Instant::now()).max(FLUSH_TIME_MIN)
}

async fn connection(
    (stream, peer): (TcpStream, IpAddr),
    door: Arc<Door>,
    shutdown: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    // An answer is one small write; waiting to fill a packet would only delay it.
    let _ = stream.set_nodelay(true);
    let _counted = Counted::new();
    match door.tls().take() {
        None => talk(stream, (peer, "http"), door, shutdown).await,
        Some(tls) => {
            let shaken = tokio::select! {
                shaken = tls::shake(stream, tls) => shaken,
                // Nothing was asked yet.
                () = shutdown.cancelled() => None,
            };
            if let Some(stream) = shaken {
                talk(stream, (peer, "https"), door, shutdown).await;
            }
        }
    }
}

/// Counts a connection until it ends, however it ends.
struct Counted;

impl Counted {
    fn new() -> Self {
        observe::connections(1.0);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        observe::connections(-1.0);
    }
}

/// HTTP, over whatever carries it.
async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    from: (IpAddr, &'static str),
    door: Arc<Door>,
    shutdown: CancellationToken,
) {
    let config = door.config();
    let (headers_max, bytes_max) = (config.headers_max, config.headers_bytes_max.as_usize());
    let answer_max = config.request_deadline.0 + FAREWELL;
    let (turns, timer) = (Turns::default(), Timer::new());
    let service = service_fn(|request| {
        turns.next();
        let answering = door.clone().answer(request, (from, &timer));
        debug_assert!(size_of_val(&answering) <= ANSWER_BYTES_MAX, "{} bytes", size_of_val(&answering));
        answering.inspect(|_| turns.next())
    });
    let mut builder = http1::Builder::new();
    if headers_max > HEADERS_INLINE {
        builder.max_headers(headers_max);
    }
    let serving = builder
        // A sender that says no more still hears its answer.
        .half_close(true)
        .max_buf_size(bytes_max.saturating_mul(2).max(BUFFER_BYTES_MIN))
        .serve_connection(TokioIo::new(Voice::new(stream)), service);
    let mut serving = std::pin::pin!(serving);
    let mut silence = std::pin::pin!(turns.silence(HEAD_TIME_MAX));
    let mut leaving = Leaving::new(shutdown);
    let end = poll_fn(|task| {
        if let Poll::Ready(served) = serving.as_mut().poll(task) {
            return Poll::Ready(End::Served(served));
        }
        if leaving.poll(task).is_ready() {
            return Poll::Ready(End::Leave);
        }
        silence.as_mut().poll(task).map(|()| End::Silent)
    });
    let served = match end.await {
        End::Served(served) => served,
        End::Silent => Ok(()),
        End::Leave => {
            serving.as_mut().graceful_shutdown();
            farewell(serving, &turns, answer_max).await
        }
    };
    if let Err(error) = served {
        tracing::debug!(error = %error, "a connection broke off: {error}");
    }
}

/// Why a connection is served no more.
enum End {
    Served(hyper::Result<()>),
    /// Nothing is asked of it.
    Silent,
    /// Everybody is to leave.
    Leave,
}

/// Whose turn it is on a connection, counted: the sender's where it is even, and ours where it is odd.
#[derive(Debug, Default)]
struct Turns(AtomicUsize);

impl Turns {
    fn next(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn is_ours(&self) -> bool {
        self.0.load(Ordering::Relaxed) % 2 == 1
    }

    /// Ends when the sender has had its turn for too long. To be polled whenever the connection is.
    ///
    /// hyper has the same, and makes a timer for each request.
    fn silence(&self, turn_max: Duration) -> impl Future<Output = ()> {
        let timer = Timer::new();
        let (mut seen, mut until) = (self.0.load(Ordering::Relaxed), Instant::now() + turn_max);
        poll_fn(move |task| {
            let turn = self.0.load(Ordering::Relaxed);
            if self.is_ours() {
                return Poll::Pending;
            }
            if turn != seen {
                (seen, until) = (turn, Instant::now() + turn_max);
            }
            timer.poll(until, task)
        })
    }
}

/// The last of a connection: a request that is being handled is answered, and nothing else is waited for, neither the
/// rest of a head nor a sender that does not read. A delivery that is under way goes on without its connection.
async fn farewell(
    mut serving: impl Future<Output = hyper::Result<()>> + Unpin,
    turns: &Turns,
    answer_max: Duration,
) -> hyper::Result<()> {
    let end = Instant::now() + answer_max;
    if let Ok(served) = timeout(UNASKED_TIME_MAX, &mut serving).await {
        return served;
    }
    if !turns.is_ours() {
        return Ok(());
    }
    timeout_at(end, serving).await.unwrap_or(Ok(()))
}

/// Says 503 to the first request, and closes.
async fn turn_away(stream: TcpStream, tls: Option<Arc<ServerConfig>>, _place: OwnedSemaphorePermit) {
    observe::refused("unknown", "connections");
    let service = service_fn(|request: http::Request<Incoming>| async {
        body::drain(request.into_body());
        Ok::<Answer, Infallible>(Problem::Connections.answer())
    });
    let mut http = http1::Builder::new();
    http.keep_alive(false);
    let serving = async {
        match tls {
            None => http.serve_connection(TokioIo::new(Voice::new(stream)), service).await,
            Some(tls) => match tls::shake(stream, tls).await {
                Some(stream) => http.serve_connection(TokioIo::new(Voice::new(stream)), service).await,
                None => Ok(()),
            },
        }
    };
    // However it ends, there is nothing to do about it.
    let _ = tokio::time::timeout(TURNED_AWAY_TIME_MAX, serving).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_senders_turn_ends_for_its_length_and_each_has_its_own() {
        const TURN: Duration = Duration::from_millis(300);
        let turns = Turns::default();
        let mut silence = std::pin::pin!(turns.silence(TURN));
        let mut passed = async |time: Duration| timeout(time, silence.as_mut()).await.is_ok();
        assert!(!passed(TURN / 2).await);
        turns.next();
        assert!(!passed(TURN * 3).await, "a delivery that takes its time");
        turns.next();
        let began = Instant::now();
        assert!(passed(TURN * 20).await, "the next head does not come");
        assert!(began.elapsed() >= TURN);
    }
}

//! All forty destinations in one: takes every delivery, after a moment that varies, and notes it in a few bytes.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use axum::body::Body;
use http::{HeaderMap, Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::{
    dice::Dice,
    events::{Events, target_name},
};

/// One delivery.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The position among the events.
    pub event: u32,
    /// Who sent it.
    pub member: u32,
    /// Since the run began.
    pub at: Duration,
}

#[derive(Debug, Default)]
struct Book {
    arrivals: Vec<Arrival>,
    seen: Vec<bool>,
    distinct: usize,
    /// What should never have come.
    strange: Vec<String>,
    answers: u64,
}

/// A server on a port and a thread of its own; it goes with the test.
#[derive(Debug, Clone)]
pub struct Receiver {
    address: SocketAddr,
    events: Arc<Events>,
    book: Arc<Mutex<Book>>,
    began: Instant,
}

impl Receiver {
    /// `began` is the moment from which all times of the run count.
    pub fn start(events: Arc<Events>, began: Instant) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let book = Book { seen: vec![false; events.len()], ..Book::default() };
        let book = Arc::new(Mutex::new(book));
        let receiver = Self { address: listener.local_addr()?, events, book, began };
        let own = receiver.clone();
        std::thread::spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                while let Ok((stream, _)) = listener.accept().await {
                    let _ = stream.set_nodelay(true);
                    let own = own.clone();
                    tokio::spawn(async move {
                        let service = service_fn(|request| own.take(request));
                        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                    });
                }
            });
        });
        Ok(receiver)
    }

    /// Where one member posts what is for one destination: so it is seen who sent what.
    pub fn url(&self, member: usize, target: usize) -> String {
        format!("http://{}/{member}/{}", self.address, target_name(target))
    }

    /// How many events there are.
    pub fn wanted(&self) -> usize {
        self.events.len()
    }

    /// How many different events have come.
    pub fn distinct(&self) -> usize {
        self.book().distinct
    }

    /// Every delivery so far, in the order of arrival.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.book().arrivals.clone()
    }

    /// The events that have not come.
    pub fn missing(&self) -> Vec<usize> {
        let book = self.book();
        book.seen.iter().enumerate().filter(|(_, seen)| !**seen).map(|(event, _)| event).collect()
    }

    /// What should never have come, in words.
    pub fn strange(&self) -> Vec<String> {
        self.book().strange.clone()
    }

    async fn take(&self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(Body::new(body), 64 << 10).await.unwrap_or_default();
        let read = self.read(parts.uri.path(), &parts.headers, &body);
        let pause = {
            let mut book = self.book();
            match read {
                Ok(arrival) => {
                    let seen = &mut book.seen[arrival.event as usize];
                    let is_new = !std::mem::replace(seen, true);
                    book.distinct += usize::from(is_new);
                    book.arrivals.push(arrival);
                }
                Err(error) => book.strange.push(format!("{error:#}")),
            }
            book.answers += 1;
            pause(book.answers)
        };
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Ok(Response::new(Body::empty()))
    }

    /// Every word of a delivery is where it belongs: the effect's id is the event's and the destination's.
    fn read(&self, path: &str, headers: &HeaderMap, body: &[u8]) -> Result<Arrival> {
        let (member, target) =
            path.trim_start_matches('/').split_once('/').context("no member in the path")?;
        let effect = headers.get("okr-effect-id").context("no effect id")?.to_str()?;
        let mut parts = effect.split('/');
        ensure!(parts.next() == Some("notifier"), "{effect} is of another service");
        let id = Uuid::parse_str(parts.next().context("no event in the effect id")?)?;
        ensure!(parts.next() == Some(target) && parts.next().is_none(), "{effect} came to {target}");
        let event = self.events.at(id).with_context(|| format!("nobody sent {id}"))?;
        let wanted = target_name(self.events.all[event as usize].target());
        ensure!(wanted == target, "{effect} belongs to {wanted}");
        let text = std::str::from_utf8(body)?;
        ensure!(text.contains(&effect[9..45]), "the body of {effect} is of another event");
        Ok(Arrival { event, member: member.parse()?, at: self.began.elapsed() })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a destination thinks: most answer at once, some take their time.
fn pause(answers: u64) -> Duration {
    let mut dice = Dice::new(answers);
    match dice.roll(200) {
        0 => Duration::from_millis(300),
        1..50 => Duration::from_millis(dice.between(1, 30)),
        _ => Duration::ZERO,
    }
}

//! A receiver of HTTP requests that remembers each of them and answers as told.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Result;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::{Answer, until};

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub at: Instant,
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// What it was answered.
    pub answer: Answer,
}

impl Seen {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header as text; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether the sender was told that it worked.
    pub fn accepted(&self) -> bool {
        matches!(self.answer, Answer::Ok(_) | Answer::Slow(_))
    }
}

#[derive(Debug, Default)]
struct Memory {
    seen: Vec<Seen>,
    always: HashMap<String, Answer>,
    next: HashMap<String, VecDeque<Answer>>,
}

/// A fake receiver on a port of its own; it stops when it is dropped.
#[derive(Debug)]
pub struct FakeHttp {
    address: SocketAddr,
    memory: Arc<Mutex<Memory>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

impl FakeHttp {
    /// Listens; every path answers 200 `ok` until told otherwise. It has a thread of its own, so a test that blocks
    /// does not keep it from answering.
    pub fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let memory = Arc::new(Mutex::new(Memory::default()));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let shared = Arc::clone(&memory);
        std::thread::spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = serve(listener, shared) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self { address, memory, stop: Some(stop) })
    }

    /// The URL of a path, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Sections of a configuration: so many `http` destinations `t0`, `t1`, … at paths of these names, without a rate,
    /// and one route that sends every event to all of them.
    pub fn fan_out(&self, targets: usize) -> String {
        let names: Vec<String> = (0..targets).map(|number| format!("t{number}")).collect();
        let section = |name: &String| {
            let url = self.url(&format!("/{name}"));
            format!("[destinations.{name}]\nkind = \"http\"\nurl = {url:?}\nrate = \"none\"\n")
        };
        let sections: String = names.iter().map(section).collect();
        format!("{sections}[[routes]]\nname = \"all\"\nto = {names:?}\n")
    }

    /// From now on this path answers so.
    pub fn always(&self, path: &str, answer: Answer) {
        self.memory().always.insert(path.into(), answer);
    }

    /// The next requests to this path are answered one by one as listed, before what `always` says.
    pub fn next(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        self.memory().next.entry(path.into()).or_default().extend(answers);
    }

    /// All requests so far, in order of arrival.
    pub fn seen(&self) -> Vec<Seen> {
        self.memory().seen.clone()
    }

    /// How many requests arrived so far.
    pub fn count(&self) -> usize {
        self.memory().seen.len()
    }

    /// The requests to one path so far.
    pub fn seen_at(&self, path: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.path == path).collect()
    }

    /// Waits until at least so many requests arrived, and returns them all.
    pub async fn wait_for(&self, count: usize, limit: Duration) -> Result<Vec<Seen>> {
        self.wait_until(limit, |seen| seen.len() >= count).await
    }

    /// Waits until the requests so far satisfy `enough`, and returns them.
    pub async fn wait_until(&self, limit: Duration, enough: impl Fn(&[Seen]) -> bool) -> Result<Vec<Seen>> {
        let what = format!("requests at {}", self.address);
        let found = until(&what, limit, async || Some(self.seen()).filter(|seen| enough(seen))).await;
        found.map_err(|error| error.context(format!("{} arrived", self.seen().len())))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FakeHttp {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

async fn serve(listener: TcpListener, memory: Arc<Mutex<Memory>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let memory = Arc::clone(&memory);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&memory)));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// An error closes the connection without an answer.
async fn answer(request: Request<Incoming>, memory: Arc<Mutex<Memory>>) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), usize::MAX).await.map_err(io::Error::other)?;
    let path = parts.uri.path().to_string();
    let answer = {
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = memory.next.get_mut(&path).and_then(VecDeque::pop_front);
        let answer = listed.or_else(|| memory.always.get(&path).cloned()).unwrap_or(Answer::Ok("ok"));
        let (at, method, headers) = (Instant::now(), parts.method.to_string(), parts.headers);
        memory.seen.push(Seen { at, method, path, headers, body, answer: answer.clone() });
        answer
    };
    let response = Response::builder();
    match answer {
        Answer::Ok(text) => response.status(200).body(Body::from(text)),
        Answer::Status(status, text) => response.status(status).body(Body::from(text)),
        Answer::TooMany(seconds) => {
            response.status(429).header("retry-after", seconds).body(Body::from("rate_limited"))
        }
        Answer::Hang(time) => {
            tokio::time::sleep(time).await;
            return Err(io::Error::other("hung, then closed, as told"));
        }
        Answer::Close => return Err(io::Error::other("closed as told")),
        Answer::Slow(time) => {
            tokio::time::sleep(time).await;
            response.status(200).body(Body::from("ok"))
        }
    }
    .map_err(io::Error::other)
}

//! The embedded broker as a part: a thread with a runtime of its own, for SQLite's calls block.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    net::TcpStream,
    sync::{oneshot, watch},
    time::timeout,
};

use crate::{Options, Part, PartError, file::StateFile, node::Node};

const NAME: &str = "broker";
const WORKERS: usize = 2;

#[derive(Debug)]
struct Broker {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    end: watch::Receiver<Option<End>>,
}

#[derive(Debug, Clone)]
enum End {
    Asked,
    Failed(String),
}

/// Starts the embedded Kafka broker on its file.
///
/// One node, no replication, no TLS, one member per consumer group promised. Acknowledged records survive a killed
/// process; a power cut may take the last ones, for SQLite is not asked to wait for the disk. Topics are kept for ever
/// unless their `retention.ms` says otherwise.
///
/// # Errors
/// `Taken`, `Listen`, `Held`, `File`; `Broken` when the file is no database of this broker.
pub async fn broker(options: Options) -> Result<Arc<dyn Part>, PartError> {
    let listener = options.bind(NAME)?;
    let address = listener.local_addr().unwrap_or(options.listen);
    let file = StateFile::take(NAME, &options)?;
    let (stop, stopped) = watch::channel(false);
    let (ending, end) = watch::channel(None);
    let (started, start) = oneshot::channel();
    let thread = std::thread::Builder::new().name(NAME.into());
    let body = move || {
        let run = run(listener, address, file, stopped, started);
        ending.send_replace(Some(run.map_or_else(End::Failed, |()| End::Asked)));
    };
    thread.spawn(body).map_err(|error| ended(error.to_string()))?;
    match start.await {
        Ok(Ok(())) => Ok(Arc::new(Broker { address, stop, end })),
        Ok(Err(problem)) => Err(PartError::Broken { name: NAME, file: options.file, problem }),
        Err(_) => Err(ended("its thread did not start".into())),
    }
}

#[async_trait]
impl Part for Broker {
    fn name(&self) -> &'static str {
        NAME
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    async fn ready(&self) -> Result<(), PartError> {
        match timeout(Duration::from_secs(1), TcpStream::connect(self.address)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(PartError::Silent { name: NAME, address: self.address }),
        }
    }

    async fn ended(&self) -> PartError {
        let mut end = self.end.clone();
        match end.wait_for(Option::is_some).await.map(|end| end.clone()) {
            Ok(Some(End::Failed(problem))) => ended(problem),
            Err(_) => ended("its thread is gone".into()),
            Ok(_) => std::future::pending().await,
        }
    }

    async fn stop(&self) {
        self.stop.send_replace(true);
        let _ = self.end.clone().wait_for(Option::is_some).await;
    }
}

/// The broker's thread, from start to end.
fn run(
    listener: TcpListener,
    address: SocketAddr,
    file: StateFile,
    mut stopped: watch::Receiver<bool>,
    started: oneshot::Sender<Result<(), String>>,
) -> Result<(), String> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(WORKERS).thread_name(NAME).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let end = runtime.block_on(async {
        let node = match Node::open(file.path(), address).await {
            Ok(node) => node,
            Err(problem) => {
                let _ = started.send(Err(problem));
                return Ok(());
            }
        };
        let _ = started.send(Ok(()));
        tokio::select! {
            end = node.serve(listener) => end,
            _ = stopped.wait_for(|stopped| *stopped) => Ok(()),
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    end
}

fn ended(problem: String) -> PartError {
    PartError::Ended { name: NAME, problem }
}

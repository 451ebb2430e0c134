//! What the embedded broker and registry have in common.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
};

use async_trait::async_trait;

/// A server that runs inside this process.
#[async_trait]
pub trait Part: fmt::Debug + Send + Sync {
    /// What to call it in words: `broker`, `registry`.
    fn name(&self) -> &'static str;

    /// Where it listens. It does from the moment the function that starts it returns.
    fn address(&self) -> SocketAddr;

    /// Whether it answers now.
    ///
    /// # Errors
    /// `Silent` when it does not.
    async fn ready(&self) -> Result<(), PartError>;

    /// Waits until it ends without having been asked to, and says why. It never returns while all is well, nor after
    /// `stop`.
    async fn ended(&self) -> PartError;

    /// Ends it and frees its address and file. What it acknowledged is kept. May be called twice.
    async fn stop(&self);
}

/// Where a part listens and what it keeps its state in.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address to listen on, such as 127.0.0.1:9092; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The file that holds its state; made when absent, its folder too. One process at a time.
    pub file: PathBuf,
    /// The config key that says where it listens, for the message when the address is taken: `kafka.brokers`.
    pub key: &'static str,
}

/// Why a part does not run.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// Somebody else listens there.
    #[error(
        "the embedded {name} cannot listen on {address}: the address is taken; \
         stop what listens there, or name another one in `{key}`"
    )]
    Taken { name: &'static str, address: SocketAddr, key: &'static str },
    /// The address is none of this machine's, or may not be listened on.
    #[error("the embedded {name} cannot listen on {address}, which `{key}` names")]
    Listen { name: &'static str, address: SocketAddr, key: &'static str, source: io::Error },
    /// Another process holds the file.
    #[error("the embedded {name} cannot use {}: another process does", file.display())]
    Held { name: &'static str, file: PathBuf },
    /// The file cannot be read or written.
    #[error("the embedded {name} cannot use {}", file.display())]
    File { name: &'static str, file: PathBuf, source: io::Error },
    /// The file is not what this part wrote.
    #[error("the embedded {name} cannot read {}: {problem}; remove the file to start afresh", file.display())]
    Broken { name: &'static str, file: PathBuf, problem: String },
    /// It does not answer.
    #[error("the embedded {name} does not answer on {address}")]
    Silent { name: &'static str, address: SocketAddr },
    /// It ended by itself.
    #[error("the embedded {name} ended: {problem}")]
    Ended { name: &'static str, problem: String },
}

impl Options {
    /// Takes the address, or says who should move.
    pub(crate) fn bind(&self, name: &'static str) -> Result<TcpListener, PartError> {
        let (address, key) = (self.listen, self.key);
        let listener = TcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        listener.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => PartError::Taken { name, address, key },
            _ => PartError::Listen { name, address, key, source },
        })
    }
}

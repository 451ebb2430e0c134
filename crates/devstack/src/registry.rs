//! A schema registry with the Confluent API, kept in one file. Conformance: the same suite runs against Apicurio.
//!
//! Its rules (`book`) know neither HTTP nor files. A change is on the disk before it is answered or seen.

mod book;
mod error;
mod level;
mod routes;
#[cfg(test)]
mod tests;

use std::{
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use tokio::sync::{Mutex, watch};

use self::{book::Book, error::RegistryError};
use crate::{Options, Part, PartError, file::StateFile};

const NAME: &str = "registry";

/// Starts the embedded schema registry on its file.
///
/// Avro only, no references, default compatibility BACKWARD as Confluent's, ids stable and never used again.
///
/// # Errors
/// `Taken`, `Listen`, `Held`, `File`; `Broken` when the file is not this registry's.
pub async fn registry(options: Options) -> Result<Arc<dyn Part>, PartError> {
    let listener = options.bind(NAME)?;
    let address = listener.local_addr().unwrap_or(options.listen);
    let failed = |source| PartError::File { name: NAME, file: options.file.clone(), source };
    let shelf = Shelf::open(&options)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
    let (stop, mut stopped) = watch::channel(false);
    let (ending, end) = watch::channel(None);
    let closed = shelf.clone();
    tokio::spawn(async move {
        let asked = async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        let served = axum::serve(listener, routes::router(shelf));
        let problem = tokio::select! {
            served = served => served.err().map_or_else(|| "it closed its listener".into(), |error| error.to_string()),
            () = asked => String::new(),
        };
        closed.close().await;
        ending.send_replace(Some(problem));
    });
    Ok(Arc::new(Registry { address, stop, end }))
}

/// The running registry. `end` holds why it ended; empty means that it was asked to.
#[derive(Debug)]
struct Registry {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    end: watch::Receiver<Option<String>>,
}

#[async_trait]
impl Part for Registry {
    fn name(&self) -> &'static str {
        NAME
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    async fn ready(&self) -> Result<(), PartError> {
        match self.end.borrow().is_none() {
            true => Ok(()),
            false => Err(PartError::Silent { name: NAME, address: self.address }),
        }
    }

    async fn ended(&self) -> PartError {
        let mut end = self.end.clone();
        match end.wait_for(Option::is_some).await.map(|end| end.clone()) {
            Ok(Some(problem)) if !problem.is_empty() => PartError::Ended { name: NAME, problem },
            Err(_) => PartError::Ended { name: NAME, problem: "its task is gone".into() },
            Ok(_) => std::future::pending().await,
        }
    }

    async fn stop(&self) {
        self.stop.send_replace(true);
        let _ = self.end.clone().wait_for(Option::is_some).await;
    }
}

/// The book and its file. Cheap to clone; all clones are one shelf.
#[derive(Debug, Clone)]
struct Shelf {
    book: Arc<RwLock<Book>>,
    /// Held for a whole change, so that changes come one after the other; `None` once closed.
    file: Arc<Mutex<Option<StateFile>>>,
}

impl Shelf {
    fn open(options: &Options) -> Result<Self, PartError> {
        let file = StateFile::take(NAME, options)?;
        let failed = |source| PartError::File { name: NAME, file: options.file.clone(), source };
        let book = match file.read().map_err(failed)? {
            None => Book::default(),
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| PartError::Broken {
                name: NAME,
                file: options.file.clone(),
                problem: error.to_string(),
            })?,
        };
        Ok(Self { book: Arc::new(RwLock::new(book)), file: Arc::new(Mutex::new(Some(file))) })
    }

    fn read<T>(&self, look: impl FnOnce(&Book) -> T) -> T {
        look(&self.book.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Applies a change to a copy, puts the copy on the disk, and only then shows it.
    async fn change<T>(
        &self,
        change: impl FnOnce(&mut Book) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let file = self.file.lock().await;
        let before = self.read(Book::clone);
        let mut after = before.clone();
        let done = change(&mut after)?;
        if after != before {
            let bytes =
                serde_json::to_vec_pretty(&after).map_err(|error| RegistryError::Store(error.to_string()))?;
            let file =
                file.as_ref().ok_or_else(|| RegistryError::Store("the registry is stopping".into()))?;
            file.replace(&bytes).map_err(|error| RegistryError::Store(error.to_string()))?;
            *self.book.write().unwrap_or_else(PoisonError::into_inner) = after;
        }
        Ok(done)
    }

    /// Frees the file; a later change fails.
    async fn close(&self) {
        self.file.lock().await.take();
    }
}

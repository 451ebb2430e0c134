//! The thread that owns a file: it alone speaks to it, and everybody else asks it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use outbox::QueueError;
use tokio::sync::{mpsc, oneshot};

use super::desk::{self, Call, Job};
use super::lock::Lock;
use super::session::Session;
use crate::StoreError;

/// Calls that may wait for the thread; more wait at their own place.
const WAITING_MAX: usize = 1024;

/// A handle on the thread. Dropped, it waits for the last transaction and gives the file free.
pub struct Owner {
    /// Taken on drop, which ends the thread.
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").finish_non_exhaustive()
    }
}

impl Owner {
    /// Makes the folders, takes the lock, opens the file and has it prepared; on a thread of this name.
    ///
    /// # Errors
    /// [`StoreError::Held`] when another process has it; what `prepare` says.
    pub async fn open<E: From<StoreError> + Send + 'static>(
        name: &str,
        path: PathBuf,
        prepare: impl FnOnce(&mut Session) -> Result<(), E> + Send + 'static,
    ) -> Result<Self, E> {
        let lock = |path: &Path| Lock::take(path).map(Some);
        Self::started(name, path, lock, prepare).await
    }

    /// As [`Owner::open`], without the lock: beside the process that has it, for what may be done a transaction at a time
    /// while that process works. The file has to be there.
    ///
    /// # Errors
    /// What `prepare` says.
    pub async fn beside<E: From<StoreError> + Send + 'static>(
        name: &str,
        path: PathBuf,
        prepare: impl FnOnce(&mut Session) -> Result<(), E> + Send + 'static,
    ) -> Result<Self, E> {
        Self::started(name, path, |_| Ok(None), prepare).await
    }

    async fn started<E: From<StoreError> + Send + 'static>(
        name: &str,
        path: PathBuf,
        lock: impl FnOnce(&Path) -> Result<Option<Lock>, StoreError> + Send + 'static,
        prepare: impl FnOnce(&mut Session) -> Result<(), E> + Send + 'static,
    ) -> Result<Self, E> {
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        let (opened, outcome) = oneshot::channel();
        let open = move || -> Result<(Option<Lock>, Session), E> {
            let lock = lock(&path)?;
            let mut session = Session::open(&path).map_err(StoreError::Home)?;
            prepare(&mut session)?;
            Ok((lock, session))
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // The lock lives as long as the session and is the last to go.
            match open() {
                Ok((_lock, session)) => {
                    let _ = opened.send(Ok(()));
                    desk::serve(session, waiting);
                }
                Err(error) => drop(opened.send(Err(error))),
            }
        });
        let failed = |error: QueueError| E::from(StoreError::Home(error));
        let thread = thread.map_err(|error| failed(QueueError::Unavailable(error.to_string())))?;
        outcome.await.map_err(|_| failed(gone()))??;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `work` on the thread, in an immediate transaction shared with its neighbours, and answers after the commit.
    /// An error takes back what this work did, and nothing else.
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, QueueError> {
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        let (reply, answer) = oneshot::channel();
        jobs.send(Box::new(Call::new(work, reply))).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// The thread has ended: nothing can be asked of it any more.
pub(super) fn gone() -> QueueError {
    QueueError::Broken("the thread of the embedded file has ended".to_owned())
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.jobs.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

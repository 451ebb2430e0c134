//! Group commit: what waits when the thread is free goes into one transaction with one commit.
//!
//! A commit waits for the disk, so it is the commit that is shared, not the work: each call has a savepoint of its
//! own, and one that fails takes back only what is its own. Nobody is answered before the commit.

use outbox::QueueError;
use tokio::sync::{mpsc, oneshot};

use super::session::Session;
use super::{NAME, gone};
use crate::observe;

/// Calls in one transaction. Bounds how long the first of them waits.
const BATCH_MAX: usize = 256;

/// A call of any type, as the thread sees it.
pub(super) trait Job: Send {
    /// Does the work; the result is kept until the commit.
    fn work(&mut self, session: &mut Session) -> Result<(), QueueError>;
    /// Tells the caller: what the work gave, or why it is not there.
    fn answer(self: Box<Self>, verdict: Result<(), QueueError>);
}

/// A call of one type.
pub(super) struct Call<T, F> {
    work: Option<F>,
    outcome: Option<T>,
    reply: oneshot::Sender<Result<T, QueueError>>,
}

impl<T, F> Call<T, F> {
    pub(super) fn new(work: F, reply: oneshot::Sender<Result<T, QueueError>>) -> Self {
        Self { work: Some(work), outcome: None, reply }
    }
}

impl<T, F> Job for Call<T, F>
where
    T: Send,
    F: FnOnce(&mut Session) -> Result<T, QueueError> + Send,
{
    fn work(&mut self, session: &mut Session) -> Result<(), QueueError> {
        let work = self.work.take().ok_or_else(gone)?;
        self.outcome = Some(work(session)?);
        Ok(())
    }

    fn answer(self: Box<Self>, verdict: Result<(), QueueError>) {
        let Self { outcome, reply, .. } = *self;
        // Whoever asked may have gone; the work is done all the same.
        let _ = reply.send(verdict.and_then(|()| outcome.ok_or_else(gone)));
    }
}

/// Works until the last handle is dropped.
pub(super) fn serve(mut session: Session, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX
            && let Ok(next) = waiting.try_recv()
        {
            batch.push(next);
        }
        let verdicts = commit(&mut session, &mut batch);
        for (job, verdict) in batch.into_iter().zip(verdicts) {
            job.answer(verdict);
        }
    }
}

/// Runs all of `batch` in one transaction; answers for each job whether what it did is durable.
pub(super) fn commit(session: &mut Session, batch: &mut [Box<dyn Job>]) -> Vec<Result<(), QueueError>> {
    if let Err(error) = session.run("BEGIN IMMEDIATE", ()) {
        return vec![Err(error); batch.len()];
    }
    let mut verdicts = Vec::with_capacity(batch.len());
    for job in batch.iter_mut() {
        let verdict = apart(session, job.as_mut());
        if let Err(error) = &verdict
            && session.is_autocommit()
        {
            // SQLite took back the whole transaction (disk full, an IO error): the neighbours' work is gone too.
            return vec![Err(error.clone()); batch.len()];
        }
        verdicts.push(verdict);
    }
    if let Err(error) = session.run("COMMIT", ()) {
        let _ = session.run("ROLLBACK", ());
        return vec![Err(error); batch.len()];
    }
    observe::committed(NAME);
    verdicts
}

/// Runs one job in a savepoint.
fn apart(session: &mut Session, job: &mut dyn Job) -> Result<(), QueueError> {
    session.run("SAVEPOINT job", ())?;
    let worked = job.work(session);
    if session.is_autocommit() {
        return worked;
    }
    let undone = if worked.is_err() { session.run("ROLLBACK TO job", ()).map(drop) } else { Ok(()) };
    if let Err(error) = undone.and_then(|()| session.run("RELEASE job", ()).map(drop)) {
        // What one call did can no longer be told from what the others did: none of it may stay.
        let _ = session.run("ROLLBACK", ());
        return Err(error);
    }
    worked
}

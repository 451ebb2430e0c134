//! Calls that arrive together share a statement.
//!
//! One task runs one batch at a time. While a batch is on its way to the database, new calls wait; all that waited go
//! into the next one. Under load a commit carries hundreds of rows, and a lone call waits for nobody.

use std::time::Duration;

use async_trait::async_trait;
use outbox::QueueError;
use tokio::sync::{mpsc, oneshot};

use super::NAME;
use super::failure::Failure;
use crate::observe;

/// Calls that may wait for the task; more wait at their own place.
const WAITING_MAX: usize = 4_096;
/// Rows of one statement.
const ROWS_MAX: usize = 1_000;
/// Bytes of one statement: it is in our memory twice, and in Postgres'.
const BYTES_MAX: usize = 4 << 20;
/// How often a batch is tried that Postgres took back by itself (a deadlock).
const TRIES_MAX: u32 = 4;

/// What can be asked for many at once.
#[async_trait]
pub(super) trait Batch: Send + Sync + 'static {
    type Ask: Send + Sync + 'static;
    type Answer: Send + 'static;

    /// How many rows `ask` adds to a statement.
    fn rows(ask: &Self::Ask) -> usize;
    /// About how many bytes.
    fn bytes(_ask: &Self::Ask) -> usize {
        0
    }
    /// Does all of it or nothing; one answer for each ask, in the same order.
    async fn run(&self, asks: &[Self::Ask]) -> Result<Vec<Self::Answer>, Failure>;
}

type Reply<T> = oneshot::Sender<Result<T, QueueError>>;

/// The way to the task. It ends when this is dropped and all that was asked is answered.
pub(super) struct Coalescer<Q, A> {
    asks: mpsc::Sender<(Q, Reply<A>)>,
}

impl<Q: Send + Sync + 'static, A: Send + 'static> Coalescer<Q, A> {
    pub(super) fn new(batch: impl Batch<Ask = Q, Answer = A>) -> Self {
        let (asks, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(serve(batch, waiting));
        Self { asks }
    }

    /// Answers after the commit of the batch that `ask` went with.
    pub(super) async fn ask(&self, ask: Q) -> Result<A, QueueError> {
        let (reply, answer) = oneshot::channel();
        let gone = || QueueError::Unavailable("the store is closing".to_owned());
        self.asks.send((ask, reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

async fn serve<B: Batch>(batch: B, mut waiting: mpsc::Receiver<(B::Ask, Reply<B::Answer>)>) {
    while let Some((ask, reply)) = waiting.recv().await {
        let (mut asks, mut replies) = (vec![ask], vec![reply]);
        let (mut rows, mut bytes) = (B::rows(&asks[0]), B::bytes(&asks[0]));
        // Once round the runtime: tasks that are about to ask do so now.
        tokio::task::yield_now().await;
        while rows < ROWS_MAX
            && bytes < BYTES_MAX
            && let Ok((ask, reply)) = waiting.try_recv()
        {
            rows += B::rows(&ask);
            bytes += B::bytes(&ask);
            asks.push(ask);
            replies.push(reply);
        }
        answer(&batch, asks, replies).await;
    }
}

async fn answer<B: Batch>(batch: &B, asks: Vec<B::Ask>, replies: Vec<Reply<B::Answer>>) {
    // Whoever asked may have gone: then nobody hears the answer, which is no failure.
    match persist(batch, &asks).await {
        Ok(answers) => {
            for (reply, answer) in replies.into_iter().zip(answers) {
                let _ = reply.send(Ok(answer));
            }
        }
        // One of them is refused: each goes alone, so that it fails alone.
        Err(Failure::Broken(_) | Failure::Refused { .. }) if asks.len() > 1 => {
            for (ask, reply) in asks.iter().zip(replies) {
                let alone = persist(batch, std::slice::from_ref(ask)).await;
                let first = alone.map_err(QueueError::from).and_then(|answers| {
                    answers.into_iter().next().ok_or_else(|| QueueError::Broken("no answer".to_owned()))
                });
                let _ = reply.send(first);
            }
        }
        Err(failure) => {
            let error = QueueError::from(failure);
            for reply in replies {
                let _ = reply.send(Err(error.clone()));
            }
        }
    }
}

async fn persist<B: Batch>(batch: &B, asks: &[B::Ask]) -> Result<Vec<B::Answer>, Failure> {
    let mut tries = 1;
    loop {
        match batch.run(asks).await {
            Ok(answers) => {
                observe::committed(NAME);
                return Ok(answers);
            }
            Err(Failure::Again(cause)) if tries < TRIES_MAX => {
                tracing::debug!(error = cause, tries, "Postgres took back a transaction: {cause}");
                tokio::time::sleep(Duration::from_millis(5) * tries).await;
                tries += 1;
            }
            Err(failure) => return Err(failure),
        }
    }
}

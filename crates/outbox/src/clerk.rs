//! The clerk: the only one who asks the store for rows and marks them, for all targets together.
//!
//! Many targets share one transaction: whatever came together while the last call was under way goes into the next.
//! Marks always go before takes: were a row taken again before our mark of it is written, it would be sent twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use boot::Check;
use futures::future::{BoxFuture, FutureExt};
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::holder::later;
use crate::unmarked::Mark;
use crate::vigil::Beats;
use crate::{EngineOptions, Outcome, QueueError, Row, Settlement, Take, Want, observe};

/// Rows that share one transaction at most.
const BATCH: usize = 1_024;

/// How long the store is left alone after it did not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// How long the first of several requests waits for others, so that a burst becomes one transaction.
const GATHER: Duration = Duration::from_millis(2);

/// What a target gets for its request.
#[derive(Debug)]
pub enum Answer {
    /// Rows, leased until then.
    Rows(Vec<Row>, Timestamp),
    /// None is due; the next one will be then, as far as known.
    Idle(Option<Timestamp>),
}

/// A request or a mark.
enum Slip {
    Take(Ask),
    Settle(Settlement, Mark),
}

struct Ask {
    want: Want,
    give: oneshot::Sender<Answer>,
}

/// Where a target hands in its slips. When the last one is dropped, the clerk writes its last marks and ends.
#[derive(Clone)]
pub struct Desk(UnboundedSender<Slip>);

/// The other end of the desk.
pub struct Slips(UnboundedReceiver<Slip>);

impl Desk {
    /// A desk and its clerk's end.
    pub fn open() -> (Self, Slips) {
        let (desk, slips) = unbounded_channel();
        (Self(desk), Slips(slips))
    }

    /// Asks for up to `limit` due rows. Waits as long as the store is down; none when the clerk has gone.
    pub fn take(&self, target: &str, limit: usize) -> BoxFuture<'static, Option<Answer>> {
        let (give, answer) = oneshot::channel();
        let asked = self.0.send(Slip::Take(Ask { want: Want { target: target.to_owned(), limit }, give }));
        async move { if asked.is_ok() { answer.await.ok() } else { None } }.boxed()
    }

    /// Hands in a mark; it is written as soon as the store can, and `mark` dropped.
    pub fn settle(&self, settlement: Settlement, mark: Mark) {
        // Without a clerk the process is leaving, and the row's lease runs out.
        let _ = self.0.send(Slip::Settle(settlement, mark));
    }
}

/// Who serves the desk.
pub struct Clerk {
    options: Arc<EngineOptions>,
    check: Check,
    beats: Arc<Beats>,
    failures: u32,
    marks: Vec<(Settlement, Option<Mark>)>,
    asks: Vec<Ask>,
}

impl Clerk {
    /// At work as soon as [`Clerk::serve`] is called.
    pub fn new(options: Arc<EngineOptions>, beats: Arc<Beats>) -> Self {
        let check = options.house.health.check(format!("{}.outbox", options.service));
        Self { options, check, beats, failures: 0, marks: Vec::new(), asks: Vec::new() }
    }

    /// Serves the desk until it is closed and the last mark is written. While the store is down everything waits:
    /// without it nothing can go on, and nothing may be lost.
    pub async fn serve(mut self, mut slips: Slips) {
        let mut heap = Vec::with_capacity(BATCH);
        loop {
            if self.marks.is_empty() && self.asks.is_empty() && slips.0.recv_many(&mut heap, BATCH).await == 0
            {
                return;
            }
            tokio::time::sleep(GATHER).await;
            while let Ok(slip) = slips.0.try_recv() {
                heap.push(slip);
            }
            for slip in heap.drain(..) {
                match slip {
                    Slip::Settle(settlement, mark) => self.marks.push((settlement, Some(mark))),
                    Slip::Take(ask) => self.asks.push(ask),
                }
            }
            let served = match self.settle().await {
                Ok(()) => self.answer().await,
                failed => failed,
            };
            if self.told(served) {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn settle(&mut self) -> Result<(), QueueError> {
        while !self.marks.is_empty() {
            let batch: Vec<_> =
                self.marks.iter().take(BATCH).map(|(settlement, _)| settlement.clone()).collect();
            let written = batch.len();
            self.beats.during(self.options.queue.settle(batch)).await?;
            self.marks.drain(..written);
        }
        Ok(())
    }

    async fn answer(&mut self) -> Result<(), QueueError> {
        // Who no longer waits must get no rows: they would lie leased and unsent.
        self.asks.retain(|ask| !ask.give.is_closed());
        if self.asks.is_empty() {
            return Ok(());
        }
        let options = &self.options;
        let now = (options.house.clock)();
        let lease_until = later(now, options.config.lease.0);
        let wants = self.asks.iter().map(|ask| ask.want.clone()).collect();
        let (service, owner) = (options.service.to_owned(), options.owner.clone());
        let take = Take { service, owner, wants, lease_until, now };
        let rows = self.beats.during(options.queue.take(take)).await?;
        let mut by_target: HashMap<String, Vec<Row>> = HashMap::new();
        for row in rows {
            // Told here, for a row that is given back unsent is no longer known to be in doubt.
            if row.ambiguous {
                let why = "an earlier attempt was never marked";
                observe::ambiguous(options.service, &row, row.attempt, why);
            }
            by_target.entry(row.parcel.effect.target.clone()).or_default().push(row);
        }
        // Rows are handed out before anything else is asked: what comes next may fail.
        for ask in std::mem::take(&mut self.asks) {
            let Some(rows) = by_target.remove(&ask.want.target) else {
                self.asks.push(ask);
                continue;
            };
            if let Err(Answer::Rows(rows, _)) = ask.give.send(Answer::Rows(rows, lease_until)) {
                self.give_back(rows);
            }
        }
        self.tell_due().await
    }

    /// Tells those for whom there was nothing when there will be something.
    async fn tell_due(&mut self) -> Result<(), QueueError> {
        if self.asks.is_empty() {
            return Ok(());
        }
        let idle: Vec<String> = self.asks.iter().map(|ask| ask.want.target.clone()).collect();
        let due = self.options.queue.next_due(self.options.service, &idle);
        let due = self.beats.during(due).await?;
        let due: HashMap<String, Timestamp> = due.into_iter().collect();
        for ask in self.asks.drain(..) {
            let _ = ask.give.send(Answer::Idle(due.get(&ask.want.target).copied()));
        }
        Ok(())
    }

    /// The target left between asking and getting: the marks go with the next round.
    fn give_back(&mut self, rows: Vec<Row>) {
        let not_before = (self.options.house.clock)();
        let owner = &self.options.owner;
        self.marks.extend(rows.into_iter().map(|row| {
            let outcome = Outcome::Untried { not_before };
            (Settlement { id: row.id, owner: owner.clone(), attempt: row.attempt, outcome }, None)
        }));
    }

    /// Counts and tells a failure; true when the store is to be left alone for a while.
    fn told(&mut self, served: Result<(), QueueError>) -> bool {
        match served {
            Ok(()) => {
                self.check.ok();
                self.failures = 0;
                false
            }
            Err(error) => {
                self.failures += 1;
                observe::store_failed(self.options.service, &error, self.failures);
                self.check.fail(error.to_string());
                true
            }
        }
    }
}

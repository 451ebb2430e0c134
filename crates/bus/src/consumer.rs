//! A member of a consumer group, on a thread of its own whose poll never waits for work.
//!
//! The thread turns what librdkafka says into an ordered stream of signals. Nothing is stored or committed by itself.

mod context;
mod gaps;
mod holding;
mod offsets;
mod poller;
pub(crate) mod pulse;
mod slots;
mod stats;

use std::{
    fmt,
    sync::{Arc, mpsc as thread},
    time::Duration,
    vec,
};

use rdkafka::ClientConfig;
use tokio::sync::{
    mpsc::{self, UnboundedReceiver},
    oneshot,
};

use crate::{
    error::BusError,
    record::{InRecord, Slot},
    settings::{self, Settings},
};
use context::Context;
use poller::{Command, Poller};
use pulse::Pulse;
use slots::Slots;

/// How long `close` waits for the thread; afterwards it is left behind and ends by itself, or with the process.
const CLOSE_WAIT: Duration = Duration::from_secs(6);
/// Three heartbeats fit into a session that is not shorter than its default.
const HEARTBEAT_MAX: Duration = Duration::from_secs(3);
/// The poll pauses only for a hand-back, which has its own bound. Two may follow each other, and then some.
const POLL_MARGIN: Duration = Duration::from_secs(5);
const STATISTICS_EVERY: Duration = Duration::from_secs(5);
/// Bytes that one answer brings of one partition, or one batch if that is larger, where a little of each is wanted.
const SHARE_BYTES: u32 = 32 * 1024;

/// What may come through a [`Gate`] at a time: no record beyond the one with which the bytes are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// None while the gate is shut.
    pub records: usize,
    /// Key, value and headers of all of them.
    pub bytes: usize,
}

/// Bounds the work that is handed out but unfinished. Called on the consumer's thread, so it must be quick.
pub trait Gate: Send + Sync {
    /// Counts records of that many bytes together, just before they become signals.
    fn admit(&self, records: usize, bytes: usize);
    /// Whether more records may come. While it is false, records wait in the consumer and fetching pauses once enough
    /// of them do; polling goes on. High and low water are the implementer's.
    fn open(&self) -> bool;
    /// How many records may come before it is asked again. Asking for each would have two threads tear at one counter.
    fn room(&self) -> Room {
        Room { records: usize::from(self.open()), bytes: 0 }
    }
}

/// What a member is told, in order: the records of a slot lie between its `Assigned` and its `Revoking` or `Lost`.
#[derive(Debug)]
pub enum Signal {
    /// These slots are ours from now on.
    Assigned(Vec<Slot>),
    /// These slots will go to another member: finish what runs, then hand them back. Nothing else comes meanwhile.
    Revoking(Vec<Slot>, Handback),
    /// These slots are no longer ours, perhaps for some time already: drop their work and commit nothing.
    Lost(Vec<Slot>),
    /// A record.
    Record(InRecord),
    /// The member has stopped for good and only a new one helps.
    Stalled(String),
    /// The slot's next record is gone (retention, or the topic was made anew). The oldest one there is comes next, its
    /// offset may lie below earlier ones.
    OffsetOutOfRange(Slot),
    /// Something a person should know of, such as a topic that is missing; the member goes on by itself.
    Error(String),
}

/// The duty to hand revoked slots back. Dropped unused, they go back without a commit.
#[derive(Debug)]
pub struct Handback {
    reply: thread::SyncSender<Vec<(Slot, i64)>>,
}

impl Handback {
    /// Commits these next offsets and lets the rebalance go on. After the grace it is too late and does nothing.
    pub fn give(self, offsets: Vec<(Slot, i64)>) {
        let _ = self.reply.try_send(offsets);
    }
}

/// Tells for newly assigned slots where to begin; none for the committed offset. Called on the consumer's thread: it
/// may ask a database, and everything waits for it.
pub type Resolver = Arc<dyn Fn(&[Slot]) -> Vec<(Slot, Option<i64>)> + Send + Sync>;

/// Where a newly assigned slot begins.
#[derive(Clone, Default)]
pub enum Start {
    /// At the group's committed offset, else at the earliest record.
    #[default]
    Committed,
    /// Where this says.
    Resolved(Resolver),
}

impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Committed => "Committed",
            Self::Resolved(_) => "Resolved(…)",
        })
    }
}

/// What a backlog is read in: whatever is held at a time is of this many partitions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mix {
    /// Many, and little of each: for whoever handles records of different keys at a time. A partition has few keys.
    #[default]
    Fine,
    /// Few, and much of each: for whoever writes what several records of one key come to.
    Coarse,
}

/// What a consumer joins and how.
#[derive(Clone)]
pub struct Membership {
    /// The group's name.
    pub group: String,
    /// The topics; all members of a group name the same ones.
    pub topics: Vec<String>,
    /// The bound on unfinished work.
    pub gate: Arc<dyn Gate>,
    /// How long a revocation waits for its hand-back.
    pub revoke_grace: Duration,
    /// Where newly assigned slots begin.
    pub start: Start,
    /// How partitions are mixed.
    pub mix: Mix,
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership")
            .field("group", &self.group)
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

/// A member of a group. Dropped, it leaves the group in the background without a commit.
#[derive(Debug)]
pub struct Consumer {
    /// Signals come in batches: handing each over by itself costs more than most handlers.
    signals: UnboundedReceiver<Vec<Signal>>,
    /// What is left of the batch in hand.
    ready: vec::IntoIter<Signal>,
    commands: thread::Sender<Command>,
    slots: Arc<Slots>,
}

impl Consumer {
    /// Joins a group that begins at its committed offsets, else at the earliest records.
    pub fn join(
        settings: &Settings,
        group: &str,
        topics: &[&str],
        gate: Arc<dyn Gate>,
        revoke_grace: Duration,
    ) -> Result<Self, BusError> {
        let topics = topics.iter().map(|&topic| topic.to_owned()).collect();
        let (group, start, mix) = (group.to_owned(), Start::Committed, Mix::Fine);
        Self::join_as(settings, Membership { group, topics, gate, revoke_grace, start, mix })
    }

    /// Joins a group. Returns at once; the first `Assigned` tells that it worked.
    pub fn join_as(settings: &Settings, membership: Membership) -> Result<Self, BusError> {
        let config = member(settings, &membership)?;
        let (sender, signals) = mpsc::unbounded_channel();
        let (commands, orders) = thread::channel();
        let slots = Arc::new(Slots::new(&membership.group));
        slots.client_id.get_or_init(|| config.get("client.id").unwrap_or_default().to_owned());
        let context = Context::new(&membership, sender, slots.clone()).with_tokens(settings.tokens());
        let client = config.create_with_context(context).map_err(|error| BusError::from_kafka(&error))?;
        let held_bytes_max = usize::try_from(settings.fetch_queue_bytes / 2).unwrap_or(usize::MAX);
        Poller::start(client, &membership, orders, held_bytes_max)?;
        Ok(Self { signals, ready: Vec::new().into_iter(), commands, slots })
    }

    /// The next signal; none once the consumer's thread has ended. Safe to drop half-way.
    pub async fn next(&mut self) -> Option<Signal> {
        loop {
            if let Some(signal) = self.ready.next() {
                return Some(signal);
            }
            self.ready = self.signals.recv().await?.into_iter();
        }
    }

    /// Commits next offsets, in the background and within a tenth of a second. Offsets of slots that are not ours are
    /// left out. A commit that fails is counted, and made good by the next one.
    pub fn commit(&self, offsets: Vec<(Slot, i64)>) {
        let _ = self.commands.send(Command::Commit(offsets));
    }

    /// The slots that are ours now.
    pub fn assigned(&self) -> Vec<Slot> {
        self.slots.assigned()
    }

    /// Records between the committed offset and the end, for each slot where that is known; some seconds old.
    pub fn lag(&self) -> Vec<(Slot, i64)> {
        self.slots.lag()
    }

    /// The signs of life of this member, for whoever watches over it.
    pub fn pulse(&self) -> Pulse {
        Pulse::new(self.slots.clone())
    }

    /// Commits, leaves the group and closes the client on its own thread. Takes six seconds at most, also without a
    /// broker. No signal comes any more; a hand-back that is due counts as dropped.
    pub async fn close(self, final_offsets: Vec<(Slot, i64)>) {
        let Self { signals, ready, commands, .. } = self;
        drop((signals, ready));
        let (done, closed) = oneshot::channel();
        if commands.send(Command::Close(final_offsets, done)).is_ok()
            && tokio::time::timeout(CLOSE_WAIT, closed).await.is_err()
        {
            tracing::warn!("a Kafka consumer did not close in time and was left behind");
        }
    }
}

/// What librdkafka is told of a member.
pub(crate) fn member(settings: &Settings, membership: &Membership) -> Result<ClientConfig, BusError> {
    let mut config = settings::consumer(settings)?;
    let session = settings.session_timeout;
    let hand_backs = membership.revoke_grace * 2 + POLL_MARGIN;
    let poll_interval = settings.poll_interval_max.max(hand_backs).max(session);
    config
        .set("group.id", &membership.group)
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", session.as_millis().to_string())
        .set("heartbeat.interval.ms", HEARTBEAT_MAX.min(session / 3).as_millis().to_string())
        .set("max.poll.interval.ms", poll_interval.as_millis().to_string())
        .set("statistics.interval.ms", STATISTICS_EVERY.as_millis().to_string());
    if membership.mix == Mix::Fine {
        config.set("fetch.message.max.bytes", SHARE_BYTES.to_string());
    }
    Ok(config)
}

#[cfg(test)]
mod tests;

//! The consumer's thread: polls without end, hands records on while the gate is open, and closes the client.

use std::{
    sync::{Arc, atomic::Ordering, mpsc as thread},
    time::{Duration, Instant},
};

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode as Code},
};
use tokio::sync::oneshot;

use super::{Gate, Membership, Signal, context::Context, gaps, holding::Holding, offsets};
use crate::{error::BusError, incoming::Copier, observe, record::Slot};

/// The poll sleeps until there is something, and at most this long until it looks for commands.
const POLL_WAIT: Duration = Duration::from_millis(100);
/// The same while records wait for the gate.
const GATE_WAIT: Duration = Duration::from_millis(5);
/// Most gates open again in no time: for so long nothing is polled, as what comes would only have to wait, here or,
/// once it is too much, at the broker, from where it comes twice. A rebalance waits likewise.
const SHUT_SHORTLY: Duration = Duration::from_millis(100);
/// A gate that opens again and again, for a few records each time, must not keep the poll away: rebalances, and the
/// group's patience, hang on it.
const UNPOLLED_MAX: Duration = Duration::from_secs(1);
/// How often such a gate is looked at.
const GATE_LOOK: Duration = Duration::from_millis(1);
/// Records that are taken at a time.
const BATCH: usize = 128;
/// How long the last commit may take.
const COMMIT_WAIT: Duration = Duration::from_secs(3);

pub(super) enum Command {
    Commit(Vec<(Slot, i64)>),
    Close(Vec<(Slot, i64)>, oneshot::Sender<()>),
}

pub(super) struct Poller {
    client: BaseConsumer<Context>,
    commands: thread::Receiver<Command>,
    gate: Arc<dyn Gate>,
    holding: Holding,
    /// When records were last let through.
    handed_on: Instant,
    polled: Instant,
    copier: Copier,
    rebalances: u64,
}

impl Poller {
    /// Subscribes and starts the thread.
    pub(super) fn start(
        client: BaseConsumer<Context>,
        membership: &Membership,
        commands: thread::Receiver<Command>,
        held_bytes_max: usize,
    ) -> Result<(), BusError> {
        let names: Vec<&str> = membership.topics.iter().map(String::as_str).collect();
        client.subscribe(&names).map_err(|error| BusError::from_kafka(&error))?;
        let poller = Self {
            client,
            commands,
            gate: membership.gate.clone(),
            holding: Holding::new(held_bytes_max),
            handed_on: Instant::now(),
            polled: Instant::now(),
            copier: Copier::default(),
            rebalances: 0,
        };
        let thread = std::thread::Builder::new().name("bus-consumer".into());
        let started = thread.spawn(move || poller.run());
        started
            .map(|_| ())
            .map_err(|error| BusError::Settings(format!("no thread for the consumer: {error}")))
    }

    fn run(mut self) {
        loop {
            let is_shut_shortly = !self.holding.is_empty()
                && self.handed_on.elapsed() < SHUT_SHORTLY
                && self.polled.elapsed() < UNPOLLED_MAX;
            let order = if is_shut_shortly {
                self.commands.recv_timeout(GATE_LOOK)
            } else {
                self.commands.try_recv().map_err(|none| match none {
                    thread::TryRecvError::Empty => thread::RecvTimeoutError::Timeout,
                    thread::TryRecvError::Disconnected => thread::RecvTimeoutError::Disconnected,
                })
            };
            match order {
                Ok(Command::Commit(offsets)) => {
                    self.client.context().commit(&self.client, offsets);
                }
                Ok(Command::Close(offsets, done)) => {
                    self.leave(offsets);
                    let _ = done.send(());
                    return;
                }
                Err(thread::RecvTimeoutError::Disconnected) => return self.leave(Vec::new()),
                Err(thread::RecvTimeoutError::Timeout) => {}
            }
            if !is_shut_shortly {
                self.poll();
            }
            self.hand_on();
            self.client.context().slots.beat.turned(!self.holding.is_empty());
            self.balance();
            self.client.context().make_good(&self.client);
            if self.client.context().take_reset() {
                gaps::look(&self.client);
            }
        }
    }

    /// Waits for a record, and takes what else is there.
    fn poll(&mut self) {
        self.polled = Instant::now();
        let mut wait = if self.holding.is_empty() { POLL_WAIT } else { GATE_WAIT };
        let mut came: Option<(Slot, i64)> = None;
        for _ in 0..BATCH {
            match self.client.poll(wait) {
                Some(Ok(message)) => {
                    let record = self.copier.copy(&message);
                    drop(message);
                    // Most follow one of the same slot, and only the last of them is told.
                    if let Some((slot, offset)) = came.take_if(|(slot, _)| *slot != record.slot) {
                        self.client.context().slots.came(&slot, offset);
                    }
                    match &mut came {
                        Some((_, offset)) => *offset = record.offset,
                        None => came = Some((record.slot.clone(), record.offset)),
                    }
                    self.holding.push(record);
                }
                Some(Err(error)) => self.complain(&error),
                None => break,
            }
            wait = Duration::ZERO;
        }
        if let Some((slot, offset)) = came {
            self.client.context().slots.came(&slot, offset);
        }
        // A poll that served a rebalance gives nothing and so was the last one, and it served one at most: nothing of
        // an earlier assignment outlives it here.
        let rebalances = self.client.context().rebalances.load(Ordering::SeqCst);
        if rebalances != self.rebalances {
            self.rebalances = rebalances;
            let slots = &self.client.context().slots;
            self.holding.retain(|record| slots.has(&record.slot));
        }
    }

    fn hand_on(&mut self) {
        let mut signals = Vec::new();
        while !self.holding.is_empty() {
            let room = self.gate.room();
            let (mut records, mut bytes) = (0, 0);
            while records < room.records && (records == 0 || bytes < room.bytes) {
                let Some(record) = self.holding.pop() else { break };
                (records, bytes) = (records + 1, bytes + record.size());
                signals.push(Signal::Record(record));
            }
            if records == 0 {
                break;
            }
            self.gate.admit(records, bytes);
        }
        if !signals.is_empty() {
            self.handed_on = Instant::now();
            self.client.context().tell_all(signals);
        }
    }

    /// Pauses all slots when too many records wait, and resumes them when most are gone.
    fn balance(&mut self) {
        let context = self.client.context();
        let paused = context.paused.load(Ordering::SeqCst);
        let change = if paused { self.holding.is_low() } else { self.holding.is_full() };
        if !change {
            return;
        }
        context.paused.store(!paused, Ordering::SeqCst);
        observe::paused(context.slots.group(), !paused);
        let list = offsets::list(&context.slots.assigned());
        let done = if paused { self.client.resume(&list) } else { self.client.pause(&list) };
        if let Err(error) = done {
            context.paused.store(paused, Ordering::SeqCst); // Tried again with the next poll.
            tracing::debug!(error = %error, "partitions were neither paused nor resumed");
        }
    }

    fn complain(&self, error: &KafkaError) {
        let context = self.client.context();
        match error {
            KafkaError::MessageConsumptionFatal(code) => {
                context.tell(Signal::Stalled(code.to_string()));
            }
            // Brokers come and go; librdkafka finds them again, and readiness is watched elsewhere.
            KafkaError::MessageConsumption(
                Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::Resolve
                | Code::OperationTimedOut
                | Code::RequestTimedOut
                | Code::PollExceeded,
            ) => tracing::debug!(error = %error, "the Kafka consumer goes on"),
            _ => {
                context.tell(Signal::Error(error.to_string()));
            }
        }
    }

    /// Commits, waits a little for the answer, and leaves the group. Only this thread ever drops the client.
    fn leave(self, offsets: Vec<(Slot, i64)>) {
        let context = self.client.context();
        context.closing.store(true, Ordering::SeqCst);
        context.commit_finally(&self.client, offsets, COMMIT_WAIT);
    }
}

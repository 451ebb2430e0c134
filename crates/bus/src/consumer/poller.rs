//! The consumer's thread: polls without end, hands records on while the gate is open, and closes the client.

use std::{
    sync::{Arc, atomic::Ordering, mpsc as thread},
    time::Duration,
};

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode as Code},
};
use tokio::sync::oneshot;

use super::{Gate, Membership, Signal, context::Context, gaps, holding::Holding, offsets};
use crate::{error::BusError, incoming, observe, record::Slot};

/// The poll sleeps until there is something, and at most this long until it looks for commands.
const POLL_WAIT: Duration = Duration::from_millis(100);
/// The same while records wait for the gate.
const GATE_WAIT: Duration = Duration::from_millis(5);
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
    topics: Vec<Arc<str>>,
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
            topics: Vec::new(),
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
            match self.commands.try_recv() {
                Ok(Command::Commit(offsets)) => {
                    self.client.context().commit(&self.client, offsets);
                }
                Ok(Command::Close(offsets, done)) => {
                    self.leave(offsets);
                    let _ = done.send(());
                    return;
                }
                Err(thread::TryRecvError::Disconnected) => return self.leave(Vec::new()),
                Err(thread::TryRecvError::Empty) => {}
            }
            self.poll(if self.holding.is_empty() { POLL_WAIT } else { GATE_WAIT });
            self.hand_on();
            self.client.context().slots.beat.turned(!self.holding.is_empty());
            self.balance();
            self.client.context().make_good(&self.client);
            if self.client.context().take_reset() {
                gaps::look(&self.client);
            }
        }
    }

    fn poll(&mut self, wait: Duration) {
        match self.client.poll(wait) {
            Some(Ok(message)) => {
                let record = incoming::copy(&message, &mut self.topics);
                drop(message);
                self.client.context().slots.came(&record.slot, record.offset);
                self.holding.push(record);
            }
            Some(Err(error)) => self.complain(&error),
            None => {}
        }
        // A poll serves one rebalance at most, so nothing of an earlier assignment outlives it here.
        let rebalances = self.client.context().rebalances.load(Ordering::SeqCst);
        if rebalances != self.rebalances {
            self.rebalances = rebalances;
            let slots = &self.client.context().slots;
            self.holding.retain(|record| slots.has(&record.slot));
        }
    }

    fn hand_on(&mut self) {
        while !self.holding.is_empty() && self.gate.open() {
            let Some(record) = self.holding.pop() else { return };
            self.gate.admit(record.size());
            self.client.context().tell(Signal::Record(record));
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

//! What librdkafka calls back on the consumer's thread: rebalances first of all.

use std::{
    error::Error,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc as thread,
    },
    time::Duration,
};

use rdkafka::{
    ClientContext, TopicPartitionList,
    client::OAuthToken,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, RebalanceProtocol},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code},
    types::RDKafkaRespErr,
};
use tokio::sync::mpsc::UnboundedSender;

use super::{Handback, Membership, Signal, Start, offsets, slots::Slots, stats};
use crate::{logs, observe, record::Slot, tokens::Tokens};

pub(super) struct Context {
    signals: UnboundedSender<Vec<Signal>>,
    pub(super) slots: Arc<Slots>,
    start: Start,
    revoke_grace: Duration,
    /// Newly assigned slots are paused too while this is set.
    pub(super) paused: AtomicBool,
    /// The member leaves: rebalances are answered at once and told to nobody.
    pub(super) closing: AtomicBool,
    pub(super) rebalances: AtomicU64,
    offsets_reset: AtomicBool,
    /// What was given to commit and has not arrived.
    missing: Mutex<Vec<(Slot, i64)>>,
    tokens: Option<Tokens>,
}

impl Context {
    pub(super) fn new(
        membership: &Membership,
        signals: UnboundedSender<Vec<Signal>>,
        slots: Arc<Slots>,
    ) -> Self {
        Self {
            signals,
            slots,
            start: membership.start.clone(),
            revoke_grace: membership.revoke_grace,
            paused: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            rebalances: AtomicU64::new(0),
            offsets_reset: AtomicBool::new(false),
            missing: Mutex::default(),
            tokens: None,
        }
    }

    pub(super) fn with_tokens(self, tokens: Option<Tokens>) -> Self {
        Self { tokens, ..self }
    }

    /// Tells the handle; false when it is gone.
    pub(super) fn tell(&self, signal: Signal) -> bool {
        self.tell_all(vec![signal])
    }

    /// Tells the handle many things at once; false when it is gone.
    pub(super) fn tell_all(&self, signals: Vec<Signal>) -> bool {
        self.signals.send(signals).is_ok()
    }

    /// Whether a position was reset since the last call.
    pub(super) fn take_reset(&self) -> bool {
        self.offsets_reset.swap(false, Ordering::SeqCst)
    }

    /// Looks for reset positions again later.
    pub(super) fn keep_reset(&self) {
        self.offsets_reset.store(true, Ordering::SeqCst);
    }

    /// Commits next offsets in the background; what is not ours any more is dropped. librdkafka tells nobody how such a
    /// commit ended: its statistics show what arrived, and what did not is committed again.
    pub(super) fn commit(&self, client: &BaseConsumer<Self>, given: Vec<(Slot, i64)>) {
        let (ours, stale) = self.slots.ours(given);
        for _ in 0..stale {
            observe::commit_not_ours(self.slots.group());
        }
        let Some(list) = offsets::commits(&ours) else { return };
        if let Err(error) = client.commit(&list, CommitMode::Async) {
            self.commit_refused(&error);
        }
    }

    /// Commits what has not arrived.
    pub(super) fn make_good(&self, client: &BaseConsumer<Self>) {
        let missing = std::mem::take(&mut *self.missing.lock().unwrap_or_else(PoisonError::into_inner));
        if !missing.is_empty() {
            observe::commit_failed(self.slots.group());
            tracing::debug!(kafka.group = self.slots.group(), ?missing, "offsets are committed again");
            self.commit(client, missing);
        }
    }

    /// The last commit: waits for it, at most for `wait`. The broker answers in the order of the questions, so what it
    /// says is committed counts the commit in.
    pub(super) fn commit_finally(
        &self,
        client: &BaseConsumer<Self>,
        given: Vec<(Slot, i64)>,
        wait: Duration,
    ) {
        let slots: Vec<Slot> = given.iter().map(|(slot, _)| slot.clone()).collect();
        if slots.is_empty() {
            return;
        }
        self.commit(client, given.clone());
        let committed = client.committed_offsets(offsets::list(&slots), wait);
        let committed = committed.map(|list| offsets::offsets(&list));
        if !committed.as_ref().is_ok_and(|there| given.iter().all(|wanted| there.contains(wanted))) {
            observe::commit_failed(self.slots.group());
            tracing::debug!(kafka.group = self.slots.group(), ?committed, ?given, "the last commit failed");
        }
    }

    fn commit_refused(&self, error: &KafkaError) {
        observe::commit_failed(self.slots.group());
        match error.rdkafka_error_code() {
            // The group went on without us: the partitions come back or somebody else has them.
            Some(
                Code::IllegalGeneration
                | Code::UnknownMemberId
                | Code::RebalanceInProgress
                | Code::AssignmentLost
                | Code::State,
            ) => {
                tracing::debug!(kafka.group = self.slots.group(), error = %error, "offsets were not committed")
            }
            _ => tracing::warn!(
                kafka.group = self.slots.group(), error = %error,
                "offsets were not committed, the next commit makes it good",
            ),
        }
    }

    fn assign(&self, client: &BaseConsumer<Self>, slots: Vec<Slot>) -> KafkaResult<()> {
        let starts: Vec<(Slot, Option<i64>)> = match &self.start {
            Start::Resolved(resolver) if !self.closing.load(Ordering::SeqCst) => {
                let told = resolver(&slots);
                let of =
                    |slot: &Slot| told.iter().find(|(known, _)| known == slot).and_then(|(_, next)| *next);
                slots.iter().map(|slot| (slot.clone(), of(slot))).collect()
            }
            _ => slots.iter().map(|slot| (slot.clone(), None)).collect(),
        };
        let list = offsets::starts(&starts);
        self.slots.add(&starts);
        match client.rebalance_protocol() {
            RebalanceProtocol::Cooperative => client.incremental_assign(&list)?,
            _ => client.assign(&list)?,
        }
        if self.paused.load(Ordering::SeqCst) {
            client.pause(&list)?;
        }
        observe::rebalanced(self.slots.group(), "assigned", slots.len());
        if !self.closing.load(Ordering::SeqCst) {
            self.tell(Signal::Assigned(slots));
        }
        Ok(())
    }

    fn revoke(&self, client: &BaseConsumer<Self>, slots: Vec<Slot>) -> KafkaResult<()> {
        let list = offsets::list(&slots);
        let lost = client.assignment_lost();
        observe::rebalanced(self.slots.group(), if lost { "lost" } else { "revoked" }, slots.len());
        if self.closing.load(Ordering::SeqCst) {
            // The final offsets are committed already.
        } else if lost {
            // Whoever is told must not find them among ours any more.
            self.slots.remove(&slots);
            self.tell(Signal::Lost(slots.clone()));
        } else {
            let given = self.ask_back(&slots);
            // The commit is asynchronous, and librdkafka rejoins only after its answer.
            self.commit(client, given);
        }
        self.slots.remove(&slots);
        match client.rebalance_protocol() {
            RebalanceProtocol::Cooperative => client.incremental_unassign(&list),
            _ => client.unassign(),
        }
    }

    /// Waits for the hand-back, at most for the grace. Heartbeats go on meanwhile.
    fn ask_back(&self, slots: &[Slot]) -> Vec<(Slot, i64)> {
        let (reply, answer) = thread::sync_channel(1);
        if slots.is_empty() || !self.tell(Signal::Revoking(slots.to_vec(), Handback { reply })) {
            return Vec::new();
        }
        match answer.recv_timeout(self.revoke_grace) {
            Ok(mut given) => {
                given.retain(|(slot, _)| slots.contains(slot));
                given
            }
            Err(thread::RecvTimeoutError::Disconnected) => Vec::new(),
            Err(thread::RecvTimeoutError::Timeout) => {
                tracing::warn!(
                    kafka.group = self.slots.group(),
                    "partitions go back without a commit: they were not handed back in time",
                );
                Vec::new()
            }
        }
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        logs::token(self.tokens.as_ref())
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        logs::line(level, facility, message);
        // Two things exist as log lines only; the facility is their name, the text is not looked at.
        match facility {
            "MAXPOLL" => {
                self.tell(Signal::Stalled(message.to_owned()));
            }
            "OFFSET" => self.keep_reset(),
            _ => {}
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        logs::trouble(&error, reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) =
            self.slots.told(stats::read(statistics));
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, client: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let slots = offsets::slots(list);
        let done = match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(client, slots),
            _ => self.revoke(client, slots),
        };
        self.rebalances.fetch_add(1, Ordering::SeqCst);
        if let Err(error) = done {
            self.tell(Signal::Error(format!("a rebalance failed: {error}")));
        }
    }
}

#[cfg(test)]
mod tests;

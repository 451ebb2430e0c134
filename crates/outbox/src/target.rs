//! The worker of one target: the only task that delivers to it, so that a target in trouble troubles no other.

mod ending;

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use crate::appetite::Appetite;
use crate::breaker::{Breaker, BreakerState};
use crate::clerk::Answer;
use crate::crew::{Parts, Post};
use crate::deliver::{Landing, Verdict, attempt, bury};
use crate::holder::{later, until};
use crate::rate::Pacer;
use crate::schedule::Schedule;
use crate::unmarked::Unmarked;
use crate::{Outcome, Refusal, Row, Settlement, observe};

/// The longest time that a remote's Retry-After can hold its target.
const HOLD_MAX: Duration = Duration::from_secs(3_600);

/// How long a row waits whose dead letter was not acknowledged.
const UNBURIED_PAUSE: Duration = Duration::from_secs(30);

/// How far ahead rows of a paced target are taken.
const AHEAD: Duration = Duration::from_secs(2);

/// How many rows were asked for, and the answer to come.
type Asked = (usize, BoxFuture<'static, Option<Answer>>);

/// The worker of one target.
pub struct Target {
    parts: Parts,
    post: Post,
    name: String,
    schedule: Schedule,
    appetite: Appetite,
    breaker: Breaker,
    state: BreakerState,
    /// The remote asked to be left alone until then.
    hold_until: Duration,
    /// Rows taken and not begun, and until when they are ours.
    shelf: VecDeque<(Row, Timestamp)>,
    /// Each with the count of the destinations before the one that it began with.
    under_way: FuturesUnordered<BoxFuture<'static, (u32, Landing)>>,
    former: u32,
    unmarked: Arc<Unmarked>,
    asked: Option<Asked>,
    /// How many deliveries under way were told last.
    told: usize,
    /// When to ask for rows again.
    ask_at: Option<Duration>,
}

impl Target {
    /// Nothing is taken before [`Target::run`].
    pub fn new(mut parts: Parts) -> Self {
        let post = parts.post.borrow_and_update().clone();
        let config = &parts.options.config;
        let pauses = config.schedule.iter().map(|span| span.0).collect();
        Self {
            name: post.destination.name().to_owned(),
            schedule: Schedule::new(pauses, config.attempts_max),
            appetite: Appetite::new(config.batch, post.share),
            breaker: Breaker::of(config.breaker),
            state: BreakerState::Closed,
            hold_until: Duration::ZERO,
            shelf: VecDeque::new(),
            under_way: FuturesUnordered::new(),
            former: 0,
            unmarked: Arc::default(),
            asked: None,
            told: 0,
            ask_at: Some(Duration::ZERO),
            post,
            parts,
        }
    }

    /// Delivers until it is over, then lets what is under way end within the grace.
    pub async fn run(mut self) {
        let over = self.parts.over.clone();
        let (wake, unmarked) = (Arc::clone(&self.parts.wake), Arc::clone(&self.unmarked));
        while !over.is_cancelled() {
            self.parts.beats.turned(&self.name);
            self.launch();
            self.ask();
            self.tell_load();
            let due = self.wake_at().map(|at| self.parts.since + at);
            tokio::select! {
                biased; // Order is priority: leave, then mark, then begin.
                () = over.cancelled() => break,
                Some(landing) = self.under_way.next() => self.land(landing),
                answer = asking(&mut self.asked) => match answer {
                    Some(answer) => self.stock(answer),
                    None => return,
                },
                Ok(()) = self.parts.post.changed() => self.take_over(),
                () = unmarked.fewer() => {}
                () = wake.notified() => self.ask_at = Some(Duration::ZERO),
                Ok(()) = self.parts.holding.changed() => self.ask_at = Some(Duration::ZERO),
                () = sleeping(due) => {}
            }
        }
        self.drain().await;
    }

    /// The next attempt is made with the destination as it is configured now. What another one has done to deserve a
    /// pause is no reason to wait any more.
    fn take_over(&mut self) {
        let post = self.parts.post.borrow_and_update().clone();
        if !std::ptr::addr_eq(Arc::as_ptr(&post.destination), Arc::as_ptr(&self.post.destination)) {
            self.breaker = Breaker::of(self.parts.options.config.breaker);
            (self.hold_until, self.former) = (Duration::ZERO, self.former + 1);
        }
        self.appetite.share(post.share);
        self.post = post;
        self.ask_at = Some(Duration::ZERO);
    }

    /// Begins what may begin.
    fn launch(&mut self) {
        if self.shelf.is_empty() {
            return;
        }
        let (moment, now) = (self.moment(), self.now());
        let closed = self.closed_for(moment);
        if !closed.is_zero() || !self.parts.holding.borrow().has(&self.name, now) {
            return self.clear_shelf(closed);
        }
        while !self.is_full() {
            let Some((row, lease_until)) = self.shelf.pop_front() else { return };
            let ours = until(lease_until, now);
            // Too late to be sure that it ends within the lease.
            if ours < self.parts.options.config.lease.0 / 3 {
                self.settle(&row, Outcome::Untried { not_before: now });
                self.ask_at = Some(Duration::ZERO);
                continue;
            }
            if let Some(verdict) = self.hopeless(&row, now) {
                self.bury(row, verdict);
                continue;
            }
            if self.pacer().start(moment).is_err() {
                self.shelf.push_front((row, lease_until));
                return;
            }
            let ours = ours - self.margin();
            let (former, attempt) = (self.former, attempt(Arc::clone(&self.post.destination), row, ours));
            self.under_way.push(attempt.map(move |landing| (former, landing)).boxed());
        }
    }

    /// Why a row is given up without another attempt: an attempt over the last one is left by a process that died.
    fn hopeless(&self, row: &Row, now: Timestamp) -> Option<Verdict> {
        let config = &self.parts.options.config;
        if self.schedule.is_beyond(row.attempt) {
            let error = format!("{} attempts were made", row.attempt - 1);
            return Some(Verdict { reason: "attempts_used_up", error });
        }
        let is_old = until(now, row.parcel.received_at) > config.age_max.0;
        if is_old && row.parcel.effect.replay_id.is_empty() {
            let error = format!("received at {}, more than {} ago", row.parcel.received_at, config.age_max);
            return Some(Verdict { reason: "expired", error });
        }
        None
    }

    /// Asks for rows if there is room for them.
    fn ask(&mut self) {
        let moment = self.moment();
        let is_due = self.ask_at.is_some_and(|at| at <= moment);
        if self.asked.is_some() || !is_due || !self.closed_for(moment).is_zero() {
            return;
        }
        // Rows of a slow target would wait on the shelf for longer than they are ours.
        let early = self.pacer().next().saturating_sub(AHEAD);
        if early > moment {
            self.ask_at = Some(early);
            return;
        }
        let is_probe = self.state == BreakerState::HalfOpen;
        let batch = if is_probe { 1 } else { self.appetite.rows() };
        let limit = self.pacer().room(AHEAD, batch);
        let is_stocked =
            self.shelf.len() >= self.room().min(limit) || (is_probe && !self.under_way.is_empty());
        // A settled row makes room, and asks again.
        if batch == 0 || is_stocked || !self.parts.holding.borrow().has(&self.name, self.now()) {
            return;
        }
        self.ask_at = None;
        self.asked = Some((limit, self.parts.desk.take(&self.name, limit)));
    }

    fn stock(&mut self, (limit, answer): (usize, Answer)) {
        // A wake-up that came meanwhile stays.
        match answer {
            Answer::Rows(rows, lease_until) => {
                let is_all = rows.len() >= limit;
                self.appetite.took(rows.len(), rows.iter().map(|row| row.parcel.size()).sum(), is_all);
                if is_all {
                    self.ask_at = Some(Duration::ZERO);
                }
                self.shelf.extend(rows.into_iter().map(|row| (row, lease_until)));
            }
            Answer::Idle(due) => {
                let due = due.map(|due| self.moment() + until(due, self.now()));
                self.ask_at = self.ask_at.into_iter().chain(due).min();
            }
        }
    }

    fn land(&mut self, (former, landing): (u32, Landing)) {
        // What a former destination answers says nothing of this one.
        let kept = (former != self.former).then(|| (self.breaker.clone(), self.hold_until));
        let service = self.parts.options.service;
        let now = self.now();
        match landing {
            Landing::Delivered(row) => {
                self.breaker.succeeded();
                // How long ago the event of a replay came says nothing about today.
                let is_live = row.parcel.effect.replay_id.is_empty();
                let took = is_live.then(|| until(now, row.parcel.received_at));
                observe::delivered(service, &self.name, took);
                self.settle(&row, Outcome::Done);
            }
            Landing::Refused(row, Refusal::Permanent { reason, error }) => {
                self.breaker.succeeded();
                self.bury(row, Verdict { reason, error });
            }
            Landing::Refused(row, Refusal::Passing { after, reason, error, ambiguous }) => {
                self.not_yet(row, after, ambiguous, Verdict { reason, error });
            }
            Landing::Buried(row, Verdict { reason, error }) => {
                observe::dead_lettered(service, &self.name, &row.parcel.effect.id(), (reason, &error));
                self.settle(&row, Outcome::Dead { reason: reason.to_owned(), error });
            }
            Landing::Unburied(row, error) => {
                observe::unburied(service, &self.name, &error);
                self.settle(&row, Outcome::Again { not_before: later(now, UNBURIED_PAUSE), error });
            }
        }
        if let Some(kept) = kept {
            (self.breaker, self.hold_until) = kept;
        }
        self.tell_breaker(self.moment());
        // A mark makes the next row of its subject due.
        self.ask_at = Some(Duration::ZERO);
    }

    /// `ambiguous`: the remote may have it nevertheless.
    fn not_yet(&mut self, row: Row, after: Option<Duration>, ambiguous: bool, verdict: Verdict) {
        let Verdict { reason, error } = verdict;
        let (service, moment) = (self.parts.options.service, self.moment());
        self.appetite.lost();
        match after {
            // Who says when to come back is alive.
            Some(after) => self.hold_until = self.hold_until.max(moment + after.min(HOLD_MAX)),
            None => self.breaker.failed(moment),
        }
        match self.schedule.pause(row.attempt, after, fastrand::f64()) {
            Some(pause) => {
                observe::retried(service, &row, reason, &error);
                // Told here, for the row does not remember it. What is given up instead is not sent again.
                if ambiguous {
                    let why = format!("the attempt before was perhaps accepted ({reason})");
                    observe::ambiguous(service, &row, row.attempt + 1, &why);
                }
                self.settle(&row, Outcome::Again { not_before: later(self.now(), pause), error });
            }
            None => self.bury(row, Verdict { reason, error }),
        }
    }

    fn bury(&mut self, row: Row, verdict: Verdict) {
        let options = Arc::clone(&self.parts.options);
        // An attempt leaves at least this much of the lease.
        let ours_until = later(self.now(), self.margin());
        let former = self.former;
        let burial = bury(options, row, verdict, ours_until).map(move |landing| (former, landing));
        self.under_way.push(burial.boxed());
    }

    fn settle(&mut self, row: &Row, outcome: Outcome) {
        self.appetite.settled(row.parcel.size());
        let owner = self.parts.options.owner.clone();
        let settlement = Settlement { id: row.id, owner, attempt: row.attempt, outcome };
        self.parts.desk.settle(settlement, self.unmarked.one());
    }

    /// Gives rows back that were not begun, due again after `pause`.
    fn clear_shelf(&mut self, pause: Duration) {
        let not_before = later(self.now(), pause);
        for (row, _) in std::mem::take(&mut self.shelf) {
            self.settle(&row, Outcome::Untried { not_before });
        }
        self.ask_at = Some(self.moment() + pause);
    }

    /// How long nothing may begin: the remote asked for it, or the breaker is open.
    fn closed_for(&mut self, moment: Duration) -> Duration {
        self.tell_breaker(moment);
        let open_until = match self.state {
            BreakerState::Open(until) => until,
            BreakerState::Closed | BreakerState::HalfOpen => Duration::ZERO,
        };
        self.hold_until.max(open_until).saturating_sub(moment)
    }

    /// A row that is delivered and not marked takes a place as well, so that no death repeats more than there are.
    fn is_full(&self) -> bool {
        self.under_way.len() + self.unmarked.count() >= self.room()
    }

    fn room(&self) -> usize {
        match self.state {
            BreakerState::Open(_) => 0,
            BreakerState::HalfOpen => 1,
            BreakerState::Closed => self.post.destination.concurrency().max(1),
        }
    }

    /// When something may begin by itself.
    fn wake_at(&mut self) -> Option<Duration> {
        let moment = self.moment();
        let closed = self.closed_for(moment);
        if !closed.is_zero() {
            return Some(moment + closed);
        }
        let paced = (!self.is_full() && !self.shelf.is_empty()).then(|| self.pacer().next());
        // What is due already waits for room, not for time.
        let ask = self.ask_at.filter(|at| *at > moment);
        paced.into_iter().chain(ask).min()
    }

    fn tell_breaker(&mut self, moment: Duration) {
        let (before, now) = (self.state, self.breaker.state(moment));
        let is_open = |state| matches!(state, BreakerState::Open(_));
        if before == now {
            return;
        }
        self.state = now;
        observe::breaker(self.parts.options.service, &self.name, now);
        if is_open(now) && !is_open(before) {
            observe::opened(self.parts.options.service, &self.name);
        }
    }

    fn tell_load(&mut self) {
        if self.told != self.under_way.len() {
            self.told = self.under_way.len();
            observe::in_flight(self.parts.options.service, &self.name, self.told);
        }
    }

    fn pacer(&self) -> std::sync::MutexGuard<'_, Pacer> {
        self.post.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn margin(&self) -> Duration {
        self.parts.options.config.lease.0 / 6
    }

    fn now(&self) -> Timestamp {
        (self.parts.options.house.clock)()
    }

    fn moment(&self) -> Duration {
        self.parts.since.elapsed()
    }
}

async fn asking(asked: &mut Option<Asked>) -> Option<(usize, Answer)> {
    match asked {
        Some((limit, answer)) => {
            let answer = answer.await.map(|answer| (*limit, answer));
            *asked = None;
            answer
        }
        None => std::future::pending().await,
    }
}

async fn sleeping(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

//! The engine: a worker per target, a clerk for the store, a holder of leases.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

use crate::clerk::{Clerk, Desk};
use crate::crew::{Crew, Roster};
use crate::holder::{Holding, renew};
use crate::vigil::Beats;
use crate::{
    DeadLetters, Destination, OutboxConfig, Parcel, Planned, Queue, QueueError, bury, traces, upkeep,
};

/// How long a stopping engine waits for the store to write the last marks.
const LAST_MARKS: Duration = Duration::from_secs(5);

/// What an engine is made of.
pub struct EngineOptions {
    /// The delivering service: `notifier`. Names its rows, its dead letters and its health check `notifier.outbox`.
    pub service: &'static str,
    /// Unique to this process and start: leases are its.
    pub owner: String,
    pub queue: Arc<dyn Queue>,
    /// Those to begin with; see [`Engine::exchange`].
    pub destinations: Vec<Arc<dyn Destination>>,
    pub dead: Arc<dyn DeadLetters>,
    pub config: OutboxConfig,
    pub house: boot::House,
}

impl fmt::Debug for EngineOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let destinations: Vec<&str> =
            self.destinations.iter().map(|destination| destination.name()).collect();
        let mut options = f.debug_struct("EngineOptions");
        options.field("service", &self.service).field("destinations", &destinations).finish_non_exhaustive()
    }
}

/// Why deliveries cannot go on in this process.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A part of the engine panicked.
    #[error("{0} of the outbox ended by itself")]
    Ended(&'static str, #[source] Option<JoinError>),
}

/// Delivers what is planned. Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Engine {
    options: Arc<EngineOptions>,
    roster: Arc<watch::Sender<Roster>>,
    /// Of every target that was ever configured in this process.
    wakes: Arc<Mutex<HashMap<String, Arc<Notify>>>>,
    full: Arc<Mutex<HashSet<String>>>,
    pub(crate) beats: Arc<Beats>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Engine {
    /// Builds it; nothing runs before [`Engine::run`].
    pub fn new(options: EngineOptions) -> Self {
        let roster = watch::Sender::new(options.destinations.iter().cloned().collect());
        let (wakes, full) = (Arc::default(), Arc::default());
        let (options, roster, beats) = (Arc::new(options), Arc::new(roster), Arc::default());
        Self { options, roster, wakes, full, beats }
    }

    /// Delivers to these from now on. A destination that is the same value goes on undisturbed. Another one of a known
    /// name takes over between two attempts, and the breaker and the wait of the former are forgotten. A target that is
    /// named no more lets what is under way end; its rows stay planned, are still measured, and go on once a destination
    /// of that name is back.
    pub fn exchange(&self, destinations: Vec<Arc<dyn Destination>>) {
        self.roster.send_replace(destinations.into());
    }

    /// Makes rows of parcels and wakes their targets. On return each parcel is a durable row, was one before, or is
    /// an acknowledged dead letter (reason `target_full`) because its target has `rows_max` unfinished rows: a dead
    /// target must hold back neither the others nor the consumer.
    ///
    /// After an error all parcels are to be planned again. Rows come first, so that letters are not sent again and
    /// again while the store is down; an effect that is known, or whose letter was, gets no letter. Only between a
    /// letter's acknowledgement and the claim of its effect a crash leaves a letter whose effect is planned once more.
    pub async fn plan(&self, mut parcels: Vec<Parcel>) -> Result<Planned, QueueError> {
        traces::note(&mut parcels);
        let full = self.lock_full().clone();
        let is_full = |parcel: &Parcel| full.contains(&parcel.effect.target);
        let (refused, parcels): (Vec<_>, Vec<_>) = parcels.into_iter().partition(is_full);
        let targets: HashSet<String> = parcels.iter().map(|parcel| parcel.effect.target.clone()).collect();
        let mut planned = Planned::default();
        if !parcels.is_empty() {
            planned = self.options.queue.plan(parcels).await?;
            crate::observe::planned(self.options.service, planned);
        }
        if planned.new > 0 {
            targets.iter().for_each(|target| self.wake(target));
        }
        if !refused.is_empty() {
            let known = Planned { new: 0, known: bury::overflow(&self.options, &refused).await? };
            crate::observe::planned(self.options.service, known);
            planned.known += known.known;
        }
        Ok(planned)
    }

    /// Says that rows for `target` may be due. Unknown targets are ignored.
    pub fn wake(&self, target: &str) {
        if let Some(wake) = self.lock_wakes().get(target) {
            wake.notify_one();
        }
    }

    /// What wakes a target's worker.
    pub(crate) fn doorbell(&self, target: &str) -> Arc<Notify> {
        self.lock_wakes().entry(target.to_owned()).or_default().clone()
    }

    /// The targets that are configured now, and their changes.
    pub(crate) fn roster(&self) -> watch::Receiver<Roster> {
        self.roster.subscribe()
    }

    /// Delivers until the house shuts down; then begins nothing more, lets what is under way end within
    /// `drain_grace`, marks it and gives its leases back. What is still under way then is tried again by whoever
    /// holds the target next.
    pub async fn run(&self) -> Result<(), EngineError> {
        let options = &self.options;
        let (hold, holding) = watch::channel(Holding::none());
        let (desk, slips) = Desk::open();
        let mut clerk = JoinSet::new();
        clerk.spawn(Clerk::new(Arc::clone(options), Arc::clone(&self.beats)).serve(slips));
        let mut roster = self.roster();
        let mut crew = Crew::new(self.clone(), desk, holding.clone());
        crew.fit(&roster.borrow_and_update());
        let asides = async {
            tokio::join!(
                renew(options, self.roster(), &hold),
                upkeep::poll(self, holding.clone()),
                upkeep::measure(self),
                upkeep::prune(options)
            );
        };
        tokio::pin!(asides);
        let ended = loop {
            tokio::select! {
                biased;
                Some(ended) = crew.ended() => {
                    if let Some(error) = self.left(&mut crew, ended) {
                        break Err(error);
                    }
                    if crew.is_empty() && options.house.shutdown.is_cancelled() {
                        break Ok(());
                    }
                    crew.fit(&roster.borrow_and_update());
                }
                Some(ended) = clerk.join_next() => {
                    if let Some(error) = self.untimely("the clerk", ended) {
                        break Err(error);
                    }
                }
                () = &mut asides => {
                    // Shut down: only the targets are waited for. With none there is nothing to wait for.
                    break self.finish(&mut crew).await;
                }
                Ok(()) = roster.changed() => crew.fit(&roster.borrow_and_update()),
            }
        };
        // When nobody is at the desk any more, the clerk ends with the last mark.
        drop(crew);
        if timeout(LAST_MARKS, clerk.join_next()).await.is_err() {
            tracing::warn!(
                service = options.service,
                "the last deliveries were not marked: the store did not answer"
            );
        }
        let released = timeout(LAST_MARKS, options.queue.release(options.service, &options.owner)).await;
        if !matches!(released, Ok(Ok(()))) {
            tracing::warn!(
                service = options.service,
                "target leases were not given back and run out by themselves"
            );
        }
        ended
    }

    /// Waits for targets that have been asked to stop.
    async fn finish(&self, crew: &mut Crew) -> Result<(), EngineError> {
        while let Some(ended) = crew.ended().await {
            if let Some(error) = self.left(crew, ended) {
                return Err(error);
            }
        }
        Ok(())
    }

    /// A target's worker has ended: well, if it was asked to.
    fn left(&self, crew: &mut Crew, ended: Result<String, JoinError>) -> Option<EngineError> {
        let is_dismissed = ended.as_ref().is_ok_and(|name| crew.dismissed(name));
        if is_dismissed { None } else { self.untimely("a target's worker", ended.map(drop)) }
    }

    /// An end that nobody asked for.
    fn untimely(&self, part: &'static str, ended: Result<(), JoinError>) -> Option<EngineError> {
        match ended {
            Ok(()) if self.options.house.shutdown.is_cancelled() => None,
            Ok(()) => Some(EngineError::Ended(part, None)),
            Err(error) => Some(EngineError::Ended(part, Some(error))),
        }
    }

    pub(crate) fn options(&self) -> &Arc<EngineOptions> {
        &self.options
    }

    fn lock_wakes(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.wakes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lock_full(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.full.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

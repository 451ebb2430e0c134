//! The notifier: group `okr.notifier` reads `okr.events`, its routes say who is told what, and the delivery engine
//! tells them.
//!
//! A record is finished once each target of its route has a durable row. The effect (service, event, target) is
//! unique, so a record that comes again plans nothing new; what a target gets is rendered when it is planned.
//!
//! Beside it the group `okr.notifier.replay` reads `okr.replay.notifier`, with a fifth of the room: dead letters that a
//! person sent back. Their effects are unique by run, and only the target that failed gets them.

mod config;
mod handler;
mod letters;
mod observe;
mod planner;
mod reload;
mod replay;
mod routes;
mod watch;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use outbox::{Destination, Engine, EngineOptions, OutboxConfig};
use worker::{Worker, WorkerConfig, readiness};

pub use config::{KEYS, NotifierConfig, RouteConfig};
pub use reload::Handle;
pub use routes::{RouteError, Routes};

use handler::Notifier;
use letters::Letters;
use planner::{Planner, SERVICE};
use reload::Current;

/// What the notifier reads.
const TOPIC: &str = "okr.events";
/// The consumer group.
const GROUP: &str = "okr.notifier";

/// Everything the notifier works with; the role puts it together.
pub struct Context {
    /// `[notifier]`
    pub config: NotifierConfig,
    /// `[worker]`
    pub worker: WorkerConfig,
    /// `[outbox]`
    pub outbox: OutboxConfig,
    /// `[[routes]]`, compiled against the names of `destinations`.
    pub routes: Routes,
    /// Every section of `[destinations]`, built.
    pub destinations: Vec<Arc<dyn Destination>>,
    /// Where rows and claims are kept.
    pub store: Arc<store::Store>,
    /// For joining the group and looking at the cluster.
    pub settings: bus::Settings,
    /// For dead letters.
    pub producer: bus::Producer,
    /// For reading events.
    pub registry: wire::Registry,
    /// Where it lives.
    pub house: boot::House,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("routes", &self.routes).finish_non_exhaustive()
    }
}

/// Starts the notifier's tasks; they run until the house shuts down.
///
/// It is ready once it has partitions, and the topics, the schemas and the store are there; what lacks says so in
/// `/readyz` and is waited for. Only a task that ends by itself stops the role. The handle exchanges what it works with.
pub fn run(context: Context) -> Handle {
    let Context { config, worker, outbox, routes, destinations, store, settings, producer, registry, house } =
        context;
    if routes.is_empty() {
        observe::no_routes();
    }
    let letters = Letters::new(producer);
    let configured = Arc::new(tokio::sync::watch::Sender::new(reload::names(&destinations)));
    let planner = Current::new(Planner::new(routes, &destinations, config.age_max.0));
    let engine = Engine::new(EngineOptions {
        service: SERVICE,
        owner: format!("{SERVICE}-{}", uuid::Uuid::now_v7()),
        queue: store.clone(),
        destinations,
        dead: Arc::new(letters.clone()),
        config: outbox,
        house: house.clone(),
    });
    let handle = Handle { planner: planner.clone(), engine: engine.clone(), configured };
    let handler =
        Notifier { decoder: registry.decoder(), planner, engine: engine.clone(), clock: house.clock.clone() };
    let live = Worker {
        service: SERVICE,
        topics: vec![TOPIC],
        group: GROUP.to_owned(),
        handler: handler.clone(),
        settings: settings.clone(),
        dead: Arc::new(letters.0.clone()),
        brakes: Some(store.clone()),
        config: worker,
        house: house.clone(),
    };
    let again = Worker {
        service: replay::NAME,
        topics: vec![replay::TOPIC],
        group: replay::GROUP.to_owned(),
        handler,
        settings: replay::settings(&settings),
        dead: Arc::new(letters.0.clone()),
        brakes: Some(store.clone()),
        config: replay::share(&worker),
        house: house.clone(),
    };
    // All checks are there before the first task runs: nothing is ready for want of a question.
    let check = |name: &'static str| house.health.check(name);
    let (topics, replay_topics) = (check("notifier.topics"), check("notifier.replay.topics"));
    let (schemas, stored) = (check("notifier.schemas"), check("notifier.store"));
    let rights = check("notifier.rights");
    let _of_the_workers = (check("notifier.consumer"), check("notifier.replay.consumer"));
    let tasks = &house.tasks;
    tasks.spawn("notifier.schemas", watch::schemas(house.clone(), schemas, registry));
    tasks.spawn("notifier.rights", readiness::rights(house.clone(), rights, settings.clone(), SERVICE));
    tasks.spawn("notifier.store", watch::store(house.clone(), stored, store, handle.configured.subscribe()));
    tasks.spawn("notifier.outbox", async move { Ok(engine.run().await?) });
    tasks.spawn("notifier.consumer", consume(live, topics, letters.clone()));
    tasks.spawn("notifier.replay", consume(again, replay_topics, letters));
    handle
}

/// Consumes once the topics are there: a consumer that meets none would look for it again only minutes later.
async fn consume(
    consumer: Worker<Notifier>,
    topics: boot::Check,
    letters: Letters,
) -> Result<(), boot::BoxError> {
    let (house, settings) = (consumer.house.clone(), consumer.settings.clone());
    for topic in consumer.topics.clone() {
        match readiness::topics(&house, &topics, &settings, (topic, SERVICE)).await? {
            Some(partitions) => letters.0.learn(partitions),
            None => return Ok(()),
        }
    }
    Ok(worker::run(consumer).await?)
}

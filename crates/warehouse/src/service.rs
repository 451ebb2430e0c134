//! The service: what runs as the role, until its house shuts down.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use boot::{BoxError, Check, House};
use store::Store;
use worker::readiness::{self, over, until_there};
use worker::{BatchWorker, Brakes, Letters, WorkerConfig};

use crate::{GROUP, Intake, OpenError, Place, SERVICE, TOPIC, Tables, Target, open, retention};

/// How often the databases are asked whether they still answer.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// Everything the warehouse works with; the role puts it together.
pub struct Context {
    /// Where its tables are.
    pub place: Place,
    /// What is done where they lack something.
    pub tables: Tables,
    /// How many transactions a member has under way at a time; in a file it is one.
    pub writers: usize,
    /// How long notes and actors are kept; as long as their rows where it is left out.
    pub notes_age_max: Option<Duration>,
    /// `[worker]`
    pub worker: WorkerConfig,
    /// Where it is kept that the service is halted, and which gaps a person accepted.
    pub store: Arc<Store>,
    /// For joining the group and looking at the cluster.
    pub settings: bus::Settings,
    /// For dead letters.
    pub producer: bus::Producer,
    /// For reading events.
    pub registry: wire::Registry,
    /// Where it lives.
    pub house: House,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("tables", &self.tables).finish_non_exhaustive()
    }
}

/// Starts the warehouse's tasks; they run until the house shuts down.
///
/// It is ready once it has partitions, and topics, schemas, rights, the store and its tables are there; what lacks says
/// so in `/readyz` and is waited for. A place that can never be opened stops the role.
pub fn run(context: Context) {
    let Context { place, tables, writers, notes_age_max, worker, store, settings, producer, registry, house } =
        context;
    // All checks are there before the first task runs: nothing is ready for want of a question.
    let check = |name: &'static str| house.health.check(name);
    let (topics, schemas, rights) =
        (check("warehouse.topics"), check("warehouse.schemas"), check("warehouse.rights"));
    let (stored, home) = (check("warehouse.store"), check("warehouse.home"));
    let _of_the_worker = check("warehouse.consumer");
    let letters = Letters::new(SERVICE, producer.clone());
    let brakes: Arc<dyn Brakes> = store.clone();
    let consumer = Consumer {
        // A file has one owner, where a second batch would only wait.
        writers: if place.is_file() { 1 } else { writers },
        place,
        tables,
        notes_age_max,
        config: worker,
        settings: settings.clone(),
        letters,
        // Nothing is produced but dead letters.
        producer,
        brakes,
        intake: Intake::new(registry.decoder()),
        house: house.clone(),
    };
    let tasks = &house.tasks;
    tasks.spawn("warehouse.schemas", has_schemas(house.clone(), schemas, registry));
    tasks.spawn("warehouse.rights", readiness::rights(house.clone(), rights, settings, SERVICE));
    tasks.spawn(
        "warehouse.store",
        answers(house.clone(), stored, async move || store.ping().await.map_err(|error| error.to_string())),
    );
    tasks.spawn("warehouse.consumer", consumer.consume(topics, home));
}

/// What the consumer is made of, until its home is open.
struct Consumer {
    place: Place,
    tables: Tables,
    writers: usize,
    notes_age_max: Option<Duration>,
    config: WorkerConfig,
    settings: bus::Settings,
    letters: Letters,
    producer: bus::Producer,
    brakes: Arc<dyn Brakes>,
    intake: Intake,
    house: House,
}

impl Consumer {
    /// Once its topics and its tables are there.
    async fn consume(self, topics: Check, check: Check) -> Result<(), BoxError> {
        let Self {
            place,
            tables,
            writers,
            notes_age_max,
            config,
            settings,
            letters,
            producer,
            brakes,
            intake,
            house,
        } = self;
        let Some(home) = opened(&house, &check, &place, tables).await? else { return Ok(()) };
        let Some(partitions) = readiness::topics(&house, &topics, &settings, (TOPIC, SERVICE)).await? else {
            return Ok(());
        };
        letters.learn(partitions);
        let asked = home.clone();
        house.tasks.spawn(
            "warehouse.home",
            answers(house.clone(), check, async move || {
                asked.ping().await.map_err(|error| error.to_string())
            }),
        );
        if let Some(age_max) = notes_age_max {
            let kept = retention::keep(house.clone(), home.clone(), age_max, retention::LOOK_EVERY);
            house.tasks.spawn("warehouse.retention", kept);
        }
        let worker = BatchWorker {
            service: SERVICE,
            topics: vec![TOPIC],
            group: GROUP.to_owned(),
            handler: intake,
            progress: home,
            settings,
            dead: Arc::new(letters),
            outlet: Arc::new(producer),
            brakes: Some(brakes),
            config,
            writers,
            house,
        };
        Ok(worker::run_batches(worker).await?)
    }
}

/// The home, once it can be opened: a database that is not up yet, and tables that nobody has made yet, are waited for.
async fn opened(
    house: &House,
    check: &Check,
    place: &Place,
    tables: Tables,
) -> Result<Option<Arc<dyn Target>>, OpenError> {
    let is_told = AtomicBool::new(false);
    let ask = || async {
        match open(place, tables).await {
            Err(error) if error.is_passing() || matches!(error, OpenError::Behind(_)) => {
                if !is_told.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the warehouse is waited for: {error}");
                }
                Err(error.to_string())
            }
            outcome => Ok(outcome),
        }
    };
    until_there(house, check, ask).await.transpose()
}

/// Waits until our schemas are registered. Once seen they stay: nothing of ours takes a schema away.
async fn has_schemas(house: House, check: Check, registry: wire::Registry) -> Result<(), BoxError> {
    until_there(&house, &check, || async { registry.ready().await.map_err(|error| error.to_string()) }).await;
    Ok(())
}

/// Watches whether a database answers.
async fn answers(
    house: House,
    check: Check,
    ping: impl AsyncFn() -> Result<(), String>,
) -> Result<(), BoxError> {
    loop {
        match ping().await {
            Ok(()) => check.ok(),
            Err(why) => check.fail(why),
        }
        if over(&house, ASK_EVERY).await {
            return Ok(());
        }
    }
}

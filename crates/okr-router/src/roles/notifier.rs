//! `okr-router notifier`: events out to people.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use boot::{BoxError, House};
use store::Store;

use super::{
    plan::Service,
    reload::{Part, Reload},
};
use crate::{
    cli::Settings,
    config::{self, Reader, Whole},
    desk,
    parts::{self, Destinations},
};

/// How long Kafka may take to acknowledge a dead letter; it is asked again afterwards, without end.
pub const LETTER_WAIT: Duration = Duration::from_secs(30);

/// How long a database that does not answer at the start is left alone.
const STORE_AGAIN: Duration = Duration::from_secs(1);

/// Runs until SIGTERM.
pub fn run(settings: &Settings) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Role)?;
    super::run("notifier", &whole, super::NOTIFIER_ADMIN, async |house| {
        let part = start(&whole, house.clone(), None).await?;
        Reload { settings: settings.clone(), reader: Reader::Role, parts: vec![part] }.watch(&whole, &house);
        Ok(())
    })
}

/// Starts the notifier's tasks in the house. `shared` is the store, where this process has it open.
pub async fn start(
    whole: &Whole,
    house: House,
    shared: Option<Arc<Store>>,
) -> Result<Box<dyn Part>, BoxError> {
    let settings = parts::bus_settings(whole, "okr-router-notifier")?;
    let clock = house.clock.clone();
    let (routes, destinations) =
        (parts::routes(whole)?, parts::destinations(whole, &clock, &Destinations::new())?);
    // Last of all: what is wrong in the file is told at once, a database may be waited for.
    let store = match shared {
        Some(store) => store,
        None => store(whole, &house, "notifier.store").await?,
    };
    let handle = notifier::run(notifier::Context {
        config: whole.document.section("notifier")?,
        worker: whole.document.section("worker")?,
        outbox: whole.document.section("outbox")?,
        routes,
        destinations: values(&destinations),
        store,
        producer: bus::Producer::new(&settings, LETTER_WAIT)?,
        settings,
        registry: parts::registry(whole)?,
        house,
    });
    Ok(Box::new(Notifier { handle, destinations, clock }))
}

/// The notifier as far as it changes while it runs.
struct Notifier {
    handle: notifier::Handle,
    /// Those in force.
    destinations: Destinations,
    clock: boot::Clock,
}

impl Part for Notifier {
    fn service(&self) -> Service {
        Service::Notifier
    }

    fn prepare(&mut self, whole: &Whole) -> Result<Box<dyn FnOnce() + Send + '_>> {
        let config: notifier::NotifierConfig = whole.document.section("notifier")?;
        let routes = parts::routes(whole)?;
        let destinations = parts::destinations(whole, &self.clock, &self.destinations)?;
        Ok(Box::new(move || {
            self.handle.exchange(routes, values(&destinations), &config);
            self.destinations = destinations;
        }))
    }
}

fn values(destinations: &Destinations) -> Vec<Arc<dyn outbox::Destination>> {
    destinations.values().map(|(_, destination)| Arc::clone(destination)).collect()
}

/// The store of this process, which answers ops commands for it; `check` says when it is waited for.
pub async fn store(whole: &Whole, house: &House, check: &'static str) -> Result<Arc<Store>, BoxError> {
    let url = parts::store_url(whole)?;
    let store = opened(url.expose(), house, check).await?;
    if desk::is_file(url.expose()) {
        desk::serve(house, &whole.shared.data_dir, store.clone());
    }
    Ok(store)
}

/// The store, once it can be opened: a database that is not up yet is waited for, and `/readyz` says so.
async fn opened(url: &str, house: &House, check: &'static str) -> Result<Arc<Store>, BoxError> {
    let check = house.health.check(check);
    let mut is_told = false;
    loop {
        match Store::open(url, house.clock.clone()).await {
            Ok(store) => return Ok(store),
            Err(error) if error.is_passing() => {
                if !std::mem::replace(&mut is_told, true) {
                    tracing::warn!(%error, "the store is waited for: {error}");
                }
                check.fail(error.to_string());
            }
            Err(error) => return Err(anyhow::Error::new(error).context("`store.url`").into()),
        }
        tokio::time::sleep(STORE_AGAIN).await;
    }
}

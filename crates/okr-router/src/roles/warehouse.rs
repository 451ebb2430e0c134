//! `okr-router warehouse`: events into a SQL database.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use boot::{BoxError, House};
use store::Store;
use warehouse::Tables;

use super::{
    notifier,
    plan::Service,
    reload::{Part, Reload},
};
use crate::{
    cli::Settings,
    config::{self, Reader, Whole},
    parts,
};

/// Runs until SIGTERM.
pub fn run(settings: &Settings) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Role)?;
    super::run("warehouse", &whole, super::WAREHOUSE_ADMIN, async |house| {
        let part = start(&whole, house.clone(), None).await?;
        Reload { settings: settings.clone(), reader: Reader::Role, parts: vec![part] }.watch(&whole, &house);
        Ok(())
    })
}

/// Starts the warehouse's tasks in the house. `shared` is the store, where this process has it open. Tables on a server
/// are a person's to make, who may first look at what is done; a file is this process's own.
pub async fn start(
    whole: &Whole,
    house: House,
    shared: Option<Arc<Store>>,
) -> Result<Box<dyn Part>, BoxError> {
    let settings = parts::bus_settings(whole, "okr-router-warehouse")?;
    let place = parts::warehouse(whole)?;
    let config: warehouse::WarehouseConfig = whole.document.section("warehouse")?;
    let worker = whole.document.section("worker")?;
    let registry = parts::registry(whole)?;
    // Last of all: what is wrong in the file is told at once, a database may be waited for.
    let store = match shared {
        Some(store) => store,
        None => notifier::store(whole, &house, "warehouse.store").await?,
    };
    warehouse::run(warehouse::Context {
        tables: if place.is_file() { Tables::Migrate } else { Tables::Expect },
        place,
        writers: config.writers,
        notes_age_max: config.notes_age_max.map(|age| age.0),
        worker,
        store,
        producer: bus::Producer::new(&settings, notifier::LETTER_WAIT)?,
        settings,
        registry,
        house,
    });
    Ok(Box::new(Fixed))
}

/// Nothing of it changes while it runs; keys that changed are named.
struct Fixed;

impl Part for Fixed {
    fn service(&self) -> Service {
        Service::Warehouse
    }

    fn prepare(&mut self, _: &Whole) -> Result<Box<dyn FnOnce() + Send + '_>> {
        Ok(Box::new(|| {}))
    }
}

//! `okr-router notifier`: events out to people.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use boot::{BoxError, House};

use crate::{
    cli::Settings,
    config::{self, Reader, Whole},
    desk, parts,
};

/// How long Kafka may take to acknowledge a dead letter; it is asked again afterwards, without end.
const LETTER_WAIT: std::time::Duration = std::time::Duration::from_secs(30);

/// Runs until SIGTERM.
pub fn run(settings: &Settings) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Role)?;
    super::run("notifier", &whole, super::NOTIFIER_ADMIN, |house| start(&whole, house))
}

/// Opens the store and starts the notifier's tasks in the house.
pub async fn start(whole: &Whole, house: House) -> Result<(), BoxError> {
    let settings = parts::bus_settings(whole, "okr-router-notifier")?;
    let url = parts::store_url(whole)?;
    let store = store::Store::open(url.expose(), house.clock.clone()).await.context("`store.url`")?;
    if desk::is_file(url.expose()) {
        desk::serve(&house, &whole.shared.data_dir, store.clone())?;
    }
    notifier::run(notifier::Context {
        config: whole.document.section("notifier")?,
        worker: whole.document.section("worker")?,
        outbox: whole.document.section("outbox")?,
        routes: parts::routes(whole)?,
        destinations: parts::destinations(whole, &house.clock)?,
        store,
        producer: bus::Producer::new(&settings, LETTER_WAIT)?,
        settings,
        registry: parts::registry(whole)?,
        house,
    });
    Ok(())
}

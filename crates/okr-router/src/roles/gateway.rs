//! `okr-router gateway`: webhooks in, events out.

use std::process::ExitCode;

use anyhow::Result;
use boot::{BoxError, House};

use crate::{
    cli::Settings,
    config::{self, Reader, Whole},
    parts,
};

/// Runs until SIGTERM.
pub fn run(settings: &Settings) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Role)?;
    super::run("gateway", &whole, super::GATEWAY_ADMIN, |house| start(&whole, house))
}

/// Takes the port and serves as a task of the house.
pub async fn start(whole: &Whole, house: House) -> Result<(), BoxError> {
    let config: gateway::GatewayConfig = whole.document.section("gateway")?;
    let settings = parts::bus_settings(whole, "okr-router-gateway")?;
    let context = gateway::Context {
        departments: whole.document.section("departments")?,
        sources: parts::sources(whole)?,
        producer: bus::Producer::new(&settings, config.message_timeout())?,
        settings,
        registry: parts::registry(whole)?,
        partitions: whole.shared.kafka.partitions,
        config,
        house: house.clone(),
    };
    let gateway = gateway::Gateway::bind(context).await?;
    tracing::info!(gateway.address = %gateway.address(), "webhooks arrive at http://{}/in/…", gateway.address());
    house.tasks.spawn("gateway", async move {
        gateway.serve().await;
        Ok(())
    });
    Ok(())
}

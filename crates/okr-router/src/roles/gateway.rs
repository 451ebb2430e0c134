//! `okr-router gateway`: webhooks in, events out.

use std::{process::ExitCode, sync::Arc};

use anyhow::Result;
use boot::{BoxError, House};
use store::Store;

use super::{
    memory,
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
    super::run("gateway", &whole, super::GATEWAY_ADMIN, async |house| {
        let part = start(&whole, house.clone(), None).await?;
        Reload { settings: settings.clone(), reader: Reader::Role, parts: vec![part] }.watch(&whole, &house);
        Ok(())
    })
}

/// Takes the port and serves as a task of the house. `shared` is the store, where this process has it open.
pub async fn start(
    whole: &Whole,
    house: House,
    shared: Option<Arc<Store>>,
) -> Result<Box<dyn Part>, BoxError> {
    let config: gateway::GatewayConfig = whole.document.section("gateway")?;
    let (scheme, settings) = (config.scheme(), parts::bus_settings(whole, "okr-router-gateway")?);
    let sources = parts::sources(whole)?;
    parts::doubts(whole)?.iter().for_each(|doubt| tracing::warn!("{doubt}"));
    let memory = memory::memory(whole, &sources, &house, shared).await?;
    let context = gateway::Context {
        departments: whole.document.section("departments")?,
        sources,
        memory,
        producer: bus::Producer::new(&settings, config.message_timeout())?,
        settings,
        registry: parts::registry(whole)?,
        partitions: whole.shared.kafka.partitions,
        config,
        house: house.clone(),
    };
    let gateway = gateway::Gateway::bind(context).await?;
    let address = gateway.address();
    tracing::info!(gateway.address = %address, "webhooks arrive at {scheme}://{address}/in/…");
    let handle = gateway.handle();
    house.tasks.spawn("gateway", async move {
        gateway.serve().await;
        Ok(())
    });
    Ok(Box::new(Gateway { handle }))
}

/// The gateway as far as it changes while it serves.
struct Gateway {
    handle: gateway::Handle,
}

impl Part for Gateway {
    fn service(&self) -> Service {
        Service::Gateway
    }

    fn prepare(&mut self, whole: &Whole) -> Result<Box<dyn FnOnce() + Send + '_>> {
        let config: gateway::GatewayConfig = whole.document.section("gateway")?;
        let preparing = self.handle.prepare(parts::sources(whole)?, config.tls.as_ref());
        // The caller lets other tasks go on meanwhile.
        let prepared = tokio::runtime::Handle::current().block_on(preparing);
        let change = prepared.map_err(|error| match &error {
            gateway::GatewayError::Config { path, .. } => parts::located(&whole.document, path, &error),
            gateway::GatewayError::Bind { .. } => error.into(),
        })?;
        Ok(Box::new(move || change.apply()))
    }
}

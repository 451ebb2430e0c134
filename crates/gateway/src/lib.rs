//! The door for webhooks: `POST /in/{source}`.
//!
//! It proves who sent a body, turns it into events, and answers 2xx only once Kafka holds them. What it cannot say yes
//! to within the deadline it answers 503, and the repeat has the same ids. It keeps no state but the duplicate window,
//! which saves traffic; correctness lives in the consumers.

mod answer;
mod body;
mod bucket;
mod certificate;
mod config;
mod departments;
mod desk;
mod door;
mod entrances;
mod escort;
mod habit;
mod kafka;
mod keys;
mod leaving;
mod memory;
mod observe;
mod once;
mod original;
mod problem;
mod proxies;
mod pulse;
mod reader;
mod readiness;
mod records;
mod registrar;
mod reload;
mod room;
mod server;
mod spec;
mod split;
mod timer;
mod tls;
mod trail;
mod voice;
mod window;

use std::{net::SocketAddr, sync::Arc};

use tokio::net::TcpListener;

pub use config::{GatewayConfig, KEYS};
pub use departments::{DepartmentConfig, DepartmentsConfig};
pub use memory::Memory;
pub use reload::{Change, Handle};
pub use spec::openapi;
pub use tls::TlsConfig;

use entrances::Entrances;

/// Everything the gateway works with; the role puts it together.
#[derive(Debug)]
pub struct Context {
    /// `[gateway]`
    pub config: GatewayConfig,
    /// `[departments]`
    pub departments: DepartmentsConfig,
    /// Every section of `[sources]`, built.
    pub sources: Vec<sources::Source>,
    /// For looking at the cluster.
    pub settings: bus::Settings,
    /// Made with [`GatewayConfig::message_timeout`].
    pub producer: bus::Producer,
    /// For asking whether the schemas are registered.
    pub registry: wire::Registry,
    /// What is remembered in the store; none where no source asks for it.
    pub memory: Option<Memory>,
    /// Partitions of every topic but `okr.events`: `[kafka] partitions`.
    pub partitions: i32,
    /// Where it lives.
    pub house: boot::House,
}

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address} (`gateway.listen`): {error}")]
    Bind {
        /// The address of the config.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// Values that do not fit each other.
    #[error("`{path}` {problem}")]
    Config {
        /// The key at fault.
        path: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
}

impl GatewayError {
    pub(crate) fn config(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Config { path: path.into(), problem: problem.into() }
    }
}

/// A gateway that has its port and does not serve yet.
#[derive(Debug)]
pub struct Gateway {
    listener: TcpListener,
    address: SocketAddr,
    door: Arc<door::Door>,
    producer: bus::Producer,
    house: boot::House,
}

impl Gateway {
    /// Takes the port and starts looking after readiness.
    ///
    /// # Errors
    /// The port cannot be had, or the config's values do not fit each other.
    pub async fn bind(context: Context) -> Result<Self, GatewayError> {
        context.config.check()?;
        let map = departments::Map::new(&context.departments).map_err(first)?;
        let tls = context.config.tls.as_ref().map(tls::Material::load).transpose()?;
        let listener = server::listen(context.config.listen).await?;
        let address = listener.local_addr().unwrap_or(context.config.listen);
        let house = context.house;
        let encoder = context.registry.encoder();
        readiness::watch(readiness::Watch {
            settings: context.settings,
            registry: context.registry,
            producer: context.producer.clone(),
            keep_arrivals: context.config.keep_arrivals,
            wanted: readiness::Wanted {
                event_partitions: map.count(),
                partitions: context.partitions,
                record_bytes_max: context.config.record_bytes_max(),
            },
            house: house.clone(),
        });
        let log = Arc::new(kafka::Kafka { producer: context.producer.clone(), encoder });
        let desk = desk::Desk::new(log, map, &context.config, context.partitions);
        let memory = context.memory.map(memory::Recall::new).unwrap_or_default();
        memory.suffices(&context.sources)?;
        let entrances = Entrances::new(context.sources, &Entrances::default(), &house)?;
        entrances.tell_pauses(&Entrances::default());
        let door = door::Door::new(context.config, entrances, desk, house.clock.clone()).with_memory(memory);
        let door = Arc::new(door);
        memory::watch(&door, &house);
        door.tls().exchange(tls);
        pulse::watch(door.clone(), &house);
        tls::watch(door.clone(), &house);
        Ok(Self { listener, address, door, producer: context.producer, house })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For exchanging its sources while it serves.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { door: self.door.clone(), house: self.house.clone() }
    }

    /// Serves until the house shuts down; then finishes what is in flight and flushes.
    pub async fn serve(self) {
        let flush_max = server::serve(self.listener, self.door.clone(), self.house.shutdown.clone()).await;
        let left = self.producer.close(flush_max.min(self.door.flush_max())).await;
        if left > 0 {
            tracing::warn!(
                records = left,
                "{left} records were not acknowledged; their senders were told 503"
            );
        }
    }
}

/// A start names one fault; `okr-router config check`, and the check before every start, name them all.
fn first(mut faults: Vec<GatewayError>) -> GatewayError {
    faults.swap_remove(0)
}

/// [`Gateway::bind`] and [`Gateway::serve`].
///
/// # Errors
/// Those of [`Gateway::bind`].
pub async fn run(context: Context) -> Result<(), GatewayError> {
    let gateway = Gateway::bind(context).await?;
    tracing::info!(gateway.address = %gateway.address, "listening on http://{}/in/…", gateway.address);
    gateway.serve().await;
    Ok(())
}

#[cfg(test)]
mod tests;

//! The roles: each builds what its service needs from the configuration and runs it in a house.

pub mod dev;
#[cfg(feature = "embedded")]
mod embedded;
pub mod gateway;
mod memory;
pub mod notifier;
mod plan;
mod reload;
mod traces;
pub mod warehouse;

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
};

use anyhow::{Context, Result};
use boot::{BoxError, House, RunOptions};

pub use traces::traces;

use crate::config::Whole;

/// Ports of probes and metrics, where `[admin] listen` is left out.
#[cfg(feature = "embedded")]
const DEV_ADMIN: SocketAddr = on_this_machine(9464);
pub const GATEWAY_ADMIN: SocketAddr = on_this_machine(9464);
pub const NOTIFIER_ADMIN: SocketAddr = on_this_machine(9466);
pub const WAREHOUSE_ADMIN: SocketAddr = on_this_machine(9467);

const fn on_this_machine(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// Runs a role on the process's one runtime.
fn run<F, Fut>(role: &'static str, whole: &Whole, admin: SocketAddr, start: F) -> Result<ExitCode>
where
    F: FnOnce(House) -> Fut,
    Fut: Future<Output = Result<(), BoxError>>,
{
    let options = RunOptions {
        role,
        admin_listen: whole.shared.admin.listen.unwrap_or(admin),
        grace: whole.shared.shutdown_grace.0,
        log: whole.shared.log.clone(),
        traces: traces(whole, role)?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the async runtime did not start")?;
    let unbuilt = whole.document.unbuilt();
    let code = runtime.block_on(boot::run(options, |house| {
        for section in unbuilt {
            tracing::warn!(section, "[{section}] is configured, but this release has nothing that reads it");
        }
        start(house)
    }));
    // What still blocks a thread of its own after the grace must not hold the exit back.
    runtime.shutdown_background();
    Ok(code)
}

//! The addresses that roles listen on, and what roles on this machine say of themselves.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use egress::{Client, Url};
use serde::Deserialize;

use super::finding::Finding;
use crate::{config::Whole, roles};

/// Checks that one service alone has.
const GATEWAY_CHECK: &str = "producer";
const NOTIFIER_CHECK: &str = "notifier.consumer";
const WAREHOUSE_CHECK: &str = "warehouse.consumer";

/// What a port showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    Free,
    Taken,
    /// It cannot be had, for another reason.
    Unfit(String),
}

/// What a role says at `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Readiness {
    pub ready: bool,
    pub checks: BTreeMap<String, CheckState>,
}

/// One of its checks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckState {
    pub ok: bool,
    pub why: Option<String>,
}

/// Where a role's probes may be, and what was found there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose place it is by default.
    pub role: &'static str,
    pub address: SocketAddr,
    pub port: Port,
    pub readiness: Option<Readiness>,
}

/// Looks at the probes of all roles, then at the port where webhooks arrive.
pub async fn examine(whole: &Whole) -> Vec<Finding> {
    let places = match whole.shared.admin.listen {
        // One address for all roles: they run on machines of their own, or one of them does.
        Some(address) => vec![("any", address)],
        None => vec![
            ("gateway", roles::GATEWAY_ADMIN),
            ("notifier", roles::NOTIFIER_ADMIN),
            ("warehouse", roles::WAREHOUSE_ADMIN),
        ],
    };
    let (mut findings, mut has_gateway) = (Vec::new(), false);
    for (role, address) in places {
        let port = probe(address);
        let readiness = if port == Port::Taken { readiness(address).await } else { None };
        has_gateway |=
            readiness.as_ref().is_some_and(|readiness| readiness.checks.contains_key(GATEWAY_CHECK));
        findings.extend(judge(&Place { role, address, port, readiness }));
    }
    if let Ok(gateway) = whole.document.section::<gateway::GatewayConfig>("gateway") {
        findings.extend(taken("gateway.listen", gateway.listen, &probe(gateway.listen), has_gateway));
    }
    findings
}

/// Binds and lets go at once.
fn probe(address: SocketAddr) -> Port {
    match TcpListener::bind(address) {
        Ok(_) => Port::Free,
        Err(error) if error.kind() == ErrorKind::AddrInUse => Port::Taken,
        Err(error) => Port::Unfit(error.to_string()),
    }
}

async fn readiness(admin: SocketAddr) -> Option<Readiness> {
    let client = Client::new(super::looking(Duration::from_secs(3))).ok()?;
    let url = Url::parse(&format!("http://{admin}/readyz")).ok()?;
    let answer = client.get(&url).await.ok()?;
    serde_json::from_slice(&answer.body).ok()
}

/// What was found where a role's probes may be.
pub fn judge(place: &Place) -> Vec<Finding> {
    let Place { role, address, port, readiness } = place;
    match (port, readiness) {
        (_, Some(readiness)) => service(runs(readiness).unwrap_or(role), *address, readiness),
        (Port::Free, None) => {
            vec![Finding::well(format!("service {role}"), format!("nobody runs at {address}"))]
        }
        (port, None) => taken("admin.listen", *address, port, false).into_iter().collect(),
    }
}

/// Which role it is, by its checks.
fn runs(readiness: &Readiness) -> Option<&'static str> {
    let has = |name: &str| readiness.checks.contains_key(name);
    match (has(GATEWAY_CHECK), has(NOTIFIER_CHECK)) {
        (true, true) => Some("dev"),
        (true, false) => Some("gateway"),
        (false, true) => Some("notifier"),
        (false, false) => has(WAREHOUSE_CHECK).then_some("warehouse"),
    }
}

/// `is_ours`: a role of ours runs here, which is who has it.
pub fn taken(key: &str, address: SocketAddr, port: &Port, is_ours: bool) -> Option<Finding> {
    match port {
        Port::Taken if !is_ours => Some(Finding::wrong(
            format!("port {address}"),
            "is taken by something that is none of ours",
            format!(
                "end it (ss -ltnp 'sport = :{}' names it), or set `{key}` to another address",
                address.port()
            ),
        )),
        Port::Unfit(why) => Some(Finding::doubt(
            format!("port {address}"),
            why.as_str(),
            format!("set `{key}` to an address of the machine that the role runs on"),
        )),
        Port::Free | Port::Taken => None,
    }
}

fn service(role: &str, admin: SocketAddr, readiness: &Readiness) -> Vec<Finding> {
    if readiness.ready {
        return vec![Finding::well(format!("service {role}"), format!("runs at {admin} and is ready"))];
    }
    let ill = readiness.checks.iter().filter(|(_, state)| !state.ok);
    ill.map(|(check, state)| {
        let why = state.why.as_deref().unwrap_or("is not well");
        let remedy = "docs/operations.md, \"What /readyz says\", has what to do";
        Finding::wrong(format!("service {role}, {check}"), why, remedy)
    })
    .collect()
}

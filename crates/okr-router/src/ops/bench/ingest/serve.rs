//! What is measured: the real gateway, and the bare floor beside it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use boot::{BoxError, House, RunOptions};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::client::SECRET;
use crate::{cli::bench::Serve, config::Whole, parts};

const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(9);

/// Is one of the servers: says its address on stdout, and ends with its stdin.
pub fn run(whole: &Whole, serve: Serve, topic: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match serve {
        Serve::Floor => runtime.block_on(floor(whole, topic)),
        Serve::Gateway => gateway(whole, &runtime, false),
        Serve::GatewayArrivals => gateway(whole, &runtime, true),
    }
}

async fn stdin_closed() {
    // Whatever it says, its end is what counts.
    let _ = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await;
}

/// What an event receiver cannot do without: HTTP, HMAC over the raw body, JSON, one acknowledged record.
async fn floor(whole: &Whole, topic: &str) -> Result<()> {
    let settings = parts::bus_settings(whole, "okr-router-bench-floor")?;
    let producer = bus::BareProducer::new(&settings, MESSAGE_TIMEOUT)?;
    let state = Arc::new((producer, topic.to_owned()));
    let router = Router::new().route("/in/bench", post(take)).with_state(state);
    let listener = tokio::net::TcpListener::bind(ANYWHERE).await?;
    crate::ops::put(&format!("{}\n", listener.local_addr()?))?;
    let served = axum::serve(listener, router).with_graceful_shutdown(stdin_closed()).await;
    served.context("the floor ended")
}

async fn take(
    State(state): State<Arc<(bus::BareProducer, String)>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let signature = headers.get("x-signature").and_then(|value| hex::decode(value.as_bytes()).ok());
    let proven = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())
        .is_ok_and(|mac| mac.chain_update(&body).verify_slice(&signature.unwrap_or_default()).is_ok());
    if !proven {
        return (StatusCode::UNAUTHORIZED, "");
    }
    if serde_json::from_slice::<serde_json::Value>(&body).is_err() {
        return (StatusCode::BAD_REQUEST, "");
    }
    match state.0.send(&state.1, &body).await {
        Ok(()) => (StatusCode::ACCEPTED, "{}"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, ""),
    }
}

/// The role itself, but for its address and its one source.
fn gateway(whole: &Whole, runtime: &tokio::runtime::Runtime, keep_arrivals: bool) -> Result<()> {
    let options = RunOptions {
        role: "gateway",
        admin_listen: ANYWHERE,
        grace: whole.shared.shutdown_grace.0,
        log: whole.shared.log.clone(),
        traces: None,
    };
    runtime.block_on(async {
        let role = boot::run(options, |house| start(whole, keep_arrivals, house));
        tokio::select! {
            _ = role => Err(anyhow!("the gateway ended")),
            () = stdin_closed() => Ok(()),
        }
    })
}

async fn start(whole: &Whole, keep_arrivals: bool, house: House) -> Result<(), BoxError> {
    let mut config: gateway::GatewayConfig = whole.document.section("gateway")?;
    config.listen = ANYWHERE;
    config.keep_arrivals = keep_arrivals;
    let settings = parts::bus_settings(whole, "okr-router-bench-gateway")?;
    let source = serde_json::json!({
        "kind": "okr",
        "verify": { "scheme": "hmac-sha256", "header": "x-signature", "encoding": "hex", "secrets": [SECRET] },
    });
    let context = gateway::Context {
        memory: None,
        departments: whole.document.section("departments")?,
        sources: vec![sources::Source::build("bench", &serde_json::from_value(source)?)?],
        producer: bus::Producer::new(&settings, config.message_timeout())?,
        settings,
        registry: parts::registry(whole)?,
        partitions: whole.shared.kafka.partitions,
        config,
        house: house.clone(),
    };
    let gateway = gateway::Gateway::bind(context).await?;
    crate::ops::put(&format!("{}\n", gateway.address()))?;
    house.tasks.spawn("gateway", async move {
        gateway.serve().await;
        Ok(())
    });
    Ok(())
}

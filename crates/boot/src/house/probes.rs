//! `/livez`, `/readyz` and `/metrics` on a port of their own.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;

use super::House;
use crate::observe::{self, MetricsHandle};

/// How often recorded samples are folded together.
const UPKEEP: Duration = Duration::from_secs(5);

/// A listener, or an error that says which address and which key.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| {
        format!(
            "cannot serve the probes on {address} ({error}): end what listens there, or set `[admin] listen` \
             (OKR_ROUTER__ADMIN__LISTEN) to a free address"
        )
    })
}

/// Serves the probes and keeps the metrics small, until it is dropped.
pub(super) async fn serve(listener: TcpListener, house: House, metrics: MetricsHandle) {
    let upkeep = metrics.clone();
    let upkeep = async move {
        let mut ticks = tokio::time::interval(UPKEEP);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            upkeep.upkeep();
        }
    };
    tokio::select! {
        served = axum::serve(listener, router(house, metrics)).into_future() => {
            tracing::error!(outcome = ?served, "the probes are no longer served");
        }
        () = upkeep => {}
    }
}

fn router(house: House, metrics: MetricsHandle) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(render))
        .with_state((house, metrics))
}

type Shown = State<(House, MetricsHandle)>;

async fn ready(State((house, _)): Shown) -> impl IntoResponse {
    let report = house.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report))
}

async fn render(State((house, metrics)): Shown) -> impl IntoResponse {
    observe::ready(house.report().ready);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
}

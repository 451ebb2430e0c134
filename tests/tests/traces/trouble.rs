//! No collector: one that is away, none at all, and an address that is none.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use okr_tests::{free_port, until};

use crate::world::{Home, SOON};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const EVENTS: usize = 20;

/// One world, one case after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_collector_deliveries_go_on_and_the_trace_is_carried() -> Result<()> {
    let home = Home::start().await?;
    away(&home).await?;
    off(&home).await?;
    wrong(&home).await
}

/// The standard variable names a port where nobody listens, and the queue is short.
async fn away(home: &Home) -> Result<()> {
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", nowhere.as_str()), ("OKR_ROUTER__TRACES__QUEUE_MAX", "8")];
    let roles = home.roles(&env).await?;
    for number in 0..EVENTS {
        let event = home.check_in(&format!("away-{number}"), &[("traceparent", TRACE)]).await?;
        let received = home.received(&event, 1).await?;
        ensure!(received.len() == 1, "{} requests", received.len());
        let told = received[0].header("traceparent");
        ensure!(told.starts_with(&TRACE[..36]) && told != TRACE, "{told}");
    }
    for (role, name) in [(&roles.gateway, "gateway"), (&roles.notifier, "notifier")] {
        let more = AtomicUsize::new(0);
        let counted =
            async |name: &str, labels: &str| role.metric(name, labels).await.ok().filter(|n| *n > 0.0);
        // What came within its first second waits with the batch: the queue fills with what comes after it.
        until("spans without room", SOON, async || {
            let number = more.fetch_add(1, Ordering::Relaxed);
            home.check_in(&format!("{name}-{number}"), &[("traceparent", TRACE)]).await.ok()?;
            counted("okr_traces_dropped_spans_total", "reason=\"queue_full\"").await
        })
        .await?;
        until("failed exports", SOON, async || counted("okr_traces_failed_exports_total", "passing").await)
            .await?;
        let exported = role.metric("okr_traces_exported_spans_total", "").await?;
        ensure!(exported < 0.5, "{exported} exported to nobody");
        ensure!(role.readyz().await?.status == 200, "a collector is no reason not to be ready");
        let warned = role.stderr().matches("does not take spans").count()
            + role.stdout().matches("does not take spans").count();
        ensure!(warned == 1, "it was said {warned} times: {}", role.tail());
    }
    roles.stop().await
}

/// Nobody records, though there is a collector; the sender's trace goes through as it came.
async fn off(home: &Home) -> Result<()> {
    let collector = home.collector.url();
    let env = [("OKR_ROUTER__TRACES__ENDPOINT", collector.as_str()), ("OTEL_SDK_DISABLED", "true")];
    let roles = home.roles(&env).await?;
    let event = home.check_in("off", &[("traceparent", TRACE), ("tracestate", "tool=7")]).await?;
    let received = home.received(&event, 1).await?;
    for (name, value) in [("traceparent", TRACE), ("tracestate", "tool=7")] {
        ensure!(received[0].header(name) == value, "{:?}", received[0].headers);
        ensure!(home.header(&event, name).await? == value, "{name} of the record");
    }
    let event = home.check_in("none", &[]).await?;
    let received = home.received(&event, 1).await?;
    ensure!(!received[0].headers.contains_key("traceparent"), "{:?}", received[0].headers);
    for role in [&roles.gateway, &roles.notifier] {
        let page = role.metric("okr_traces_dropped_spans_total", "").await?;
        ensure!(page < 0.5, "{page} spans dropped where nobody records");
    }
    roles.stop().await?;
    // Roles that leave send what they have.
    ensure!(home.collector.requests() == 0, "{} requests to the collector", home.collector.requests());
    Ok(())
}

/// What cannot be posted to stops the start, by name.
async fn wrong(home: &Home) -> Result<()> {
    for (variable, value, words) in [
        ("OKR_ROUTER__TRACES__ENDPOINT", "collector:4318", "`traces.endpoint` must begin with http://"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "nowhere", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no URL"),
        ("OKR_ROUTER__TRACES__SAMPLE_RATIO", "1.5", "`traces.sample_ratio` must be from 0 to 1"),
    ] {
        let role = home.stack.start_with("gateway", &[(variable, value)])?;
        ensure!(role.end(SOON).await? == 1, "{variable}: {}", role.tail());
        ensure!(role.stderr().contains(words), "{variable}: {}", role.tail());
    }
    Ok(())
}

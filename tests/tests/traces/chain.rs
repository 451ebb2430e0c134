//! One trace from the sender to the receiver.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use okr_tests::{Answer, Python, Role, until};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use crate::world::{Home, SOON, text};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SENDER: &str = "b7ad6b7169203331";
const RETRIED: &str = "0af7651916cd43dd8448eb211c803111";
const REFUSED: &str = "0af7651916cd43dd8448eb211c803222";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c803333-b7ad6b7169203331-00";

/// The pause before a second attempt is 500 ms, less a fifth at most.
const PAUSE_MIN: Duration = Duration::from_millis(400);

fn sampled(trace: &str) -> String {
    format!("00-{trace}-{SENDER}-01")
}

/// One world, one case after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_leads_from_the_sender_to_the_receiver_through_retries_and_dead_letters() -> Result<()> {
    let home = Home::start().await?;
    let url = home.collector.url();
    let env = [("OKR_ROUTER__TRACES__ENDPOINT", url.as_str())];
    let mut roles = home.roles(&env).await?;
    chain(&home).await.context("chain")?;
    roots(&home).await.context("roots")?;
    retry(&home).await.context("retry")?;
    refused(&home).await.context("refused")?;
    latency(&roles.notifier).await.context("latency")?;
    // What is planned and refused by one process is delivered by the next.
    home.receiver_says(Answer::Status(500, "not now"));
    let event = home.check_in("restart", &[("traceparent", &sampled(RETRIED))]).await?;
    home.received(&event, 1).await?;
    ensure!(roles.notifier.term(SOON).await? == 0, "{}", roles.notifier.tail());
    home.receiver_says(Answer::Ok("ok"));
    roles.notifier = home.stack.start_with("notifier", &env)?;
    restarted(&home, event["event_id"].as_str().context("no id")?).await.context("restarted")?;
    let dropped = roles.gateway.metric("okr_traces_dropped_spans_total", "").await?;
    let exported = roles.gateway.metric("okr_traces_exported_spans_total", "").await?;
    ensure!(dropped < 0.5 && exported > 10.0, "{dropped} dropped, {exported} exported");
    roles.stop().await
}

async fn chain(home: &Home) -> Result<()> {
    let sent = sampled(TRACE);
    let event = home.check_in("chain", &[("traceparent", &sent), ("tracestate", "tool=7")]).await?;
    let received = home.received(&event, 1).await?;
    let wait = async |name: &str| {
        let spans = home.collector.wait_for(TRACE, name, 1, SOON).await?;
        ensure!(spans.len() == 1, "{spans:#?}");
        Ok(spans[0].clone())
    };
    let server = wait("POST /in/{source}").await?;
    let send = wait("send okr.events").await?;
    let arrival = wait("send okr.arrivals").await?;
    let process = wait("process okr.events").await?;
    let deliver = wait("deliver probe").await?;
    for (span, parent, kind, service) in [
        (&server, SENDER, SpanKind::Server, "okr-router-gateway"),
        (&send, &server.id, SpanKind::Producer, "okr-router-gateway"),
        (&arrival, &server.id, SpanKind::Producer, "okr-router-gateway"),
        (&process, &send.id, SpanKind::Consumer, "okr-router-notifier"),
        (&deliver, &process.id, SpanKind::Client, "okr-router-notifier"),
    ] {
        ensure!(span.parent == *parent && span.kind == kind && span.service == service, "{span:#?}");
        ensure!(!span.failed && span.links.is_empty() && span.took < SOON, "{span:#?}");
    }
    let (partition, offset) = (event["partition"].to_string(), event["offset"].to_string());
    let id = event["event_id"].as_str().context("no event_id")?;
    let status = ("http.response.status_code", "202");
    server.check(&[
        ("http.request.method", "POST"),
        ("http.route", "/in/{source}"),
        status,
        ("okr.source", "acme"),
    ])?;
    let record = [
        ("messaging.system", "kafka"),
        ("messaging.destination.name", "okr.events"),
        ("messaging.destination.partition.id", &partition),
        ("messaging.kafka.offset", &offset),
        ("messaging.message.id", id),
    ];
    send.check(&record)?;
    process.check(&record)?;
    send.check(&[("messaging.operation.type", "send")])?;
    process.check(&[
        ("messaging.operation.type", "process"),
        ("messaging.consumer.group.name", "okr.notifier"),
    ])?;
    deliver.check(&[("okr.target", "probe"), ("okr.attempt", "1"), ("messaging.message.id", id)])?;

    let [request] = received.as_slice() else { anyhow::bail!("{} requests", received.len()) };
    ensure!(
        request.header("traceparent") == format!("00-{TRACE}-{}-01", deliver.id),
        "{:?}",
        request.headers
    );
    ensure!(request.header("tracestate") == "tool=7", "{:?}", request.headers);
    ensure!(home.header(&event, "traceparent").await? == format!("00-{TRACE}-{}-01", send.id));
    ensure!(home.header(&event, "tracestate").await? == "tool=7");
    Ok(())
}

/// What comes without a trace begins one; what is no trace context is as good as none; what is not sampled stays so.
async fn roots(home: &Home) -> Result<()> {
    for (id, traceparent) in
        [("none", ""), ("upper", "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01")]
    {
        let event = home.check_in(id, &[("traceparent", traceparent)]).await?;
        home.received(&event, 1).await?;
        let own = home.header(&event, "traceparent").await?;
        let trace = own.split('-').nth(1).context("no trace")?;
        ensure!(own.ends_with("-01") && !trace.eq_ignore_ascii_case(TRACE), "{own}");
        let server = home.collector.wait_for(trace, "POST /in/{source}", 1, SOON).await?;
        ensure!(server[0].parent.is_empty(), "{server:#?}");
        home.collector.wait_for(trace, "deliver probe", 1, SOON).await?;
    }
    let event = home.check_in("unsampled", &[("traceparent", UNSAMPLED)]).await?;
    let received = home.received(&event, 1).await?;
    ensure!(received[0].header("traceparent") == UNSAMPLED, "{:?}", received[0].headers);
    Ok(())
}

async fn retry(home: &Home) -> Result<()> {
    const TRACE: &str = "0af7651916cd43dd8448eb211c803444";
    home.receiver.next(crate::world::HOOK, [Answer::Status(500, "not now")]);
    let event = home.check_in("retry", &[("traceparent", &sampled(TRACE))]).await?;
    let received = home.received(&event, 2).await?;
    let spans = home.collector.wait_for(TRACE, "deliver probe", 2, SOON).await?;
    let [first, second] = spans.as_slice() else { anyhow::bail!("{spans:#?}") };
    first.check(&[("okr.attempt", "1"), ("error.type", "status_5xx")])?;
    second.check(&[("okr.attempt", "2"), ("error.type", "")])?;
    ensure!(first.failed && first.links.is_empty(), "{first:#?}");
    ensure!(!second.failed && second.links == [first.id.clone()], "{second:#?}");
    ensure!(first.parent == second.parent && first.id != second.id, "{spans:#?}");
    let told: Vec<_> = received.iter().map(|seen| seen.header("traceparent").to_owned()).collect();
    let expected = [first, second].map(|span| format!("00-{TRACE}-{}-01", span.id));
    ensure!(told == expected, "{told:?}");
    // By now the unsampled one would have come, from either role.
    home.collector.wait_for(TRACE, "POST /in/{source}", 1, SOON).await?;
    let spans = home.collector.spans()?;
    ensure!(!spans.iter().any(|span| UNSAMPLED.contains(&span.trace)), "{spans:#?}");
    Ok(())
}

async fn refused(home: &Home) -> Result<()> {
    home.receiver.next(crate::world::HOOK, [Answer::Status(404, "nobody here")]);
    let event = home.check_in("refused", &[("traceparent", &sampled(REFUSED))]).await?;
    let letter = home.collector.wait_for(REFUSED, "send okr.dead.notifier", 1, SOON).await?;
    let process = home.collector.wait_for(REFUSED, "process okr.events", 1, SOON).await?;
    letter[0].check(&[("okr.dead.reason", "not_found"), ("okr.target", "probe")])?;
    ensure!(letter[0].kind == SpanKind::Producer && letter[0].parent == process[0].id, "{letter:#?}");
    let letters = Python::raw_all(home.kafka.address(), "okr.dead.notifier").await?;
    let [raw] = letters.as_slice() else { anyhow::bail!("{letters:?}") };
    ensure!(text(raw, "traceparent")? == home.header(&event, "traceparent").await?, "{raw}");

    // Sent back, it goes on in the trace in which it failed.
    let words = ["dead", "redrive", "--target", "probe", "--apply", "--why", "it is back"];
    let done = home.stack.command(&words).await?;
    ensure!(done.code == 0, "{}{}", done.stdout, done.stderr);
    let again = home.collector.wait_for(REFUSED, "process okr.replay.notifier", 1, SOON).await?;
    again[0].check(&[("messaging.consumer.group.name", "okr.notifier.replay")])?;
    let deliveries = home.collector.wait_for(REFUSED, "deliver probe", 2, SOON).await?;
    let redriven = deliveries.iter().find(|span| span.parent == again[0].id).context("not under it")?;
    ensure!(redriven.links.is_empty() && !redriven.attribute("okr.replay_id").is_empty(), "{redriven:#?}");
    Ok(())
}

/// From receipt to acceptance, of each delivery but the redriven one; the retried one with its pause.
async fn latency(notifier: &Role) -> Result<()> {
    let metric = async |name: &str, labels: &str| notifier.metric(name, labels).await;
    let name = |part: &str| format!("okr_outbox_delivery_latency_seconds{part}");
    let delivered = metric("okr_outbox_delivered_rows_total", "target=\"probe\"").await?;
    let (count, sum) = (metric(&name("_count"), "").await?, metric(&name("_sum"), "").await?);
    let quick = metric(&name("_bucket"), "le=\"0.25\"").await?;
    let within_a_day = metric(&name("_bucket"), "le=\"86400\"").await?;
    ensure!(count == delivered - 1.0 && count == within_a_day, "{count} of {delivered}, {within_a_day}");
    let retry = PAUSE_MIN.as_secs_f64();
    ensure!(
        sum >= retry && sum < count * SOON.as_secs_f64() && quick < count,
        "{sum} s for {count}, {quick} quick"
    );
    Ok(())
}

/// The span of the attempt after the restart points to the one that another process ended.
async fn restarted(home: &Home, event: &str) -> Result<()> {
    let look = async || {
        let mut spans = home.collector.spans().ok()?;
        spans.retain(|span| span.name == "deliver probe" && span.attribute("messaging.message.id") == event);
        spans.iter().any(|span| !span.failed).then_some(spans)
    };
    let spans = until("the delivery after the restart", SOON, look).await?;
    let first = spans.iter().find(|span| span.attribute("okr.attempt") == "1").context("no first attempt")?;
    let last = spans.iter().find(|span| !span.failed).context("no last attempt")?;
    ensure!(last.links == [first.id.clone()] && first.trace == last.trace, "{spans:#?}");
    Ok(())
}

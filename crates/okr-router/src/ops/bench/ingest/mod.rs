//! `okr-router bench ingest`: the gateway beside a bare HTTP server, in turns, in one run.

mod child;
mod client;
mod report;
mod serve;
#[cfg(test)]
mod tests;

use std::{
    process::ExitCode,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bus::{Admin, Difference, Retention, WantedTopic};

use crate::{
    cli::{
        Settings,
        bench::{Ingest as Options, Serve},
    },
    config::{self, Reader, Whole},
    ops, parts,
};
use child::Server;
use client::Crowd;
use report::{Course, Report, Round};

/// Latency is measured at this pace.
const STROLL_PER_SECOND: u32 = 200;
/// A round is cut into so many.
const TURNS: u64 = 10;
/// Connections of senders of batches: each request is a hundred times as large.
const BATCH_CONNECTIONS: u64 = 4;
/// Until a server takes its first webhook: it joins nothing, but has to find Kafka and the registry.
const READY_WAIT: Duration = Duration::from_secs(30);

pub fn run(settings: &Settings, options: &Options) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Command)?;
    if let Some(serve) = options.serve {
        serve::run(&whole, serve, &options.topic)?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = ops::block_on(async {
        let topic = format!("okr.bench.{}", uuid::Uuid::now_v7().simple());
        let done = measured(settings, &whole, options, &topic).await;
        let admin = Admin::new(&parts::bus_settings(&whole, "okr-router-bench")?)?;
        if let Err(error) = admin.delete(&topic).await {
            eprintln!("the topic {topic} was not deleted: {error}");
        }
        done
    })?;
    ops::put(&if options.output.json { format!("{}\n", report.json()) } else { report.to_string() })?;
    let missed = options.check && !report.misses().is_empty();
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn measured(settings: &Settings, whole: &Whole, options: &Options, topic: &str) -> Result<Report> {
    prepare(whole, topic).await?;
    let numbers = Arc::new(AtomicU64::new(0));
    let mut report = Report { requests: options.requests, ..Report::default() };
    for &connections in &options.connections {
        let mut course = Course { connections, ..Course::default() };
        for number in 1..=options.rounds {
            // What a process happens to be like, its threads and its memory, counts in one round only.
            let mut servers = started(settings, topic, &numbers).await?;
            let spent = by_turns(&mut servers, (connections, options.requests), &numbers).await?;
            course.rounds.iter_mut().zip(spent).for_each(|(rounds, round)| rounds.push(round));
            eprintln!("{connections} connections, round {number} of {}: {}", options.rounds, course.last());
        }
        report.courses.push(course);
    }
    // These live until the end, so that what grows with time shows in their memory.
    let mut servers = started(settings, topic, &numbers).await?;
    let fewest = options.connections.first().copied().unwrap_or(1);
    for number in 1..=options.rounds {
        // The floor knows no batches.
        for (server, batches) in servers.iter_mut().zip(&mut report.batches).skip(1) {
            batches.push(alone_and_in_batches(server, (fewest, options.requests), &numbers).await?);
        }
        eprintln!("batches, round {number} of {}", options.rounds);
    }
    let most = options.connections.iter().copied().max().unwrap_or(1);
    by_turns(&mut servers, (most, options.requests), &numbers).await?;
    for (server, latencies) in servers.iter().zip(&mut report.latencies) {
        *latencies = client::stroll(server.address, STROLL_PER_SECOND, options.strolls, &numbers).await?;
    }
    report.memory = servers.iter().map(Server::memory_peak).collect();
    Ok(report)
}

/// All servers, each of which has taken a webhook.
async fn started(settings: &Settings, topic: &str, numbers: &Arc<AtomicU64>) -> Result<Vec<Server>> {
    let mut servers = Vec::new();
    for serve in Serve::ALL {
        let server = Server::start(settings, serve, topic).await?;
        awake(&server, numbers).await.with_context(|| format!("{} takes no webhook", serve.name()))?;
        servers.push(server);
    }
    Ok(servers)
}

/// One round of all servers, by short turns: what else the machine does meets all of them alike.
async fn by_turns(
    servers: &mut [Server],
    (connections, requests): (u64, u64),
    numbers: &Arc<AtomicU64>,
) -> Result<Vec<Round>> {
    let mut crowds = Vec::new();
    for server in servers.iter() {
        crowds.push(Crowd::open(server.address, connections, numbers).await?);
    }
    let mut rounds = vec![Round::default(); servers.len()];
    for (nth, turn) in turns(requests).enumerate() {
        for ((server, crowd), round) in servers.iter_mut().zip(&mut crowds).zip(&mut rounds) {
            let spent = spent(server, turn, crowd.rush(turn)).await?;
            // The first turn warms up.
            if nth > 0 {
                *round += spent;
            }
        }
    }
    Ok(rounds)
}

/// One round of a server, by short turns of webhooks alone and of as many in batches.
async fn alone_and_in_batches(
    server: &mut Server,
    (connections, requests): (u64, u64),
    numbers: &Arc<AtomicU64>,
) -> Result<(Round, Round)> {
    let mut many = Crowd::open(server.address, connections, numbers).await?;
    let mut few = Crowd::open(server.address, BATCH_CONNECTIONS, numbers).await?;
    let (mut alone, mut batched) = (Round::default(), Round::default());
    for (nth, turn) in turns(requests).enumerate() {
        let webhooks = turn.next_multiple_of(client::BATCH);
        let one_by_one = spent(server, turn, many.rush(turn)).await?;
        let together = spent(server, webhooks, few.pile(webhooks)).await?;
        if nth > 0 {
            alone += one_by_one;
            batched += together;
        }
    }
    Ok((alone, batched))
}

/// A round's requests, cut into turns, after one more that warms up.
fn turns(requests: u64) -> impl Iterator<Item = u64> {
    let turns = (0..TURNS).map(move |nth| requests * (nth + 1) / TURNS - requests * nth / TURNS);
    std::iter::once(requests.div_ceil(TURNS)).chain(turns)
}

/// What the server spends on some work.
async fn spent(server: &mut Server, requests: u64, work: impl Future<Output = Result<()>>) -> Result<Round> {
    let (start, before) = (Instant::now(), server.processor_time()?);
    work.await?;
    let cpu = server.processor_time()?.saturating_sub(before);
    Ok(Round { requests, wall: start.elapsed(), cpu })
}

async fn awake(server: &Server, numbers: &Arc<AtomicU64>) -> Result<()> {
    let start = Instant::now();
    loop {
        match Crowd::open(server.address, 1, numbers).await {
            Ok(_) => return Ok(()),
            Err(error) if start.elapsed() > READY_WAIT => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Makes topics and schemas on a cluster that has no events: what this writes is not for anybody's consumers.
async fn prepare(whole: &Whole, topic: &str) -> Result<()> {
    let settings = parts::bus_settings(whole, "okr-router-bench")?;
    let admin = Admin::new(&settings)?;
    let mut wanted = parts::topics(whole)?;
    let events = wanted.iter().find(|topic| topic.name == "okr.events").map_or(1, |topic| topic.partitions);
    wanted.push(WantedTopic {
        name: topic.to_owned(),
        partitions: events,
        replication: whole.shared.kafka.replication,
        min_isr: whole.shared.kafka.min_insync_replicas,
        retention: Retention::Time(Duration::from_secs(24 * 60 * 60)),
        max_message_bytes: 2 << 20,
    });
    let differences: Vec<Difference> = admin.plan(&wanted).await?;
    admin.apply(&differences).await?;
    let held: i64 = admin.watermarks("okr.events").await?.iter().map(|marks| marks.high).sum();
    ensure!(
        held == 0,
        "okr.events holds records: this bench writes to it, so give it a cluster of its own (tests/bench ingest)"
    );
    ops::schemas::register(whole, true).await?;
    Ok(())
}

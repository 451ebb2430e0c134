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
use report::{Course, Report, Round};

/// Latency is measured at this pace.
const STROLL_PER_SECOND: u32 = 200;
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
    let mut servers = Vec::new();
    for serve in Serve::ALL {
        let server = Server::start(settings, serve, topic).await?;
        awake(&server, &numbers).await.with_context(|| format!("{} takes no webhook", serve.name()))?;
        servers.push(server);
    }
    let mut report = Report { requests: options.requests, ..Report::default() };
    for &connections in &options.connections {
        let mut course = Course { connections, ..Course::default() };
        for number in 0..=options.rounds {
            for (server, rounds) in servers.iter().zip(&mut course.rounds) {
                let work = client::rush(server.address, connections, options.requests, &numbers);
                let round = round(server, options.requests, work).await?;
                // The first round warms up.
                if number > 0 {
                    rounds.push(round);
                }
            }
            eprintln!("{connections} connections, round {number} of {}: {}", options.rounds, course.last());
        }
        report.courses.push(course);
    }
    let webhooks = options.requests.next_multiple_of(client::BATCH);
    for number in 0..=options.rounds {
        // The floor knows no batches.
        for (server, batches) in servers.iter().zip(&mut report.batches).skip(1) {
            let connections = options.connections.first().copied().unwrap_or(1);
            let work = client::rush(server.address, connections, options.requests, &numbers);
            let single = round(server, options.requests, work).await?;
            let work = client::pile(server.address, BATCH_CONNECTIONS, webhooks, &numbers);
            let batched = round(server, webhooks, work).await?;
            if number > 0 {
                batches.push((single, batched));
            }
        }
        eprintln!("batches, round {number} of {}", options.rounds);
    }
    for (server, latencies) in servers.iter().zip(&mut report.latencies) {
        *latencies = client::stroll(server.address, STROLL_PER_SECOND, options.strolls, &numbers).await?;
    }
    report.memory = servers.iter().map(Server::memory_peak).collect();
    Ok(report)
}

/// What the server spends on some work.
async fn round(server: &Server, requests: u64, work: impl Future<Output = Result<()>>) -> Result<Round> {
    let (start, before) = (Instant::now(), server.processor_time()?);
    work.await?;
    let cpu = server.processor_time()?.saturating_sub(before);
    Ok(Round { requests, wall: start.elapsed(), cpu })
}

async fn awake(server: &Server, numbers: &Arc<AtomicU64>) -> Result<()> {
    let start = Instant::now();
    loop {
        match client::rush(server.address, 1, 1, numbers).await {
            Ok(()) => return Ok(()),
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

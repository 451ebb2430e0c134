//! How fast batches are taken, against a plain `COPY` of the same rows into a table of the same columns. Numbers depend
//! on the machine and so are compared within one run: `cargo t -p warehouse --release pace -- --ignored --nocapture`.
//! `OKR_PACE=200000,20000,2000` says how many events, of how many subjects, in batches of how many.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use okr::{Change, Cycle, Metric, OkrEvent, Person, Status};
use uuid::Uuid;

use super::bench::{Bench, Member};
use super::history::{bare, minutes};
use super::postgres::database;
use crate::Entry;

struct Size {
    events: usize,
    subjects: usize,
    batch: usize,
}

fn size() -> Size {
    let given = std::env::var("OKR_PACE").unwrap_or_else(|_| "100000,10000,2000".to_owned());
    let numbers: Vec<usize> = given.split(',').map(|number| number.parse().unwrap()).collect();
    Size { events: numbers[0], subjects: numbers[1], batch: numbers[2] }
}

/// Check-ins as a tool sends them; one in twenty comes late, one in ten a second time.
fn events(size: &Size) -> Vec<OkrEvent> {
    let mut events: Vec<OkrEvent> = Vec::with_capacity(size.events);
    let mut seed = 1u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    while events.len() < size.events {
        let (subject, n) = (random(size.subjects), events.len());
        if n > 100 && random(10) == 0 {
            let again = events[n - 1 - random(100)].clone();
            events.push(again);
            continue;
        }
        let late = if random(20) == 0 { random(600) as i64 } else { 0 };
        let mut event = bare(&format!("kr-{subject}"), u32::try_from(n).unwrap(), (n / 100) as i64 - late);
        event.source.delivery_id = Some(Uuid::from_u64_pair(3, n as u64).to_string());
        event.subject.title = Some(format!("Raise the share of customers who renew to {} %", subject % 100));
        event.subject.parent_id = Some(format!("objective-{}", subject / 4));
        event.subject.url = Some(format!("https://okr.example/key-results/{subject}"));
        event.department = Some(["sales", "engineering", "people", "finance"][subject % 4].to_owned());
        event.team = Some(format!("team {}", subject % 40));
        let person = subject % 300;
        event.owner = Some(Person {
            id: Some(format!("u-{person}")),
            name: Some(format!("Person Number {person}")),
            email: Some(format!("person.{person}@example.org")),
        });
        event.cycle = Some(Cycle {
            name: Some("2026 Q1".to_owned()),
            start: Some(jiff::civil::date(2026, 1, 1)),
            end: Some(jiff::civil::date(2026, 3, 31)),
        });
        let now = (n % 97) as f64;
        event.metric = Some(Metric {
            start: Some(0.0),
            target: Some(97.0),
            current: Some(now),
            unit: Some("%".to_owned()),
        });
        (event.progress, event.confidence) = (Some(now / 97.0), Some(0.7));
        (event.status, event.change) = (Status::OnTrack, Change::CheckedIn);
        event.occurred_at -= SignedDuration::from_secs(20);
        event.actor = Some(format!("Person Number {person}"));
        event.note =
            (n % 3 == 0).then(|| "Two of the large accounts have signed, the third one waits.".to_owned());
        event.attributes.insert("quarter".to_owned(), "Q1".to_owned());
        events.push(event);
    }
    events
}

fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<u64> = stat.split(' ').skip(13).take(2).filter_map(|field| field.parse().ok()).collect();
    Duration::from_millis(fields.iter().sum::<u64>() * 10)
}

/// Plain `COPY` of the rows that came first, batch by batch as the warehouse gets them.
async fn plain(url: &str, like: &str, entries: &[&Entry], batch: usize) -> f64 {
    let client = store::testing::connect(url).await.unwrap();
    client.batch_execute(&format!("CREATE TABLE okr.plain (LIKE okr.okr_events {like})")).await.unwrap();
    let begin = Instant::now();
    for entries in entries.chunks(batch) {
        crate::postgres::copy_plainly(&client, "okr.plain", entries).await.unwrap();
    }
    let rate = entries.len() as f64 / begin.elapsed().as_secs_f64();
    client.batch_execute("DROP TABLE okr.plain; CHECKPOINT").await.unwrap();
    rate
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn pace_of_postgres() {
    let (size, database) = (size(), database().await);
    let url = database.url.clone();
    let bench = Bench::postgres(database).await;
    let events = events(&size);
    let entries: Vec<Entry> =
        events.iter().map(|event| Entry::at(event.clone(), super::bench::slot(0), 0).unwrap()).collect();
    let mut seen = std::collections::HashSet::new();
    let rows: Vec<&Entry> = entries.iter().filter(|entry| seen.insert(entry.id())).collect();
    let copied = plain(&url, "INCLUDING DEFAULTS", &rows, size.batch).await;
    let indexed = plain(&url, "INCLUDING DEFAULTS INCLUDING INDEXES", &rows, size.batch).await;
    let mut member = Member::join(&bench.target, [0]).await;
    let (mut took, mut slowest, cpu_before) = (Duration::ZERO, Duration::ZERO, cpu());
    let mut in_batches = Duration::ZERO;
    for events in events.chunks(size.batch) {
        let batch = member.batch(&events.iter().map(|event| (0, event.clone())).collect::<Vec<_>>());
        let (begin, before) = (Instant::now(), cpu());
        member.try_commit(&batch).await.unwrap();
        in_batches += cpu() - before;
        took += begin.elapsed();
        slowest = slowest.max(begin.elapsed());
    }
    let _ = cpu_before;
    let rate = events.len() as f64 / took.as_secs_f64();
    let of = |other: f64| 100.0 * rate / other;
    eprintln!(
        "{} events of {} subjects, {} a batch: {rate:.0}/s (slowest batch {slowest:?}, {:.2} CPU s of ours per 10,000)\n\
         plain COPY {copied:.0}/s: {:.0} %\nplain COPY with the indexes {indexed:.0}/s: {:.0} %",
        size.events,
        size.subjects,
        size.batch,
        in_batches.as_secs_f64() * 10_000.0 / events.len() as f64,
        of(copied),
        of(indexed),
    );
    let rows =
        bench.rows("SELECT count(*) AS n, (SELECT count(*) FROM okr_state) AS s FROM okr_events").await;
    eprintln!("{rows:?}, from {}", minutes(0));
}

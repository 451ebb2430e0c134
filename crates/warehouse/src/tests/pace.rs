//! How fast batches are taken, against a plain `COPY` of the same rows into a table of the same columns. Numbers depend
//! on the machine and so are compared within one run: `cargo t -p warehouse --release pace -- --ignored --nocapture`.
//! `OKR_PACE=200000,20000,2000,600` says how many events, of how many subjects, in batches of how many, and how many
//! minutes late they come at most; a hundred events are one minute.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use okr::{Change, Cycle, Metric, OkrEvent, Person, Status};
use uuid::Uuid;

use super::bench::{Bench, Member};
use super::history::bare;
use super::postgres::database;
use crate::Entry;

struct Size {
    events: usize,
    subjects: usize,
    batch: usize,
    late: usize,
}

fn size() -> Size {
    let given = std::env::var("OKR_PACE").unwrap_or_else(|_| "100000,10000,2000,10".to_owned());
    let numbers: Vec<usize> = given.split(',').map(|number| number.parse().unwrap()).collect();
    Size { events: numbers[0], subjects: numbers[1], batch: numbers[2], late: numbers[3] }
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
        let late = if random(20) == 0 { random(size.late) as i64 } else { 0 };
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

/// What these processes have worked so far.
fn cpu(pids: &[u32]) -> Duration {
    let of = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
        fields.split(' ').skip(12).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>()
    };
    Duration::from_millis(pids.iter().map(of).sum::<u64>() * 10)
}

/// What some events cost.
struct Cost {
    events: usize,
    wall: Duration,
    server: Duration,
    ours: Duration,
}

impl Cost {
    fn rate(&self) -> f64 {
        self.events as f64 / self.wall.as_secs_f64()
    }

    /// Of processor time, in microseconds an event.
    fn each(&self) -> (f64, f64) {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / self.events as f64;
        (each(self.server), each(self.ours))
    }

    fn tell(&self, what: &str, by: &Self) {
        let (server, ours) = self.each();
        let (plain_server, plain_ours) = by.each();
        let parts =
            [self.rate() / by.rate(), (plain_server + plain_ours) / (server + ours), plain_server / server];
        let [wall, all, of_server] = parts.map(|part| part * 100.0);
        let rate = self.rate();
        eprintln!(
            "{what}: {rate:.0}/s, {wall:.0} % of plain COPY; CPU an event: server {server:.1} us ({of_server:.0} %), \
             ours {ours:.1} us, both {all:.0} %"
        );
    }
}

/// Plain `COPY` of the rows that came first, batch by batch as the warehouse gets them.
async fn plain(url: &str, like: &str, entries: &[&Entry], batch: usize) -> Cost {
    let client = store::testing::connect(url).await.unwrap();
    client.batch_execute(&format!("CREATE TABLE okr.plain (LIKE okr.okr_events {like})")).await.unwrap();
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let (server, us) = ([pid.unsigned_abs()], [std::process::id()]);
    let (begin, server_before, before) = (Instant::now(), cpu(&server), cpu(&us));
    for entries in entries.chunks(batch) {
        crate::postgres::copy_plainly(&client, "okr.plain", entries).await.unwrap();
    }
    let (wall, server, ours) = (begin.elapsed(), cpu(&server) - server_before, cpu(&us) - before);
    client.batch_execute("DROP TABLE okr.plain; CHECKPOINT").await.unwrap();
    Cost { events: entries.len(), wall, server, ours }
}

/// The batches, one after the other.
async fn take(bench: &Bench, events: &[OkrEvent], batch: usize) -> Cost {
    let mut member = Member::join(&bench.target, [0]).await;
    let pids = "SELECT pid FROM pg_stat_activity WHERE application_name = 'okr-router'";
    let pids =
        bench.rows(pids).await.iter().map(|row| row["pid"].as_u64().unwrap() as u32).collect::<Vec<_>>();
    let us = [std::process::id()];
    let server_before = cpu(&pids);
    let (mut wall, mut ours) = (Duration::ZERO, Duration::ZERO);
    for events in events.chunks(batch) {
        let batch = member.batch(&events.iter().map(|event| (0, event.clone())).collect::<Vec<_>>());
        let (begin, before) = (Instant::now(), cpu(&us));
        member.try_commit(&batch).await.unwrap();
        wall += begin.elapsed();
        ours += cpu(&us) - before;
    }
    Cost { events: events.len(), wall, server: cpu(&pids) - server_before, ours }
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
    let taken = take(&bench, &events, size.batch).await;
    let Size { events, subjects, batch, late } = size;
    eprintln!("{events} events of {subjects} subjects, {batch} a batch, up to {late} minutes late");
    copied.tell("plain COPY", &copied);
    indexed.tell("plain COPY with all indexes", &copied);
    taken.tell("the warehouse", &copied);
}

//! One hour with ten targets, of which one hangs and one answers 500, and what comes after it.

use std::collections::HashMap;
use std::time::Duration;

use boot::{Rate, Span};
use bus::header;
use jiff::Timestamp;
use tokio::time::{Instant, sleep, sleep_until};

use crate::holder::{later, until};
use crate::tests::fakes::{Bench, parcel, passing};
use crate::{Depth, OutboxConfig, Outcome, Queue, Refusal};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

const HANGS: &str = "hour-hangs";
const FAILS: &str = "hour-500";
const WELL: [&str; 8] = ["hour-1", "hour-2", "hour-3", "hour-4", "hour-5", "hour-6", "hour-7", "hour-8"];

/// Between two events, each of which goes to all ten.
const PACE: Duration = Duration::from_millis(1_000);
/// Between two looks at the queue.
const LOOK: Duration = Duration::from_millis(130);
const SUBJECTS: u32 = 50;
const ROWS_MAX: u64 = 500;
/// How late the engine may learn that a target is full, in events.
const LATE: u64 = 10 + 1;
const AGE_MAX: Duration = Duration::from_secs(20 * 60);

/// What the looks at the queue have shown.
#[derive(Default)]
struct Looks {
    /// The age of the oldest unfinished row of a target that is well.
    age: Duration,
    /// Rows and bytes that all targets held together, the most of each ten minutes.
    held: [(usize, usize); 6],
    /// The most unfinished rows of a target in trouble.
    depth: u64,
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_and_one_that_fails_for_an_hour_delay_nobody() {
    let _ = boot::metrics_handle();
    let bench = bench();
    let mut looks = Looks::default();
    let events = load(&bench, HOUR, async |passed| look(&bench, passed, &mut looks).await).await;
    sleep(SECOND).await;

    for target in WELL {
        assert_eq!(bench.seen(target).len(), events as usize, "{target}");
    }
    assert!(looks.age > Duration::ZERO, "the looks see rows under way");
    assert!(looks.age < SECOND, "a row of a target that is well waited for {:?}", looks.age);
    // What is under way to those who are well, the two probes, and little that is being asked for or marked.
    let after_the_first = &looks.held[1..];
    assert!(after_the_first.iter().all(|held| held.0 <= 12 && held.1 <= 12 << 10), "{:?}", looks.held);
    assert!(looks.held[0].0 <= 40, "{:?}", looks.held);

    let most = ROWS_MAX + LATE;
    assert!((ROWS_MAX..=most).contains(&looks.depth), "the bound is {ROWS_MAX} rows, not {}", looks.depth);
    for target in [HANGS, FAILS] {
        let reasons = reasons(&bench, target);
        assert!(reasons["target_full"] > 0 && reasons["expired"] > 0, "{target}: {reasons:?}");
        assert_eq!(reasons.len(), 2, "{target}: {reasons:?}");
        is_probed_by_the_minute(&bench, target);
    }
    println!("{events} events, age of the others at most {:?}, held {:?}", looks.age, looks.held);
    recovers(&bench, events).await;
}

/// Both are well again, and nobody helps.
async fn recovers(bench: &Bench, before: u32) {
    for target in [HANGS, FAILS] {
        bench.script(target, |_| (SECOND / 20, Ok(())));
    }
    let before_them = [HANGS, FAILS].map(|target| bench.seen(target).len());
    // The breaker's longest pause, and the delivery that was hanging.
    sleep(MINUTE + SECOND * 10).await;
    bench.engine.plan([HANGS, FAILS].map(|target| parcel(target, "new", "new")).to_vec()).await.unwrap();
    sleep(SECOND * 11).await;
    for (target, seen) in [HANGS, FAILS].into_iter().zip(before_them) {
        let texts = bench.texts(target);
        assert!(texts[seen..].len() > 1, "{target} is used again");
        assert!(state(target).abs() < 0.5, "{target}: its breaker is closed");
    }
    // The longest pause of the schedule that a row had come to.
    sleep(HOUR * 4).await;
    assert_eq!(bench.queue.depths("notifier").await.unwrap(), []);
    for target in [HANGS, FAILS] {
        let ended = |end: fn(&Outcome) -> bool| {
            let rows = bench.queue.rows().into_iter();
            rows.filter(|row| row.parcel.effect.target == target && row.end.as_ref().is_some_and(end)).count()
        };
        let (done, dead) =
            (ended(|end| *end == Outcome::Done), ended(|end| matches!(end, Outcome::Dead { .. })));
        let reasons = reasons(bench, target);
        let letters: usize = reasons.values().sum();
        let full = reasons["target_full"];
        assert_eq!(letters, dead + full, "{target}: each letter is of one row or of none");
        assert_eq!(done + letters, before as usize + 1, "{target}: each event has one end");
        println!("{target}: {done} delivered, {reasons:?}");
    }
}

fn bench() -> Bench {
    let config = OutboxConfig { rows_max: ROWS_MAX, age_max: Span(AGE_MAX), ..OutboxConfig::default() };
    let targets: Vec<(&str, Rate)> =
        WELL.into_iter().chain([HANGS, FAILS]).map(|target| (target, Rate::NONE)).collect();
    let bench = Bench::start_with(&targets, config);
    for (target, takes) in WELL.into_iter().zip(1..) {
        bench.script(target, move |_| (SECOND / 20 * takes, Ok(())));
    }
    bench.script(HANGS, |_| {
        let error = "no answer within 10s".to_owned();
        (SECOND * 10, Err(Refusal::Passing { after: None, reason: "timeout", error, ambiguous: true }))
    });
    bench.script(FAILS, |_| (SECOND / 20, Err(passing(None))));
    bench
}

/// An event for everybody at a steady pace; between them `look`, at the time that has passed. Gives how many.
async fn load(bench: &Bench, span: Duration, mut look: impl AsyncFnMut(Duration)) -> u32 {
    let (began, mut events) = (Instant::now(), 0);
    let mut passed = Duration::ZERO;
    while passed < span {
        if passed >= PACE * events {
            let now = later(Timestamp::UNIX_EPOCH, began.elapsed());
            let subject = format!("kr {}", events % SUBJECTS);
            let parcels = WELL.into_iter().chain([HANGS, FAILS]).map(|target| {
                let mut parcel = parcel(target, &subject, &format!("{events:>1000}"));
                parcel.received_at = now;
                parcel
            });
            bench.engine.plan(parcels.collect()).await.unwrap();
            events += 1;
        }
        passed += LOOK;
        sleep_until(began + passed).await;
        look(passed).await;
    }
    events
}

async fn look(bench: &Bench, passed: Duration, looks: &mut Looks) {
    let now = later(Timestamp::UNIX_EPOCH, passed);
    for Depth { target, rows, oldest } in bench.queue.depths("notifier").await.unwrap() {
        if WELL.contains(&&*target) {
            looks.age = looks.age.max(oldest.map_or(Duration::ZERO, |oldest| until(now, oldest)));
        } else {
            looks.depth = looks.depth.max(rows);
        }
    }
    let targets = WELL.into_iter().chain([HANGS, FAILS]);
    let held = targets.map(|target| bench.queue.taken(target)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    let span = usize::try_from(passed.as_secs() / 600).unwrap().min(5);
    let most = &mut looks.held[span];
    *most = (most.0.max(held.0), most.1.max(held.1));
}

/// Dead letters of a target by their reason.
fn reasons(bench: &Bench, target: &str) -> HashMap<String, usize> {
    let mut reasons = HashMap::new();
    for letter in bench.letters() {
        let said = |name| letter.headers.get_str(name).unwrap_or_default().to_owned();
        if said(header::OKR_DEAD_TARGET) == target {
            *reasons.entry(said(header::OKR_DEAD_REASON)).or_default() += 1;
        }
    }
    reasons
}

/// Its breaker opened once, and once more with each probe; probes come at the longest pause in the end.
fn is_probed_by_the_minute(bench: &Bench, target: &str) {
    let moments: Vec<Duration> = bench.seen(target).into_iter().map(|(at, _, _)| at).collect();
    let probes: Vec<Duration> = moments.into_iter().filter(|at| *at > MINUTE * 5).collect();
    let gaps = probes.windows(2).map(|pair| pair[1] - pair[0]);
    for gap in gaps {
        assert!((MINUTE..MINUTE + SECOND * 11).contains(&gap), "{target} was probed after {gap:?}");
    }
    let openings = metric("okr_outbox_breaker_openings_total", target);
    // Ten, twenty, forty seconds, then a minute each.
    let (least, most) = (probes.len() as f64 + 3.0, probes.len() as f64 + 8.0);
    assert!(probes.len() >= 46 && (least..=most).contains(&openings), "{target}: {openings} openings");
    assert!(state(target) > 0.5, "{target}: its breaker is open or tries");
}

fn state(target: &str) -> f64 {
    metric("okr_outbox_breaker_state", target)
}

/// A counter or gauge of a target, as it is shown.
pub fn metric(name: &str, target: &str) -> f64 {
    let page = boot::metrics_handle().render();
    let is_it = |line: &&str| line.starts_with(name) && line.contains(&format!("target=\"{target}\""));
    let line = page.lines().find(is_it).unwrap_or_else(|| panic!("no {name} of {target}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

//! What it costs to read the frame of a check-in, beside the Avro library on the same bytes and beside the least that an
//! event costs: its texts have to be copied.
//!
//! ```sh
//! cargo bench --ignore-rust-version -p wire --bench reading
//! ```
//!
//! Beside criterion's own figures it prints the shares, measured in turns so that a busy machine slows all, and fails
//! where one is above its bar.

use std::{
    collections::BTreeMap,
    hint::black_box,
    time::{Duration, Instant},
};

use apache_avro::{Schema, reader::datum::GenericDatumReader};
use criterion::Criterion;
use jiff::{Timestamp, civil::date};
use okr::{Change, Cycle, Metric, OkrEvent, Person, Previous, Source, Status, Subject, SubjectType};
use tokio::runtime::Runtime;
use wire::Decoder;

/// Rounds of the comparison, each of so many events; the median round counts.
const ROUNDS: usize = 61;
const ROUND: usize = 2_000;
/// Of what the library takes, at most.
const SHARE: f64 = 0.65;
/// Of what a copy takes, at most.
const COPIES: f64 = 3.5;

/// As tools send them: about 750 bytes as a record, with key and headers.
fn check_in() -> OkrEvent {
    let subject = Subject {
        kind: SubjectType::KeyResult,
        namespace: "bench".to_owned(),
        id: "kr-417".to_owned(),
        parent_id: Some("o-104".to_owned()),
        title: Some("Win ten reference customers in the region".to_owned()),
        url: Some("https://okr.example/key-results/417".to_owned()),
    };
    let source = Source {
        name: "bench".to_owned(),
        kind: "standard-webhooks".to_owned(),
        delivery_id: Some("msg_000000031417".to_owned()),
        sequence: Some(31_417),
    };
    let id = okr::event_id("bench", "msg_000000031417", &okr::subject_key(&subject), 0);
    let at = Timestamp::from_second(1_770_200_000).expect("a time of this century");
    OkrEvent {
        department: Some("sales".to_owned()),
        team: Some("Enterprise".to_owned()),
        owner: Some(person("ada.lovelace")),
        manager: Some(person("charles.babbage")),
        cycle: Some(Cycle {
            name: Some("2026 Q1".to_owned()),
            start: Some(date(2026, 1, 1)),
            end: Some(date(2026, 3, 31)),
        }),
        metric: Some(Metric {
            start: Some(0.0),
            target: Some(97.0),
            current: Some(41.0),
            unit: Some("customers".to_owned()),
        }),
        progress: Some(0.42),
        confidence: Some(0.7),
        status: Status::AtRisk,
        previous: Some(Previous { progress: Some(0.21), status: Some(Status::OnTrack), current: None }),
        actor: Some("Ada Lovelace".to_owned()),
        note: Some("check-in 31417: two more have signed since the last one".to_owned()),
        attributes: BTreeMap::from([("region".to_owned(), "EMEA".to_owned())]),
        ..OkrEvent::new(id, at, source, Change::CheckedIn, subject)
    }
}

fn person(name: &str) -> Person {
    let email = format!("{name}@okr.example");
    Person { id: Some(format!("u-{name}")), name: Some(name.replace('.', " ")), email: Some(email) }
}

/// All three are given the same event.
struct Course<'s> {
    runtime: Runtime,
    decoder: Decoder,
    library: GenericDatumReader<'s>,
    event: OkrEvent,
    frame: Vec<u8>,
}

impl Course<'_> {
    /// As a service does it, the frame and the reader's look-up included.
    fn ours(&self, events: usize) {
        self.runtime.block_on(async {
            for _ in 0..events {
                black_box(self.decoder.event(black_box(&self.frame)).await.expect("it is ours"));
            }
        });
    }

    /// The library's quickest way, without an intermediate value.
    fn library(&self, events: usize) {
        for _ in 0..events {
            let mut datum = &black_box(&self.frame)[5..];
            black_box(self.library.read_deser::<OkrEvent>(&mut datum).expect("it is ours"));
        }
    }

    fn copy(&self, events: usize) {
        for _ in 0..events {
            black_box(black_box(&self.event).clone());
        }
    }

    /// The medians of the rounds' ratios to the library and to a copy, each round measuring all three.
    fn shares(&self) -> (f64, f64) {
        let timed = |work: &dyn Fn(usize)| {
            let started = Instant::now();
            work(ROUND);
            started.elapsed().as_secs_f64()
        };
        let rounds = (0..ROUNDS).map(|_| {
            let ours = timed(&|events| self.ours(events));
            (ours / timed(&|events| self.library(events)), ours / timed(&|events| self.copy(events)))
        });
        let (mut shares, mut copies): (Vec<f64>, Vec<f64>) = rounds.unzip();
        shares.sort_by(f64::total_cmp);
        copies.sort_by(f64::total_cmp);
        (shares[ROUNDS / 2], copies[ROUNDS / 2])
    }
}

fn main() {
    rustls::crypto::ring::default_provider().install_default().expect("it is the first");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (encoder, decoder) = wire::alone().expect("nothing is asked");
    let event = check_in();
    let frame = runtime.block_on(encoder.event(&event)).expect("it fits the schema").to_vec();
    let schema = Schema::parse_str(wire::OKR_EVENT).expect("it is ours");
    let library = GenericDatumReader::builder(&schema).human_readable(false).build().expect("it is ours");
    let course = Course { runtime, decoder, library, event, frame };
    println!("{} bytes a frame", course.frame.len());
    let mut criterion = Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    criterion.bench_function("the Avro library", |bencher| bencher.iter(|| course.library(1)));
    criterion.bench_function("by position", |bencher| bencher.iter(|| course.ours(1)));
    criterion.bench_function("a copy", |bencher| bencher.iter(|| course.copy(1)));
    criterion.final_summary();
    let (share, copies) = course.shares();
    println!(
        "{share:.2} of the library's time (at most {SHARE}), {copies:.2} of a copy's (at most {COPIES})"
    );
    assert!(share <= SHARE && copies <= COPIES, "too dear");
}

//! What a delivery of 2 KB costs from its bytes to the bytes of its event: verification, translation, encoding. The
//! floor is what nobody can do without: HMAC-SHA256 and a JSON parse of the same body.
//!
//! ```sh
//! cargo bench --ignore-rust-version -p gateway --bench translation
//! ```
//!
//! Beside criterion's own figures it prints each kind's multiple of the floor, measured in turns so that a busy
//! machine slows both, and fails where a kind costs more than it may.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::Criterion;
use futures::executor::block_on;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use sha2::Sha256;
use sources::{Delivery, Request, Source, SourceConfig};

const BODY_BYTES: usize = 2048;
/// Rounds of the comparison, each of so many deliveries; the median round counts.
const ROUNDS: usize = 61;
const ROUND: usize = 400;

/// A kind, the most that it may cost, and a delivery of it.
struct Case {
    name: &'static str,
    limit: f64,
    source: Source,
    headers: HeaderMap,
    body: Vec<u8>,
}

const OKR: &str = r#"{"id":"d-1","type":"key_result.checked_in","occurred_at":"2026-02-03T10:15:00Z","subject":{"type":"key_result","id":"kr-1","parent_id":"o-1","title":"Renewals","url":"https://okr.example.com/kr-1"},"department":"sales","team":"EMEA","owner":{"id":7,"name":"Robin","email":"robin@example.com"},"cycle":{"name":"2026 Q1","start":"2026-01-01","end":"2026-03-31"},"metric":{"start":80,"target":95,"current":86,"unit":"%"},"confidence":0.7,"status":"onTrack","actor":"Robin","attributes":{"region":"EMEA"},"note":"PAD"}"#;

const GENERIC: &str = r#"
identity = "body.id"
[event]
change = "'checked_in'"
subject_type = "'key_result'"
subject_id = "body.subject.id"
title = "body.subject.title"
department = "body.department"
owner.name = "body.owner.name"
owner.email = "body.owner.email"
cycle.end = "body.cycle.end"
progress = "(body.metric.current - body.metric.start) / (body.metric.target - body.metric.start)"
occurred_at = "body.occurred_at"
status = "body.status"
note = "body.note"
"#;

const HMAC: &str = r#"verify = { scheme = "hmac-sha256", header = "x-signature", secrets = ["secret"] }"#;

/// Fills up to 2 KB with words, as a comment would.
fn padded(body: &str) -> Vec<u8> {
    let words = "two more signed today; ".repeat(BODY_BYTES / 23);
    body.replace("PAD", &words[..BODY_BYTES + 3 - body.len()]).into_bytes()
}

fn now() -> Timestamp {
    Timestamp::from_second(1_770_200_000).expect("a time of this century")
}

impl Case {
    fn new(name: &'static str, limit: f64, config: &str, more: &[(&str, &str)], body: &str) -> Self {
        let config: SourceConfig = toml::from_str(config).expect("the bench's own configuration");
        let source = Source::build("bench", &config).expect("the bench's own configuration");
        let body = padded(body);
        assert_eq!(body.len(), BODY_BYTES, "{name}");
        let mut headers = HeaderMap::new();
        let signed = source.sign(&body, now());
        let signed = signed.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in signed.chain(more.iter().copied()) {
            let name: HeaderName = name.parse().expect("a header's name");
            headers.insert(name, value.parse().expect("a header's value"));
        }
        Self { name, limit, source, headers, body }
    }

    /// Everything between the wire and the log but waiting.
    fn translate(&self, encoder: &wire::Encoder) -> usize {
        let request = Request { headers: &self.headers, body: &self.body, now: now() };
        self.source.verify(&request).expect("it is signed");
        let reading =
            self.source.read(&Delivery { headers: &self.headers, body: &self.body, received_at: now() });
        let events = reading.events.expect("it is understood");
        assert!(!events.is_empty());
        events.iter().map(|event| block_on(encoder.event(event)).expect("it fits the schema").len()).sum()
    }
}

fn cases() -> Vec<Case> {
    let envelope =
        format!(r#"{{"type":"key_result.checked_in","timestamp":"2026-02-03T10:15:00Z","data":{OKR}}}"#);
    let cloud = format!(
        r#"{{"specversion":"1.0","id":"e-1","source":"/goals","type":"com.example.key_result.checked_in","data":{OKR}}}"#
    );
    let push = r#"{"ref":"refs/heads/main","after":"89abcdef","created":false,"deleted":false,"forced":false,"compare":"https://github.com/example/rocket/compare/a...b","commits":[{"id":"89abcdef","message":"Fix","author":{"name":"Robin"}}],"head_commit":{"id":"89abcdef","message":"PAD","url":"https://github.com/example/rocket/commit/89abcdef","author":{"name":"Robin"}},"repository":{"id":186853002,"full_name":"example/rocket","html_url":"https://github.com/example/rocket","pushed_at":1770113700},"pusher":{"name":"robin"},"sender":{"login":"robin","id":21031067}}"#;
    let structured = [("content-type", "application/cloudevents+json")];
    vec![
        Case::new(
            "standard-webhooks",
            3.0,
            "kind = \"standard-webhooks\"\nsecrets = [\"whsec_c2VjcmV0\"]",
            &[],
            &envelope,
        ),
        Case::new("okr", 3.0, &format!("kind = \"okr\"\n{HMAC}"), &[], OKR),
        Case::new(
            "github",
            3.0,
            "kind = \"github\"\nsecrets = [\"secret\"]",
            &[("x-github-event", "push")],
            push,
        ),
        Case::new("cloudevents", 3.0, &format!("kind = \"cloudevents\"\n{HMAC}"), &structured, &cloud),
        Case::new("generic", 8.0, &format!("kind = \"generic\"\n{HMAC}\n{GENERIC}"), &[], OKR),
    ]
}

/// What nobody can do without.
fn floor(body: &[u8]) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").expect("any key will do");
    mac.update(body);
    let tag = mac.finalize().into_bytes();
    let value: serde_json::Value = serde_json::from_slice(body).expect("it is JSON");
    black_box(tag).is_empty() || black_box(value).is_null()
}

/// The median of the rounds' ratios, each round measuring both.
fn multiple(case: &Case, encoder: &wire::Encoder) -> f64 {
    let timed = |work: &dyn Fn()| {
        let started = Instant::now();
        (0..ROUND).for_each(|_| work());
        started.elapsed().as_secs_f64()
    };
    let mut ratios: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let bare = timed(&|| assert!(!black_box(floor(&case.body))));
            timed(&|| assert!(black_box(case.translate(encoder)) > 0)) / bare
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ROUNDS / 2]
}

fn main() {
    egress::install_crypto();
    let (encoder, _) = wire::alone().expect("nothing is asked");
    let cases = cases();
    let mut criterion = Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    criterion.bench_function("floor", |bencher| bencher.iter(|| floor(&cases[1].body)));
    for case in &cases {
        criterion.bench_function(case.name, |bencher| bencher.iter(|| case.translate(&encoder)));
    }
    criterion.final_summary();
    let mut dear = Vec::new();
    for case in &cases {
        let multiple = multiple(case, &encoder);
        println!("{:<20} {multiple:.2}x the floor (at most {:.0}x)", case.name, case.limit);
        dear.extend((multiple > case.limit).then_some(case.name));
    }
    assert!(dear.is_empty(), "too dear: {dear:?}");
}

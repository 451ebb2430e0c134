//! The samples are deliveries that their sources take.

use http::HeaderMap;
use jiff::Timestamp;
use sources::{Delivery, Request, Source, SourceConfig};

use super::sample;

#[track_caller]
fn check(kind: &str, verify: &str) {
    let text = format!("[sources.demo]\nkind = \"{kind}\"\n{verify}\n");
    let document = boot::Document::read(&text, "test", &[], &[], &crate::config::keys()).unwrap();
    let config: SourceConfig = document.section("sources.demo").unwrap();
    let source = Source::build("demo", &config).unwrap();
    let now: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
    let body = sample(kind, now).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in source.sign(&body, now) {
        headers.append(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    source.verify(&Request { headers: &headers, body: &body, now }).unwrap();
    let reading = source.read(&Delivery { headers: &headers, body: &body, received_at: now });
    let events = reading.events.unwrap();
    assert_eq!(events.len(), 1);
    assert!((events[0].progress.unwrap() - 0.42).abs() < 1e-9, "{:?}", events[0].progress);
    assert_eq!(events[0].occurred_at, now);
}

#[test]
fn the_sample_of_each_kind_is_verified_and_understood() {
    check("standard-webhooks", "secrets = [\"whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=\"]");
    check("okr", "verify = { scheme = \"hmac-sha256\", header = \"x-signature\", secrets = [\"key\"] }");
}

#[test]
fn a_kind_without_a_sample_says_so() {
    assert!(sample("github", Timestamp::UNIX_EPOCH).is_err_and(|error| error.to_string().contains("--file")));
}

#[test]
fn a_batch_says_how_it_is_written() {
    assert_eq!(super::batch_type(b" \n[1]"), "application/json");
    assert_eq!(super::batch_type(b"{\"id\":1}\n"), "application/x-ndjson");
}

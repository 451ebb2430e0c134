//! What every dialect must stand: any bytes, any headers. A new one is covered by its probe.

mod corpus;
mod probes;

use http::HeaderMap;
use jiff::Timestamp;

use crate::{Delivery, Identity, Reading, Refusal, Request, Source};
use probes::{PROBES, Probe, header_map};

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

fn every(check: impl Fn(&Probe, &Source)) {
    for probe in PROBES {
        check(probe, &probe.open());
    }
}

/// Reads, and holds the reading to what every reading promises.
fn read(source: &Source, headers: &HeaderMap, body: &[u8]) -> Reading {
    let delivery = Delivery { headers, body, received_at: now() };
    let reading = source.read(&delivery);
    assert_eq!(reading, source.read(&delivery), "a translation is a function of its input");
    assert!(!reading.identity.text().is_empty());
    for event in reading.events.iter().flatten() {
        assert!(!event.subject.id.is_empty() && event.subject.id.len() <= 1024);
        assert!(event.progress.is_none_or(|progress| (0.0..=6.5).contains(&progress)));
        assert!(event.confidence.is_none_or(|confidence| (0.0..=1.0).contains(&confidence)));
        assert!(event.source.delivery_id.as_deref().is_some_and(|id| !id.is_empty()));
        let metric = event.metric.iter().flat_map(|metric| [metric.start, metric.target, metric.current]);
        assert!(metric.flatten().all(f64::is_finite));
    }
    assert!(reading.events.is_ok() || reading.pendings.is_empty(), "what is held is held whole");
    for pending in &reading.pendings {
        assert!(!pending.object_id.is_empty() && pending.object_id.len() <= 1024);
    }
    if let Ok(events) = &reading.events {
        let ids: std::collections::BTreeSet<_> = events.iter().map(|event| event.event_id).collect();
        assert_eq!(ids.len(), events.len(), "each event has an id of its own");
    }
    reading
}

#[test]
fn what_a_source_signs_it_accepts_and_an_altered_byte_it_refuses() {
    for probe in PROBES {
        for source in probe.sources() {
            let signed = source.sign(probe.body.as_bytes(), now());
            let mut headers = probe.headers();
            headers.extend(header_map(signed.iter().map(|(name, value)| (name.as_str(), value.as_str()))));
            let request = Request { headers: &headers, body: probe.body.as_bytes(), now: now() };
            assert_eq!(source.verify(&request), Ok(()), "{}", probe.kind);
            let without = probe.headers();
            assert!(source.verify(&Request { headers: &without, ..request }).is_err());
            let covered = !headers.contains_key("authorization");
            let altered = probe.body.replacen('1', "2", 1);
            let result = source.verify(&Request { body: altered.as_bytes(), ..request });
            assert_eq!(result.is_err(), covered, "{}: {headers:?}", probe.kind);
        }
    }
}

#[test]
fn clocks_may_differ_by_the_tolerance_and_no_more() {
    for probe in PROBES {
        for source in probe.sources() {
            let signed = source.sign(probe.body.as_bytes(), now());
            let stamped = signed.iter().any(|(name, _)| {
                ["x-time", "stripe-signature", "webhook-timestamp"].contains(&name.as_str())
            });
            let headers = header_map(signed.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            for (skew, fresh) in
                [(0, true), (300, true), (-300, true), (301, false), (-301, false), (86_400, false)]
            {
                let now = Timestamp::from_second(1_700_000_000 + skew).unwrap();
                let result = source.verify(&Request { headers: &headers, body: probe.body.as_bytes(), now });
                assert_eq!(
                    result,
                    if fresh || !stamped { Ok(()) } else { Err(Refusal::Stale) },
                    "{} {skew}",
                    probe.kind
                );
            }
        }
    }
}

#[test]
fn a_body_that_is_understood_gives_events() {
    every(|probe, source| {
        let reading = read(source, &probe.headers(), probe.body.as_bytes());
        assert_eq!(reading.events.map(|events| events.len()), Ok(probe.events), "{}", probe.kind);
        assert_eq!(reading.pendings.len(), probe.pendings, "{}", probe.kind);
    });
}

#[test]
fn a_body_that_ends_too_early_is_held_wherever_it_ends() {
    every(|probe, source| {
        let whole = probe.body.trim_end().len();
        for end in 0..whole {
            let reading = read(source, &probe.headers(), &probe.body.as_bytes()[..end]);
            assert!(reading.events.is_err(), "{} at {end}", source.kind());
        }
    });
}

#[test]
fn any_value_in_the_place_of_another_is_read_or_held() {
    let values = [
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "-1",
        "1e308",
        "1e999",
        "123456789012345678901234567890",
        "\"0.5\"",
        "\"🦀\"",
        "[[[[{}]]]]",
        "{\"id\":{\"id\":[]}}",
    ];
    every(|probe, source| {
        let body = probe.body;
        for spot in body.match_indices(':').map(|(at, _)| at + 1) {
            for value in values {
                let rest = &body[spot..];
                let end = rest.find([',', '}']).unwrap_or(rest.len());
                read(
                    source,
                    &probe.headers(),
                    format!("{}{value}{}", &body[..spot], &rest[end..]).as_bytes(),
                );
            }
        }
    });
}

#[test]
fn what_is_no_body_of_the_tool_is_held_or_nothing_for_us() {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let nested = "{\"a\":".repeat(10_000) + "1" + &"}".repeat(10_000);
    let bodies: &[&[u8]] = &[
        b"",
        b" ",
        b"null",
        b"[]",
        b"{}",
        b"0",
        b"\"Ping test\"",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"payload=",
        b"a=b&c",
        b"{\"a\":\"\xff\"}",
        b"{'a':1}",
        b"{\"type\":\"key_result.updated\",\"type\":\"x\"}",
        deep.as_bytes(),
        nested.as_bytes(),
    ];
    every(|probe, source| {
        for body in bodies {
            let events = read(source, &probe.headers(), body).events;
            assert!(
                events.is_err() || events.is_ok_and(|events| events.is_empty()),
                "{} {body:?}",
                probe.kind
            );
        }
    });
}

#[test]
fn an_unknown_type_is_nothing_for_us() {
    for (kind, body, headers) in [
        ("standard-webhooks", r#"{"type":"invoice.paid","data":{"id":1}}"#, vec![]),
        ("okr", r#"{"type":"invoice.paid","id":"1"}"#, vec![]),
        ("github", "{}", vec![("x-github-event", "fork")]),
        ("asana", r#"{"events":[{"action":"added","resource":{"gid":"5","resource_type":"task"}}]}"#, vec![]),
        (
            "cloudevents",
            r#"{"specversion":"1.0","id":"1","source":"/a","type":"invoice.paid"}"#,
            vec![("content-type", "application/cloudevents+json")],
        ),
    ] {
        let probe = PROBES.iter().find(|probe| probe.kind == kind).unwrap();
        assert_eq!(
            read(&probe.open(), &header_map(headers), body.as_bytes()).events,
            Ok(Vec::new()),
            "{kind}"
        );
    }
}

#[test]
fn a_media_type_that_lies_changes_nothing_but_the_reading() {
    let types = [
        "application/json",
        "application/x-www-form-urlencoded",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "text/plain",
        "",
        ";",
        "a/b; c",
    ];
    every(|probe, source| {
        for media_type in types {
            let mut headers = probe.headers();
            headers.insert("content-type", media_type.parse().unwrap());
            read(source, &headers, probe.body.as_bytes());
        }
    });
}

#[test]
fn the_largest_body_is_read_or_held() {
    const LARGEST: usize = 512 * 1024;
    every(|probe, source| {
        let note = "ä".repeat((LARGEST - probe.body.len()) / 2 - 20);
        let padded = match probe.body.find('{') {
            Some(at) => format!("{}{{\"padding\":\"{note}\",{}", &probe.body[..at], &probe.body[at + 1..]),
            None => note,
        };
        assert!(padded.len() > LARGEST - 64 && padded.len() <= LARGEST, "{}", padded.len());
        let events = read(source, &probe.headers(), padded.as_bytes()).events;
        assert_eq!(events.map(|events| events.len()), Ok(probe.events), "{}", probe.kind);
        let list = format!("[{}1]", "1,".repeat(LARGEST / 2 - 2));
        for body in
            [&list, &format!("{{\"items\":{list}}}"), &"{\"a\":".repeat(LARGEST / 5), &"9".repeat(LARGEST)]
        {
            read(source, &probe.headers(), body.as_bytes());
        }
    });
}

#[test]
fn an_identity_is_short_and_the_same_for_the_same_delivery() {
    every(|probe, source| {
        let long = "x".repeat(5000);
        let names = ["webhook-id", "x-github-delivery", "ce-id", "x-note"];
        let headers = header_map(
            probe
                .headers
                .iter()
                .copied()
                .filter(|(name, _)| !names.contains(name))
                .chain(names.map(|name| (name, long.as_str()))),
        );
        let reading = read(source, &headers, probe.body.as_bytes());
        assert!(reading.identity.text().len() <= 1024, "{}", probe.kind);
        let is_thin = probe.pendings > 0;
        assert_eq!(matches!(reading.identity, Identity::New(_)), is_thin, "{}", probe.kind);
    });
}

//! The okr body, word by word.

use http::HeaderMap;
use jiff::Timestamp;
use okr::{Change, OkrEvent, Status, SubjectType};

use crate::{Delivery, Identity, Reading, Source, SourceConfig};

fn source(rest: &str) -> Source {
    let toml = format!("kind = \"okr\"\nverify = {{ scheme = \"none\" }}\n{rest}");
    Source::build("tracker", &toml::from_str::<SourceConfig>(&toml).unwrap()).unwrap()
}

fn read_with(source: &Source, body: impl AsRef<[u8]>) -> Reading {
    let received_at = Timestamp::from_microsecond(1_700_000_000_123_456).unwrap();
    source.read(&Delivery { headers: &HeaderMap::new(), body: body.as_ref(), received_at })
}

fn read(body: impl AsRef<[u8]>) -> Reading {
    read_with(&source(""), body)
}

/// A key result with some more fields.
fn key_result(fields: &str) -> String {
    let comma = if fields.is_empty() { "" } else { "," };
    format!(r#"{{"type":"key_result.checked_in","subject":{{"id":"kr-1"}}{comma}{fields}}}"#)
}

#[track_caller]
fn event(body: impl AsRef<[u8]>) -> OkrEvent {
    let events = read(body).events.unwrap();
    assert_eq!(events.len(), 1);
    events.into_iter().next().unwrap()
}

#[track_caller]
fn check_held(body: impl AsRef<[u8]>, reason: &str) {
    let fault = read(body).events.unwrap_err();
    assert_eq!(fault.reason(), reason, "{fault}");
}

#[test]
fn a_full_body_becomes_a_full_event() {
    let event = event(
        r#"{"id":"d-1","type":"objective.status_changed","occurred_at":"2026-02-03T10:15:00.1234567+01:00",
            "subject":{"type":"objective","id":"o-1","parent_id":7,"title":"Grow","url":"https://x/1"},
            "department":"Sales","team":"EMEA","owner":{"id":12,"name":"Ann","email":"a@x"},
            "cycle":{"name":"Q1","start":"2026-01-01","end":"2026-03-31"},
            "metric":{"start":0,"target":"200","current":50.5,"unit":"EUR"},
            "progress":0.42,"confidence":0.7,"status":"atRisk",
            "previous":{"progress":0.3,"status":"on_track","current":"40"},
            "actor":"Bob","note":"so so","attributes":{"k":"v","n":null},"manager":{"id":1},"extra":[1,{}]}"#,
    );
    assert_eq!(event.change, Change::StatusChanged);
    assert_eq!(event.occurred_at.to_string(), "2026-02-03T09:15:00.123456Z");
    assert_eq!(event.received_at.as_microsecond(), 1_700_000_000_123_456);
    assert_eq!(event.subject.kind, SubjectType::Objective);
    assert_eq!(okr::subject_key(&event.subject), "tracker/objective/o-1");
    assert_eq!(event.subject.parent_id.as_deref(), Some("7"));
    assert_eq!((event.department.as_deref(), event.team.as_deref()), (Some("Sales"), Some("EMEA")));
    let owner = event.owner.unwrap();
    assert_eq!(
        (owner.id.as_deref(), owner.name.as_deref(), owner.email.as_deref()),
        (Some("12"), Some("Ann"), Some("a@x"))
    );
    assert_eq!(event.cycle.unwrap().end.unwrap().to_string(), "2026-03-31");
    assert_eq!(event.metric.unwrap().target, Some(200.0));
    assert_eq!((event.progress, event.confidence, event.status), (Some(0.42), Some(0.7), Status::AtRisk));
    let previous = event.previous.unwrap();
    assert_eq!(
        (previous.progress, previous.status, previous.current),
        (Some(0.3), Some(Status::OnTrack), Some(40.0))
    );
    assert_eq!((event.actor.as_deref(), event.note.as_deref()), (Some("Bob"), Some("so so")));
    assert_eq!(event.attributes.into_iter().collect::<Vec<_>>(), [("k".to_owned(), "v".to_owned())]);
    assert_eq!(event.source.delivery_id.as_deref(), Some("d-1"));
    assert_eq!((event.manager, event.revision), (None, 0));
}

#[test]
fn a_time_is_rfc_3339_with_a_year_that_every_reader_has() {
    let at = |text: &str| key_result(&format!(r#""occurred_at":"{text}""#));
    for good in
        ["2026-02-03t10:15:00z", "2026-02-03 10:15:00+23:59", "0001-01-01T00:00:00Z", "2026-02-03T10:15Z"]
    {
        event(at(good));
    }
    for bad in [
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "-000001-01-01T00:00:00Z",
        "2026-02-03T10:15:00",
        "2026-02-03T10:15:00+24:00",
        "2026-02-03T10:15:00-25:00",
        "2026-02-03T10:15:00Z[Europe/Berlin]",
        "20260203T101500Z",
    ] {
        check_held(at(bad), "occurred_at");
    }
}

#[test]
fn a_day_has_no_time_of_day() {
    let cycle = |day: &str| key_result(&format!(r#""cycle":{{"start":"{day}"}}"#));
    event(cycle("2026-01-01"));
    for bad in ["2026-01-01T00:00:00+02:00", "2026-01-01T00:00:00", "20260101", "0000-01-01", "2026-02-30"] {
        check_held(cycle(bad), "cycle.start");
    }
}

#[test]
fn a_blank_department_is_none_and_leaves_it_to_the_sources_own() {
    let source = source("department = \"Vertrieb\"");
    for (department, expected) in [("\"  \"", "Vertrieb"), ("null", "Vertrieb"), ("\" IT \"", " IT ")] {
        let reading = read_with(&source, key_result(&format!(r#""department":{department}"#)));
        assert_eq!(reading.events.unwrap()[0].department.as_deref(), Some(expected), "{department}");
    }
}

#[test]
fn what_is_absent_null_or_empty_says_nothing() {
    let bare = event(key_result(""));
    let nulls = event(key_result(
        r#""occurred_at":null,"department":null,"team":"","owner":null,"cycle":{},"metric":{"unit":null},"progress":"",
           "confidence":null,"status":null,"previous":{},"actor":null,"note":"","attributes":null,"id":null"#,
    ));
    assert_eq!(bare.occurred_at, bare.received_at);
    assert_eq!(OkrEvent { event_id: bare.event_id, source: bare.source.clone(), ..nulls }, bare);
}

#[test]
fn types_decide_what_is_ours() {
    for (word, kind, change) in [
        ("objective.created", SubjectType::Objective, Change::Created),
        ("key_result.updated", SubjectType::KeyResult, Change::Updated),
        ("initiative.closed", SubjectType::Initiative, Change::Closed),
        ("custom.deleted", SubjectType::Custom, Change::Deleted),
        ("custom.commented", SubjectType::Custom, Change::Commented),
        ("key_result.unknown", SubjectType::KeyResult, Change::Unknown),
        ("key_result.exploded", SubjectType::KeyResult, Change::Unknown),
        ("key_result.", SubjectType::KeyResult, Change::Unknown),
        ("key_result.checked_in.late", SubjectType::KeyResult, Change::Unknown),
    ] {
        let event = event(format!(r#"{{"type":"{word}","subject":{{"id":"1"}}}}"#));
        assert_eq!((event.subject.kind, event.change), (kind, change), "{word}");
    }
    for word in [
        "ping",
        "key_result",
        "Key_result.updated",
        "keyresult.updated",
        "okr.key_result.updated",
        "user.created",
    ] {
        let reading = read(format!(r#"{{"type":"{word}","progress":"wrong but nobody asks"}}"#));
        assert_eq!(reading.events, Ok(Vec::new()), "{word}");
    }
    check_held(r#"{"subject":{"id":"1"}}"#, "type");
    check_held(r#"{"type":"","subject":{"id":"1"}}"#, "type");
    check_held(r#"{"type":null}"#, "type");
    check_held(r#"{"type":5,"subject":{"id":"1"}}"#, "type");
    check_held("{}", "type");
}

#[test]
fn a_body_about_goals_that_lacks_its_subject_is_held() {
    check_held(r#"{"type":"key_result.updated"}"#, "subject");
    check_held(r#"{"type":"key_result.updated","subject":null}"#, "subject");
    check_held(r#"{"type":"key_result.updated","subject":"kr-1"}"#, "subject");
    check_held(r#"{"type":"key_result.updated","subject":["key_result","kr-1"]}"#, "subject");
    check_held(r#"{"type":"key_result.updated","subject":{}}"#, "subject.id");
    check_held(r#"{"type":"key_result.updated","subject":{"id":" "}}"#, "subject.id");
    check_held(r#"{"type":"key_result.updated","subject":{"id":1.5}}"#, "subject.id");
    check_held(r#"{"type":"key_result.updated","subject":{"id":true}}"#, "subject.id");
    check_held(r#"{"type":"key_result.updated","subject":{"id":"1","type":"objective"}}"#, "subject.type");
    check_held(r#"{"type":"key_result.updated","subject":{"id":"1","type":"keyresult"}}"#, "subject.type");
}

#[test]
fn a_wrong_type_names_its_field() {
    let texts = ["department", "team", "status", "actor", "note", "occurred_at"];
    for field in texts {
        for wrong in ["5", "true", "[]", "{}"] {
            check_held(key_result(&format!("\"{field}\":{wrong}")), field);
        }
    }
    for field in ["owner", "cycle", "metric", "previous", "attributes"] {
        for wrong in ["5", "true", "[]", "\"x\""] {
            check_held(key_result(&format!("\"{field}\":{wrong}")), field);
        }
    }
    for field in ["progress", "confidence"] {
        for wrong in ["true", "[]", "{}", "\"half\"", "\"1,5\"", "\"NaN\"", "\"inf\"", "1e999"] {
            check_held(key_result(&format!("\"{field}\":{wrong}")), field);
        }
    }
    for (object, field, wrong) in [
        ("owner", "id", "{}"),
        ("owner", "name", "5"),
        ("owner", "email", "[]"),
        ("cycle", "name", "5"),
        ("cycle", "start", "\"01.02.2026\""),
        ("cycle", "end", "20260331"),
        ("metric", "start", "\"x\""),
        ("metric", "target", "{}"),
        ("metric", "current", "true"),
        ("metric", "unit", "5"),
        ("previous", "progress", "7"),
        ("previous", "status", "5"),
        ("previous", "current", "\"x\""),
    ] {
        check_held(
            key_result(&format!("\"{object}\":{{\"{field}\":{wrong}}}")),
            &format!("{object}.{field}"),
        );
    }
    check_held(key_result(r#""attributes":{"a":5}"#), "attributes");
    check_held(key_result(r#""id":{}"#), "id");
}

#[test]
fn a_bad_time_is_held() {
    for bad in ["yesterday", "2026-02-03", "2026-02-03T10:15:00", "2026-02-30T10:15:00Z", "1700000000"] {
        check_held(key_result(&format!("\"occurred_at\":\"{bad}\"")), "occurred_at");
    }
}

#[test]
fn progress_is_read_on_the_sources_scale_and_never_guessed() {
    let progress = |rest: &str, fields: &str| {
        let reading = read_with(&source(rest), key_result(fields));
        reading.events.map(|events| events[0].progress).map_err(|fault| fault.reason())
    };
    assert_eq!(progress("", r#""progress":6.5"#), Ok(Some(6.5)));
    assert_eq!(progress("", r#""progress":6.51"#), Err("progress"));
    assert_eq!(progress("", r#""progress":42"#), Err("progress"));
    assert_eq!(progress("", r#""progress":-0.2"#), Ok(Some(0.0)));
    assert_eq!(progress("", r#""progress":" 0.25 ""#), Ok(Some(0.25)));
    let percent = "progress_scale = 100";
    assert_eq!(progress(percent, r#""progress":42"#), Ok(Some(0.42)));
    assert_eq!(progress(percent, r#""progress":"650""#), Ok(Some(6.5)));
    assert_eq!(progress(percent, r#""progress":651"#), Err("progress"));
    assert_eq!(progress(percent, r#""previous":{"progress":651}"#), Err("previous.progress"));
    let metric = |start: f64, target: f64, current: f64| {
        format!(r#""metric":{{"start":{start},"target":{target},"current":{current}}}"#)
    };
    assert_eq!(progress(percent, &metric(0.0, 200.0, 50.0)), Ok(Some(0.25)));
    assert_eq!(progress("", &metric(450.0, 350.0, 400.0)), Ok(Some(0.5)));
    assert_eq!(progress("", &metric(450.0, 350.0, 500.0)), Ok(Some(0.0)));
    assert_eq!(progress("", &metric(0.0, 1.0, 90.0)), Ok(Some(6.5)));
    assert_eq!(progress("", &metric(5.0, 5.0, 5.0)), Ok(Some(1.0)));
    assert_eq!(progress("", &metric(5.0, 5.0, 4.0)), Ok(None));
    assert_eq!(progress("", &format!("{},\"progress\":0.9", metric(0.0, 200.0, 50.0))), Ok(Some(0.9)));
    assert_eq!(progress("", r#""metric":{"current":5}"#), Ok(None));
}

#[test]
fn confidence_is_a_share() {
    check_held(key_result(r#""confidence":1.01"#), "confidence");
    check_held(key_result(r#""confidence":-0.1"#), "confidence");
    assert_eq!(event(key_result(r#""confidence":"1""#)).confidence, Some(1.0));
}

#[test]
fn health_words_are_mapped_and_others_say_nothing() {
    for (word, status) in [
        ("onTrack", Status::OnTrack),
        ("on_track", Status::OnTrack),
        ("On Track", Status::OnTrack),
        ("atRisk", Status::AtRisk),
        ("at_risk", Status::AtRisk),
        ("offTrack", Status::Behind),
        ("behind", Status::Behind),
        ("done", Status::Done),
        ("cancelled", Status::Cancelled),
        ("unknown", Status::Unknown),
        ("fabulous", Status::Unknown),
    ] {
        assert_eq!(event(key_result(&format!("\"status\":\"{word}\""))).status, status, "{word}");
    }
}

#[test]
fn ids_of_any_length_stay_exactly_themselves() {
    for (written, id) in [
        ("9007199254740993", "9007199254740993"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("-7", "-7"),
        ("\"00012\"", "00012"),
        ("\"a/b\\u0000ü\"", "a/b\u{0}ü"),
    ] {
        let body = format!(r#"{{"type":"custom.updated","id":{written},"subject":{{"id":{written}}}}}"#);
        let event = event(body);
        assert_eq!((event.subject.id.as_str(), event.source.delivery_id.as_deref()), (id, Some(id)));
    }
}

#[test]
fn the_delivery_is_its_id_or_its_bytes() {
    let given = read(key_result(r#""id":"d-1""#));
    assert_eq!(given.identity, Identity::Given("d-1".to_owned()));
    let (one, same) = (read(key_result("")), read(key_result("")));
    assert!(matches!(one.identity, Identity::BodyHash(_)));
    assert_eq!(one, same);
    assert_ne!(one.identity, read(format!("{} ", key_result(""))).identity);
    assert_ne!(given.fingerprint, read(key_result(r#""id":"d-1","progress":1"#)).fingerprint);
    let first = event(key_result(r#""id":"d-1","note":"a""#)).event_id;
    assert_eq!(first, event(key_result(r#""id":"d-1","note":"b""#)).event_id);
    assert_ne!(first, event(key_result(r#""id":"d-2""#)).event_id);
    assert_eq!(read("not json").identity, read("not json").identity);
}

#[test]
fn the_sources_own_defaults_are_put_in() {
    let configured = source("namespace = \"acme\"\ndepartment = \"Sales\"");
    let read = |body: String| read_with(&configured, body).events.unwrap().remove(0);
    assert_eq!(read(key_result("")).department.as_deref(), Some("Sales"));
    assert_eq!(read(key_result(r#""department":"HR""#)).department.as_deref(), Some("HR"));
    assert_eq!(read(key_result("")).subject.namespace, "acme");
    assert_ne!(read(key_result("")).event_id, event(key_result("")).event_id);
}

#[test]
fn bytes_that_are_no_such_json_are_held_by_what_they_are() {
    check_held("", "not_json");
    check_held("Ping test", "not_json");
    check_held(r#"{"type":"key_result.updated""#, "not_json");
    check_held(format!("{} x", key_result("")), "not_json");
    check_held(b"{\"type\":\"\xff\"}", "not_text");
    for other in ["[]", "5", "null", "\"text\"", "[{\"type\":\"key_result.updated\"}]"] {
        check_held(other, "not_object");
    }
    check_held(key_result(r#""progress":0.1,"progress":0.2"#), "repeated_key");
    check_held(key_result(r#""owner":{"id":1,"id":2}"#), "repeated_key");
    check_held(key_result(r#""title":"x\ud800""#).replace("title", "note"), "note");
    assert_eq!(event(format!("\u{feff}{}", key_result(""))).subject.id, "kr-1");
    assert_eq!(event(key_result(r#""unknown":1,"unknown":2"#)).subject.id, "kr-1");
}

#[test]
fn nesting_without_end_costs_no_stack() {
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(event(key_result(&format!("\"unknown\":{}", deep(200_000)))).subject.id, "kr-1");
    check_held(key_result(&format!("\"note\":{}", deep(200_000))), "note");
    check_held(deep(200_000), "not_object");
    check_held("[".repeat(200_000), "not_json");
}

#[test]
fn an_id_beyond_all_reason_does_not_fill_the_keys() {
    let long = "9".repeat(100_000);
    check_held(format!(r#"{{"type":"custom.updated","subject":{{"id":{long}}}}}"#), "subject.id");
    let reading = read(key_result(&format!("\"id\":\"{long}\"")));
    assert!(reading.identity.text().len() < 100, "{:?}", reading.identity);
    let other = read(key_result(&format!("\"id\":\"{long}0\"")));
    assert_ne!(reading.identity, other.identity);
}

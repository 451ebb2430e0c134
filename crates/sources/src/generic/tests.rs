//! The mapping of a config, from delivery to event.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use okr::{Change, OkrEvent, Status, SubjectType};

use crate::{Delivery, Identity, Reading, Source, SourceConfig};

const OPEN: &str = "kind = \"generic\"\nverify = { scheme = \"none\" }";

fn source(rest: &str) -> Source {
    let toml = format!("{OPEN}\n{rest}");
    Source::build("auto", &toml::from_str::<SourceConfig>(&toml).unwrap()).unwrap()
}

fn read_at(source: &Source, pairs: &[(&str, &str)], body: &str, second: i64) -> Reading {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let received_at = Timestamp::from_second(second).unwrap();
    source.read(&Delivery { headers: &headers, body: body.as_bytes(), received_at })
}

fn read(source: &Source, body: &str) -> Reading {
    read_at(source, &[], body, 1_700_000_000)
}

/// With one more field, over a body with an id and the value `v`.
#[track_caller]
fn field(key: &str, expression: &str, v: &str) -> Result<OkrEvent, &'static str> {
    let source = source(&format!("[event]\nsubject_id = \"body.id\"\n{key} = \"{expression}\""));
    let reading = read(&source, &format!(r#"{{"id":"s-1","v":{v}}}"#));
    reading.events.map(|mut events| events.remove(0)).map_err(|fault| fault.reason())
}

const CONTRACT: &str = r#"
identity = "headers['X-Request-Id']"
each = "body.items"
[event]
change = "'checked_in'"
subject_type = "'key_result'"
subject_id = "item.kr.id"
title = "item.kr.name"
department = "item.team.division"
progress = "item.kr.value / item.kr.goal"
occurred_at = "item.at"
"#;

#[test]
fn the_mapping_of_the_contract_gives_an_event_per_item() {
    let body = r#"{"items":[
        {"kr":{"id":9007199254740993,"name":"Größer","value":3,"goal":4},"team":{"division":"Sales"},"at":"2026-02-03T10:15:00Z"},
        {"kr":{"id":"kr-2","value":1},"team":null}]}"#;
    let reading = read_at(&source(CONTRACT), &[("x-request-id", "r-1")], body, 1_700_000_000);
    assert_eq!(reading.identity, Identity::Given("r-1".to_owned()));
    let events = reading.events.unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!(okr::subject_key(&events[0].subject), "auto/key_result/9007199254740993");
    assert_eq!((events[0].progress, events[0].change), (Some(0.75), Change::CheckedIn));
    assert_eq!(
        (events[0].department.as_deref(), events[0].subject.title.as_deref()),
        (Some("Sales"), Some("Größer"))
    );
    assert_eq!(events[0].occurred_at.to_string(), "2026-02-03T10:15:00Z");
    // What an expression does not find is absent.
    assert_eq!((events[1].progress, events[1].department.as_deref()), (None, None));
    assert_eq!(events[1].occurred_at, events[1].received_at);
}

#[test]
fn every_field_of_an_event_can_be_mapped() {
    let source = source(
        r#"
progress_scale = 100
[event]
change = "'status_changed'"
subject_type = "'initiative'"
subject_id = "body.id"
parent_id = "7"
title = "'t'"
url = "'u'"
occurred_at = "body.at | seconds"
sequence = "body.seq"
department = "'d'"
team = "'e'"
owner = { id = "12", name = "'on'", email = "'oe'" }
manager_name = "'mn'"
"manager.email" = "'me'"
manager.id = "'mi'"
cycle = { name = "'Q1'", start = "'2026-01-01'", end = "'2026-03-31'" }
metric = { start = "'0'", target = "10", current = "body.n", unit = "'EUR'" }
progress = "body.percent"
confidence = "'0.5'"
status = "'Off track'"
previous = { progress = "10", status = "'onTrack'", current = "3" }
actor = "'a'"
note = "'n'"
attributes = { text = "'x'", number = "1.5", "yes.no" = "true", gone = "body.gone" }
"#,
    );
    let event =
        read(&source, r#"{"id":5,"at":1700000000,"seq":"3","n":4,"percent":"40"}"#).events.unwrap().remove(0);
    let text = |text: &str| Some(text.to_owned());
    assert_eq!((event.change, event.subject.kind), (Change::StatusChanged, SubjectType::Initiative));
    assert_eq!((event.subject.id.as_str(), event.subject.parent_id), ("5", text("7")));
    assert_eq!((event.subject.title, event.subject.url), (text("t"), text("u")));
    assert_eq!(event.occurred_at.as_second(), 1_700_000_000);
    assert_eq!(event.source.sequence, Some(3));
    assert_eq!((event.department, event.team), (text("d"), text("e")));
    let owner = event.owner.unwrap();
    assert_eq!((owner.id, owner.name, owner.email), (text("12"), text("on"), text("oe")));
    let manager = event.manager.unwrap();
    assert_eq!((manager.id, manager.name, manager.email), (text("mi"), text("mn"), text("me")));
    let cycle = event.cycle.unwrap();
    assert_eq!(
        (cycle.name, cycle.start.unwrap().to_string(), cycle.end.unwrap().to_string()),
        (text("Q1"), "2026-01-01".to_owned(), "2026-03-31".to_owned())
    );
    let metric = event.metric.unwrap();
    assert_eq!(
        (metric.start, metric.target, metric.current, metric.unit),
        (Some(0.0), Some(10.0), Some(4.0), text("EUR"))
    );
    assert_eq!((event.progress, event.confidence, event.status), (Some(0.4), Some(0.5), Status::Behind));
    let previous = event.previous.unwrap();
    assert_eq!(
        (previous.progress, previous.status, previous.current),
        (Some(0.1), Some(Status::OnTrack), Some(3.0))
    );
    assert_eq!((event.actor, event.note), (text("a"), text("n")));
    let attributes: Vec<(String, String)> = event.attributes.into_iter().collect();
    let expected = [("number", "1.5"), ("text", "x"), ("yes.no", "true")];
    assert_eq!(attributes, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn what_a_mapping_leaves_out_has_a_plain_meaning() {
    let event = field("note", "body.nothing", "1").unwrap();
    assert_eq!((event.change, event.subject.kind), (Change::Updated, SubjectType::Custom));
    assert_eq!((event.note, event.owner), (None, None));
    assert_eq!(field("owner.name", "body.v", "\"\"").unwrap().owner, None);
    assert_eq!(field("change", "body.v", "\"exploded\"").unwrap().change, Change::Unknown);
    assert_eq!(field("progress", "body.v", "\"\"").unwrap().progress, None);
}

#[test]
fn a_wrong_value_is_held_under_its_fields_name() {
    for (key, wrong, path) in [
        ("subject_type", "\"goal\"", "subject.type"),
        ("subject_type", "null", "subject.type"),
        ("title", "1", "subject.title"),
        ("parent_id", "1.5", "subject.parent_id"),
        ("occurred_at", "\"03.02.2026\"", "occurred_at"),
        ("occurred_at", "1700000000", "occurred_at"),
        ("sequence", "1.5", "sequence"),
        ("sequence", "\"12345678901234567890\"", "sequence"),
        ("progress", "\"40%\"", "progress"),
        ("progress", "40", "progress"),
        ("progress", "true", "progress"),
        ("confidence", "1.2", "confidence"),
        ("metric.current", "[1]", "metric.current"),
        ("owner.id", "{}", "owner.id"),
        ("cycle.start", "\"2026-01-01T00:00:00Z\"", "cycle.start"),
        ("previous.progress", "7", "previous.progress"),
        ("attributes.a", "[]", "attributes"),
        ("status", "3", "status"),
    ] {
        assert_eq!(field(key, "body.v", wrong), Err(path), "{key} = {wrong}");
    }
    assert_eq!(field("progress", "body.v / 2", "\"0.4\""), Err("progress"), "a text is not divided");
    assert_eq!(field("progress", "(body.v | float) / 2", "\"0.4\"").unwrap().progress, Some(0.2));
}

#[test]
fn a_subject_without_an_id_is_held() {
    let source = source("[event]\nsubject_id = \"body.id\"");
    for body in ["{}", r#"{"id":null}"#, r#"{"id":" "}"#, "[]", "\"Ping test\"", "3"] {
        assert_eq!(read(&source, body).events.unwrap_err().reason(), "subject.id", "{body}");
    }
    assert_eq!(
        read(&source, r#"{"id":[1]}"#).events.unwrap_err().to_string(),
        "`subject.id` must be a text or an integer"
    );
    let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(1025));
    assert_eq!(read(&source, &long).events.unwrap_err().reason(), "subject.id");
}

#[test]
fn a_list_is_taken_whole_or_held_whole() {
    let source = source("each = \"body.items\"\n[event]\nsubject_id = \"item.id\"\ntitle = \"body.title\"");
    let events = |body: &str| read(&source, body).events;
    assert_eq!(events(r#"{"items":[]}"#), Ok(Vec::new()));
    let two = events(r#"{"title":"t","items":[{"id":1},{"id":1}]}"#).unwrap();
    assert_ne!(two[0].event_id, two[1].event_id, "two events of one subject");
    assert_eq!(two[1].subject.title.as_deref(), Some("t"));
    let fault = events(r#"{"items":[{"id":1},{"id":{}}]}"#).unwrap_err();
    assert_eq!(
        (fault.reason(), fault.to_string().as_str()),
        ("subject.id", "item 2: `subject.id` must be a text or an integer")
    );
    assert_eq!(events(r#"{"item":[]}"#).unwrap_err().reason(), "each");
    assert_eq!(events(r#"{"items":{"id":1}}"#).unwrap_err().reason(), "each");
    let many = format!(r#"{{"items":[{}1]}}"#, "1,".repeat(1000));
    assert_eq!(events(&many).unwrap_err().to_string(), "`each` has more than 1000 items");
}

#[test]
fn only_what_is_wanted_becomes_an_event() {
    let source = source("each = \"body\"\nwhen = \"item.kind == 'goal'\"\n[event]\nsubject_id = \"item.id\"");
    let events =
        read(&source, r#"[{"kind":"goal","id":1},{"kind":"task"},{"id":3},{"kind":null}]"#).events.unwrap();
    assert_eq!(events.iter().map(|event| event.subject.id.as_str()).collect::<Vec<_>>(), ["1"]);
}

#[test]
fn a_delivery_is_known_by_what_the_mapping_says() {
    let event = "[event]\nsubject_id = \"body.id\"";
    let hash = source(event);
    assert_eq!(read(&hash, r#"{"id":1}"#).identity, read(&hash, r#"{"id":1}"#).identity);
    assert!(matches!(read(&hash, r#"{"id":1}"#).identity, Identity::BodyHash(_)));
    let new = source(&format!("identity = \"none\"\n{event}"));
    let at = |second| read_at(&new, &[], r#"{"id":1}"#, second);
    assert_ne!(at(1).identity, at(2).identity);
    assert_eq!(at(1), at(1), "a replay gives the same ids");
    assert_ne!(at(1).events.unwrap()[0].event_id, at(2).events.unwrap()[0].event_id);
    let given = source(&format!("identity = \"body.n\"\n{event}"));
    assert_eq!(
        read(&given, r#"{"id":1,"n":12345678901234567890123}"#).identity.text(),
        "12345678901234567890123"
    );
    let lacks = read(&given, r#"{"id":1}"#);
    assert_eq!(lacks.events.unwrap_err().reason(), "identity");
    assert!(matches!(lacks.identity, Identity::BodyHash(_)));
}

#[test]
fn a_time_of_sending_in_the_body_is_no_content() {
    let verify = r#"verify = { scheme = "hmac-sha256", header = "x", secrets = ["a"], timestamp = { field = "meta.sent" } }"#;
    let toml =
        format!("kind = \"generic\"\n{verify}\nidentity = \"body.id\"\n[event]\nsubject_id = \"body.id\"");
    let source = Source::build("auto", &toml::from_str::<SourceConfig>(&toml).unwrap()).unwrap();
    let print = |body: &str| read(&source, body).fingerprint;
    assert_eq!(print(r#"{"meta":{"sent":1},"id":1}"#), print(r#"{"meta":{"sent":22},"id":1}"#));
    assert_ne!(print(r#"{"meta":{"sent":1},"id":1}"#), print(r#"{"meta":{"sent":1},"id":2}"#));
}

#[test]
fn a_form_is_read_by_its_media_type() {
    let source = source("[event]\nsubject_id = \"body.email\"\nattributes.plan = \"body.plan\"");
    assert_eq!(source.media_types(), ["application/json", "application/x-www-form-urlencoded"]);
    let form = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let event = read_at(&source, &form, "email=a%40x&plan=pro", 1).events.unwrap().remove(0);
    assert_eq!((event.subject.id.as_str(), event.attributes["plan"].as_str()), ("a@x", "pro"));
    assert_eq!(read(&source, "email=a%40x").events.unwrap_err().reason(), "not_json");
}

#[test]
fn the_headers_that_expressions_read_are_kept_for_a_replay() {
    let source = source(&format!("{CONTRACT}note = \"headers.host\""));
    assert_eq!(source.headers_kept(), ["x-request-id", "host", "content-type"]);
}

#[test]
fn a_wrong_mapping_stops_the_start_with_its_key() {
    for (rest, path, says) in [
        ("", "event", "is missing"),
        ("[event]\ntitle = \"'x'\"", "event.subject_id", "is missing"),
        ("[event]\nsubject_id = \"body.\"", "event.subject_id", "syntax error"),
        ("[event]\nsubject_id = \"item.id\"\nprogres = \"1\"", "event.progres", "did you mean `progress`?"),
        (
            "[event]\nsubject_id = \"item.id\"\nowner = { nmae = \"1\" }",
            "event.owner.nmae",
            "did you mean `owner.name`?",
        ),
        ("[event]\nsubject_id = \"item.id\"\nzzzzzzzzzz = \"1\"", "event.zzzzzzzzzz", "there are change, "),
        ("[event]\nsubject_id = \"item.id\"\nsubject.id = \"item.id\"", "event.subject_id", "twice"),
        ("[event]\nsubject_id = \"event.id\"", "event.subject_id", "only `item`, `body`, `headers`"),
        ("identity = \"item.id\"\n[event]\nsubject_id = \"item.id\"", "identity", "only `body`, `headers`"),
        ("identity = \"headers[body.x]\"\n[event]\nsubject_id = \"item.id\"", "identity", "named outright"),
        ("each = \"body | nosuch\"\n[event]\nsubject_id = \"item.id\"", "each", "no filter `nosuch`"),
        (
            "identity = \"headers['Authorization']\"\n[event]\nsubject_id = \"item.id\"",
            "identity",
            "is a secret",
        ),
        ("when = \"headers['ä'] == 1\"\n[event]\nsubject_id = \"item.id\"", "when", "no header's name"),
    ] {
        let config: SourceConfig = toml::from_str(&format!("{OPEN}\n{rest}")).unwrap();
        let error = Source::check("auto", &config).unwrap_err();
        assert_eq!(error.path, format!("sources.auto.{path}"), "{error}");
        assert!(error.problem.contains(says), "{error}");
    }
}

#[test]
fn a_mapping_can_be_explained() {
    let source = source(
        "each = \"body.items\"\n[event]\nsubject_id = \"item.id\"\nprogress = \"item.v / 2\"\nattributes.a = \"item.a\"",
    );
    let body = br#"{"items":[{"id":1,"v":1},{"id":{"x":2},"v":"one","a":true}]}"#;
    let headers = HeaderMap::new();
    let explained = source.explain(&Delivery { headers: &headers, body, received_at: Timestamp::UNIX_EPOCH });
    let shown: Vec<String> = explained
        .iter()
        .map(|one| match &one.found {
            Ok(Some(value)) => format!("{:?} {} {value}", one.item, one.key),
            Ok(None) => format!("{:?} {} -", one.item, one.key),
            Err(_) => format!("{:?} {} !", one.item, one.key),
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#"None each [{"id":1,"v":1},{"a":true,"id":{"x":2},"v":"one"}]"#,
            "Some(1) event.progress 0.5",
            "Some(1) event.subject.id 1",
            "Some(1) event.attributes.a -",
            "Some(2) event.progress !",
            r#"Some(2) event.subject.id {"x":2}"#,
            "Some(2) event.attributes.a true",
        ]
    );
    assert!(explained[4].found.as_ref().unwrap_err().contains("operator"));
}

#[test]
fn the_header_of_the_signature_is_never_kept() {
    let config: SourceConfig = toml::from_str(
        r#"
kind = "generic"
verify = { scheme = "hmac-sha256", header = "X-Sig", secrets = ["a"] }
event = { subject_id = "headers['x-sig']" }
"#,
    )
    .unwrap();
    let error = Source::check("auto", &config).unwrap_err();
    assert_eq!(error.path, "sources.auto.event.subject_id", "{error}");
    assert!(error.problem.contains("is a secret"), "{error}");
}

#[test]
fn the_headers_of_an_identity_are_those_that_name_a_batch() {
    assert_eq!(source(CONTRACT).id_headers(), ["x-request-id"]);
    let other = "[event]\nsubject_id = \"body.id\"\ntitle = \"headers['x-title']\"";
    assert!(source(other).id_headers().is_empty(), "what a field reads names no delivery");
    let both = "identity = \"headers.a ~ headers['B-c'] ~ body.id\"\n[event]\nsubject_id = \"body.id\"";
    assert_eq!(source(both).id_headers(), ["a", "b-c"]);
}

//! What GitHub sends, and which events it is.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use okr::{Change, OkrEvent, Status, SubjectType};

use crate::{Delivery, Identity, Reading, Source, SourceConfig};

const PUSH: &str = include_str!("../../fixtures/github/push.json");
const ISSUES: &str = include_str!("../../fixtures/github/issues.json");
const MILESTONE: &str = include_str!("../../fixtures/github/milestone.json");

fn read_with(pairs: &[(&str, &str)], body: &str) -> Reading {
    let config: SourceConfig = toml::from_str("kind = \"github\"\nsecrets = [\"s\"]").unwrap();
    let source = Source::build("code", &config).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let received_at = Timestamp::from_second(1_800_000_000).unwrap();
    source.read(&Delivery { headers: &headers, body: body.as_bytes(), received_at })
}

fn read(event: &str, body: &str) -> Reading {
    read_with(&[("x-github-event", event), ("x-github-delivery", "guid-1")], body)
}

fn events(event: &str, body: &str) -> Vec<OkrEvent> {
    read(event, body).events.unwrap()
}

#[track_caller]
fn check_held(event: &str, body: &str, reason: &str) {
    assert_eq!(read(event, body).events.unwrap_err().reason(), reason);
}

#[test]
fn a_push_says_repository_message_and_author() {
    let event = events("push", PUSH).remove(0);
    assert_eq!((event.change, event.subject.kind), (Change::Updated, SubjectType::Custom));
    assert_eq!(okr::subject_key(&event.subject), "code/custom/186853002/refs/heads/main");
    assert_eq!(event.subject.title.as_deref(), Some("example/rocket main"));
    assert!(event.subject.url.unwrap().contains("/compare/"));
    assert_eq!(event.occurred_at.to_string(), "2026-02-03T10:15:00Z");
    assert_eq!(event.actor.as_deref(), Some("robin"));
    assert_eq!(event.note.as_deref(), Some("Fix the <boosters> & more\n\nThey leaked."));
    let attributes: Vec<(&str, &str)> =
        event.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        attributes,
        [
            ("author", "Robin Field"),
            ("branch", "main"),
            ("commit", "89abcdef0123456789abcdef0123456789abcdef"),
            ("commit_message", "Fix the <boosters> & more"),
            (
                "commit_url",
                "https://github.com/example/rocket/commit/89abcdef0123456789abcdef0123456789abcdef"
            ),
            ("commits", "2"),
            ("ref", "refs/heads/main"),
            ("repository", "example/rocket"),
            ("repository_url", "https://github.com/example/rocket"),
        ]
    );
}

#[test]
fn a_deleted_branch_has_no_commit() {
    let body = r#"{"ref":"refs/heads/old","after":"0000","created":false,"deleted":true,"commits":[],"head_commit":null,
        "repository":{"id":1,"full_name":"a/b","pushed_at":1770113700},"pusher":{"name":"robin"}}"#;
    let event = events("push", body).remove(0);
    assert_eq!((event.change, event.note), (Change::Deleted, None));
    assert_eq!((event.attributes["commit"].as_str(), event.attributes["commits"].as_str()), ("0000", "0"));
    let created = events("push", &PUSH.replace("\"created\": false", "\"created\": true"));
    assert_eq!(created[0].change, Change::Created);
}

#[test]
fn a_closed_issue_moves_its_milestone() {
    let all = events("issues", ISSUES);
    let [issue, milestone] = all.as_slice() else { panic!("two events") };
    assert_eq!(
        (issue.change, issue.subject.kind, issue.status),
        (Change::Closed, SubjectType::Initiative, Status::Done)
    );
    assert_eq!(
        (issue.subject.id.as_str(), issue.subject.parent_id.as_deref()),
        ("9007199254740993", Some("4317517"))
    );
    assert_eq!(issue.owner.as_ref().unwrap().name.as_deref(), Some("robin"));
    assert_eq!(issue.attributes["labels"], "bug, fuel");
    assert_eq!(
        (issue.attributes["milestone"].as_str(), issue.attributes["author"].as_str()),
        ("v1.0", "sam")
    );
    assert_eq!((milestone.change, milestone.subject.kind), (Change::Updated, SubjectType::KeyResult));
    assert_eq!((milestone.subject.id.as_str(), milestone.progress), ("4317517", Some(0.75)));
    assert_eq!(milestone.occurred_at, issue.occurred_at);
    assert_eq!(milestone.attributes["repository"], "example/rocket");
    let dropped = events("issues", &ISSUES.replace("completed", "not_planned"));
    assert_eq!(dropped[0].status, Status::Cancelled);
}

#[test]
fn an_issue_that_left_its_milestone_moves_it_too() {
    let milestone = ISSUES.find("\"milestone\": {").unwrap();
    let end = ISSUES[milestone..].find("},\n").unwrap() + milestone + 1;
    let beside = &ISSUES[milestone..end];
    let body = ISSUES
        .replace(beside, "\"milestone\": null")
        .replace("\"action\": \"closed\"", "\"action\": \"demilestoned\"");
    let body = body.replacen('{', &format!("{{{beside},"), 1);
    let all = events("issues", &body);
    assert_eq!((all.len(), all[0].subject.parent_id.as_deref()), (2, None));
    assert_eq!((all[0].change, all[1].subject.id.as_str()), (Change::Updated, "4317517"));
    let labelled = events("issues", &ISSUES.replace("\"action\": \"closed\"", "\"action\": \"labeled\""));
    assert_eq!((labelled.len(), labelled[0].change), (1, Change::Updated));
}

#[test]
fn what_is_deleted_happened_now() {
    let gone = events("issues", &ISSUES.replace("\"action\": \"closed\"", "\"action\": \"deleted\""));
    assert_eq!((gone.len(), gone[0].change, gone[0].occurred_at), (1, Change::Deleted, gone[0].received_at));
    let milestone =
        events("milestone", &MILESTONE.replace("\"action\": \"closed\"", "\"action\": \"deleted\""));
    assert_eq!((milestone[0].change, milestone[0].occurred_at), (Change::Deleted, milestone[0].received_at));
}

#[test]
fn a_milestone_is_a_key_result() {
    let event = events("milestone", MILESTONE).remove(0);
    assert_eq!((event.change, event.status, event.progress), (Change::Closed, Status::Done, Some(0.75)));
    let metric = event.metric.unwrap();
    assert_eq!(
        (metric.target, metric.current, metric.unit.as_deref()),
        (Some(4.0), Some(3.0), Some("issues"))
    );
    assert_eq!(event.cycle.unwrap().end.unwrap().to_string(), "2026-03-31");
    assert_eq!(event.occurred_at.to_string(), "2026-02-03T10:15:00Z");
    let empty = MILESTONE
        .replace("\"open_issues\": 1", "\"open_issues\": 0")
        .replace("\"closed_issues\": 3", "\"closed_issues\": 0");
    let event = events("milestone", &empty).remove(0);
    assert_eq!((event.progress, event.metric), (None, None), "nothing to do is not all done");
    assert_eq!(
        events("milestone", &MILESTONE.replace("\"closed\",", "\"exploded\","))[0].change,
        Change::Unknown
    );
}

#[test]
fn other_events_are_nothing_for_us() {
    for event in ["ping", "pull_request", "projects_v2_item"] {
        assert_eq!(
            read(event, r#"{"zen":"Keep it logically awesome.","hook_id":1}"#).events,
            Ok(Vec::new()),
            "{event}"
        );
    }
}

#[test]
fn a_form_carries_the_same_payload() {
    let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", PUSH).finish();
    let pairs = [
        ("x-github-event", "push"),
        ("x-github-delivery", "guid-1"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    assert_eq!(read_with(&pairs, &form).events, read("push", PUSH).events);
    assert_eq!(read_with(&pairs, "other=1").events.unwrap_err().reason(), "payload");
}

#[test]
fn the_delivery_is_the_headers() {
    assert_eq!(read("push", PUSH).identity, Identity::Given("guid-1".to_owned()));
    assert!(matches!(read_with(&[("x-github-event", "push")], PUSH).identity, Identity::BodyHash(_)));
    assert_eq!(read_with(&[], PUSH).events.unwrap_err().reason(), "x-github-event");
}

#[test]
fn a_payload_that_says_too_little_is_held() {
    check_held("push", "{}", "repository");
    check_held("push", r#"{"repository":{"full_name":"a/b"},"ref":"x"}"#, "repository.id");
    check_held("push", r#"{"repository":{"id":1}}"#, "ref");
    check_held(
        "push",
        &PUSH
            .replace("\"commits\": [", "\"commits\": {\"a\":[")
            .replace("],\n  \"head_commit\"", "]},\n  \"head_commit\""),
        "commits",
    );
    check_held("issues", "{}", "action");
    check_held("issues", r#"{"action":"opened"}"#, "issue");
    check_held("issues", r#"{"action":"opened","issue":{"title":"x"}}"#, "issue.id");
    check_held(
        "issues",
        &ISSUES.replace("2026-02-03T10:15:00Z\"\n  }", "yesterday\"\n  }"),
        "issue.updated_at",
    );
    check_held("milestone", r#"{"action":"created"}"#, "milestone");
    check_held(
        "milestone",
        r#"{"action":"created","milestone":{"id":1,"open_issues":"many"},"repository":{}}"#,
        "milestone.open_issues",
    );
    check_held("push", "[]", "not_object");
}

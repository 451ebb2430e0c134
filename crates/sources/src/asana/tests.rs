//! Asana's handshake, heartbeat and thin events.

use http::{HeaderMap, HeaderName, Method};
use okr::Change;

use super::{Reference, offer, references};

const SECRET: &str = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    headers
}

#[test]
fn a_handshake_offers_a_secret_and_wants_it_back() {
    for body in ["", "{}", " {} \n"] {
        let offered = offer(&Method::POST, &headers(&[("x-hook-secret", SECRET)]), body.as_bytes()).unwrap();
        assert_eq!(offered.secret.expose(), SECRET);
        assert_eq!(
            (offered.answer.status, &offered.answer.headers),
            (200, &vec![("x-hook-secret", SECRET.to_owned())])
        );
        assert!(!format!("{:?}", offered.secret).contains(SECRET));
    }
}

#[test]
fn nothing_but_the_documented_shape_is_a_handshake() {
    let secret = ("x-hook-secret", SECRET);
    let check = |method: Method, pairs: &[(&str, &str)], body: &str| {
        assert!(offer(&method, &headers(pairs), body.as_bytes()).is_none(), "{method} {pairs:?} {body}");
    };
    check(Method::GET, &[secret], "");
    check(Method::POST, &[], "");
    check(Method::POST, &[secret, secret], "");
    check(Method::POST, &[secret, ("x-hook-signature", "00")], "");
    check(Method::POST, &[secret], "{\"events\":[]}");
    check(Method::POST, &[("x-hook-secret", "short")], "");
    check(Method::POST, &[("x-hook-secret", "has blanks in its middle")], "");
    check(Method::POST, &[("x-hook-secret", &"a".repeat(257))], "");
}

#[test]
fn events_about_goals_become_references() {
    let body = r#"{"events":[
        {"action":"changed","created_at":"2026-02-03T10:15:00.000Z","parent":null,"user":{"gid":"12","resource_type":"user"},
         "resource":{"gid":"1202461773653662","resource_type":"goal"},"change":{"field":"current_number_value","action":"changed"}},
        {"action":"changed","created_at":"2026-02-03T10:15:00.000Z","parent":null,"user":{"gid":"12","resource_type":"user"},
         "resource":{"gid":"1202461773653662","resource_type":"goal"},"change":{"field":"status","action":"changed"}},
        {"action":"added","created_at":"2026-02-03T10:16:00.000Z","user":null,
         "resource":{"gid":"77","resource_type":"story"},"parent":{"gid":"1202461773653662","resource_type":"goal"}},
        {"action":"deleted","resource":{"gid":9007199254740993,"resource_type":"goal"}},
        {"action":"added","resource":{"gid":"5","resource_type":"task"},"parent":{"gid":"6","resource_type":"project"}}]}"#;
    let read = references(body.as_bytes()).unwrap();
    let shown: Vec<(&str, Change, Option<&str>)> =
        read.iter().map(|one| (one.goal.as_str(), one.change, one.actor.as_deref())).collect();
    assert_eq!(
        shown,
        [
            ("1202461773653662", Change::Updated, Some("12")),
            ("1202461773653662", Change::Updated, None),
            ("9007199254740993", Change::Deleted, None),
        ]
    );
    assert_eq!(read[0].occurred_at.unwrap().to_string(), "2026-02-03T10:15:00Z");
}

#[test]
fn a_heartbeat_says_nothing() {
    assert_eq!(references(br#"{"events":[]}"#), Ok(Vec::<Reference>::new()));
}

#[test]
fn what_asana_does_not_document_is_held() {
    for (body, reason) in [
        ("", "not_json"),
        ("[]", "not_object"),
        ("{}", "events"),
        (r#"{"events":{}}"#, "events"),
        (r#"{"events":[1]}"#, "events"),
        (r#"{"events":[{}]}"#, "resource"),
        (r#"{"events":[{"resource":{"resource_type":"goal","gid":"1"}}]}"#, "action"),
        (r#"{"events":[{"action":"added","resource":{"resource_type":"goal"}}]}"#, "resource.gid"),
        (
            r#"{"events":[{"action":"added","created_at":"now","resource":{"resource_type":"goal","gid":"1"}}]}"#,
            "created_at",
        ),
        (
            r#"{"events":[{"action":"added","resource":{"resource_type":"x"},"parent":{"resource_type":"goal"}}]}"#,
            "parent.gid",
        ),
    ] {
        assert_eq!(references(body.as_bytes()).unwrap_err().reason(), reason, "{body}");
    }
    let many = format!(r#"{{"events":[{}1]}}"#, "1,".repeat(1000));
    assert_eq!(references(many.as_bytes()).unwrap_err().reason(), "events");
}

#[test]
fn the_kind_is_refused_by_name_until_a_service_keeps_its_secret() {
    let config: crate::SourceConfig = toml::from_str("kind = \"asana\"\nsecrets = [\"s\"]").unwrap();
    let error = crate::Source::check("goals", &config).unwrap_err();
    assert!(error.problem.contains("`asana` is not built yet"), "{error}");
}

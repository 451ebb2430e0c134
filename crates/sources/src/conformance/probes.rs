//! One delivery per kind that its dialect understands, so that cutting and twisting it reaches all of its code.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{Signs, Source, SourceConfig, built, catalog::Voice};

/// A kind, how it may be configured, and a delivery that becomes events.
pub(super) struct Probe {
    pub kind: &'static str,
    /// What the section says beside kind and verification.
    config: &'static str,
    pub headers: &'static [(&'static str, &'static str)],
    pub body: &'static str,
    /// How many events it becomes.
    pub events: usize,
    /// How many questions to the tool.
    pub pendings: usize,
}

const OKR: &str = r#"{"id":"d-1","type":"key_result.checked_in","timestamp":"2026-02-03T10:15:00Z","occurred_at":"2026-02-03T10:15:00Z",
"subject":{"type":"key_result","id":"kr-1","title":"Größer"},"owner":{"id":5},"metric":{"start":0,"target":10,"current":"4"},
"progress":0.4,"confidence":0.5,"status":"onTrack","cycle":{"start":"2026-01-01"},"attributes":{"a":"b"},
"data":{"subject":{"id":"kr-1"},"owner":{"id":5},"metric":{"start":0,"target":10,"current":"4"},"progress":0.4}}"#;

const CLOUD: &str = r#"{"specversion":"1.0","id":"e-1","source":"/a","type":"com.example.key_result.checked_in","time":"2026-02-03T10:15:00Z",
"sequence":"4","data":{"type":"x","subject":{"id":"kr-1","title":"Größer"},"progress":"0.4"}}"#;

const CLOUDS: &str = r#"[{"specversion":"1.0","id":"e-1","source":"/a","type":"key_result.checked_in","data":{"subject":{"id":"kr-1"},"progress":0.4}},
{"specversion":"1.0","id":"e-2","source":"/a","type":"objective.closed","data":{"subject":{"id":7}}},
{"specversion":"1.0","id":"e-3","source":"/a","type":"com.example.blob.created","data":null}]"#;

/// A mapping that reads nearly all of [`OKR`].
const GENERIC: &str = r#"
identity = "body.id"
[event]
change = "body.type.split('.')[1]"
subject_type = "body.subject.type"
subject_id = "body.subject.id"
title = "body.subject.title"
occurred_at = "body.occurred_at"
owner.id = "body.owner.id"
metric.start = "body.metric.start"
metric.target = "body.metric.target"
metric.current = "body.metric.current"
progress = "body.progress"
confidence = "body.confidence"
status = "body.status"
cycle.start = "body.cycle.start"
attributes.a = "body.attributes.a"
"#;

const GENERIC_LIST: &str = r#"
each = "body.items"
when = "not has(item.draft)"
[event]
subject_id = "item.id"
progress = "item.value / item.goal"
occurred_at = "item.at | seconds"
note = "headers['X-Note'] ~ item.note"
"#;

pub(super) const PROBES: &[Probe] = &[
    Probe {
        kind: "standard-webhooks",
        config: "",
        headers: &[("webhook-id", "msg_1")],
        body: OKR,
        events: 1,
        pendings: 0,
    },
    Probe { kind: "okr", config: "", headers: &[], body: OKR, events: 1, pendings: 0 },
    Probe { kind: "generic", config: GENERIC, headers: &[], body: OKR, events: 1, pendings: 0 },
    Probe {
        kind: "generic",
        config: GENERIC_LIST,
        headers: &[("x-note", "n")],
        body: r#"{"items":[{"id":1,"value":3,"goal":4,"at":1700000000,"note":"ä"},{"id":"2","draft":{}},{"id":"3","note":null}]}"#,
        events: 2,
        pendings: 0,
    },
    Probe {
        kind: "github",
        config: "",
        headers: &[("x-github-event", "push"), ("x-github-delivery", "g")],
        body: include_str!("../../fixtures/github/push.json"),
        events: 1,
        pendings: 0,
    },
    Probe {
        kind: "github",
        config: "",
        headers: &[("x-github-event", "issues"), ("x-github-delivery", "g")],
        body: include_str!("../../fixtures/github/issues.json"),
        events: 2,
        pendings: 0,
    },
    Probe {
        kind: "github",
        config: "",
        headers: &[("x-github-event", "milestone"), ("x-github-delivery", "g")],
        body: include_str!("../../fixtures/github/milestone.json"),
        events: 1,
        pendings: 0,
    },
    Probe {
        kind: "cloudevents",
        config: "",
        headers: &[
            ("ce-id", "e"),
            ("ce-source", "/a"),
            ("ce-type", "key_result.updated"),
            ("ce-specversion", "1.0"),
        ],
        body: OKR,
        events: 1,
        pendings: 0,
    },
    Probe {
        kind: "cloudevents",
        config: "",
        headers: &[("content-type", "application/cloudevents+json")],
        body: CLOUD,
        events: 1,
        pendings: 0,
    },
    Probe {
        kind: "cloudevents",
        config: "",
        headers: &[("content-type", "application/cloudevents-batch+json")],
        body: CLOUDS,
        events: 2,
        pendings: 0,
    },
    Probe {
        kind: "asana",
        config: "",
        headers: &[],
        body: r#"{"events":[{"action":"changed","created_at":"2026-02-03T10:15:00.000Z","parent":null,
"user":{"gid":"12","resource_type":"user"},"resource":{"gid":"1202461773653662","resource_type":"goal","name":"Größer"},
"change":{"field":"current_number_value","action":"changed"}},{"action":"added","resource":{"gid":"7","resource_type":"story"},
"parent":{"gid":1202461773653662,"resource_type":"goal"}},{"action":"added","resource":{"gid":"5","resource_type":"task"}}]}"#,
        events: 0,
        pendings: 2,
    },
];

impl Probe {
    /// The source, verifying in every way that the kind may be told.
    pub(super) fn sources(&self) -> Vec<Source> {
        let plain = format!("kind = \"{}\"\n{}", self.kind, self.config);
        let voice = Voice::open("sources.probe", &toml::from_str(&plain).unwrap()).unwrap();
        let mut verifications = VERIFICATIONS.to_vec();
        if voice.dialect().signs() != Signs::No {
            verifications.push(r#"secrets = ["whsec_c2VjcmV0"]"#);
        }
        verifications.into_iter().map(|verify| self.source(verify)).collect()
    }

    /// The source as most tests need it.
    pub(super) fn open(&self) -> Source {
        self.source("verify = { scheme = \"none\" }")
    }

    fn source(&self, verify: &str) -> Source {
        let toml = format!("kind = \"{}\"\n{verify}\n{}", self.kind, self.config);
        Source::build("probe", &toml::from_str::<SourceConfig>(&toml).unwrap()).unwrap()
    }

    pub(super) fn headers(&self) -> HeaderMap {
        header_map(self.headers.iter().copied())
    }
}

const VERIFICATIONS: &[&str] = &[
    r#"verify = { scheme = "hmac-sha256", header = "x-signature", prefix = "sha256=", secrets = ["s"] }"#,
    r#"verify = { scheme = "hmac-sha512", header = "x-signature", encoding = "base64url", separator = ",", timestamp = { header = "x-time" }, secrets = ["s"] }"#,
    r#"verify = { scheme = "stripe", secrets = ["s"] }"#,
    r#"verify = { scheme = "basic", secrets = ["a:b"] }"#,
];

pub(super) fn header_map<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let pair = |(name, value): (&str, &str)| {
        Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in pairs.into_iter().filter_map(pair) {
        headers.append(name, value);
    }
    headers
}

#[test]
fn every_kind_that_is_built_has_a_probe() {
    for kind in built() {
        assert!(PROBES.iter().any(|probe| probe.kind == kind), "{kind}");
    }
}

//! What is decided about an event.

use std::sync::Arc;
use std::time::Duration;

use outbox::{Destination, Form, Parcel, RecordCopy};
use serde_json::Value;

use super::{Inbox, RECEIVED, at, event, names, record, route};
use crate::planner::{Decision, Occasion, Planner, Suppression, Verdict};
use crate::{RouteConfig, Routes};

fn planner(configs: &[RouteConfig]) -> Planner {
    let inboxes: [Arc<dyn Destination>; 2] =
        [Inbox::new("slack", Form::Text), Inbox::new("probe", Form::Event)];
    let routes = Routes::compile(configs, &names(&["slack", "probe"])).expect("routes");
    Planner::new(routes, &inboxes, Duration::from_secs(7 * 86_400))
}

#[track_caller]
fn delivered(decision: Decision<'_>) -> Vec<Parcel> {
    match decision.verdict {
        Verdict::Deliver { parcels, .. } => parcels,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_route_without_a_template_says_title_percent_and_owner_escaped_for_the_channel() {
    let planner = planner(&[route("all", "", &["slack"])]);
    let [parcel] =
        delivered(planner.decide(&event(), &record(0), Occasion::Live(at(RECEIVED))).expect("a decision"))
            .try_into()
            .expect("one parcel");
    let text = parcel.content.text.expect("a text");
    for part in ["Win 10 &lt;customers&gt;", "42%", "Ann"] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    assert_eq!(parcel.content.title.as_deref(), Some("Win 10 &lt;customers&gt;"));
    assert_eq!(parcel.content.event, None);
}

#[test]
fn values_are_escaped_and_the_templates_own_text_is_not() {
    let mut config = route("all", "", &["slack"]);
    config.template = Some("<https://okr.example|{{ event.subject.title }}> {{ event.note }}".into());
    let planner = planner(&[config]);
    let parcels =
        delivered(planner.decide(&event(), &record(0), Occasion::Live(at(RECEIVED))).expect("a decision"));
    assert_eq!(parcels[0].content.text.as_deref(), Some("<https://okr.example|Win 10 &lt;customers&gt;> "));
}

#[test]
fn a_destination_that_wants_the_event_gets_it_as_json_and_no_text() {
    let planner = planner(&[route("all", "", &["probe"])]);
    let parcels =
        delivered(planner.decide(&event(), &record(0), Occasion::Live(at(RECEIVED))).expect("a decision"));
    let json: Value =
        serde_json::from_str(parcels[0].content.event.as_deref().expect("an event")).expect("JSON");
    assert_eq!(json["subject"]["title"], "Win 10 <customers>");
    assert_eq!(json["progress"], 0.42);
    assert_eq!(json["received_at"], RECEIVED);
    assert_eq!((&parcels[0].content.text, &parcels[0].content.title), (&None, &None));
}

#[test]
fn each_target_gets_one_parcel_that_says_whose_effect_it_is() {
    let planner = planner(&[route("all", "", &["slack", "probe", "slack"])]);
    let parcels =
        delivered(planner.decide(&event(), &record(41), Occasion::Live(at(RECEIVED))).expect("a decision"));
    let ids: Vec<String> = parcels.iter().map(|parcel| parcel.effect.id()).collect();
    let event_id = "00000000-0000-0000-0000-000000000001";
    assert_eq!(ids, [format!("notifier/{event_id}/slack"), format!("notifier/{event_id}/probe")]);
    for parcel in parcels {
        assert_eq!(parcel.subject_key, "acme/key_result/kr-1");
        assert_eq!(parcel.received_at, at(RECEIVED));
        assert_eq!(parcel.record, RecordCopy::of(&record(41)));
        assert_eq!(parcel.effect.replay_id, "");
    }
}

#[test]
fn an_event_older_than_the_limit_is_suppressed_and_one_just_as_old_is_not() {
    let planner = planner(&[route("all", "", &["slack"])]);
    let decide = |now: &str| {
        planner.decide(&event(), &record(0), Occasion::Live(at(now))).expect("a decision").verdict
    };
    assert!(matches!(decide("2026-11-09T09:00:00Z"), Verdict::Deliver { .. }));
    assert_eq!(decide("2026-11-09T09:00:00.000001Z"), Verdict::Suppressed(Suppression::Age));
    // A clock that runs behind the gateway's makes nothing old.
    assert!(matches!(decide("2026-11-01T00:00:00Z"), Verdict::Deliver { .. }));
}

#[test]
fn a_correction_is_suppressed() {
    let planner = planner(&[route("all", "", &["slack"])]);
    let mut corrected = event();
    corrected.revision = 1_762_074_000_000_000;
    let decision = planner.decide(&corrected, &record(0), Occasion::Live(at(RECEIVED))).expect("a decision");
    assert_eq!(decision.verdict, Verdict::Suppressed(Suppression::Revision));
}

#[test]
fn what_no_route_wants_is_not_delivered() {
    let planner = planner(&[route("low", "event.confidence < 0.3", &["slack"])]);
    let decision = planner.decide(&event(), &record(0), Occasion::Live(at(RECEIVED))).expect("a decision");
    assert_eq!(decision, Decision { verdict: Verdict::Unmatched, unknown: vec!["low"] });
}

#[test]
fn a_template_that_fails_on_this_event_is_an_error_that_names_the_route() {
    let mut config = route("sums", "", &["slack"]);
    config.template = Some("{{ event.department / 2 }}".into());
    let planner = planner(&[config]);
    let error = planner.decide(&event(), &record(0), Occasion::Live(at(RECEIVED))).expect_err("no message");
    assert_eq!(error.reason(), "template");
    assert!(error.to_string().contains("route `sums`"), "{error}");
}

//! What comes once more: for whom, as whose effect, and with how much room.

use std::sync::Arc;
use std::time::Duration;

use bus::InRecord;
use outbox::{Destination, Form, Parcel};
use worker::{Failure, WorkerConfig};

use super::{Inbox, event, names, record, route};
use crate::planner::{Occasion, PlanError, Planner, Verdict};
use crate::replay::{self, Errand};
use crate::{RouteConfig, Routes};

fn errand(target: Option<&str>) -> Errand {
    Errand { replay_id: "run-1".into(), target: target.map(Into::into) }
}

fn planner(configs: &[RouteConfig]) -> Planner {
    let inboxes: [Arc<dyn Destination>; 2] =
        [Inbox::new("slack", Form::Text), Inbox::new("probe", Form::Event)];
    let routes = Routes::compile(configs, &names(&["slack", "probe"])).expect("routes");
    Planner::new(routes, &inboxes, Duration::from_secs(7 * 86_400))
}

fn planned(configs: &[RouteConfig], target: Option<&str>) -> Result<Vec<Parcel>, PlanError> {
    let planner = planner(configs);
    let errand = errand(target);
    match planner.decide(&event(), &record(0), Occasion::Again(&errand))?.verdict {
        Verdict::Deliver { parcels, .. } => Ok(parcels),
        other => panic!("{other:?}"),
    }
}

fn effects(parcels: &[Parcel]) -> Vec<(&str, &str)> {
    parcels.iter().map(|parcel| (parcel.effect.target.as_str(), parcel.effect.replay_id.as_str())).collect()
}

#[test]
fn a_redriven_letter_is_planned_for_the_target_that_failed_alone_as_an_effect_of_its_run() {
    let parcels = planned(&[route("all", "", &["slack", "probe"])], Some("probe")).expect("planned");
    assert_eq!(effects(&parcels), [("probe", "run-1")]);
    assert!(parcels[0].effect.id().ends_with("/probe/run-1"));
}

#[test]
fn a_letter_without_a_target_goes_to_all_targets_of_the_first_route_that_matches() {
    let routes = [route("low", "event.confidence < 0.3", &["slack"]), route("all", "", &["slack", "probe"])];
    let parcels = planned(&routes, None).expect("planned");
    assert_eq!(effects(&parcels), [("slack", "run-1"), ("probe", "run-1")]);
}

#[test]
fn the_words_are_those_of_a_route_that_matches_and_goes_there_or_else_of_one_that_goes_there() {
    let worded = |name: &str, when: &str, to: &[&str]| {
        let mut config = route(name, when, to);
        config.template = Some(name.to_owned());
        config
    };
    let routes = [
        worded("elsewhere", "", &["probe"]),
        worded("not now", "event.department == 'hr'", &["slack"]),
        worded("this", "event.department == 'sales'", &["slack"]),
    ];
    let text = |routes: &[RouteConfig]| {
        planned(routes, Some("slack")).expect("planned")[0].content.text.clone().expect("a text")
    };
    assert_eq!(text(&routes), "this");
    assert_eq!(text(&routes[..2]), "not now");
}

#[test]
fn a_target_that_is_gone_is_an_error_that_says_so() {
    let all = [route("all", "", &["slack"])];
    let error = planned(&all, Some("pager")).expect_err("no such destination");
    assert_eq!(error.reason(), "no_destination");
    let error = planned(&all, Some("probe")).expect_err("no route to it");
    assert_eq!(error.reason(), "no_route");
}

#[test]
fn neither_age_nor_revision_hold_back_what_a_person_sent_back() {
    let planner = planner(&[route("all", "", &["slack"])]);
    let mut old = event();
    (old.received_at, old.revision) = (super::at("2020-01-01T00:00:00Z"), 1);
    let errand = errand(Some("slack"));
    let decision = planner.decide(&old, &record(0), Occasion::Again(&errand)).expect("a decision");
    assert!(matches!(decision.verdict, Verdict::Deliver { .. }));
}

#[track_caller]
fn check(headers: &[(&'static str, &str)], expected: Result<Errand, &'static str>) {
    let mut record: InRecord = record(0);
    headers.iter().for_each(|(name, value)| record.headers.push(*name, (*value).to_owned()));
    assert_eq!(Errand::of(&record).map_err(|failure: Failure| failure.reason()), expected);
}

#[test]
fn a_record_of_the_replay_topic_says_which_run_brings_it_and_for_whom() {
    let run = [("okr-replay-id", "run-1"), ("okr-replay-mode", "redrive")];
    check(&run, Ok(errand(None)));
    check(&[run.as_slice(), &[("okr-dead-target", "slack")]].concat(), Ok(errand(Some("slack"))));
    check(&run[1..], Err("replay_id"));
    check(&run[..1], Err("replay_mode"));
    check(&[("okr-replay-id", "run-1"), ("okr-replay-mode", "surprise")], Err("replay_mode"));
}

#[test]
fn replays_have_a_fifth_of_the_room_and_never_none() {
    let share = replay::share(&WorkerConfig::default());
    assert_eq!((share.in_flight_max, share.queue_records_max), (51, 1_600));
    let least = WorkerConfig { in_flight_max: 1, queue_records_max: 2, ..WorkerConfig::default() };
    let share = replay::share(&least);
    assert_eq!((share.in_flight_max, share.queue_records_max), (1, 1));
}

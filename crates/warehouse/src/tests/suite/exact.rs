//! Each event once, and the state of each subject and day the fold of its events.

use std::sync::Arc;

use okr::{Change, Cycle, Metric, OkrEvent, Person, Previous, Status};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;

use crate::tests::bench::{Bench, Member};
use crate::tests::history::{History, at, bare, history, minutes};
use crate::tests::reference;

/// Commits the batches one after the other, and compares.
async fn check(bench: &Bench, batches: &[&[OkrEvent]]) {
    let mut member = Member::join(&bench.target, [0]).await;
    let mut all = Vec::new();
    for batch in batches {
        member.take_all(batch.iter().cloned()).await;
        all.extend_from_slice(batch);
        if let Err(why) = reference::check(bench, &all).await {
            panic!("{why}");
        }
    }
}

async fn progress(bench: &Bench) -> serde_json::Value {
    let rows = bench.rows("SELECT progress FROM okr_state").await;
    rows[0]["progress"].clone()
}

pub async fn every_field_has_its_column(bench: Bench) {
    let mut event = bare("kr \u{1f600}/%", 1, 3);
    event.occurred_at = "2024-02-29T23:59:59.999999Z".parse().unwrap();
    event.source.sequence = Some(i64::MIN);
    event.subject.parent_id = Some("o-1".into());
    event.subject.title = Some("Umsatz \"verdoppeln\"\\ \n".into());
    event.subject.url = Some("https://tool.example/1".into());
    (event.department, event.team) = (Some("sales".into()), Some("\u{e9}quipe".into()));
    let person = |n: &str| {
        let part = |what: &str| Some(format!("{n} {what}"));
        Some(Person { id: part("id"), name: part("name"), email: part("email") })
    };
    (event.owner, event.manager) = (person("owner"), person("manager"));
    let day = |text: &str| Some(text.parse().unwrap());
    event.cycle = Some(Cycle { name: Some("Q1".into()), start: day("0001-01-01"), end: day("9999-12-31") });
    event.metric = Some(Metric {
        start: Some(-0.1),
        target: Some(1e300),
        current: Some(0.1 + 0.2),
        unit: Some("\u{20ac}".into()),
    });
    (event.progress, event.confidence, event.status) = (Some(6.5), Some(1.0 / 3.0), Status::AtRisk);
    event.previous =
        Some(Previous { progress: Some(0.25), status: Some(Status::Behind), current: Some(-7.0) });
    (event.actor, event.note) = (Some("a".into()), Some("n".repeat(100_000)));
    event.attributes = [("k\"ey", "v\\al\u{7}"), ("", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    check(&bench, &[&[event]]).await;
    let rows = bench.rows("SELECT kafka_topic, kafka_partition, kafka_offset FROM okr_events").await;
    assert_eq!(json!(rows), json!([{"kafka_topic": "okr.events", "kafka_partition": 0, "kafka_offset": 0}]));
}

/// Postgres has no NUL in texts, and an average no NaN: both are brought to what every home can keep.
pub async fn what_no_database_can_keep_is_replaced(bench: Bench) {
    let mut event = at("k\0r", 1, 0, f64::NAN);
    event.subject.title = Some("a\0b".into());
    event.confidence = Some(f64::INFINITY);
    event.metric = Some(Metric { unit: Some("\0".into()), current: Some(f64::NAN), ..Metric::default() });
    event.attributes.insert("\0".into(), "c\0".into());
    let mut member = Member::join(&bench.target, [0]).await;
    member.take_all([event]).await;
    for table in ["okr_events", "okr_state"] {
        let row = bench.table(table).await.remove(0);
        assert_eq!(row["subject_id"], "k\u{fffd}r");
        assert_eq!(row["subject_title"], "a\u{fffd}b");
        assert_eq!(row["metric_unit"], "\u{fffd}");
        assert_eq!(row["attributes"], json!({"\u{fffd}": "c\u{fffd}"}));
        assert!(
            ["progress", "confidence", "metric_current"].iter().all(|name| row[*name].is_null()),
            "{row:?}"
        );
    }
}

pub async fn an_event_that_comes_again_changes_nothing(bench: Bench) {
    let (one, two) = (at("kr", 1, 0, 0.1), at("kr", 2, 5, 0.2));
    check(&bench, &[&[one.clone(), one.clone(), two.clone()], std::slice::from_ref(&two), &[one]]).await;
    // A copy that was received later is a copy; one that was received earlier is the one that counts.
    let later = OkrEvent { received_at: minutes(9), note: Some("copy".into()), ..two.clone() };
    let earlier = OkrEvent { received_at: minutes(4), note: Some("first".into()), ..two.clone() };
    let mut member = Member::join(&bench.target, [0]).await;
    member.take_all([later.clone()]).await;
    assert!(bench.rows("SELECT note FROM okr_state").await[0]["note"].is_null());
    member.take_all([earlier.clone()]).await;
    assert_eq!(bench.rows("SELECT note FROM okr_state").await[0]["note"], "first");
    reference::check(&bench, &[at("kr", 1, 0, 0.1), two, later, earlier]).await.unwrap();
}

pub async fn an_event_that_comes_late_fills_in_what_newer_ones_do_not_say(bench: Bench) {
    let mut late = at("kr", 3, 7, 0.7);
    (late.team, late.confidence) = (Some("blue".into()), Some(0.5));
    let old = OkrEvent { team: Some("red".into()), ..at("kr", 1, 0, 0.1) };
    let night = 13 * 60;
    let next_day = OkrEvent { change: Change::Commented, ..bare("kr", 4, night) };
    check(&bench, &[&[old], &[at("kr", 2, 10, 0.2)], &[next_day], &[late]]).await;
    assert_eq!(progress(&bench).await, json!(0.2));
    let rows = bench.rows("SELECT team FROM okr_state").await;
    assert_eq!(rows[0]["team"], "blue");
    let days = bench.rows("SELECT team, confidence FROM okr_progress_daily ORDER BY day").await;
    let day = json!({"team": "blue", "confidence": 0.5});
    assert_eq!(json!(days), json!([day, day]), "the day after it, too");
}

pub async fn several_days_of_a_subject_come_at_once(bench: Bench) {
    let days = |n: i64| n * 24 * 60;
    let mut said = at("kr", 1, 0, 0.1);
    (said.department, said.confidence, said.status) = (Some("sales".into()), Some(0.5), Status::OnTrack);
    said.cycle = Some(Cycle { name: Some("Q1".into()), ..Cycle::default() });
    said.metric = Some(Metric { current: Some(7.0), ..Metric::default() });
    // Those of the second batch say nothing of what was said before, and two of its days are those of nothing else.
    let silent = |n: u32| at("kr", n, days(i64::from(n)), f64::from(n) / 10.0);
    check(&bench, &[&[said], &[silent(2), silent(3), silent(4)]]).await;
    let departments = bench.rows("SELECT department FROM okr_progress_daily").await;
    let sales = json!({"department": "sales"});
    assert_eq!(json!(departments), json!([sales, sales, sales, sales]));
}

pub async fn several_days_come_at_once_around_one_that_is_known(bench: Bench) {
    let days = |n: i64| n * 24 * 60;
    let teamed = |n: u32, at_day| OkrEvent { team: Some("red".into()), ..at("kr", n, days(at_day), 0.2) };
    check(&bench, &[&[at("kr", 1, 0, 0.1), at("kr", 2, days(3), 0.3)], &[teamed(3, 1), teamed(4, 5)]]).await;
    let teams = bench.rows("SELECT team FROM okr_progress_daily ORDER BY day").await;
    assert_eq!(json!(teams[2]), json!({"team": "red"}), "the known day after a late one");
}

pub async fn a_day_before_all_others_and_one_between_them_come_late(bench: Bench) {
    let days = |n: i64| n * 24 * 60;
    let silent = bare("kr", 5, days(5));
    let between = OkrEvent { department: Some("sales".into()), ..at("kr", 2, days(4), 0.4) };
    check(
        &bench,
        &[
            &[at("kr", 1, days(3), 0.3)],
            &[silent],
            &[between],
            &[at("kr", 3, days(-2), 0.05)],
            &[at("kr", 4, days(1), 0.1)],
        ],
    )
    .await;
}

pub async fn a_correction_replaces_what_its_delivery_said(bench: Bench) {
    let (old, wrong) = (at("kr", 1, 0, 0.1), at("kr", 2, 5, 0.9));
    let gone = OkrEvent { event_id: bare("kr", 99, 0).event_id, ..at("kr", 2, 6, 0.95) };
    let right = OkrEvent { revision: 7, ..at("kr", 2, 5, 0.2) };
    // Of the other subject nothing is left once its only delivery turns out to be about the first one.
    let elsewhere = OkrEvent { source: wrong.source.clone(), ..at("other", 2, 5, 0.4) };
    let late = gone.clone();
    check(&bench, &[&[old, wrong, gone, elsewhere], &[right], &[late]]).await;
    assert_eq!(progress(&bench).await, json!(0.2));
    assert_eq!(bench.table("okr_state").await.len(), 1);
    let lower = OkrEvent { revision: 6, ..at("kr", 2, 5, 0.6) };
    let mut member = Member::join(&bench.target, [0]).await;
    member.take_all([lower]).await;
    assert_eq!(progress(&bench).await, json!(0.2), "a lower one that comes late is refused");
}

pub async fn a_deleted_subject_stays_and_may_come_back(bench: Bench) {
    let gone = OkrEvent { change: Change::Deleted, ..bare("kr", 2, 5) };
    let back = OkrEvent { change: Change::Created, ..bare("kr", 3, 9) };
    check(&bench, &[&[at("kr", 1, 0, 0.5), gone], &[back]]).await;
    assert_eq!(progress(&bench).await, json!(0.5));
}

/// How many histories are tried. More by `OKR_HISTORIES=1000`.
fn histories() -> usize {
    std::env::var("OKR_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(60)
}

/// Histories, always the same ones.
pub fn some(most: usize) -> impl Iterator<Item = History> {
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    std::iter::repeat_with(move || history(most).new_tree(&mut runner).unwrap().current()).take(histories())
}

/// Generated histories, cut into batches in any way.
pub async fn whatever_comes_in_whatever_batches_state_is_the_fold(bench: Bench) {
    let mut member = Member::join(&bench.target, 0..3).await;
    for (n, history) in some(60).enumerate() {
        for batch in history.batches() {
            member.take(batch).await;
        }
        if let Err(why) = reference::check(&bench, &history.all()).await {
            panic!("history {n}: {why}\n{history:#?}");
        }
        bench.run(EMPTY, EMPTY).await;
    }
}

/// As [`whatever_comes_in_whatever_batches_state_is_the_fold`], by three members at once, each with its partition.
pub async fn members_that_meet_at_a_subject_lose_nothing(bench: Bench) {
    let bench = Arc::new(bench);
    for (n, history) in some(120).enumerate() {
        let batches: Vec<_> = history.batches().into_iter().map(<[_]>::to_vec).collect();
        let members = (0..3).map(|partition| {
            let (bench, batches) = (Arc::clone(&bench), batches.clone());
            tokio::spawn(async move {
                let mut member = Member::join(&bench.target, [partition]).await;
                for batch in batches {
                    let ours: Vec<_> = batch.into_iter().filter(|(of, _)| *of == partition).collect();
                    if !ours.is_empty() {
                        member.take(&ours).await;
                    }
                }
            })
        });
        for member in members.collect::<Vec<_>>() {
            member.await.unwrap();
        }
        if let Err(why) = reference::check(&bench, &history.all()).await {
            panic!("history {n}: {why}\n{history:#?}");
        }
        bench.run(EMPTY, EMPTY).await;
    }
    if bench.is_shared() {
        let begun_again = bench.counted("xact_rollback").await;
        assert!(begun_again > 20, "they met {begun_again} times");
    }
}

/// The offsets go on; everything else begins anew.
const EMPTY: &str = "DELETE FROM okr_events; DELETE FROM okr_state; DELETE FROM okr_progress_daily;
    DELETE FROM okr_corrections;";

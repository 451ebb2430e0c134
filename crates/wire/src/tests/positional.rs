//! What we write is what the Avro library writes.

use proptest::{prelude::*, sample::select};
use serde::Serialize;

use super::*;
use crate::{positional, schema::Ours};

#[track_caller]
fn check<T: Serialize>(ours: Ours, value: &T) {
    let (mut written, mut expected) = (Vec::new(), Vec::new());
    positional::write(&mut written, value).unwrap();
    ours.writer().write_ser(&mut expected, value).unwrap();
    assert_eq!(written, expected);
}

/// Everything that may be absent is there or not, each by a choice of its own.
pub(super) fn event() -> impl Strategy<Value = OkrEvent> {
    let words = proptest::collection::vec(proptest::option::of(".{0,80}"), 18);
    // All of them: those that are no numbers, too, each with its bits.
    let number = any::<u64>().prop_map(f64::from_bits);
    let number = prop_oneof![any::<f64>(), number, Just(f64::NAN), Just(-0.0)];
    let numbers = proptest::collection::vec(proptest::option::of(number), 7);
    let whole = (any::<[bool; 6]>(), any::<i64>(), proptest::option::of(any::<i64>()));
    let kinds = (select(&Change::ALL), select(&Status::ALL), select(&SubjectType::ALL));
    let times = (-62_135_596_800_000_000_i64..=253_402_207_200_000_000, -719_162..=2_932_896_i64);
    let map = proptest::collection::btree_map(".{0,9}", ".{0,200}", 0..5);
    (words, numbers, whole, kinds, times, map).prop_map(|(words, numbers, whole, kinds, times, map)| {
        let (mut words, mut numbers) = (words.into_iter(), numbers.into_iter());
        let mut word = || words.next().unwrap();
        let mut number = || numbers.next().unwrap();
        let ([owner, manager, cycle, metric, previous, moved], revision, sequence) = whole;
        let (at, day) = (jiff::Timestamp::from_microsecond(times.0).unwrap(), times.1);
        let day = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap();
        let mut person =
            |is_there: bool| is_there.then(|| Person { id: word(), name: word(), email: word() });
        let (owner, manager) = (person(owner), person(manager));
        OkrEvent {
            revision,
            occurred_at: at,
            change: kinds.0,
            department: word(),
            team: word(),
            owner,
            manager,
            cycle: cycle.then(|| Cycle { name: word(), start: moved.then_some(day), end: Some(day) }),
            metric: metric.then(|| Metric {
                start: number(),
                target: number(),
                current: number(),
                unit: word(),
            }),
            progress: number(),
            confidence: number(),
            status: kinds.1,
            previous: previous.then(|| Previous {
                progress: number(),
                status: moved.then_some(kinds.1),
                current: number(),
            }),
            actor: word(),
            note: word(),
            attributes: map,
            source: Source {
                name: word().unwrap_or_default(),
                kind: "okr".to_owned(),
                delivery_id: word(),
                sequence,
            },
            subject: Subject {
                kind: kinds.2,
                namespace: "acme".to_owned(),
                id: word().unwrap_or_default(),
                parent_id: word(),
                title: word(),
                url: word(),
            },
            ..bare()
        }
    })
}

proptest! {
    #[test]
    fn an_event_is_what_the_library_writes(event in event()) {
        check(Ours::Event, &event);
    }

    #[test]
    fn the_other_records_are_what_the_library_writes(
        text in ".{0,300}",
        perhaps in proptest::option::of(".{0,9}"),
        body: Vec<u8>,
        map in proptest::collection::btree_map(".{0,9}", ".{0,99}", 0..4),
        count: i64,
        partition: i32,
        verb in select(&[Verb::Unknown, Verb::Redrive, Verb::SourceForget, Verb::PersonForget]),
    ) {
        let arrival = Arrival {
            source: text.clone(),
            delivery_id: perhaps.clone(),
            content_type: perhaps.clone(),
            headers: map.clone(),
            body: body.into(),
            ..arrival()
        };
        check(Ours::Arrival, &arrival);
        let counts = map.keys().map(|name| (name.clone(), count)).collect();
        check(Ours::Audit, &Audit { why: text.clone(), verb, counts, details: map, ..audit() });
        let occurred_at = perhaps.is_some().then(|| pending().received_at);
        let pending = Pending {
            object_id: text,
            occurred_at,
            actor: perhaps,
            arrival_partition: partition,
            arrival_offset: count,
            ..pending()
        };
        check(Ours::Pending, &pending);
    }
}

#[test]
fn what_no_schema_of_ours_has_is_refused() {
    let refused = |error: Result<(), positional::Unfit>| error.unwrap_err().to_string();
    let mut out = Vec::new();
    let tuple = refused(positional::write(&mut out, &(1, 2)));
    assert_eq!(tuple, "no schema of ours has a tuple");
    #[derive(Serialize)]
    struct Partial {
        #[serde(skip_serializing_if = "Option::is_none")]
        word: Option<u8>,
    }
    let partial = refused(positional::write(&mut out, &Partial { word: None }));
    assert_eq!(partial, "no schema of ours has a record without its field word");
    assert_eq!(out, b"", "nothing is half written before the refusal here");
}

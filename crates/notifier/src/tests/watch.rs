//! What is not there yet is said, and asked for until it is.

use std::cell::Cell;
use std::collections::HashSet;

use boot::{House, system_clock};
use outbox::Depth;
use worker::readiness::until_there;

use crate::watch::orphans;

fn why(house: &House) -> Option<String> {
    house.health.report().checks["notifier.topics"].why.clone()
}

#[tokio::test(start_paused = true)]
async fn what_lacks_is_said_until_it_is_there() {
    let house = House::new(system_clock());
    let check = house.health.check("notifier.topics");
    assert_eq!(why(&house).as_deref(), Some("starting"));
    let asked = Cell::new(0);
    let ask = || async {
        asked.set(asked.get() + 1);
        match asked.get() {
            1 => Err("topic okr.events is missing".to_owned()),
            _ => {
                assert_eq!(why(&house).as_deref(), Some("topic okr.events is missing"));
                Ok(6)
            }
        }
    };
    assert_eq!(until_there(&house, &check, ask).await, Some(6));
    assert_eq!((asked.get(), house.health.is_ready()), (2, true));
}

#[tokio::test(start_paused = true)]
async fn a_question_without_an_answer_does_not_hold_up_the_stop() {
    let house = House::new(system_clock());
    let check = house.health.check("notifier.topics");
    let asking = until_there(&house, &check, std::future::pending::<Result<(), String>>);
    let stop = async { house.shutdown.cancel() };
    assert_eq!(tokio::join!(asking, stop).0, None);
}

#[test]
fn rows_whose_destination_is_gone_are_named_and_counted() {
    let depth = |target: &str, rows| Depth { target: target.into(), rows, oldest: None };
    let depths = [depth("slack", 3), depth("pager", 2), depth("mail", 0)];
    let configured = HashSet::from(["slack".to_owned()]);
    assert_eq!(orphans(&depths, &configured), [&depths[1]]);
}

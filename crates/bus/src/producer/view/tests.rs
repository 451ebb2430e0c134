use super::*;
use crate::{error::SendError, producer::context::placed, record::Placed};

fn view(producer_id: i64, leaders: &str) -> View {
    let text = format!(
        r#"{{"eos":{{"producer_id":{producer_id},"epoch_cnt":1}},"topics":{{"t":{{"partitions":{leaders}}}}}}}"#
    );
    View::read(text.as_bytes()).unwrap()
}

fn wanted(name: &str, count: i32) -> Counts {
    Counts::from([(name.to_owned(), count)])
}

#[test]
fn a_producer_is_warm_once_it_has_its_id_and_every_leader() {
    let both = r#"{"0":{"leader":1},"1":{"leader":2},"-1":{"leader":-1}}"#;
    assert!(view(7, both).covers(&wanted("t", 2)));
    assert!(!view(-1, both).covers(&wanted("t", 2)), "no id");
    assert!(!view(7, both).covers(&wanted("t", 3)), "a partition is unknown");
    assert!(!view(7, r#"{"0":{"leader":-1}}"#).covers(&wanted("t", 1)), "no leader");
    assert!(!view(7, both).covers(&wanted("u", 1)), "a topic is unknown");
}

#[test]
fn statistics_before_the_first_connection_are_read_as_nothing_known() {
    assert!(!View::read(b"{}").unwrap().covers(&Counts::new()));
    assert!(View::read(b"no json").is_none());
}

#[test]
fn a_report_without_an_offset_is_no_acknowledgement() {
    assert_eq!(placed(3, 0), Ok(Placed { partition: 3, offset: 0 }));
    assert!(matches!(placed(3, -1), Err(SendError::Unacknowledged(_))));
    assert!(matches!(placed(3, -1001), Err(SendError::Unacknowledged(_))));
}

use super::*;

#[track_caller]
fn check(code: Code, reason: &str, passing: bool) {
    let error = SendError::from_kafka(&KafkaError::MessageProduction(code));
    assert_eq!((error.reason(), error.is_passing()), (reason, passing), "{code:?}");
}

#[test]
fn a_send_error_says_what_the_caller_can_do() {
    check(Code::QueueFull, "queue_full", true);
    check(Code::MessageTimedOut, "unacknowledged", true);
    check(Code::NotEnoughReplicas, "unacknowledged", true);
    check(Code::PurgeInflight, "unacknowledged", true);
    check(Code::Fatal, "unacknowledged", true);
    check(Code::MessageSizeTooLarge, "too_large", false);
    check(Code::UnknownPartition, "refused", false);
    check(Code::TopicAuthorizationFailed, "refused", false);
}

#[test]
fn a_broker_that_is_away_is_passing_and_a_refusal_is_not() {
    let away = BusError::from_kafka(&KafkaError::MetadataFetch(Code::BrokerTransportFailure));
    let refused = BusError::from_kafka(&KafkaError::MetadataFetch(Code::TopicAuthorizationFailed));
    assert_eq!((away.reason(), away.is_passing()), ("unavailable", true));
    assert_eq!((refused.reason(), refused.is_passing()), ("refused", false));
}

#[test]
fn missing_topics_are_all_named() {
    let error = BusError::MissingTopics(vec!["a".into(), "b".into()]);
    assert_eq!(error.to_string(), "topics do not exist: a, b");
}

use std::time::Duration;

use bytes::Bytes;
use rdkafka::{
    mocking::MockCluster,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};

use super::*;
use crate::record::Headers;

const PATIENCE: Duration = Duration::from_secs(20);

fn record(partition: i32, value: &str) -> OutRecord {
    OutRecord {
        topic: "t".into(),
        partition,
        key: None,
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: Headers::new(),
    }
}

fn producer(brokers: &str, message_timeout: Duration) -> Producer {
    Producer::new(&Settings::new(vec![brokers.to_owned()], "test"), message_timeout).unwrap()
}

#[tokio::test]
async fn a_fatal_error_is_answered_and_the_next_record_goes_to_a_new_client() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 1, 1).unwrap();
    let producer = producer(&cluster.bootstrap_servers(), PATIENCE);
    assert_eq!(producer.send(record(0, "one")).await.map(|placed| placed.partition), Ok(0));
    let before = producer.shared.engine().unwrap();

    // The broker claims to have missed a record: the idempotent producer must not go on.
    let lost = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    cluster.request_errors(RDKafkaApiKey::Produce, &[lost]);
    let failed = producer.send(record(0, "two")).await;
    assert!(matches!(failed, Err(SendError::Unacknowledged(_))), "{failed:?}");

    let placed = producer.send(record(0, "three")).await;
    assert!(placed.is_ok(), "{placed:?}");
    assert!(!Arc::ptr_eq(&before, &producer.shared.engine().unwrap()), "it is another client");
    assert_eq!(producer.close(PATIENCE).await, 0);
}

#[tokio::test]
async fn a_full_queue_says_so_at_once_and_a_closed_producer_too() {
    let settings =
        Settings { produce_queue_bytes: 4096, ..Settings::new(vec!["127.0.0.1:1".into()], "test") };
    let producer = Producer::new(&settings, PATIENCE).unwrap();
    let mut waiting = Vec::new();
    let refused = loop {
        match producer.enqueue(record(0, &"x".repeat(500))) {
            Ok(delivery) => waiting.push(delivery),
            Err(error) => break error,
        }
        assert!(waiting.len() < 100, "the queue has no bound");
    };
    assert_eq!(refused, SendError::QueueFull);

    let left = producer.close(Duration::from_millis(50)).await;
    assert_eq!(left, waiting.len(), "nobody answered these");
    assert_eq!(producer.enqueue(record(0, "late")).err(), Some(SendError::Closed));
    for delivery in waiting {
        assert!(matches!(delivery.await, Err(SendError::Unacknowledged(_))), "given up, with an answer");
    }
}

#[tokio::test]
async fn a_record_without_a_partition_or_beyond_the_topic_is_refused() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 2, 1).unwrap();
    let producer = producer(&cluster.bootstrap_servers(), PATIENCE);
    assert!(matches!(producer.enqueue(record(-1, "x")), Err(SendError::Refused(_))));
    assert!(producer.send(record(1, "x")).await.is_ok());
    assert!(matches!(producer.send(record(2, "x")).await, Err(SendError::Refused(_))));
}

#[tokio::test]
async fn warm_names_the_topics_that_do_not_exist() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 3, 1).unwrap();
    let producer = producer(&cluster.bootstrap_servers(), PATIENCE);
    assert_eq!(producer.warm(&["t"]).await, Ok(()));
    let missing = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    cluster.topic_error("gone", missing).unwrap();
    assert_eq!(producer.warm(&["t", "gone"]).await, Err(BusError::MissingTopics(vec!["gone".into()])));
}

#[tokio::test]
async fn dropping_the_last_clone_answers_what_is_left() {
    let producer = producer("127.0.0.1:1", PATIENCE);
    let delivery = producer.clone().enqueue(record(0, "x")).unwrap();
    drop(producer);
    assert!(matches!(delivery.await, Err(SendError::Unacknowledged(_))));
}

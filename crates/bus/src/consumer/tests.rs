use bytes::Bytes;
use rdkafka::{
    mocking::MockCluster,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};

use super::*;
use crate::{
    producer::Producer,
    record::{Headers, OutRecord},
};

const PATIENCE: Duration = Duration::from_secs(30);

struct Open;

impl Gate for Open {
    fn admit(&self, _: usize, _: usize) {}

    fn open(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_commit_that_the_broker_refused_is_made_good_without_another_one() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 1, 1).unwrap();
    let settings = Settings::new(vec![cluster.bootstrap_servers()], "test");
    let producer = Producer::new(&settings, PATIENCE).unwrap();
    let record = OutRecord {
        topic: "t".into(),
        partition: 0,
        key: None,
        value: Some(Bytes::from_static(b"v")),
        headers: Headers::new(),
    };
    producer.send(record).await.unwrap();
    let mut consumer = Consumer::join(&settings, "g", &["t"], Arc::new(Open), Duration::ZERO).unwrap();
    let slot = loop {
        if let Signal::Record(record) = consumer.next().await.unwrap() {
            break record.slot;
        }
    };
    // As between two generations of a group, when partitions stay and their commits are refused for a moment.
    let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
    cluster.request_errors(RDKafkaApiKey::OffsetCommit, &[refused]);
    consumer.commit(vec![(slot.clone(), 1)]);
    let arrived = tokio::time::timeout(PATIENCE, async {
        while consumer.lag() != [(slot.clone(), 0)] {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert!(arrived.await.is_ok(), "lag stays at {:?}", consumer.lag());
    consumer.close(Vec::new()).await;
}

#[test]
fn a_coarse_mix_has_more_of_a_partition_in_an_answer() {
    let settings = Settings::new(vec!["localhost:9092".to_owned()], "test");
    let share = |mix| {
        let (group, topics, gate) = ("g".to_owned(), vec!["t".to_owned()], Arc::new(Open));
        let (revoke_grace, start) = (Duration::ZERO, Start::Committed);
        let membership = Membership { group, topics, gate, revoke_grace, start, mix };
        let config = member(&settings, &membership).unwrap();
        config.get("fetch.message.max.bytes").unwrap().parse::<u32>().unwrap()
    };
    assert_eq!(share(Mix::Fine), SHARE_BYTES);
    assert_eq!(share(Mix::Coarse), 4 * SHARE_BYTES, "a quarter of an answer");
}

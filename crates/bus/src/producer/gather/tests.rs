use tokio::sync::oneshot;

use super::*;
use crate::record::Headers;

/// What librdkafka was given, in order.
#[derive(Default)]
struct Client(Vec<i32>);

impl Client {
    fn take(&mut self, gather: &Gather, numbers: impl IntoIterator<Item = i32>) {
        for partition in numbers {
            let headers = Headers::new();
            let record = OutRecord { topic: "t".into(), partition, key: None, value: None, headers };
            gather.take(record, Box::new(oneshot::channel().0), self.send());
        }
    }

    fn answer(&mut self, gather: &Gather, count: usize) {
        (0..count).for_each(|_| gather.answered(self.send()));
    }

    fn send(&mut self) -> impl FnMut(OutRecord, Answer) -> bool {
        |record, _| {
            self.0.push(record.partition);
            record.partition >= 0
        }
    }
}

#[test]
fn a_few_records_never_wait() {
    let (gather, mut client) = (Gather::default(), Client::default());
    client.take(&gather, 0..8);
    assert_eq!(client.0, Vec::from_iter(0..8));
    client.answer(&gather, 1);
    client.take(&gather, [8]);
    assert_eq!((client.0.len(), gather.waiting()), (9, 0));
}

#[test]
fn the_others_go_together_once_most_of_the_group_before_is_answered() {
    let (gather, mut client) = (Gather::default(), Client::default());
    client.take(&gather, 0..108);
    assert_eq!((client.0.len(), gather.waiting()), (8, 100));
    client.answer(&gather, 1);
    assert_eq!((client.0.len(), gather.waiting()), (108, 0), "in the order in which they came");
    assert_eq!(client.0, Vec::from_iter(0..108));

    client.take(&gather, 108..110);
    client.answer(&gather, 81);
    assert_eq!((client.0.len(), gather.waiting()), (108, 2), "26 are on their way, a quarter of 107");
    client.answer(&gather, 1);
    assert_eq!((client.0.len(), gather.waiting()), (110, 0));
}

#[test]
fn what_the_client_refuses_is_not_waited_for() {
    let (gather, mut client) = (Gather::default(), Client::default());
    client.take(&gather, std::iter::repeat_n(-1, 20));
    assert_eq!((client.0.len(), gather.waiting()), (20, 0));
}

#[test]
fn nothing_waits_for_answers_that_do_not_come() {
    let (gather, mut client) = (Gather::default(), Client::default());
    client.take(&gather, 0..10);
    gather.release(client.send());
    assert_eq!((client.0.len(), gather.waiting()), (10, 0));
    let group = i32::try_from(GROUP_MAX).unwrap();
    client.take(&gather, 0..group - 1);
    assert_eq!(client.0.len(), 10);
    client.take(&gather, [group]);
    assert_eq!((client.0.len(), gather.waiting()), (10 + GROUP_MAX, 0), "a group has a bound");
}

//! Batches, answers and pauses, in time that stands still.

use std::collections::VecDeque;
use std::sync::Mutex;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;

use super::*;

/// Answers as listed, then 200; remembers when it was asked, and the names of the spans.
struct Script {
    answers: Mutex<VecDeque<Result<Answer, String>>>,
    seen: Mutex<Vec<(Duration, Vec<String>)>>,
    began: Instant,
}

#[async_trait]
impl Collector for Script {
    async fn post(&self, body: Bytes) -> Result<Answer, String> {
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        let [resource] = request.resource_spans.as_slice() else { panic!("one resource") };
        assert_eq!(resource.resource.as_ref().unwrap().attributes[0].key, "service.name");
        let spans = resource.scope_spans[0].spans.iter().map(|span| span.name.clone()).collect();
        self.seen.lock().unwrap().push((self.began.elapsed(), spans));
        self.answers.lock().unwrap().pop_front().unwrap_or_else(|| status(200))
    }
}

fn status(status: u16) -> Result<Answer, String> {
    Ok(Answer { status, ..Answer::default() })
}

struct Stage {
    script: Arc<Script>,
    queue: mpsc::Sender<Span>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn stage(answers: impl IntoIterator<Item = Result<Answer, String>>) -> Stage {
    let answers = Mutex::new(answers.into_iter().collect());
    let script = Arc::new(Script { answers, seen: Mutex::default(), began: Instant::now() });
    let (queue, spans) = mpsc::channel(2_048);
    let resource = vec![("service.name".to_owned(), "okr-router-test".to_owned())];
    let courier = Courier { spans, collector: script.clone(), resource, is_away: false };
    let stop = CancellationToken::new();
    Stage { script, queue, task: tokio::spawn(courier.run(stop.clone())), stop }
}

impl Stage {
    fn put(&self, names: std::ops::Range<usize>) {
        for name in names {
            self.queue.try_send(Span { name: name.to_string(), ..Span::default() }).unwrap();
        }
    }

    /// Seconds, rounded, and how many spans.
    async fn end(self) -> Vec<(u64, usize)> {
        self.stop.cancel();
        self.task.await.unwrap();
        let seen = self.script.seen.lock().unwrap();
        seen.iter().map(|(at, spans)| (at.as_secs(), spans.len())).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn spans_go_together_soon_or_in_full_batches() {
    let stage = stage([]);
    stage.put(0..3);
    sleep(Duration::from_millis(500)).await;
    stage.put(3..5);
    sleep(Duration::from_secs(5)).await;
    stage.put(5..5 + BATCH_MAX + 1);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(stage.end().await, [(1, 5), (5, BATCH_MAX), (6, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_posted_again_with_longer_pauses_until_it_is_taken() {
    let wish = Ok(Answer { status: 429, retry_after: Some("9".into()), ..Answer::default() });
    let stage = stage([Err("no connection".into()), status(503), wish, status(504)]);
    stage.put(0..2);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(stage.end().await, [(1, 2), (2, 2), (4, 2), (13, 2), (21, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_given_up_and_the_next_one_goes_on() {
    let stage = stage((0..TRIES_MAX).map(|_| Err("no connection".into())));
    stage.put(0..1);
    sleep(Duration::from_secs(30)).await;
    stage.put(1..4);
    sleep(Duration::from_secs(120)).await;
    let seen = stage.end().await;
    assert_eq!(seen.len() as u32, TRIES_MAX + 1);
    assert_eq!(seen.last(), Some(&(93, 3)));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_posted_again() {
    let stage = stage([status(400), status(500)]);
    stage.put(0..1);
    sleep(Duration::from_secs(2)).await;
    stage.put(1..2);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(stage.end().await, [(1, 1), (3, 1)]);
}

#[tokio::test(start_paused = true)]
async fn the_last_spans_are_sent_at_once_and_tried_once() {
    let taken = stage([]);
    taken.put(0..BATCH_MAX + 7);
    tokio::task::yield_now().await;
    assert_eq!(taken.end().await, [(0, BATCH_MAX), (0, 7)]);
    let away = stage([Err("no connection".into()), Err("no connection".into())]);
    away.put(0..BATCH_MAX + 7);
    assert_eq!(away.end().await.len(), 1);
}

#[test]
fn a_partial_success_says_how_many_were_not_taken() {
    let partial = ExportTracePartialSuccess { rejected_spans: 3, error_message: "too old".into() };
    let body = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
    let judged = |body: Vec<u8>| judge(Ok(Answer { status: 200, body: body.into(), ..Answer::default() }));
    assert_eq!(judged(body), Verdict::Taken { but: 3, why: "too old".into() });
    assert_eq!(judged(b"ok".to_vec()), Verdict::Taken { but: 0, why: String::new() });
    assert_eq!(judged(Vec::new()), Verdict::Taken { but: 0, why: String::new() });
}

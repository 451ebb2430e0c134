//! A tool that sends signed check-ins, alone or many at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{Reply, send, sign, until};

/// Pause of a sender under load between two deliveries; without it the load would be all there is on two cores.
const PACE: Duration = Duration::from_millis(20);
/// Subjects of each sender under load, in turn.
const SUBJECTS: u32 = 3;

/// A source of kind `standard-webhooks`, as its tool sees it: one door, one secret, connections that are kept.
#[derive(Debug, Clone)]
pub struct Sender {
    door: String,
    secret: String,
    client: reqwest::Client,
}

impl Sender {
    /// `door` is the URL of the source; `secret` as in `sign::whsec`.
    pub fn new(door: impl Into<String>, secret: impl Into<String>) -> Result<Self> {
        Ok(Self { door: door.into(), secret: secret.into(), client: send::client()? })
    }

    /// One delivery, signed now.
    pub async fn send(&self, id: &str, body: &Value) -> Result<Reply> {
        self.send_with(id, body, &[]).await
    }

    /// As `send`, with further headers.
    pub async fn send_with(&self, id: &str, body: &Value, more: &[(&str, &str)]) -> Result<Reply> {
        let body = serde_json::to_vec(body)?;
        let mut headers = sign::standard_webhooks(&self.secret, id, sign::now(), &body)?;
        headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        send::post_by(&self.client, &self.door, &headers, body).await
    }

    /// As `send`, and it must be answered 202; gives the answer.
    pub async fn accepted(&self, id: &str, body: &Value) -> Result<Value> {
        let reply = self.send(id, body).await?;
        ensure!(reply.status == 202, "{id} was answered {} {}", reply.status, reply.text());
        Ok(reply.json())
    }

    /// So many senders at once, each delivering one check-in after the other until `Load::stop`, or until it gets no
    /// answer. No delivery is repeated. The subjects and ids begin with `name`.
    pub fn load(&self, senders: u32, name: &str) -> Load {
        let tally = Arc::new(Tally::default());
        let mut tasks = JoinSet::new();
        for number in 0..senders {
            let (sender, name, tally) = (self.clone(), format!("{name}-{number}"), Arc::clone(&tally));
            tasks.spawn(async move { sender.keep_sending(&name, &tally).await });
        }
        Load { tally, tasks }
    }

    async fn keep_sending(&self, name: &str, tally: &Tally) -> Vec<Sent> {
        let mut all = Vec::new();
        for number in 0.. {
            if tally.stop.load(Ordering::Relaxed) {
                break;
            }
            let body = check_in("load", &format!("{name}-{}", number % SUBJECTS), number);
            let began = Instant::now();
            let answer = self.send(&format!("msg-{name}-{number}"), &body).await;
            let sent = Sent { began, took: began.elapsed(), answer };
            let (accepted, silent) = (sent.is_accepted(), sent.answer.is_err());
            all.push(sent);
            let counter = if accepted { &tally.accepted } else { &tally.others };
            counter.fetch_add(1, Ordering::Relaxed);
            if silent {
                break;
            }
            tokio::time::sleep(PACE).await;
        }
        all
    }
}

/// A check-in of a key result of this team, in the envelope of Standard Webhooks. `number` stands in the attributes
/// as text, so that a receiver can tell the order.
pub fn check_in(team: &str, subject: &str, number: u32) -> Value {
    json!({
        "type": "key_result.checked_in",
        "timestamp": "2026-11-23T09:00:00Z",
        "data": {
            "subject": { "type": "key_result", "id": subject, "title": format!("Title of {subject}") },
            "department": "sales",
            "team": team,
            "owner": { "id": "u-1", "name": "Owner of it" },
            "metric": { "start": 0, "target": 50, "current": 21 },
            "attributes": { "number": number.to_string() },
        },
    })
}

/// The ids of the events in a 202.
pub fn event_ids(answer: &Value) -> Vec<String> {
    let accepted = answer["accepted"].as_array().into_iter().flatten();
    accepted.map(|event| event["event_id"].as_str().unwrap_or_default().to_owned()).collect()
}

/// One delivery and what became of it.
#[derive(Debug)]
pub struct Sent {
    pub began: Instant,
    pub took: Duration,
    /// An error when there was no answer.
    pub answer: Result<Reply>,
}

impl Sent {
    /// Whether it was promised that Kafka has it.
    pub fn is_accepted(&self) -> bool {
        matches!(&self.answer, Ok(reply) if (200..300).contains(&reply.status))
    }
}

#[derive(Debug, Default)]
struct Tally {
    stop: AtomicBool,
    accepted: AtomicUsize,
    others: AtomicUsize,
}

/// Senders at work.
#[derive(Debug)]
pub struct Load {
    tally: Arc<Tally>,
    tasks: JoinSet<Vec<Sent>>,
}

impl Load {
    /// Waits until so many more deliveries are accepted.
    pub async fn more_accepted(&self, count: usize, limit: Duration) -> Result<()> {
        more(&self.tally.accepted, count, "accepted deliveries", limit).await
    }

    /// Waits until so many more deliveries have ended otherwise.
    pub async fn more_refused(&self, count: usize, limit: Duration) -> Result<()> {
        more(&self.tally.others, count, "refused deliveries", limit).await
    }

    /// Lets what is under way end, and gives all there was.
    pub async fn stop(self) -> Vec<Sent> {
        self.tally.stop.store(true, Ordering::Relaxed);
        self.end().await
    }

    /// Waits until no sender gets an answer any more, and gives all there was.
    pub async fn end(self) -> Vec<Sent> {
        self.tasks.join_all().await.into_iter().flatten().collect()
    }
}

async fn more(counter: &AtomicUsize, count: usize, what: &str, limit: Duration) -> Result<()> {
    let goal = counter.load(Ordering::Relaxed) + count;
    let reached = async || (counter.load(Ordering::Relaxed) >= goal).then_some(());
    until(&format!("{count} more {what}"), limit, reached).await
}

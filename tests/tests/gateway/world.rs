//! One broker, one registry and one gateway for the rows that break nothing, and others of one's own for those that do.

use std::time::Duration;

use anyhow::{Result, ensure};
use okr_tests::{Kafka, Python, Reply, Role, Stack, World as Config, post, sign};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// How long anything may take that should be there at once; long, for two loaded cores.
pub const SOON: Duration = Duration::from_secs(30);
/// What a gateway of these tests has to answer within.
pub const DEADLINE: Duration = Duration::from_secs(4);
/// And one of those whose senders dawdle.
pub const PATIENT: Duration = Duration::from_secs(15);
/// What its bodies may have.
pub const BODY_MAX: usize = 64 << 10;
const TOKEN: &str = "a token of the tests";

static SHARED: OnceCell<World> = OnceCell::const_new();

pub struct World {
    pub broker: String,
    pub registry: String,
    pub stack: Stack,
    pub gateway: Role,
    /// Of its own, where a test breaks it.
    pub kafka: Option<Kafka>,
}

pub fn secret() -> String {
    sign::whsec(b"the key that acme uses now......")
}

impl World {
    /// The one that all unbroken rows share.
    pub async fn shared() -> Result<&'static Self> {
        SHARED
            .get_or_try_init(async || {
                let kafka = okr_tests::kafka().await?;
                let stack = stack(kafka.address(), okr_tests::registry().await?.url(), DEADLINE, "")?;
                Self::start(stack, None).await
            })
            .await
    }

    /// With a broker of its own, and this deadline.
    pub async fn own(deadline: Duration) -> Result<Self> {
        let kafka = Kafka::own().await?;
        let stack = stack(kafka.address(), okr_tests::registry().await?.url(), deadline, "")?;
        Self::start(stack, Some(kafka)).await
    }

    /// Another gateway on the shared servers.
    pub async fn beside(lines: &str) -> Result<Self> {
        let shared = Self::shared().await?;
        Self::start(stack(&shared.broker, &shared.registry, PATIENT, lines)?, None).await
    }

    async fn start(stack: Stack, kafka: Option<Kafka>) -> Result<Self> {
        let (broker, registry) = (stack.world().broker.clone(), stack.world().registry.clone());
        stack.prepare().await?;
        let gateway = stack.role("gateway").await?;
        Ok(Self { broker, registry, stack, gateway, kafka })
    }

    pub fn door(&self, path: &str) -> String {
        self.stack.gateway(&format!("/in/{path}"))
    }

    /// One delivery of `acme`, signed now.
    pub async fn send(&self, id: &str, body: &Value) -> Result<Reply> {
        let body = body.to_string();
        let headers = sign::standard_webhooks(&secret(), id, sign::now(), body.as_bytes())?;
        post(&self.door("acme"), &headers, body).await
    }

    /// A body for a door with a token.
    pub async fn put(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<bytes::Bytes>,
    ) -> Result<Reply> {
        let mut all = vec![("authorization".to_owned(), format!("Bearer {TOKEN}"))];
        all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        post(&self.door(path), &all, body).await
    }

    /// The records of a topic that speak of this word.
    pub async fn records(&self, topic: &str, word: &str) -> Result<Vec<Value>> {
        let all = Python::read_all(&self.broker, &self.registry, topic).await?;
        Ok(all.into_iter().filter(|record| record.to_string().contains(word)).collect())
    }

    /// How many events, arrivals and letters speak of this word.
    pub async fn kept(&self, word: &str) -> Result<[usize; 3]> {
        let mut counts = [0; 3];
        for (count, topic) in counts.iter_mut().zip(["okr.events", "okr.arrivals", "okr.dead.gateway"]) {
            *count = self.records(topic, word).await?.len();
        }
        Ok(counts)
    }

    pub async fn keeps(&self, word: &str, expected: [usize; 3]) -> Result<()> {
        let kept = self.kept(word).await?;
        ensure!(kept == expected, "{word}: events, arrivals and letters are {kept:?}, not {expected:?}");
        Ok(())
    }
}

/// What every gateway of these tests is configured with.
pub fn stack(broker: &str, registry: &str, deadline: Duration, lines: &str) -> Result<Stack> {
    let deadline = deadline.as_secs();
    Stack::new(Config {
        broker: broker.to_owned(),
        registry: registry.to_owned(),
        gateway: format!("request_deadline = \"{deadline}s\"\nbody_max = \"64KiB\"\n{lines}"),
        sections: SECTIONS.to_owned(),
        env: vec![("ACME_SECRET".to_owned(), secret()), ("TOKEN".to_owned(), TOKEN.to_owned())],
        ..Config::default()
    })
}

const SECTIONS: &str = r#"
[departments]
partitions = 6
[departments.sales]
partitions = "0-3"
[departments.others]
partitions = "4-5"

[sources.acme]
kind = "standard-webhooks"
secrets = [{ env = "ACME_SECRET" }]
[sources.tracker]
kind = "okr"
verify = { scheme = "bearer", secrets = [{ env = "TOKEN" }] }
[sources.slow]
kind = "okr"
verify = { scheme = "bearer", secrets = [{ env = "TOKEN" }] }
rate_limit = "2/m"
[sources.events]
kind = "cloudevents"
verify = { scheme = "bearer", secrets = [{ env = "TOKEN" }] }
[sources.quiet]
kind = "okr"
verify = { scheme = "bearer", secrets = [{ env = "TOKEN" }] }
silent_after = "1s"
"#;

/// A check-in as `acme` sends it, about a subject that nobody else speaks of.
pub fn check_in(subject: &str, current: u32) -> Value {
    json!({
        "type": "key_result.checked_in",
        "timestamp": "2026-11-23T09:00:00Z",
        "data": {
            "subject": { "type": "key_result", "id": subject, "title": "A title" },
            "department": "sales",
            "metric": { "start": 0, "target": 50, "current": current },
        },
    })
}

/// A body of kind `okr`.
pub fn okr(id: &str, subject: &str) -> Value {
    json!({ "id": id, "type": "objective.updated", "subject": { "id": subject }, "department": "sales", "progress": 0.5 })
}

/// Every refusal is a problem of RFC 9457 with its own status.
pub fn problem(what: &str, reply: &Reply, status: u16) -> Result<()> {
    ensure!(reply.status == status, "{what}: {} {}, not {status}", reply.status, reply.text());
    let (kind, body) = (reply.header("content-type"), reply.json());
    ensure!(kind.starts_with("application/problem+json"), "{what}: content-type {kind:?}");
    ensure!(
        body["status"] == status && body["title"].is_string() && body["type"].is_string(),
        "{what}: {body}"
    );
    Ok(())
}

/// A 503 says when to come again.
pub fn unavailable(what: &str, reply: &Reply) -> Result<()> {
    problem(what, reply, 503)?;
    let again = reply.header("retry-after");
    ensure!(again.parse::<u64>().is_ok_and(|seconds| seconds > 0), "{what}: retry-after {again:?}");
    Ok(())
}

/// The ids in an answer's `accepted`.
pub fn ids(answer: &Value) -> Vec<String> {
    let accepted = answer["accepted"].as_array().cloned().unwrap_or_default();
    accepted.iter().map(|event| event["event_id"].as_str().unwrap_or_default().to_owned()).collect()
}

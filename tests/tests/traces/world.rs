//! A gateway and a notifier with one receiver, and a collector beside them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use okr_tests::{Answer, FakeHttp, Kafka, Python, Role, Seen, Sender, Stack, World, check_in, sign};
use serde_json::Value;

use crate::collector::Collector;

/// How long anything may take that should be there at once; long, for two loaded cores.
pub const SOON: Duration = Duration::from_secs(30);
/// Where the receiver is posted to.
pub const HOOK: &str = "/hook";

/// Servers, config and the two who stand at the ends.
pub struct Home {
    pub kafka: Kafka,
    pub stack: Stack,
    pub receiver: FakeHttp,
    pub collector: Collector,
    pub sender: Sender,
}

/// Both roles.
pub struct Roles {
    pub gateway: Role,
    pub notifier: Role,
}

impl Home {
    pub async fn start() -> Result<Self> {
        let (kafka, registry) = tokio::try_join!(Kafka::start(), okr_tests::registry())?;
        let (receiver, collector) = (FakeHttp::start()?, Collector::start()?);
        let secret = sign::whsec(b"the key of acme in this test....");
        let stack = Stack::new(World {
            broker: kafka.address().to_owned(),
            registry: registry.url().to_owned(),
            sections: sections(&receiver),
            env: vec![("ACME_SECRET".into(), secret.clone()), ("COLLECTOR_TOKEN".into(), "let me in".into())],
            ..World::default()
        })?;
        stack.prepare().await?;
        let sender = Sender::new(stack.gateway("/in/acme"), secret)?;
        Ok(Self { kafka, stack, receiver, collector, sender })
    }

    /// Both roles, ready, with these variables.
    pub async fn roles(&self, env: &[(&str, &str)]) -> Result<Roles> {
        let roles = Roles {
            gateway: self.stack.start_with("gateway", env)?,
            notifier: self.stack.start_with("notifier", env)?,
        };
        tokio::try_join!(roles.gateway.ready(), roles.notifier.ready())?;
        Ok(roles)
    }

    /// A check-in that carries this trace context; gives the event as the answer names it.
    pub async fn check_in(&self, id: &str, trace: &[(&str, &str)]) -> Result<Value> {
        let reply = self.sender.send_with(&format!("msg-{id}"), &check_in("team", id, 0), trace).await?;
        ensure!(reply.status == 202, "{id} was answered {} {}", reply.status, reply.text());
        Ok(reply.json()["accepted"][0].clone())
    }

    /// Waits for so many requests to the receiver about this event.
    pub async fn received(&self, event: &Value, count: usize) -> Result<Vec<Seen>> {
        let id = event["event_id"].as_str().context("no event_id")?.to_owned();
        let of_it = |seen: &Seen| seen.header("okr-effect-id").contains(&id);
        let enough = |seen: &[Seen]| seen.iter().filter(|seen| of_it(seen)).count() >= count;
        let seen = self.receiver.wait_until(SOON, enough).await?;
        Ok(seen.into_iter().filter(of_it).collect())
    }

    /// The value of a header of the event's record, as an independent client reads it.
    pub async fn header(&self, event: &Value, name: &str) -> Result<String> {
        let place = |key: &str| event[key].as_i64().with_context(|| format!("no {key}: {event}"));
        let (partition, offset) = (place("partition")?, place("offset")?);
        text(&Python::raw(self.kafka.address(), "okr.events", partition, offset).await?, name)
    }

    /// From now on the receiver answers so.
    pub fn receiver_says(&self, answer: Answer) {
        self.receiver.always(HOOK, answer);
    }
}

impl Roles {
    /// Both leave, and well.
    pub async fn stop(self) -> Result<()> {
        for role in [self.gateway, self.notifier] {
            ensure!(role.term(SOON).await? == 0, "{}", role.tail());
        }
        Ok(())
    }
}

/// A header of a raw record; an error if it is absent or there twice.
pub fn text(record: &Value, name: &str) -> Result<String> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let headers = record["headers"].as_array().into_iter().flatten();
    let values: Vec<&Value> = headers.filter(|pair| pair[0] == name).map(|pair| &pair[1]).collect();
    let [value] = values.as_slice() else { anyhow::bail!("{} headers {name}: {record}", values.len()) };
    Ok(String::from_utf8(STANDARD.decode(value.as_str().context("a null header")?)?)?)
}

fn sections(receiver: &FakeHttp) -> String {
    format!(
        r#"
[departments]
partitions = 4
[departments.others]
partitions = "0-3"

[sources.acme]
kind = "standard-webhooks"
secrets = [{{ env = "ACME_SECRET" }}]

[destinations.probe]
kind = "http"
url = "{}"
rate = "none"

[[routes]]
name = "all"
to = ["probe"]

[outbox]
schedule = ["500ms"]

[traces.headers]
x-collector = {{ env = "COLLECTOR_TOKEN" }}
"#,
        receiver.url(HOOK)
    )
}

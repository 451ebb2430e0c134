//! A gateway and a notifier whose two targets, `desk` and `probe`, are paths of one fake receiver.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, ensure};
use okr_tests::{
    Answer, FakeHttp, Kafka, Process, Recipe, Role, Seen, Sender, Stack, World, binary, check_in, event_ids,
    sign,
};
use serde_json::Value;

/// How long anything may take that should be there at once; long, for two loaded cores.
pub const SOON: Duration = Duration::from_secs(30);

/// A running okr-router and everything around it.
pub struct Home {
    pub kafka: Kafka,
    pub stack: Stack,
    pub receiver: FakeHttp,
    pub sender: Sender,
    pub notifier: Role,
    _gateway: Role,
}

impl Home {
    /// On a clean broker; `env` goes to every role and command.
    pub async fn start(env: &[(&str, &str)]) -> Result<Self> {
        let (kafka, registry) = tokio::try_join!(Kafka::start(), okr_tests::registry())?;
        let receiver = FakeHttp::start()?;
        let secret = sign::whsec(b"the key of acme in this test....");
        let mut all =
            vec![("ACME_SECRET".to_owned(), secret.clone()), ("USER".to_owned(), "tester".to_owned())];
        all.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let stack = Stack::new(World {
            broker: kafka.address().to_owned(),
            registry: registry.url().to_owned(),
            sections: sections(&receiver),
            env: all,
            ..World::default()
        })?;
        stack.prepare().await?;
        let (gateway, notifier) = tokio::try_join!(stack.role("gateway"), stack.role("notifier"))?;
        let sender = Sender::new(stack.gateway("/in/acme"), secret)?;
        Ok(Self { kafka, stack, receiver, sender, notifier, _gateway: gateway })
    }

    /// So many check-ins of as many subjects; gives the ids of their events.
    pub async fn check_in(&self, name: &str, count: u32) -> Result<BTreeSet<String>> {
        let mut ids = BTreeSet::new();
        for number in 0..count {
            let body = check_in("team", &format!("{name}-{number}"), number);
            ids.extend(event_ids(&self.sender.accepted(&format!("msg-{name}-{number}"), &body).await?));
        }
        Ok(ids)
    }

    /// From now on the desk refuses for good, or takes everything.
    pub fn desk(&self, takes: bool) {
        let answer = if takes { Answer::Ok("ok") } else { Answer::Status(404, "nobody here") };
        self.receiver.always("/desk", answer);
    }

    /// What a path was sent and accepted, behind the first `skipped`.
    pub fn accepted(&self, path: &str, skipped: usize) -> Vec<Seen> {
        self.receiver.seen_at(path).into_iter().filter(Seen::accepted).skip(skipped).collect()
    }

    /// Waits until a path accepted so many behind the first `skipped`.
    pub async fn wait_for(&self, path: &str, skipped: usize, count: usize) -> Result<Vec<Seen>> {
        okr_tests::until(&format!("{count} accepted at {path}"), SOON, async || {
            Some(self.accepted(path, skipped)).filter(|seen| seen.len() >= count)
        })
        .await
    }

    /// A command that must succeed, with `--json`: what it printed, the last line as JSON.
    pub async fn json(&self, words: &[&str]) -> Result<Value> {
        let done = self.stack.command(&[words, &["--json"]].concat()).await?;
        ensure!(done.code == 0, "{words:?} ended with {}: {}{}", done.code, done.stdout, done.stderr);
        serde_json::from_str(&done.stdout).with_context(|| format!("{words:?} printed {:?}", done.stdout))
    }

    /// Waits until `dead list` with these words counts so many letters.
    pub async fn letters(&self, words: &[&str], count: u64) -> Result<Value> {
        let words = [&["dead", "list"], words].concat();
        for _ in 0..30 {
            let groups = self.json(&words).await?;
            let letters =
                groups.as_array().into_iter().flatten().filter_map(|group| group["letters"].as_u64());
            if letters.sum::<u64>() >= count {
                return Ok(groups);
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        anyhow::bail!("{words:?} never counted {count}: {}", self.json(&words).await?)
    }

    /// A command that is not waited for.
    pub fn spawn(&self, words: &[&str]) -> Result<Process> {
        let config = self.stack.folder().join("okr-router.toml").display().to_string();
        let args = words.iter().copied().chain(["--config", &config]).map(str::to_owned).collect();
        let recipe = Recipe { program: binary()?, args, env: self.stack.world().env.clone() };
        Process::start("command", &recipe, self.stack.folder())
    }

    /// How many records a topic has had.
    pub async fn records(&self, topic: &str) -> Result<i64> {
        let settings = bus::Settings::new(vec![self.kafka.address().to_owned()], "okr-tests");
        let marks = bus::Admin::new(&settings)?.watermarks(topic).await?;
        Ok(marks.iter().map(|marks| marks.high).sum())
    }

    /// Puts a value raw onto `okr.events`, under a key of its own.
    pub async fn put_raw(&self, key: &str, value: &'static [u8]) -> Result<()> {
        let settings = bus::Settings::new(vec![self.kafka.address().to_owned()], "okr-tests");
        let producer = bus::Producer::new(&settings, Duration::from_secs(20))?;
        producer.warm(&["okr.events"]).await?;
        let mut headers = bus::Headers::new();
        headers.push("who", "a stranger");
        let record = bus::OutRecord {
            topic: "okr.events".into(),
            partition: 0,
            key: Some(key.to_owned().into()),
            value: Some(bytes::Bytes::from_static(value)),
            headers,
        };
        producer.send(record).await?;
        Ok(())
    }
}

/// The effect ids of deliveries.
pub fn effects(seen: &[Seen]) -> BTreeSet<String> {
    seen.iter().map(|seen| seen.header("okr-effect-id").to_owned()).collect()
}

fn sections(receiver: &FakeHttp) -> String {
    let (desk, probe) = (receiver.url("/desk"), receiver.url("/probe"));
    format!(
        r#"
[departments]
partitions = 4
[departments.sales]
partitions = "0-2"
[departments.others]
partitions = "3"

[sources.acme]
kind = "standard-webhooks"
secrets = [{{ env = "ACME_SECRET" }}]

[destinations.desk]
kind = "http"
url = "{desk}"
rate = "none"
[destinations.probe]
kind = "http"
url = "{probe}"
rate = "none"

[[routes]]
name = "all"
to = ["desk", "probe"]
"#
    )
}

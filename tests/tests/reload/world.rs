//! The okr-router of one test, whose configuration changes under it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use okr_tests::{Python, Role, Sender, Sent, Stack, World as Config, sign, until};
use serde_json::Value;

/// How long anything may take that should be there at once; long, for two loaded cores.
pub const SOON: Duration = Duration::from_secs(30);

/// The secret that a tool has had for long, and the one that takes its place.
pub const OLD: &[u8] = b"the key that acme has had so far";
pub const NEW: &[u8] = b"the key that acme gets from here";

/// One source whose secrets are files.
const ACME: &str = "[sources.acme]\nkind = \"standard-webhooks\"\n";
const DEPARTMENTS: &str = "[departments]\npartitions = 6\n[departments.sales]\npartitions = \"0-3\"\n[departments.others]\npartitions = \"4-5\"\n";

pub struct World {
    pub stack: Stack,
    pub registry: String,
    broker: String,
    /// What the file says besides the sections of the test.
    base: String,
}

impl World {
    /// On this broker, with topics and schemas there. `gateway` are lines of its section.
    pub async fn start(broker: &str, gateway: &str, sections: &str) -> Result<Self> {
        let registry = okr_tests::registry().await?.url().to_owned();
        let world = Self::bare(broker, &registry, gateway)?;
        world.write(sections)?;
        world.stack.prepare().await?;
        Ok(world)
    }

    /// Nothing has been created.
    pub fn bare(broker: &str, registry: &str, gateway: &str) -> Result<Self> {
        let stack = Stack::new(Config {
            broker: broker.to_owned(),
            registry: registry.to_owned(),
            gateway: gateway.to_owned(),
            sections: DEPARTMENTS.to_owned(),
            ..Config::default()
        })?;
        for (name, key) in [("old.key", OLD), ("new.key", NEW)] {
            std::fs::write(stack.folder().join(name), sign::whsec(key))?;
        }
        let base = std::fs::read_to_string(stack.folder().join("okr-router.toml"))?;
        Ok(Self { stack, registry: registry.to_owned(), broker: broker.to_owned(), base })
    }

    /// The file from now on: what all tests have, and these sections.
    pub fn write(&self, sections: &str) -> Result<()> {
        self.write_whole(&format!("{}{sections}", self.base))
    }

    /// The file from now on.
    pub fn write_whole(&self, text: &str) -> Result<()> {
        Ok(std::fs::write(self.stack.folder().join("okr-router.toml"), text)?)
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// A tool that signs with this key.
    pub fn sender(&self, source: &str, key: &[u8]) -> Result<Sender> {
        Sender::new(self.stack.gateway(&format!("/in/{source}")), sign::whsec(key))
    }

    /// The ids on `okr.events`, as an independent client reads them, each as often as it is there.
    pub async fn on_the_topic(&self) -> Result<Vec<String>> {
        let records = Python::read_all(&self.broker, &self.registry, "okr.events").await?;
        let id =
            |record: &Value| record["value"]["event_id"].as_str().map(str::to_owned).context("no event_id");
        records.iter().map(id).collect()
    }

    /// Every one was answered 202, and its event is on the topic, once. Gives how many there were.
    pub async fn all_accepted(&self, sent: &[Sent]) -> Result<usize> {
        for sent in sent {
            let reply = sent.answer.as_ref().map_err(|error| anyhow::anyhow!("no answer: {error:#}"))?;
            ensure!(reply.status == 202, "{} {}", reply.status, reply.text());
        }
        let topic = self.on_the_topic().await?;
        let mut times = std::collections::HashMap::<&str, usize>::new();
        topic.iter().for_each(|id| *times.entry(id).or_default() += 1);
        for id in ids(sent) {
            ensure!(
                times.get(id.as_str()) == Some(&1),
                "{id} is {:?} times on the topic",
                times.get(id.as_str())
            );
        }
        Ok(sent.len())
    }
}

/// The ids of all events that were accepted.
pub fn ids(sent: &[Sent]) -> Vec<String> {
    let answers = sent.iter().filter_map(|sent| sent.answer.as_ref().ok());
    answers.flat_map(|reply| okr_tests::event_ids(&reply.json())).collect()
}

/// The section of acme with these secret files.
pub fn acme(secrets: &[&str]) -> String {
    let secrets: Vec<String> = secrets.iter().map(|file| format!("{{ file = \"{file}\" }}")).collect();
    format!("{ACME}secrets = [{}]\n", secrets.join(", "))
}

/// SIGHUP, and waits until it was heard: `applied` or `refused`.
pub async fn reload(role: &Role, outcome: &str) -> Result<()> {
    let label = format!("outcome=\"{outcome}\"");
    let count = async || role.metric("okr_config_reload_total", &label).await;
    let before = count().await?;
    role.signal("HUP")?;
    let heard = async || count().await.ok().filter(|now| *now > before);
    until(&format!("a reload that is {outcome}"), SOON, heard).await.with_context(|| role.tail())?;
    Ok(())
}

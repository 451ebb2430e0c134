//! One broker and one registry for all tests here; names of sources tell whose a record is.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use okr_tests::{Reply, Role, Stack, free_port};
use serde_json::Value;

/// How long anything may take that should be there at once; long, for two loaded cores.
pub const SOON: Duration = Duration::from_secs(60);

pub struct World {
    pub stack: Stack,
    pub broker: String,
    pub registry: String,
}

impl World {
    /// Topics and schemas are there. `store` is `store.url`; empty is a file.
    pub async fn start(sections: String, env: Vec<(String, String)>, store: String) -> Result<Self> {
        let (kafka, registry) = tokio::try_join!(okr_tests::kafka(), okr_tests::registry())?;
        let (broker, registry) = (kafka.address().to_owned(), registry.url().to_owned());
        let departments = "[departments]\npartitions = 2\n".to_owned();
        let stack = Stack::new(okr_tests::World {
            broker: broker.clone(),
            registry: registry.clone(),
            sections: format!("{departments}{sections}"),
            env: env.into_iter().chain([("USER".to_owned(), "tester".to_owned())]).collect(),
            store,
            ..okr_tests::World::default()
        })?;
        stack.prepare().await?;
        Ok(Self { stack, broker, registry })
    }

    /// Another gateway of the same configuration: the role, and the URL of a path of it.
    pub async fn second(&self, path: &str) -> Result<(Role, String)> {
        let listen = format!("127.0.0.1:{}", free_port());
        let role = self.stack.start_with("gateway", &[("OKR_ROUTER__GATEWAY__LISTEN", listen.as_str())])?;
        role.ready().await?;
        Ok((role, format!("http://{listen}{path}")))
    }

    /// A command that must succeed: what it printed, as JSON.
    pub async fn json(&self, words: &[&str]) -> Result<Value> {
        let done = self.stack.command(&[words, &["--json"]].concat()).await?;
        ensure!(done.code == 0, "{words:?} ended with {}: {}{}", done.code, done.stdout, done.stderr);
        serde_json::from_str(&done.stdout).with_context(|| format!("{words:?} printed {:?}", done.stdout))
    }
}

/// A 401 like every other.
pub fn refused(reply: &Reply, what: &str) -> Result<()> {
    ensure!(reply.status == 401, "{what}: {} {}", reply.status, reply.text());
    let detail = "the request does not prove where it comes from";
    ensure!(reply.json()["detail"] == detail, "{what}: {}", reply.text());
    Ok(())
}

pub fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

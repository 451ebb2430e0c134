//! One running `okr-router <role>`.

use std::{ops::Deref, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{Process, Reply, get, until};

const READY_WITHIN: Duration = Duration::from_secs(60);

/// A role process and the port of its probes. All that `Process` does, it does.
#[derive(Debug)]
pub struct Role {
    process: Process,
    admin: String,
}

impl Role {
    pub(crate) fn new(process: Process, admin: String) -> Self {
        Self { process, admin }
    }

    /// `host:port` of its probes.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// The answer of `/readyz`; an error while nobody listens.
    pub async fn readyz(&self) -> Result<Reply> {
        get(&format!("http://{}/readyz", self.admin)).await
    }

    /// Waits until `/readyz` says 200; fails at once when the process ends.
    pub async fn ready(&self) -> Result<()> {
        self.ready_within(READY_WITHIN).await
    }

    /// As `ready`, with a limit of the test's own.
    pub async fn ready_within(&self, limit: Duration) -> Result<()> {
        let look = async || match self.process.ended() {
            Some(code) => Some(Err(code)),
            None => self.readyz().await.ok().filter(|reply| reply.status == 200).map(|_| Ok(())),
        };
        match until("/readyz to say 200", limit, look).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(code)) => bail!("it ended with {code}: {}", self.process.tail()),
            Err(error) => {
                let last = self.readyz().await.map(|reply| reply.text()).unwrap_or_default();
                Err(error.context(format!("/readyz says {last}; {}", self.process.tail())))
            }
        }
    }

    /// Waits until `/readyz` says 503, and returns its words.
    pub async fn unready_within(&self, limit: Duration) -> Result<String> {
        let look =
            async || self.readyz().await.ok().filter(|reply| reply.status == 503).map(|reply| reply.text());
        until("/readyz to say 503", limit, look).await
    }

    /// The sum of a counter or gauge over all its label sets that hold `labels` (such as `reason="magic"`, or empty);
    /// 0 when there is none.
    pub async fn metric(&self, name: &str, labels: &str) -> Result<f64> {
        Ok(self.metric_if(name, labels).await?.unwrap_or_default())
    }

    /// The same; none when there is no such label set.
    pub async fn metric_if(&self, name: &str, labels: &str) -> Result<Option<f64>> {
        let page = get(&format!("http://{}/metrics", self.admin)).await?.text();
        let value = |line: &str| {
            let (series, value) = line.rsplit_once(' ')?;
            let (own, given) = series.split_once('{').unwrap_or((series, ""));
            (own == name && given.contains(labels)).then(|| value.parse::<f64>().ok()).flatten()
        };
        let found: Vec<f64> = page.lines().filter(|line| !line.starts_with('#')).filter_map(value).collect();
        Ok((!found.is_empty()).then(|| found.iter().sum()))
    }

    /// SIGTERM, and the exit code once it ended.
    pub async fn term(&self, limit: Duration) -> Result<i32> {
        self.process.signal("TERM")?;
        self.process.end(limit).await
    }

    /// Waits until stdout or stderr holds `words`.
    pub async fn says(&self, words: &str, limit: Duration) -> Result<()> {
        let look = async || {
            let said = self.process.stdout().contains(words) || self.process.stderr().contains(words);
            said.then_some(())
        };
        until(&format!("the words {words:?}"), limit, look).await.with_context(|| self.process.tail())
    }
}

impl Deref for Role {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

//! The okr-router of one test: channels of a fake Slack, and one sender.

use std::{any::Any, time::Duration};

use anyhow::Result;
use okr_tests::{FakeSlack, Kafka, Role, Seen, Sender, Stack, World as Config, sign};

/// How long anything may take that should be there at once; long, for two loaded cores.
pub const SOON: Duration = Duration::from_secs(30);

/// One destination of kind `slack`.
#[derive(Clone, Copy)]
pub struct Channel {
    /// The destination's name.
    pub name: &'static str,
    /// The channel of the fake Slack that its URL leads to.
    pub hook: &'static str,
    /// Further lines of its section.
    pub lines: &'static str,
}

/// A running gateway and notifier with a fake Slack behind them.
pub struct World {
    pub broker: String,
    pub slack: FakeSlack,
    pub sender: Sender,
    pub notifier: Role,
    _gateway: Role,
    _stack: Stack,
    _servers: Box<dyn Any + Send + Sync>,
}

impl World {
    /// On whichever pair starts faster: what is tested makes no difference to it.
    pub async fn start(channels: &[Channel], outbox: &str) -> Result<Self> {
        #[cfg(feature = "embedded")]
        {
            let pair = okr_tests::Embedded::start().await?;
            let (broker, registry) = (pair.broker(), pair.registry());
            Self::on(broker, registry, Box::new(pair), channels, outbox).await
        }
        #[cfg(not(feature = "embedded"))]
        Self::kafka(channels, outbox).await
    }

    /// On Apache Kafka and Apicurio.
    pub async fn kafka(channels: &[Channel], outbox: &str) -> Result<Self> {
        let registry = okr_tests::registry().await?.url().to_owned();
        let kafka = Kafka::own().await?;
        Self::on(kafka.address().to_owned(), registry, Box::new(kafka), channels, outbox).await
    }

    async fn on(
        broker: String,
        registry: String,
        servers: Box<dyn Any + Send + Sync>,
        channels: &[Channel],
        outbox: &str,
    ) -> Result<Self> {
        let slack = FakeSlack::start()?;
        let secret = sign::whsec(b"the key that acme uses now......");
        let mut env = vec![("ACME_SECRET".to_owned(), secret.clone())];
        env.extend(channels.iter().map(|channel| (variable(channel), slack.hook(channel.hook))));
        let sections = sections(channels, outbox);
        let stack =
            Stack::new(Config { broker: broker.clone(), registry, sections, env, ..Config::default() })?;
        stack.prepare().await?;
        let sender = Sender::new(stack.gateway("/in/acme"), secret)?;
        let (gateway, notifier) = tokio::try_join!(stack.role("gateway"), stack.role("notifier"))?;
        Ok(Self { broker, slack, sender, notifier, _gateway: gateway, _stack: stack, _servers: servers })
    }
}

/// What a message says: the subject and the number of its check-in, as the route's template wrote them.
pub fn message(text: &str) -> (String, u32) {
    let mut words = text.split_whitespace();
    let subject = words.next().unwrap_or_default().to_owned();
    (subject, words.next().and_then(|number| number.parse().ok()).unwrap_or(u32::MAX))
}

/// The requests to a channel, in order.
pub fn requests(slack: &FakeSlack, hook: &str) -> Vec<Seen> {
    slack.seen_at(&FakeSlack::path(hook))
}

fn variable(channel: &Channel) -> String {
    format!("SLACK_{}", channel.name.to_uppercase())
}

/// One route to all channels.
fn sections(channels: &[Channel], outbox: &str) -> String {
    let names: Vec<String> = channels.iter().map(|channel| format!("{:?}", channel.name)).collect();
    let mut text = format!(
        "
[departments]
partitions = 4
[departments.others]
partitions = \"0-3\"

[sources.acme]
kind = \"standard-webhooks\"
secrets = [{{ env = \"ACME_SECRET\" }}]

[[routes]]
name = \"all\"
to = [{}]
template = \"{{{{ event.subject.id }}}} {{{{ event.attributes.number }}}}\"

[outbox]
{outbox}
",
        names.join(", ")
    );
    for channel in channels {
        text.push_str(&format!(
            "\n[destinations.{}]\nkind = \"slack\"\nurl = {{ env = \"{}\" }}\n{}\n",
            channel.name,
            variable(channel),
            channel.lines
        ));
    }
    text
}

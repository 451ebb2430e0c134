//! One world per pair of broker and registry, shared by all cases of this executable.

use std::time::Duration;

use anyhow::{Context, Result};
use okr_tests::{FakeSlack, Role, Stack, World, sign};
use tokio::sync::OnceCell;

use crate::case::CASES;

static KAFKA: OnceCell<Home> = OnceCell::const_new();
#[cfg(feature = "embedded")]
static EMBEDDED: OnceCell<Home> = OnceCell::const_new();

/// How long anything may take that should be there at once; long, for two loaded cores.
pub const SOON: Duration = Duration::from_secs(30);

/// A running gateway and notifier with a fake Slack behind them.
pub struct Home {
    pub broker: String,
    pub registry: String,
    pub stack: Stack,
    pub slack: FakeSlack,
    _gateway: Role,
    pub notifier: Role,
    /// The real broker, for its console tools; none in the embedded pair.
    pub kafka: Option<&'static okr_tests::Kafka>,
    _servers: Box<dyn std::any::Any + Send + Sync>,
}

/// The secret that acme signs with now, and the one it had before.
pub fn secrets() -> (String, String) {
    (sign::whsec(b"the key that acme uses now......"), sign::whsec(b"the key that acme used before..."))
}

/// The key of the source `tracker`.
pub const TRACKER_KEY: &str = "tracker's own key";

impl Home {
    /// Apache Kafka with Apicurio's Confluent API.
    pub async fn kafka() -> Result<&'static Self> {
        KAFKA
            .get_or_try_init(async || {
                let (kafka, registry) = tokio::try_join!(okr_tests::kafka(), okr_tests::registry())?;
                Self::start(kafka.address(), registry.url(), Some(kafka), Box::new(())).await
            })
            .await
    }

    /// The embedded broker and registry.
    #[cfg(feature = "embedded")]
    pub async fn embedded() -> Result<&'static Self> {
        EMBEDDED
            .get_or_try_init(async || {
                // A runtime of its own, which outlives the test that happens to come first.
                let runtime = Box::leak(Box::new(tokio::runtime::Runtime::new()?));
                let pair = runtime.spawn(okr_tests::Embedded::start()).await??;
                let (broker, registry) = (pair.broker().to_owned(), pair.registry().to_owned());
                Self::start(&broker, &registry, None, Box::new(pair)).await
            })
            .await
    }

    async fn start(
        broker: &str,
        registry: &str,
        kafka: Option<&'static okr_tests::Kafka>,
        servers: Box<dyn std::any::Any + Send + Sync>,
    ) -> Result<Self> {
        let slack = FakeSlack::start()?;
        let (now, before) = secrets();
        let mut env = vec![
            ("ACME_SECRET".to_owned(), now),
            ("ACME_SECRET_OLD".to_owned(), before),
            ("TRACKER_SECRET".to_owned(), TRACKER_KEY.to_owned()),
        ];
        env.extend(CASES.iter().map(|case| (variable(case), slack.hook(case))));
        let stack = Stack::new(World {
            broker: broker.to_owned(),
            registry: registry.to_owned(),
            gateway: "body_max = \"64KiB\"".to_owned(),
            sections: sections(),
            env,
            ..World::default()
        })?;
        stack.prepare().await.context("topics and schemas")?;
        let (gateway, notifier) = tokio::try_join!(stack.role("gateway"), stack.role("notifier"))?;
        let (broker, registry) = (broker.to_owned(), registry.to_owned());
        Ok(Self { broker, registry, stack, slack, _gateway: gateway, notifier, kafka, _servers: servers })
    }

    /// The URL of a source's door.
    pub fn door(&self, source: &str) -> String {
        self.stack.gateway(&format!("/in/{source}"))
    }
}

fn variable(case: &str) -> String {
    format!("SLACK_{}", case.to_uppercase())
}

/// Three departments over 24 partitions, two sources, and per case a channel and a route.
fn sections() -> String {
    let mut text = r#"
[departments]
partitions = 24
[departments.sales]
partitions = "0-5"
aliases = ["Vertrieb"]
[departments.engineering]
partitions = "6-17"
[departments.others]
partitions = "18-23"

[sources.acme]
kind = "standard-webhooks"
secrets = [{ env = "ACME_SECRET" }, { env = "ACME_SECRET_OLD" }]
[sources.tracker]
kind = "okr"
verify = { scheme = "hmac-sha256", header = "x-signature", encoding = "hex", prefix = "sha256=", secrets = [{ env = "TRACKER_SECRET" }] }
"#
    .to_owned();
    for case in CASES {
        let condition = match *case {
            "absent" => "event.team == 'absent' and event.progress < 0.3".to_owned(),
            case => format!("event.team == '{case}'"),
        };
        text.push_str(&format!(
            "\n[destinations.{case}]\nkind = \"slack\"\nurl = {{ env = \"{}\" }}\nrate = \"50/s\"\n\
             [[routes]]\nname = \"{case}\"\nwhen = \"has(event.team) and {condition}\"\nto = [\"{case}\"]\n",
            variable(case),
        ));
    }
    text
}

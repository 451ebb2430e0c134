//! The gateway over real HTTP, with a log that does as it is told.

mod batch;
mod becomes;
mod caps;
mod client;
mod duplicates;
mod kinds;
mod learned;
mod log;
mod memory;
mod nonce;
mod paused;
mod reload;
mod room;
mod stop;
mod tls;
mod trouble;
mod webhooks;

use std::{sync::Arc, time::Duration};

use boot::Span;
use jiff::Timestamp;
use sources::{Source, SourceConfig};
use tokio_util::sync::CancellationToken;

use crate::{
    DepartmentsConfig, GatewayConfig, departments::Map, desk::Desk, door::Door, entrances::Entrances,
    keys::Keys, server,
};
use client::{Reply, post};
use log::Fake;

/// A gateway on a port of its own, and the log behind it.
struct Stage {
    address: std::net::SocketAddr,
    log: Arc<Fake>,
    door: Arc<Door>,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<Duration>,
}

const SOURCES: &str = r#"
[acme]
kind = "standard-webhooks"
secrets = ["whsec_bmV3LXNlY3JldA==", "whsec_b2xkLXNlY3JldA=="]
[tracker]
kind = "okr"
verify = { scheme = "hmac-sha256", header = "x-signature", prefix = "sha256=", secrets = ["tracker-secret"] }
[open]
kind = "okr"
verify = { scheme = "none" }
[grid]
kind = "cloudevents"
verify = { scheme = "bearer", secrets = ["t0ken"] }
rate_limit = "2/s"
[code]
kind = "github"
secrets = ["It's a Secret to Everybody"]
[form]
kind = "generic"
verify = { scheme = "hmac-sha512", header = "x-signature", encoding = "base64", secrets = ["form-secret"] }
identity = "headers['X-Request-Id']"
event = { subject_type = "'key_result'", subject_id = "body.kr", progress = "body.value / body.goal", department = "body.division" }
[list]
kind = "generic"
verify = { scheme = "bearer", secrets = ["t0ken"] }
each = "body.items"
event = { subject_id = "item.id", department = "body.team" }
[signup]
kind = "generic"
verify = { scheme = "bearer", secrets = ["t0ken"] }
identity = "none"
event = { subject_id = "body.plan" }
[slow]
kind = "okr"
verify = { scheme = "bearer", secrets = ["t0ken"] }
rate_limit = "1/m"
"#;

const DEPARTMENTS: &str = r#"
partitions = 24
[sales]
partitions = "0-5"
aliases = ["Vertrieb"]
[engineering]
partitions = "6-17"
[others]
partitions = "18-23"
"#;

fn source(name: &str) -> Source {
    let all: std::collections::BTreeMap<String, SourceConfig> = toml::from_str(SOURCES).unwrap();
    Source::build(name, &all[name]).unwrap()
}

fn config() -> GatewayConfig {
    GatewayConfig { request_deadline: Span::seconds(10), ..GatewayConfig::default() }
}

async fn stage() -> Stage {
    stage_with(config()).await
}

async fn stage_with(config: GatewayConfig) -> Stage {
    let sources =
        ["acme", "tracker", "open", "slow", "grid", "code", "form", "list", "signup"].map(source).into();
    let entrances = entrances(sources, boot::system_clock());
    stage_of(config, |config, desk| Door::new(config, entrances, desk, boot::system_clock())).await
}

/// A gateway of the time of the token vectors, whose source `sso` has these keys.
async fn stage_of_tokens(keys: Arc<Keys>) -> Stage {
    let section = "kind = \"okr\"\nverify = { scheme = \"jwt\", issuer = \"https://issuer.example\", audience = \"okr-router\", jwks = { url = \"https://issuer.example/keys\" } }";
    let source = Source::build("sso", &toml::from_str::<SourceConfig>(section).unwrap()).unwrap();
    let clock: boot::Clock = Arc::new(|| Timestamp::from_second(1_700_000_000).unwrap());
    let entrances = entrances(vec![source], clock.clone()).with_keys("sso", keys);
    stage_of(config(), |config, desk| Door::new(config, entrances, desk, clock)).await
}

fn entrances(sources: Vec<Source>, clock: boot::Clock) -> Entrances {
    Entrances::new(sources, &Entrances::default(), &boot::House::new(clock)).unwrap()
}

async fn stage_of(config: GatewayConfig, door: impl FnOnce(GatewayConfig, Desk) -> Door) -> Stage {
    let departments: DepartmentsConfig = toml::from_str(DEPARTMENTS).unwrap();
    let log = Arc::new(Fake::default());
    let desk = Desk::new(log.clone(), Map::new(&departments).unwrap(), &config, 6);
    let door = Arc::new(door(config, desk));
    let listener = server::listen(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(server::serve(listener, door.clone(), shutdown.clone()));
    Stage { address, log, door, shutdown, serving }
}

impl Stage {
    /// Signs as the source does, and posts.
    async fn send(&self, name: &str, body: &[u8]) -> Reply {
        self.send_as(name, "msg_1", body, &[]).await
    }

    async fn send_as(&self, name: &str, id: &str, body: &[u8], more: &[(&str, &str)]) -> Reply {
        let mut headers = source(name).sign_as(id, body, Timestamp::now());
        headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        post(self.address, &format!("/in/{name}"), &headers, body).await
    }
}

/// Waits until something has happened; fails after a while.
pub(crate) async fn until(what: &str, happened: impl Fn() -> bool) {
    for _ in 0..2000 {
        if happened() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never happened: {what}");
}

const CHECK_IN: &[u8] = br#"{"type":"key_result.checked_in","timestamp":"2026-02-03T10:15:00Z","data":{"subject":{"id":"kr-1","title":"Grow"},"department":" vertrieb ","progress":0.4}}"#;
const OKR: &[u8] = br#"{"id":"d-1","type":"objective.updated","subject":{"id":"o-1"},"department":"Legal"}"#;

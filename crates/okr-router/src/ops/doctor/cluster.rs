//! The brokers and the topics.

use std::time::Duration;

use bus::{Admin, BusError, Difference, TopicState, WantedTopic};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::finding::Finding;
use crate::{config::Whole, parts};

/// How long a connection and an answer may take.
const CONNECT_WAIT: Duration = Duration::from_secs(3);
const ANSWER_WAIT: Duration = Duration::from_secs(5);

const APPLY: &str = "okr-router topics apply";

/// What became of a TCP connection to each configured broker.
pub type Doors = Vec<(String, Result<(), String>)>;

/// Looks at the brokers, then at the topics.
pub async fn examine(whole: &Whole) -> Vec<Finding> {
    let settings = match parts::bus_settings(whole, "okr-router-doctor") {
        Ok(settings) => settings,
        Err(error) => {
            return vec![Finding::wrong(
                "broker",
                format!("{error:#}"),
                "correct `kafka` in the configuration",
            )];
        }
    };
    let admin = match Admin::new(&settings) {
        Ok(admin) => admin,
        Err(error) => return broker(&Vec::new(), &Err(error), None),
    };
    let (doors, answer) = tokio::join!(knock(&settings.brokers), admin.reachable(ANSWER_WAIT));
    let security = settings.security.as_ref().map(|security| security.protocol.name());
    let mut findings = broker(&doors, &answer, security);
    let kafka = &whole.shared.kafka;
    findings.extend(durability(kafka.replication, kafka.min_insync_replicas));
    if answer.is_err() {
        return findings;
    }
    let wanted = match parts::topics(whole) {
        Ok(wanted) => wanted,
        Err(error) => {
            findings.push(Finding::wrong("topics", format!("{error:#}"), "okr-router config check"));
            return findings;
        }
    };
    let names: Vec<&str> = wanted.iter().map(|topic| topic.name.as_str()).collect();
    let looked = async { Ok::<_, BusError>((admin.plan(&wanted).await?, admin.describe(&names).await?)) };
    match looked.await {
        Ok((differences, states)) => {
            findings.extend(topics(&wanted, &differences, &states));
            // What cannot be read of the gateway is the finding of `config` already.
            let wanted = parts::record_sizes(whole).unwrap_or_default();
            findings.extend(sizes(&wanted, &states));
        }
        Err(error) => findings.push(Finding::wrong(
            "topics",
            error.to_string(),
            "let this user describe topics and their configs (Describe, DescribeConfigs)",
        )),
    }
    findings
}

async fn knock(brokers: &[String]) -> Doors {
    let mut doors = Vec::with_capacity(brokers.len());
    for broker in brokers {
        let came = match timeout(CONNECT_WAIT, TcpStream::connect(broker.as_str())).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no connection in time".to_owned()),
        };
        doors.push((broker.clone(), came));
    }
    doors
}

/// What the connections and the first question to the cluster tell.
pub fn broker(doors: &Doors, answer: &Result<(), BusError>, security: Option<&str>) -> Vec<Finding> {
    let shut = || doors.iter().filter_map(|(broker, came)| Some((broker, came.as_ref().err()?)));
    match answer {
        Ok(()) => {
            let open = doors.iter().filter(|(_, came)| came.is_ok()).map(|(broker, _)| broker.as_str());
            let mut findings =
                vec![Finding::well("broker", format!("{} answers", open.collect::<Vec<_>>().join(", ")))];
            findings.extend(shut().map(|(broker, why)| {
                Finding::doubt(
                    format!("broker {broker}"),
                    why.as_str(),
                    "start it, or take it out of `kafka.brokers`: others answer meanwhile",
                )
            }));
            findings
        }
        Err(BusError::Settings(why)) => {
            let remedy = "correct `kafka.security`: librdkafka does not take it (a file that is not there, or a wrong \
                          `key_password`?)";
            vec![Finding::wrong("broker", why.as_str(), remedy)]
        }
        Err(error @ BusError::Login(_)) => {
            let remedy = "correct `kafka.security.username` and `kafka.security.password` (or `kafka.security.oauth`), or \
                          `mechanism`; the broker's log says why it refused";
            vec![Finding::wrong("broker", error.to_string(), remedy)]
        }
        Err(error @ BusError::Tls(_)) => {
            let remedy = "correct `kafka.security.ca_file` (who signed the broker's certificate), or `cert_file` and \
                          `key_file` (what the broker asks of us); the broker's log says why it refused";
            vec![Finding::wrong("broker", error.to_string(), remedy)]
        }
        Err(_) if !doors.is_empty() && doors.iter().all(|(_, came)| came.is_err()) => shut()
            .map(|(broker, why)| {
                let remedy =
                    "start the broker, or correct `kafka.brokers`; nothing else of Kafka was checked";
                Finding::wrong(format!("broker {broker}"), why.as_str(), remedy)
            })
            .collect(),
        Err(error) => {
            let spoken = security.unwrap_or("plaintext");
            let remedy = format!(
                "something listens there: correct `kafka.security` (configured is {spoken}: protocol, mechanism, \
                 username, password, ca_file, cert_file) or `kafka.brokers`; the broker's log says why it refused"
            );
            vec![Finding::wrong("broker", error.to_string(), remedy)]
        }
    }
}

/// Whether an acknowledged record survives the loss of a broker, where there is more than one copy.
pub fn durability(replication: i32, min_insync_replicas: i32) -> Option<Finding> {
    (replication > 1 && min_insync_replicas == 1).then(|| {
        let says = format!(
            "`kafka.min_insync_replicas` is 1 of {replication} copies: a record is acknowledged that one broker alone may \
             have, and lost with it"
        );
        let remedy = "set `kafka.min_insync_replicas = 2`, then okr-router topics apply";
        Finding::wrong("durability", says, remedy)
    })
}

/// What differs, what has no leader or too few copies; well is one line for all.
pub fn topics(wanted: &[WantedTopic], differences: &[Difference], states: &[TopicState]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = differences.iter().map(difference).collect();
    for state in states {
        let check = format!("topic {}", state.name);
        let lost = state.partitions.iter().filter(|partition| partition.leader.is_none()).count();
        if lost > 0 {
            let says = format!("{lost} partitions have no leader");
            findings.push(Finding::wrong(&check, says, "start the brokers that hold them"));
        }
        let set = state.configs.get("min.insync.replicas").and_then(|value| value.parse::<i32>().ok());
        let least = state.partitions.iter().map(|partition| partition.in_sync).min().unwrap_or(0);
        if let Some(needed) = set.filter(|needed| least < *needed) {
            let says = format!(
                "{least} copies are in sync and min.insync.replicas is {needed}: nothing can be written"
            );
            let remedy =
                "start the brokers that lag, or add brokers and reassign (kafka-reassign-partitions)";
            findings.push(Finding::wrong(&check, says, remedy));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::well("topics", format!("all {} are as configured", wanted.len())));
    }
    findings
}

fn difference(difference: &Difference) -> Finding {
    let check = format!("topic {}", difference.topic());
    let is_applied = difference.is_applied();
    match difference {
        Difference::Create(_) => Finding::wrong(check, "does not exist", APPLY),
        Difference::Grow { from, to, .. } => {
            Finding::wrong(check, format!("has {from} partitions, configured are {to}"), APPLY)
        }
        Difference::Shrink { have, wanted, .. } => {
            let says = format!("has {have} partitions, configured are {wanted}, and none can be taken away");
            Finding::wrong(check, says, "correct `departments.partitions` or `kafka.partitions`")
        }
        Difference::Replication { have, wanted, .. } => {
            let says = format!("has {have} copies, configured are {wanted}");
            let remedy = "kafka-reassign-partitions, or correct `kafka.replication`";
            Finding::doubt(check, says, remedy)
        }
        Difference::Config { key, have, wanted, .. } => {
            let says = format!("{key} is {}, configured is {wanted}", have.as_deref().unwrap_or("unset"));
            match (*key, is_applied) {
                (_, true) => Finding::wrong(check, says, APPLY),
                ("min.insync.replicas", false) if is_less(have.as_deref(), wanted) => Finding::wrong(
                    check,
                    format!(
                        "{says}, and it has not so many copies: one broker's loss may be a loss of records"
                    ),
                    "add brokers and reassign (kafka-reassign-partitions), then okr-router topics apply; or lower \
                     `kafka.replication` and `kafka.min_insync_replicas`",
                ),
                (_, false) => {
                    let remedy = format!("correct the configuration, or set {key} with kafka-configs");
                    Finding::doubt(check, says, remedy)
                }
            }
        }
    }
}

fn is_less(have: Option<&str>, wanted: &str) -> bool {
    let number = |text: &str| text.parse::<i64>().ok();
    // What is unset is the brokers' default, which is 1.
    have.map_or(Some(1), number) < number(wanted)
}

/// Whether the largest records fit into their topics. `needs` are topics with what configured limits permit.
pub fn sizes(needs: &[(&'static str, u64)], states: &[TopicState]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (topic, needs) in needs {
        let state = states.iter().find(|state| state.name == *topic);
        let takes = state.and_then(|state| state.configs.get("max.message.bytes")?.parse::<u64>().ok());
        if let Some(takes) = takes.filter(|takes| takes < needs) {
            let says = format!("takes records of {takes} bytes, but `gateway.body_max` permits {needs}");
            let remedy = "okr-router topics apply, or lower `gateway.body_max`";
            findings.push(Finding::wrong(format!("size {topic}"), says, remedy));
        }
    }
    findings
}

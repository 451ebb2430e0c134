//! What Kafka still holds of a person, and until when.

use anyhow::Result;
use bus::{Admin, TOPICS, TopicState};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{config::Whole, parts};

/// Where records about people lie: in all our topics but this one, which names nobody.
const HOLDS_NOBODY: &str = "okr.audit";
/// When Kafka begins a new file of a topic that does not say it: what is in a file goes with its newest record.
const SEGMENT_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What one topic may still hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub topic: String,
    until: Until,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// The latest time at which Kafka takes its newest record of now away.
    At(Timestamp),
    ForEver,
    /// The topic does not say it itself.
    Unsaid,
}

impl Until {
    fn of(topic: &TopicState, now: Timestamp) -> Self {
        let config = |name: &str| topic.configs.get(name);
        let number = |name: &str| config(name).and_then(|text| text.parse::<i64>().ok());
        let is_deleted = config("cleanup.policy").is_none_or(|policy| policy.contains("delete"));
        match number("retention.ms") {
            _ if !is_deleted => Self::ForEver,
            None => Self::Unsaid,
            Some(-1) => Self::ForEver,
            Some(retention) => {
                let segment = number("segment.ms").unwrap_or(SEGMENT_MS);
                let most = SignedDuration::from_millis(retention.saturating_add(segment));
                now.checked_add(most).map_or(Self::ForEver, Self::At)
            }
        }
    }

    fn as_json(self) -> Value {
        match self {
            Self::At(at) => json!(at.to_string()),
            Self::ForEver => json!("for ever"),
            Self::Unsaid => Value::Null,
        }
    }

    fn words(self) -> String {
        match self {
            Self::At(at) => format!("until {at:.0} at the latest"),
            Self::ForEver => "for ever".to_owned(),
            Self::Unsaid => {
                "as long as the brokers say (log.retention.ms): the topic has no retention.ms".to_owned()
            }
        }
    }
}

impl Kept {
    pub fn as_json(&self) -> Value {
        json!({ "topic": self.topic, "until": self.until.as_json() })
    }

    pub fn words(&self) -> String {
        self.until.words()
    }
}

/// What each topic that is there may hold from now on.
pub async fn kept(whole: &Whole, now: Timestamp) -> Result<Vec<Kept>> {
    let admin = Admin::new(&parts::bus_settings(whole, "okr-router-warehouse-forget")?)?;
    let names: Vec<&str> =
        TOPICS.iter().map(|topic| topic.name).filter(|name| *name != HOLDS_NOBODY).collect();
    let topics = admin.describe(&names).await?;
    Ok(topics.iter().map(|topic| Kept { topic: topic.name.clone(), until: Until::of(topic, now) }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(configs: &[(&str, &str)], expected: Until) {
        let configs = configs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let topic = TopicState { name: "okr.events".to_owned(), partitions: Vec::new(), configs };
        assert_eq!(Until::of(&topic, Timestamp::UNIX_EPOCH), expected);
    }

    fn days(days: i64) -> Until {
        Until::At(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * days))
    }

    #[test]
    fn a_topic_holds_a_record_for_its_retention_and_the_rest_of_its_file() {
        let ninety = ("retention.ms", "7776000000");
        check(&[ninety], days(97));
        check(&[ninety, ("segment.ms", "86400000")], days(91));
        check(&[("retention.ms", "-1")], Until::ForEver);
        check(&[("retention.ms", "9223372036854775807")], Until::ForEver);
        check(&[], Until::Unsaid);
    }

    #[test]
    fn a_compacted_topic_keeps_the_newest_of_each_key_for_ever() {
        check(&[("cleanup.policy", "compact"), ("retention.ms", "1000")], Until::ForEver);
        check(
            &[("cleanup.policy", "compact,delete"), ("segment.ms", "0"), ("retention.ms", "86400000")],
            days(1),
        );
    }
}

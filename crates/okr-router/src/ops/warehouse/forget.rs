//! `okr-router warehouse forget`: a person is taken out of the warehouse, and what Kafka still holds of them is told.
//!
//! Nothing here, in the audit or in a log names the person but what the caller is shown.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::{Context, Result, ensure};
use bus::{Admin, TOPICS, TopicState};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use warehouse::{Forget, Person, Tally};
use wire::{Stage, Verb};

use crate::{
    cli::warehouse::Forget as Options,
    config::Whole,
    ops::audit::{Clerk, Deed},
    parts,
};

/// What it is done to, in the audit.
const OBJECT: &str = "warehouse";
/// Where records about people lie: in all our topics but this one, which names nobody.
const HOLDS_NOBODY: &str = "okr.audit";
/// When Kafka begins a new file of a topic that does not say it: what is in a file goes with its newest record.
const SEGMENT_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Counts; forgets with `--apply`.
pub async fn run(whole: &Whole, options: &Options) -> Result<ExitCode> {
    let person = Person {
        words: options.persons.clone(),
        namespace: options.namespace.clone(),
        mentions: options.mentions,
    };
    ensure!(person.words.iter().all(|word| !word.trim().is_empty()), "--person names nobody");
    let place = parts::warehouse(whole)?;
    let forget = Forget::open(&place, &person).await.context("the warehouse (`warehouse.url`)")?;
    let (tally, run) = if options.deed.apply {
        let (tally, run) = apply(whole, options, &forget).await?;
        (tally, Some(run))
    } else {
        (forget.look().await.context("the warehouse (`warehouse.url`)")?, None)
    };
    let kept = kept(whole, Timestamp::now()).await;
    let shown = if options.output.json {
        as_json(options, &tally, run.as_deref(), kept.as_deref())
    } else {
        as_text(&tally, kept.as_deref())
    };
    super::super::put(&shown)?;
    if let Err(error) = &kept {
        eprintln!("what Kafka still holds is not known, for it could not be asked: {error:#}");
    }
    explain(options, &forget, &tally);
    Ok(ExitCode::SUCCESS)
}

/// Between two entries of the audit: one that was cut off shows there.
async fn apply(whole: &Whole, options: &Options, forget: &Forget) -> Result<(Tally, String)> {
    let bus = parts::bus_settings(whole, "okr-router-warehouse-forget")?;
    let clerk = Clerk::open(whole, &bus).await?;
    let run = uuid::Uuid::now_v7().to_string();
    let note = async |stage: Stage, tally: &Tally| {
        let deed = Deed {
            verb: Verb::PersonForget,
            stage,
            run: &run,
            object: OBJECT,
            counts: [("events", tally.changed), ("subjects", tally.subjects)].into(),
            details: details(options, forget),
        };
        clerk.note(options.deed.said(), deed).await
    };
    note(Stage::Begun, &Tally::default()).await?;
    let tally = forget.apply(&run).await.context(
        "the person is on the list, or not yet, and perhaps not out of all rows: the same command does the rest",
    )?;
    note(Stage::Finished, &tally).await?;
    Ok((tally, run))
}

/// The person as the audit may know them.
fn details(options: &Options, forget: &Forget) -> BTreeMap<String, String> {
    let mut details = BTreeMap::from([("person".to_owned(), forget.tokens().join(" "))]);
    details.extend(options.namespace.iter().map(|name| ("namespace".to_owned(), name.clone())));
    if options.mentions {
        details.insert("mentions".to_owned(), "erased".to_owned());
    }
    details
}

/// What one topic may still hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    topic: String,
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

async fn kept(whole: &Whole, now: Timestamp) -> Result<Vec<Kept>> {
    let admin = Admin::new(&parts::bus_settings(whole, "okr-router-warehouse-forget")?)?;
    let names: Vec<&str> =
        TOPICS.iter().map(|topic| topic.name).filter(|name| *name != HOLDS_NOBODY).collect();
    let topics = admin.describe(&names).await?;
    Ok(topics.iter().map(|topic| Kept { topic: topic.name.clone(), until: Until::of(topic, now) }).collect())
}

/// What is counted, by the names of a program.
fn counts(tally: &Tally) -> [(&'static str, &'static str, u64); 9] {
    [
        ("events", "events that name the person", tally.changed),
        ("subjects", "subjects folded anew", tally.subjects),
        ("owners", "as owner", tally.owners),
        ("managers", "as manager", tally.managers),
        ("actors", "as the one who did it", tally.actors),
        ("notes", "notes", tally.notes),
        ("attributes", "events with attributes", tally.attributes),
        ("mentions", "other texts that mention them", tally.mentions),
        ("titles", "titles, teams, departments that do", tally.titles),
    ]
}

fn as_json(
    options: &Options,
    tally: &Tally,
    run: Option<&str>,
    kept: Result<&[Kept], &anyhow::Error>,
) -> String {
    let counts: BTreeMap<&str, u64> =
        counts(tally).into_iter().map(|(name, _, count)| (name, count)).collect();
    let topic = |kept: &Kept| {
        let until = match kept.until {
            Until::At(at) => json!(at.to_string()),
            Until::ForEver => json!("for ever"),
            Until::Unsaid => Value::Null,
        };
        json!({ "topic": kept.topic, "until": until })
    };
    let kafka = kept.ok().map(|kept| kept.iter().map(topic).collect::<Vec<_>>());
    let shown = json!({
        "applied": options.deed.apply, "run": run, "looked_at": tally.events, "counts": counts,
        "known_as": tally.known_as, "kafka": kafka,
    });
    format!("{shown}\n")
}

fn as_text(tally: &Tally, kept: Result<&[Kept], &anyhow::Error>) -> String {
    let lines = counts(tally).into_iter().map(|(_, words, count)| format!("{words:<38}{count:>10}\n"));
    let mut text: String = lines.collect();
    let kept = kept.unwrap_or_default();
    if !kept.is_empty() {
        text += "\nKafka keeps records of them, if it has any:\n";
        text.extend(kept.iter().map(|kept| format!("{:<22}{}\n", kept.topic, kept.until.words())));
    }
    text
}

/// What whoever decides should know beside the counts.
fn explain(options: &Options, forget: &Forget, tally: &Tally) {
    if !tally.known_as.is_empty() {
        let words: Vec<&str> = tally.known_as.iter().map(String::as_str).collect();
        eprintln!(
            "the same records also call them: {}; events that say nothing else are not meant: add --person for each",
            words.join(", ")
        );
    }
    if tally.mentions > 0 && !options.mentions {
        eprintln!("{} notes or attributes mention them and stay: --mentions gives them up", tally.mentions);
    }
    if tally.titles > 0 {
        eprintln!("{} titles, teams or departments mention them: change those in the tool", tally.titles);
    }
    match (options.deed.apply, forget.is_known()) {
        (true, _) => eprintln!("forgotten; backups, Slack and whoever else was told are not reached by this"),
        (false, true) => eprintln!("they are on the list: what comes is written without them"),
        (false, false) => eprintln!("nothing was changed: --apply --why TEXT does it"),
    }
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

//! The destinations, without an effect: a HEAD goes to each and never a message, so what a POST would be told is not
//! known for sure.

use std::time::Duration;

use destinations::DestinationConfig;
use egress::{Client, EgressError, Url};
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use tokio::task::JoinSet;

use super::finding::Finding;
use crate::config::Whole;

/// How long one may take to answer.
const WAIT: Duration = Duration::from_secs(6);

/// What a time of theirs stands beside: who, theirs, ours.
pub type Told = (String, Timestamp, Timestamp);

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knock {
    pub status: u16,
    pub date: Option<Timestamp>,
}

/// Knocks at every destination with a URL, all at once; then at the registry, for its clock.
pub async fn examine(whole: &Whole) -> (Vec<Finding>, Vec<Told>) {
    let mut knocks = JoinSet::new();
    let mut findings = Vec::new();
    for name in whole.document.names("destinations") {
        // What cannot be read is told with the configuration.
        let Ok(config) = whole.document.entry::<DestinationConfig>("destinations", &name) else { continue };
        let Some(place) = &config.url else {
            findings.push(Finding::well(
                format!("destination {name}"),
                format!("{} needs no address", config.kind),
            ));
            continue;
        };
        match place.resolve().map(|secret| Url::parse(secret.expose())) {
            Ok(Ok(url)) => {
                drop(knocks.spawn(async move { (format!("destination {name}"), knock(&url).await) }))
            }
            Ok(Err(_)) => findings.push(Finding::wrong(
                format!("destination {name}"),
                "its URL is none",
                format!("correct what `destinations.{name}.url` names"),
            )),
            Err(error) => findings.push(Finding::wrong(
                format!("destination {name}"),
                error.to_string(),
                format!("set what `destinations.{name}.url` names, where the notifier runs"),
            )),
        }
    }
    if let Some(url) = registry_url(whole) {
        knocks.spawn(async move { ("the registry".to_owned(), knock(&url).await) });
    }
    let mut told = Vec::new();
    while let Some(Ok((who, knocked))) = knocks.join_next().await {
        if let Ok(Knock { date: Some(theirs), .. }) = &knocked {
            told.push((who.clone(), *theirs, Timestamp::now()));
        }
        if who.starts_with("destination ") {
            findings.push(judge(&who, &knocked));
        }
    }
    findings.sort_by(|one, other| one.check.cmp(&other.check));
    (findings, told)
}

fn registry_url(whole: &Whole) -> Option<Url> {
    Url::parse(whole.shared.registry.url.resolve().ok()?.expose()).ok()
}

async fn knock(url: &Url) -> Result<Knock, EgressError> {
    let answer = Client::new(super::looking(WAIT))?.head(url).await?;
    let date = answer.headers.get("date").and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
    Ok(Knock { status: answer.status, date })
}

fn renew(url: &str, name: &str) -> String {
    format!(
        "make a new webhook there and correct {url}, then okr-router dead redrive --target {name} --apply"
    )
}

/// What an answer, or none, means. It never shows the URL.
pub fn judge(check: &str, knocked: &Result<Knock, EgressError>) -> Finding {
    let name = check.trim_start_matches("destination ");
    let url = format!("`destinations.{name}.url`");
    match knocked {
        Ok(Knock { status: 410, .. }) => Finding::wrong(
            check,
            "says that this path is gone for good (to a HEAD; no message was sent)",
            renew(&url, name),
        ),
        // Some who take a POST do not know the path for anything else.
        Ok(Knock { status: 404, .. }) => Finding::doubt(
            check,
            "says that there is nothing at this path (to a HEAD; no message was sent)",
            format!("if okr-router dead list --target {name} shows not_found: {}", renew(&url, name)),
        ),
        Ok(Knock { status: status @ (401 | 403), .. }) => Finding::doubt(
            check,
            format!("is reached, and answers {status} (to a HEAD; no message was sent)"),
            format!("see whether {url} still has a valid token"),
        ),
        Ok(Knock { status: status @ 500.., .. }) => Finding::doubt(
            check,
            format!("is reached, and answers {status}"),
            "its own operators must look; messages wait and are tried again",
        ),
        Ok(Knock { status, .. }) => {
            Finding::well(check, format!("is reached (answers {status} to a HEAD; no message was sent)"))
        }
        Err(error @ EgressError::Connect(_)) => Finding::wrong(
            check,
            error.to_string(),
            format!(
                "start it, open the way to it (DNS, firewall, certificate), or correct {url}; messages wait"
            ),
        ),
        Err(error @ EgressError::Timeout(_)) => {
            let remedy = format!("it takes connections and does not answer: restart it, or correct {url}");
            Finding::wrong(check, error.to_string(), remedy)
        }
        Err(error @ (EgressError::Closed(_) | EgressError::TooLarge { .. })) => {
            Finding::doubt(check, error.to_string(), format!("see whether {url} speaks HTTP"))
        }
        Err(error @ (EgressError::Setup(_) | EgressError::Forbidden(_))) => {
            Finding::wrong(check, error.to_string(), format!("correct {url}"))
        }
    }
}

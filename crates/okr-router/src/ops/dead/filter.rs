//! Which dead letters are meant. Pure; the moment is passed in.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Timestamp};

use super::letter::{Letter, Position};
use crate::cli::dead::Which;

/// What stands for "has none" in a filter.
const NONE: &str = "-";

/// Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub letter: Option<Position>,
    pub service: Option<String>,
    pub target: Option<String>,
    pub reason: Option<String>,
    pub department: Option<String>,
    pub since: Option<Moment>,
    pub until: Option<Moment>,
    /// Only what was not redriven.
    pub open: bool,
    /// Also what was dropped.
    pub dropped: bool,
}

/// A moment, and how it was said: `-15m` said again a minute later still means the same filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    pub said: String,
    pub at: Timestamp,
}

impl Filter {
    /// Reads what was given on the command line.
    pub fn read(which: &Which, now: Timestamp) -> Result<Self> {
        let moment = |name: &str, text: &Option<String>| {
            text.as_ref().map(|text| moment(text, now).with_context(|| format!("--{name}"))).transpose()
        };
        Ok(Self {
            letter: which.letter.as_deref().map(str::parse).transpose()?,
            service: which.service.clone(),
            target: which.target.clone(),
            reason: which.reason.clone(),
            department: which.department.clone(),
            since: moment("since", &which.since)?,
            until: moment("until", &which.until)?,
            open: which.open,
            dropped: which.dropped,
        })
    }

    /// Whether a letter is meant, as far as the letter itself can tell.
    pub fn matches(&self, letter: &Letter) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        let may_be = |wanted: &Option<String>, found: &Option<String>| match wanted.as_deref() {
            None => true,
            Some(NONE) => found.is_none(),
            wanted => wanted == found.as_deref(),
        };
        // A letter without a time is meant by no time.
        let at = |holds: &dyn Fn(Timestamp) -> bool| letter.at.is_some_and(holds);
        self.letter.as_ref().is_none_or(|position| *position == letter.position)
            && is(&self.service, &letter.service)
            && is(&self.reason, &letter.reason)
            && may_be(&self.target, &letter.target)
            && may_be(&self.department, &letter.department)
            && self.since.as_ref().is_none_or(|since| at(&|at| at >= since.at))
            && self.until.as_ref().is_none_or(|until| at(&|at| at < until.at))
    }

    /// Whether letters of this topic may be meant.
    pub fn reaches(&self, topic: &str) -> bool {
        self.letter.as_ref().is_none_or(|position| position.topic == topic)
            && self.service.as_deref().is_none_or(|service| service == super::letter::service(topic))
    }

    /// The filter as it was said, for an entry of the audit and for telling whether two are the same.
    pub fn said(&self) -> BTreeMap<String, String> {
        let moment = |moment: &Option<Moment>| moment.as_ref().map(|moment| moment.said.clone());
        let flag = |flag: bool| flag.then(|| "yes".to_owned());
        let said = [
            ("letter", self.letter.as_ref().map(ToString::to_string)),
            ("service", self.service.clone()),
            ("target", self.target.clone()),
            ("reason", self.reason.clone()),
            ("department", self.department.clone()),
            ("since", moment(&self.since)),
            ("until", moment(&self.until)),
            ("open", flag(self.open)),
            ("dropped", flag(self.dropped)),
        ];
        said.into_iter().filter_map(|(name, said)| Some((name.to_owned(), said?))).collect()
    }

    /// What goes into the audit: as it was said, and the moments as they were then.
    pub fn details(&self) -> BTreeMap<String, String> {
        let mut details = self.said();
        for (name, moment) in [("since_at", &self.since), ("until_at", &self.until)] {
            if let Some(moment) = moment {
                details.insert(name.to_owned(), moment.at.to_string());
            }
        }
        details
    }

    /// Reads [`Filter::details`] again; none when this release does not understand them.
    pub fn of_details(details: &BTreeMap<String, String>) -> Option<Self> {
        let text = |name: &str| details.get(name).cloned();
        let moment = |name: &str| match details.get(name) {
            None => Some(None),
            Some(said) => {
                let at = details.get(&format!("{name}_at"))?.parse().ok()?;
                Some(Some(Moment { said: said.clone(), at }))
            }
        };
        Some(Self {
            letter: details.get("letter").map(|text| text.parse()).transpose().ok()?,
            service: text("service"),
            target: text("target"),
            reason: text("reason"),
            department: text("department"),
            since: moment("since")?,
            until: moment("until")?,
            open: details.contains_key("open"),
            dropped: details.contains_key("dropped"),
        })
    }
}

/// A time, or a time ago such as `-15m`.
fn moment(text: &str, now: Timestamp) -> Result<Moment> {
    let at = match text.strip_prefix('-') {
        Some(ago) => {
            let ago: boot::Span = ago.parse().with_context(|| format!("{text:?} is no time ago"))?;
            now.checked_sub(SignedDuration::try_from(ago.0)?)?
        }
        None => match text.parse() {
            Ok(at) => at,
            Err(_) => bail!("{text:?} is no time such as 2026-11-23T09:00:00Z or -15m"),
        },
    };
    Ok(Moment { said: text.to_owned(), at })
}

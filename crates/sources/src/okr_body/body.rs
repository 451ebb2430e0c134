//! The okr body, field by field.

use okr::{Change, Cycle, Metric, Person, Previous, Status, SubjectType};
use serde::Deserialize;

use crate::{
    Draft, Terms, Untranslatable,
    delivery::ID_BYTES_MAX,
    json::{self, Raw},
    words,
};

/// The furthest that a given progress may lie beyond the goal.
const PROGRESS_MAX: f64 = 6.5;

/// An okr body, its fields still raw. Unknown fields are ignored, known ones may stand there once.
#[derive(Deserialize)]
pub(crate) struct Body<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Raw<'a>,
    #[serde(borrow)]
    occurred_at: Raw<'a>,
    #[serde(borrow)]
    subject: Raw<'a>,
    #[serde(borrow)]
    department: Raw<'a>,
    #[serde(borrow)]
    team: Raw<'a>,
    #[serde(borrow)]
    owner: Raw<'a>,
    #[serde(borrow)]
    cycle: Raw<'a>,
    #[serde(borrow)]
    metric: Raw<'a>,
    #[serde(borrow)]
    progress: Raw<'a>,
    #[serde(borrow)]
    confidence: Raw<'a>,
    #[serde(borrow)]
    status: Raw<'a>,
    #[serde(borrow)]
    previous: Raw<'a>,
    #[serde(borrow)]
    actor: Raw<'a>,
    #[serde(borrow)]
    note: Raw<'a>,
    #[serde(borrow)]
    attributes: Raw<'a>,
}

#[derive(Deserialize)]
struct SubjectFields<'a> {
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    parent_id: Raw<'a>,
    #[serde(borrow)]
    title: Raw<'a>,
    #[serde(borrow)]
    url: Raw<'a>,
}

#[derive(Deserialize)]
struct OwnerFields<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    name: Raw<'a>,
    #[serde(borrow)]
    email: Raw<'a>,
}

#[derive(Deserialize)]
struct CycleFields<'a> {
    #[serde(borrow)]
    name: Raw<'a>,
    #[serde(borrow)]
    start: Raw<'a>,
    #[serde(borrow)]
    end: Raw<'a>,
}

#[derive(Deserialize)]
struct MetricFields<'a> {
    #[serde(borrow)]
    start: Raw<'a>,
    #[serde(borrow)]
    target: Raw<'a>,
    #[serde(borrow)]
    current: Raw<'a>,
    #[serde(borrow)]
    unit: Raw<'a>,
}

#[derive(Deserialize)]
struct PreviousFields<'a> {
    #[serde(borrow)]
    progress: Raw<'a>,
    #[serde(borrow)]
    status: Raw<'a>,
    #[serde(borrow)]
    current: Raw<'a>,
}

/// What the type of the body, or of its envelope, says.
pub(crate) struct Events {
    pub subject_type: SubjectType,
    pub change: Change,
}

impl Body<'_> {
    /// The delivery's own id, where the body is the whole delivery.
    pub(super) fn delivery_id(&self) -> Result<Option<String>, Untranslatable> {
        json::id("id", self.id)
    }

    /// Its own type, where its envelope has none.
    pub(crate) fn kind_word(&self) -> Result<Option<std::borrow::Cow<'_, str>>, Untranslatable> {
        json::word("type", self.kind)
    }

    /// Reads every field; the first one at fault is named.
    pub(crate) fn draft(&self, says: Events, terms: &Terms) -> Result<Draft, Untranslatable> {
        let subject = self.subject(says.subject_type)?;
        let scale = terms.progress_scale;
        Ok(Draft {
            delivery: None,
            occurred_at: json::time("occurred_at", self.occurred_at)?,
            sequence: None,
            change: says.change,
            subject_type: says.subject_type,
            subject_id: subject.id,
            parent_id: subject.parent_id,
            title: subject.title,
            url: subject.url,
            department: json::text("department", self.department)?,
            team: json::text("team", self.team)?,
            owner: self.owner()?,
            manager: None,
            cycle: self.cycle()?,
            metric: self.metric()?,
            progress: progress("progress", self.progress, scale)?,
            confidence: self.confidence()?,
            status: json::word("status", self.status)?.map_or(Status::Unknown, |word| words::status(&word)),
            previous: self.previous(scale)?,
            actor: json::text("actor", self.actor)?,
            note: json::text("note", self.note)?,
            attributes: json::texts("attributes", self.attributes)?,
        })
    }

    fn subject(&self, expected: SubjectType) -> Result<SubjectRead, Untranslatable> {
        let missing = |path| Untranslatable::Field { path, problem: "is missing" };
        let fields: SubjectFields<'_> =
            json::object("subject", self.subject)?.ok_or_else(|| missing("subject"))?;
        if let Some(word) = json::word("subject.type", fields.kind)?
            && words::subject_type(&word) != Some(expected)
        {
            let problem = "contradicts the type of the event";
            return Err(Untranslatable::Field { path: "subject.type", problem });
        }
        let id = json::id("subject.id", fields.id)?.ok_or_else(|| missing("subject.id"))?;
        if id.len() > ID_BYTES_MAX {
            return Err(Untranslatable::Field { path: "subject.id", problem: "is longer than 1024 bytes" });
        }
        Ok(SubjectRead {
            id,
            parent_id: json::id("subject.parent_id", fields.parent_id)?,
            title: json::text("subject.title", fields.title)?,
            url: json::text("subject.url", fields.url)?,
        })
    }

    fn owner(&self) -> Result<Option<Person>, Untranslatable> {
        let Some(fields) = json::object::<OwnerFields<'_>>("owner", self.owner)? else { return Ok(None) };
        let id = json::id("owner.id", fields.id)?;
        let name = json::text("owner.name", fields.name)?;
        let email = json::text("owner.email", fields.email)?;
        let says_something = id.is_some() || name.is_some() || email.is_some();
        Ok(says_something.then_some(Person { id, name, email }))
    }

    fn cycle(&self) -> Result<Option<Cycle>, Untranslatable> {
        let Some(fields) = json::object::<CycleFields<'_>>("cycle", self.cycle)? else { return Ok(None) };
        let name = json::text("cycle.name", fields.name)?;
        let start = json::day("cycle.start", fields.start)?;
        let end = json::day("cycle.end", fields.end)?;
        let says_something = name.is_some() || start.is_some() || end.is_some();
        Ok(says_something.then_some(Cycle { name, start, end }))
    }

    fn metric(&self) -> Result<Option<Metric>, Untranslatable> {
        let Some(fields) = json::object::<MetricFields<'_>>("metric", self.metric)? else { return Ok(None) };
        let start = json::number("metric.start", fields.start)?;
        let target = json::number("metric.target", fields.target)?;
        let current = json::number("metric.current", fields.current)?;
        let unit = json::text("metric.unit", fields.unit)?;
        let says_something = start.is_some() || target.is_some() || current.is_some() || unit.is_some();
        Ok(says_something.then_some(Metric { start, target, current, unit }))
    }

    fn previous(&self, scale: f64) -> Result<Option<Previous>, Untranslatable> {
        let Some(fields) = json::object::<PreviousFields<'_>>("previous", self.previous)? else {
            return Ok(None);
        };
        let progress = progress("previous.progress", fields.progress, scale)?;
        let status = json::word("previous.status", fields.status)?.map(|word| words::status(&word));
        let current = json::number("previous.current", fields.current)?;
        let says_something = progress.is_some() || status.is_some() || current.is_some();
        Ok(says_something.then_some(Previous { progress, status, current }))
    }

    fn confidence(&self) -> Result<Option<f64>, Untranslatable> {
        let read = json::number("confidence", self.confidence)?;
        match read {
            Some(value) if !(0.0..=1.0).contains(&value) => {
                Err(Untranslatable::Field { path: "confidence", problem: "is not between 0 and 1" })
            }
            _ => Ok(read),
        }
    }
}

struct SubjectRead {
    id: String,
    parent_id: Option<String>,
    title: Option<String>,
    url: Option<String>,
}

/// A given progress on the source's scale. Worse than the start counts as the start; far beyond the goal is taken for
/// a wrong scale and held, never guessed.
pub(crate) fn scaled(path: &'static str, value: f64, scale: f64) -> Result<Option<f64>, Untranslatable> {
    if value / scale > PROGRESS_MAX {
        return Err(Untranslatable::Field { path, problem: "is beyond 6.5 times the goal" });
    }
    Ok(okr::progress::from_scaled(value, scale))
}

fn progress(path: &'static str, raw: Raw<'_>, scale: f64) -> Result<Option<f64>, Untranslatable> {
    let Some(value) = json::number(path, raw)? else { return Ok(None) };
    scaled(path, value, scale)
}

//! The fields of an event that a mapping may fill, each with what it takes.

use jiff::{Timestamp, civil::Date};
use minijinja::{Value, value::ValueKind};
use okr::{Change, Status, SubjectType};

use crate::{Draft, Untranslatable, delivery::ID_BYTES_MAX, json, okr_body::scaled, words};

/// Puts what an expression found into its field.
type Put = fn(&mut Draft, &Found<'_>) -> Result<(), Untranslatable>;

/// A field: its path in the event, and how it is filled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub path: &'static str,
    put: Put,
}

/// What an expression found for a field.
pub(super) struct Found<'a> {
    pub path: &'static str,
    pub value: &'a Value,
    pub scale: f64,
}

/// The ones that every mapping has to say.
pub(super) const SUBJECT_ID: &str = "subject.id";
/// The one that holds a table of its own.
pub(super) const ATTRIBUTES: &str = "attributes";

impl Field {
    const fn new(path: &'static str, put: Put) -> Self {
        Self { path, put }
    }

    /// The field of a key: `subject_id`, `owner.name` and `owner_name` are told by their letters, and the subject's
    /// title, link and parent may stand alone.
    pub(super) fn of(key: &str) -> Option<Self> {
        let plain = |name: &str| name.replace('.', "_");
        let key = plain(key);
        let named = |field: &&Field| {
            let path = plain(field.path);
            path == key
                || matches!(key.as_str(), "title" | "url" | "parent_id") && path == format!("subject_{key}")
        };
        FIELDS.iter().find(named).copied()
    }

    /// Fills the field.
    pub(super) fn put(self, draft: &mut Draft, value: &Value, scale: f64) -> Result<(), Untranslatable> {
        (self.put)(draft, &Found { path: self.path, value, scale })
    }

    /// All of them, as the config writes them, for the error about another one.
    pub(super) fn names() -> Vec<String> {
        FIELDS
            .iter()
            .map(|field| {
                if field.path.starts_with("subject.") {
                    field.path.replace('.', "_")
                } else {
                    field.path.to_owned()
                }
            })
            .collect()
    }
}

const FIELDS: &[Field] = &[
    Field::new("change", |draft, found| {
        found.text()?.map_or(Ok(()), |word| {
            draft.change = words::change(&word);
            Ok(())
        })
    }),
    Field::new("subject.type", |draft, found| {
        let word = found.text()?;
        let named = word.as_deref().and_then(words::subject_type);
        draft.subject_type =
            named.ok_or(found.fault("is not `objective`, `key_result`, `initiative` or `custom`"))?;
        Ok(())
    }),
    Field::new(SUBJECT_ID, |draft, found| {
        draft.subject_id = found.id()?.unwrap_or_default();
        let fits = draft.subject_id.len() <= ID_BYTES_MAX;
        if fits { Ok(()) } else { Err(found.fault("is longer than 1024 bytes")) }
    }),
    Field::new("subject.parent_id", |draft, found| found.id().map(|id| draft.parent_id = id)),
    Field::new("subject.title", |draft, found| found.text().map(|text| draft.title = text)),
    Field::new("subject.url", |draft, found| found.text().map(|text| draft.url = text)),
    Field::new("occurred_at", |draft, found| found.time().map(|time| draft.occurred_at = time)),
    Field::new("sequence", |draft, found| found.integer().map(|count| draft.sequence = count)),
    Field::new("department", |draft, found| found.text().map(|text| draft.department = text)),
    Field::new("team", |draft, found| found.text().map(|text| draft.team = text)),
    Field::new("owner.id", |draft, found| {
        within(&mut draft.owner, found.id()?, |owner, id| owner.id = Some(id))
    }),
    Field::new("owner.name", |draft, found| {
        within(&mut draft.owner, found.text()?, |owner, name| owner.name = Some(name))
    }),
    Field::new("owner.email", |draft, found| {
        within(&mut draft.owner, found.text()?, |owner, email| owner.email = Some(email))
    }),
    Field::new("manager.id", |draft, found| {
        within(&mut draft.manager, found.id()?, |manager, id| manager.id = Some(id))
    }),
    Field::new("manager.name", |draft, found| {
        within(&mut draft.manager, found.text()?, |manager, name| manager.name = Some(name))
    }),
    Field::new("manager.email", |draft, found| {
        within(&mut draft.manager, found.text()?, |manager, email| manager.email = Some(email))
    }),
    Field::new("cycle.name", |draft, found| {
        within(&mut draft.cycle, found.text()?, |cycle, name| cycle.name = Some(name))
    }),
    Field::new("cycle.start", |draft, found| {
        within(&mut draft.cycle, found.day()?, |cycle, day| cycle.start = Some(day))
    }),
    Field::new("cycle.end", |draft, found| {
        within(&mut draft.cycle, found.day()?, |cycle, day| cycle.end = Some(day))
    }),
    Field::new("metric.start", |draft, found| {
        within(&mut draft.metric, found.number()?, |metric, number| metric.start = Some(number))
    }),
    Field::new("metric.target", |draft, found| {
        within(&mut draft.metric, found.number()?, |metric, number| metric.target = Some(number))
    }),
    Field::new("metric.current", |draft, found| {
        within(&mut draft.metric, found.number()?, |metric, number| metric.current = Some(number))
    }),
    Field::new("metric.unit", |draft, found| {
        within(&mut draft.metric, found.text()?, |metric, unit| metric.unit = Some(unit))
    }),
    Field::new("progress", |draft, found| found.progress().map(|progress| draft.progress = progress)),
    Field::new("confidence", |draft, found| found.share().map(|share| draft.confidence = share)),
    Field::new("status", |draft, found| {
        found.status().map(|status| draft.status = status.unwrap_or_default())
    }),
    Field::new("previous.progress", |draft, found| {
        within(&mut draft.previous, found.progress()?, |previous, progress| {
            previous.progress = Some(progress)
        })
    }),
    Field::new("previous.status", |draft, found| {
        within(&mut draft.previous, found.status()?, |previous, status| previous.status = Some(status))
    }),
    Field::new("previous.current", |draft, found| {
        within(&mut draft.previous, found.number()?, |previous, number| previous.current = Some(number))
    }),
    Field::new("actor", |draft, found| found.text().map(|text| draft.actor = text)),
    Field::new("note", |draft, found| found.text().map(|text| draft.note = text)),
];

/// A draft before its mapping filled it.
pub(super) fn blank() -> Draft {
    Draft::new(Change::Updated, SubjectType::Custom, String::new())
}

/// Fills a part of a record, which is made for its first one.
#[allow(clippy::unnecessary_wraps)] // So that the table above reads alike from top to bottom.
fn within<R: Default, T>(
    record: &mut Option<R>,
    part: Option<T>,
    put: impl FnOnce(&mut R, T),
) -> Result<(), Untranslatable> {
    if let Some(part) = part {
        put(record.get_or_insert_default(), part);
    }
    Ok(())
}

impl Found<'_> {
    fn fault(&self, problem: &'static str) -> Untranslatable {
        Untranslatable::field(self.path, problem)
    }

    /// A text; an empty one says nothing.
    fn text(&self) -> Result<Option<String>, Untranslatable> {
        let text = self.value.as_str().ok_or(self.fault("must be a text"))?;
        Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
    }

    /// A text or an integer; a blank one says nothing.
    pub(super) fn id(&self) -> Result<Option<String>, Untranslatable> {
        let text = match self.value.as_str() {
            Some(text) => text.to_owned(),
            None if self.value.is_integer() => self.value.to_string(),
            None => return Err(self.fault("must be a text or an integer")),
        };
        Ok(Some(text).filter(|text| !text.trim().is_empty()))
    }

    /// A number, or a decimal number written as text; an empty text says nothing.
    fn number(&self) -> Result<Option<f64>, Untranslatable> {
        let number = match (self.value.kind(), self.value.as_str()) {
            (_, Some("")) => return Ok(None),
            (_, Some(text)) => okr::progress::number(text),
            (ValueKind::Number, None) => f64::try_from(self.value.clone()).ok(),
            _ => None,
        };
        let number = number.ok_or(self.fault("must be a number"))?;
        if number.is_finite() { Ok(Some(number)) } else { Err(self.fault("is beyond every number")) }
    }

    /// A whole number, or one that is written as text.
    fn integer(&self) -> Result<Option<i64>, Untranslatable> {
        let fault = self.fault("must be a whole number");
        match self.value.as_str() {
            Some("") => Ok(None),
            Some(text) => text.trim().parse().map(Some).map_err(|_| fault),
            None if self.value.is_integer() => i64::try_from(self.value.clone()).map(Some).map_err(|_| fault),
            None => Err(fault),
        }
    }

    fn progress(&self) -> Result<Option<f64>, Untranslatable> {
        let Some(number) = self.number()? else { return Ok(None) };
        scaled(self.path, number, self.scale)
    }

    /// Between 0 and 1.
    fn share(&self) -> Result<Option<f64>, Untranslatable> {
        match self.number()? {
            Some(number) if !(0.0..=1.0).contains(&number) => Err(self.fault("is not between 0 and 1")),
            number => Ok(number),
        }
    }

    fn status(&self) -> Result<Option<Status>, Untranslatable> {
        Ok(self.text()?.map(|word| words::status(&word)))
    }

    fn time(&self) -> Result<Option<Timestamp>, Untranslatable> {
        self.text()?.map(|word| json::time_of(self.path, &word)).transpose()
    }

    fn day(&self) -> Result<Option<Date>, Untranslatable> {
        self.text()?.map(|word| json::day_of(self.path, &word)).transpose()
    }

    /// Whatever may stand in an attribute: a text, a number, yes or no.
    pub(super) fn word(&self) -> Result<Option<String>, Untranslatable> {
        match self.value.kind() {
            ValueKind::String => self.text(),
            ValueKind::Number => Ok(Some(self.value.to_string())),
            ValueKind::Bool => Ok(Some(self.value.is_true().to_string())),
            _ => Err(self.fault("must be texts, numbers, or yes and no")),
        }
    }
}

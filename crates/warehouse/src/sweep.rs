//! What is taken out of rows that are there already. Pure; both homes ask it, some subjects at a time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use okr::OkrEvent;
use uuid::Uuid;

use crate::erasures::{Erasures, words};
use crate::naming::normal;

/// How many further words of a person are told.
const WORDS_MAX: usize = 50;

/// What is to be taken out.
#[derive(Debug, Clone)]
pub enum Rule {
    /// Those who were forgotten.
    People(People),
    /// Note and actor of events that count as having happened before this time.
    Older(Timestamp),
}

/// Those who were forgotten, and what mentions one of them.
#[derive(Debug, Clone)]
pub struct People {
    pub(crate) list: Erasures,
    /// The words that were asked for, wherever they stand.
    pub(crate) asked: Erasures,
}

/// What was found, and went where it was to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events that were looked at, and those that lose something.
    pub events: u64,
    pub changed: u64,
    /// Subjects whose state is folded anew.
    pub subjects: u64,
    /// What the events lose.
    pub owners: u64,
    pub managers: u64,
    pub actors: u64,
    pub notes: u64,
    pub attributes: u64,
    /// Events that mention the person in what could go, and does not.
    pub mentions: u64,
    /// Events that mention the person in what stays here, whatever is asked: what a subject is called and belongs to.
    pub titles: u64,
    /// By column, how many events mention the person there and go on doing so.
    pub left: BTreeMap<&'static str, u64>,
    /// Other words that stand beside those that were asked for.
    pub known_as: BTreeSet<String>,
}

impl Tally {
    /// Takes what was counted elsewhere in.
    pub(crate) fn add(&mut self, other: Self) {
        let counts = [
            (&mut self.events, other.events),
            (&mut self.changed, other.changed),
            (&mut self.subjects, other.subjects),
            (&mut self.owners, other.owners),
            (&mut self.managers, other.managers),
            (&mut self.actors, other.actors),
            (&mut self.notes, other.notes),
            (&mut self.attributes, other.attributes),
            (&mut self.mentions, other.mentions),
            (&mut self.titles, other.titles),
        ];
        counts.into_iter().for_each(|(ours, theirs)| *ours += theirs);
        for (column, events) in other.left {
            *self.left.entry(column).or_default() += events;
        }
        self.known_as.extend(other.known_as);
        while self.known_as.len() > WORDS_MAX {
            self.known_as.pop_last();
        }
    }
}

/// Some subjects were gone through.
#[derive(Debug, Clone, Default)]
pub struct Swept {
    /// The last of them; none when no subject is left.
    pub last: Option<Uuid>,
    pub tally: Tally,
}

impl Rule {
    /// Takes from an event what is to go; answers whether anything did.
    pub(crate) fn put(&self, event: &mut OkrEvent, tally: &mut Tally) -> bool {
        tally.events += 1;
        let is_changed = match self {
            Self::People(people) => people.put(event, tally),
            Self::Older(than) => older(*than, event, tally),
        };
        tally.changed += u64::from(is_changed);
        is_changed
    }
}

fn older(than: Timestamp, event: &mut OkrEvent, tally: &mut Tally) -> bool {
    if okr::rank(event).0 >= than {
        return false;
    }
    let (actor, note) = (event.actor.take().is_some(), event.note.take().is_some());
    tally.actors += u64::from(actor);
    tally.notes += u64::from(note);
    actor || note
}

impl People {
    fn put(&self, event: &mut OkrEvent, tally: &mut Tally) -> bool {
        self.listen(event, tally);
        let gone = self.list.erase(event);
        let counts = [
            (&mut tally.owners, gone.owner),
            (&mut tally.managers, gone.manager),
            (&mut tally.actors, gone.actor),
            (&mut tally.notes, gone.note),
            (&mut tally.attributes, gone.attributes),
        ];
        counts.into_iter().for_each(|(count, is_gone)| *count += u64::from(is_gone));
        self.mentions(event, tally);
        gone.anything()
    }

    /// What is left that says who was asked for.
    fn mentions(&self, event: &OkrEvent, tally: &mut Tally) {
        let mut count = |columns: Vec<(&'static str, Option<&str>)>| {
            let says = |text: &str| self.asked.names(&event.subject.namespace, text);
            let said: BTreeSet<&str> = columns
                .into_iter()
                .filter(|(_, text)| text.is_some_and(says))
                .map(|(column, _)| column)
                .collect();
            said.iter().for_each(|column| *tally.left.entry(column).or_default() += 1);
            u64::from(!said.is_empty())
        };
        let mentions = count(of_people(event));
        let titles = count(of_the_subject(event));
        tally.mentions += mentions;
        tally.titles += titles;
    }

    /// What else the persons that were asked for are called.
    fn listen(&self, event: &OkrEvent, tally: &mut Tally) {
        let is_asked = |word: &str| self.asked.names(&event.subject.namespace, word);
        for person in [&event.owner, &event.manager].into_iter().flatten() {
            if tally.known_as.len() < WORDS_MAX && words(person).any(is_asked) {
                let others = words(person).filter(|word| !is_asked(word)).map(normal);
                tally.known_as.extend(others.filter(|word| !word.is_empty()));
            }
        }
    }
}

/// What may go of an event, by column.
fn of_people(event: &OkrEvent) -> Vec<(&'static str, Option<&str>)> {
    let mut columns = vec![("actor", event.actor.as_deref()), ("note", event.note.as_deref())];
    if let Some(owner) = &event.owner {
        let names = [("owner_id", &owner.id), ("owner_name", &owner.name), ("owner_email", &owner.email)];
        columns.extend(names.map(|(column, text)| (column, text.as_deref())));
    }
    if let Some(manager) = &event.manager {
        let names =
            [("manager_id", &manager.id), ("manager_name", &manager.name), ("manager_email", &manager.email)];
        columns.extend(names.map(|(column, text)| (column, text.as_deref())));
    }
    let attributes = event.attributes.iter().flat_map(|(name, value)| [name, value]);
    columns.extend(attributes.map(|text| ("attributes", Some(text.as_str()))));
    columns
}

/// What says which subject it is and where it belongs; state, days and views hang by it.
fn of_the_subject(event: &OkrEvent) -> Vec<(&'static str, Option<&str>)> {
    let subject = &event.subject;
    vec![
        ("source_delivery_id", event.source.delivery_id.as_deref()),
        ("subject_namespace", Some(&subject.namespace)),
        ("subject_id", Some(&subject.id)),
        ("subject_parent_id", subject.parent_id.as_deref()),
        ("subject_title", subject.title.as_deref()),
        ("subject_url", subject.url.as_deref()),
        ("department", event.department.as_deref()),
        ("team", event.team.as_deref()),
        ("cycle_name", event.cycle.as_ref().and_then(|cycle| cycle.name.as_deref())),
        ("metric_unit", event.metric.as_ref().and_then(|metric| metric.unit.as_deref())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::history::{bare, minutes};

    #[test]
    fn notes_go_by_their_age_alone() {
        let rule = Rule::Older(minutes(10));
        let noted = |at| OkrEvent { note: Some("n".into()), actor: Some("a".into()), ..bare("kr", 1, at) };
        let (mut tally, mut young, mut old) = (Tally::default(), noted(10), noted(9));
        assert!(!rule.put(&mut young, &mut tally));
        assert!(rule.put(&mut old, &mut tally));
        assert_eq!((old, young.note.is_some()), (bare("kr", 1, 9), true));
        assert_eq!((tally.events, tally.changed, tally.notes, tally.actors), (2, 1, 1, 1));
    }
}

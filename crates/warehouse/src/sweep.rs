//! What is taken out of rows that are there already. Pure; both homes ask it, some subjects at a time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use okr::OkrEvent;
use uuid::Uuid;

use crate::erasures::{Erasure, Erasures, Kind, normal, text, words};

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
    /// In which namespace the words mean somebody; in all of them where it is left out.
    pub(crate) namespace: Option<String>,
    /// The words that were asked for, in their normal form.
    pub(crate) words: Vec<String>,
    /// Whether free text goes that mentions them.
    pub(crate) mentions: bool,
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
    /// Events whose note or attributes mention the person, whose words they are not.
    pub mentions: u64,
    /// Events whose title, team or department mentions the person; that is nothing to be erased here.
    pub titles: u64,
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
    /// Takes from an event what is to go; answers whether anything did. What is to be noted for later copies of the event
    /// is added to `noted`.
    pub(crate) fn put(&self, event: &mut OkrEvent, tally: &mut Tally, noted: &mut Vec<Erasure>) -> bool {
        tally.events += 1;
        let is_changed = match self {
            Self::People(people) => people.put(event, tally, noted),
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
    fn put(&self, event: &mut OkrEvent, tally: &mut Tally, noted: &mut Vec<Erasure>) -> bool {
        self.listen(event, tally);
        let mut gone = self.list.erase(event);
        if self.is_meant(event) {
            tally.titles += u64::from(self.mention([&event.subject.title, &event.team, &event.department]));
            if self.mention([&event.note]) || event.attributes.values().any(|value| self.is_mention(value)) {
                tally.mentions += 1;
                if self.mentions {
                    gone.note |= event.note.take().is_some();
                    gone.attributes |= !std::mem::take(&mut event.attributes).is_empty();
                    let salt = self.list.salt();
                    let token = text(&salt, event.event_id.0);
                    noted.push(Erasure { token, salt, kind: Kind::Text });
                }
            }
        }
        let counts = [
            (&mut tally.owners, gone.owner),
            (&mut tally.managers, gone.manager),
            (&mut tally.actors, gone.actor),
            (&mut tally.notes, gone.note),
            (&mut tally.attributes, gone.attributes),
        ];
        counts.into_iter().for_each(|(count, is_gone)| *count += u64::from(is_gone));
        gone.anything()
    }

    fn is_meant(&self, event: &OkrEvent) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| *namespace == event.subject.namespace)
    }

    fn mention<const N: usize>(&self, texts: [&Option<String>; N]) -> bool {
        texts.into_iter().flatten().any(|text| self.is_mention(text))
    }

    fn is_mention(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.words.iter().any(|word| says(&text, word))
    }

    /// What else the persons that were asked for are called.
    fn listen(&self, event: &OkrEvent, tally: &mut Tally) {
        if !self.is_meant(event) {
            return;
        }
        for person in [&event.owner, &event.manager].into_iter().flatten() {
            let called: Vec<String> = words(person).map(normal).collect();
            if called.iter().any(|word| self.words.contains(word)) && tally.known_as.len() < WORDS_MAX {
                let others = called.into_iter().filter(|word| !word.is_empty() && !self.words.contains(word));
                tally.known_as.extend(others);
            }
        }
    }
}

/// Whether a text says this, and not only as a part of a longer word.
fn says(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        let is_whole = |next: Option<char>| next.is_none_or(|letter| !letter.is_alphanumeric());
        is_whole(before.chars().next_back()) && is_whole(after.chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::history::{bare, minutes};

    #[test]
    fn a_mention_is_a_whole_word() {
        for (text, word, expected) in [
            ("ask dana ng, please", "dana ng", true),
            ("ask bogdana ngo", "dana ng", false),
            ("run 17 of u7", "7", false),
            ("u7: done", "u7", true),
            ("(d@x.org)", "d@x.org", true),
            ("\u{e9}dana", "dana", false),
        ] {
            assert_eq!(says(text, word), expected, "{word} in {text}");
        }
    }

    #[test]
    fn notes_go_by_their_age_alone() {
        let rule = Rule::Older(minutes(10));
        let noted = |at| OkrEvent { note: Some("n".into()), actor: Some("a".into()), ..bare("kr", 1, at) };
        let (mut tally, mut young, mut old) = (Tally::default(), noted(10), noted(9));
        assert!(!rule.put(&mut young, &mut tally, &mut Vec::new()));
        assert!(rule.put(&mut old, &mut tally, &mut Vec::new()));
        assert_eq!((old, young.note.is_some()), (bare("kr", 1, 9), true));
        assert_eq!((tally.events, tally.changed, tally.notes, tally.actors), (2, 1, 1, 1));
    }
}

//! Who was forgotten, and what that takes away from an event. Pure; both homes ask it.
//!
//! A person is known by words: an address, a name, a tool's own id. The list keeps a salted hash of each, never the word.
//! Every commit reads the list in its own transaction and erases by it what it writes, so that neither a record that
//! comes again nor one that comes late brings the person back. Whoever fills the tables anew has to go by the same list:
//! `okr_erasures` belongs to the warehouse, not to a generation of its rows.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use okr::{OkrEvent, Person};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Entry;

/// A salted hash.
pub(crate) type Token = [u8; 32];

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    pub(crate) token: Token,
    pub(crate) salt: Token,
    pub(crate) kind: Kind,
}

/// What a token is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word that names somebody.
    Person,
    /// An event whose free text is gone.
    Text,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Text => "text",
        }
    }
}

impl Erasure {
    /// Its token as people see it, in the audit too.
    pub fn shown(&self) -> String {
        hex::encode(self.token)
    }
}

/// All that was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erasures {
    /// By salt. One is drawn with the first row, and all later ones use it.
    by_salt: BTreeMap<Token, HashSet<Token>>,
}

/// What went of an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) owner: bool,
    pub(crate) manager: bool,
    pub(crate) actor: bool,
    pub(crate) note: bool,
    pub(crate) attributes: bool,
}

impl Gone {
    pub(crate) fn anything(self) -> bool {
        self != Self::default()
    }
}

impl Erasures {
    pub(crate) fn add(&mut self, salt: Token, token: Token) {
        self.by_salt.entry(salt).or_default().insert(token);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_salt.is_empty()
    }

    /// The salt of what is added next.
    pub(crate) fn salt(&self) -> Token {
        let drawn = || {
            // Some 150 random bits.
            let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
            Sha256::new().chain_update(one).chain_update(other).finalize().into()
        };
        self.by_salt.keys().next().copied().unwrap_or_else(drawn)
    }

    fn has(&self, hash: impl Fn(&Token) -> Token) -> bool {
        self.by_salt.iter().any(|(salt, tokens)| tokens.contains(&hash(salt)))
    }

    fn has_person(&self, namespace: &str, word: &str) -> bool {
        let word = normal(word);
        !word.is_empty()
            && (self.has(|salt| person(salt, None, &word))
                || self.has(|salt| person(salt, Some(namespace), &word)))
    }

    /// Takes from an event what is to be forgotten. A second time, or on a copy, it does the same.
    ///
    /// Owner and manager go as a whole where any of their words is on the list. Whoever did it goes, with the note: that
    /// is theirs. Where nobody is said to have done it, the note is taken for the owner's. An attribute goes that is such a
    /// word and nothing else; other text that mentions a person is left, but for events whose text was given up.
    pub(crate) fn erase(&self, event: &mut OkrEvent) -> Gone {
        if self.is_empty() {
            return Gone::default();
        }
        let namespace = event.subject.namespace.as_str();
        let is_listed = |word: &str| self.has_person(namespace, word);
        let person = |of: &mut Option<Person>| {
            let words = |person: &Person| words(person).any(is_listed);
            let is_gone = of.as_ref().is_some_and(words);
            if is_gone {
                *of = None;
            }
            is_gone
        };
        let (owner, manager) = (person(&mut event.owner), person(&mut event.manager));
        let actor = event.actor.as_deref().is_some_and(is_listed);
        let is_theirs = actor || (owner && event.actor.is_none());
        let kept = event.attributes.len();
        event.attributes.retain(|_, word| !is_listed(word));
        if actor {
            event.actor = None;
        }
        let is_text_gone = self.has(|salt| text(salt, event.event_id.0));
        if is_text_gone {
            event.attributes.clear();
        }
        let note = event.note.is_some() && (is_theirs || is_text_gone);
        if note {
            event.note = None;
        }
        Gone { owner, manager, actor, note, attributes: event.attributes.len() < kept }
    }

    /// The entries of a batch as they may be written.
    pub(crate) fn cover<'b>(&self, entries: &'b [Entry]) -> Cow<'b, [Entry]> {
        let mut covered = Cow::Borrowed(entries);
        if self.is_empty() {
            return covered;
        }
        for (at, entry) in entries.iter().enumerate() {
            let mut event = entry.event.clone();
            if self.erase(&mut event).anything() {
                covered.to_mut()[at].event = event;
            }
        }
        covered
    }
}

/// The words by which a person is known.
pub(crate) fn words(person: &Person) -> impl Iterator<Item = &str> {
    [&person.id, &person.name, &person.email].into_iter().filter_map(|word| word.as_deref())
}

/// Case and white space around it do not tell people apart.
pub(crate) fn normal(word: &str) -> String {
    word.trim().to_lowercase()
}

/// The token of a normal word; with a namespace it holds for events of that namespace alone.
pub(crate) fn person(salt: &Token, namespace: Option<&str>, word: &str) -> Token {
    let kind = if namespace.is_some() { "named" } else { "person" };
    hashed(salt, [kind, namespace.unwrap_or_default(), word].map(str::as_bytes))
}

/// The token of an event whose free text is gone.
pub(crate) fn text(salt: &Token, event: Uuid) -> Token {
    hashed(salt, [b"text", event.as_bytes()])
}

fn hashed<const N: usize>(salt: &Token, parts: [&[u8]; N]) -> Token {
    let mut hash = Sha256::new_with_prefix(salt);
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::history::bare;

    fn list(namespace: Option<&str>, words: &[&str]) -> Erasures {
        let mut list = Erasures::default();
        for word in words {
            let salt = list.salt();
            list.add(salt, person(&salt, namespace, &normal(word)));
        }
        list
    }

    fn dana() -> Option<Person> {
        let word = |text: &str| Some(text.to_owned());
        Some(Person { id: word("u7"), name: word("Dana Ng"), email: word("Dana@Example.com ") })
    }

    fn event() -> OkrEvent {
        let mut event = bare("kr", 1, 0);
        (event.owner, event.manager) =
            (dana(), Some(Person { name: Some("Max".into()), ..Person::default() }));
        event.note = Some("Dana Ng is on leave".into());
        event.attributes =
            [("by", "dana ng"), ("room", "7")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        event
    }

    #[test]
    fn any_word_of_a_person_takes_the_whole_person_and_what_they_wrote() {
        for word in [" dana@example.COM", "U7", "dana ng"] {
            let (list, mut event) = (list(None, &[word]), event());
            let gone = list.erase(&mut event);
            assert!(gone.owner && gone.note && !gone.manager && !gone.actor, "{word}: {gone:?}");
            assert_eq!((event.owner, event.note), (None, None));
            assert_eq!(event.manager.and_then(|max| max.name).as_deref(), Some("Max"));
            assert_eq!(gone.attributes, word == "dana ng");
            assert!(event.attributes.contains_key("room"));
        }
    }

    #[test]
    fn what_another_wrote_stays_and_a_second_time_changes_nothing() {
        let list = list(None, &["dana@example.com"]);
        let mut event = OkrEvent { actor: Some("Max".into()), ..event() };
        assert!(list.erase(&mut event).owner);
        assert_eq!(event.note.as_deref(), Some("Dana Ng is on leave"));
        let once = event.clone();
        assert!(!list.erase(&mut event).anything());
        assert_eq!(event, once);
    }

    #[test]
    fn an_actor_goes_with_the_note() {
        let mut event = OkrEvent { actor: Some("DANA NG".into()), owner: None, ..event() };
        let gone = list(None, &["Dana Ng"]).erase(&mut event);
        assert!(gone.actor && gone.note);
        assert_eq!((event.actor, event.note), (None, None));
    }

    #[test]
    fn a_word_of_one_namespace_says_nothing_in_another() {
        let mut other = event();
        other.subject.namespace = "elsewhere".into();
        let list = list(Some("acme"), &["u7"]);
        assert!(!list.erase(&mut other).anything());
        assert!(list.erase(&mut event()).owner);
    }

    #[test]
    fn nobody_is_meant_by_nothing() {
        let mut event = OkrEvent { actor: Some("  ".into()), owner: None, ..event() };
        assert!(!list(None, &["", "  "]).erase(&mut event).anything());
    }

    #[test]
    fn an_event_whose_text_was_given_up_comes_without() {
        let (mut list, mut event) = (Erasures::default(), event());
        let salt = list.salt();
        list.add(salt, text(&salt, event.event_id.0));
        let gone = list.erase(&mut event);
        assert!(gone.note && gone.attributes && !gone.owner && event.attributes.is_empty(), "{gone:?}");
    }
}

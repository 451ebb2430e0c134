//! Who was forgotten, and what that takes away from an event. Pure; both homes ask it.
//!
//! A person is known by words: an address, a name, a tool's own id. The list keeps a salted hash of each, never the word;
//! so what a text says is hashed as well, word by word, and the effort does not grow with the list.
//! Every commit erases what it writes by the list as it stands in its own transaction (`recall`), so that neither a record that
//! comes again nor one that comes late brings the person back. Whoever fills the tables anew has to go by the same list:
//! `okr_erasures` belongs to the warehouse, not to a generation of its rows.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use okr::{OkrEvent, Person};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Entry;
use crate::naming::{self, addresses, forms, is_address, leaves, may_hold_address, normal};

/// A salted hash.
pub(crate) type Token = [u8; 32];

/// Up to this length a text is looked up once for a batch: people come again, notes do not.
const REMEMBERED_BYTES: usize = 64;

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    pub(crate) token: Token,
    pub(crate) salt: Token,
    pub(crate) kind: Kind,
}

/// What a token is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A word that names somebody. An address does so wherever it stands, any other word where it is the whole field.
    Person,
    /// The same word, of so many words itself, wherever it stands.
    Mention(usize),
    /// An event whose free text is gone.
    Text,
}

impl Kind {
    pub(crate) fn text(self) -> String {
        match self {
            Self::Person => "person".to_owned(),
            Self::Mention(words) => format!("mention:{words}"),
            Self::Text => "text".to_owned(),
        }
    }

    /// Nothing where it is none of ours.
    pub(crate) fn of(text: &str) -> Option<Self> {
        match text {
            "person" => Some(Self::Person),
            "text" => Some(Self::Text),
            _ => {
                let words: usize = text.strip_prefix("mention:")?.parse().ok()?;
                (1..=naming::PHRASE_MAX).contains(&words).then_some(Self::Mention(words))
            }
        }
    }
}

/// A list that is not understood must not be gone by in part.
pub(crate) fn unknown(kind: &str) -> String {
    format!(
        "okr_erasures holds a row of the kind {kind:?}, which this release does not know: run a newer one"
    )
}

impl Erasure {
    /// Its token as people see it, in the audit too.
    pub fn shown(&self) -> String {
        hex::encode(self.token)
    }

    /// As a line of JSON.
    pub fn line(&self) -> String {
        json!({ "kind": self.kind.text(), "salt": hex::encode(self.salt), "token": self.shown() }).to_string()
    }

    /// Reads such a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(line: &str) -> Result<Self, String> {
        let row: BTreeMap<String, String> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let part = |name: &str| row.get(name).ok_or_else(|| format!("it has no {name}"));
        let bytes = |name: &str| -> Result<Token, String> {
            let bytes = hex::decode(part(name)?).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.ok_or_else(|| format!("its {name} is not 32 bytes in hexadecimal"))
        };
        let kind = Kind::of(part("kind")?).ok_or("its kind is none that this release knows")?;
        Ok(Self { token: bytes("token")?, salt: bytes("salt")?, kind })
    }
}

/// All that was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erasures {
    /// By salt. One is drawn with the first row, and all later ones use it; a list that was taken over brings its own.
    by_salt: BTreeMap<Token, Tokens>,
}

/// What was hashed with one salt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Tokens {
    people: HashSet<Token>,
    /// By how many words they are of.
    mentions: BTreeMap<usize, HashSet<Token>>,
    texts: HashSet<Token>,
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

/// What is to go of an event.
#[derive(Debug, Default)]
struct Verdict<'e> {
    gone: Gone,
    /// The attributes that go, by name.
    attributes: Vec<&'e str>,
}

/// Which short texts were found to name somebody, by namespace and text.
type Memory<'e> = HashMap<&'e str, HashMap<String, bool>>;

impl Erasures {
    pub(crate) fn add(&mut self, erasure: &Erasure) {
        let tokens = self.by_salt.entry(erasure.salt).or_default();
        match erasure.kind {
            Kind::Person => tokens.people.insert(erasure.token),
            Kind::Mention(words) => tokens.mentions.entry(words).or_default().insert(erasure.token),
            Kind::Text => tokens.texts.insert(erasure.token),
        };
    }

    /// Its rows, in an order that does not change.
    pub fn rows(&self) -> Vec<Erasure> {
        let mut rows = Vec::new();
        for (salt, tokens) in &self.by_salt {
            let mut push = |kind: Kind, tokens: &HashSet<Token>| {
                let mut tokens: Vec<Token> = tokens.iter().copied().collect();
                tokens.sort_unstable();
                rows.extend(tokens.into_iter().map(|token| Erasure { token, salt: *salt, kind }));
            };
            push(Kind::Person, &tokens.people);
            tokens.mentions.iter().for_each(|(words, tokens)| push(Kind::Mention(*words), tokens));
            push(Kind::Text, &tokens.texts);
        }
        rows
    }

    /// Whether nobody was forgotten.
    pub fn is_empty(&self) -> bool {
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

    fn has(&self, tokens: fn(&Tokens) -> Option<&HashSet<Token>>, hash: impl Fn(&Token) -> Token) -> bool {
        let of_salt =
            |(salt, all): (&Token, &Tokens)| tokens(all).is_some_and(|all| all.contains(&hash(salt)));
        self.by_salt.iter().any(of_salt)
    }

    /// Whether a normal word is somebody who is listed.
    fn has_person(&self, namespace: &str, word: &str) -> bool {
        let has = |namespace| self.has(|it| Some(&it.people), |salt| person(salt, namespace, word));
        !word.is_empty() && (has(None) || has(Some(namespace)))
    }

    /// Whether a normal text says a phrase that is listed.
    fn has_phrase(&self, namespace: &str, text: &str) -> bool {
        if self.by_salt.values().all(|tokens| tokens.mentions.is_empty()) {
            return false;
        }
        let words = naming::words(text);
        let says = |salt: &Token, tokens: &HashSet<Token>, length: usize| {
            words.windows(length).any(|words| {
                let phrase = words.join(" ");
                tokens.contains(&mention(salt, None, &phrase))
                    || tokens.contains(&mention(salt, Some(namespace), &phrase))
            })
        };
        self.by_salt
            .iter()
            .any(|(salt, all)| all.mentions.iter().any(|(length, tokens)| says(salt, tokens, *length)))
    }

    /// Whether a text is such a word, has such an address in it, or says such a phrase; JSON does where any part of it does.
    pub(crate) fn names(&self, namespace: &str, text: &str) -> bool {
        self.names_again(namespace, text, &mut HashMap::new())
    }

    fn names_again(&self, namespace: &str, text: &str, known: &mut HashMap<String, bool>) -> bool {
        let mut is_named = |text: &str| {
            if let Some(is_named) = known.get(text) {
                return *is_named;
            }
            let is_named = self.has_person(namespace, &normal(text)) || self.mentions(namespace, text);
            if text.len() <= REMEMBERED_BYTES {
                known.insert(text.to_owned(), is_named);
            }
            is_named
        };
        is_named(text) || leaves(text).iter().any(|leaf| is_named(leaf))
    }

    fn mentions(&self, namespace: &str, text: &str) -> bool {
        let says = self.by_salt.values().any(|tokens| !tokens.mentions.is_empty());
        if !says && !may_hold_address(text) {
            return false;
        }
        forms(text).iter().any(|form| {
            addresses(form).any(|address| self.has_person(namespace, address))
                || self.has_phrase(namespace, form)
        })
    }

    /// What is to be taken from an event. A second time, or of a copy, it is the same.
    ///
    /// Owner and manager go as a whole where any of their words names who is on the list. Whoever did it goes, with the
    /// note: that is theirs. Where nobody is said to have done it, the note is taken for the owner's. A note goes besides,
    /// and an attribute, that names the person itself.
    fn judge<'e>(&self, event: &'e OkrEvent, memory: &mut Memory<'e>) -> Verdict<'e> {
        let mut verdict = Verdict::default();
        if self.is_empty() {
            return verdict;
        }
        let namespace = event.subject.namespace.as_str();
        let known = memory.entry(namespace).or_default();
        let mut is_named = |text: &str| self.names_again(namespace, text, known);
        let gone = &mut verdict.gone;
        gone.owner = event.owner.iter().flat_map(words).any(&mut is_named);
        gone.manager = event.manager.iter().flat_map(words).any(&mut is_named);
        gone.actor = event.actor.as_deref().is_some_and(&mut is_named);
        let is_text_gone = self.has(texts, |salt| text(salt, event.event_id.0));
        let is_theirs = is_text_gone || gone.actor || (gone.owner && event.actor.is_none());
        gone.note = event.note.as_deref().is_some_and(|note| is_theirs || is_named(note));
        for (name, value) in &event.attributes {
            if is_text_gone || is_named(name) || is_named(value) {
                verdict.attributes.push(name);
            }
        }
        gone.attributes = !verdict.attributes.is_empty();
        verdict
    }

    /// Takes from an event what is to be forgotten.
    pub(crate) fn erase(&self, event: &mut OkrEvent) -> Gone {
        let verdict = self.judge(event, &mut Memory::new());
        let gone = verdict.gone;
        if gone.anything() {
            let names: Vec<String> = verdict.attributes.iter().map(|name| (*name).to_owned()).collect();
            strip(event, gone, &names);
        }
        gone
    }

    /// The entries of a batch as they may be written.
    pub(crate) fn cover<'b>(&self, entries: &'b [Entry]) -> Cow<'b, [Entry]> {
        let mut covered = Cow::Borrowed(entries);
        if self.is_empty() {
            return covered;
        }
        let mut memory = Memory::new();
        for (at, entry) in entries.iter().enumerate() {
            let verdict = self.judge(&entry.event, &mut memory);
            if verdict.gone.anything() {
                strip(&mut covered.to_mut()[at].event, verdict.gone, &verdict.attributes);
            }
        }
        covered
    }
}

/// What only older lists have: one hash less for each event where none do.
fn texts(tokens: &Tokens) -> Option<&HashSet<Token>> {
    (!tokens.texts.is_empty()).then_some(&tokens.texts)
}

fn strip(event: &mut OkrEvent, gone: Gone, attributes: &[impl AsRef<str>]) {
    event.owner.take_if(|_| gone.owner);
    event.manager.take_if(|_| gone.manager);
    event.actor.take_if(|_| gone.actor);
    event.note.take_if(|_| gone.note);
    for name in attributes {
        event.attributes.remove(name.as_ref());
    }
}

/// The words by which a person is known.
pub(crate) fn words(person: &Person) -> impl Iterator<Item = &str> {
    [&person.id, &person.name, &person.email].into_iter().filter_map(|word| word.as_deref())
}

/// What is listed for a word: the word, the addresses in it, and with `mentions` what texts say of it.
pub(crate) fn listed(salt: Token, namespace: Option<&str>, word: &str, mentions: bool) -> Vec<Erasure> {
    let word = normal(word);
    if word.is_empty() {
        return Vec::new();
    }
    let erasure = |token, kind| Erasure { token, salt, kind };
    let mut listed = vec![erasure(person(&salt, namespace, &word), Kind::Person)];
    if !is_address(&word) {
        let inner = addresses(&word).map(|address| erasure(person(&salt, namespace, address), Kind::Person));
        listed.extend(inner);
        if let Some((words, phrase)) = naming::phrase(&word).filter(|_| mentions) {
            listed.push(erasure(mention(&salt, namespace, &phrase), Kind::Mention(words)));
        }
    }
    listed
}

/// The token of a normal word; with a namespace it holds for events of that namespace alone.
fn person(salt: &Token, namespace: Option<&str>, word: &str) -> Token {
    let kind = if namespace.is_some() { "named" } else { "person" };
    hashed(salt, [kind, namespace.unwrap_or_default(), word].map(str::as_bytes))
}

/// The token of a phrase in texts.
fn mention(salt: &Token, namespace: Option<&str>, phrase: &str) -> Token {
    let kind = if namespace.is_some() { "mentioned" } else { "mention" };
    hashed(salt, [kind, namespace.unwrap_or_default(), phrase].map(str::as_bytes))
}

/// The token of an event whose free text is gone.
fn text(salt: &Token, event: Uuid) -> Token {
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
mod tests;

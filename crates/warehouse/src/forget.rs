//! `warehouse forget`: a person is taken out of the rows that are there, and kept out of those that come.
//!
//! First the person goes onto the list that every commit goes by; from then on no row is written that names them. Then the
//! rows that are there are gone through, some subjects at a time, beside the members that write: each subject, events and
//! state, changes at once. Cut off in the middle, the same command does the rest.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;
use worker::ProgressError;

use crate::Target;
use crate::embedded::Embedded;
use crate::erasures::{self, Erasure, Erasures, Kind, normal};
use crate::open::{OpenError, Place, Tables, open};
use crate::sweep::{People, Rule, Tally};

/// How often something that passes is tried again, and the pause between.
const TRIES_MAX: u32 = 20;
const PAUSE: Duration = Duration::from_millis(500);

/// Who is to be forgotten.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// The words that events have for them: addresses, names, ids. Case does not matter.
    pub words: Vec<String>,
    /// The namespace in which these words mean them; everywhere, where it is left out.
    pub namespace: Option<String>,
    /// Whether note and attributes go of every event that mentions them there.
    pub mentions: bool,
}

/// A warehouse that is to forget somebody.
#[derive(Debug)]
pub struct Forget {
    target: Arc<dyn Target>,
    people: People,
    wanted: Vec<Erasure>,
    /// Those who were forgotten before.
    known: Erasures,
}

impl Forget {
    /// Opens the place; an embedded file beside whoever has it.
    ///
    /// # Errors
    /// [`OpenError::Behind`] where the tables are not up to date, and whatever keeps the place from being opened.
    pub async fn open(place: &Place, person: &Person) -> Result<Self, OpenError> {
        let target: Arc<dyn Target> = match place.file()? {
            Some(path) if path.exists() => Arc::new(Embedded::beside(path).await?),
            Some(_) => {
                return Err(OpenError::Behind(crate::migrate::plan(place).await?.pending.len()));
            }
            None => open(place, Tables::Expect).await?,
        };
        Ok(Self::on(target, person).await?)
    }

    pub(crate) async fn on(target: Arc<dyn Target>, person: &Person) -> Result<Self, ProgressError> {
        let known = target.erasures().await?;
        let (mut list, salt) = (known.clone(), known.salt());
        let mut words: Vec<String> = person.words.iter().map(|word| normal(word)).collect();
        words.retain(|word| !word.is_empty());
        let erasure = |word: &String| {
            let token = erasures::person(&salt, person.namespace.as_deref(), word);
            Erasure { token, salt, kind: Kind::Person }
        };
        let wanted: Vec<Erasure> = words.iter().map(erasure).collect();
        wanted.iter().for_each(|erasure| list.add(salt, erasure.token));
        let people = People { list, namespace: person.namespace.clone(), words, mentions: person.mentions };
        Ok(Self { target, people, wanted, known })
    }

    /// What stands for the person on the list: a salted hash of each word.
    pub fn tokens(&self) -> Vec<String> {
        self.wanted.iter().map(Erasure::shown).collect()
    }

    /// Whether all of them are on the list already.
    pub fn is_known(&self) -> bool {
        self.people.list == self.known
    }

    /// What would go; changes nothing.
    ///
    /// # Errors
    /// The database did not answer, or refused.
    pub async fn look(&self) -> Result<Tally, ProgressError> {
        sweep(&*self.target, &Rule::People(self.people.clone()), None).await
    }

    /// Puts the person onto the list, and takes them out of the rows that are there. All that anybody was forgotten by
    /// goes once more: a run that was cut off is finished by the next one.
    ///
    /// # Errors
    /// The database did not answer for long, or refused. What was done stays done; the same again does the rest.
    pub async fn apply(&self, run: &str) -> Result<Tally, ProgressError> {
        again(async || self.target.forget(&self.wanted, run).await).await?;
        sweep(&*self.target, &Rule::People(self.people.clone()), Some(run)).await
    }
}

/// Goes through all subjects.
pub(crate) async fn sweep(
    target: &dyn Target,
    rule: &Rule,
    run: Option<&str>,
) -> Result<Tally, ProgressError> {
    let (mut tally, mut after): (Tally, Option<Uuid>) = (Tally::default(), None);
    loop {
        let swept = again(async || target.sweep(after, rule, run).await).await?;
        tally.add(swept.tally);
        if swept.last.is_none() {
            return Ok(tally);
        }
        after = swept.last;
    }
}

/// What passes by itself is tried again for some time.
async fn again<T>(deed: impl AsyncFn() -> Result<T, ProgressError>) -> Result<T, ProgressError> {
    for _ in 1..TRIES_MAX {
        match deed().await {
            Err(ProgressError::Unavailable(why)) => {
                tracing::debug!(error = why, "the warehouse is asked again: {why}");
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
    deed().await
}

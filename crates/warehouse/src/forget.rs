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
use crate::erasures::{Erasure, Erasures, listed};
use crate::naming;
use crate::open::{OpenError, Place, Tables, open};
use crate::rebuild::RebuildError;
use crate::sweep::{People, Rule, Tally};

/// How often something that passes is tried again, and the pause between.
const TRIES_MAX: u32 = 20;
const PAUSE: Duration = Duration::from_millis(500);

/// Who is to be forgotten.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// The words that events have for them: addresses, names, ids. Case and composition do not matter.
    pub words: Vec<String>,
    /// The namespace in which these words mean them; everywhere, where it is left out.
    pub namespace: Option<String>,
    /// Whether fields go that have one of these words in them. Of an address they always do.
    pub mentions: bool,
}

impl Person {
    /// Why one of the words cannot stand for them.
    pub fn fault(&self) -> Option<String> {
        let mentions = self.mentions && self.namespace.is_none();
        let fault = |word: &String| Some(format!("{word:?}: {}", naming::fault(word, mentions)?));
        self.words.iter().find_map(fault)
    }
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

/// Who was forgotten there, to be taken to another warehouse.
///
/// # Errors
/// As [`Forget::open`].
pub async fn list(place: &Place) -> Result<Vec<Erasure>, OpenError> {
    Ok(reach(place).await?.erasures().await?.rows())
}

/// Whether a rebuild has rows beside the live ones, of which the list knows nothing: one that was killed, or one that
/// runs. [`crate::rebuild::abandon`] takes the former's away; the latter's do not take their place when it ends.
///
/// # Errors
/// The database did not answer, or refused.
pub async fn has_leftovers(place: &Place) -> Result<bool, RebuildError> {
    match place.file()? {
        Some(path) => Ok(crate::embedded::has_leftovers(&path)),
        None => crate::postgres::has_leftovers(place).await,
    }
}

/// Opens the place; an embedded file beside whoever has it.
async fn reach(place: &Place) -> Result<Arc<dyn Target>, OpenError> {
    match place.file()? {
        Some(path) if path.exists() => Ok(Arc::new(Embedded::beside(path).await?)),
        Some(_) => Err(OpenError::Behind(crate::migrate::plan(place).await?.pending.len())),
        None => open(place, Tables::Expect).await,
    }
}

impl Forget {
    /// Opens the place; an embedded file beside whoever has it.
    ///
    /// # Errors
    /// [`OpenError::Behind`] where the tables are not up to date, and whatever keeps the place from being opened.
    pub async fn open(place: &Place, person: &Person) -> Result<Self, OpenError> {
        Ok(Self::on(reach(place).await?, person).await?)
    }

    /// Forgets whom another warehouse has forgotten.
    ///
    /// # Errors
    /// As [`Forget::open`].
    pub async fn take_over(place: &Place, list: Vec<Erasure>) -> Result<Self, OpenError> {
        let target = reach(place).await?;
        let known = target.erasures().await?;
        Ok(Self::of(target, known, list, Erasures::default()))
    }

    pub(crate) async fn on(target: Arc<dyn Target>, person: &Person) -> Result<Self, ProgressError> {
        let known = target.erasures().await?;
        let (salt, mut asked) = (known.salt(), Erasures::default());
        let of = |mentions: bool| {
            let namespace = person.namespace.as_deref();
            person.words.iter().flat_map(move |word| listed(salt, namespace, word, mentions))
        };
        of(true).for_each(|erasure| asked.add(&erasure));
        let wanted = of(person.mentions).collect();
        Ok(Self::of(target, known, wanted, asked))
    }

    fn of(target: Arc<dyn Target>, known: Erasures, wanted: Vec<Erasure>, asked: Erasures) -> Self {
        let mut list = known.clone();
        wanted.iter().for_each(|erasure| list.add(erasure));
        Self { target, people: People { list, asked }, wanted, known }
    }

    /// What stands for the person on the list: salted hashes of their words.
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
        sweep(&*self.target, &Rule::People(self.people.clone()), false).await
    }

    /// Puts the person onto the list, and takes them out of the rows that are there. All that anybody was forgotten by
    /// goes once more: a run that was cut off is finished by the next one.
    ///
    /// # Errors
    /// The database did not answer for long, or refused. What was done stays done; the same again does the rest.
    pub async fn apply(&self, run: &str) -> Result<Tally, ProgressError> {
        again(async || self.target.forget(&self.wanted, run).await).await?;
        sweep(&*self.target, &Rule::People(self.people.clone()), true).await
    }
}

/// Goes through all subjects.
pub(crate) async fn sweep(target: &dyn Target, rule: &Rule, applies: bool) -> Result<Tally, ProgressError> {
    let (mut tally, mut after): (Tally, Option<Uuid>) = (Tally::default(), None);
    loop {
        let swept = again(async || target.sweep(after, rule, applies).await).await?;
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

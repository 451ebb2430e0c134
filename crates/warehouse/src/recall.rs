//! The list of who was forgotten, as a process has it in mind between its commits.
//!
//! Every commit goes by the list as it stands in its own transaction. Were it read there each time, each commit would cost
//! what the whole list costs. So what was read is kept, and a commit asks for the newest row alone: whoever adds to the
//! list has the tables alone, and numbers its rows. Where the newest row is another one, all are read again, and as long as
//! there is a row without a number, which somebody else has added, nothing is kept. So a list of before, which a backup
//! brought back, is noticed as well. What somebody changes among the other rows, by hand or from a backup, is not told by
//! the newest one: so the list is read again now and then in any case.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::erasures::{Erasures, Token};

/// The newest row of the list: its number, if it has one, its token, and the run that asked for it. None of an empty list.
pub(crate) type Newest = Option<(Option<i64>, Token, String)>;

/// How long a list is gone by that was read once.
const KEPT_MAX: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug)]
pub(crate) struct Recall {
    known: Mutex<Option<Known>>,
    kept_max: Duration,
}

#[derive(Debug)]
struct Known {
    newest: Newest,
    list: Arc<Erasures>,
    read: Instant,
}

impl Default for Recall {
    fn default() -> Self {
        Self { known: Mutex::default(), kept_max: KEPT_MAX }
    }
}

impl Recall {
    /// The list, where it is known as it is with this newest row.
    pub(crate) fn list(&self, newest: &Newest) -> Option<Arc<Erasures>> {
        match newest {
            None => Some(Arc::default()),
            Some((None, ..)) => None,
            numbered => {
                let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                let known = known.as_ref().filter(|known| known.newest == *numbered)?;
                (known.read.elapsed() < self.kept_max).then(|| Arc::clone(&known.list))
            }
        }
    }

    /// The list as it was read, after the newest row and in the same transaction.
    pub(crate) fn keep(&self, newest: Newest, list: Erasures) -> Arc<Erasures> {
        let list = Arc::new(list);
        let known = Known { newest, list: Arc::clone(&list), read: Instant::now() };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::erasures::listed;

    fn list_of(words: &[&str]) -> Erasures {
        let mut list = Erasures::default();
        for word in words {
            listed([7; 32], None, word, false).iter().for_each(|erasure| list.add(erasure));
        }
        list
    }

    #[test]
    fn a_list_is_known_as_long_as_its_newest_row_is_the_same() {
        let recall = Recall::default();
        let row = |nth, token, run: &str| Some((nth, [token; 32], run.to_owned()));
        let (first, second) = (row(Some(1), 1, "run 1"), row(Some(2), 2, "run 2"));
        assert_eq!(recall.list(&None).as_deref(), Some(&Erasures::default()));
        assert_eq!(recall.list(&first), None);
        assert_eq!(*recall.keep(first.clone(), list_of(&["ada"])), list_of(&["ada"]));
        assert_eq!(recall.list(&first).as_deref(), Some(&list_of(&["ada"])));
        assert_eq!(recall.list(&second), None, "something was added");
        assert_eq!(
            recall.list(&row(Some(1), 2, "run 1")),
            None,
            "the same number in a list that was restored"
        );
        assert_eq!(
            recall.list(&row(Some(1), 1, "run 3")),
            None,
            "what was lost was asked for again, perhaps with more"
        );
        assert_eq!(recall.list(&None).as_deref(), Some(&Erasures::default()), "nobody is on it any more");
        recall.keep(second, list_of(&["ada", "bea"]));
        assert_eq!(recall.list(&first), None, "it is a list of before");
    }

    #[test]
    fn a_list_is_read_again_after_a_while_whatever_its_newest_row_says() {
        let row = Some((Some(1), [1; 32], "run 1".to_owned()));
        let recall = Recall { kept_max: Duration::from_millis(50), ..Recall::default() };
        recall.keep(row.clone(), list_of(&["ada"]));
        let end = Instant::now() + Duration::from_secs(30);
        while recall.list(&row).is_some() {
            assert!(Instant::now() < end, "it is kept for ever");
            std::thread::yield_now();
        }
        recall.keep(row.clone(), list_of(&["ada", "bea"]));
        assert_eq!(Recall::default().kept_max, KEPT_MAX);
    }

    #[test]
    fn what_an_older_release_adds_has_no_number_and_is_read_every_time() {
        let (recall, without) = (Recall::default(), Some((None, [1; 32], "run 1".to_owned())));
        recall.keep(without.clone(), list_of(&["ada"]));
        assert_eq!(recall.list(&without), None);
    }
}

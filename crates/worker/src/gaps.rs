//! Records that a state service never read and that are gone: noted for a person, who may accept that.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bus::Slot;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::progress::Standing;
use crate::{Brakes, observe};

/// How long a store that does not answer is left alone.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A slot whose state cannot go on by itself: what comes next was never seen to follow what it contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    pub slot: Slot,
    /// Where the state stands.
    pub from: i64,
    /// The offset that came instead.
    pub found: i64,
    /// In words.
    pub why: String,
}

impl Gap {
    /// Whether leaving the slot at `standing` is what a person was asked about.
    pub fn is_of(&self, standing: &Standing) -> bool {
        self.slot == standing.slot && self.from == standing.next && standing.last.is_some()
    }
}

/// Keeps gaps in the store, however long that takes.
#[derive(Debug, Clone, Default)]
pub struct GapKeeper(Option<UnboundedSender<Vec<Gap>>>);

impl GapKeeper {
    /// Keeps the gaps of `service` until `asides` is dropped; without `brakes` nothing is kept.
    pub fn start(service: &'static str, brakes: Option<Arc<dyn Brakes>>, asides: &mut JoinSet<()>) -> Self {
        Self(brakes.map(|brakes| {
            let (keeper, mut waiting) = unbounded_channel::<Vec<Gap>>();
            asides.spawn(async move {
                while let Some(gaps) = waiting.recv().await {
                    while let Err(error) = brakes.note_gaps(service, &gaps).await {
                        observe::brake_unsaved(service, &error);
                        sleep(ASK_AGAIN).await;
                    }
                }
            });
            keeper
        }))
    }

    /// Keeps them without waiting.
    pub fn keep(&self, gaps: Vec<Gap>) {
        if let Some(keeper) = self.0.as_ref().filter(|_| !gaps.is_empty()) {
            // The task ends only with the member.
            let _ = keeper.send(gaps);
        }
    }
}

/// Which of the standings a person has given up, with their gaps.
pub fn given_up<'a>(standings: &'a [Standing], accepted: &'a [Gap]) -> Vec<(&'a Standing, &'a Gap)> {
    let by_slot: HashMap<&Slot, &Gap> = accepted.iter().map(|gap| (&gap.slot, gap)).collect();
    let of = |standing: &'a Standing| by_slot.get(&standing.slot).map(|gap| (standing, *gap));
    standings.iter().filter_map(of).filter(|(standing, gap)| gap.is_of(standing)).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::progress::{Fingerprint, Last};

    fn standing(partition: i32, next: i64, last: Option<i64>) -> Standing {
        let last = last.map(|offset| Last { offset, fingerprint: Fingerprint(Uuid::nil()) });
        Standing { slot: Slot::new("t", partition), epoch: 3, next, last }
    }

    fn gap(partition: i32, from: i64) -> Gap {
        Gap { slot: Slot::new("t", partition), from, found: from + 4, why: "gone".to_owned() }
    }

    #[test]
    fn a_slot_is_given_up_where_the_gap_was_and_nowhere_else() {
        let standings =
            [standing(0, 5, Some(4)), standing(1, 6, Some(5)), standing(2, 0, None), standing(3, 5, Some(4))];
        let accepted = [gap(0, 5), gap(1, 5), gap(2, 0), gap(4, 5)];
        assert_eq!(given_up(&standings, &accepted), [(&standings[0], &accepted[0])]);
        assert_eq!(given_up(&standings, &[]), []);
    }
}

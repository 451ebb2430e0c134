//! Batches that come home.

use super::*;

impl World {
    /// What the store said of it, or that nothing of it happened.
    pub(super) fn home(&mut self, mut flight: Flight, fates: Option<Vec<Fate>>) -> Outcome {
        if self.bug == Some(Bug::Mistaken)
            && let Some(other) = self.flights.iter_mut().find(|other| {
                (other.member, other.life) == (flight.member, flight.life)
                    && other.cut.shares.len() == flight.cut.shares.len()
            })
        {
            std::mem::swap(&mut other.cut, &mut flight.cut);
        }
        if self.lives[flight.member] == flight.life {
            let batches = &mut self.members[flight.member].batches;
            match fates {
                Some(fates) => drop(batches.settle(flight.cut, &fates, self.now)),
                None => batches.failed(flight.cut, None, self.now),
            }
        }
        Ok(())
    }
}

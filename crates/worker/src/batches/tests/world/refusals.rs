//! A store that does not take some contents.

use super::*;

/// Whether the store never takes this content.
pub(super) fn is_bad(content: u64) -> bool {
    content.is_multiple_of(11)
}

pub(super) fn content(record: &InRecord) -> u64 {
    std::str::from_utf8(record.value.as_deref().unwrap()).unwrap().parse().unwrap()
}

/// What goes into rows.
pub(super) fn wanted(cut: &Cut) -> impl Iterator<Item = (&Share, &InRecord)> {
    cut.shares.iter().flat_map(|share| {
        let is_wanted = |record: &&InRecord| !share.condemned.contains_key(&record.offset);
        share.records.iter().filter(is_wanted).map(move |record| (share, record))
    })
}

impl World {
    /// Dead letters of the cut, each acknowledged.
    pub(super) fn bury(&mut self, cut: &Cut) {
        for share in &cut.shares {
            let condemned =
                share.records.iter().filter(|record| share.condemned.contains_key(&record.offset));
            self.letters.extend(condemned.map(content));
        }
    }

    /// Whether the store finds a row that it cannot take, at the right epoch.
    pub(super) fn refuses(&self, cut: &Cut) -> bool {
        let is_ours = cut.shares.iter().all(|share| self.fits(share));
        is_ours && wanted(cut).any(|(_, record)| is_bad(content(record)))
    }

    pub(super) fn refused(&mut self, flight: Flight) {
        if self.lives[flight.member] != flight.life {
            return;
        }
        let Flight { cut, member, .. } = flight;
        let verdict = |(share, record): (&Share, &InRecord)| {
            let verdict = Verdict { reason: "refused", error: "out of range".to_owned() };
            (share.slot.clone(), record.offset, verdict)
        };
        let all: Vec<_> = wanted(&cut).map(verdict).collect();
        let batches = &mut self.members[member].batches;
        match self.bug {
            Some(Bug::CondemnAll) => batches.condemn(cut, all),
            Some(Bug::RefusedIsFailure) => batches.failed(cut, None, self.now),
            _ if all.len() == 1 => batches.refused(cut, all.into_iter().next()),
            _ => batches.refused(cut, None),
        }
    }

    pub(super) fn fits(&self, share: &Share) -> bool {
        let log = &self.logs[usize::try_from(share.slot.partition).unwrap()];
        log.epoch == share.epoch && log.next == share.from
    }

    /// In a row, or in a dead letter.
    pub(super) fn is_contained(&self, content: u64) -> bool {
        self.rows.contains_key(&content) || self.letters.contains(&content)
    }

    pub(super) fn is_damaged(&self, log: &Log) -> bool {
        log.damaged || log.expired.iter().any(|content| !self.is_contained(*content))
    }
}

//! What befalls processes and topics.

use super::*;

impl World {
    /// The process is gone; what it sent to the store may still arrive.
    pub(super) fn crash(&mut self, who: usize) {
        self.lives[who] += 1;
        self.members[who] = self.member();
        self.logs.iter_mut().filter(|log| log.owner == Some(who)).for_each(|log| log.owner = None);
    }

    pub(super) fn expire(&mut self, partition: i32) {
        let end = self.log(partition).end;
        let upto = self.random.i64(0..=end);
        let log = self.log(partition);
        // Of a slot that nobody has read nothing is owed.
        if log.last.is_some() {
            log.expired.extend(log.records.range(..upto).map(|(_, content)| *content));
        }
        log.doubtful |= upto > log.next;
        log.records = log.records.split_off(&upto);
        log.blend();
    }

    pub(super) fn make_anew(&mut self, partition: i32) {
        self.lose(partition);
        self.land(&[partition]);
        let records = self.random.i64(1..12);
        let log = self.log(partition);
        if log.owner.is_none() {
            log.damaged |= log.last.is_some();
            (log.doubtful, log.anew) = (true, true);
            (log.records, log.end) = (BTreeMap::new(), 0);
            (0..records).for_each(|_| self.produce(partition));
        }
    }
}

impl Log {
    /// A new topic that begins exactly where the old one stopped cannot be told from it by anybody.
    pub(super) fn blend(&mut self) {
        let low = self.records.first_key_value().map_or(self.end, |(low, _)| *low);
        if self.anew && low == self.next {
            (self.damaged, self.doubtful) = (false, true);
            self.expired.clear();
        }
    }

    /// Whether this record is of a topic that was here before.
    pub(super) fn belies(&self, last: &InRecord) -> bool {
        let other = self.records.get(&last.offset).is_some_and(|known| *known != content(last));
        self.anew && (other || last.offset >= self.end)
    }
}

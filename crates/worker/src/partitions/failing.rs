//! What becomes of a record whose handling failed.

use std::cmp::Reverse;
use std::hash::BuildHasher;
use std::time::Duration;

use super::{Hold, Partitions};
use crate::Failure;
use crate::faults::Fault;
use crate::job::{Entry, Note, Ticket, Verdict};

impl<T> Partitions<T> {
    pub(super) fn failed(
        &mut self,
        ticket: Ticket,
        mut entry: Entry<T>,
        failure: Failure,
        now: Duration,
    ) -> Note {
        match failure {
            Failure::Halt { reason, error } => {
                let why = format!("{reason}: {error}");
                self.back(ticket, entry);
                self.halt(why.clone());
                Note::Halted { why }
            }
            Failure::Reject { reason, error } => {
                let judged = self.fuse.rejected();
                if let Err(blown) = judged
                    && !self.is(Fault::FuseBlind)
                {
                    let why = format!("fuse: {blown}, the last one for {reason}: {error}");
                    self.back(ticket, entry);
                    self.halt(why.clone());
                    return Note::Halted { why };
                }
                entry.attempts += 1;
                self.condemn(ticket, entry, reason, error)
            }
            Failure::Retry { after, reason, error, endless } => {
                entry.attempts += u32::from(!endless);
                if entry.attempts >= self.rules.attempts_max.max(1) && !endless {
                    return self.condemn(ticket, entry, reason, error);
                }
                self.wait(ticket, entry, after, now);
                Note::Retried { reason, error }
            }
        }
    }

    fn condemn(&mut self, ticket: Ticket, mut entry: Entry<T>, reason: &'static str, error: String) -> Note {
        entry.tries = 0;
        entry.verdict = Some(Verdict { reason, error: error.clone() });
        self.back(ticket, entry);
        Note::Condemned { reason, error }
    }

    pub(super) fn wait(
        &mut self,
        ticket: Ticket,
        mut entry: Entry<T>,
        after: Option<Duration>,
        now: Duration,
    ) {
        if !self.keeps(ticket) {
            return self.leave(ticket.lane, &entry);
        }
        entry.tries += 1;
        if self.is(Fault::RetryAtTheEnd) {
            let hash = self.hasher.hash_one((ticket.part, entry.record.key.as_deref()));
            self.lanes.push(ticket.part, hash, entry);
            return self.lanes.advance(ticket.lane);
        }
        let pause = self.rules.backoff.pause(entry.tries, after, self.random.f64());
        self.lanes.put_back(ticket.lane, entry, true);
        self.timers.push(Reverse((now + pause, ticket.lane)));
    }

    fn back(&mut self, ticket: Ticket, entry: Entry<T>) {
        if self.keeps(ticket) {
            self.lanes.put_back(ticket.lane, entry, false);
        } else {
            self.leave(ticket.lane, &entry);
        }
    }

    /// Whether what is unfinished may still be tried here.
    fn keeps(&self, ticket: Ticket) -> bool {
        self.parts[ticket.part].hold == Hold::Owned && !self.stopping
    }
}

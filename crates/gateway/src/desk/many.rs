//! A batch at the desk: its deliveries go out together, and their reports are awaited together.

use std::collections::HashMap;

use bus::Placed;
use futures::future::join_all;
use sources::Fingerprint;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Desk, Draft, Held, Kept, Parcel, Told, identity_reused, too_large, trouble};
use crate::{
    answer::Outcome,
    kafka::Report,
    records::Why,
    trail::Outgoing,
    window::{Mine, Seen},
};

/// What an item is told, and whether it is a repeat.
pub(crate) type ToldItem = (Outcome, bool);

/// What a parcel is among those of its batch.
enum Place {
    /// The first of its identity that was understood, or the first: it asks the window.
    Own,
    /// The same again.
    Repeat { of: usize },
    /// Another content under an identity that stands in the batch already.
    Other,
}

/// A parcel whose turn it is. It is the window's if it is its identity's own.
struct Turn {
    nth: usize,
    fingerprint: Fingerprint,
    mine: Option<Mine>,
    kept: Kept,
    events: Result<Vec<okr::OkrEvent>, Held>,
}

/// One whose records are encoded.
struct Sealed {
    turn: Turn,
    drafts: Vec<Draft>,
    /// The arrival of a held one, for its letter.
    arrival: Option<bus::OutRecord>,
    outgoing: Vec<Outgoing>,
}

/// One whose records were handed over.
struct Sent {
    turn: Turn,
    drafts: Vec<Draft>,
    arrival: Option<bus::OutRecord>,
    reports: Result<Vec<Report>, &'static str>,
}

impl Desk {
    /// Takes the deliveries of a batch to Kafka, but those that Kafka holds, and says of each, in its order, what became
    /// of it; or why not all of them are surely stored. Those that are stored are known then, so that a repeat of the
    /// whole batch finds them.
    pub(crate) async fn take_all(&self, parcels: Vec<Parcel>) -> Result<Vec<ToldItem>, &'static str> {
        let places = places(&parcels);
        let mut told: Vec<Option<ToldItem>> = parcels.iter().map(|_| None).collect();
        let (mut turns, mut waiting) = (Vec::new(), Vec::new());
        for (nth, (mut parcel, place)) in parcels.into_iter().zip(&places).enumerate() {
            match place {
                Place::Own => waiting.push((nth, parcel)),
                Place::Repeat { .. } => {}
                Place::Other => {
                    parcel.events = parcel.events.and_then(|_| Err(identity_reused()));
                    turns.push(Turn::new(nth, parcel, None));
                }
            }
        }
        loop {
            let (mut others, mut thin) = (Vec::new(), Vec::new());
            for (nth, mut parcel) in std::mem::take(&mut waiting) {
                match self.window.ask(&parcel.key, parcel.content(), Instant::now()) {
                    Seen::Before(outcome) => told[nth] = Some((outcome, true)),
                    // They go to Kafka twice, so each goes its own way.
                    Seen::Never(mine) if !parcel.dues.is_empty() => {
                        thin.push(async move { (nth, self.first(Box::new(parcel), mine).await) });
                    }
                    Seen::Never(mine) => turns.push(Turn::new(nth, parcel, Some(mine))),
                    Seen::Otherwise => {
                        parcel.events = Err(identity_reused());
                        turns.push(Turn::new(nth, parcel, None));
                    }
                    Seen::OnTheWay(over) => others.push((nth, parcel, over)),
                }
            }
            // Only what is on nobody's way is waited for: two batches with the same items never wait for each other.
            self.produce_all(std::mem::take(&mut turns), &mut told).await?;
            for (nth, outcome) in join_all(thin).await {
                match outcome {
                    Told::First(outcome) => told[nth] = Some((outcome, false)),
                    Told::Again(outcome) => told[nth] = Some((outcome, true)),
                    Told::Unavailable(reason) => return Err(reason),
                }
            }
            if others.is_empty() {
                break;
            }
            for (nth, parcel, mut over) in others {
                timeout_at(parcel.deadline, over.changed()).await.map(drop).or(Err("twin"))?;
                waiting.push((nth, parcel));
            }
        }
        for (nth, place) in places.iter().enumerate() {
            if let Place::Repeat { of } = place {
                told[nth] = told[*of].clone().map(|(outcome, _)| (outcome, true));
            }
        }
        told.into_iter().collect::<Option<_>>().ok_or("unacknowledged")
    }

    /// One way to Kafka and back for all, and another one for the letters of those that are held.
    async fn produce_all(&self, turns: Vec<Turn>, told: &mut [Option<ToldItem>]) -> Result<(), &'static str> {
        if turns.is_empty() {
            return Ok(());
        }
        let mut sealed = Vec::with_capacity(turns.len());
        for turn in turns {
            sealed.push(self.sealed(turn).await?);
        }
        let start = Instant::now();
        let (under_way, mut failed) = self.hand_over(sealed);
        let limit = start + self.report_max();
        let mut letters = Vec::new();
        for Sent { turn, drafts, arrival, reports } in under_way {
            let placed = match reports {
                Ok(reports) => placed(reports, limit).await,
                Err(reason) => Err(reason),
            };
            match (placed, arrival) {
                (Ok(placed), None) => self.settle(turn, super::accepted(drafts, placed), told),
                (Ok(placed), Some(arrival)) => letters.push((turn, arrival, placed)),
                (Err(reason), None) if reason == too_large().reason => {
                    match self.held(&too_large(), &turn.kept).await {
                        Ok(outcome) => self.settle_held(turn, &too_large(), outcome, told),
                        Err(reason) => failed = Some(reason),
                    }
                }
                (Err(reason), _) => failed = Some(reason),
            }
        }
        self.took.record(start.elapsed());
        let lettered = self.letters(letters, limit, told).await;
        failed.map_or(lettered, Err)
    }

    /// Encodes the records of a delivery.
    async fn sealed(&self, mut turn: Turn) -> Result<Sealed, &'static str> {
        match &mut turn.events {
            Ok(events) => {
                let (outgoing, drafts) = self.records(events, &turn.kept).await?;
                Ok(Sealed { turn, drafts, arrival: None, outgoing })
            }
            Err(_) => {
                let outgoing = self.arrival(&turn.kept).await?;
                let arrival = Some(outgoing.record.clone());
                Ok(Sealed { turn, drafts: Vec::new(), arrival, outgoing: vec![outgoing] })
            }
        }
    }

    /// Hands all records over without a pause between them, so that Kafka's client sends many of them together: each
    /// record that it finds alone costs a request. Ends at the first that is refused.
    fn hand_over(&self, sealed: Vec<Sealed>) -> (Vec<Sent>, Option<&'static str>) {
        let mut under_way = Vec::with_capacity(sealed.len());
        for Sealed { turn, drafts, arrival, outgoing } in sealed {
            // What was handed over before goes on by itself, and is known once it is there.
            let reports: Result<Vec<Report>, _> =
                outgoing.into_iter().map(|outgoing| self.enqueued(outgoing)).collect();
            let refused = reports.as_ref().err().copied();
            under_way.push(Sent { turn, drafts, arrival, reports });
            if let Some(reason) = refused.filter(|reason| *reason != too_large().reason) {
                return (under_way, Some(reason));
            }
        }
        (under_way, None)
    }

    /// The letters of held deliveries, whose arrivals are stored.
    async fn letters(
        &self,
        letters: Vec<(Turn, bus::OutRecord, Vec<Placed>)>,
        limit: Instant,
        told: &mut [Option<ToldItem>],
    ) -> Result<(), &'static str> {
        let mut under_way = Vec::with_capacity(letters.len());
        let mut failed = None;
        for (turn, arrival, placed) in letters {
            let (Err(held), Some(placed)) = (&turn.events, placed.first()) else {
                return Err("unacknowledged");
            };
            let why = Why { reason: held.reason, error: &held.error, at: turn.kept.original.received_at };
            let record = self.topics.letter(arrival, *placed, &why);
            match self.enqueued(Outgoing { record, span: turn.kept.trail.send() }) {
                Ok(report) => under_way.push((turn, report)),
                Err(reason) => {
                    failed = Some(reason);
                    break;
                }
            }
        }
        for (mut turn, report) in under_way {
            match placed(vec![report], limit).await {
                Ok(_) => {
                    if let Err(held) = std::mem::replace(&mut turn.events, Ok(Vec::new())) {
                        self.settle_held(turn, &held, Outcome::Held(held.reason), told);
                    }
                }
                Err(reason) => failed = Some(reason),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn settle_held(&self, turn: Turn, held: &Held, outcome: Outcome, told: &mut [Option<ToldItem>]) {
        super::tell_held(&turn.kept.original.source, held);
        self.settle(turn, outcome, told);
    }

    /// Kafka holds it.
    fn settle(&self, turn: Turn, outcome: Outcome, told: &mut [Option<ToldItem>]) {
        if let Some(mine) = turn.mine {
            mine.known(turn.fingerprint, outcome.clone(), Instant::now());
        }
        told[turn.nth] = Some((outcome, false));
    }
}

impl Turn {
    fn new(nth: usize, parcel: Parcel, mine: Option<Mine>) -> Self {
        let (fingerprint, (kept, events)) = (parcel.fingerprint, parcel.parted());
        Self { nth, fingerprint, mine, kept, events }
    }
}

/// What each parcel is among the others of its batch. It does not depend on what Kafka holds.
fn places(parcels: &[Parcel]) -> Vec<Place> {
    let mut owners: HashMap<&[u8], usize> = HashMap::with_capacity(parcels.len());
    for (nth, parcel) in parcels.iter().enumerate() {
        let owner = owners.entry(&parcel.key).or_insert(nth);
        if parcels[*owner].events.is_err() && parcel.events.is_ok() {
            *owner = nth;
        }
    }
    let place = |(nth, parcel): (usize, &Parcel)| match owners.get(&parcel.key[..]) {
        Some(owner) if *owner != nth && parcels[*owner].fingerprint == parcel.fingerprint => {
            Place::Repeat { of: *owner }
        }
        Some(owner) if *owner != nth => Place::Other,
        _ => Place::Own,
    };
    parcels.iter().enumerate().map(place).collect()
}

/// Where all records of a delivery lie. All of them are under way already, so waiting for one after the other costs
/// nothing.
async fn placed(reports: Vec<Report>, limit: Instant) -> Result<Vec<Placed>, &'static str> {
    let waiting = async {
        let mut placed = Vec::with_capacity(reports.len());
        let mut failed = None;
        for report in reports {
            match report.await {
                Ok(place) => placed.push(place),
                Err(error) => {
                    trouble("produce", error.reason(), error.is_passing(), &error);
                    failed = failed.or(Some(error.reason()));
                }
            }
        }
        failed.map_or(Ok(placed), Err)
    };
    // A report always comes; should it not, the delivery must not stay "on the way" for ever.
    timeout(limit.saturating_duration_since(Instant::now()), waiting).await.unwrap_or(Err("no_report"))
}

#[cfg(test)]
mod tests;

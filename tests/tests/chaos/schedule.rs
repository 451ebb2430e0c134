//! What happens to the members and the broker, and when: all of it follows from the seed.

use std::time::Duration;

use crate::dice::Dice;

/// Members that run at the beginning.
pub const MEMBERS: usize = 3;

/// Sessions end after 6 s of silence, polls are missed after 12 s. See the world.
const PAST_SESSION_MS: (u64, u64) = (7_500, 9_500);
const PAST_POLL_MS: (u64, u64) = (14_000, 16_000);
/// Between two incidents.
const GAP_MS: (u64, u64) = (5_000, 20_000);
/// Nothing new happens this long before the end, when the last events are sent.
const QUIET_MS: u64 = 3_000;
/// A supervisor starts a successor of a killed member this much later.
const SUCCESSOR_MS: (u64, u64) = (500, 3_000);
/// How long the broker is away, beside the time of its start.
const BROKER_AWAY_MS: u64 = 2_000;

/// One thing that happens. Members are counted from 0 in the order of their starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Start(usize),
    /// SIGKILL.
    Kill(usize),
    /// SIGSTOP.
    Stop(usize),
    /// SIGCONT.
    Continue(usize),
    /// SIGTERM.
    Remove(usize),
    KillBroker,
    StartBroker,
}

/// What may happen next; a deck of them is drawn empty before it is shuffled again, so that none is left out.
#[derive(Debug, Clone, Copy)]
enum Card {
    Kill,
    StopPastSession,
    StopPastPoll,
    Add,
    Remove,
}

const DECK: [Card; 7] = [
    Card::Kill,
    Card::StopPastSession,
    Card::StopPastPoll,
    Card::Add,
    Card::Kill,
    Card::Remove,
    Card::StopPastPoll,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Runs,
    StandsStill,
    Gone,
}

/// The steps of a run by their time; after the last one nobody stands still any more.
pub fn draw(length: Duration, dice: &mut Dice) -> Vec<(Duration, Step)> {
    let length = length.as_millis() as u64;
    let broker_at = length / 2;
    let mut stage = Stage { members: vec![State::Runs; MEMBERS], later: Vec::new(), steps: Vec::new() };
    stage.later.push((broker_at, Step::KillBroker));
    stage.later.push((broker_at + BROKER_AWAY_MS, Step::StartBroker));
    let (mut at, mut deck) = (0, Vec::new());
    loop {
        at += dice.between(GAP_MS.0, GAP_MS.1);
        if at + QUIET_MS > length {
            break;
        }
        stage.catch_up(at);
        if deck.is_empty() {
            deck = DECK.to_vec();
            dice.shuffle(&mut deck);
        }
        if let Some(card) = deck.pop() {
            stage.play(at, card, dice);
        }
    }
    stage.catch_up(u64::MAX);
    stage.steps.into_iter().map(|(at, step)| (Duration::from_millis(at), step)).collect()
}

struct Stage {
    members: Vec<State>,
    /// What is bound to happen, in no order.
    later: Vec<(u64, Step)>,
    steps: Vec<(u64, Step)>,
}

impl Stage {
    fn play(&mut self, at: u64, card: Card, dice: &mut Dice) {
        let running: Vec<usize> = self.in_state(State::Runs).collect();
        // One always goes on, and two cores carry no more than five.
        let card = match card {
            _ if running.len() < 2 => Card::Add,
            Card::Add if running.len() > 4 => Card::Remove,
            Card::Remove if running.len() < 3 => Card::Add,
            card => card,
        };
        let victim = running[dice.roll(running.len() as u64) as usize];
        match card {
            Card::Add => self.happen(at, Step::Start(self.members.len())),
            Card::Remove => self.happen(at, Step::Remove(victim)),
            Card::Kill => {
                self.happen(at, Step::Kill(victim));
                // Numbers are given when it starts.
                self.later.push((at + dice.between(SUCCESSOR_MS.0, SUCCESSOR_MS.1), Step::Start(usize::MAX)));
            }
            Card::StopPastSession | Card::StopPastPoll => {
                let past_poll = matches!(card, Card::StopPastPoll);
                let (least, most) = if past_poll { PAST_POLL_MS } else { PAST_SESSION_MS };
                self.happen(at, Step::Stop(victim));
                self.later.push((at + dice.between(least, most), Step::Continue(victim)));
            }
        }
    }

    /// Lets happen what is bound to happen by then.
    fn catch_up(&mut self, at: u64) {
        self.later.sort_by_key(|(at, _)| *at);
        let due = self.later.iter().take_while(|(due, _)| *due <= at).count();
        for (at, step) in self.later.drain(..due).collect::<Vec<_>>() {
            self.happen(at, step);
        }
    }

    fn happen(&mut self, at: u64, step: Step) {
        let step = match step {
            Step::Start(_) => {
                self.members.push(State::Runs);
                Step::Start(self.members.len() - 1)
            }
            Step::Kill(member) | Step::Remove(member) => self.becomes(member, State::Gone, step),
            Step::Stop(member) => self.becomes(member, State::StandsStill, step),
            Step::Continue(member) => self.becomes(member, State::Runs, step),
            Step::KillBroker | Step::StartBroker => step,
        };
        self.steps.push((at, step));
    }

    fn becomes(&mut self, member: usize, state: State, step: Step) -> Step {
        self.members[member] = state;
        step
    }

    fn in_state(&self, state: State) -> impl Iterator<Item = usize> {
        self.members.iter().enumerate().filter(move |(_, own)| **own == state).map(|(number, _)| number)
    }
}

#[test]
fn every_schedule_holds_what_was_promised() {
    for seed in 0..1_000 {
        let length = Duration::from_secs(120);
        let steps = draw(length, &mut Dice::new(seed));
        assert_eq!(steps, draw(length, &mut Dice::new(seed)), "the same seed gives the same schedule");
        assert!(steps.is_sorted_by_key(|(at, _)| *at), "{seed}: {steps:?}");
        let count = |wanted: fn(&Step) -> bool| steps.iter().filter(|(_, step)| wanted(step)).count();
        assert_eq!(count(|step| matches!(step, Step::KillBroker)), 1, "{seed}");
        let stops = count(|step| matches!(step, Step::Stop(_)));
        assert!(stops >= 1 && stops == count(|step| matches!(step, Step::Continue(_))), "{seed}: {steps:?}");
        let gone = count(|step| matches!(step, Step::Kill(_) | Step::Remove(_)));
        let started = count(|step| matches!(step, Step::Start(_)));
        assert!(gone >= 1 && MEMBERS + started - gone >= 2, "{seed}: {steps:?}");
        let incident =
            |step: &Step| !matches!(step, Step::Continue(_) | Step::KillBroker | Step::StartBroker);
        assert!(steps.iter().filter(|(_, step)| incident(step)).count() >= 5, "{seed}: {steps:?}");
    }
}

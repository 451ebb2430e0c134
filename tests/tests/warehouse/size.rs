//! How much of everything there is, and the seed that everything follows from.

use std::time::Duration;

use fastrand::Rng;

use crate::{
    feed::Course,
    story::{BLOCK, Story},
};

/// The seed that continuous integration runs with.
const FIXED: u64 = 20_261_123;

/// How many events a run has, how long they take to come, and how often everything happens.
pub struct Size {
    pub events: u64,
    pub lasts: Duration,
    pub rounds: usize,
}

impl Size {
    /// `short`, or 200,000 events with `OKR_TEST_LONG=1`; `OKR_WAREHOUSE_EVENTS` changes their number.
    pub fn of(short: Self) -> Self {
        let long = Self { events: 200_000, lasts: Duration::from_secs(300), rounds: 4 };
        let size = if is_long() { long } else { short };
        Self { events: number("OKR_WAREHOUSE_EVENTS").unwrap_or(size.events), ..size }
    }

    /// The hard events of this run.
    pub fn course(&self, dice: Rng) -> Course<Story> {
        // Some come again, and a block has that many records.
        let blocks = self.events * 23 / 20 / BLOCK as u64;
        let pace = self.lasts.div_f64(blocks.max(1) as f64);
        Course { blocks: Story::new(self.events, dice), pace, least: self.events as usize }
    }

    /// What happens, in what order: all of `what`, shuffled, as often as there are rounds.
    pub fn deck<T: Clone>(&self, what: &[T], dice: &mut Rng) -> Vec<T> {
        let mut deck = Vec::new();
        for _ in 0..self.rounds {
            let mut round = what.to_vec();
            dice.shuffle(&mut round);
            deck.extend(round);
        }
        deck
    }

    /// A disk that holds the tables of this run, and is soon filled up.
    pub fn disk(&self) -> String {
        format!("{}m", 128 + self.events / 125)
    }
}

/// `OKR_WAREHOUSE_SEED`, else the fixed one; a long run draws its own. It is printed, so that a run can be had again.
pub fn seed() -> u64 {
    let given = number("OKR_WAREHOUSE_SEED");
    let seed = given.unwrap_or_else(|| if is_long() { fastrand::u64(..) } else { FIXED });
    println!("OKR_WAREHOUSE_SEED={seed}");
    seed
}

fn is_long() -> bool {
    std::env::var("OKR_TEST_LONG").is_ok_and(|text| text == "1")
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

//! Numbers that only look random: the same seed gives the same run on every machine.

/// The seed that continuous integration runs with.
const FIXED: u64 = 20_261_123;

/// `OKR_CHAOS_SEED`, else the fixed one; a long run draws its own. It is printed, so that a run can be had again.
pub fn seed() -> u64 {
    let given = std::env::var("OKR_CHAOS_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| if is_long() { fastrand::u64(..) } else { FIXED });
    println!("OKR_CHAOS_SEED={seed}");
    seed
}

/// Whether there is time for more than continuous integration has.
pub fn is_long() -> bool {
    std::env::var("OKR_TEST_LONG").is_ok_and(|text| text == "1")
}

/// Splitmix64.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to `below` - 1.
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (value ^ (value >> 31)) % below.max(1)
    }

    /// Both ends included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.roll(most - least + 1)
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.roll(last as u64 + 1) as usize);
        }
    }
}

//! Which partition a record goes to. Every record is placed here; no partitioner of Kafka's is ever asked.

mod ranges;

pub use ranges::{RangeError, parse_ranges};

/// Kafka's murmur2 of the Java client (`org.apache.kafka.common.utils.Utils.murmur2`), 32 bits.
pub fn murmur2(key: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    const SEED: u32 = 0x9747_b28c;
    let mut hash = SEED ^ key.len() as u32;
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let rest = words.remainder();
    for (at, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * at);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// The partition of a key over a whole topic, as Kafka's own default partitioner places keyed records. A count below 1
/// is taken for 1.
pub fn partition(key: &[u8], count: i32) -> i32 {
    let count = count.max(1) as u32;
    ((murmur2(key) & 0x7fff_ffff) % count) as i32
}

/// The partition of a key within a list: the member with the highest weight (rendezvous hash). Appending to the list
/// moves only keys that go to the new members; the order of the list means nothing. Partition 0 for an empty list.
pub fn within(key: &[u8], list: &[i32]) -> i32 {
    let hash = u64::from(murmur2(key));
    let weight = |partition: i32| mix((hash << 32) | u64::from(partition as u32));
    list.iter().copied().max_by_key(|&partition| (weight(partition), partition)).unwrap_or(0)
}

/// The finaliser of splitmix64: every bit of the input moves every bit of the output.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests;

//! What a delivery says, as a number: one that lasts for identities, and one that is fast for comparing.

use std::{
    hash::{BuildHasher, Hasher},
    sync::LazyLock,
};

use rapidhash::quality::RandomState;
use sha2::{Digest, Sha256};

/// What a delivery says, to be compared with another one of this process and of no other: 128 bits that change with
/// every start, so that nobody outside knows two contents that are one to us.
pub type Fingerprint = u128;

static SEEDS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);

/// The fingerprint of parts that mean something only together, in this order.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> Fingerprint {
    let [high, low] = [0, 1].map(|half| {
        let mut hasher = SEEDS[half].build_hasher();
        for part in parts {
            hasher.write(part);
            hasher.write_usize(part.len());
        }
        u128::from(hasher.finish())
    });
    high << 64 | low
}

/// SHA-256 of parts put together; the same everywhere and for ever.
pub(crate) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_their_order_tell_contents_apart() {
        let of = |parts: &[&[u8]]| fingerprint(parts);
        assert_eq!(of(&[b"ab", b"c"]), of(&[b"ab", b"c"]));
        for other in [&[b"a".as_slice(), b"bc"], &[b"c".as_slice(), b"ab"], &[b"abc".as_slice(), b""]] {
            assert_ne!(of(&[b"ab", b"c"]), of(other));
        }
        let long = vec![7_u8; 5_000];
        for nth in 0..long.len() {
            let mut other = long.clone();
            other[nth] ^= 1;
            assert_ne!(of(&[&long]), of(&[&other]), "{nth}");
        }
    }

    #[test]
    fn both_halves_have_seeds_of_their_own() {
        let print = fingerprint(&[b"one"]);
        assert_ne!(print >> 64, print & u128::from(u64::MAX));
    }

    #[test]
    fn a_digest_is_sha256_of_the_whole() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(digest(&[b"a", b"bc"])), expected);
    }
}

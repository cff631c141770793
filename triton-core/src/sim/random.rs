//! Seeded chance: the same seed gives the same run, byte for byte.

use std::string::String;

/// Letters that generated names consist of (Kubernetes `SafeEncodeString`: no vowels, no look-alikes).
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A small seeded generator (`SplitMix64`). Not for secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random(u64);

impl Random {
    /// A generator; different seeds and different `stream`s of one seed are independent.
    #[must_use]
    pub const fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0xA076_1D64_78BD_642F));
        random.0 = random.next();
        random
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 when `n` is 0.
    pub const fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.next() % n }
    }

    /// A number from `low` to `high`, both included.
    pub const fn between(&mut self, low: u32, high: u32) -> u32 {
        let span = high.saturating_sub(low) as u64 + 1;
        low.saturating_add(self.below(span) as u32)
    }

    /// A length of time in microseconds from a range, both ends included.
    pub fn within(&mut self, range: (i64, i64)) -> i64 {
        let span = range.1.saturating_sub(range.0).max(0).unsigned_abs();
        range.0.saturating_add_unsigned(self.below(span.saturating_add(1)))
    }

    /// True in `per_mille` of 1,000 cases.
    pub const fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1000) < per_mille as u64
    }

    /// An index into something of this length; `None` when it is empty.
    pub const fn index(&mut self, len: usize) -> Option<usize> {
        if len == 0 { None } else { Some(self.below(len as u64) as usize) }
    }

    /// So many letters as Kubernetes uses them in generated names.
    pub fn letters(&mut self, count: usize) -> String {
        (0..count).map(|_| letter(self.next())).collect()
    }
}

/// The letters of a hash, as controllers write them in revision names.
pub(super) fn encode(mut hash: u64, count: usize) -> String {
    let mut text = String::with_capacity(count);
    for _ in 0..count {
        text.push(letter(hash));
        hash /= LETTERS.len() as u64;
    }
    text
}

const fn letter(number: u64) -> char {
    LETTERS[(number % LETTERS.len() as u64) as usize] as char
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_streams_differ() {
        let draw = |seed, stream| {
            let mut random = Random::new(seed, stream);
            [random.next(), random.next(), random.next()]
        };
        assert_eq!(draw(7, 1), draw(7, 1));
        assert_ne!(draw(7, 1), draw(7, 2));
        assert_ne!(draw(7, 1), draw(8, 1));
    }

    #[test]
    fn ranges_include_both_ends() {
        let mut random = Random::new(3, 0);
        let seen: std::collections::BTreeSet<u32> = (0..200).map(|_| random.between(2, 4)).collect();
        assert_eq!(seen.into_iter().collect::<std::vec::Vec<_>>(), [2, 3, 4]);
    }
}

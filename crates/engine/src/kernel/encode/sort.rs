//! Sorting the few places that one row has.
//!
//! The order of hashes is random, so a sort that branches on it guesses wrong every other time. Up to 16 places, the words of
//! a sentence, go through Batcher's networks (Knuth, vol. 3, 5.2.2, algorithm M) instead, written out: the smaller of two
//! places to the front, without a branch.

/// Most places that are sorted by a network.
pub const MOST: usize = 16;

macro_rules! network {
    ($all:ident: $($a:literal $b:literal),* $(,)?) => {
        $(
            let (x, y) = ($all[$a], $all[$b]);
            $all[$a] = x.min(y);
            $all[$b] = x.max(y);
        )*
    };
}

/// Returns up to [`MOST`] places in order, followed by the largest number there is.
#[inline]
pub fn sorted(places: &[u32]) -> [u32; MOST] {
    assert!(places.len() <= MOST, "more are sorted in place");
    let mut all = [u32::MAX; MOST];
    // Copied one by one: so few are not worth a call, and the optimiser calls the closures of `array::from_fn`.
    all.iter_mut().zip(places).for_each(|(to, &place)| *to = place);
    match all.first_chunk_mut::<8>() {
        Some(first) if places.len() <= 8 => {
            *first = sorted_8(*first);
            all
        }
        _ => sorted_16(all),
    }
}

#[inline]
fn sorted_8(mut all: [u32; 8]) -> [u32; 8] {
    network! {
        all:
            0 4, 1 5, 2 6, 3 7, 0 2, 1 3, 4 6, 5 7, 2 4, 3 5, 0 1, 2 3, 4 5, 6 7, 1 4, 3 6, 1 2, 3 4, 5 6
    }
    all
}

#[inline]
fn sorted_16(mut all: [u32; 16]) -> [u32; 16] {
    network! {
        all:
            0 8, 1 9, 2 10, 3 11, 4 12, 5 13, 6 14, 7 15, 0 4, 1 5, 2 6, 3 7, 8 12, 9 13, 10 14, 11 15, 4 8,
            5 9, 6 10, 7 11, 0 2, 1 3, 4 6, 5 7, 8 10, 9 11, 12 14, 13 15, 2 8, 3 9, 6 12, 7 13, 2 4, 3 5, 6 8,
            7 9, 10 12, 11 13, 0 1, 2 3, 4 5, 6 7, 8 9, 10 11, 12 13, 14 15, 1 8, 3 10, 5 12, 7 14, 1 4, 3 6,
            5 8, 7 10, 9 12, 11 14, 1 2, 3 4, 5 6, 7 8, 9 10, 11 12, 13 14
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A network that sorts all rows of zeros and ones sorts everything (Knuth, vol. 3, 5.3.4, theorem Z).
    #[test]
    fn zeros_and_ones_are_sorted() {
        for len in [0, 1, 3, 8, 9, 12, 16] {
            for bits in 0..1_u32 << len {
                let places: Vec<u32> = (0..len).map(|i| bits >> i & 1).collect();
                let all = sorted(&places);
                assert!(all.is_sorted() && all[len..].iter().all(|&p| p == u32::MAX), "{bits:b}");
                assert_eq!(all[..len].iter().sum::<u32>(), bits.count_ones(), "{bits:b}");
            }
        }
    }
}

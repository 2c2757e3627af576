//! Sorting the few places that one row has.

/// Most numbers that are sorted by a network: the words of a sentence.
const MOST: usize = 16;

/// Compares, of numbers at two places each, in order.
type Network<const STEPS: usize> = [(usize, usize); STEPS];

const OF_8: Network<19> = network(8);
const OF_16: Network<63> = network(16);

/// Sorts places. The order of hashes is random, so a few are sorted without a branch on it.
#[inline]
pub fn sort(places: &mut [u32]) {
    let len = places.len();
    if len > MOST {
        return places.sort_unstable();
    }
    let mut all = [u32::MAX; MOST];
    all[..len].copy_from_slice(places);
    if len <= MOST / 2 {
        run(&OF_8, &mut all)
    } else {
        run(&OF_16, &mut all)
    }
    places.copy_from_slice(&all[..len]);
}

#[inline]
fn run<const STEPS: usize>(network: &Network<STEPS>, all: &mut [u32; MOST]) {
    for &(a, b) in network {
        let (x, y) = (all[a], all[b]);
        all[a] = x.min(y);
        all[b] = x.max(y);
    }
}

/// Returns Batcher's network for the first `len`, a power of two (Knuth, vol. 3, 5.2.2, algorithm M).
const fn network<const STEPS: usize>(len: usize) -> Network<STEPS> {
    let mut steps = [(0, 0); STEPS];
    let mut count = 0;
    let mut p = len / 2;
    while p > 0 {
        let (mut q, mut r, mut d) = (len / 2, 0, p);
        loop {
            let mut i = 0;
            while i + d < len {
                if i & p == r {
                    steps[count] = (i, i + d);
                    count += 1;
                }
                i += 1;
            }
            if q == p {
                break;
            }
            (d, q, r) = (q - p, q / 2, p);
        }
        p /= 2;
    }
    assert!(count == STEPS);
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A network that sorts all rows of zeros and ones sorts everything (Knuth, vol. 3, 5.3.4, theorem Z).
    #[test]
    fn zeros_and_ones_are_sorted() {
        for len in [1, 3, 8, 9, 12, 16] {
            for bits in 0..1_u32 << len {
                let mut places: Vec<u32> = (0..len).map(|i| bits >> i & 1).collect();
                sort(&mut places);
                assert!(places.is_sorted() && places.iter().sum::<u32>() == bits.count_ones(), "{bits:b}");
            }
        }
    }

    #[test]
    fn more_are_sorted_too() {
        let mut places: Vec<u32> = (0..40).map(|i| i * 7919 % 31).collect();
        let mut expected = places.clone();
        expected.sort();
        sort(&mut places);
        assert_eq!(places, expected);
    }
}

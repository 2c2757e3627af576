//! Philox 4x32-10 of Salmon and others ("Parallel random numbers: as easy as 1, 2, 3", 2011): a block of four words is a function
//! of a key and a counter, so that any part of the stream is at hand.

/// A key, and the number of the next block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Philox {
    key: [u32; 2],
    counter: u128,
}

/// The words of a generator, one after the other.
pub(super) struct Words {
    of: Philox,
    block: [u32; 4],
    used: usize,
}

impl Philox {
    pub(super) fn new(key: u64, counter: u128) -> Philox {
        Philox { key: [key as u32, (key >> 32) as u32], counter }
    }

    pub(super) fn skip(&mut self, blocks: u64) {
        self.counter = self.counter.wrapping_add(blocks.into());
    }

    pub(super) fn next(&mut self) -> [u32; 4] {
        let word = |i: u32| (self.counter >> (32 * i)) as u32;
        let mut block = [word(0), word(1), word(2), word(3)];
        let mut key = self.key;
        for _ in 0..10 {
            let a = u64::from(block[0]) * 0xd251_1f53;
            let b = u64::from(block[2]) * 0xcd9e_8d57;
            let high = |product: u64| (product >> 32) as u32;
            block = [high(b) ^ block[1] ^ key[0], b as u32, high(a) ^ block[3] ^ key[1], a as u32];
            key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
        }
        self.skip(1);
        block
    }
}

impl Words {
    pub(super) fn new(of: Philox) -> Words {
        Words { of, block: [0; 4], used: 4 }
    }

    pub(super) fn next(&mut self) -> u32 {
        if self.used == 4 {
            (self.block, self.used) = (self.of.next(), 0);
        }
        self.used += 1;
        self.block[self.used - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers of Random123's `kat_vectors`.
    #[test]
    fn the_published_vectors() {
        let of = |key: [u32; 2], counter: [u32; 4]| {
            let wide = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
            let counter = u128::from(wide(counter[2], counter[3])) << 64 | u128::from(wide(counter[0], counter[1]));
            Philox::new(wide(key[0], key[1]), counter).next()
        };
        assert_eq!(of([0; 2], [0; 4]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(of([u32::MAX; 2], [u32::MAX; 4]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        assert_eq!(of([0xa409_3822, 0x299f_31d0], pi), [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }

    #[test]
    fn a_skipped_block_is_that_of_its_number() {
        let mut one = Philox::new(7, u128::from(u64::MAX) - 1);
        let blocks = [one.next(), one.next(), one.next()];
        let mut other = Philox::new(7, u128::from(u64::MAX) - 1);
        other.skip(2);
        assert_eq!(other.next(), blocks[2]);
        let mut words = Words::new(Philox::new(7, u128::from(u64::MAX) - 1));
        let all: Vec<u32> = (0..12).map(|_| words.next()).collect();
        assert_eq!(all, blocks.concat());
    }
}

//! Where the inference of a document starts: draws of a gamma distribution, as breeze makes them of the generator of Apache
//! Commons Math (`MersenneTwister`, `nextGaussian` by Box and Muller; the draws by Marsaglia and Tsang, 2000).

/// Returns whether we draw with this shape; Spark's is 100, and cannot be set.
pub fn is_shape(shape: f64) -> bool {
    shape.is_finite() && shape >= 1.0
}

/// Returns the first draws of a gamma distribution with the mean 1; nothing where the generator finds none.
pub fn draws(seed: u64, shape: f64, count: usize) -> Option<Vec<f64>> {
    let mut random = Random::new(seed);
    (0..count).map(|_| random.gamma(shape)).collect()
}

const WORDS: usize = 624;
const MIDDLE: usize = 397;

/// Matsumoto's and Nishimura's MT19937, and what Commons Math draws of it.
struct Random {
    words: [u32; WORDS],
    at: usize,
    /// The second of a pair of normal draws.
    kept: Option<f64>,
}

impl Random {
    fn new(seed: u64) -> Random {
        let mut random = Random { words: [0; WORDS], at: WORDS, kept: None };
        random.seed(&[(seed >> 32) as u32, seed as u32]);
        random
    }

    /// As `init_by_array`.
    fn seed(&mut self, key: &[u32; 2]) {
        let words = &mut self.words;
        words[0] = 19_650_218;
        let mix = |before: u32, factor: u32| (before ^ (before >> 30)).wrapping_mul(factor);
        for i in 1..WORDS {
            words[i] = mix(words[i - 1], 1_812_433_253).wrapping_add(i as u32);
        }
        let mut i = 1;
        let next = |words: &mut [u32; WORDS], i: usize| {
            if i + 1 < WORDS {
                return i + 1;
            }
            words[0] = words[WORDS - 1];
            1
        };
        for round in 0..WORDS {
            let place = round % key.len();
            let mixed = words[i] ^ mix(words[i - 1], 1_664_525);
            words[i] = mixed.wrapping_add(key[place]).wrapping_add(place as u32);
            i = next(words, i);
        }
        for _ in 1..WORDS {
            let mixed = words[i] ^ mix(words[i - 1], 1_566_083_941);
            words[i] = mixed.wrapping_sub(i as u32);
            i = next(words, i);
        }
        words[0] = 0x8000_0000;
    }

    fn word(&mut self) -> u32 {
        if self.at == WORDS {
            for i in 0..WORDS {
                let joined = self.words[i] & 0x8000_0000 | self.words[(i + 1) % WORDS] & 0x7FFF_FFFF;
                let odd = if joined & 1 == 1 { 0x9908_B0DF } else { 0 };
                self.words[i] = self.words[(i + MIDDLE) % WORDS] ^ (joined >> 1) ^ odd;
            }
            self.at = 0;
        }
        let mut y = self.words[self.at];
        self.at += 1;
        y ^= y >> 11;
        y ^= y << 7 & 0x9D2C_5680;
        y ^= y << 15 & 0xEFC6_0000;
        y ^ (y >> 18)
    }

    /// Returns a number from 0 to below 1.
    fn uniform(&mut self) -> f64 {
        let (high, low) = (u64::from(self.word() >> 6), u64::from(self.word() >> 6));
        (high << 26 | low) as f64 / (1_u64 << 52) as f64
    }

    fn normal(&mut self) -> f64 {
        if let Some(kept) = self.kept.take() {
            return kept;
        }
        let (x, y) = (self.uniform(), self.uniform());
        let (angle, radius) = (2.0 * std::f64::consts::PI * x, (-2.0 * libm::log(y)).sqrt());
        self.kept = Some(radius * libm::sin(angle));
        radius * libm::cos(angle)
    }

    fn gamma(&mut self, shape: f64) -> Option<f64> {
        /// Draws that are thrown away at most: of a shape from 1 on, one in twenty is.
        const TRIES_MAX: usize = 10_000;
        let scale = 1.0 / shape;
        if shape == 1.0 {
            return Some(scale * -libm::log(self.uniform()));
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        for _ in 0..TRIES_MAX {
            let x = self.normal();
            let v = 1.0 + c * x;
            if v <= 0.0 {
                continue;
            }
            let (v, x2) = (v * v * v, x * x);
            let u = self.uniform();
            if u < 1.0 - 0.0331 * (x2 * x2) || libm::log(u) < 0.5 * x2 + d * (1.0 - v + libm::log(v)) {
                return Some(scale * d * v);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_others() {
        // Python's `random.Random(0x123 << 32 | 0x234)` seeds in the same way, with the lowest word first.
        let mut random = Random::new(0x234_u64 << 32 | 0x123);
        let words: Vec<u32> = (0..3).map(|_| random.word()).collect();
        assert_eq!(words, [0x5EC3_0020, 0x178C_E615, 0x735A_5689]);
    }

    #[test]
    fn draws_have_the_mean_1() {
        let draws = draws(super::super::SEED, 100.0, 10_000).expect("draws");
        let mean = draws.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 1.0).abs() < 5e-3, "{mean}");
        let variance = draws.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / 10_000.0;
        assert!((variance - 0.01).abs() < 1e-3, "{variance}");
    }
}

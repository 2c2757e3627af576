//! Hashes of texts, as TensorFlow has them: FarmHash's `Fingerprint64` (of `farmhashna`), SipHash-2-4, MurmurHash64A.

use plan::tensor::TextHash;

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;

/// Returns the hash of a text.
pub(in crate::kernel::tensor) fn hash(text: &[u8], of: TextHash) -> u64 {
    match of {
        TextHash::Farm => fingerprint64(text),
        TextHash::Sip { key } => siphash(text, key),
        TextHash::Murmur => murmur64(text),
    }
}

fn word(text: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(text[at..at + 8].try_into().expect("eight bytes"))
}

fn half(text: &[u8], at: usize) -> u64 {
    u32::from_le_bytes(text[at..at + 4].try_into().expect("four bytes")).into()
}

fn mix(x: u64) -> u64 {
    x ^ (x >> 47)
}

fn join(u: u64, v: u64, by: u64) -> u64 {
    let a = mix((u ^ v).wrapping_mul(by));
    mix((v ^ a).wrapping_mul(by)).wrapping_mul(by)
}

/// Returns FarmHash's fingerprint, which never changes between platforms and versions.
fn fingerprint64(s: &[u8]) -> u64 {
    match s.len() {
        0..=16 => farm16(s),
        17..=32 => farm32(s),
        33..=64 => farm64(s),
        _ => farm_long(s),
    }
}

fn farm16(s: &[u8]) -> u64 {
    let len = s.len();
    let by = K2.wrapping_add(len as u64 * 2);
    if len >= 8 {
        let a = word(s, 0).wrapping_add(K2);
        let b = word(s, len - 8);
        let c = b.rotate_right(37).wrapping_mul(by).wrapping_add(a);
        let d = a.rotate_right(25).wrapping_add(b).wrapping_mul(by);
        return join(c, d, by);
    }
    if len >= 4 {
        return join((len as u64).wrapping_add(half(s, 0) << 3), half(s, len - 4), by);
    }
    if len == 0 {
        return K2;
    }
    let (a, b, c) = (u64::from(s[0]), u64::from(s[len >> 1]), u64::from(s[len - 1]));
    let (y, z) = (a + (b << 8), len as u64 + (c << 2));
    mix(y.wrapping_mul(K2) ^ z.wrapping_mul(K0)).wrapping_mul(K2)
}

fn farm32(s: &[u8]) -> u64 {
    let len = s.len();
    let by = K2.wrapping_add(len as u64 * 2);
    let a = word(s, 0).wrapping_mul(K1);
    let b = word(s, 8);
    let c = word(s, len - 8).wrapping_mul(by);
    let d = word(s, len - 16).wrapping_mul(K2);
    let u = a.wrapping_add(b).rotate_right(43).wrapping_add(c.rotate_right(30)).wrapping_add(d);
    let v = a.wrapping_add(b.wrapping_add(K2).rotate_right(18)).wrapping_add(c);
    join(u, v, by)
}

fn farm64(s: &[u8]) -> u64 {
    let len = s.len();
    let by = K2.wrapping_add(len as u64 * 2);
    let a = word(s, 0).wrapping_mul(K2);
    let b = word(s, 8);
    let c = word(s, len - 8).wrapping_mul(by);
    let d = word(s, len - 16).wrapping_mul(K2);
    let y = a.wrapping_add(b).rotate_right(43).wrapping_add(c.rotate_right(30)).wrapping_add(d);
    let z = join(y, a.wrapping_add(b.wrapping_add(K2).rotate_right(18)).wrapping_add(c), by);
    let e = word(s, 16).wrapping_mul(by);
    let f = word(s, 24);
    let g = y.wrapping_add(word(s, len - 32)).wrapping_mul(by);
    let h = z.wrapping_add(word(s, len - 24)).wrapping_mul(by);
    let u = e.wrapping_add(f).rotate_right(43).wrapping_add(g.rotate_right(30)).wrapping_add(h);
    let v = e.wrapping_add(f.wrapping_add(a).rotate_right(18)).wrapping_add(g);
    join(u, v, by)
}

fn weak(s: &[u8], at: usize, a: u64, b: u64) -> (u64, u64) {
    let z = word(s, at + 24);
    let a = a.wrapping_add(word(s, at));
    let b = b.wrapping_add(a).wrapping_add(z).rotate_right(21);
    let c = a;
    let a = a.wrapping_add(word(s, at + 8)).wrapping_add(word(s, at + 16));
    (a.wrapping_add(z), b.wrapping_add(a.rotate_right(44)).wrapping_add(c))
}

fn farm_long(s: &[u8]) -> u64 {
    const SEED: u64 = 81;
    let mut x = SEED.wrapping_mul(K2).wrapping_add(word(s, 0));
    let mut y = SEED.wrapping_mul(K1).wrapping_add(113);
    let mut z = mix(y.wrapping_mul(K2).wrapping_add(113)).wrapping_mul(K2);
    let (mut v, mut w) = ((0u64, 0u64), (0u64, 0u64));
    let last = s.len() - 1;
    let mut round = |at: usize, by: u64, scale: u64, v: &mut (u64, u64), w: &mut (u64, u64)| {
        x = x.wrapping_add(y).wrapping_add(v.0).wrapping_add(word(s, at + 8)).rotate_right(37).wrapping_mul(by);
        y = y.wrapping_add(v.1).wrapping_add(word(s, at + 48)).rotate_right(42).wrapping_mul(by);
        x ^= w.1.wrapping_mul(scale);
        y = y.wrapping_add(v.0.wrapping_mul(scale)).wrapping_add(word(s, at + 40));
        z = z.wrapping_add(w.0).rotate_right(33).wrapping_mul(by);
        *v = weak(s, at, v.1.wrapping_mul(by), x.wrapping_add(w.0));
        *w = weak(s, at + 32, z.wrapping_add(w.1), y.wrapping_add(word(s, at + 16)));
        std::mem::swap(&mut z, &mut x);
        (x, y, z)
    };
    let mut now = 0;
    for at in (0..last / 64 * 64).step_by(64) {
        now = round(at, K1, 1, &mut v, &mut w).2;
    }
    let by = K1.wrapping_add((now & 0xff) << 1);
    w.0 = w.0.wrapping_add((last & 63) as u64);
    v.0 = v.0.wrapping_add(w.0);
    w.0 = w.0.wrapping_add(v.0);
    let (x, y, z) = round(s.len() - 64, by, 9, &mut v, &mut w);
    join(
        join(v.0, w.0, by).wrapping_add(mix(y).wrapping_mul(K0)).wrapping_add(z),
        join(v.1, w.1, by).wrapping_add(x),
        by,
    )
}

fn siphash(text: &[u8], key: [u64; 2]) -> u64 {
    let mut v = [
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ];
    let round = |v: &mut [u64; 4]| {
        v[0] = v[0].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(13) ^ v[0];
        v[0] = v[0].rotate_left(32);
        v[2] = v[2].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(16) ^ v[2];
        v[0] = v[0].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(21) ^ v[0];
        v[2] = v[2].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(17) ^ v[2];
        v[2] = v[2].rotate_left(32);
    };
    let mut take = |word: u64, rounds: usize| {
        v[3] ^= word;
        (0..rounds).for_each(|_| round(&mut v));
        v[0] ^= word;
        v
    };
    let (words, rest) = text.as_chunks::<8>();
    for word in words {
        take(u64::from_le_bytes(*word), 2);
    }
    let tail = rest.iter().rev().fold(0, |tail: u64, &byte| tail << 8 | u64::from(byte));
    let mut v = take(tail | (text.len() as u64) << 56, 2);
    v[2] ^= 0xff;
    (0..4).for_each(|_| round(&mut v));
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

fn murmur64(text: &[u8]) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const SEED: u64 = 0x00DE_CAFC_AFFE;
    let mut h = SEED ^ (text.len() as u64).wrapping_mul(M);
    let (words, rest) = text.as_chunks::<8>();
    for word in words {
        let k = u64::from_le_bytes(*word).wrapping_mul(M);
        h = (h ^ (k ^ (k >> 47)).wrapping_mul(M)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail: u64, &byte| tail << 8 | u64::from(byte));
        h = (h ^ tail).wrapping_mul(M);
    }
    h = mix(h).wrapping_mul(M);
    mix(h)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_their_libraries() {
        // TensorFlow's documentation and tests: "a", "b", "c" to 10 buckets are 9, 2, 2.
        assert_eq!(["a", "b", "c"].map(|text| fingerprint64(text.as_bytes()) % 10), [9, 2, 2]);
        // Guava's tests of the same function, of 4, 32 and 256 bytes.
        let farm = |times: usize| fingerprint64("test".repeat(times).as_bytes()).cast_signed();
        assert_eq!([1, 8, 64].map(farm), [8581389452482819506, -4196240717365766262, 3500507768004279527]);
        // SipHash's reference: key 00 01 .. 0f, message 00 01 .. 0e.
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(siphash(&message, [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]), 0xa129_ca61_49be_45e5);
    }
}

//! Codes and hashes of texts, bytes and numbers.

use base64::{Engine, engine::general_purpose::STANDARD};
use bumpalo::{Bump, collections::Vec};
use model::{DType, FaultValue, Type};
use plan::expr::{OnFault, TextFunc};
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::{
    mask,
    text::write,
    value::{BYTES_MAX, Out, Value, Writer, fault, too_long},
};

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

pub(super) fn of_int<'a>(func: &TextFunc, value: i64, bump: &'a Bump) -> Out<'a> {
    Ok(match func {
        TextFunc::Hex => write(format_args!("{value:X}"), bump),
        TextFunc::Bin => write(format_args!("{value:b}"), bump),
        TextFunc::Chr if value < 0 => Value::Text(""),
        TextFunc::Chr => {
            let mut out = Writer::new(bump);
            out.push_char(char::from(value as u8))?;
            out.done()
        }
        _ => unreachable!("typed for other arguments"),
    })
}

pub(super) fn of_text<'a>(func: &TextFunc, text: &'a str, args: &[Value<'a>], bump: &'a Bump) -> Out<'a> {
    Ok(match func {
        TextFunc::Hex => return hex(text.as_bytes(), DIGITS, bump),
        TextFunc::Unhex => unhex(text, bump),
        TextFunc::Unbase64 => return unbase64(text, bump),
        TextFunc::Conv(on) => return conv(text, args[1].i32(), args[2].i32(), *on, bump),
        TextFunc::Mask { with, units } => return mask::masked(text, with, *units, bump),
        TextFunc::Luhn => Value::bool(mask::luhn(text)),
        TextFunc::UrlEncode => return mask::url_encode(text, bump),
        TextFunc::UrlDecode(OnFault::Null) => mask::url_decode(text, bump).unwrap_or(Value::Null),
        TextFunc::UrlDecode(_) => return mask::url_decode(text, bump),
        _ => unreachable!("typed for other arguments"),
    })
}

pub(super) fn of_bytes<'a>(func: &TextFunc, args: &[Value<'a>], bump: &'a Bump) -> Out<'a> {
    const LOWER: &[u8; 16] = b"0123456789abcdef";
    let bytes = args[0].bytes();
    match func {
        TextFunc::Hex => hex(bytes, DIGITS, bump),
        TextFunc::Decode => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Value::Text(text)),
            Err(_) => Err(fault("bytes that are UTF-8", args[0].shown())),
        },
        TextFunc::Base64 => {
            let len = bytes.len().div_ceil(3) * 4;
            if len > BYTES_MAX {
                return Err(too_long(len));
            }
            let out = bump.alloc_slice_fill_copy(len, 0u8);
            STANDARD.encode_slice(bytes, out).expect("room for every digit");
            Ok(Value::Text(std::str::from_utf8(out).expect("digits are ASCII")))
        }
        TextFunc::Crc32 => Ok(Value::Int(crc32(bytes).into())),
        TextFunc::Md5 => hex(&md5(bytes), LOWER, bump),
        TextFunc::Sha1 => hex(&sha1(bytes), LOWER, bump),
        TextFunc::Sha2 => match args[1].i32() {
            224 => hex(&Sha224::digest(bytes), LOWER, bump),
            0 | 256 => hex(&Sha256::digest(bytes), LOWER, bump),
            384 => hex(&Sha384::digest(bytes), LOWER, bump),
            512 => hex(&Sha512::digest(bytes), LOWER, bump),
            _ => Ok(Value::Null),
        },
        _ => unreachable!("typed for other arguments"),
    }
}

fn hex<'a>(bytes: &[u8], digits: &[u8; 16], bump: &'a Bump) -> Out<'a> {
    if bytes.len() * 2 > BYTES_MAX {
        return Err(too_long(bytes.len() * 2));
    }
    let mut out = Writer::new(bump);
    for byte in bytes {
        out.push_char(digits[usize::from(byte >> 4)].into())?;
        out.push_char(digits[usize::from(byte & 15)].into())?;
    }
    Ok(out.done())
}

/// The first digit of an odd number of them stands alone.
fn unhex<'a>(text: &str, bump: &'a Bump) -> Value<'a> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let digits = text.as_bytes();
    let (alone, pairs) = digits.split_at(digits.len() % 2);
    let mut out = Vec::with_capacity_in(digits.len().div_ceil(2), bump);
    if let [first] = alone {
        let Some(first) = digit(*first) else { return Value::Null };
        out.push(first);
    }
    for [high, low] in pairs.as_chunks::<2>().0 {
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else { return Value::Null };
        out.push(high << 4 | low);
    }
    Value::Bytes(out.into_bump_slice())
}

/// As Java's MIME decoder: what is no digit is passed over, padding ends the text.
fn unbase64<'a>(text: &str, bump: &'a Bump) -> Out<'a> {
    let bad = || fault("a text of base64", FaultValue::text(text));
    let mut out = Vec::with_capacity_in(text.len() / 4 * 3 + 3, bump);
    let (mut bits, mut count, mut padding) = (0u32, 0, 0);
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => continue,
        };
        if padding > 0 {
            return Err(bad());
        }
        bits = bits << 6 | u32::from(digit);
        count += 1;
        if count == 4 {
            out.extend_from_slice_copy(&bits.to_be_bytes()[1..]);
            (bits, count) = (0, 0);
        }
    }
    match (count, padding) {
        (0, 0) => {}
        (2, 0 | 2) => out.push((bits >> 4) as u8),
        (3, 0 | 1) => out.extend_from_slice_copy(&((bits >> 2) as u16).to_be_bytes()),
        _ => return Err(bad()),
    }
    Ok(Value::Bytes(out.into_bump_slice()))
}

/// Hive's rule: digits, after blanks (U+0020 alone), up to the first that is none; a base below 0 writes the number with a sign.
fn conv<'a>(text: &str, from: i32, to: i32, on: OnFault, bump: &'a Bump) -> Out<'a> {
    let base = to.unsigned_abs();
    let text = text.trim_matches(' ');
    if !(2..=36).contains(&from) || !(2..=36).contains(&base) || text.is_empty() {
        return Ok(Value::Null);
    }
    let (mut negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let mut value = 0u64;
    for digit in digits.chars().map_while(|c| c.to_digit(from as u32)) {
        let next = value.checked_mul(from as u64).and_then(|v| v.checked_add(digit.into()));
        match next {
            Some(next) => value = next,
            None if on == OnFault::Refuse => return Err(fault("a number of at most 64 bits", FaultValue::text(text))),
            None => {
                value = u64::MAX;
                break;
            }
        }
    }
    if negative && to > 0 {
        value = if (value as i64) < 0 { u64::MAX } else { value.wrapping_neg() };
    }
    if to < 0 && (value as i64) < 0 {
        value = value.wrapping_neg();
        negative = true;
    }
    let mut out = [0u8; 65];
    let mut at = out.len();
    loop {
        at -= 1;
        let digit = char::from_digit((value % u64::from(base)) as u32, base).expect("below the base");
        out[at] = digit.to_ascii_uppercase() as u8;
        value /= u64::from(base);
        if value == 0 {
            break;
        }
    }
    let sign = if negative && to < 0 { "-" } else { "" };
    Ok(write(format_args!("{sign}{}", std::str::from_utf8(&out[at..]).expect("digits are ASCII")), bump))
}

fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            let (mut entry, mut bit) = (i as u32, 0);
            while bit < 8 {
                entry = if entry & 1 == 1 { 0xEDB8_8320 ^ (entry >> 1) } else { entry >> 1 };
                bit += 1;
            }
            table[i] = entry;
            i += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, &b| TABLE[usize::from(crc as u8 ^ b)] ^ (crc >> 8))
}

/// Calls `block` with the message in blocks of 64 bytes, padded as MD5 and SHA-1 want it.
fn blocks(bytes: &[u8], big_end: bool, mut block: impl FnMut(&[u8; 64])) {
    let (whole, rest) = bytes.as_chunks::<64>();
    whole.iter().for_each(&mut block);
    let mut last = [[0u8; 64]; 2];
    let last = last.as_flattened_mut();
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = 0x80;
    let len = if rest.len() < 56 { 64 } else { 128 };
    let bits = bytes.len() as u64 * 8;
    last[len - 8..len].copy_from_slice(&if big_end { bits.to_be_bytes() } else { bits.to_le_bytes() });
    last[..len].as_chunks::<64>().0.iter().for_each(block);
}

/// MD5 (RFC 1321).
fn md5(bytes: &[u8]) -> [u8; 16] {
    const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let mut state = [0x6745_2301u32, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476];
    // The constants are 2^32 times the sine of 1, 2, ..
    let table: [u32; 64] = std::array::from_fn(|i| (libm::sin(i as f64 + 1.0).abs() * 4_294_967_296.0) as u32);
    blocks(bytes, false, |block| {
        let words: [u32; 16] =
            std::array::from_fn(|i| u32::from_le_bytes(block[4 * i..4 * i + 4].try_into().expect("cut to four")));
        let [mut a, mut b, mut c, mut d] = state;
        for i in 0..64 {
            let (f, word) = match i / 16 {
                0 => ((b & c) | (!b & d), i),
                1 => ((d & b) | (!d & c), (5 * i + 1) % 16),
                2 => (b ^ c ^ d, (3 * i + 5) % 16),
                _ => (c ^ (b | !d), 7 * i % 16),
            };
            let sum = a.wrapping_add(f).wrapping_add(table[i]).wrapping_add(words[word]);
            (a, d, c, b) = (d, c, b, b.wrapping_add(sum.rotate_left(SHIFTS[i / 16][i % 4])));
        }
        for (s, x) in state.iter_mut().zip([a, b, c, d]) {
            *s = s.wrapping_add(x);
        }
    });
    let mut out = [0; 16];
    state.iter().zip(out.as_chunks_mut::<4>().0).for_each(|(s, o)| *o = s.to_le_bytes());
    out
}

/// SHA-1 (RFC 3174).
fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut state = [0x6745_2301u32, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];
    blocks(bytes, true, |block| {
        let mut words = [0u32; 80];
        for (word, four) in words.iter_mut().zip(block.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*four);
        }
        for i in 16..80 {
            words[i] = (words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16]).rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (i, word) in words.iter().enumerate() {
            let (f, k) = match i / 20 {
                0 => ((b & c) | (!b & d), 0x5A82_7999),
                1 => (b ^ c ^ d, 0x6ED9_EBA1),
                2 => ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC),
                _ => (b ^ c ^ d, 0xCA62_C1D6u32),
            };
            let sum = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, sum);
        }
        for (s, x) in state.iter_mut().zip([a, b, c, d, e]) {
            *s = s.wrapping_add(x);
        }
    });
    let mut out = [0; 20];
    state.iter().zip(out.as_chunks_mut::<4>().0).for_each(|(s, o)| *o = s.to_be_bytes());
    out
}

/// What both hashes see of a value.
enum Part<'a> {
    Int(u32),
    Long(u64),
    Bytes(&'a [u8]),
}

/// Calls `hash` with the parts of a value, in order; null has none.
fn parts(value: Value<'_>, ty: &Type, hash: &mut dyn FnMut(Part<'_>)) {
    match (value, ty) {
        (Value::Null, _) => {}
        (Value::Text(text), _) => hash(Part::Bytes(text.as_bytes())),
        (Value::Bytes(bytes), _) => hash(Part::Bytes(bytes)),
        (Value::List(items), Type::List(item)) => items.iter().for_each(|v| parts(*v, item, hash)),
        (Value::F64(x), _) if x.is_nan() => hash(Part::Long(0x7FF8_0000_0000_0000)),
        (Value::F32(x), _) if x.is_nan() => hash(Part::Int(0x7FC0_0000)),
        // A zero hashes without its sign.
        (Value::F64(x), _) => hash(Part::Long((x + 0.0).to_bits())),
        (Value::F32(x), _) => hash(Part::Int((x + 0.0).to_bits())),
        (Value::Wide(value), ty) => match ty.as_scalar() {
            Some(DType::Decimal(precision, _)) if precision <= 18 => hash(Part::Long(value as u64)),
            _ => {
                // The fewest bytes of two's complement, big end first.
                let bytes = value.to_be_bytes();
                let sign = if value < 0 { 0xFF } else { 0 };
                let spare = |i: usize| bytes[i] == sign && (bytes[i + 1] ^ sign) & 0x80 == 0;
                let first = (0..15).find(|&i| !spare(i)).unwrap_or(15);
                hash(Part::Bytes(&bytes[first..]));
            }
        },
        (Value::Int(value), ty) => match ty.as_scalar() {
            Some(DType::I64 | DType::U64 | DType::Timestamp) => hash(Part::Long(value as u64)),
            _ => hash(Part::Int(value as u32)),
        },
        _ => unreachable!("typed as a list"),
    }
}

/// Spark's `hash`: Murmur3 with the words after the last whole block mixed byte by byte.
pub(super) fn murmur3<'a>(args: &[Value<'a>], types: &[Type]) -> Value<'a> {
    let mix = |hash: u32, block: u32| {
        let block = block.wrapping_mul(0xCC9E_2D51).rotate_left(15).wrapping_mul(0x1B87_3593);
        (hash ^ block).rotate_left(13).wrapping_mul(5).wrapping_add(0xE654_6B64)
    };
    let finish = |hash: u32, len: usize| {
        let mut h = hash ^ len as u32;
        h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
        h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
        h ^ (h >> 16)
    };
    let mut hash = if args[0].is_null() { 42 } else { args[0].int() as u32 };
    for (value, ty) in args[1..].iter().zip(&types[1..]) {
        parts(*value, ty, &mut |part| {
            hash = match part {
                Part::Int(value) => finish(mix(hash, value), 4),
                Part::Long(value) => finish(mix(mix(hash, value as u32), (value >> 32) as u32), 8),
                Part::Bytes(bytes) => {
                    let (blocks, rest) = bytes.as_chunks::<4>();
                    let whole = blocks.iter().fold(hash, |h, b| mix(h, u32::from_le_bytes(*b)));
                    let all = rest.iter().fold(whole, |h, &b| mix(h, b as i8 as u32));
                    finish(all, bytes.len())
                }
            }
        });
    }
    Value::Int((hash as i32).into())
}

/// Spark's `xxhash64`.
pub(super) fn xxhash64<'a>(args: &[Value<'a>], types: &[Type]) -> Value<'a> {
    let mut hash = if args[0].is_null() { 42 } else { args[0].int() as u64 };
    for (value, ty) in args[1..].iter().zip(&types[1..]) {
        parts(*value, ty, &mut |part| {
            hash = match part {
                Part::Int(value) => xx::finish(xx::word(hash.wrapping_add(xx::P[4]).wrapping_add(4), value)),
                Part::Long(value) => xx::finish(xx::long(hash.wrapping_add(xx::P[4]).wrapping_add(8), value)),
                Part::Bytes(bytes) => xx::of_bytes(bytes, hash),
            }
        });
    }
    Value::Int(hash as i64)
}

/// XXH64.
mod xx {
    pub const P: [u64; 5] = [
        0x9E37_79B1_85EB_CA87,
        0xC2B2_AE3D_27D4_EB4F,
        0x1656_67B1_9E37_79F9,
        0x85EB_CA77_C2B2_AE63,
        0x27D4_EB2F_1656_67C5,
    ];

    fn round(sum: u64, value: u64) -> u64 {
        sum.wrapping_add(value.wrapping_mul(P[1])).rotate_left(31).wrapping_mul(P[0])
    }

    pub fn long(hash: u64, value: u64) -> u64 {
        (hash ^ round(0, value)).rotate_left(27).wrapping_mul(P[0]).wrapping_add(P[3])
    }

    pub fn word(hash: u64, value: u32) -> u64 {
        (hash ^ u64::from(value).wrapping_mul(P[0])).rotate_left(23).wrapping_mul(P[1]).wrapping_add(P[2])
    }

    pub fn finish(mut hash: u64) -> u64 {
        hash = (hash ^ (hash >> 33)).wrapping_mul(P[1]);
        hash = (hash ^ (hash >> 29)).wrapping_mul(P[2]);
        hash ^ (hash >> 32)
    }

    pub fn of_bytes(bytes: &[u8], seed: u64) -> u64 {
        let (stripes, rest) = bytes.as_chunks::<32>();
        let mut hash = if stripes.is_empty() {
            seed.wrapping_add(P[4])
        } else {
            let start = [P[0].wrapping_add(P[1]), P[1], 0, P[0].wrapping_neg()];
            let mut sums = start.map(|s| seed.wrapping_add(s));
            for stripe in stripes {
                for (sum, eight) in sums.iter_mut().zip(stripe.as_chunks::<8>().0) {
                    *sum = round(*sum, u64::from_le_bytes(*eight));
                }
            }
            let turns = [1, 7, 12, 18];
            let joined = sums.iter().zip(turns).fold(0u64, |h, (s, turn)| h.wrapping_add(s.rotate_left(turn)));
            sums.iter().fold(joined, |h, s| (h ^ round(0, *s)).wrapping_mul(P[0]).wrapping_add(P[3]))
        };
        hash = hash.wrapping_add(bytes.len() as u64);
        let (longs, rest) = rest.as_chunks::<8>();
        hash = longs.iter().fold(hash, |h, eight| long(h, u64::from_le_bytes(*eight)));
        let (words, rest) = rest.as_chunks::<4>();
        hash = words.iter().fold(hash, |h, four| word(h, u32::from_le_bytes(*four)));
        hash = rest.iter().fold(hash, |h, &b| (h ^ u64::from(b).wrapping_mul(P[4])).rotate_left(11).wrapping_mul(P[0]));
        finish(hash)
    }
}

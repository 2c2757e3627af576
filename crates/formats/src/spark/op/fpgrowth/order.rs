//! The order of rules, which is the order of what a basket is recommended. Spark promises none; on one partition its rules come
//! out of a hash table in the order of its places (`AppendOnlyMap`), and so do ours.

use plan::BasketItems;

/// Most places that are looked at until all keys have one: hashes that someone made alike would take for ever.
const PROBES_MAX: usize = 1 << 28;

/// Places of an empty table.
const PLACES: usize = 64;

/// How a sequence is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scala {
    /// 2.12, which Spark 3 is built with.
    Before213,
    /// 2.13, where sequences of equal steps are hashed as ranges are.
    From213,
}

/// Returns Scala's hash (`##`) of each item.
pub fn hashes(items: &BasketItems) -> Vec<u32> {
    match items {
        BasketItems::Texts(texts) => texts.iter().map(|text| text.as_deref().map_or(0, java_hash)).collect(),
        BasketItems::Cells { dtype, cells } => {
            cells.iter().map(|cell| cell.map_or(0, |cell| cell_hash(*dtype, cell))).collect()
        }
    }
}

fn java_hash(text: &str) -> u32 {
    text.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

fn fold(long: i64) -> u32 {
    (long ^ (long >> 32)) as u32
}

/// Returns the hash of a number: numbers that are equal have the same, whatever their types.
fn cell_hash(dtype: model::DType, cell: u64) -> u32 {
    use model::DType;
    let of_float = |x: f64, or: u32| match (x as i32, x as i64) {
        (int, _) if f64::from(int) == x => int as u32,
        (_, long) if long as f64 == x => fold(long),
        _ if f64::from(x as f32) == x => (x as f32).to_bits(),
        _ => or,
    };
    let long = cell as i64;
    match dtype {
        DType::F64 => of_float(f64::from_bits(cell), fold(long)),
        DType::F32 => of_float(f64::from(f32::from_bits(cell as u32)), cell as u32),
        DType::Bool => [1237, 1231][usize::from(cell != 0)],
        // Both hash the milliseconds.
        DType::Date => fold(long.wrapping_mul(86_400_000)),
        DType::Timestamp => fold(long.div_euclid(1000)),
        _ => i32::try_from(long).map_or(fold(long), |int| int as u32),
    }
}

fn mix(hash: u32, data: u32) -> u32 {
    let block = data.wrapping_mul(0xCC9E_2D51).rotate_left(15).wrapping_mul(0x1B87_3593);
    (hash ^ block).rotate_left(13).wrapping_mul(5).wrapping_add(0xE654_6B64)
}

fn avalanche(hash: u32) -> u32 {
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85EB_CA6B);
    let hash = (hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE35);
    hash ^ (hash >> 16)
}

/// Returns the hash of a sequence whose items have these hashes (Scala's `MurmurHash3.seqHash`).
pub fn sequence(scala: Scala, items: impl ExactSizeIterator<Item = u32> + Clone) -> u32 {
    let seed = java_hash("Seq");
    let len = items.len();
    let plain = |items: &mut dyn Iterator<Item = u32>| avalanche(items.fold(seed, mix) ^ len as u32);
    let mut steps = items.clone().zip(items.clone().skip(1)).map(|(a, b)| b.wrapping_sub(a));
    let step = steps.next();
    match step.filter(|step| scala == Scala::From213 && (len == 2 || *step != 0) && steps.all(|s| s == *step)) {
        Some(step) => {
            let (first, last) = (items.clone().next().unwrap_or(0), items.last().unwrap_or(0));
            avalanche(mix(mix(mix(seed, first), step), last))
        }
        None => plain(&mut items.into_iter()),
    }
}

/// Returns in which order a table gives keys that were put in one after the other; nothing where that takes too long.
pub fn of_table(hashes: &[u32]) -> Option<Vec<u32>> {
    const EMPTY: u32 = u32::MAX;
    let mut probes = PROBES_MAX;
    let mut place = |places: &mut [u32], key: u32| {
        let mask = places.len() - 1;
        // As Guava's `murmur3_32().hashInt`.
        let mut at = avalanche(mix(0, hashes[key as usize]) ^ 4) as usize & mask;
        for step in 1.. {
            probes = probes.checked_sub(1)?;
            if places[at] == EMPTY {
                places[at] = key;
                break;
            }
            at = (at + step) & mask;
        }
        Some(())
    };
    let mut places = vec![EMPTY; PLACES];
    for key in 0..u32::try_from(hashes.len()).ok()? {
        place(&mut places, key)?;
        if key as usize + 1 > places.len() * 7 / 10 {
            let larger = vec![EMPTY; 2 * places.len()];
            let before = std::mem::replace(&mut places, larger);
            before.into_iter().filter(|&key| key != EMPTY).try_for_each(|key| place(&mut places, key))?;
        }
    }
    places.retain(|&key| key != EMPTY);
    Some(places)
}

#[cfg(test)]
mod tests {
    use model::DType;

    use super::*;

    #[test]
    fn numbers_hash_by_their_value() {
        let of = |dtype, cell| cell_hash(dtype, cell);
        for (dtype, cell) in
            [(DType::I64, 7), (DType::F64, 7_f64.to_bits()), (DType::F32, u64::from(7_f32.to_bits())), (DType::I8, 7)]
        {
            assert_eq!(of(dtype, cell), 7, "{dtype}");
        }
        assert_eq!(of(DType::I32, -3_i64 as u64), -3_i32 as u32);
        assert_eq!(of(DType::I64, 1 << 32), 1);
        assert_eq!(of(DType::F64, 0.5_f64.to_bits()), 0.5_f32.to_bits());
        assert_eq!(of(DType::F64, 0.1_f64.to_bits()), fold(0.1_f64.to_bits() as i64));
        assert_eq!((of(DType::Bool, 1), of(DType::Bool, 0)), (1231, 1237));
        assert_eq!(java_hash("Aa"), java_hash("BB"));
    }

    #[test]
    fn only_the_newer_scala_hashes_equal_steps_as_a_range() {
        let differ = |items: &[u32]| {
            let hash = |scala| sequence(scala, items.iter().copied());
            hash(Scala::Before213) != hash(Scala::From213)
        };
        assert!(!differ(&[]) && !differ(&[5]) && !differ(&[1, 2, 4]) && !differ(&[3, 3, 3]));
        assert!(differ(&[1, 2]) && differ(&[1, 3, 5]) && differ(&[3, 3]));
    }

    #[test]
    fn a_table_gives_every_key_once() {
        let hashes: Vec<u32> = (0..1000).map(|i| i % 300).collect();
        let mut order = of_table(&hashes).expect("few keys");
        assert_ne!(order, (0..1000).collect::<Vec<u32>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<u32>>());
    }

    #[test]
    fn hashes_made_alike_end() {
        assert_eq!(of_table(&vec![7; 60_000]), None);
    }
}

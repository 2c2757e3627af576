//! Keys to their places.

use model::{
    DType, PredictError, Tensor,
    tensor::{Bytes, Data},
};
use rustc_hash::FxHashMap;

use super::super::{Done, refuse_type};

/// The places of keys: numbers by their bits, texts by their bytes.
pub(in super::super) enum Keys {
    Numbers(FxHashMap<u64, u32>),
    Texts(FxHashMap<Bytes, u32>),
}

/// Returns what is one and the same for equal numbers of one type, and for all NaNs.
fn bits(x: f64) -> u64 {
    match x {
        x if x.is_nan() => f64::NAN.to_bits(),
        x => (x + 0.0).to_bits(),
    }
}

/// Calls `each` with every number.
fn numbers(x: &Tensor, mut each: impl FnMut(usize, u64) -> Done) -> Done {
    macro_rules! all {
        ($elements:expr, $key:expr) => {
            $elements.iter().enumerate().try_for_each(|(i, x)| each(i, $key(*x)))
        };
    }
    match x.data() {
        Data::Bool(e) => all!(e, u64::from),
        Data::I8(e) => all!(e, |x| x as u64),
        Data::I16(e) => all!(e, |x| x as u64),
        Data::I32(e) => all!(e, |x| x as u64),
        Data::I64(e) => all!(e, |x| x as u64),
        Data::U8(e) => all!(e, u64::from),
        Data::U16(e) => all!(e, u64::from),
        Data::U32(e) => all!(e, u64::from),
        Data::U64(e) => all!(e, |x| x),
        Data::F16(e) => all!(e, |x: model::tensor::f16| bits(x.to_f64())),
        Data::BF16(e) => all!(e, |x: model::tensor::bf16| bits(x.to_f64())),
        Data::F32(e) => all!(e, |x| bits(f64::from(x))),
        Data::F64(e) => all!(e, bits),
        Data::C64(_) | Data::Bytes(_) => Err(refuse_type(x)),
    }
}

impl Keys {
    /// Returns the keys, of equal ones the first. A NaN is one with `nan` only.
    pub fn first(keys: &Tensor, nan: bool) -> Keys {
        let mut taken = Keys::new(keys, false);
        let has_nan = keys.dtype().is_some_and(|dtype| !dtype.is_int() && dtype != DType::Bool);
        if let (Keys::Numbers(map), true, false) = (&mut taken, has_nan, nan) {
            map.remove(&f64::NAN.to_bits());
        }
        taken
    }

    /// Returns the keys, of equal ones the last.
    pub fn last(keys: &Tensor) -> Keys {
        Keys::new(keys, true)
    }

    fn new(keys: &Tensor, last: bool) -> Keys {
        if let Data::Bytes(texts) = keys.data() {
            let mut map = FxHashMap::default();
            for (i, text) in texts.iter().enumerate() {
                let place = map.entry(text.clone()).or_insert(i as u32);
                *place = if last { i as u32 } else { *place };
            }
            return Keys::Texts(map);
        }
        let mut map = FxHashMap::default();
        let taken = numbers(keys, |i, key| {
            let place = map.entry(key).or_insert(i as u32);
            *place = if last { i as u32 } else { *place };
            Ok(())
        });
        // What are no numbers equal nothing.
        taken.unwrap_or_default();
        Keys::Numbers(map)
    }

    /// Calls `each` with the place of the key that each element equals.
    pub fn each(&self, x: &Tensor, mut each: impl FnMut(usize, Option<usize>) -> Done) -> Result<(), PredictError> {
        match (self, x.data()) {
            (Keys::Texts(map), Data::Bytes(texts)) => {
                let found = |text: &Bytes| map.get(text).map(|place| *place as usize);
                texts.iter().enumerate().try_for_each(|(i, text)| each(i, found(text)))
            }
            (Keys::Numbers(map), _) => numbers(x, |i, key| each(i, map.get(&key).map(|place| *place as usize))),
            _ => Err(refuse_type(x)),
        }
    }

    /// Returns the place of an integer.
    pub fn find_int(&self, x: i64) -> Option<usize> {
        match self {
            Keys::Numbers(map) => map.get(&(x as u64)).map(|place| *place as usize),
            Keys::Texts(_) => None,
        }
    }
}

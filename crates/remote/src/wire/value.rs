//! Values as bytes: tensors in the machine's own order of bytes, sequences, maps.

use std::sync::Arc;

use model::{
    DType, Tensor, Type, Whole,
    tensor::{Bytes, Complex, Data, RANK_MAX, bf16, f16},
};

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Garbled(pub &'static str);

/// Sequences within sequences.
const DEPTH_MAX: usize = 8;

/// The types of elements by their number on the wire, which begin at 2: 0 is none, 1 texts.
const DTYPES: [DType; 14] = [
    DType::Bool,
    DType::I8,
    DType::I16,
    DType::I32,
    DType::I64,
    DType::U8,
    DType::U16,
    DType::U32,
    DType::U64,
    DType::F16,
    DType::BF16,
    DType::F32,
    DType::F64,
    DType::C64,
];

const TENSOR: u8 = 0;
const SEQUENCE: u8 = 1;
const MAP: u8 = 2;
const ABSENT: u8 = 3;

/// Writes values one after the other.
#[derive(Debug, Default)]
pub struct Writer {
    pub bytes: Vec<u8>,
}

/// Reads what a [`Writer`] wrote.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

// === impl Writer ===

impl Writer {
    pub fn u8(&mut self, number: u8) {
        self.bytes.push(number);
    }

    pub fn u64(&mut self, number: u64) {
        self.bytes.extend(number.to_ne_bytes());
    }

    pub fn blob(&mut self, bytes: &[u8]) {
        self.u64(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    pub fn text(&mut self, text: &str) {
        self.blob(text.as_bytes());
    }

    pub fn texts(&mut self, texts: &[String]) {
        self.u64(texts.len() as u64);
        texts.iter().for_each(|text| self.text(text));
    }

    /// Writes a type of elements, or that it is not known.
    pub fn element(&mut self, ty: Option<&Type>) {
        let number = match ty {
            Some(Type::Bytes | Type::Text) => 1,
            Some(ty) => {
                let place = ty.as_scalar().and_then(|dtype| DTYPES.iter().position(|known| *known == dtype));
                place.map_or(0, |place| place as u8 + 2)
            }
            None => 0,
        };
        self.u8(number);
    }

    pub fn whole(&mut self, whole: &Whole) {
        match whole {
            Whole::Tensor(tensor) => {
                self.u8(TENSOR);
                self.tensor(tensor);
            }
            Whole::Sequence(items) => {
                self.u8(SEQUENCE);
                self.u64(items.len() as u64);
                items.iter().for_each(|item| self.whole(item));
            }
            Whole::Map(map) => {
                self.u8(MAP);
                self.tensor(&map.0);
                self.tensor(&map.1);
            }
            Whole::Absent => self.u8(ABSENT),
        }
    }

    fn tensor(&mut self, tensor: &Tensor) {
        self.element(Some(&tensor.ty()));
        self.u8(tensor.rank() as u8);
        tensor.shape().iter().for_each(|dim| self.u64(*dim as u64));
        match tensor.data() {
            Data::Bytes(texts) => texts.iter().for_each(|text| self.blob(text)),
            numbers => put_numbers(numbers, &mut self.bytes),
        }
    }
}

/// Appends the numbers of a tensor as they lie in memory; of texts nothing.
pub fn put_numbers(data: &Data, to: &mut Vec<u8>) {
    macro_rules! each {
        ($elements:expr) => {
            $elements.iter().for_each(|x| to.extend(x.to_ne_bytes()))
        };
    }
    match data {
        Data::Bool(e) => to.extend(e.iter().map(|b| u8::from(*b))),
        Data::I8(e) => each!(e),
        Data::I16(e) => each!(e),
        Data::I32(e) => each!(e),
        Data::I64(e) => each!(e),
        Data::U8(e) => to.extend_from_slice(e),
        Data::U16(e) => each!(e),
        Data::U32(e) => each!(e),
        Data::U64(e) => each!(e),
        Data::F16(e) => each!(e),
        Data::BF16(e) => each!(e),
        Data::F32(e) => each!(e),
        Data::F64(e) => each!(e),
        Data::C64(e) => e.iter().for_each(|x| {
            to.extend(x.re.to_ne_bytes());
            to.extend(x.im.to_ne_bytes());
        }),
        Data::Bytes(_) => {}
    }
}

/// Returns the numbers that lie in these bytes.
pub fn numbers(dtype: DType, bytes: &[u8]) -> Option<Data> {
    macro_rules! each {
        ($ty:ty) => {
            bytes.as_chunks().0.iter().map(|chunk| <$ty>::from_ne_bytes(*chunk)).collect::<Vec<$ty>>().into()
        };
    }
    if !bytes.len().is_multiple_of(dtype.width()) {
        return None;
    }
    Some(match dtype {
        DType::Bool => bytes.iter().map(|byte| *byte != 0).collect::<Vec<bool>>().into(),
        DType::I8 => each!(i8),
        DType::I16 => each!(i16),
        DType::I32 => each!(i32),
        DType::I64 => each!(i64),
        DType::U8 => bytes.to_vec().into(),
        DType::U16 => each!(u16),
        DType::U32 => each!(u32),
        DType::U64 => each!(u64),
        DType::F16 => each!(f16),
        DType::BF16 => each!(bf16),
        DType::F32 => each!(f32),
        DType::F64 => each!(f64),
        DType::C64 => {
            let parts = bytes.as_chunks::<8>().0.iter().map(|chunk| {
                let part = |at: usize| f32::from_ne_bytes([chunk[at], chunk[at + 1], chunk[at + 2], chunk[at + 3]]);
                Complex { re: part(0), im: part(4) }
            });
            parts.collect::<Vec<Complex>>().into()
        }
        DType::Date | DType::Timestamp | DType::Decimal(..) => return None,
    })
}

// === impl Reader ===

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], Garbled> {
        let len = usize::try_from(len).ok().filter(|len| *len <= self.rest.len());
        let (taken, rest) = self.rest.split_at(len.ok_or(Garbled("a message that is cut"))?);
        self.rest = rest;
        Ok(taken)
    }

    pub fn u8(&mut self) -> Result<u8, Garbled> {
        Ok(self.take(1)?[0])
    }

    pub fn u64(&mut self) -> Result<u64, Garbled> {
        let bytes = self.take(8)?;
        Ok(u64::from_ne_bytes(bytes.try_into().expect("eight were taken")))
    }

    /// Returns a number of things that take at least so many bytes each.
    pub fn count(&mut self, bytes_each: usize) -> Result<usize, Garbled> {
        let count = usize::try_from(self.u64()?).ok();
        let count = count.filter(|count| count.checked_mul(bytes_each).is_some_and(|bytes| bytes <= self.rest.len()));
        count.ok_or(Garbled("a count of more than there is"))
    }

    pub fn blob(&mut self) -> Result<&'a [u8], Garbled> {
        let len = self.u64()?;
        self.take(len)
    }

    pub fn text(&mut self) -> Result<String, Garbled> {
        Ok(String::from_utf8_lossy(self.blob()?).into_owned())
    }

    pub fn texts(&mut self) -> Result<Vec<String>, Garbled> {
        let count = self.count(8)?;
        (0..count).map(|_| self.text()).collect()
    }

    /// Refuses what follows the message.
    pub fn end(&self) -> Result<(), Garbled> {
        if self.rest.is_empty() { Ok(()) } else { Err(Garbled("a message that is longer than it says")) }
    }

    pub fn element(&mut self) -> Result<Option<Type>, Garbled> {
        match self.u8()? {
            0 => Ok(None),
            1 => Ok(Some(Type::Bytes)),
            number => {
                let dtype = DTYPES.get(usize::from(number) - 2).ok_or(Garbled("an unknown type of elements"))?;
                Ok(Some(Type::scalar(*dtype)))
            }
        }
    }

    pub fn whole(&mut self) -> Result<Whole, Garbled> {
        self.whole_at(0)
    }

    fn whole_at(&mut self, depth: usize) -> Result<Whole, Garbled> {
        if depth > DEPTH_MAX {
            return Err(Garbled("sequences that are nested too deep"));
        }
        match self.u8()? {
            TENSOR => self.tensor().map(Whole::Tensor),
            SEQUENCE => {
                let count = self.count(1)?;
                let items = (0..count).map(|_| self.whole_at(depth + 1)).collect::<Result<_, _>>()?;
                Ok(Whole::Sequence(Arc::new(items)))
            }
            MAP => Ok(Whole::Map(Arc::new((self.tensor()?, self.tensor()?)))),
            ABSENT => Ok(Whole::Absent),
            _ => Err(Garbled("an unknown kind of value")),
        }
    }

    fn tensor(&mut self) -> Result<Tensor, Garbled> {
        const WRONG: Garbled = Garbled("a tensor whose elements are not as many as its shape says");
        let ty = self.element()?.ok_or(Garbled("a tensor without a type"))?;
        let rank = usize::from(self.u8()?);
        if rank > RANK_MAX {
            return Err(Garbled("a tensor of too many dimensions"));
        }
        let mut shape = [0; RANK_MAX];
        for dim in &mut shape[..rank] {
            *dim = usize::try_from(self.u64()?).map_err(|_| WRONG)?;
        }
        let shape = model::Shape::new(&shape[..rank]).map_err(|_| WRONG)?;
        let elements = shape.checked_elements().ok_or(WRONG)?;
        let data = match ty.as_scalar() {
            None => {
                if elements.checked_mul(8).is_none_or(|bytes| bytes > self.rest.len()) {
                    return Err(WRONG);
                }
                let texts = (0..elements).map(|_| Ok(Bytes::from(self.blob()?)));
                texts.collect::<Result<Vec<Bytes>, Garbled>>()?.into()
            }
            Some(dtype) => {
                let bytes = elements.checked_mul(dtype.width()).ok_or(WRONG)?;
                numbers(dtype, self.take(bytes as u64)?).ok_or(WRONG)?
            }
        };
        Tensor::new(&shape, data).map_err(|_| WRONG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(whole: &Whole) -> Result<Whole, Garbled> {
        let mut to = Writer::default();
        to.whole(whole);
        let mut from = Reader::new(&to.bytes);
        let whole = from.whole()?;
        from.end().map(|()| whole)
    }

    fn values() -> Vec<Whole> {
        let texts: Vec<Bytes> = vec![b"a".as_slice().into(), b"\xff\0".as_slice().into()];
        let tensors = [
            Tensor::vector(vec![true, false]),
            Tensor::vector(vec![-1i8, 1]),
            Tensor::vector(vec![-1i16, 1]),
            Tensor::new(&[1, 2], vec![i32::MIN, 1]).unwrap(),
            Tensor::scalar(i64::MAX),
            Tensor::vector(vec![255u8]),
            Tensor::vector(vec![65_535u16]),
            Tensor::vector(vec![u32::MAX]),
            Tensor::new(&[2, 0], Vec::<u64>::new()).unwrap(),
            Tensor::vector(vec![f16::from_f32(0.5)]),
            Tensor::vector(vec![bf16::from_f32(0.5)]),
            Tensor::vector(vec![1e-38f32, f32::INFINITY]),
            Tensor::scalar(-0.0f64),
            Tensor::vector(vec![Complex { re: 1.0, im: -2.0 }]),
            Tensor::vector(texts),
        ];
        let mut all: Vec<Whole> = tensors.into_iter().map(Whole::Tensor).collect();
        let keys = Tensor::vector(vec![1i64, 2]);
        all.push(Whole::Sequence(Arc::new(vec![Whole::Map(Arc::new((keys.clone(), keys))), Whole::Absent])));
        all
    }

    #[test]
    fn values_come_back_as_they_were() {
        for value in values() {
            assert_eq!(back(&value), Ok(value));
        }
    }

    #[test]
    fn cut_and_spoiled_values_are_refused_or_others() {
        let mut to = Writer::default();
        values().iter().for_each(|value| to.whole(value));
        let mut seed = 7u32;
        for len in 0..to.bytes.len() {
            let mut bytes = to.bytes[..len].to_vec();
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if let Some(byte) = bytes.get_mut(seed as usize % len.max(1)) {
                *byte = (seed >> 16) as u8;
            }
            let mut from = Reader::new(&bytes);
            while from.whole().is_ok() {}
        }
    }

    #[test]
    fn what_is_claimed_is_compared_with_what_is_there() {
        let mut to = Writer::default();
        to.u8(TENSOR);
        to.element(Some(&Type::Bytes));
        to.u8(1);
        to.u64(1 << 40);
        assert!(Reader::new(&to.bytes).whole().is_err());
        let deep: Vec<u8> = (0..20).flat_map(|_| [vec![SEQUENCE], 1u64.to_ne_bytes().to_vec()].concat()).collect();
        assert_eq!(Reader::new(&deep).whole(), Err(Garbled("sequences that are nested too deep")));
    }
}

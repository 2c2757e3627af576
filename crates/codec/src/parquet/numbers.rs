//! Numbers of a Parquet column that are as wide there as in ours: they are moved as words of so many bytes, whatever they count.

use ::parquet::{basic::Type as Physical, schema::types::SchemaDescriptor};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::{DataType, TimeUnit};
use bytes::Bytes;
use model::{Buffer, Column, DType, Fixed};

use super::{
    Damage,
    flat::{self, From, Present, Values},
};

/// Numbers of entries that are read before the entries are fetched: few enough to stay in the first cache.
const AT_ONCE: usize = 4096;

/// Returns the dtype of the leaf if it is a column of numbers that may be read here; `ty` is the type of its root.
pub(super) fn dtype(schema: &SchemaDescriptor, leaf: usize, ty: &DataType) -> Option<DType> {
    let (dtype, physical) = match ty {
        DataType::Int32 => (DType::I32, Physical::INT32),
        DataType::UInt32 => (DType::U32, Physical::INT32),
        DataType::Date32 => (DType::Date, Physical::INT32),
        DataType::Int64 => (DType::I64, Physical::INT64),
        DataType::UInt64 => (DType::U64, Physical::INT64),
        DataType::Timestamp(TimeUnit::Microsecond, _) => (DType::Timestamp, Physical::INT64),
        DataType::Float32 => (DType::F32, Physical::FLOAT),
        DataType::Float64 => (DType::F64, Physical::DOUBLE),
        _ => return None,
    };
    (flat::is_flat(schema, leaf) && schema.column(leaf).physical_type() == physical).then_some(dtype)
}

/// The bytes of one number.
pub(super) trait Word: ArrowNativeType {
    const BYTES: usize;

    fn extend(words: &mut Vec<Self>, bytes: &[u8]);

    /// Adds entries by their numbers, of which this is the largest; nothing where it is past them.
    fn look_up(entries: &[u8], largest: usize, numbers: &[u32], words: &mut Vec<Self>) -> Option<()>;
}

macro_rules! word {
    ($word:ty) => {
        impl Word for $word {
            const BYTES: usize = size_of::<$word>();

            fn extend(words: &mut Vec<$word>, bytes: &[u8]) {
                words.extend(bytes.as_chunks().0.iter().map(|word| <$word>::from_le_bytes(*word)));
            }

            fn look_up(entries: &[u8], largest: usize, numbers: &[u32], words: &mut Vec<$word>) -> Option<()> {
                let entries = entries.as_chunks().0.get(..=largest)?;
                words.extend(numbers.iter().map(|number| <$word>::from_le_bytes(entries[*number as usize])));
                Some(())
            }
        }
    };
}

word!(u32);
word!(u64);

/// Numbers as they grow.
pub(super) struct Numbers<W> {
    dtype: DType,
    words: Vec<W>,
    /// Numbers of entries.
    numbers: Vec<u32>,
}

impl<W> Numbers<W> {
    /// Returns no numbers yet, of a dtype that is so wide.
    pub(super) fn new(dtype: DType) -> Numbers<W> {
        Numbers { dtype, words: Vec::new(), numbers: Vec::new() }
    }
}

impl<W: Word> Numbers<W> {
    /// Returns no numbers yet, which have the room of a column that is no longer used. Room that is new is slow to come by.
    pub(super) fn in_place_of(used: Option<Column>, dtype: DType) -> Numbers<W> {
        let room = match used {
            Some(Column::Fixed(used)) => Some(used.buffer().clone()),
            _ => None,
        };
        let mut words = room.and_then(|room| room.into_vec().ok()).unwrap_or_default();
        words.clear();
        Numbers { words, ..Numbers::new(dtype) }
    }
}

impl<W: Word> Values for Numbers<W> {
    type Dictionary = Bytes;

    fn dictionary(page: Bytes, entries: usize) -> Option<Bytes> {
        let len = entries.checked_mul(W::BYTES).filter(|len| *len <= page.len())?;
        Some(page.slice(..len))
    }

    fn reserve(&mut self, rows: usize, _: usize) {
        self.words.reserve(rows);
    }

    fn bytes(&self) -> usize {
        self.words.len() * W::BYTES
    }

    fn add(&mut self, rows: &Present, from: From<'_, Bytes>) -> Result<(), Damage> {
        match from {
            From::Plain(bytes, at) => {
                let len = rows.count.checked_mul(W::BYTES).ok_or(Damage::EndsEarly)?;
                let there = bytes.get(*at..).and_then(|rest| rest.get(..len)).ok_or(Damage::EndsEarly)?;
                W::extend(&mut self.words, there);
                *at += len;
            }
            From::Coded(runs, entries) => {
                for start in (0..rows.count).step_by(AT_ONCE) {
                    self.numbers.clear();
                    runs.extend((rows.count - start).min(AT_ONCE), &mut self.numbers)?;
                    let largest = self.numbers.iter().fold(0, |largest, &number| number.max(largest));
                    W::look_up(entries, largest as usize, &self.numbers, &mut self.words)
                        .ok_or(Damage::Says("a number past its dictionary"))?;
                }
            }
        }
        rows.spread(&mut self.words);
        Ok(())
    }

    fn column(self, nulls: Option<NullBuffer>) -> Result<Column, Damage> {
        let rows = self.words.len();
        Ok(Column::Fixed(Fixed::new(self.dtype, Vec::new(), rows, Buffer::from_vec(self.words), nulls)))
    }
}

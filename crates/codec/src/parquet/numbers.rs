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
}

impl Word for u32 {
    const BYTES: usize = 4;
    fn extend(words: &mut Vec<u32>, bytes: &[u8]) {
        words.extend(bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)));
    }
}

impl Word for u64 {
    const BYTES: usize = 8;
    fn extend(words: &mut Vec<u64>, bytes: &[u8]) {
        words.extend(bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)));
    }
}

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
    type Dictionary = Vec<W>;

    fn dictionary(page: Bytes, entries: usize) -> Option<Vec<W>> {
        let mut words = Vec::new();
        W::extend(&mut words, page.get(..entries.checked_mul(W::BYTES)?)?);
        Some(words)
    }

    fn reserve(&mut self, rows: usize, _: usize) {
        self.words.reserve(rows);
    }

    fn bytes(&self) -> usize {
        self.words.len() * W::BYTES
    }

    fn add(&mut self, rows: &Present, from: From<'_, Vec<W>>) -> Result<(), Damage> {
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
                    let entries =
                        entries.get(..=largest as usize).ok_or(Damage::Says("a number past its dictionary"))?;
                    self.words.extend(self.numbers.iter().map(|number| entries[*number as usize]));
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

//! Lists of numbers, decoded here.
//!
//! What a model has learned is often a list of floats a row: vectors of words, factors of users. The crate takes such a column apart
//! into a level for every number and puts it together again; where the file says in a few runs that no number and no list is
//! missing, and writes the numbers plainly, offsets and numbers are there to be copied. Any other column is left to the
//! crate, as is what looks damaged: its error is as good as ours.

use std::sync::Arc;

use ::parquet::{
    basic::{Encoding, Type as Physical},
    column::page::Page,
    schema::types::{ColumnDescPtr, SchemaDescPtr},
};
use arrow_buffer::{MutableBuffer, OffsetBuffer};
use arrow_schema::DataType;
use model::{Column, DType, Fixed, List};

use super::{
    chunk::{Pages, Shared},
    footer::Group,
    hybrid,
};
use crate::error::CodecError;

/// Room that is made before the numbers are there.
const ROOM_MAX: usize = 64 << 20;

/// Returns the dtype of the items, where the column is one that may be read here.
pub(super) fn items(ty: &DataType) -> Option<DType> {
    let DataType::List(item) = ty else { return None };
    match item.data_type() {
        DataType::Float32 => Some(DType::F32),
        DataType::Float64 => Some(DType::F64),
        DataType::Int32 => Some(DType::I32),
        DataType::Int64 => Some(DType::I64),
        _ => None,
    }
}

/// Reads a leaf of all groups; nothing where its column is not as this module wants it. The budget is then as it was.
pub(super) fn read(
    shared: &Arc<Shared>,
    schema: &SchemaDescPtr,
    groups: &[Group],
    leaf: usize,
    dtype: DType,
) -> Result<Option<Column>, CodecError> {
    let column = schema.column(leaf);
    let physical = match dtype {
        DType::F32 => Physical::FLOAT,
        DType::F64 => Physical::DOUBLE,
        DType::I32 => Physical::INT32,
        _ => Physical::INT64,
    };
    if column.max_rep_level() != 1 || column.physical_type() != physical {
        return Ok(None);
    }
    let left = shared.budget.left();
    let read = Lists::new(&column, dtype, groups, leaf).read(shared, &column, groups, leaf)?;
    if read.is_none() {
        shared.budget.set_left(left);
    }
    Ok(read)
}

/// Lists as they grow.
struct Lists {
    dtype: DType,
    /// What the level of a number says that is there.
    present: u32,
    /// Bits of such a level.
    level_bits: u8,
    /// Where each list begins.
    starts: Vec<i32>,
    numbers: MutableBuffer,
}

impl Lists {
    fn new(column: &ColumnDescPtr, dtype: DType, groups: &[Group], leaf: usize) -> Lists {
        let values = groups.iter().fold(0, |sum: u64, group| sum.saturating_add(group.chunks[leaf].values));
        let room = usize::try_from(values).unwrap_or(usize::MAX).saturating_mul(dtype.width()).min(ROOM_MAX);
        let present = u32::from(column.max_def_level().unsigned_abs());
        let level_bits = (u32::BITS - present.leading_zeros()) as u8;
        Lists { dtype, present, level_bits, starts: Vec::new(), numbers: MutableBuffer::with_capacity(room) }
    }

    fn read(
        mut self,
        shared: &Arc<Shared>,
        column: &ColumnDescPtr,
        groups: &[Group],
        leaf: usize,
    ) -> Result<Option<Column>, CodecError> {
        let mut rows = 0;
        for group in groups {
            let mut pages = Pages::open(shared, column.clone(), group.chunks[leaf])?;
            while let Some(page) = pages.next_page()? {
                if self.take(&page).is_none() {
                    return Ok(None);
                }
            }
            rows += group.rows;
            if self.starts.len() as u64 != rows {
                return Ok(None);
            }
        }
        let count = self.numbers.len() / self.dtype.width();
        let Ok(end) = i32::try_from(count) else { return Ok(None) };
        self.starts.push(end);
        let numbers = Fixed::new(self.dtype, Vec::new(), count, self.numbers.into(), None);
        let offsets = OffsetBuffer::new(self.starts.into());
        Ok(Some(Column::List(List::new(offsets, Arc::new(Column::Fixed(numbers)), None))))
    }

    /// Takes a page whose numbers are plain and all there; nothing where they are not.
    fn take(&mut self, page: &Page) -> Option<()> {
        let (repetition, definition, numbers, count) = match page {
            Page::DataPage { buf, num_values, encoding, def_level_encoding, rep_level_encoding, .. } => {
                let runs = [*def_level_encoding, *rep_level_encoding] == [Encoding::RLE; 2];
                let (repetition, rest) = sized(buf).filter(|_| *encoding == Encoding::PLAIN && runs)?;
                let (definition, rest) = if self.present == 0 { (&[][..], rest) } else { sized(rest)? };
                (repetition, definition, rest, *num_values)
            }
            Page::DataPageV2 { buf, num_values, encoding, def_levels_byte_len, rep_levels_byte_len, .. }
                if *encoding == Encoding::PLAIN =>
            {
                let (repetition, rest) = buf.split_at_checked(*rep_levels_byte_len as usize)?;
                let (definition, rest) = rest.split_at_checked(*def_levels_byte_len as usize)?;
                (repetition, definition, rest, *num_values)
            }
            _ => return None,
        };
        let numbers = numbers.get(..count as usize * self.dtype.width())?;
        let mut all_there = true;
        if self.present > 0 {
            let present = self.present;
            let seen =
                hybrid::runs(definition, self.level_bits, count.into(), |level, _| all_there &= level == present);
            seen.ok()?;
        }
        let mut at = i32::try_from(self.numbers.len() / self.dtype.width()).ok()?;
        i32::try_from(count).ok().and_then(|count| at.checked_add(count))?;
        let starts = &mut self.starts;
        let seen = hybrid::runs(repetition, 1, count.into(), |level, times| {
            let end = at + times as i32;
            if level == 0 {
                starts.extend(at..end);
            } else {
                all_there &= !starts.is_empty();
            }
            at = end;
        });
        seen.ok()?;
        self.numbers.extend_from_slice(numbers);
        all_there.then_some(())
    }
}

/// Returns the bytes under their length, and what follows.
pub(super) fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
}

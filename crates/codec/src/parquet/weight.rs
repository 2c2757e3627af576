//! What pages and their values weigh in memory, reckoned before they are decoded.

use ::parquet::{
    basic::{ConvertedType, Encoding, LogicalType, Type as Physical},
    schema::types::ColumnDescPtr,
};

use super::{Damage, hybrid};

/// What has to be known of a dictionary to reckon what its indices stand for.
pub(super) struct Dictionary {
    /// Lengths of the entries, where they are texts or bytes.
    lengths: Vec<u32>,
    pub(super) longest: u64,
}

/// Bytes that one value takes in a column and in the levels beside it; texts come on top.
pub(super) fn cell_bytes(column: &ColumnDescPtr) -> u64 {
    // Decimals of whatever width become 128 bits.
    let value = match column.physical_type() {
        _ if column.converted_type() == ConvertedType::DECIMAL => 16,
        _ if matches!(column.logical_type_ref(), Some(LogicalType::Decimal { .. })) => 16,
        Physical::BOOLEAN => 1,
        Physical::INT32 | Physical::FLOAT | Physical::BYTE_ARRAY => 4,
        Physical::INT64 | Physical::DOUBLE => 8,
        Physical::INT96 => 16,
        Physical::FIXED_LEN_BYTE_ARRAY => u64::from(column.type_length().unsigned_abs()),
    };
    value + 2 * u64::from(column.max_def_level() > 0) + 2 * u64::from(column.max_rep_level() > 0)
}

/// Returns how many bytes of a first-version page its levels take.
pub(super) fn levels_len(
    column: &ColumnDescPtr,
    buf: &[u8],
    values: u32,
    definition: Encoding,
    repetition: Encoding,
) -> Option<usize> {
    let mut at = 0usize;
    for (max, encoding) in [(column.max_rep_level(), repetition), (column.max_def_level(), definition)] {
        if max == 0 {
            continue;
        }
        let len = if encoding == Encoding::RLE {
            let head = buf.get(at..)?.first_chunk::<4>()?;
            4 + u32::from_le_bytes(*head) as usize
        } else {
            let bits = (i16::BITS - max.leading_zeros()) as usize;
            (values as usize * bits).div_ceil(8)
        };
        at = at.checked_add(len).filter(|&at| at <= buf.len())?;
    }
    Some(at)
}

impl Dictionary {
    pub(super) fn new(column: &ColumnDescPtr, buf: &[u8], values: u32) -> Result<Dictionary, &'static str> {
        const SHORT: &str = "a dictionary that claims more entries than it holds";
        let width = match column.physical_type() {
            Physical::BOOLEAN => return Err("a dictionary of booleans"),
            Physical::INT32 | Physical::FLOAT => 4,
            Physical::INT64 | Physical::DOUBLE => 8,
            Physical::INT96 => 12,
            Physical::FIXED_LEN_BYTE_ARRAY => column.type_length().unsigned_abs() as usize,
            Physical::BYTE_ARRAY => return Dictionary::of_texts(buf, values).ok_or(SHORT),
        };
        if (values as usize).saturating_mul(width) > buf.len() {
            return Err(SHORT);
        }
        Ok(Dictionary { lengths: Vec::new(), longest: 0 })
    }

    fn of_texts(mut buf: &[u8], values: u32) -> Option<Dictionary> {
        let mut lengths = Vec::with_capacity((values as usize).min(buf.len() / 4));
        for _ in 0..values {
            let (head, rest) = buf.split_first_chunk::<4>()?;
            let len = u32::from_le_bytes(*head);
            buf = rest.get(len as usize..)?;
            lengths.push(len);
        }
        let longest = lengths.iter().copied().max().unwrap_or(0).into();
        Some(Dictionary { lengths, longest })
    }

    /// Returns the bytes of the texts that a page of `all` indices stands for, or of the `at_once` that are decoded at a
    /// time; exactly where a bound would be large.
    pub(super) fn text_bytes(&self, data: &[u8], all: u64, at_once: u64, budget: u64) -> Result<u64, Damage> {
        let bound = at_once * self.longest;
        if bound <= budget / 1024 || data.is_empty() {
            return Ok(bound);
        }
        let (&width, indices) = data.split_first().ok_or(Damage::EndsEarly)?;
        let mut sum = 0u64;
        let walked = hybrid::runs(indices, width, all, |index, times| {
            sum += times * self.lengths.get(index as usize).map_or(0, |&len| u64::from(len));
        });
        match walked {
            // Nulls have no index, so fewer may stand there than values.
            Ok(()) | Err(Damage::EndsEarly) => Ok(sum.min(bound)),
            Err(damage) => Err(damage),
        }
    }
}

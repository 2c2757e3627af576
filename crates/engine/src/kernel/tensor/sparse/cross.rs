//! Features crossed: each combination of one of every column.

use model::{
    PredictError, Tensor,
    tensor::{Bytes, TENSOR_BYTES_MAX},
};
use plan::tensor::{Crossing, TextHash};

use super::{Args, Done, put_ints, put_shape, refuse, refuse_type};
use crate::kernel::tensor::{ints, layout::shape_of, strings::hash::hash};

/// Features of a column.
struct Column {
    values: Tensor,
    /// Where the features of each row begin, and the last end.
    begins: Vec<usize>,
}

impl Column {
    /// The rows of a sparse tensor are those of its indices, as long as they come in order.
    fn sparse(indices: &Tensor, values: &Tensor, rows: usize) -> Result<Column, PredictError> {
        if indices.rank() != 2 || indices.shape()[1] != 2 || values.rank() != 1 || values.len() != indices.shape()[0] {
            let got = format!("{} and {}", indices.shape(), values.shape());
            return Err(refuse("two indices for each value of a column", got));
        }
        let (indices, mut at) = (ints(indices)?, 0);
        let mut begins = vec![0];
        for row in 0..rows {
            while at < values.len() && indices[2 * at] == row as i64 {
                at += 1;
            }
            begins.push(at);
        }
        Ok(Column { values: values.clone(), begins })
    }

    fn dense(values: &Tensor, rows: usize) -> Result<Column, PredictError> {
        match **values.shape() {
            [count, width] if count == rows => {
                Ok(Column { values: values.clone(), begins: (0..=rows).map(|row| row * width).collect() })
            }
            _ => Err(refuse(format!("a column of {rows} rows"), values.shape().to_string())),
        }
    }

    fn features(&self, row: usize) -> std::ops::Range<usize> {
        self.begins[row]..self.begins[row + 1]
    }

    fn text(&self, i: usize) -> Result<Bytes, PredictError> {
        match (self.values.get::<Bytes>(), self.values.get::<i64>()) {
            (Some(texts), _) => Ok(texts[i].clone()),
            (_, Some(numbers)) => Ok(numbers[i].to_string().into_bytes().into()),
            _ => Err(refuse_type(&self.values)),
        }
    }

    fn number(&self, i: usize, how: &Crossing) -> Result<u64, PredictError> {
        match (self.values.get::<Bytes>(), self.values.get::<i64>(), how) {
            (Some(texts), _, Crossing::Hashed { salt: Some(key), .. }) => {
                Ok(hash(&texts[i], TextHash::Sip { key: *key }))
            }
            (Some(texts), ..) => Ok(hash(&texts[i], TextHash::Farm)),
            // TensorFlow itself fails there, so no one knows what it would be.
            (_, Some(_), Crossing::Hashed { salt: Some(_), .. }) => Err(refuse_type(&self.values)),
            (_, Some(numbers), _) => Ok(numbers[i] as u64),
            _ => Err(refuse_type(&self.values)),
        }
    }
}

/// Joins two fingerprints (TensorFlow's `FingerprintCat64`).
fn joined(a: u64, b: u64) -> u64 {
    const MUL: u64 = 0xc6a4_a793_5bd1_e995;
    let mix = |x: u64| x ^ (x >> 47);
    let result = a ^ MUL ^ mix(b.wrapping_mul(MUL)).wrapping_mul(MUL);
    mix(mix(result.wrapping_mul(MUL)).wrapping_mul(MUL))
}

pub(super) fn run(args: &Args<'_>, sparse: usize, dense: usize, how: &Crossing) -> Done {
    let rows = if sparse > 0 {
        match shape_of(&*args.get(2 * sparse)?)?[..] {
            [rows, _] => rows,
            ref other => return Err(refuse("a shape of two dimensions", format!("{other:?}"))),
        }
    } else if dense > 0 {
        args.get(0)?.shape().first().copied().unwrap_or(0)
    } else {
        0
    };
    if rows > TENSOR_BYTES_MAX / 8 {
        return Err(refuse("fewer rows", rows.to_string()));
    }
    let mut columns = Vec::with_capacity(sparse + dense);
    for i in 0..sparse {
        if shape_of(&*args.get(2 * sparse + i)?)?.first() != Some(&rows) {
            return Err(refuse(format!("columns of {rows} rows"), "another number"));
        }
        columns.push(Column::sparse(&*args.get(i)?, &*args.get(sparse + i)?, rows)?);
    }
    for i in 3 * sparse..3 * sparse + dense {
        columns.push(Column::dense(&*args.get(i)?, rows)?);
    }
    let counts = (0..rows).map(|row| {
        let mut counts = columns.iter().map(|column| column.features(row).len());
        counts.try_fold(1usize, |all, count| all.checked_mul(count)).filter(|all| *all <= TENSOR_BYTES_MAX / 16)
    });
    let counts: Option<Vec<usize>> = counts.collect();
    let total = counts.as_ref().and_then(|counts| counts.iter().try_fold(0usize, |sum, n| sum.checked_add(*n)));
    let (counts, total) = match (counts, total) {
        (Some(counts), Some(total)) if total <= TENSOR_BYTES_MAX / 16 => (counts, total),
        _ => return Err(refuse("fewer combinations of features", "more than a tensor holds")),
    };
    let mut indices = Vec::with_capacity(2 * total);
    for (row, &count) in counts.iter().enumerate() {
        indices.extend((0..count).flat_map(|i| [row as i64, i as i64]));
    }
    put_ints(args, 0, &[total, 2], &indices)?;
    put_shape(args, 2, &[rows, counts.iter().copied().max().unwrap_or(0)])?;
    let Some(mut out) = args.out(1) else { return Ok(()) };
    *out = match how {
        Crossing::Text { separator } => Tensor::vector(texts(args, &columns, &counts, separator)?),
        _ => Tensor::vector(numbers(args, &columns, &counts, how)?),
    };
    Ok(())
}

/// Calls the function with the features of each combination.
fn each(args: &Args<'_>, columns: &[Column], counts: &[usize], mut work: impl FnMut(&[usize]) -> Done) -> Done {
    let mut at = vec![0; columns.len()];
    for (row, &count) in counts.iter().enumerate() {
        args.call.check()?;
        at.iter_mut().zip(columns).for_each(|(at, column)| *at = column.features(row).start);
        for _ in 0..count {
            work(&at)?;
            for (at, column) in at.iter_mut().zip(columns).rev() {
                *at += 1;
                if *at < column.features(row).end {
                    break;
                }
                *at = column.features(row).start;
            }
        }
    }
    Ok(())
}

fn texts(args: &Args<'_>, columns: &[Column], counts: &[usize], separator: &[u8]) -> Result<Vec<Bytes>, PredictError> {
    let (mut all, mut bytes, mut text) = (Vec::new(), 0usize, Vec::new());
    each(args, columns, counts, |at| {
        text.clear();
        for (i, (column, &at)) in columns.iter().zip(at).enumerate() {
            if i > 0 {
                text.extend_from_slice(separator);
            }
            text.extend_from_slice(&column.text(at)?);
        }
        bytes += text.len() + 16;
        if bytes > TENSOR_BYTES_MAX {
            return Err(refuse("shorter texts of crossed features", "more bytes than a tensor holds"));
        }
        all.push(Bytes::from(&text[..]));
        Ok(())
    })?;
    Ok(all)
}

fn numbers(args: &Args<'_>, columns: &[Column], counts: &[usize], how: &Crossing) -> Result<Vec<i64>, PredictError> {
    let (buckets, key) = match how {
        Crossing::Keyed { buckets, key } => (*buckets, Some(*key)),
        Crossing::Hashed { buckets, .. } => (*buckets, None),
        Crossing::Text { .. } => (0, None),
    };
    let below = if buckets == 0 { i64::MAX as u64 } else { buckets };
    let mut all = Vec::new();
    each(args, columns, counts, |at| {
        let mut sum = key;
        for (column, &at) in columns.iter().zip(at) {
            let number = column.number(at, how)?;
            sum = Some(sum.map_or(number, |sum| joined(sum, number)));
        }
        all.push((sum.unwrap_or(0) % below) as i64);
        Ok(())
    })?;
    Ok(all)
}

//! Parts of tensors: a tensor that was saved in parts is put together, and a part that was asked for is cut out.

use std::borrow::Cow;

use super::{
    super::{
        dtype::DType,
        literal::{Data, Literal},
    },
    entry::Slice,
};

/// A tensor being put together.
pub struct Whole<'a> {
    dtype: DType,
    shape: Vec<usize>,
    data: Elements<'a>,
    /// A bit for each element that is there.
    filled: Vec<u64>,
    left: usize,
}

enum Elements<'a> {
    Bytes(Vec<u8>, usize),
    Texts(Vec<Cow<'a, [u8]>>),
}

/// Returns whether both are the same part of the shape.
pub fn is_same(a: &Slice, b: &Slice, shape: &[i64]) -> bool {
    let plain = |slice: &Slice| -> Vec<(i64, i64)> {
        let all = slice.iter().zip(shape);
        all.map(|((start, length), dim)| (*start, length.unwrap_or(*dim))).collect()
    };
    a.len() == shape.len() && b.len() == shape.len() && plain(a) == plain(b)
}

/// Returns the starts and lengths within the shape.
fn extents(slice: &Slice, shape: &[usize]) -> Result<Vec<(usize, usize)>, String> {
    let bad = || format!("the part {slice:?} does not lie within the shape {shape:?}");
    if slice.len() != shape.len() {
        return Err(bad());
    }
    let within = |((start, length), dim): (&(i64, Option<i64>), &usize)| {
        let start = usize::try_from(*start).ok()?;
        let length = length.map_or(dim.checked_sub(start), |length| usize::try_from(length).ok())?;
        (start.checked_add(length)? <= *dim).then_some((start, length))
    };
    slice.iter().zip(shape).map(within).collect::<Option<Vec<_>>>().ok_or_else(bad)
}

/// Calls `each` with the place of each run of elements in the whole, and in the part, and its length.
fn runs(extents: &[(usize, usize)], shape: &[usize], each: &mut dyn FnMut(usize, usize, usize)) {
    let Some(((last_start, run), outer)) = extents.split_last() else { return each(0, 0, 1) };
    let count: usize = outer.iter().map(|(_, length)| length).product();
    if *run == 0 {
        return;
    }
    let last = shape[shape.len() - 1];
    for row in 0..count {
        let (mut rest, mut at, mut stride) = (row, *last_start, last);
        for (dim, (start, length)) in outer.iter().enumerate().rev() {
            at += (start + rest % length) * stride;
            rest /= length;
            stride *= shape[dim];
        }
        each(at, row * run, *run);
    }
}

/// Returns a part of a tensor.
pub fn cut<'a>(whole: &Literal<'a>, part: &Slice) -> Result<Literal<'a>, String> {
    let extents = extents(part, &whole.shape)?;
    let shape: Vec<usize> = extents.iter().map(|(_, length)| *length).collect();
    let data = match (&whole.data, whole.dtype.width()) {
        (Data::Texts(texts), _) => {
            let mut out = Vec::new();
            runs(&extents, &whole.shape, &mut |at, _, len| out.extend_from_slice(&texts[at..at + len]));
            Data::Texts(out)
        }
        (Data::Bytes(bytes), Some(width)) => {
            let mut out = Vec::new();
            runs(&extents, &whole.shape, &mut |at, _, len| {
                out.extend_from_slice(&bytes[at * width..(at + len) * width]);
            });
            Data::Bytes(out.into())
        }
        _ => return Err("a part of it is not read".to_owned()),
    };
    Ok(Literal { dtype: whole.dtype, shape, data })
}

impl<'a> Whole<'a> {
    pub fn new(dtype: DType, shape: Vec<usize>, count: usize) -> Whole<'a> {
        let data = match dtype.width() {
            Some(width) => Elements::Bytes(vec![0; count * width], width),
            None => Elements::Texts(vec![Cow::Borrowed(&[]); count]),
        };
        Whole { dtype, shape, data, filled: vec![0; count.div_ceil(64)], left: count }
    }

    /// Puts a part where it belongs.
    pub fn put(&mut self, slice: &Slice, part: &Literal<'a>) -> Result<(), String> {
        let extents = extents(slice, &self.shape)?;
        let count: usize = extents.iter().map(|(_, length)| length).product();
        if part.dtype != self.dtype || part.elements() != count {
            let got = (part.dtype, &part.shape);
            return Err(format!("the part {slice:?} is {} of shape {:?}", got.0, got.1));
        }
        let (filled, left) = (&mut self.filled, &mut self.left);
        let mut fill = |at: usize, len: usize| {
            for element in at..at + len {
                let bit = 1 << (element % 64);
                *left -= usize::from(filled[element / 64] & bit == 0);
                filled[element / 64] |= bit;
            }
        };
        match (&mut self.data, &part.data) {
            (Elements::Bytes(whole, width), Data::Bytes(bytes)) => {
                let width = *width;
                runs(&extents, &self.shape, &mut |at, from, len| {
                    whole[at * width..(at + len) * width].copy_from_slice(&bytes[from * width..(from + len) * width]);
                    fill(at, len);
                });
            }
            (Elements::Texts(whole), Data::Texts(texts)) => {
                runs(&extents, &self.shape, &mut |at, from, len| {
                    whole[at..at + len].clone_from_slice(&texts[from..from + len]);
                    fill(at, len);
                });
            }
            _ => return Err("its parts hold other things than it does".to_owned()),
        }
        Ok(())
    }

    /// Returns the tensor, once every element is there.
    pub fn finish(self) -> Result<Literal<'a>, String> {
        if 0 < self.left {
            return Err("its parts do not make up the whole".to_owned());
        }
        let data = match self.data {
            Elements::Bytes(bytes, _) => Data::Bytes(bytes.into()),
            Elements::Texts(texts) => Data::Texts(texts),
        };
        Ok(Literal { dtype: self.dtype, shape: self.shape, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(shape: &[usize], bytes: &[u8]) -> Literal<'static> {
        Literal { dtype: DType::UInt8, shape: shape.to_vec(), data: Data::Bytes(bytes.to_vec().into()) }
    }

    #[test]
    fn parts_are_cut_and_put_together() {
        let all: Vec<u8> = (0..24).collect();
        let whole = matrix(&[2, 3, 4], &all);
        let left: Slice = vec![(0, None), (0, Some(2)), (1, None)];
        let part = cut(&whole, &left).unwrap();
        assert_eq!(part, matrix(&[2, 2, 3], &[1, 2, 3, 5, 6, 7, 13, 14, 15, 17, 18, 19]));
        let mut again = Whole::new(DType::UInt8, vec![2, 3, 4], 24);
        let slices: [Slice; 3] =
            [left, vec![(0, None), (0, Some(2)), (0, Some(1))], vec![(0, None), (2, Some(1)), (0, None)]];
        for slice in &slices {
            again.put(slice, &cut(&whole, slice).unwrap()).unwrap();
        }
        assert_eq!(again.finish().unwrap(), whole);
    }

    #[test]
    fn what_lies_outside_or_is_missing_is_refused() {
        let whole = matrix(&[2, 2], &[1, 2, 3, 4]);
        for part in [
            vec![(0, Some(3)), (0, None)],
            vec![(-1, None), (0, None)],
            vec![(0, None)],
            vec![(i64::MAX, Some(i64::MAX)), (0, None)],
        ] {
            assert!(cut(&whole, &part).is_err());
        }
        assert!(Whole::new(DType::UInt8, vec![2, 2], 4).finish().is_err());
    }
}

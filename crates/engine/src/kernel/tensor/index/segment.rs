//! Entries of the first axis by their segment or part.

use model::{
    PredictError, Shape, Tensor, each_element,
    tensor::{Data, Element, bf16, f16},
};
use plan::tensor::{Merge, SegmentFold};

use super::{Args, Done, ints, order::Merged, place, refuse, refuse_type, shape, too_large};

/// Where entries go, and of how many segments.
struct Segments {
    ids: Vec<Option<usize>>,
    count: usize,
    /// Elements of an entry.
    inner: usize,
    to: Shape,
}

impl Segments {
    fn new(x: &Tensor, ids: &Tensor, given: Option<&[i64]>) -> Result<Segments, PredictError> {
        let dims = ids.shape();
        let is_prefix = dims.len() <= x.rank() && x.shape()[..dims.len()] == **dims;
        if !is_prefix || (given.is_none() && dims.len() != 1) {
            return Err(refuse(format!("a segment for each entry of {}", x.shape()), dims.to_string()));
        }
        let numbers = ints(ids)?;
        let count = match given {
            Some([count]) => usize::try_from(*count).map_err(|_| refuse("a number of segments", count.to_string()))?,
            Some(more) => return Err(refuse("one number of segments", format!("{more:?}"))),
            None if numbers.is_sorted() && numbers.first().is_none_or(|first| *first >= 0) => {
                numbers.last().map_or(0, |last| (*last as usize).saturating_add(1))
            }
            None => return Err(refuse("segments in order, none negative", "others")),
        };
        let id = |&id: &i64| if id < 0 { Ok(None) } else { place(id, count, false).map(Some) };
        let rest = &x.shape()[dims.len()..];
        Ok(Segments {
            ids: numbers.iter().map(id).collect::<Result<_, _>>()?,
            count,
            inner: rest.iter().product(),
            to: shape(&[&[count], rest].concat())?,
        })
    }

    /// Folds; a segment without entries is `empty`.
    fn fold<T: Element + Merged>(&self, from: &[T], (first, empty): (T, T), how: Merge, out: &mut Tensor) -> Done {
        let result = out.make::<T>(self.to).map_err(too_large)?;
        result.fill(empty);
        let mut is_met = vec![false; if self.inner == 0 { 0 } else { self.count }];
        if self.inner == 0 {
            return Ok(());
        }
        for (from, id) in from.chunks(self.inner).zip(&self.ids) {
            let Some(id) = *id else { continue };
            let to = &mut result[id * self.inner..(id + 1) * self.inner];
            if !std::mem::replace(&mut is_met[id], true) {
                to.fill(first);
            }
            to.iter_mut().zip(from).for_each(|(to, from)| *to = to.merge(*from, how));
        }
        Ok(())
    }

    /// Divides sums by a function of the number of entries.
    fn divide<T: Element + Copy>(&self, out: &mut Tensor, by: impl Fn(T, u32) -> T) {
        let mut counts = vec![0u32; self.count.min(self.to.elements())];
        self.ids.iter().flatten().for_each(|id| {
            if let Some(count) = counts.get_mut(*id) {
                *count += 1;
            }
        });
        let Some(result) = out.get_mut::<T>() else { return };
        if self.inner > 0 {
            for (to, count) in result.chunks_mut(self.inner).zip(counts).filter(|(_, count)| *count > 1) {
                to.iter_mut().for_each(|to| *to = by(*to, count));
            }
        }
    }
}

pub(super) fn segment(x: &Tensor, ids: &Tensor, given: Option<&[i64]>, fold: SegmentFold, out: &mut Tensor) -> Done {
    let segments = Segments::new(x, ids, given)?;
    let is_open = given.is_some();
    macro_rules! bounded {
        ($e:expr, $ty:ty, $low:expr, $high:expr, $one:expr, $mean:expr) => {{
            let zero = <$ty>::default();
            let empty = |open: $ty| if is_open { open } else { zero };
            match fold {
                SegmentFold::Sum => segments.fold::<$ty>($e, (zero, zero), Merge::Add, out),
                SegmentFold::Prod => segments.fold::<$ty>($e, ($one, $one), Merge::Mul, out),
                SegmentFold::Max => segments.fold::<$ty>($e, ($low, empty($low)), Merge::Max, out),
                SegmentFold::Min => segments.fold::<$ty>($e, ($high, empty($high)), Merge::Min, out),
                SegmentFold::Mean | SegmentFold::RootMean => {
                    segments.fold::<$ty>($e, (zero, zero), Merge::Add, out)?;
                    let mean: fn($ty, f64) -> $ty = $mean;
                    segments.divide::<$ty>(out, |sum, n| match fold {
                        SegmentFold::Mean => mean(sum, f64::from(n)),
                        _ => mean(sum, f64::from(n).sqrt()),
                    });
                    Ok(())
                }
            }
        }};
    }
    macro_rules! ints {
        ($e:expr, $ty:ty) => {
            bounded!($e, $ty, <$ty>::MIN, <$ty>::MAX, 1, |sum, n| (sum as f64 / n) as $ty)
        };
    }
    match x.data() {
        Data::F32(e) => bounded!(e, f32, f32::MIN, f32::MAX, 1.0, |sum, n| sum / n as f32),
        Data::F64(e) => bounded!(e, f64, f64::MIN, f64::MAX, 1.0, |sum, n| sum / n),
        Data::F16(e) => bounded!(e, f16, f16::MIN, f16::MAX, f16::ONE, |sum, n| f16::from_f64(sum.to_f64() / n)),
        Data::BF16(e) => bounded!(e, bf16, bf16::MIN, bf16::MAX, bf16::ONE, |sum, n| bf16::from_f64(sum.to_f64() / n)),
        Data::I8(e) => ints!(e, i8),
        Data::I16(e) => ints!(e, i16),
        Data::I32(e) => ints!(e, i32),
        Data::I64(e) => ints!(e, i64),
        Data::U8(e) => ints!(e, u8),
        Data::U16(e) => ints!(e, u16),
        Data::U32(e) => ints!(e, u32),
        Data::U64(e) => ints!(e, u64),
        Data::Bool(_) | Data::C64(_) | Data::Bytes(_) => Err(refuse_type(x)),
    }
}

pub(super) fn partition(args: &Args<'_>, parts: usize) -> Done {
    let (x, ids) = (args.get(0)?, args.get(1)?);
    let dims = ids.shape();
    if dims.len() > x.rank() || x.shape()[..dims.len()] != **dims {
        return Err(refuse(format!("a part for each entry of {}", x.shape()), dims.to_string()));
    }
    let rest = &x.shape()[dims.len()..];
    let mut lists = vec![Vec::new(); parts];
    for (i, id) in ints(&ids)?.into_iter().enumerate() {
        lists[place(id, parts, false)?].push(i as i64);
    }
    let flat = x.reshaped(shape(&[&[ids.len()], rest].concat())?).map_err(too_large)?;
    for (i, list) in lists.into_iter().enumerate() {
        if let Some(mut out) = args.out(i) {
            super::gather(&flat, &Tensor::vector(list), 0, 0, false, &mut out)?;
        }
    }
    Ok(())
}

pub(super) fn stitch(args: &Args<'_>, out: &mut Tensor) -> Done {
    let half = args.count() / 2;
    let (mut count, mut rest) = (0, None);
    let mut pairs = Vec::with_capacity(half);
    for i in 0..half {
        let (ids, x) = (args.get(i)?, args.get(half + i)?);
        let dims = ids.shape();
        let is_prefix = dims.len() <= x.rank() && x.shape()[..dims.len()] == **dims;
        let inner = if is_prefix { Some(shape(&x.shape()[dims.len()..])?) } else { None };
        let rest = rest.get_or_insert(inner);
        if inner.is_none() || *rest != inner {
            return Err(refuse(format!("an entry for each of {dims}, all of one shape"), x.shape().to_string()));
        }
        let ids = ints(&ids)?.into_iter().map(|id| place(id, 1 << 28, false)).collect::<Result<Vec<_>, _>>()?;
        count = ids.iter().fold(count, |count, id| count.max(id + 1));
        pairs.push((ids, x));
    }
    let (Some(Some(rest)), Some((_, first))) = (rest, pairs.first()) else { return Err(refuse("entries", "none")) };
    let to = rest.insert(0, count).map_err(too_large)?;
    fn of<T: Element>(
        _: &[T],
        pairs: &[(Vec<usize>, std::cell::Ref<'_, Tensor>)],
        to: Shape,
        out: &mut Tensor,
    ) -> Done {
        let inner: usize = to[1..].iter().product();
        let result = out.make::<T>(to).map_err(too_large)?;
        result.fill(T::default());
        for (ids, x) in pairs.iter().filter(|_| inner > 0) {
            let from = x.get::<T>().ok_or_else(|| refuse_type(x))?;
            for (from, id) in from.chunks(inner).zip(ids) {
                result[id * inner..(id + 1) * inner].clone_from_slice(from);
            }
        }
        Ok(())
    }
    each_element!(first.data(), e => of(e, &pairs, to, out))
}

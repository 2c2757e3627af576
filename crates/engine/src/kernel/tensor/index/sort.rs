//! Elements by their order: the greatest, the different ones, places among sorted ones.

use std::cmp::Ordering;

use model::{DType, PredictError, Shape, Tensor, each_element, tensor::Element};

use super::{
    Args, Done, axis, ints,
    order::{Ordered, each_merged},
    refuse, refuse_type, shape, too_large, transpose, write_ints,
};

/// Returns the axis's length, and the number of elements of an entry of it.
fn lanes(of: &Shape, along: usize) -> (usize, usize) {
    (of[along], of[along + 1..].iter().product())
}

pub(super) fn top_k(args: &Args<'_>, along: i64, largest: bool, dtype: DType) -> Done {
    let x = args.get(0)?;
    let along = axis(along, x.rank())?;
    let (length, inner) = lanes(x.shape(), along);
    let k = args.ints(1)?.unwrap_or_default();
    let k = match k[..] {
        [k] => usize::try_from(k).ok().filter(|k| *k <= length),
        _ => None,
    };
    let k = k.ok_or_else(|| refuse(format!("a number of elements from 0 to {length}"), "another"))?;
    let to = x.shape().with(along, k);
    let mut places = vec![0; to.checked_elements().filter(|n| *n <= 1 << 28).unwrap_or(0)];
    fn of<T: Element + Ordered>(
        from: &[T],
        (length, inner, k): (usize, usize, usize),
        largest: bool,
        places: &mut [usize],
    ) {
        let mut order: Vec<usize> = Vec::with_capacity(length);
        for (outer, to) in places.chunks_mut((k * inner).max(1)).enumerate() {
            for lane in 0..inner {
                let at = |i: usize| &from[(outer * length + i) * inner + lane];
                let before = |a: &usize, b: &usize| {
                    let order = at(*a).order(at(*b));
                    (if largest { order.reverse() } else { order }).then(a.cmp(b))
                };
                order.clear();
                order.extend(0..length);
                if k < length {
                    order.select_nth_unstable_by(k, before);
                }
                order[..k].sort_unstable_by(before);
                (0..k).for_each(|i| to[i * inner + lane] = order[i]);
            }
        }
    }
    each_element!(x.data(), e => of(e, (length, inner, k), largest, &mut places));
    if let Some(mut out) = args.out(1) {
        write_ints(&to, places.iter().copied(), dtype, &mut out)?;
    }
    let Some(mut out) = args.out(0) else { return Ok(()) };
    fn values<T: Element>(
        from: &[T],
        to: Shape,
        (length, inner, k): (usize, usize, usize),
        places: &[usize],
        out: &mut Tensor,
    ) -> Done {
        let result = out.make::<T>(to).map_err(too_large)?;
        for (i, (to, place)) in result.iter_mut().zip(places).enumerate() {
            *to = from[(i / (k * inner) * length + place) * inner + i % inner].clone();
        }
        Ok(())
    }
    each_element!(x.data(), e => values(e, to, (length, inner, k), &places, &mut out))
}

pub(super) fn extreme(
    x: &Tensor,
    (least, last): (bool, bool),
    along: i64,
    keep: bool,
    dtype: DType,
    out: &mut Tensor,
) -> Done {
    let along = axis(along, x.rank())?;
    let (length, inner) = lanes(x.shape(), along);
    let to = if keep { x.shape().with(along, 1) } else { x.shape().remove(along) };
    if length == 0 {
        return Err(refuse(format!("entries of axis {along}"), "none"));
    }
    fn of<T: Element + Ordered>(from: &[T], (length, inner): (usize, usize), least: bool, last: bool) -> Vec<usize> {
        let mut places = vec![0; from.len() / length];
        for (outer, to) in places.chunks_mut(inner.max(1)).enumerate() {
            for (lane, to) in to.iter_mut().enumerate() {
                let at = |i: usize| &from[(outer * length + i) * inner + lane];
                let mut best = None;
                for i in (0..length).filter(|&i| !at(i).is_no_number()) {
                    let order = best.map_or(Ordering::Greater, |best| at(i).order(at(best)));
                    let order = if least && best.is_some() { order.reverse() } else { order };
                    if order == Ordering::Greater || (last && order == Ordering::Equal) {
                        best = Some(i);
                    }
                }
                *to = best.unwrap_or(0);
            }
        }
        places
    }
    let places = each_merged!(x.data(), e => of(e, (length, inner), least, last)).ok_or_else(|| refuse_type(x))?;
    write_ints(&to, places, dtype, out)
}

pub(super) fn unique(args: &Args<'_>, along: Option<i64>, sorted: bool, dtype: DType) -> Done {
    let x = args.get(0)?;
    let along = match args.ints(1)?.as_deref() {
        None | Some([]) => along,
        Some([along]) => Some(*along),
        Some(more) => return Err(refuse("one axis", format!("{more:?}"))),
    };
    // Entries one after the other: the axis first.
    let along = along.map(|along| axis(along, x.rank())).transpose()?;
    let mut order: Vec<usize> = (0..x.rank()).collect();
    let flat;
    let x = match along {
        None => {
            flat = x.reshaped(shape(&[x.len()])?).map_err(too_large)?;
            order = vec![0];
            &flat
        }
        Some(along) => {
            order.swap(0, along);
            let mut turned = Tensor::default();
            transpose(&x, &order, &mut turned)?;
            flat = turned;
            &flat
        }
    };
    let count = x.shape()[0];
    if count > 1 << 26 {
        return Err(refuse("fewer entries", count.to_string()));
    }
    fn of<T: Element + Ordered>(from: &[T], count: usize, sorted: bool) -> Found {
        let size = from.len() / count.max(1);
        let entry = |i: usize| &from[i * size..(i + 1) * size];
        let compare = |a: &usize, b: &usize| {
            let pairs = entry(*a).iter().zip(entry(*b));
            pairs.map(|(a, b)| a.order(b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        };
        let mut places: Vec<usize> = (0..count).collect();
        places.sort_by(compare);
        // Groups of equal ones, whose first stands first.
        let mut groups: Vec<(usize, usize)> = Vec::new();
        let mut group_of = vec![0; count];
        for (i, &place) in places.iter().enumerate() {
            if i == 0 || compare(&places[i - 1], &place).is_ne() {
                groups.push((place, 0));
            }
            group_of[place] = groups.len() - 1;
            groups[group_of[place]].1 += 1;
        }
        if !sorted {
            let mut order: Vec<usize> = (0..groups.len()).collect();
            order.sort_unstable_by_key(|&group| groups[group].0);
            let mut rank = vec![0; order.len()];
            order.iter().enumerate().for_each(|(i, &group)| rank[group] = i);
            group_of.iter_mut().for_each(|group| *group = rank[*group]);
            groups = order.iter().map(|&group| groups[group]).collect();
        }
        Found { groups, group_of }
    }
    let found = each_element!(x.data(), e => of(e, count, sorted));
    found.write(args, x, &order, dtype)
}

/// The different entries: where the first of each is and how many there are; of each entry which it is.
struct Found {
    groups: Vec<(usize, usize)>,
    group_of: Vec<usize>,
}

impl Found {
    fn write(&self, args: &Args<'_>, x: &Tensor, order: &[usize], dtype: DType) -> Done {
        let groups = shape(&[self.groups.len()])?;
        if let Some(mut out) = args.out(0) {
            let firsts = Tensor::vector(self.groups.iter().map(|group| group.0 as i64).collect());
            let mut entries = Tensor::default();
            super::gather(x, &firsts, 0, 0, false, &mut entries)?;
            transpose(&entries, order, &mut out)?;
        }
        if let Some(mut out) = args.out(1) {
            write_ints(&groups, self.groups.iter().map(|group| group.0), dtype, &mut out)?;
        }
        if let Some(mut out) = args.out(2) {
            write_ints(&shape(&[self.group_of.len()])?, self.group_of.iter().copied(), dtype, &mut out)?;
        }
        if let Some(mut out) = args.out(3) {
            write_ints(&groups, self.groups.iter().map(|group| group.1), dtype, &mut out)?;
        }
        Ok(())
    }
}

pub(super) fn search_sorted(sorted: &Tensor, values: &Tensor, right: bool, dtype: DType, out: &mut Tensor) -> Done {
    let row = sorted.shape().last().copied().unwrap_or(0);
    let (many, each) = match sorted.rank() {
        1 => (1, values.len()),
        _ => (sorted.len() / row.max(1), values.shape().last().copied().unwrap_or(0)),
    };
    let alike = sorted.rank() == 1
        || (sorted.rank() > 1
            && sorted.rank() == values.rank()
            && sorted.shape()[..sorted.rank() - 1] == values.shape()[..values.rank() - 1]);
    if !alike {
        return Err(refuse(format!("values of the rows of {}", sorted.shape()), values.shape().to_string()));
    }
    fn of<T: Element + Ordered>(
        sorted: &[T],
        values: &Tensor,
        (many, row, each): (usize, usize, usize),
        right: bool,
    ) -> Result<Vec<usize>, PredictError> {
        let values = values.get::<T>().ok_or_else(|| refuse_type(values))?;
        let below = |row: &[T], value: &T| {
            let is_below = |x: &T| match x.order(value) {
                Ordering::Less => true,
                Ordering::Equal => right,
                Ordering::Greater => false,
            };
            row.partition_point(is_below)
        };
        let row_of = |i: usize| &sorted[i / each.max(1) % many.max(1) * row..][..row];
        Ok(values.iter().enumerate().map(|(i, value)| if row == 0 { 0 } else { below(row_of(i), value) }).collect())
    }
    let places = each_element!(sorted.data(), e => of(e, values, (many, row, each), right))?;
    write_ints(values.shape(), places, dtype, out)
}

pub(super) fn in_top_k(x: &Tensor, targets: &Tensor, k: &Tensor, out: &mut Tensor) -> Done {
    let (targets, k) = (ints(targets)?, ints(k)?);
    let (&[rows, classes], [k]) = (&**x.shape(), &k[..]) else {
        return Err(refuse("rows of classes and one number", x.shape().to_string()));
    };
    let scores = x.get::<f32>().ok_or_else(|| refuse_type(x))?;
    if targets.len() != rows {
        return Err(refuse(format!("{rows} targets"), targets.len().to_string()));
    }
    let result = out.make::<bool>(shape(&[rows])?).map_err(too_large)?;
    for (i, to) in result.iter_mut().enumerate() {
        let row = &scores[i * classes..(i + 1) * classes];
        let target = usize::try_from(targets[i]).ok().and_then(|target| row.get(target));
        let is_finite = row.iter().all(|score| score.is_finite());
        *to =
            is_finite && target.is_some_and(|target| (row.iter().filter(|score| *score > target).count() as i64) < *k);
    }
    Ok(())
}

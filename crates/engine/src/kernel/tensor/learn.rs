//! Trained models of the set `ai.onnx.ml`: what they do with rows, but for trees ([`trees`]) and classes ([`classes`]).

use std::sync::Arc;

use model::{
    PredictError, Shape, Tensor, Whole, each_element,
    tensor::{Data, Element},
};
use plan::tensor::{
    LearnOp,
    learn::{Norm, Transform, Votes},
};

use super::{Args, Done, axis, index::place, ints, refuse, refuse_type, shape, too_large};

mod classes;
mod keys;
mod maps;
mod number;
mod scores;
mod trees;

use keys::Keys;
pub(super) use number::{Num, each_number};
use trees::TreesKernel;

/// An op of the family, ready to run.
pub(super) enum LearnKernel {
    Rows,
    Pick,
    /// Keys, values, and the default.
    Lookup(Box<(Keys, Tensor, Tensor)>),
    OneHot {
        keys: Keys,
        width: usize,
        strict: bool,
    },
    Normalize(Norm),
    Features {
        sizes: Vec<usize>,
    },
    Distances {
        points: Tensor,
    },
    Transform(Transform),
    Classify(classes::Classify),
    Vote(Arc<Votes>),
    Trees(Box<TreesKernel>),
    ZipMap(maps::ZipMap),
    CastMap {
        to: model::Type,
        length: Option<usize>,
    },
    Dictionary {
        keys: Keys,
        width: usize,
    },
}

impl LearnKernel {
    pub(super) fn new(op: &LearnOp) -> LearnKernel {
        match op {
            LearnOp::Rows => LearnKernel::Rows,
            LearnOp::Pick => LearnKernel::Pick,
            LearnOp::Lookup(lookup) => LearnKernel::Lookup(Box::new((
                Keys::first(&lookup.keys, lookup.nan),
                lookup.values.clone(),
                lookup.default.clone(),
            ))),
            LearnOp::OneHot { keys, strict } => {
                LearnKernel::OneHot { keys: Keys::last(keys), width: keys.len(), strict: *strict }
            }
            LearnOp::Normalize(norm) => LearnKernel::Normalize(*norm),
            LearnOp::Features { sizes } => LearnKernel::Features { sizes: sizes.clone() },
            LearnOp::Distances { points } => LearnKernel::Distances { points: points.clone() },
            LearnOp::Transform(transform) => LearnKernel::Transform(*transform),
            LearnOp::Classify { labels, choice, transform } => LearnKernel::Classify(classes::Classify {
                labels: labels.clone(),
                choice: *choice,
                transform: *transform,
            }),
            LearnOp::Vote(votes) => LearnKernel::Vote(votes.clone()),
            LearnOp::Trees(op) => LearnKernel::Trees(Box::new(TreesKernel::new(op))),
            LearnOp::ZipMap { keys } => LearnKernel::ZipMap(maps::ZipMap::new(keys)),
            LearnOp::CastMap { to, length } => LearnKernel::CastMap { to: to.clone(), length: *length },
            LearnOp::Dictionary { keys } => LearnKernel::Dictionary { keys: Keys::last(keys), width: keys.len() },
        }
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        args.call.check()?;
        match self {
            LearnKernel::Rows => {
                let x = args.get(0)?;
                match x.data() {
                    Data::F32(_) => args.put(0, x.reshaped(matrix(&x)?).map_err(too_large)?),
                    _ => each_row(&x, &mut *out(args)?, |x| x)?,
                }
                Ok(())
            }
            LearnKernel::Pick => pick(&*args.get(0)?, &*args.get(1)?, &mut *out(args)?),
            LearnKernel::Lookup(table) => {
                let (keys, values, default) = &**table;
                lookup(keys, values, default, &*args.get(0)?, &mut *out(args)?)
            }
            LearnKernel::OneHot { keys, width, strict } => {
                one_hot(keys, *width, *strict, &*args.get(0)?, &mut *out(args)?)
            }
            LearnKernel::Normalize(norm) => normalize(*norm, &*args.get(0)?, &mut *out(args)?),
            LearnKernel::Features { sizes } => features(sizes, args),
            LearnKernel::Distances { points } => distances(points, &*args.get(0)?, &mut *out(args)?),
            LearnKernel::Transform(transform) => {
                let x = args.get(0)?;
                let (of, from) = (matrix(&x)?, float32(&x)?);
                let mut out = out(args)?;
                let to = out.make::<f32>(of).map_err(too_large)?;
                to.copy_from_slice(from);
                to.chunks_exact_mut(of[1].max(1)).for_each(|row| scores::linear(row, *transform));
                Ok(())
            }
            LearnKernel::Classify(classify) => classify.run(args),
            LearnKernel::Vote(votes) => classes::vote(votes, args),
            LearnKernel::Trees(trees) => trees.run(args),
            LearnKernel::ZipMap(zip) => {
                args.put(0, zip.run(&*args.get(0)?)?);
                Ok(())
            }
            LearnKernel::CastMap { to, length } => {
                let map = map(args)?;
                args.put(0, maps::cast(&map, to, *length)?);
                Ok(())
            }
            LearnKernel::Dictionary { keys, width } => {
                let map = map(args)?;
                args.put(0, maps::dictionary(&map, keys, *width)?);
                Ok(())
            }
        }
    }
}

/// Returns the first output; somebody reads it where there is no other.
pub(super) fn out<'a>(args: &Args<'a>) -> Result<std::cell::RefMut<'a, Tensor>, PredictError> {
    args.out(0).ok_or_else(|| refuse("an output that is read", "none"))
}

fn map(args: &Args<'_>) -> Result<Arc<(Tensor, Tensor)>, PredictError> {
    match args.whole(0).as_deref() {
        Some(Whole::Map(map)) => Ok(map.clone()),
        other => Err(refuse("a map", other.map_or("nothing".to_owned(), Whole::kind))),
    }
}

/// Returns rows and columns of a matrix; a vector is a row.
pub(super) fn matrix(x: &Tensor) -> Result<Shape, PredictError> {
    match **x.shape() {
        [columns] => shape(&[1, columns]),
        [rows, columns] => shape(&[rows, columns]),
        _ => Err(refuse("a matrix, or a vector as its row", x.shape().to_string())),
    }
}

fn float32(x: &Tensor) -> Result<&[f32], PredictError> {
    x.get::<f32>().ok_or_else(|| refuse_type(x))
}

/// Writes a function of each element as a matrix of float32.
fn each_row(x: &Tensor, out: &mut Tensor, f: impl Fn(f32) -> f32) -> Done {
    let of = matrix(x)?;
    each_number!(x, elements => {
        let to = out.make::<f32>(of).map_err(too_large)?;
        to.iter_mut().zip(elements.iter()).for_each(|(to, x)| *to = f(x.f32()));
        Ok(())
    })
}

fn pick(x: &Tensor, places: &Tensor, out: &mut Tensor) -> Done {
    let last = axis(-1, x.rank())?;
    let length = x.shape()[last];
    let places = ints(places)?.into_iter().map(|i| place(i, length, false)).collect::<Result<Vec<_>, _>>()?;
    let of = match x.rank() {
        1 => shape(&[1, places.len()])?,
        _ => x.shape().with(last, places.len()),
    };
    fn take<T: Element>(from: &[T], length: usize, places: &[usize], of: Shape, out: &mut Tensor) -> Done {
        let to = out.make::<T>(of).map_err(too_large)?;
        if length == 0 || places.is_empty() {
            return Ok(());
        }
        for (row, to) in from.chunks_exact(length).zip(to.chunks_exact_mut(places.len())) {
            to.iter_mut().zip(places).for_each(|(to, place)| *to = row[*place].clone());
        }
        Ok(())
    }
    each_element!(x.data(), elements => take(elements, length, &places, of, out))
}

fn lookup(keys: &Keys, values: &Tensor, default: &Tensor, x: &Tensor, out: &mut Tensor) -> Done {
    fn of<T: Element>(values: &[T], keys: &Keys, default: &Tensor, x: &Tensor, out: &mut Tensor) -> Done {
        let default = default.get::<T>().and_then(<[T]>::first).ok_or_else(|| refuse_type(default))?;
        let to = out.make::<T>(*x.shape()).map_err(too_large)?;
        keys.each(x, |i, place| {
            to[i].clone_from(place.and_then(|place| values.get(place)).unwrap_or(default));
            Ok(())
        })
    }
    each_element!(values.data(), elements => of(elements, keys, default, x, out))
}

fn one_hot(keys: &Keys, width: usize, strict: bool, x: &Tensor, out: &mut Tensor) -> Done {
    let of = x.shape().insert(x.rank(), width).map_err(too_large)?;
    let to = out.make::<f32>(of).map_err(too_large)?;
    to.fill(0.0);
    let mut take = |i: usize, place: Option<usize>| match place {
        Some(place) => {
            to[i * width + place] = 1.0;
            Ok(())
        }
        None if strict => Err(refuse("categories that the model knows", format!("another as element {i}"))),
        None => Ok(()),
    };
    match x.data() {
        Data::Bytes(_) => keys.each(x, take),
        _ => each_number!(x, elements => {
            elements.iter().enumerate().try_for_each(|(i, x)| take(i, keys.find_int(x.i64())))
        }),
    }
}

/// Computed as float32 of float64 products, which are those of float32 for float32.
fn normalize(norm: Norm, x: &Tensor, out: &mut Tensor) -> Done {
    if x.rank() > 2 {
        return Err(refuse("a matrix, or a vector as its row", x.shape().to_string()));
    }
    let columns = x.shape().last().copied().unwrap_or(1);
    each_number!(x, elements => {
        let to = out.make::<f32>(*x.shape()).map_err(too_large)?;
        for (row, to) in elements.chunks_exact(columns.max(1)).zip(to.chunks_exact_mut(columns.max(1))) {
            let square = |x: f64| (x * x) as f32;
            let by = row.iter().fold(if norm == Norm::Max { f32::MIN } else { 0.0 }, |by, x| match norm {
                Norm::Max => if by < x.f32() { x.f32() } else { by },
                Norm::L1 => by + x.f64().abs() as f32,
                Norm::L2 => by + square(x.f64()),
            });
            for (to, x) in to.iter_mut().zip(row) {
                *to = match norm {
                    _ if by == 0.0 => x.f32(),
                    Norm::Max | Norm::L1 => x.f32() / by,
                    Norm::L2 => {
                        let root = (square(x.f64()) / by).sqrt();
                        if x.f64() < 0.0 { -root } else { root }
                    }
                };
            }
        }
        Ok(())
    })
}

fn features(sizes: &[usize], args: &Args<'_>) -> Done {
    let mut out = out(args)?;
    let inputs = (0..args.count()).map(|i| args.get(i)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = inputs.first() else { return Err(refuse("one input or more", "none")) };
    if sizes.len() != inputs.len() {
        return Err(refuse(format!("{} inputs", sizes.len()), inputs.len().to_string()));
    }
    let rows = matrix(first)?[0];
    let width = sizes.iter().try_fold(0_usize, |sum, size| sum.checked_add(*size));
    let width = width.ok_or_else(|| refuse("columns that a tensor holds", "more"))?;
    let to = out.make::<f32>(shape(&[rows, width])?).map_err(too_large)?;
    to.fill(0.0);
    let mut begin = 0;
    for (x, size) in inputs.iter().zip(sizes) {
        let of = matrix(x)?;
        if of[0] != rows {
            return Err(refuse(format!("{rows} rows in every input"), x.shape().to_string()));
        }
        let columns = of[1];
        each_number!(&**x, elements => {
            let rows = elements.chunks_exact(columns.max(1)).zip(to.chunks_exact_mut(width.max(1)));
            for (row, to) in rows {
                to[begin..begin + size].iter_mut().zip(row).for_each(|(to, x)| *to = x.f32());
            }
            Ok(())
        })?;
        begin += size;
    }
    Ok(())
}

fn distances(points: &Tensor, x: &Tensor, out: &mut Tensor) -> Done {
    let (of, from, points_of) = (matrix(x)?, float32(x)?, matrix(points)?);
    let points = float32(points)?;
    if of[1] != points_of[1] {
        return Err(refuse(format!("rows of {} features", points_of[1]), x.shape().to_string()));
    }
    let size = of[1].max(1);
    let to = out.make::<f32>(shape(&[of[0], points_of[0]])?).map_err(too_large)?;
    to.fill(0.0);
    for (row, to) in from.chunks_exact(size).zip(to.chunks_exact_mut(points_of[0].max(1))) {
        for (point, to) in points.chunks_exact(size).zip(to) {
            *to = row.iter().zip(point).fold(0.0, |sum, (x, y)| sum + (x - y) * (x - y));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

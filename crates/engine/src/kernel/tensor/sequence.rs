//! Sequences and optional values.

use std::sync::Arc;

use model::{PredictError, Tensor, Whole, each_element, tensor::Element};
use plan::tensor::{SequenceOp, sequence::SEQUENCE_MAX};

use super::{Args, Done, axis, ints, layout, refuse, shape, too_large};

/// An op of the family, ready to run.
pub(super) struct SequenceKernel(SequenceOp);

impl SequenceKernel {
    pub(super) fn new(op: &SequenceOp) -> SequenceKernel {
        SequenceKernel(op.clone())
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        args.call.check()?;
        match &self.0 {
            SequenceOp::Construct => {
                let items = (0..args.count()).map(|i| whole(args, i)).collect::<Result<Vec<_>, _>>()?;
                args.put(0, Whole::Sequence(Arc::new(items)));
            }
            SequenceOp::Empty { .. } => args.put(0, Whole::Sequence(Arc::default())),
            SequenceOp::At => {
                let items = sequence(args)?;
                let at = position(args, 1)?.ok_or_else(|| refuse("a position", "nothing"))?;
                args.put(0, items[place(at, items.len(), items.len())?].clone());
            }
            SequenceOp::Insert => {
                let mut items = sequence(args)?;
                if items.len() >= SEQUENCE_MAX {
                    return Err(PredictError::TooLarge {
                        what: "the number of values of a sequence".to_owned(),
                        got: items.len() as u64 + 1,
                        limit: SEQUENCE_MAX as u64,
                        key: "fixed",
                    });
                }
                let at = match position(args, 2)? {
                    Some(at) => place(at, items.len(), items.len() + 1)?,
                    None => items.len(),
                };
                let value = whole(args, 1)?;
                Arc::make_mut(&mut items).insert(at, value);
                args.put(0, Whole::Sequence(items));
            }
            SequenceOp::Erase => {
                let mut items = sequence(args)?;
                let at = place(position(args, 1)?.unwrap_or(-1), items.len(), items.len())?;
                Arc::make_mut(&mut items).remove(at);
                args.put(0, Whole::Sequence(items));
            }
            SequenceOp::Length => args.put(0, Tensor::scalar(sequence(args)?.len() as i64)),
            SequenceOp::Concat { axis, new_axis } => {
                let Some(mut out) = args.out(0) else { return Ok(()) };
                concat(&sequence(args)?, *axis, *new_axis, &mut out)?;
            }
            SequenceOp::Split { axis, keep } => {
                let items = split(&*args.get(0)?, args.opt(1).as_deref(), *axis, *keep)?;
                args.put(0, Whole::Sequence(Arc::new(items)));
            }
            SequenceOp::Absent { .. } => args.put(0, Whole::Absent),
            SequenceOp::Has => {
                let has = args.whole(0).is_some_and(|value| *value != Whole::Absent);
                args.put(0, Tensor::scalar(has));
            }
            SequenceOp::Get => {
                let value = whole(args, 0)?;
                if value == Whole::Absent {
                    return Err(refuse("an optional value that is there", "nothing"));
                }
                args.put(0, value);
            }
        }
        Ok(())
    }
}

fn whole(args: &Args<'_>, i: usize) -> Result<Whole, PredictError> {
    let value = args.whole(i).ok_or_else(|| refuse(format!("a value as input {i}"), "nothing"))?;
    Ok(value.clone())
}

fn sequence(args: &Args<'_>) -> Result<Arc<Vec<Whole>>, PredictError> {
    match &*args.whole(0).ok_or_else(|| refuse("a sequence", "nothing"))? {
        Whole::Sequence(items) => Ok(items.clone()),
        other => Err(refuse("a sequence", other.kind())),
    }
}

fn position(args: &Args<'_>, i: usize) -> Result<Option<i64>, PredictError> {
    match args.ints(i)?.as_deref() {
        None => Ok(None),
        Some([at]) => Ok(Some(*at)),
        Some(other) => Err(refuse("one position", format!("{other:?}"))),
    }
}

/// Returns the place of a position that may count from the end.
fn place(at: i64, length: usize, places: usize) -> Result<usize, PredictError> {
    let from_start = if at < 0 { at.checked_add(length as i64) } else { Some(at) };
    let place = from_start.and_then(|at| usize::try_from(at).ok()).filter(|at| *at < places);
    place.ok_or_else(|| refuse(format!("a position in a sequence of {length}"), at.to_string()))
}

fn concat(items: &[Whole], along: i64, new_axis: bool, out: &mut Tensor) -> Done {
    let tensors = items.iter().map(Whole::as_tensor).collect::<Option<Vec<_>>>();
    let tensors = tensors.ok_or_else(|| refuse("a sequence of tensors", "other values"))?;
    let Some(first) = tensors.first() else { return Err(refuse("a sequence of one tensor or more", "none")) };
    if !new_axis {
        return layout::concat(&tensors, along, out);
    }
    let at = axis(along, first.rank() + 1)?;
    let raised = tensors.iter().map(|tensor| {
        let of = tensor.shape().insert(at.min(tensor.rank()), 1).map_err(too_large)?;
        tensor.reshaped(of).map_err(too_large)
    });
    let raised = raised.collect::<Result<Vec<_>, _>>()?;
    layout::concat(&raised.iter().collect::<Vec<_>>(), at as i64, out)
}

fn split(x: &Tensor, lengths: Option<&Tensor>, along: i64, keep: bool) -> Result<Vec<Whole>, PredictError> {
    let at = axis(along, x.rank())?;
    let total = x.shape()[at];
    let few = |parts: usize| match parts {
        0..=SEQUENCE_MAX => Ok(parts),
        _ => Err(refuse(format!("at most {SEQUENCE_MAX} parts"), parts.to_string())),
    };
    let lengths = match lengths {
        None => vec![1; few(total)?],
        Some(lengths) if lengths.rank() == 0 => {
            let each = ints(lengths)?.first().and_then(|each| usize::try_from(*each).ok()).filter(|each| *each > 0);
            let each = each.ok_or_else(|| refuse("a length above 0", "another"))?;
            (0..few(total.div_ceil(each))?).map(|i| each.min(total - i * each)).collect()
        }
        Some(lengths) => {
            let given = ints(lengths)?;
            let parts: Option<Vec<usize>> = given.iter().map(|part| usize::try_from(*part).ok()).collect();
            let sum = |parts: &[usize]| parts.iter().try_fold(0_usize, |sum, part| sum.checked_add(*part));
            let parts = parts.filter(|parts| sum(parts) == Some(total));
            parts.ok_or_else(|| refuse(format!("lengths whose sum is {total}"), format!("{given:?}")))?
        }
    };
    let is_bare = !keep && lengths.iter().all(|length| *length == 1) && lengths.len() == total;
    few(lengths.len())?;
    let outer: usize = x.shape()[..at].iter().product();
    let inner: usize = x.shape()[at + 1..].iter().product();
    fn part<T: Element>(
        x: &[T],
        (outer, total, inner): (usize, usize, usize),
        (begin, length): (usize, usize),
        of: model::Shape,
    ) -> Result<Tensor, PredictError> {
        let mut out = Tensor::default();
        let to = out.make::<T>(of).map_err(too_large)?;
        for o in 0..outer {
            let from = &x[(o * total + begin) * inner..][..length * inner];
            to[o * length * inner..][..length * inner].clone_from_slice(from);
        }
        Ok(out)
    }
    let mut begin = 0;
    let mut parts = Vec::with_capacity(lengths.len());
    for length in lengths {
        let of = if is_bare { x.shape().remove(at) } else { shape(&x.shape().with(at, length))? };
        let sizes = (outer, total, inner);
        parts.push(each_element!(x.data(), elements => part(elements, sizes, (begin, length), of))?.into());
        begin += length;
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(elements: &[f32]) -> Whole {
        Tensor::vector(elements.to_vec()).into()
    }

    #[test]
    fn parts_have_the_lengths_that_are_asked() {
        let x = Tensor::new(&[3, 2], vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let tensor = |dims: &[usize], elements: &[f32]| Whole::Tensor(Tensor::new(dims, elements.to_vec()).unwrap());
        let one = split(&x, None, 0, false).unwrap();
        assert_eq!(one, [floats(&[1.0, 2.0]), floats(&[3.0, 4.0]), floats(&[5.0, 6.0])]);
        let two = split(&x, Some(&Tensor::scalar(2_i64)), 0, true).unwrap();
        assert_eq!(two, [tensor(&[2, 2], &[1.0, 2.0, 3.0, 4.0]), tensor(&[1, 2], &[5.0, 6.0])]);
        let given = split(&x, Some(&Tensor::vector(vec![0_i64, 2])), 1, true).unwrap();
        assert_eq!(given, [tensor(&[3, 0], &[]), tensor(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])]);
        assert!(split(&x, Some(&Tensor::vector(vec![1_i64, 2])), 1, true).is_err());
        assert!(split(&x, Some(&Tensor::scalar(0_i64)), 0, true).is_err());
    }

    #[test]
    fn parts_are_joined_along_an_axis_or_a_new_one() {
        let mut out = Tensor::default();
        concat(&[floats(&[1.0, 2.0]), floats(&[3.0, 4.0])], -1, true, &mut out).unwrap();
        assert_eq!(out, Tensor::new(&[2, 2], vec![1.0_f32, 3.0, 2.0, 4.0]).unwrap());
        concat(&[floats(&[1.0]), floats(&[3.0, 4.0])], 0, false, &mut out).unwrap();
        assert_eq!(out, Tensor::vector(vec![1.0_f32, 3.0, 4.0]));
        assert!(concat(&[], 0, false, &mut out).is_err());
    }

    #[test]
    fn positions_count_from_either_end() {
        assert_eq!((place(-1, 3, 3).ok(), place(2, 3, 3).ok(), place(3, 3, 4).ok()), (Some(2), Some(2), Some(3)));
        assert!(place(3, 3, 3).is_err() && place(-4, 3, 3).is_err() && place(i64::MIN, 3, 3).is_err());
    }
}

//! Kernels of lists of tensors.
//!
//! Values are shared: a list that changes in one place is a new vector of the same values. A value that is not there is
//! [`Whole::Absent`].

use std::sync::Arc;

use model::{
    DType, PredictError, Tensor, Type, Whole, each_element,
    tensor::{Data, Element, TENSOR_BYTES_MAX},
};
use plan::tensor::{ListOp, list::LIST_MAX};

use super::{Args, Done, refuse, shape, too_large};
use crate::error::CompileError;
use crate::kernel::Site;

pub(super) struct ListKernel {
    op: ListOp,
    /// The type of a value; none for texts.
    dtype: Option<DType>,
}

type List = Arc<Vec<Whole>>;

impl ListKernel {
    pub fn new(op: &ListOp, site: &Site<'_>) -> Result<ListKernel, CompileError> {
        let dtype = match (op, site.inputs.first().map(|input| &input.ty)) {
            (ListOp::Reserve { item }, _) => item.as_scalar(),
            (_, Some(Type::List(item))) => item.as_scalar(),
            (_, Some(ty)) => ty.as_scalar(),
            _ => None,
        };
        Ok(ListKernel { op: op.clone(), dtype })
    }

    pub fn run(&self, args: &Args<'_>) -> Done {
        match &self.op {
            ListOp::Reserve { .. } => {
                let count = one(args, 0)?;
                let count = usize::try_from(count).ok().filter(|count| *count <= LIST_MAX);
                let count = count.ok_or_else(|| refuse(format!("a length of at most {LIST_MAX}"), "another"))?;
                args.put(0, Whole::Sequence(Arc::new(vec![Whole::Absent; count])));
            }
            ListOp::FromTensor => {
                let entries = entries(&*args.get(0)?)?;
                args.put(0, Whole::Sequence(Arc::new(entries)));
            }
            ListOp::Get => {
                let list = list(args)?;
                let place = place(one(args, 1)?, list.len())?;
                let value = self.value(&list[place], &list, args.ints(2)?.as_deref())?;
                args.put(0, value);
            }
            ListOp::Set { grow } => {
                let value = args.get(2)?.clone();
                let list = set(list(args)?, one(args, 1)?, value.into(), *grow)?;
                args.put(0, Whole::Sequence(list));
            }
            ListOp::Push => {
                let (list, value) = (list(args)?, args.get(1)?.clone());
                let end = list.len() as i64;
                args.put(0, Whole::Sequence(set(list, end, value.into(), true)?));
            }
            ListOp::Pop => {
                let list = list(args)?;
                let (last, rest) = list.split_last().ok_or_else(|| refuse("a list with values", "an empty one"))?;
                let value = self.value(last, rest, args.ints(1)?.as_deref())?;
                args.put(1, value);
                args.put(0, Whole::Sequence(Arc::new(rest.to_vec())));
            }
            ListOp::Length => {
                let len = list(args)?.len() as i32;
                args.put(0, Tensor::scalar(len));
            }
            ListOp::Stack => self.stack(args)?,
            ListOp::Scatter { grow } => {
                let (mut list, places) = (list(args)?, args.ints(1)?.unwrap_or_default());
                let entries = entries(&*args.get(2)?)?;
                if entries.len() != places.len() {
                    return Err(refuse(format!("{} entries", places.len()), entries.len().to_string()));
                }
                for (place, entry) in places.into_iter().zip(entries) {
                    list = set(list, place, entry, *grow)?;
                }
                args.put(0, Whole::Sequence(list));
            }
            ListOp::Concat => self.concat(args)?,
        }
        Ok(())
    }

    /// Returns a value that is there, or zeros.
    fn value(&self, value: &Whole, others: &[Whole], dims: Option<&[i64]>) -> Result<Tensor, PredictError> {
        match value {
            Whole::Tensor(tensor) => Ok(tensor.clone()),
            _ => self.zeros(others, dims),
        }
    }

    /// Returns zeros of the shape that is said, else of the first value that is there.
    fn zeros(&self, others: &[Whole], dims: Option<&[i64]>) -> Result<Tensor, PredictError> {
        let dims = dims.and_then(|dims| dims.iter().map(|dim| usize::try_from(*dim).ok()).collect::<Option<Vec<_>>>());
        let like = || others.iter().find_map(Whole::as_tensor).map(|tensor| tensor.shape().to_vec());
        let dims = dims.or_else(like).ok_or_else(|| refuse("a value that is there", "one that nothing was put to"))?;
        fn make<T: Element>(_: &[T], dims: &[usize]) -> Result<Tensor, PredictError> {
            let mut tensor = Tensor::default();
            tensor.make::<T>(shape(dims)?).map_err(too_large)?.fill(T::default());
            Ok(tensor)
        }
        let data = Data::empty(self.dtype).ok_or_else(|| refuse("a list of tensors", "another"))?;
        each_element!(&data, elements => make(elements, &dims))
    }

    fn stack(&self, args: &Args<'_>) -> Done {
        let list = list(args)?;
        let dims = args.ints(1)?;
        let chosen: Vec<Whole> = match args.ints(2)? {
            None => list.to_vec(),
            Some(places) => {
                let chosen = places.into_iter().map(|at| Ok(list[place(at, list.len())?].clone()));
                chosen.collect::<Result<_, PredictError>>()?
            }
        };
        let values = chosen.iter().map(|value| self.value(value, &list, dims.as_deref()));
        let values = values.collect::<Result<Vec<Tensor>, PredictError>>()?;
        let first = match values.first() {
            Some(first) => first.clone(),
            None => {
                let open: Option<Vec<i64>> = dims.map(|dims| dims.iter().map(|dim| (*dim).max(0)).collect());
                self.zeros(&list, open.as_deref())?
            }
        };
        if let Some(other) = values.iter().find(|value| value.shape() != first.shape()) {
            return Err(refuse(format!("values of shape {}", first.shape()), other.shape().to_string()));
        }
        let whole = first.shape().insert(0, values.len()).map_err(too_large)?;
        args.put(0, each_element!(first.data(), elements => join(elements, &values, &whole))?);
        Ok(())
    }

    fn concat(&self, args: &Args<'_>) -> Done {
        let list = list(args)?;
        let values = list.iter().map(|value| self.value(value, &list, None));
        let values = values.collect::<Result<Vec<Tensor>, PredictError>>()?;
        let first = values.first().ok_or_else(|| refuse("a list with values", "an empty one"))?;
        let (Some(_), rest) = (first.shape().first(), first.shape().get(1..)) else {
            return Err(refuse("values of one dimension or more", "a scalar"));
        };
        let mut lengths = Vec::with_capacity(values.len());
        for value in &values {
            if value.shape().get(1..) != rest || value.rank() == 0 {
                return Err(refuse(format!("values of shape {}", first.shape()), value.shape().to_string()));
            }
            lengths.push(value.shape()[0] as i64);
        }
        let total = lengths.iter().sum::<i64>() as usize;
        let whole = first.shape().with(0, total);
        let joined = each_element!(first.data(), elements => join(elements, &values, &whole))?;
        args.put(0, joined);
        args.put(1, Tensor::vector(lengths));
        Ok(())
    }
}

/// Returns the elements of all values, one after the other, in this shape.
fn join<T: Element>(_: &[T], values: &[Tensor], shape: &[usize]) -> Result<Tensor, PredictError> {
    let count: usize = values.iter().map(Tensor::len).sum();
    if TENSOR_BYTES_MAX / size_of::<T>().max(1) < count {
        return Err(refuse("a tensor of fewer elements", count.to_string()));
    }
    let mut all: Vec<T> = Vec::with_capacity(count);
    for value in values {
        all.extend_from_slice(value.get::<T>().ok_or_else(|| refuse("values of one type", "another"))?);
    }
    Tensor::new(shape, all).map_err(too_large)
}

/// Returns the entries of the first dimension.
fn entries(tensor: &Tensor) -> Result<Vec<Whole>, PredictError> {
    fn cut<T: Element>(elements: &[T], dims: &[usize], count: usize) -> Result<Vec<Whole>, PredictError> {
        let width: usize = dims.iter().product();
        let entry = |i: usize| Tensor::new(dims, elements[i * width..(i + 1) * width].to_vec()).map(Whole::Tensor);
        (0..count).map(|i| entry(i).map_err(too_large)).collect()
    }
    let Some((count, dims)) = tensor.shape().split_first() else {
        return Err(refuse("a tensor of one dimension or more", "a scalar"));
    };
    if LIST_MAX < *count {
        return Err(refuse(format!("at most {LIST_MAX} entries"), count.to_string()));
    }
    each_element!(tensor.data(), elements => cut(elements, dims, *count))
}

fn list(args: &Args<'_>) -> Result<List, PredictError> {
    let value = args.whole(0);
    let list = value.as_deref().and_then(Whole::as_sequence).cloned();
    list.ok_or_else(|| refuse("a list", "another value"))
}

/// Returns the number that an input of one element is.
fn one(args: &Args<'_>, i: usize) -> Result<i64, PredictError> {
    match args.ints(i)?.as_deref() {
        Some([number]) => Ok(*number),
        other => Err(refuse("one number", format!("{} of them", other.map_or(0, <[i64]>::len)))),
    }
}

fn place(at: i64, len: usize) -> Result<usize, PredictError> {
    let place = usize::try_from(at).ok().filter(|place| *place < len);
    place.ok_or_else(|| refuse(format!("a position below {len}"), at.to_string()))
}

fn set(mut list: List, at: i64, value: Whole, grow: bool) -> Result<List, PredictError> {
    let most = if grow { LIST_MAX } else { list.len() };
    let place = place(at, most)?;
    let values = Arc::make_mut(&mut list);
    if values.len() <= place {
        values.resize(place + 1, Whole::Absent);
    }
    values[place] = value;
    Ok(list)
}

//! Tables: an index of keys, made once where the table never changes.

use model::{
    PredictError, Tensor, Whole, each_element,
    tensor::{Bytes, Data, Element},
};
use plan::tensor::TableOp;
use rustc_hash::FxHashMap;

use super::{Args, Done, Site, refuse, refuse_type, shape, too_large};

/// An op of the family, ready to run.
pub(super) struct TableKernel {
    op: TableOp,
    /// Of a table that never changes.
    index: Option<Index>,
}

/// Where the entry of a key lies.
enum Index {
    Texts(FxHashMap<Bytes, usize>),
    Numbers(FxHashMap<u64, usize>),
}

impl TableKernel {
    pub(super) fn new(op: TableOp, site: &Site<'_>) -> TableKernel {
        let index = match (op, site.constants.first().copied().flatten()) {
            (TableOp::Find, Some(Whole::Map(map))) => Index::new(&map.0).ok(),
            _ => None,
        };
        TableKernel { op, index }
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        let map = match args.whole(0).as_deref() {
            Some(Whole::Map(map)) => map.clone(),
            Some(other) => return Err(refuse("a table", other.kind())),
            None => return Err(refuse("a table", "nothing")),
        };
        let (keys, values) = (&map.0, &map.1);
        if keys.rank() != 1 || values.shape().first() != Some(&keys.len()) {
            return Err(refuse(format!("as many values as keys, {}", keys.shape()), values.shape().to_string()));
        }
        match self.op {
            TableOp::Size => {
                let Some(mut out) = args.out(0) else { return Ok(()) };
                out.make::<i64>(shape(&[])?).map_err(too_large)?[0] = keys.len() as i64;
                Ok(())
            }
            TableOp::Export => {
                args.put(0, keys.clone());
                args.put(1, values.clone());
                Ok(())
            }
            TableOp::Find => {
                let Some(mut out) = args.out(0) else { return Ok(()) };
                let (wanted, default) = (args.get(1)?, args.get(2)?);
                match &self.index {
                    Some(index) => find(index, values, &wanted, &default, &mut out),
                    None => find(&Index::new(keys)?, values, &wanted, &default, &mut out),
                }
            }
        }
    }
}

impl Index {
    fn new(keys: &Tensor) -> Result<Index, PredictError> {
        if let Some(texts) = keys.get::<Bytes>() {
            let mut index = FxHashMap::default();
            texts.iter().enumerate().for_each(|(at, text)| {
                index.entry(text.clone()).or_insert(at);
            });
            return Ok(Index::Texts(index));
        }
        let mut index = FxHashMap::default();
        for at in 0..keys.len() {
            if let Some(key) = number(keys.data(), at).ok_or_else(|| refuse_type(keys))? {
                index.entry(key).or_insert(at);
            }
        }
        Ok(Index::Numbers(index))
    }
}

/// Returns what stands for a number in an index: equal numbers have the same, a NaN has none. `None` where it is no number.
fn number(data: &Data, at: usize) -> Option<Option<u64>> {
    let float = |x: f64| if x.is_nan() { None } else { Some((x + 0.0).to_bits()) };
    Some(match data {
        Data::Bool(e) => Some(u64::from(e[at])),
        Data::I8(e) => Some(i64::from(e[at]).cast_unsigned()),
        Data::I16(e) => Some(i64::from(e[at]).cast_unsigned()),
        Data::I32(e) => Some(i64::from(e[at]).cast_unsigned()),
        Data::I64(e) => Some(e[at].cast_unsigned()),
        Data::U8(e) => Some(e[at].into()),
        Data::U16(e) => Some(e[at].into()),
        Data::U32(e) => Some(e[at].into()),
        Data::U64(e) => Some(e[at]),
        Data::F32(e) => float(e[at].into()),
        Data::F64(e) => float(e[at]),
        Data::F16(_) | Data::BF16(_) | Data::C64(_) | Data::Bytes(_) => return None,
    })
}

fn find(index: &Index, values: &Tensor, wanted: &Tensor, default: &Tensor, out: &mut Tensor) -> Done {
    let to = shape(&[&wanted.shape()[..], &values.shape()[1..]].concat())?;
    let inner: usize = values.shape()[1..].iter().product();
    let each = default.shape() == &to && default.rank() > 0;
    if !each && default.len() != inner {
        return Err(refuse(format!("a default of {inner} values, or of shape {to}"), default.shape().to_string()));
    }
    let texts = wanted.get::<Bytes>();
    let place = |at: usize| match (index, texts) {
        (Index::Texts(index), Some(texts)) => index.get(&texts[at]).copied(),
        (Index::Numbers(index), None) => number(wanted.data(), at).flatten().and_then(|key| index.get(&key).copied()),
        _ => None,
    };
    fn of<T: Element>(
        values: &[T],
        default: &Tensor,
        to: model::Shape,
        (keys, inner, each): (usize, usize, bool),
        place: impl Fn(usize) -> Option<usize>,
        out: &mut Tensor,
    ) -> Done {
        let default = default.get::<T>().ok_or_else(|| refuse_type(default))?;
        let result = out.make::<T>(to).map_err(too_large)?;
        for at in 0..keys {
            let from = match place(at) {
                Some(entry) => &values[entry * inner..(entry + 1) * inner],
                None if each => &default[at * inner..(at + 1) * inner],
                None => default,
            };
            result[at * inner..(at + 1) * inner].clone_from_slice(from);
        }
        Ok(())
    }
    each_element!(values.data(), e => of(e, default, to, (wanted.len(), inner, each), place, out))
}

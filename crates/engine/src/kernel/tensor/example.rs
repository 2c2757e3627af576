//! Records of named features: read within the bounds of their bytes, column by column.

mod wire;

use model::{
    DType, PredictError, Tensor, Violation,
    tensor::{Bytes, TENSOR_BYTES_MAX},
};
use plan::tensor::{DenseFeature, ExampleOp, ExampleSpec, FeatureType};
use rustc_hash::FxHashMap;

use super::{Args, Done, refuse, refuse_type, shape, strings::texts, too_large};

/// An op of the family, ready to run.
pub(super) struct ExampleKernel {
    spec: std::sync::Arc<ExampleSpec>,
    /// The column of a feature: those of sparse features come first, then dense, then ragged ones.
    columns: FxHashMap<Box<[u8]>, usize>,
}

/// What was read of one feature.
struct Column {
    list: List,
    /// Where the examples end.
    ends: Vec<usize>,
}

/// Values of one type.
enum List {
    Text(Vec<Bytes>),
    F32(Vec<f32>),
    I64(Vec<i64>),
}

/// Where an error is.
#[derive(Clone, Copy)]
struct At<'a> {
    name: &'a [u8],
    index: usize,
    alone: bool,
}

/// Returns the error that TensorFlow states in these words.
#[cold]
fn said(message: String) -> PredictError {
    let violation = Violation { row: None, field: None, expected: None, got: Some(message) };
    PredictError::Invalid { violations: vec![violation] }
}

fn type_name(ty: FeatureType) -> &'static str {
    match ty {
        FeatureType::Text => "string",
        FeatureType::F32 => "float",
        FeatureType::I64 => "int64",
    }
}

impl At<'_> {
    /// Returns how a message about a feature's values begins.
    fn key(self, feature: &str) -> String {
        match self.alone {
            true => format!("Key: {feature}"),
            false => format!("Name: {}, Key: {feature}, Index: {}", self.name(), self.index),
        }
    }

    fn name(&self) -> String {
        String::from_utf8_lossy(&self.name[..self.name.len().min(100)]).into_owned()
    }

    #[cold]
    fn required(self, feature: &str, ty: FeatureType) -> PredictError {
        let name = if self.alone { String::new() } else { format!("Name: {}, ", self.name()) };
        let ty = type_name(ty);
        said(format!("{name}Feature: {feature} (data type: {ty}) is required but could not be found."))
    }

    #[cold]
    fn other_type(self, feature: &str, got: FeatureType, ty: FeatureType) -> PredictError {
        let (key, got, ty) = (self.key(feature), type_name(got), type_name(ty));
        said(format!("{key}.  Data types don't match. Data type: {got} but expected type: {ty}"))
    }

    #[cold]
    fn malformed(self, feature: &str) -> PredictError {
        said(format!("{}.  Can't parse serialized Example.", self.key(feature)))
    }

    #[cold]
    fn wrong_size(self, feature: &str, ty: FeatureType, size: usize, shape: &str) -> PredictError {
        let ty = if ty == FeatureType::Text { "bytes" } else { type_name(ty) };
        let key = self.key(feature);
        said(format!("{key}.  Number of {ty} values != expected.  Values size: {size} but output shape: {shape}"))
    }
}

impl List {
    fn new(ty: FeatureType) -> List {
        match ty {
            FeatureType::Text => List::Text(Vec::new()),
            FeatureType::F32 => List::F32(Vec::new()),
            FeatureType::I64 => List::I64(Vec::new()),
        }
    }

    fn len(&self) -> usize {
        match self {
            List::Text(list) => list.len(),
            List::F32(list) => list.len(),
            List::I64(list) => list.len(),
        }
    }

    /// Adds the values of a tensor of the same type.
    fn extend(&mut self, from: &Tensor) -> Done {
        let wrong = || refuse_type(from);
        match self {
            List::Text(list) => list.extend_from_slice(from.get().ok_or_else(wrong)?),
            List::F32(list) => list.extend_from_slice(from.get().ok_or_else(wrong)?),
            List::I64(list) => list.extend_from_slice(from.get().ok_or_else(wrong)?),
        }
        Ok(())
    }

    /// Writes the values in this shape.
    fn write(&self, dims: &[usize], out: &mut Tensor) -> Done {
        let of = shape(dims)?;
        match self {
            List::Text(list) => out.make(of).map_err(too_large)?.clone_from_slice(list),
            List::F32(list) => out.make(of).map_err(too_large)?.copy_from_slice(list),
            List::I64(list) => out.make(of).map_err(too_large)?.copy_from_slice(list),
        }
        Ok(())
    }

    /// Writes rows of different lengths, filled up with the only element of a tensor.
    fn write_filled(&self, ends: &[usize], dims: &[usize], filler: &Tensor, out: &mut Tensor) -> Done {
        fn of<T: model::tensor::Element>(
            list: &[T],
            ends: &[usize],
            dims: &[usize],
            filler: &Tensor,
            out: &mut Tensor,
        ) -> Done {
            let filler = filler.get::<T>().and_then(|elements| elements.first()).cloned().unwrap_or_default();
            let to = out.make::<T>(shape(dims)?).map_err(too_large)?;
            to.fill(filler);
            let (width, mut begin) = (dims[1..].iter().product::<usize>(), 0);
            for (row, &end) in ends.iter().enumerate() {
                to[row * width..][..end - begin].clone_from_slice(&list[begin..end]);
                begin = end;
            }
            Ok(())
        }
        match self {
            List::Text(list) => of(list, ends, dims, filler, out),
            List::F32(list) => of(list, ends, dims, filler, out),
            List::I64(list) => of(list, ends, dims, filler, out),
        }
    }
}

impl ExampleKernel {
    pub(super) fn new(op: &ExampleOp) -> ExampleKernel {
        let ExampleOp::Parse(spec) = op;
        let names = spec.sparse.iter().map(|feature| &feature.name);
        let names = names.chain(spec.dense.iter().map(|feature| &feature.name));
        let names = names.chain(spec.ragged.iter().map(|feature| &feature.name));
        let columns = names.enumerate().map(|(i, name)| (name.as_bytes().into(), i)).collect();
        ExampleKernel { spec: spec.clone(), columns }
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        let examples = args.get(0)?;
        if examples.rank() > 1 {
            return Err(refuse("a vector of examples, or one alone", examples.shape().to_string()));
        }
        let names = args.opt(1);
        let names = names.as_deref().map(texts).transpose()?.filter(|names| !names.is_empty());
        if names.is_some_and(|names| names.len() != examples.len()) {
            return Err(refuse("as many names as examples", "another number"));
        }
        let mut columns = self.new_columns();
        let mut found = vec![None; columns.len()];
        for (index, text) in texts(&examples)?.iter().enumerate() {
            let name = names.map_or(&b"<unknown>"[..], |names| &names[index]);
            let at = At { name, index, alone: examples.rank() == 0 };
            self.example(args, at, text, &mut found, &mut columns)?;
        }
        self.write(args, examples.rank() == 0, &columns)
    }

    fn new_columns(&self) -> Vec<Column> {
        let spec = &self.spec;
        let types = spec.sparse.iter().map(|feature| feature.ty);
        let types = types.chain(spec.dense.iter().map(|feature| feature.ty));
        let types = types.chain(spec.ragged.iter().map(|feature| feature.ty));
        types.map(|ty| Column { list: List::new(ty), ends: Vec::new() }).collect()
    }

    /// Reads one example to the columns. Of a feature that stands there twice the last counts.
    fn example<'t>(
        &self,
        args: &Args<'_>,
        at: At<'_>,
        text: &'t [u8],
        found: &mut [Option<&'t [u8]>],
        columns: &mut [Column],
    ) -> Done {
        found.fill(None);
        let whole = wire::features(text, |name, feature| {
            if let Some(&column) = self.columns.get(name) {
                found[column] = Some(feature);
            }
        });
        if whole.is_none() {
            let value = String::from_utf8_lossy(&text[..text.len().min(100)]);
            return Err(said(format!("Could not parse example input, value: '{value}'")));
        }
        let spec = &self.spec;
        let (sparse, dense) = (spec.sparse.len(), spec.sparse.len() + spec.dense.len());
        for (i, column) in columns.iter_mut().enumerate() {
            let (name, ty) = if i < sparse {
                (&spec.sparse[i].name, spec.sparse[i].ty)
            } else if i < dense {
                (&spec.dense[i - sparse].name, spec.dense[i - sparse].ty)
            } else {
                (&spec.ragged[i - dense].name, spec.ragged[i - dense].ty)
            };
            let before = column.list.len();
            let list = found[i].map_or(Some(None), wire::list).ok_or_else(|| at.malformed(name))?;
            if let Some((got, values)) = list {
                if got != ty {
                    return Err(at.other_type(name, got, ty));
                }
                wire::values(values, &mut column.list).ok_or_else(|| at.malformed(name))?;
            }
            if (sparse..dense).contains(&i) {
                let feature = &spec.dense[i - sparse];
                let default = args.get(2 + i - sparse)?;
                fit(feature, at, list.is_some(), &default, before, &mut column.list)?;
            }
            column.ends.push(column.list.len());
        }
        Ok(())
    }

    fn write(&self, args: &Args<'_>, alone: bool, columns: &[Column]) -> Done {
        let spec = &self.spec;
        let (sparse, rest) = columns.split_at(spec.sparse.len());
        let (dense, ragged) = rest.split_at(spec.dense.len());
        for (i, column) in sparse.iter().enumerate() {
            write_sparse(args, alone, column, [i, i + sparse.len(), i + 2 * sparse.len()])?;
        }
        let first = 3 * sparse.len();
        for (i, (feature, column)) in spec.dense.iter().zip(dense).enumerate() {
            let Some(mut out) = args.out(first + i) else { continue };
            let mut dims = vec![column.ends.len()];
            let stride = stride(feature);
            dims.extend(feature.shape.iter().map(|dim| dim.unwrap_or(longest(column) / stride.max(1))));
            let part = &dims[usize::from(alone)..];
            match feature.shape.first() {
                Some(None) if !alone => column.list.write_filled(&column.ends, &dims, &*args.get(2 + i)?, &mut out)?,
                _ => column.list.write(part, &mut out)?,
            }
        }
        let first = first + dense.len();
        for (i, (feature, column)) in spec.ragged.iter().zip(ragged).enumerate() {
            if let Some(mut out) = args.out(first + i) {
                column.list.write(&[column.list.len()], &mut out)?;
            }
            let Some(mut out) = args.out(first + ragged.len() + i) else { continue };
            let splits = std::iter::once(0).chain(column.ends.iter().copied()).filter(|_| !alone);
            let splits: Vec<i64> = splits.map(|end| end as i64).collect();
            match feature.splits {
                DType::I32 => out
                    .make::<i32>(shape(&[splits.len()])?)
                    .map_err(too_large)?
                    .iter_mut()
                    .zip(&splits)
                    .for_each(|(to, &split)| *to = i32::try_from(split).unwrap_or(i32::MAX)),
                _ => out.make::<i64>(shape(&[splits.len()])?).map_err(too_large)?.copy_from_slice(&splits),
            }
        }
        Ok(())
    }
}

/// Returns how many values one step along an open first dimension takes; of a closed shape, all of them.
fn stride(feature: &DenseFeature) -> usize {
    feature.shape.iter().map(|dim| dim.unwrap_or(1)).fold(1, usize::saturating_mul)
}

/// Returns the most values of an example.
fn longest(column: &Column) -> usize {
    let begins = std::iter::once(0).chain(column.ends.iter().copied());
    begins.zip(&column.ends).map(|(begin, end)| end - begin).max().unwrap_or(0)
}

/// Sees that a dense feature has its values, or takes its default.
fn fit(feature: &DenseFeature, at: At<'_>, is_there: bool, default: &Tensor, before: usize, list: &mut List) -> Done {
    let (size, stride) = (list.len() - before, stride(feature));
    let is_open = feature.shape.first() == Some(&None);
    let shown = || {
        let dims = feature.shape.iter().map(|dim| dim.map_or("?".to_owned(), |dim| dim.to_string()));
        format!("[{}]", dims.collect::<Vec<_>>().join(","))
    };
    if is_there || is_open {
        let fits = if is_open { stride > 0 && size.is_multiple_of(stride) } else { size == stride };
        return if fits { Ok(()) } else { Err(at.wrong_size(&feature.name, feature.ty, size, &shown())) };
    }
    if default.is_empty() && stride != 0 {
        return Err(at.required(&feature.name, feature.ty));
    }
    if default.len() != stride {
        return Err(refuse(format!("a default of shape {}", shown()), default.shape().to_string()));
    }
    if list.len().saturating_add(stride) > TENSOR_BYTES_MAX / 4 {
        return Err(too_large(model::tensor::TensorError::Bytes(shown())));
    }
    list.extend(default)
}

/// Writes a column as a sparse tensor; of one example alone without the dimension of examples.
fn write_sparse(args: &Args<'_>, alone: bool, column: &Column, [indices, values, dense]: [usize; 3]) -> Done {
    let rank = if alone { 1 } else { 2 };
    if let Some(mut out) = args.out(indices) {
        let to = out.make::<i64>(shape(&[column.list.len(), rank])?).map_err(too_large)?;
        let (mut at, mut begin) = (0, 0);
        for (row, &end) in column.ends.iter().enumerate() {
            for i in 0..end - begin {
                if !alone {
                    to[at] = row as i64;
                    at += 1;
                }
                to[at] = i as i64;
                at += 1;
            }
            begin = end;
        }
    }
    if let Some(mut out) = args.out(values) {
        column.list.write(&[column.list.len()], &mut out)?;
    }
    let Some(mut out) = args.out(dense) else { return Ok(()) };
    let dims = [column.ends.len() as i64, longest(column) as i64];
    out.make::<i64>(shape(&[rank])?).map_err(too_large)?.copy_from_slice(&dims[2 - rank..]);
    Ok(())
}

//! Records of named features: read within the bounds of their bytes, column by column.

mod sequence;
mod wire;

use model::{
    DType, PredictError, Tensor, Violation,
    tensor::{Bytes, TENSOR_BYTES_MAX},
};
use plan::tensor::{DenseFeature, ExampleOp, ExampleSpec, FeatureType};
use rustc_hash::FxHashMap;

use super::{Args, Done, refuse, refuse_type, shape, strings::texts, too_large, write_ints};

/// An op of the family, ready to run.
pub(super) enum ExampleKernel {
    Parse(ParseKernel),
    Sequence(sequence::SequenceKernel),
}

pub(super) struct ParseKernel {
    spec: std::sync::Arc<ExampleSpec>,
    columns: Places,
}

/// The column of a feature: those of sparse features come first, then dense, then ragged ones.
type Places = FxHashMap<Box<[u8]>, usize>;

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
        match op {
            ExampleOp::Parse(spec) => ExampleKernel::Parse(ParseKernel { spec: spec.clone(), columns: places(spec) }),
            ExampleOp::ParseSequence(spec) => ExampleKernel::Sequence(sequence::SequenceKernel::new(spec)),
        }
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        match self {
            ExampleKernel::Parse(kernel) => kernel.run(args),
            ExampleKernel::Sequence(kernel) => kernel.run(args),
        }
    }
}

impl ParseKernel {
    fn run(&self, args: &Args<'_>) -> Done {
        let (examples, names) = (args.get(0)?, args.opt(1));
        let names = names_of(&examples, names.as_deref())?;
        let mut columns = new_columns(&self.spec);
        let mut found = vec![None; columns.len()];
        let alone = examples.rank() == 0;
        for (index, text) in texts(&examples)?.iter().enumerate() {
            let at = At { name: names.map_or(&b"<unknown>"[..], |names| &names[index]), index, alone };
            found.fill(None);
            let whole = wire::features(text, |name, feature| {
                if let Some(&column) = self.columns.get(name) {
                    found[column] = Some(feature);
                }
            });
            whole.ok_or_else(|| unreadable(text))?;
            fill(&self.spec, args, at, &found, false, &mut columns)?;
        }
        write(&self.spec, args, alone, &columns)
    }
}

/// Returns the names of the examples, where they have any; refuses what are no examples.
fn names_of<'a>(examples: &Tensor, names: Option<&'a Tensor>) -> Result<Option<&'a [Bytes]>, PredictError> {
    if examples.rank() > 1 {
        return Err(refuse("a vector of examples, or one alone", examples.shape().to_string()));
    }
    let names = names.map(texts).transpose()?.filter(|names| !names.is_empty());
    if names.is_some_and(|names| names.len() != examples.len()) {
        return Err(refuse("as many names as examples", "another number"));
    }
    Ok(names)
}

/// Returns the names and types of features, in the order of their columns.
fn features(spec: &ExampleSpec) -> impl Iterator<Item = (&str, FeatureType)> {
    let sparse = spec.sparse.iter().map(|feature| (&*feature.name, feature.ty));
    let dense = spec.dense.iter().map(|feature| (&*feature.name, feature.ty));
    sparse.chain(dense).chain(spec.ragged.iter().map(|feature| (&*feature.name, feature.ty)))
}

fn places(spec: &ExampleSpec) -> Places {
    features(spec).enumerate().map(|(i, (name, _))| (name.as_bytes().into(), i)).collect()
}

fn new_columns(spec: &ExampleSpec) -> Vec<Column> {
    features(spec).map(|(_, ty)| Column { list: List::new(ty), ends: Vec::new() }).collect()
}

#[cold]
fn unreadable(text: &[u8]) -> PredictError {
    let value = String::from_utf8_lossy(&text[..text.len().min(100)]);
    said(format!("Could not parse example input, value: '{value}'"))
}

/// Adds a feature's values to the list; returns whether it has a list at all.
fn read(feature: &[u8], name: &str, ty: FeatureType, at: At<'_>, to: &mut List) -> Result<bool, PredictError> {
    let Some((got, values)) = wire::list(feature).ok_or_else(|| at.malformed(name))? else { return Ok(false) };
    if got != ty {
        return Err(at.other_type(name, got, ty));
    }
    wire::values(values, to).ok_or_else(|| at.malformed(name))?;
    Ok(true)
}

/// Reads one example's features, as they were found, to the columns. A dense feature without a list takes its default, or,
/// where that counts as being there, has no values.
fn fill(
    spec: &ExampleSpec,
    args: &Args<'_>,
    at: At<'_>,
    found: &[Option<&[u8]>],
    bare_is_there: bool,
    columns: &mut [Column],
) -> Done {
    for (i, ((name, ty), column)) in features(spec).zip(columns).enumerate() {
        let before = column.list.len();
        let mut is_there = false;
        if let Some(feature) = found[i] {
            is_there = read(feature, name, ty, at, &mut column.list)? || bare_is_there;
        }
        if let Some((i, feature)) = i.checked_sub(spec.sparse.len()).and_then(|i| Some((i, spec.dense.get(i)?))) {
            fit(feature, at, is_there, &*args.get(2 + i)?, before, &mut column.list)?;
        }
        column.ends.push(column.list.len());
    }
    Ok(())
}

/// Writes columns to the first outputs.
fn write(spec: &ExampleSpec, args: &Args<'_>, alone: bool, columns: &[Column]) -> Done {
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
        dims.extend(feature.shape.iter().map(|dim| dim.unwrap_or(longest(&column.ends) / stride.max(1))));
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
        write_splits(if alone { None } else { Some(&column.ends) }, feature.splits, &mut out)?;
    }
    Ok(())
}

/// Writes where rows begin and the last ends; nothing where there are no rows but the one.
fn write_splits(ends: Option<&[usize]>, dtype: DType, out: &mut Tensor) -> Done {
    let splits = ends.into_iter().flat_map(|ends| std::iter::once(0).chain(ends.iter().copied()));
    write_ints(&shape(&[ends.map_or(0, |ends| ends.len() + 1)])?, splits, dtype, out)
}

/// Returns how many values one step along an open first dimension takes; of a closed shape, all of them.
fn stride(feature: &DenseFeature) -> usize {
    feature.shape.iter().map(|dim| dim.unwrap_or(1)).fold(1, usize::saturating_mul)
}

/// Returns how many entries each row has.
fn sizes(ends: &[usize]) -> impl Iterator<Item = usize> {
    let begins = std::iter::once(0).chain(ends.iter().copied());
    begins.zip(ends).map(|(begin, end)| end - begin)
}

/// Returns the most entries of a row.
fn longest(ends: &[usize]) -> usize {
    sizes(ends).max().unwrap_or(0)
}

/// Returns how a feature's shape is shown.
fn shown(feature: &DenseFeature) -> String {
    let dims = feature.shape.iter().map(|dim| dim.map_or("?".to_owned(), |dim| dim.to_string()));
    format!("[{}]", dims.collect::<Vec<_>>().join(","))
}

/// Sees that a dense feature has its values, or takes its default.
fn fit(feature: &DenseFeature, at: At<'_>, is_there: bool, default: &Tensor, before: usize, list: &mut List) -> Done {
    let (size, stride) = (list.len() - before, stride(feature));
    let is_open = feature.shape.first() == Some(&None);
    if is_there || is_open {
        let fits = if is_open { stride > 0 && size.is_multiple_of(stride) } else { size == stride };
        return if fits { Ok(()) } else { Err(at.wrong_size(&feature.name, feature.ty, size, &shown(feature))) };
    }
    if default.is_empty() && stride != 0 {
        return Err(at.required(&feature.name, feature.ty));
    }
    if default.len() != stride {
        return Err(refuse(format!("a default of shape {}", shown(feature)), default.shape().to_string()));
    }
    if list.len().saturating_add(stride) > TENSOR_BYTES_MAX / 4 {
        return Err(too_large(model::tensor::TensorError::Bytes(shown(feature))));
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
    let dims = [column.ends.len() as i64, longest(&column.ends) as i64];
    out.make::<i64>(shape(&[rank])?).map_err(too_large)?.copy_from_slice(&dims[2 - rank..]);
    Ok(())
}

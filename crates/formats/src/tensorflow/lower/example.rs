//! Examples: records of named features.

use std::sync::Arc;

use model::{DType, Tensor, tensor::Bytes};
use plan::{
    SlotId,
    tensor::{
        ExampleOp,
        example::{DenseFeature, ExampleSpec, FeatureType, OpenFeature},
    },
};

use super::{At, Lower, Row, Slots, row};
use crate::{ReadError, tensorflow::dtype::DType as Dtype};

pub(super) const ROWS: &[Row] =
    &[row("ParseExample", first), row("ParseExampleV2", second), row("ParseSingleExample", single)];

/// What parts of a node say of features.
pub(super) struct Names<'n> {
    pub sparse: &'n [Arc<str>],
    pub dense: &'n [Arc<str>],
    pub ragged: &'n [Arc<str>],
}

/// Keys are inputs, each a scalar: sparse ones, then dense ones.
fn first(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let count = |name: &str| at.site.int(name).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let (sparse, dense) = (count("Nsparse"), count("Ndense"));
    let inputs = at.inputs.len();
    if sparse.checked_add(dense.saturating_mul(2)).and_then(|n| n.checked_add(2)) != Some(inputs) {
        return Err(at.fault(format_args!("has {inputs} inputs for {sparse} sparse and {dense} dense features")));
    }
    let mut keys = Vec::new();
    for slot in &at.inputs[2..2 + sparse + dense] {
        keys.extend(names(lower, at, *slot)?);
    }
    if keys.len() != sparse + dense {
        return Err(at.fault("names a feature by other than one text"));
    }
    let (sparse, dense) = keys.split_at(sparse);
    let defaults = &at.inputs[inputs - dense.len()..];
    parse(lower, at, &Names { sparse, dense, ragged: &[] }, at.inputs[1], defaults)
}

/// Keys are three vectors.
fn second(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [sparse, dense, ragged] = [at.arg(2)?, at.arg(3)?, at.arg(4)?];
    let (sparse, dense) = (names(lower, at, sparse)?, names(lower, at, dense)?);
    let ragged = names(lower, at, ragged)?;
    let all = Names { sparse: &sparse, dense: &dense, ragged: &ragged };
    parse(lower, at, &all, at.inputs[1], &at.inputs[5..])
}

/// Keys are attributes; there is one example.
fn single(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let (sparse, dense) = (listed(at, "sparse_keys")?, listed(at, "dense_keys")?);
    at.arg(0)?;
    let unnamed = lower.constant(Tensor::vector(Vec::<Bytes>::new()));
    parse(lower, at, &Names { sparse: &sparse, dense: &dense, ragged: &[] }, unnamed, &at.inputs[1..])
}

/// Returns the texts that an attribute lists.
pub(super) fn listed(at: &At<'_, '_>, name: &str) -> Result<Vec<Arc<str>>, ReadError> {
    let list = at.site.list(name).map(|list| list.bytes.clone()).unwrap_or_default();
    list.into_iter().map(|bytes| text(at, bytes)).collect()
}

fn text(at: &At<'_, '_>, bytes: &[u8]) -> Result<Arc<str>, ReadError> {
    let text = std::str::from_utf8(bytes).map_err(|_| at.unimplemented("names of features that are not UTF-8"))?;
    Ok(text.into())
}

pub(super) fn names(lower: &Lower<'_, '_>, at: &At<'_, '_>, slot: SlotId) -> Result<Vec<Arc<str>>, ReadError> {
    let known = lower.constants.get(&slot).and_then(|whole| whole.as_tensor());
    let known = known.ok_or_else(|| at.unimplemented("names of features that are computed"))?;
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let texts = known.get::<Bytes>().ok_or_else(|| at.fault("names features by no texts"))?;
    texts.iter().map(|bytes| text(at, bytes)).collect()
}

fn feature_type(at: &At<'_, '_>, dtype: Dtype) -> Result<FeatureType, ReadError> {
    match dtype {
        Dtype::String => Ok(FeatureType::Text),
        Dtype::Float => Ok(FeatureType::F32),
        Dtype::Int64 => Ok(FeatureType::I64),
        other => Err(at.fault(format_args!("has a feature of {other}"))),
    }
}

/// Which attributes say of what types and shapes features are.
pub(super) struct Attrs {
    pub sparse: &'static str,
    pub dense: &'static str,
    pub shapes: &'static str,
    pub ragged: &'static str,
    pub splits: &'static str,
}

const ATTRS: Attrs = Attrs {
    sparse: "sparse_types",
    dense: "Tdense",
    shapes: "dense_shapes",
    ragged: "ragged_value_types",
    splits: "ragged_split_types",
};

/// Returns the features of these names.
pub(super) fn spec(at: &At<'_, '_>, names: &Names<'_>, attrs: &Attrs) -> Result<ExampleSpec, ReadError> {
    let types = |name: &str| at.site.dtypes(name).unwrap_or_default();
    let (sparse, dense) = (types(attrs.sparse), types(attrs.dense));
    let (values, splits) = (types(attrs.ragged), types(attrs.splits));
    let shapes = at.site.list(attrs.shapes).map(|list| list.shapes.clone()).unwrap_or_default();
    let counts = [(names.sparse, sparse.len()), (names.dense, dense.len()), (names.ragged, values.len())];
    let fits = counts.iter().all(|(names, types)| names.len() == *types);
    if !fits || shapes.len() != dense.len() || splits.len() != values.len() {
        return Err(at.fault("has other numbers of names, types and shapes of features"));
    }
    let mut spec = ExampleSpec::default();
    for (name, dtype) in names.sparse.iter().zip(sparse) {
        let ty = feature_type(at, dtype)?;
        spec.sparse.push(OpenFeature { name: name.clone(), ty, splits: DType::I64 });
    }
    for ((name, dtype), shape) in names.dense.iter().zip(dense).zip(shapes) {
        let ty = feature_type(at, dtype)?;
        let dims = shape.dims.ok_or_else(|| at.fault(format_args!("has no rank for the feature `{name}`")))?;
        let shape = dims.into_iter().map(|dim| usize::try_from(dim).ok()).collect();
        spec.dense.push(DenseFeature { name: name.clone(), ty, shape });
    }
    for ((name, dtype), split) in names.ragged.iter().zip(values).zip(splits) {
        let ty = feature_type(at, dtype)?;
        let splits = if split == Dtype::Int32 { DType::I32 } else { DType::I64 };
        spec.ragged.push(OpenFeature { name: name.clone(), ty, splits });
    }
    Ok(spec)
}

/// Returns the inputs of an op over examples: they, what they are called, and the defaults of dense features.
pub(super) fn formal(
    at: &At<'_, '_>,
    spec: &ExampleSpec,
    called: SlotId,
    defaults: &[SlotId],
) -> Result<Vec<Option<SlotId>>, ReadError> {
    if defaults.len() != spec.dense.len() {
        return Err(at.fault("has other numbers of dense features and their defaults"));
    }
    Ok([at.arg(0)?, called].into_iter().chain(defaults.iter().copied()).map(Some).collect())
}

fn parse(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, names: &Names<'_>, called: SlotId, defaults: &[SlotId]) -> Slots {
    let spec = spec(at, names, &ATTRS)?;
    let formal = formal(at, &spec, called, defaults)?;
    lower.add_many(at, ExampleOp::Parse(Arc::new(spec)), &formal)
}

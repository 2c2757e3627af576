//! Examples that are sequences: a context of features, and lists of features, one for each step.

use std::sync::Arc;

use plan::{
    SlotId,
    tensor::{ExampleOp, ExampleSpec, SequenceSpec},
};

use super::{
    At, Lower, Row, Slots,
    example::{self, Attrs, Names, formal, listed, names},
    row,
};
use crate::ReadError;

pub(super) const ROWS: &[Row] = &[
    row("ParseSequenceExample", first),
    row("ParseSequenceExampleV2", second),
    row("ParseSingleSequenceExample", single),
];

const CONTEXT: Attrs = Attrs {
    sparse: "context_sparse_types",
    dense: "Tcontext_dense",
    shapes: "context_dense_shapes",
    ragged: "context_ragged_value_types",
    splits: "context_ragged_split_types",
};
const LISTS: Attrs = Attrs {
    sparse: "feature_list_sparse_types",
    dense: "feature_list_dense_types",
    shapes: "feature_list_dense_shapes",
    ragged: "feature_list_ragged_value_types",
    splits: "feature_list_ragged_split_types",
};

/// What a node names.
struct Parts<'n> {
    context: Names<'n>,
    lists: Names<'n>,
    may_lack: Vec<bool>,
    called: SlotId,
    defaults: &'n [SlotId],
}

/// Keys are attributes.
fn first(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let keys = |name: &str| listed(at, name);
    let (sparse, dense) = (keys("context_sparse_keys")?, keys("context_dense_keys")?);
    let (list_sparse, list_dense) = (keys("feature_list_sparse_keys")?, keys("feature_list_dense_keys")?);
    let lacking = keys("feature_list_dense_missing_assumed_empty")?;
    let parts = Parts {
        context: Names { sparse: &sparse, dense: &dense, ragged: &[] },
        lists: Names { sparse: &list_sparse, dense: &list_dense, ragged: &[] },
        may_lack: list_dense.iter().map(|key| lacking.contains(key)).collect(),
        called: at.arg(1)?,
        defaults: &at.inputs[2..],
    };
    parse(lower, at, parts)
}

/// Keys are vectors, and so is what says which lists may be missing.
fn second(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let keys = |place: usize| names(lower, at, at.arg(place)?);
    let (sparse, dense, ragged) = (keys(2)?, keys(3)?, keys(4)?);
    let (list_sparse, list_dense, list_ragged) = (keys(5)?, keys(6)?, keys(7)?);
    let may_lack = lower.constants.get(&at.arg(8)?).and_then(|whole| whole.as_tensor());
    let may_lack = may_lack.and_then(|flags| flags.get::<bool>()).map(<[bool]>::to_vec);
    let may_lack = may_lack.ok_or_else(|| at.unimplemented("lists that may be missing, which are computed"))?;
    let parts = Parts {
        context: Names { sparse: &sparse, dense: &dense, ragged: &ragged },
        lists: Names { sparse: &list_sparse, dense: &list_dense, ragged: &list_ragged },
        may_lack,
        called: at.arg(1)?,
        defaults: &at.inputs[9..],
    };
    parse(lower, at, parts)
}

/// Keys are inputs, each a scalar; there is one example, and no lengths are given.
fn single(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let mut next = 2_usize;
    let mut keys = |attr: &str| -> Result<Vec<Arc<str>>, ReadError> {
        let count = at.site.int(attr).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let slots = at.inputs.get(next..next.saturating_add(count));
        let slots = slots.ok_or_else(|| at.fault(format_args!("has fewer inputs than `{attr}` says")))?;
        next += count;
        let mut keys = Vec::new();
        for slot in slots {
            keys.extend(names(lower, at, *slot)?);
        }
        if keys.len() == count { Ok(keys) } else { Err(at.fault("names a feature by other than one text")) }
    };
    let (sparse, dense) = (keys("Ncontext_sparse")?, keys("Ncontext_dense")?);
    let (list_sparse, list_dense) = (keys("Nfeature_list_sparse")?, keys("Nfeature_list_dense")?);
    let lacking = names(lower, at, at.arg(1)?)?;
    let rest = at.inputs.get(next..).unwrap_or_default();
    let (called, defaults) = rest.split_last().ok_or_else(|| at.fault("has no input of its debug name"))?;
    let parts = Parts {
        context: Names { sparse: &sparse, dense: &dense, ragged: &[] },
        lists: Names { sparse: &list_sparse, dense: &list_dense, ragged: &[] },
        may_lack: list_dense.iter().map(|key| lacking.contains(key)).collect(),
        called: *called,
        defaults,
    };
    let lengths = list_dense.len();
    let mut slots = parse(lower, at, parts)?;
    slots.truncate(slots.len() - lengths);
    Ok(slots)
}

fn parse(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, parts: Parts<'_>) -> Slots {
    let context = example::spec(at, &parts.context, &CONTEXT)?;
    let lists = example::spec(at, &parts.lists, &LISTS)?;
    if parts.may_lack.len() != lists.dense.len() {
        return Err(at.fault("says of another number of dense lists whether they may be missing"));
    }
    for feature in context.dense.iter().chain(&lists.dense) {
        if feature.shape.iter().any(|dim| dim.is_none_or(|dim| dim == 0)) {
            let what = format!("an open or empty shape of the feature `{}`", feature.name);
            return Err(at.unimplemented(what));
        }
    }
    for spec in [&context, &lists] {
        if let Some(name) = twice(spec) {
            return Err(at.fault(format_args!("names the feature `{name}` twice")));
        }
    }
    let formal = formal(at, &context, parts.called, parts.defaults)?;
    let spec = SequenceSpec { context, lists, may_lack: parts.may_lack };
    lower.add_many(at, ExampleOp::ParseSequence(Arc::new(spec)), &formal)
}

/// Returns a name that stands for two features.
fn twice(spec: &ExampleSpec) -> Option<&str> {
    let dense = spec.dense.iter().map(|feature| &*feature.name);
    let open = spec.sparse.iter().chain(&spec.ragged).map(|feature| &*feature.name);
    let mut names: Vec<&str> = dense.chain(open).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

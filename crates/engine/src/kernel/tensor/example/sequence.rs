//! Records of sequences: features of the whole, and lists of features, one for each step.
//!
//! The rules are those of `FastParseSequenceExample`; an example alone has the same without the dimension of examples.

use std::sync::Arc;

use model::{PredictError, Tensor};
use plan::tensor::{FeatureType, SequenceSpec};

use super::{
    Args, At, Column, Done, List, Places, features, fill, longest, names_of, new_columns, places, read, said, shape,
    shown, sizes, stride, texts, too_large, unreadable, wire, write, write_splits,
};

pub(in crate::kernel::tensor) struct SequenceKernel {
    spec: Arc<SequenceSpec>,
    context: Places,
    lists: Places,
}

/// What was read of one list.
struct Steps {
    list: List,
    /// Where steps end, among the values.
    steps: Vec<usize>,
    /// Where examples end, among the steps.
    examples: Vec<usize>,
}

impl At<'_> {
    #[cold]
    fn missing(self, list: &str) -> PredictError {
        let name = self.name();
        said(format!(
            "Name: {name}, Feature list '{list}' is required but could not be found.  Did you mean to include it in \
             feature_list_dense_missing_assumed_empty or feature_list_dense_defaults?"
        ))
    }
}

impl SequenceKernel {
    pub(super) fn new(spec: &Arc<SequenceSpec>) -> SequenceKernel {
        SequenceKernel { spec: spec.clone(), context: places(&spec.context), lists: places(&spec.lists) }
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        let (examples, names) = (args.get(0)?, args.opt(1));
        let names = names_of(&examples, names.as_deref())?;
        let spec = &*self.spec;
        let alone = examples.rank() == 0;
        if examples.is_empty() {
            self.defaults_alone(args)?;
        }
        let mut context = new_columns(&spec.context);
        let mut lists: Vec<Steps> = features(&spec.lists).map(|(_, ty)| Steps::new(ty)).collect();
        let mut of_context = vec![None; context.len()];
        let mut of_lists = vec![None; lists.len()];
        for (index, text) in texts(&examples)?.iter().enumerate() {
            let at = At { name: names.map_or(&b"<unknown>"[..], |names| &names[index]), index, alone };
            of_context.fill(None);
            of_lists.fill(None);
            let whole = wire::entries(text, 2, |field, name, value| {
                let (places, found) =
                    if field == 1 { (&self.context, &mut of_context) } else { (&self.lists, &mut of_lists) };
                if let Some(&column) = places.get(name) {
                    found[column] = Some(value);
                }
            });
            whole.ok_or_else(|| unreadable(text))?;
            fill(&spec.context, args, at, &of_context, true, &mut context)?;
            self.steps(at, &of_lists, &mut lists)?;
        }
        self.write(args, alone, &context, &lists)
    }

    /// Sees that defaults are of their shapes where there are no examples: then nothing else says how many values there are.
    fn defaults_alone(&self, args: &Args<'_>) -> Done {
        for (i, feature) in self.spec.context.dense.iter().enumerate() {
            let (expected, got) = (stride(feature), args.get(2 + i)?.len());
            if expected != got {
                let name = &feature.name;
                return Err(said(format!(
                    "Inconsistent max number of elements for feature {name}: expected {expected}, but found {got}"
                )));
            }
        }
        Ok(())
    }

    /// Reads one example's lists to their columns.
    fn steps(&self, at: At<'_>, found: &[Option<&[u8]>], columns: &mut [Steps]) -> Done {
        let lists = &self.spec.lists;
        for (i, ((name, ty), column)) in features(lists).zip(columns).enumerate() {
            let dense = i.checked_sub(lists.sparse.len()).and_then(|i| Some((i, lists.dense.get(i)?)));
            if let Some((i, _)) = dense
                && found[i + lists.sparse.len()].is_none()
                && !self.spec.may_lack.get(i).copied().unwrap_or(false)
            {
                return Err(at.missing(name));
            }
            for feature in found[i].into_iter().flat_map(wire::steps) {
                let before = column.list.len();
                read(feature.ok_or_else(|| at.malformed(name))?, name, ty, at, &mut column.list)?;
                let size = column.list.len() - before;
                if let Some((_, feature)) = dense
                    && size != stride(feature)
                {
                    return Err(at.wrong_size(name, ty, size, &shown(feature)));
                }
                column.steps.push(column.list.len());
            }
            column.examples.push(column.steps.len());
        }
        Ok(())
    }

    fn write(&self, args: &Args<'_>, alone: bool, context: &[Column], lists: &[Steps]) -> Done {
        let spec = &*self.spec;
        write(&spec.context, args, alone, context)?;
        let first = 3 * spec.context.sparse.len() + spec.context.dense.len() + 2 * spec.context.ragged.len();
        let (sparse, rest) = lists.split_at(spec.lists.sparse.len());
        let (dense, ragged) = rest.split_at(spec.lists.dense.len());
        for (i, column) in sparse.iter().enumerate() {
            let first = first + i;
            column.write_sparse(args, alone, [first, first + sparse.len(), first + 2 * sparse.len()])?;
        }
        let first = first + 3 * sparse.len();
        for (i, (feature, column)) in spec.lists.dense.iter().zip(dense).enumerate() {
            if let Some(mut out) = args.out(first + i) {
                let dims = [column.examples.len(), longest(&column.examples)];
                let dims: Vec<usize> =
                    dims.into_iter().chain(feature.shape.iter().map(|dim| dim.unwrap_or(0))).collect();
                match alone {
                    true => column.list.write(&dims[1..], &mut out)?,
                    false => {
                        column.list.write_filled(&column.values_of_examples(), &dims, &Tensor::default(), &mut out)?
                    }
                }
            }
            let Some(mut out) = args.out(first + dense.len() + i) else { continue };
            let dims = [column.examples.len()];
            let to = out.make::<i64>(shape(&dims[usize::from(alone)..])?).map_err(too_large)?;
            to.iter_mut().zip(sizes(&column.examples)).for_each(|(to, size)| *to = size as i64);
        }
        let first = first + 2 * dense.len();
        for (i, (feature, column)) in spec.lists.ragged.iter().zip(ragged).enumerate() {
            if let Some(mut out) = args.out(first + i) {
                column.list.write(&[column.list.len()], &mut out)?;
            }
            if let Some(mut out) = args.out(first + ragged.len() + i) {
                write_splits(if alone { None } else { Some(&column.examples) }, feature.splits, &mut out)?;
            }
            let Some(mut out) = args.out(first + 2 * ragged.len() + i) else { continue };
            write_splits(Some(&column.steps), feature.splits, &mut out)?;
        }
        Ok(())
    }
}

impl Steps {
    fn new(ty: FeatureType) -> Steps {
        Steps { list: List::new(ty), steps: Vec::new(), examples: Vec::new() }
    }

    /// Returns where examples end, among the values.
    fn values_of_examples(&self) -> Vec<usize> {
        let end = |steps: &usize| steps.checked_sub(1).map_or(0, |last| self.steps[last]);
        self.examples.iter().map(end).collect()
    }

    /// Writes a sparse tensor of examples, steps and places; of one example alone of steps and places.
    fn write_sparse(&self, args: &Args<'_>, alone: bool, [indices, values, dense]: [usize; 3]) -> Done {
        let rank = if alone { 2 } else { 3 };
        if let Some(mut out) = args.out(indices) {
            let to = out.make::<i64>(shape(&[self.list.len(), rank])?).map_err(too_large)?;
            let mut to = to.chunks_exact_mut(rank);
            let mut steps = sizes(&self.steps);
            for (example, of_example) in sizes(&self.examples).enumerate() {
                for (step, size) in steps.by_ref().take(of_example).enumerate() {
                    for (place, to) in to.by_ref().take(size).enumerate() {
                        let at = [example as i64, step as i64, place as i64];
                        to.copy_from_slice(&at[3 - rank..]);
                    }
                }
            }
        }
        if let Some(mut out) = args.out(values) {
            self.list.write(&[self.list.len()], &mut out)?;
        }
        let Some(mut out) = args.out(dense) else { return Ok(()) };
        let dims = [self.examples.len(), longest(&self.examples), longest(&self.steps)].map(|dim| dim as i64);
        out.make::<i64>(shape(&[rank])?).map_err(too_large)?.copy_from_slice(&dims[3 - rank..]);
        Ok(())
    }
}

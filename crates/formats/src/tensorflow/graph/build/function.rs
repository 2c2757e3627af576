//! Control flow of TensorFlow 2: If, Case and While, whose branches and bodies are functions.
//!
//! What a body is given as a handle is bound to what it stands for; what a While's body gives back as it came is no variable of
//! the loop.

use crate::{
    ReadError,
    tensorflow::proto::attr::{Attr, Function},
};

use super::{
    super::{
        Graph, Kind, Value,
        flat::{self, Src},
        resource::{self, Param},
    },
    Builder, Source, Structure, Task,
};

impl<'g> Builder<'_, 'g> {
    /// Begins the structure that an op with functions is.
    pub(super) fn function(
        &mut self,
        source: &Source<'_, 'g>,
        node: u32,
        tasks: &mut Vec<Task<'g>>,
    ) -> Result<(), ReadError> {
        let flat = source.flat;
        let op = flat.op(node);
        let inputs = &flat.nodes[node as usize].inputs[..];
        let is_loop = matches!(op, "While" | "StatelessWhile");
        let args = if is_loop { Some(inputs) } else { inputs.get(1..) };
        let args = args.ok_or_else(|| flat.fault(node, "has no input to choose by"))?;
        let (mut params, mut values) = (Vec::new(), Vec::new());
        for (place, arg) in args.iter().enumerate() {
            params.push(match resource::resource(flat, &source.params, *arg) {
                Some(handle) => Param::Resource(handle),
                None => {
                    values.push(place as u32);
                    Param::Value(values.len() as u32 - 1)
                }
            });
        }
        let srcs: Vec<Src> = values.iter().map(|place| args[*place as usize]).collect();
        let structure = if is_loop {
            let condition = self.called(source, node, self.named(source, node, "cond")?, &params, None)?;
            let body = self.called(source, node, self.named(source, node, "body")?, &params, Some(&values))?;
            repeat(source, node, condition, body, &values, srcs)?
        } else {
            let kind = if op.ends_with("Case") {
                let branches = flat.site(node).and_then(|site| site.list("branches"));
                let branches = branches.map(|list| list.functions.clone()).unwrap_or_default();
                let graphs = branches.into_iter().map(|f| self.called(source, node, f, &params, None));
                Kind::Case { branches: graphs.collect::<Result<_, _>>()? }
            } else {
                let then = self.called(source, node, self.named(source, node, "then_branch")?, &params, None)?;
                let otherwise = self.called(source, node, self.named(source, node, "else_branch")?, &params, None)?;
                Kind::If { then, otherwise }
            };
            choice(source, node, kind, inputs[0], srcs)?
        };
        let visits: Vec<Task<'g>> = structure.inputs.iter().rev().map(|src| Task::Visit(*src)).collect();
        tasks.push(Task::Structure(Box::new(structure)));
        tasks.extend(visits);
        Ok(())
    }

    fn named(&self, source: &Source<'_, 'g>, node: u32, attr: &str) -> Result<Function<'g>, ReadError> {
        match source.flat.site(node).and_then(|site| site.attr(attr)) {
            Some(Attr::Function(function)) => Ok(function.clone()),
            _ => Err(source.flat.fault(node, format_args!("names no function in its attribute `{attr}`"))),
        }
    }

    /// Builds a function's body; of its results only those at these places, where they are given.
    fn called(
        &mut self,
        source: &Source<'_, 'g>,
        node: u32,
        function: Function<'g>,
        params: &[Param],
        results: Option<&[u32]>,
    ) -> Result<Graph<'g>, ReadError> {
        if self.limits.depth_max < self.depth {
            let what = format!("bodies lie in each other deeper than {} (depth_max)", self.limits.depth_max);
            return Err(source.flat.fault(node, what));
        }
        let bound = source.flat.site(node).and_then(|site| site.bind(&[&function.attrs]));
        let mut body = flat::flatten_function(self.file, self.graph, self.limits, function.name, bound, params.len())?;
        body.prefix = format!("{}/", source.flat.name(node));
        if let Some(places) = results {
            let outputs = places.iter().map(|place| body.outputs.get(*place as usize).copied());
            let outputs: Option<Vec<Src>> = outputs.collect();
            body.outputs = outputs.ok_or_else(|| {
                source.flat.fault(node, format_args!("function `{}` gives fewer values than it takes", function.name))
            })?;
        }
        self.flat(&body, params.to_vec())
    }
}

fn choice<'g>(
    source: &Source<'_, 'g>,
    node: u32,
    kind: Kind<'g>,
    by: Src,
    args: Vec<Src>,
) -> Result<Structure<'g>, ReadError> {
    let graphs = match &kind {
        Kind::If { then, otherwise } => vec![then, otherwise],
        Kind::Case { branches } => branches.iter().collect(),
        _ => Vec::new(),
    };
    let count = graphs.first().map(|graph| graph.outputs.len());
    let count = count.ok_or_else(|| source.flat.fault(node, "has no branches"))?;
    if graphs.iter().any(|graph| graph.outputs.len() != count) {
        return Err(source.flat.fault(node, "its branches give different numbers of values"));
    }
    let gives = (0..count.max(1) as u32).map(|slot| (Src { node, slot }, slot)).collect();
    let inputs = std::iter::once(by).chain(args).collect();
    Ok(Structure { name: source.flat.name(node), kind, inputs, gives, same: Vec::new() })
}

/// Parts what a While's body gives anew from what it gives back as it came.
fn repeat<'g>(
    source: &Source<'_, 'g>,
    node: u32,
    mut condition: Graph<'g>,
    mut body: Graph<'g>,
    slots: &[u32],
    args: Vec<Src>,
) -> Result<Structure<'g>, ReadError> {
    if condition.outputs.len() != 1 {
        return Err(source.flat.fault(node, "its condition gives other than one value"));
    }
    let is_same = |place: &usize| body.outputs[*place] == Value::Input(*place as u32);
    let (mut same, mut carried): (Vec<usize>, Vec<usize>) = (0..args.len()).partition(is_same);
    if carried.is_empty() {
        // Nothing changes, so the loop never runs or never ends: it has to say which.
        (same, carried) = (carried, same);
    }
    let mut places = vec![0_u32; args.len()];
    for (new, old) in carried.iter().chain(&same).enumerate() {
        places[*old] = new as u32;
    }
    body.outputs = carried.iter().map(|place| body.outputs[*place]).collect();
    for graph in [&mut condition, &mut body] {
        let values = graph.nodes.iter_mut().flat_map(|node| &mut node.inputs).chain(&mut graph.outputs);
        for value in values {
            if let Value::Input(place) = value {
                *place = places[*place as usize];
            }
        }
    }
    let of = |place: usize| Src { node, slot: slots[place] };
    let gives = carried.iter().enumerate().map(|(slot, place)| (of(*place), slot as u32)).collect();
    let passed = same.iter().map(|place| (of(*place), args[*place])).collect();
    let kind = Kind::While { condition, body, carried: carried.len() };
    let inputs = carried.iter().chain(&same).map(|place| args[*place]).collect();
    Ok(Structure { name: source.flat.name(node), kind, inputs, gives, same: passed })
}

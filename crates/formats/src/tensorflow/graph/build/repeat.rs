//! Loops of TensorFlow 1: a frame becomes a While.
//!
//! Its variables are the Merge nodes that NextIteration feeds; the condition is what LoopCond takes; what enters without a Merge
//! stays the same throughout, and is an input that the body does not give anew.

use crate::ReadError;

use super::{
    super::{
        Kind,
        flat::{Flat, Src},
        flow, resource,
    },
    Builder, Captures, Part, Scope, Source, Structure, Task,
};

/// A loop's variable.
struct Variable {
    merge: u32,
    /// What it is at first, around the loop.
    first: Src,
    /// What it becomes, in the loop.
    next: Src,
}

impl<'g> Builder<'_, 'g> {
    /// Begins the While that gives what an Exit does.
    pub(super) fn repeat(
        &mut self,
        source: &Source<'_, 'g>,
        exit: u32,
        tasks: &mut Vec<Task<'g>>,
    ) -> Result<(), ReadError> {
        let flat = source.flat;
        let frame = source.flow.frame(flat.first(exit)?.node);
        if frame == 0 || source.open.borrow().contains(&frame) {
            return Err(flat.fault(exit, "leaves no loop that it is in"));
        }
        source.open.borrow_mut().push(frame);
        source.built.borrow_mut().push(frame);
        let of = &source.flow.frames[frame as usize];
        let condition = of.condition.ok_or_else(|| flat.fault(exit, "leaves a loop that has no LoopCond"))?;
        let variables = variables(source, &of.variables)?;
        let mut captures = Captures::default();
        let mut graphs = Vec::new();
        let next: Vec<Src> = variables.iter().map(|variable| variable.next).collect();
        for (roots, checks) in [(vec![flat.first(condition)?], &[][..]), (next, &source.checks[..])] {
            let mut scope = Scope::new(Part::Loop(frame), of.path, frame, &mut captures, variables.len() as u32);
            for (place, variable) in variables.iter().enumerate() {
                scope.values.insert(Src { node: variable.merge, slot: 0 }, super::Value::Input(place as u32));
            }
            self.emit(source, &mut scope, &roots, checks)?;
            graphs.push(scope.graph);
        }
        for graph in &mut graphs {
            graph.inputs = variables.len() + captures.all.len();
            graph.sweep();
        }
        source.open.borrow_mut().pop();
        let body = graphs.pop().unwrap_or_default();
        let condition = graphs.pop().unwrap_or_default();
        let kind = Kind::While { condition, body, carried: variables.len() };
        let gives = gives(source, frame, exit, &variables)?;
        let inputs: Vec<Src> = variables.iter().map(|variable| variable.first).chain(captures.all).collect();
        let visits: Vec<Task<'g>> = inputs.iter().rev().map(|src| Task::Visit(*src)).collect();
        let name = flat.name(exit);
        tasks.push(Task::Structure(Box::new(Structure { name, kind, inputs, gives, same: Vec::new() })));
        tasks.extend(visits);
        Ok(())
    }
}

/// Returns the variables that somebody needs and that are no handles.
fn variables(source: &Source<'_, '_>, merges: &[u32]) -> Result<Vec<Variable>, ReadError> {
    let flat = source.flat;
    let mut variables = Vec::new();
    for merge in merges.iter().copied().filter(|merge| source.needed[*merge as usize]) {
        let handle = resource::resource(flat, &source.params, Src { node: merge, slot: 0 });
        let (Some(back), None) = (flow::back_of(flat, merge), handle) else { continue };
        let enter = match &flat.nodes[merge as usize].inputs[..] {
            [enter, _] if back == 1 => enter.node,
            [_, enter] if back == 0 => enter.node,
            _ => return Err(flat.fault(merge, "is no variable of a loop: it has other than two inputs")),
        };
        if !flow::is_enter(flat.op(enter)) {
            return Err(flat.fault(merge, "is no variable of a loop: nothing enters it"));
        }
        let next = flat.input(merge, back)?.node;
        variables.push(Variable { merge, first: flat.first(enter)?, next: flat.first(next)? });
    }
    Ok(variables)
}

/// Returns what the exits of the loop give, by variable.
fn gives(source: &Source<'_, '_>, frame: u32, exit: u32, variables: &[Variable]) -> Result<Vec<(Src, u32)>, ReadError> {
    let flat = source.flat;
    let mut exits = source.exits.get(&frame).cloned().unwrap_or_default();
    if !exits.contains(&exit) {
        exits.push(exit);
    }
    let mut gives = Vec::new();
    for exit in exits {
        let merge = merge_of(flat, exit)?;
        if let Some(place) = variables.iter().position(|variable| variable.merge == merge) {
            gives.push((Src { node: exit, slot: 0 }, place as u32));
        }
    }
    Ok(gives)
}

/// Returns the Merge whose last value an Exit gives.
fn merge_of(flat: &Flat<'_>, exit: u32) -> Result<u32, ReadError> {
    let switch = flow::plain(flat, flat.first(exit)?);
    if !flow::is_switch(flat.op(switch.node)) || switch.slot != 0 {
        return Err(flat.fault(exit, "does not leave by the false side of a Switch"));
    }
    Ok(flow::plain(flat, flat.first(switch.node)?).node)
}

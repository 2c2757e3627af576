//! Branches of TensorFlow 1: what a Switch parts and a Merge joins becomes an If.
//!
//! Merges of one predicate in one place that do not need each other are one If. What checks something in a branch, and gives
//! nothing to a Merge, has an If of its own.

use crate::ReadError;

use super::{
    super::{
        Graph, Kind,
        flat::Src,
        flow::{Join, Path},
    },
    Builder, Captures, Part, Scope, Source, Structure, Task,
};

/// One side of a branch: what it gives, and what it checks.
struct Side {
    side: bool,
    roots: Vec<Src>,
    checks: Vec<u32>,
}

impl<'g> Builder<'_, 'g> {
    /// Begins the If that gives what a Merge does.
    pub(super) fn branch(
        &mut self,
        source: &Source<'_, 'g>,
        node: u32,
        tasks: &mut Vec<Task<'g>>,
    ) -> Result<(), ReadError> {
        let Join { predicate, path, .. } = source.flow.joins[&node];
        let key = (predicate, path, source.flow.frame(node), source.flow.level(node));
        let joins = source.joins.get(&key).cloned().filter(|joins| joins.contains(&node));
        // One that only a check needs stands for itself.
        let joins = joins.unwrap_or_else(|| vec![node]);
        let roots = |of: fn(&Join) -> Src| joins.iter().map(|join| of(&source.flow.joins[join])).collect();
        let then = Side { side: true, roots: roots(|join| join.then), checks: Vec::new() };
        let otherwise = Side { side: false, roots: roots(|join| join.otherwise), checks: Vec::new() };
        let gives = joins.iter().enumerate().map(|(slot, join)| (Src { node: *join, slot: 0 }, slot as u32));
        let (gives, name) = (gives.collect(), source.flat.name(node));
        let frame = source.flow.frame(node);
        let structure = self.sides(source, name, (predicate, path, frame), [then, otherwise], gives)?;
        tasks.extend(structure);
        Ok(())
    }

    fn sides(
        &mut self,
        source: &Source<'_, 'g>,
        name: String,
        (predicate, path, frame): (Src, Path, u32),
        sides: [Side; 2],
        gives: Vec<(Src, u32)>,
    ) -> Result<Vec<Task<'g>>, ReadError> {
        let mut captures = Captures::default();
        let mut graphs = Vec::new();
        for Side { side, roots, checks } in sides {
            // A side that no Switch makes holds constants only.
            let path = source.flow.longer_by(path, predicate, side).unwrap_or(path);
            let mut scope = Scope::new(Part::Branch, path, frame, &mut captures, 0);
            self.emit(source, &mut scope, &roots, &checks)?;
            graphs.push(scope.graph);
        }
        for graph in &mut graphs {
            graph.inputs = captures.all.len();
            graph.sweep();
        }
        let otherwise = graphs.pop().unwrap_or_default();
        let then: Graph<'g> = graphs.pop().unwrap_or_default();
        let inputs: Vec<Src> = std::iter::once(predicate).chain(captures.all).collect();
        let visits: Vec<Task<'g>> = inputs.iter().rev().map(|src| Task::Visit(*src)).collect();
        let kind = Kind::If { then, otherwise };
        let structure = Task::Structure(Box::new(Structure { name, kind, inputs, gives, same: Vec::new() }));
        Ok(std::iter::once(structure).chain(visits).collect())
    }

    /// Puts what the scope checks into its graph.
    pub(super) fn emit_checks(
        &mut self,
        source: &Source<'_, 'g>,
        scope: &mut Scope<'_, 'g>,
        checks: &[u32],
    ) -> Result<(), ReadError> {
        let mut branches: Vec<(Src, Vec<u32>, Vec<u32>)> = Vec::new();
        let frame = scope.frame;
        for node in checks.iter().copied().filter(|node| source.flow.frame(*node) == frame) {
            let path = source.flow.path(node);
            if path == scope.path {
                self.visit(source, scope, vec![Task::Visit(Src { node, slot: 0 })])?;
            } else if let Some(step) = source.flow.next(path, scope.path) {
                let known = branches.iter().position(|(predicate, ..)| *predicate == step.predicate);
                let place = known.unwrap_or_else(|| {
                    branches.push((step.predicate, Vec::new(), Vec::new()));
                    branches.len() - 1
                });
                let (_, then, otherwise) = &mut branches[place];
                if step.side { then.push(node) } else { otherwise.push(node) }
            }
        }
        for (predicate, then, otherwise) in branches {
            let name = then.first().or(otherwise.first()).map(|node| source.flat.name(*node)).unwrap_or_default();
            let side = |side, checks| Side { side, roots: Vec::new(), checks };
            let sides = [side(true, then), side(false, otherwise)];
            let tasks = self.sides(source, name, (predicate, scope.path, scope.frame), sides, Vec::new())?;
            self.visit(source, scope, tasks)?;
        }
        Ok(())
    }
}

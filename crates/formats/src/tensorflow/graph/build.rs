//! From a flat graph to one with structure.
//!
//! Each graph is built from its outputs back, without recursion but for graphs within graphs: a branch, the condition and the body of a
//! loop, the functions of If, Case and While. Inside of one, what comes from outside becomes an input, once for each value;
//! constants are made where they are used. What checks something is kept in the graph in which it stands.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use crate::{Limits, ReadError};

use super::{
    super::{proto::attr::Attr, proto::graph as proto, state::State},
    Graph, Kind, Node, Store, Value,
    attrs::Site,
    flat::{self, Def, Flat, Roots, Src},
    flow::{self, Flow, Path},
    ops::{self, Effect},
    refused,
    resource::{self, Param, Resource},
};

mod branch;
mod function;
mod repeat;

/// What all graphs of a signature are built with.
pub struct Builder<'b, 'g> {
    pub file: &'g str,
    pub graph: &'g proto::Graph<'g>,
    pub limits: &'g Limits,
    pub state: &'b State<'g>,
    pub store: &'b mut Store<'g>,
    /// Places of constants by where their bytes lie; of variables and tables by name.
    pub known: &'b mut Known,
    /// Nodes made so far, and how deep graphs lie in each other.
    pub made: usize,
    pub depth: usize,
    /// Unknown ops that TensorFlow would run and whose values nobody needs.
    pub unknown: &'b mut Vec<String>,
}

/// What of a store is there already.
#[derive(Debug, Default)]
pub struct Known {
    constants: FxHashMap<usize, usize>,
    variables: FxHashMap<String, usize>,
    tables: FxHashMap<String, usize>,
}

/// Which part of a flat graph is built.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All of it.
    Whole,
    /// One side of a branch.
    Branch,
    /// A loop's condition or body.
    Loop(u32),
}

/// A flat graph with what is known of it.
struct Source<'s, 'g> {
    flat: &'s Flat<'g>,
    flow: Flow,
    /// Nodes whose values somebody needs.
    needed: Vec<bool>,
    params: Vec<Param>,
    /// Nodes that check something, or may within.
    checks: Vec<u32>,
    /// The merges that one branch makes, by what tells them from others.
    joins: FxHashMap<(Src, Path, u32, u32), Vec<u32>>,
    /// The exits that somebody needs, by loop.
    exits: FxHashMap<u32, Vec<u32>>,
    /// The loops that are being built, and those that are.
    open: RefCell<Vec<u32>>,
    built: RefCell<Vec<u32>>,
}

/// A graph being built.
struct Scope<'s, 'g> {
    part: Part,
    path: Path,
    frame: u32,
    graph: Graph<'g>,
    values: FxHashMap<Src, Value>,
    /// What comes from the graph around, in the order of the inputs after `own`; shared by graphs that are built side by side.
    captures: &'s mut Captures,
    /// Inputs that are no captures.
    own: u32,
}

/// Values of the graph around, each once.
#[derive(Default)]
struct Captures {
    all: Vec<Src>,
    places: FxHashMap<Src, u32>,
}

enum Task<'g> {
    Visit(Src),
    /// A node whose inputs are there.
    Emit(u32),
    /// A structure whose inputs are there.
    Structure(Box<Structure<'g>>),
}

struct Structure<'g> {
    name: String,
    kind: Kind<'g>,
    inputs: Vec<Src>,
    /// What it gives, by output.
    gives: Vec<(Src, u32)>,
    /// What it only passes on.
    same: Vec<(Src, Src)>,
}

/// Builds the graph of these roots.
pub fn build<'g>(cx: &mut Builder<'_, 'g>, roots: &Roots<'_, 'g>) -> Result<Graph<'g>, ReadError> {
    let flat = flat::flatten(cx.file, cx.graph, cx.limits, roots)?;
    let params = (0..roots.params.len() as u32).map(Param::Value).collect();
    cx.flat(&flat, params)
}

impl<'g> Builder<'_, 'g> {
    /// Builds all of a flat graph.
    fn flat(&mut self, flat: &Flat<'g>, params: Vec<Param>) -> Result<Graph<'g>, ReadError> {
        self.count(flat.nodes.len())?;
        let source = self.source(flat, params)?;
        let mut captures = Captures::default();
        let inputs = source.params.iter().filter(|param| matches!(param, Param::Value(_))).count();
        let mut scope = Scope::new(Part::Whole, 0, 0, &mut captures, inputs as u32);
        self.emit(&source, &mut scope, &flat.outputs, &source.checks)?;
        let mut graph = scope.graph;
        let built = source.built.borrow();
        let in_loop = |node: &&u32| ops::effect(flat.op(**node)) == Effect::Check && source.flow.frame(**node) != 0;
        if let Some(node) =
            source.checks.iter().filter(in_loop).find(|node| !built.contains(&source.flow.frame(**node)))
        {
            let what = format!("node `{}` in a loop that no output needs", flat.name(*node));
            return Err(refused(flat.file, flat.op(*node), what));
        }
        graph.inputs = inputs;
        graph.sweep();
        Ok(graph)
    }

    fn count(&mut self, nodes: usize) -> Result<(), ReadError> {
        self.made += nodes;
        if self.limits.graph_nodes_max < self.made {
            return Err(ReadError::TooLarge {
                file: self.file.to_owned(),
                what: "number of nodes of all graphs in graphs".to_owned(),
                got: self.made as u64,
                limit: self.limits.graph_nodes_max as u64,
                key: "graph_nodes_max",
            });
        }
        Ok(())
    }

    /// Looks through a flat graph: what it does besides computing, what of it is needed, where it branches.
    fn source<'s>(&mut self, flat: &'s Flat<'g>, params: Vec<Param>) -> Result<Source<'s, 'g>, ReadError> {
        let mut needed = vec![false; flat.nodes.len()];
        let mut checks = Vec::new();
        let mut open: Vec<u32> = flat.outputs.iter().map(|src| src.node).collect();
        for node in 0..flat.nodes.len() as u32 {
            let op = flat.op(node);
            if ops::effect(op) == Effect::Check || matches!(op, "If" | "While" | "Case") {
                checks.push(node);
            }
            if ops::effect(op) == Effect::Check {
                open.push(node);
            }
        }
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut needed[node as usize], true) {
                open.extend(flat.nodes[node as usize].inputs.iter().map(|input| input.node));
            }
        }
        for node in 0..flat.nodes.len() as u32 {
            if needed[node as usize] || !is_unseen(flat, &params, &needed, node) {
                self.effect(flat, node, needed[node as usize])?;
            }
        }
        let flow = Flow::of(flat)?;
        let (mut joins, mut exits) = (FxHashMap::<_, Vec<u32>>::default(), FxHashMap::<_, Vec<u32>>::default());
        for node in (0..flat.nodes.len() as u32).filter(|node| needed[*node as usize]) {
            if let Some(join) = flow.joins.get(&node) {
                let key = (join.predicate, join.path, flow.frame(node), flow.level(node));
                joins.entry(key).or_default().push(node);
            } else if flow::is_exit(flat.op(node)) {
                exits.entry(flow.frame(flat.first(node)?.node)).or_default().push(node);
            }
        }
        let (open, built) = Default::default();
        Ok(Source { flat, flow, needed, params, checks, joins, exits, open, built })
    }

    /// Refuses a node that does what no answer may.
    fn effect(&mut self, flat: &Flat<'g>, node: u32, is_needed: bool) -> Result<(), ReadError> {
        let Some(site) = flat.site(node) else { return Ok(()) };
        let op = site.op();
        match ops::effect(op) {
            Effect::Writes => {
                let what = format!(
                    "node `{}` changes a variable or a table; a model is the same for every call",
                    flat.name(node)
                );
                Err(refused(flat.file, op, what))
            }
            Effect::Outside => {
                let what = format!("node `{}` reaches outside of the model", flat.name(node));
                Err(refused(flat.file, op, what))
            }
            Effect::Unknown if !is_needed && !self.unknown.iter().any(|known| known == op) => {
                self.unknown.push(op.to_owned());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Puts everything that the roots need, and these checks, into the scope's graph; the roots are its outputs.
    fn emit(
        &mut self,
        source: &Source<'_, 'g>,
        scope: &mut Scope<'_, 'g>,
        roots: &[Src],
        checks: &[u32],
    ) -> Result<(), ReadError> {
        self.depth += 1;
        if self.limits.depth_max * 2 < self.depth {
            let what = format!("graphs lie in each other deeper than {} (depth_max)", self.limits.depth_max * 2);
            return Err(ReadError::Syntax { file: self.file.to_owned(), what });
        }
        self.emit_checks(source, scope, checks)?;
        for root in roots {
            self.visit(source, scope, vec![Task::Visit(*root)])?;
            let value = self.value(source, scope, *root)?;
            scope.graph.outputs.push(value);
        }
        self.depth -= 1;
        Ok(())
    }

    fn visit(
        &mut self,
        source: &Source<'_, 'g>,
        scope: &mut Scope<'_, 'g>,
        mut tasks: Vec<Task<'g>>,
    ) -> Result<(), ReadError> {
        while let Some(task) = tasks.pop() {
            match task {
                Task::Visit(src) => self.begin(source, scope, src, &mut tasks)?,
                Task::Emit(node) => self.node(source, scope, node)?,
                Task::Structure(structure) => self.structure(source, scope, *structure)?,
            }
        }
        Ok(())
    }

    fn structure(
        &mut self,
        source: &Source<'_, 'g>,
        scope: &mut Scope<'_, 'g>,
        structure: Structure<'g>,
    ) -> Result<(), ReadError> {
        let Structure { name, kind, inputs, gives, same } = structure;
        let inputs = inputs.iter().map(|src| self.value(source, scope, *src)).collect::<Result<_, _>>()?;
        let place = self.push(scope, Node { name, kind, inputs })?;
        scope.values.extend(gives.into_iter().map(|(src, slot)| (src, Value::Node(place, slot))));
        for (src, from) in same {
            let value = self.value(source, scope, from)?;
            scope.values.insert(src, value);
        }
        Ok(())
    }

    fn push(&mut self, scope: &mut Scope<'_, 'g>, node: Node<'g>) -> Result<u32, ReadError> {
        self.count(1)?;
        scope.graph.nodes.push(node);
        Ok(scope.graph.nodes.len() as u32 - 1)
    }

    /// Returns the value in the scope's graph of one that is there.
    fn value(&self, source: &Source<'_, 'g>, scope: &Scope<'_, 'g>, src: Src) -> Result<Value, ReadError> {
        let src = source.plain(scope, src);
        let known = scope.values.get(&src).copied();
        known.ok_or_else(|| match source.flat.op(src.node) {
            // Of how many outputs nobody here knows.
            op if ops::effect(op) == Effect::Unknown => {
                refused(source.flat.file, op, format!("this op (node `{}`)", source.flat.name(src.node)))
            }
            _ => source.flat.fault(src.node, format_args!("has no output {}", src.slot)),
        })
    }

    fn begin(
        &mut self,
        source: &Source<'_, 'g>,
        scope: &mut Scope<'_, 'g>,
        src: Src,
        tasks: &mut Vec<Task<'g>>,
    ) -> Result<(), ReadError> {
        let src = source.plain(scope, src);
        if scope.values.contains_key(&src) {
            return Ok(());
        }
        let (flat, node) = (source.flat, src.node);
        let op = flat.op(node);
        if !source.is_constant(node) {
            let is_inside = source.flow.begins(source.flow.path_of(flat, src), scope.path);
            match scope.part {
                Part::Branch if !is_inside => return scope.capture(src, src),
                Part::Loop(frame) if flow::is_enter(op) && source.flow.frame(node) == frame => {
                    return scope.capture(src, flat.first(node)?);
                }
                _ => {}
            }
        }
        if let Def::Param(place) = flat.nodes[node as usize].def {
            let Some(Param::Value(place)) = source.params.get(place).filter(|_| scope.part == Part::Whole) else {
                return Err(flat.fault(node, "a handle, or a value from outside of a loop, is used as a value"));
            };
            scope.values.insert(src, Value::Input(*place));
        } else if flow::is_exit(op) {
            self.repeat(source, node, tasks)?;
        } else if source.flow.joins.contains_key(&node) {
            if src.slot == 1 {
                return Err(refused(
                    flat.file,
                    op,
                    format!("node `{}`: which of its inputs came is asked for", flat.name(node)),
                ));
            }
            self.branch(source, node, tasks)?;
        } else if flow::is_switch(op) || flow::is_enter(op) || matches!(op, "Merge" | "RefMerge" | "NextIteration") {
            return Err(flat.fault(node, "its value is asked for outside of its branch or loop"));
        } else if ops::is_structured(op) {
            self.function(source, node, tasks)?;
        } else {
            tasks.push(Task::Emit(node));
            tasks.extend(source.data(node).iter().rev().map(|input| Task::Visit(*input)));
        }
        Ok(())
    }

    /// Puts an op whose inputs are there.
    fn node(&mut self, source: &Source<'_, 'g>, scope: &mut Scope<'_, 'g>, node: u32) -> Result<(), ReadError> {
        if scope.values.contains_key(&Src { node, slot: 0 }) {
            return Ok(());
        }
        let flat = source.flat;
        let name = flat.name(node);
        let mut inputs = Vec::new();
        for src in source.data(node) {
            inputs.push(self.value(source, scope, *src)?);
        }
        let site = match &flat.nodes[node as usize].def {
            Def::Op(site) => site,
            Def::Fed(literal) => {
                let place = self.store.constants.len();
                self.store.constants.push(literal.clone());
                let place = self.push(scope, Node { name, kind: Kind::Constant(place), inputs })?;
                scope.values.insert(Src { node, slot: 0 }, Value::Node(place, 0));
                return Ok(());
            }
            Def::Param(_) => return Ok(()),
        };
        let kind = self.kind(source, scope, node, site, &mut inputs)?;
        let outputs = match kind {
            Kind::Constant(_) => 1,
            _ => flat::outputs(site).ok_or_else(|| flat.fault(node, "does not say how many outputs it has"))?,
        };
        self.count(outputs / 16)?;
        let place = self.push(scope, Node { name, kind, inputs })?;
        for slot in 0..outputs as u32 {
            scope.values.insert(Src { node, slot }, Value::Node(place, slot));
        }
        Ok(())
    }

    fn kind(
        &mut self,
        source: &Source<'_, 'g>,
        scope: &mut Scope<'_, 'g>,
        node: u32,
        site: &Site<'g>,
        inputs: &mut Vec<Value>,
    ) -> Result<Kind<'g>, ReadError> {
        let flat = source.flat;
        let (op, mut table) = (site.op(), None);
        match op {
            "Const" => return self.constant(flat, node, site).map(Kind::Constant),
            "Placeholder" | "PlaceholderV2" => {
                return Err(flat.fault(node, "is fed by nothing: no input of the signature names it"));
            }
            _ if ops::is_variable(op) => {
                let name = resource::name_of(site, &flat.name(node));
                return self.variable(flat, node, &name).map(Kind::Constant);
            }
            _ => {}
        }
        if resource::takes_handle(op) {
            let handle = resource::resource(flat, &source.params, flat.first(node)?);
            match handle {
                Some(Resource::Variable(name)) => {
                    let place = self.variable(flat, node, &name)?;
                    if op == "ReadVariableOp" {
                        return Ok(Kind::Constant(place));
                    }
                    let kind = Kind::Constant(place);
                    let place = self.push(scope, Node { name, kind, inputs: Vec::new() })?;
                    inputs.insert(0, Value::Node(place, 0));
                }
                Some(Resource::Table(name)) => table = Some(self.table(flat, node, &name)?),
                Some(Resource::Array(_)) => {}
                None => return Err(flat.fault(node, "its handle is of nothing that the model makes")),
            }
        }
        Ok(Kind::Op { site: site.clone(), table })
    }

    fn constant(&mut self, flat: &Flat<'g>, node: u32, site: &Site<'g>) -> Result<usize, ReadError> {
        let Some(Attr::Tensor(message)) = site.attr("value") else {
            return Err(flat.fault(node, "has no tensor in its attribute `value`"));
        };
        let key = message.bytes().as_ptr() as usize;
        if let Some(place) = self.known.constants.get(&key) {
            return Ok(*place);
        }
        let literal = super::super::proto::tensor::read(*message).map_err(|error| flat.fault(node, error))?;
        if site.dtype("dtype").is_some_and(|dtype| dtype != literal.dtype) {
            return Err(
                flat.fault(node, format_args!("its attribute `dtype` is another than its tensor's, {}", literal.dtype))
            );
        }
        let place = self.store.constants.len();
        self.store.constants.push(literal);
        self.known.constants.insert(key, place);
        Ok(place)
    }

    fn variable(&mut self, flat: &Flat<'g>, node: u32, name: &str) -> Result<usize, ReadError> {
        if let Some(place) = self.known.variables.get(name) {
            return Ok(*place);
        }
        let literal = self.state.variable(name)?;
        let literal =
            literal.ok_or_else(|| flat.fault(node, format_args!("variable `{name}` has no value after loading")))?;
        let place = self.store.constants.len();
        self.store.constants.push(literal);
        self.known.variables.insert(name.to_owned(), place);
        Ok(place)
    }

    fn table(&mut self, flat: &Flat<'g>, node: u32, name: &str) -> Result<usize, ReadError> {
        if let Some(place) = self.known.tables.get(name) {
            return Ok(*place);
        }
        let table = self.state.table(name)?;
        let table = table.ok_or_else(|| {
            flat.fault(node, format_args!("table `{name}` is filled by nothing that runs at loading"))
        })?;
        let place = self.store.tables.len();
        self.store.tables.push(table);
        self.known.tables.insert(name.to_owned(), place);
        Ok(place)
    }
}

/// Returns whether a node changes a variable that nothing reads which an answer needs: the state of a generator of numbers, beside
/// layers that draw in training only.
fn is_unseen(flat: &Flat<'_>, params: &[Param], needed: &[bool], node: u32) -> bool {
    if !matches!(flat.op(node), "AssignVariableOp" | "AssignAddVariableOp" | "AssignSubVariableOp") {
        return false;
    }
    let whole = params.iter().all(|param| matches!(param, Param::Value(_)));
    let handle = flat.first(node).ok().and_then(|src| resource::resource(flat, params, src));
    let Some(written) = handle.filter(|_| whole) else { return false };
    let is_read = |(node, _): (usize, &bool)| {
        ops::is_variable(flat.op(node as u32))
            && resource::resource(flat, params, Src { node: node as u32, slot: 0 }) == Some(written.clone())
    };
    !needed.iter().enumerate().filter(|(_, needed)| **needed).any(is_read)
}

// === impl Source ===

impl<'g> Source<'_, 'g> {
    /// Returns where a value comes from as far as the scope is concerned: past what gives it on as it is.
    fn plain(&self, scope: &Scope<'_, 'g>, mut src: Src) -> Src {
        loop {
            src = flow::plain(self.flat, src);
            if !flow::is_switch(self.flat.op(src.node)) {
                return src;
            }
            let inputs = &self.flat.nodes[src.node as usize].inputs;
            let (Some(data), Some(predicate)) = (inputs.first(), inputs.get(1)) else { return src };
            let is_loop = self.flat.op(flow::plain(self.flat, *predicate).node) == "LoopCond";
            let path = self.flow.path_of(self.flat, src);
            if !is_loop && !self.flow.begins(scope.path, path) {
                return src;
            }
            src = *data;
        }
    }

    /// Returns whether a node is the same wherever it stands.
    fn is_constant(&self, node: u32) -> bool {
        let op = self.flat.op(node);
        matches!(op, "Const" | "ReadVariableOp")
            || ops::is_variable(op)
            || matches!(self.flat.nodes[node as usize].def, Def::Fed(_))
    }

    /// Returns the inputs of a node that are values: all but its handle.
    fn data(&self, node: u32) -> &[Src] {
        let inputs = &self.flat.nodes[node as usize].inputs[..];
        if resource::takes_handle(self.flat.op(node)) { inputs.get(1..).unwrap_or_default() } else { inputs }
    }
}

// === impl Scope ===

impl<'s, 'g> Scope<'s, 'g> {
    fn new(part: Part, path: Path, frame: u32, captures: &'s mut Captures, own: u32) -> Scope<'s, 'g> {
        Scope { part, path, frame, graph: Graph::default(), values: FxHashMap::default(), captures, own }
    }

    /// Makes a value of the scope an input, which the graph around gives from `outside`.
    fn capture(&mut self, src: Src, outside: Src) -> Result<(), ReadError> {
        let Captures { all, places } = &mut *self.captures;
        let place = *places.entry(outside).or_insert_with(|| {
            all.push(outside);
            all.len() as u32 - 1
        });
        self.values.insert(src, Value::Input(self.own + place));
        Ok(())
    }
}

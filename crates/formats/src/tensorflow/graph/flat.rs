//! A graph with its functions put in their places, as far as some of its values need it.
//!
//! From the values and nodes asked for, everything is visited that TensorFlow would run: what inputs name, what control edges
//! name, what a called function returns and runs. A call's nodes take the place of the call. Nodes come after those that they
//! use; the edges that lead back into a loop are the only exception. No recursion: a chain may be as long as the file. Bounds:
//! the number of nodes, and how deep calls lie in each other.

use rustc_hash::FxHashMap;

use crate::{Limits, ReadError};

use super::{
    super::{
        literal::Literal,
        proto::graph::{Function, Graph, Nodes},
    },
    attrs::{Bound, Site},
    ops::{self, Count},
};

/// An output of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Src {
    pub node: u32,
    pub slot: u32,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Def<'g> {
    Op(Site<'g>),
    /// A value that comes from outside, by its place.
    Param(usize),
    /// A value that is known beforehand.
    Fed(Literal<'g>),
}

/// A node in its place.
#[derive(Clone, Debug)]
pub struct Node<'g> {
    pub def: Def<'g>,
    pub inputs: Vec<Src>,
    /// Nodes that run before it.
    pub controls: Vec<u32>,
    /// The call that it is of.
    pub instance: u32,
}

/// What is asked of a graph.
#[derive(Default)]
pub struct Roots<'r, 'g> {
    /// Names of values: `node`, `node:slot`.
    pub values: Vec<&'r str>,
    /// Names of nodes that run for their effect.
    pub nodes: Vec<&'r str>,
    /// Names of values that come from outside, in order.
    pub params: Vec<&'r str>,
    /// Names of values that are known.
    pub fed: Vec<(&'r str, Literal<'g>)>,
}

/// The graph as far as it is needed.
pub struct Flat<'g> {
    pub nodes: Vec<Node<'g>>,
    /// The values asked for.
    pub outputs: Vec<Src>,
    pub file: &'g str,
    /// What stands before its nodes' names, where it is a body of one.
    pub prefix: String,
    instances: Vec<Instance<'g>>,
}

/// One call of a function, or the outermost graph.
struct Instance<'g> {
    scope: &'g Nodes<'g>,
    function: Option<&'g Function<'g>>,
    args: Vec<Src>,
    bound: Option<Bound<'g>>,
    /// The call, by instance and node.
    caller: Option<(u32, u32)>,
    depth: usize,
    states: FxHashMap<u32, State>,
}

/// How far a node of an instance is.
enum State {
    Busy,
    Node(u32),
    /// A call in whose place its nodes stand.
    Call {
        results: Vec<Src>,
        controls: Vec<u32>,
    },
}

enum Task {
    Visit(u32, u32),
    Finish(u32, u32),
    /// The body of a call is done.
    Return(u32, u32, u32),
}

/// What a name in a node's inputs means.
enum Name {
    Arg(Src),
    Node(u32, u32),
}

pub struct Flattener<'g> {
    graph: &'g Graph<'g>,
    limits: &'g Limits,
    flat: Flat<'g>,
    /// Values of the outermost graph that come from outside or are known.
    given: FxHashMap<(u32, u32), Src>,
    tasks: Vec<Task>,
    /// Arguments and results of all calls.
    values: usize,
    /// Edges back into a loop: the node, which of its inputs, and where that comes from.
    back: Vec<(u32, usize, u32, u32)>,
}

/// Takes the name of a value apart: `node`, `node:slot`, without a leading `^`.
pub fn split(name: &str) -> (&str, &str) {
    let name = name.strip_prefix('^').unwrap_or(name);
    name.split_once(':').unwrap_or((name, ""))
}

impl<'g> Flat<'g> {
    /// Returns the op of a node; empty for a value from outside.
    pub fn op(&self, node: u32) -> &'g str {
        match &self.nodes[node as usize].def {
            Def::Op(site) => site.op(),
            _ => "",
        }
    }

    pub fn site(&self, node: u32) -> Option<&Site<'g>> {
        if let Def::Op(site) = &self.nodes[node as usize].def { Some(site) } else { None }
    }

    /// Returns the name of a node, with those of the calls that it lies in.
    pub fn name(&self, node: u32) -> String {
        let node = &self.nodes[node as usize];
        let mut name = match &node.def {
            Def::Op(site) => site.node.name.to_owned(),
            Def::Param(place) => format!("input {place}"),
            Def::Fed(_) => "a known value".to_owned(),
        };
        let mut instance = node.instance;
        while let Some((around, call)) = self.instances[instance as usize].caller {
            let scope = self.instances[around as usize].scope;
            name = format!("{}/{name}", scope.all[call as usize].name);
            instance = around;
        }
        format!("{}{name}", self.prefix)
    }

    /// Returns the fault of a node.
    pub fn fault(&self, node: u32, what: impl std::fmt::Display) -> ReadError {
        let what = format!("node `{}` ({}): {what}", self.name(node), self.op(node));
        ReadError::Syntax { file: self.file.to_owned(), what }
    }

    /// Returns the first input of a node.
    pub fn first(&self, node: u32) -> Result<Src, ReadError> {
        self.input(node, 0)
    }

    pub fn input(&self, node: u32, place: usize) -> Result<Src, ReadError> {
        let inputs = &self.nodes[node as usize].inputs;
        inputs.get(place).copied().ok_or_else(|| self.fault(node, format_args!("has no input {place}")))
    }
}

/// Returns the graph as far as the roots need it.
pub fn flatten<'g>(
    file: &'g str,
    graph: &'g Graph<'g>,
    limits: &'g Limits,
    roots: &Roots<'_, 'g>,
) -> Result<Flat<'g>, ReadError> {
    let mut flattener = Flattener::new(file, graph, limits);
    flattener.instance(&graph.nodes, None, Vec::new(), None, None)?;
    for (place, name) in roots.params.iter().enumerate() {
        flattener.give(name, Def::Param(place))?;
    }
    for (name, literal) in &roots.fed {
        flattener.give(name, Def::Fed(literal.clone()))?;
    }
    for name in &roots.nodes {
        let node = flattener.find(0, split(name).0)?;
        flattener.visit(0, node)?;
    }
    for name in &roots.values {
        let (node, slot) = flattener.value(name)?;
        let output = match flattener.given.get(&(node, slot)) {
            Some(given) => *given,
            None => {
                flattener.visit(0, node)?;
                flattener.source(0, node, slot)?
            }
        };
        flattener.flat.outputs.push(output);
    }
    flattener.finish()
}

/// Returns a function's body as a graph of its own; its arguments come from outside.
pub fn flatten_function<'g>(
    file: &'g str,
    graph: &'g Graph<'g>,
    limits: &'g Limits,
    name: &str,
    bound: Option<Bound<'g>>,
    args: usize,
) -> Result<Flat<'g>, ReadError> {
    let mut flattener = Flattener::new(file, graph, limits);
    let function = flattener.function(name)?;
    let expected: usize = function.args.iter().map(|arg| arg.tensors(bound.as_ref())).sum();
    if expected != args {
        return Err(flattener.fault(format!("function `{name}` takes {expected} values, it is given {args}")));
    }
    let params = (0..args).map(|place| flattener.push(Def::Param(place), Vec::new(), Vec::new(), 0));
    let params = params.collect::<Result<Vec<_>, ReadError>>()?;
    let args = params.into_iter().map(|node| Src { node, slot: 0 }).collect();
    flattener.instance(&function.nodes, Some(function), args, bound, None)?;
    for node in flattener.body(0)? {
        flattener.visit(0, node)?;
    }
    flattener.flat.outputs = flattener.results(0)?;
    flattener.finish()
}

/// How many nodes a call counts for: it has tables of its own.
const CALL: usize = 16;

impl<'g> Flattener<'g> {
    fn new(file: &'g str, graph: &'g Graph<'g>, limits: &'g Limits) -> Flattener<'g> {
        let flat = Flat { nodes: Vec::new(), outputs: Vec::new(), file, prefix: String::new(), instances: Vec::new() };
        Flattener { graph, limits, flat, given: FxHashMap::default(), tasks: Vec::new(), values: 0, back: Vec::new() }
    }

    fn fault(&self, what: String) -> ReadError {
        ReadError::Syntax { file: self.flat.file.to_owned(), what }
    }

    fn fault_at(&self, instance: u32, node: u32, what: impl std::fmt::Display) -> ReadError {
        let node = &self.flat.instances[instance as usize].scope.all[node as usize];
        self.fault(format!("node `{}` ({}): {what}", node.name, node.op))
    }

    fn find(&self, instance: u32, name: &str) -> Result<u32, ReadError> {
        let scope = self.flat.instances[instance as usize].scope;
        scope.find(name).ok_or_else(|| self.fault(format!("the graph has no node `{name}`")))
    }

    /// Returns the node and slot of a value of the outermost graph.
    fn value(&self, name: &str) -> Result<(u32, u32), ReadError> {
        let (node, slot) = split(name);
        let slot = if slot.is_empty() { Some(0) } else { slot.parse().ok() };
        let slot = slot.ok_or_else(|| self.fault(format!("`{name}` is no name of a tensor")))?;
        Ok((self.find(0, node)?, slot))
    }

    fn give(&mut self, name: &str, def: Def<'g>) -> Result<(), ReadError> {
        let place = self.value(name)?;
        let node = self.push(def, Vec::new(), Vec::new(), 0)?;
        self.given.insert(place, Src { node, slot: 0 });
        Ok(())
    }

    fn function(&self, name: &str) -> Result<&'g Function<'g>, ReadError> {
        let function = self.graph.functions.get(name);
        function.ok_or_else(|| self.fault(format!("the graph has no function `{name}`")))
    }

    fn push(&mut self, def: Def<'g>, inputs: Vec<Src>, controls: Vec<u32>, instance: u32) -> Result<u32, ReadError> {
        self.count()?;
        self.flat.nodes.push(Node { def, inputs, controls, instance });
        Ok(self.flat.nodes.len() as u32 - 1)
    }

    /// Counts nodes and calls against the limit.
    fn count(&self) -> Result<(), ReadError> {
        let got = self.flat.nodes.len() + self.flat.instances.len() * CALL + self.values / 16;
        if self.limits.graph_nodes_max <= got {
            return Err(ReadError::TooLarge {
                file: self.flat.file.to_owned(),
                what: "number of nodes, called functions in their places,".to_owned(),
                got: got as u64 + 1,
                limit: self.limits.graph_nodes_max as u64,
                key: "graph_nodes_max",
            });
        }
        Ok(())
    }

    fn instance(
        &mut self,
        scope: &'g Nodes<'g>,
        function: Option<&'g Function<'g>>,
        args: Vec<Src>,
        bound: Option<Bound<'g>>,
        caller: Option<(u32, u32)>,
    ) -> Result<u32, ReadError> {
        self.count()?;
        let depth = caller.map_or(0, |(around, _)| self.flat.instances[around as usize].depth + 1);
        if self.limits.depth_max < depth {
            let what = format!("functions call each other deeper than {} (depth_max)", self.limits.depth_max);
            return Err(self.fault(what));
        }
        let states = FxHashMap::default();
        self.flat.instances.push(Instance { scope, function, args, bound, caller, depth, states });
        Ok(self.flat.instances.len() as u32 - 1)
    }

    /// Visits a node with all that it needs.
    fn visit(&mut self, instance: u32, node: u32) -> Result<(), ReadError> {
        self.tasks.push(Task::Visit(instance, node));
        while let Some(task) = self.tasks.pop() {
            match task {
                Task::Visit(instance, node) => self.begin(instance, node)?,
                Task::Finish(instance, node) => self.end(instance, node)?,
                Task::Return(instance, node, body) => self.end_call(instance, node, body)?,
            }
        }
        Ok(())
    }

    fn begin(&mut self, instance: u32, node: u32) -> Result<(), ReadError> {
        let at = &mut self.flat.instances[instance as usize];
        match at.states.get(&node) {
            None => {}
            Some(State::Busy) => {
                return Err(self.fault_at(instance, node, "its inputs lead back to itself, which is no loop"));
            }
            Some(_) => return Ok(()),
        }
        at.states.insert(node, State::Busy);
        self.tasks.push(Task::Finish(instance, node));
        let scope = at.scope;
        for input in scope.all[node as usize].inputs.iter().rev() {
            let Name::Node(of, slot) = self.name(instance, input)? else { continue };
            let is_given = instance == 0 && self.given.contains_key(&(of, slot)) && !input.starts_with('^');
            if !is_given && !is_back(scope.all[node as usize].op, scope.all[of as usize].op) {
                let at = &self.flat.instances[instance as usize];
                if !matches!(at.states.get(&of), Some(State::Node(_) | State::Call { .. })) {
                    self.tasks.push(Task::Visit(instance, of));
                }
            }
        }
        Ok(())
    }

    /// Returns what a name among a node's inputs means; the slot of a control edge is 0.
    fn name(&self, instance: u32, input: &str) -> Result<Name, ReadError> {
        let at = &self.flat.instances[instance as usize];
        let (name, rest) = split(input);
        let slot = |text: &str| -> Result<u32, ReadError> {
            if text.is_empty() {
                Ok(0)
            } else {
                text.parse().map_err(|_| self.fault(format!("`{input}` names no tensor")))
            }
        };
        let Some(function) = at.function else { return Ok(Name::Node(self.find(instance, name)?, slot(rest)?)) };
        if !input.starts_with('^')
            && let Some(first) = self.arg(instance, function, name)
        {
            let place = first + slot(rest)? as usize;
            let arg = at.args.get(place).copied();
            return arg.map(Name::Arg).ok_or_else(|| self.fault(format!("`{input}` is no argument of the call")));
        }
        let node = self.find(instance, name)?;
        let (arg, index) = rest.split_once(':').unwrap_or((rest, ""));
        let (arg, index) = if arg.bytes().all(|b| b.is_ascii_digit()) { ("", arg) } else { (arg, index) };
        Ok(Name::Node(node, self.first_slot(instance, node, arg)? + slot(index)?))
    }

    /// Returns the place of a function's argument among the tensors of a call.
    fn arg(&self, instance: u32, function: &Function<'g>, name: &str) -> Option<usize> {
        let place = *function.arg_places.get(name)?;
        let bound = self.flat.instances[instance as usize].bound.as_ref();
        let before = function.args[..place].iter().map(|arg| arg.tensors(bound));
        Some(before.sum())
    }

    /// Returns the first slot of an output argument.
    fn first_slot(&self, instance: u32, node: u32, arg: &str) -> Result<u32, ReadError> {
        let at = &self.flat.instances[instance as usize];
        let proto = &at.scope.all[node as usize];
        if arg.is_empty() {
            return Ok(0);
        }
        let site = Site { node: proto, bound: at.bound.clone() };
        if let Some(function) = self.graph.functions.get(proto.op) {
            let place = function.results.iter().position(|result| result.name == arg);
            let place = place.ok_or_else(|| self.fault_at(instance, node, format_args!("has no output `{arg}`")))?;
            let bound = site.bind(&[&proto.attrs]);
            let before = function.results[..place].iter().map(|result| result.tensors(bound.as_ref()));
            return Ok(before.sum::<usize>() as u32);
        }
        let Some(outputs) = ops::several(proto.op) else { return Ok(0) };
        let mut slot = 0;
        for (name, count) in outputs {
            if *name == arg {
                return u32::try_from(slot).map_err(|_| self.fault_at(instance, node, "has too many outputs"));
            }
            slot += count_of(&site, *count).unwrap_or(0);
        }
        Err(self.fault_at(instance, node, format_args!("has no output `{arg}`")))
    }

    /// Returns where an output of a node that is done comes from.
    fn source(&self, instance: u32, node: u32, slot: u32) -> Result<Src, ReadError> {
        match self.flat.instances[instance as usize].states.get(&node) {
            Some(State::Node(node)) => Ok(Src { node: *node, slot }),
            Some(State::Call { results, .. }) => results
                .get(slot as usize)
                .copied()
                .ok_or_else(|| self.fault_at(instance, node, format_args!("has no output {slot}"))),
            _ => Err(self.fault_at(instance, node, "its inputs lead back to itself, which is no loop")),
        }
    }

    /// A node whose inputs are done takes its place; a call begins.
    fn end(&mut self, instance: u32, node: u32) -> Result<(), ReadError> {
        let at = &self.flat.instances[instance as usize];
        let (scope, bound) = (at.scope, at.bound.clone());
        let proto = &scope.all[node as usize];
        let (mut inputs, mut controls, mut back) = (Vec::new(), Vec::new(), Vec::new());
        for input in &proto.inputs {
            let source = match self.name(instance, input)? {
                Name::Arg(source) => source,
                Name::Node(of, _) if input.starts_with('^') => {
                    match self.flat.instances[instance as usize].states.get(&of) {
                        Some(State::Node(node)) => controls.push(*node),
                        Some(State::Call { controls: of, .. }) => controls.extend(of),
                        _ => {}
                    }
                    continue;
                }
                Name::Node(of, _) if is_back(proto.op, scope.all[of as usize].op) => {
                    back.push((inputs.len(), of));
                    Src { node: u32::MAX, slot: 0 }
                }
                Name::Node(of, slot) => match self.given.get(&(of, slot)).filter(|_| instance == 0) {
                    Some(given) => *given,
                    None => self.source(instance, of, slot)?,
                },
            };
            inputs.push(source);
        }
        let site = Site { node: proto, bound };
        if let Some((function, bound)) = self.called(instance, node, &site)? {
            return self.call(instance, node, function, bound, inputs);
        }
        let place = self.push(Def::Op(site), inputs, controls, instance)?;
        self.back.extend(back.into_iter().map(|(input, of)| (place, input, instance, of)));
        self.flat.instances[instance as usize].states.insert(node, State::Node(place));
        Ok(())
    }

    /// Returns the function that a node calls, if it does.
    fn called(
        &self,
        instance: u32,
        node: u32,
        site: &Site<'g>,
    ) -> Result<Option<(&'g Function<'g>, Option<Bound<'g>>)>, ReadError> {
        if let Some(function) = self.graph.functions.get(site.op()) {
            return Ok(Some((function, site.bind(&[&site.node.attrs]))));
        }
        if !ops::is_call(site.op()) {
            return Ok(None);
        }
        match site.attr("f") {
            Some(super::super::proto::attr::Attr::Function(f)) => {
                Ok(Some((self.function(f.name)?, site.bind(&[&site.node.attrs, &f.attrs]))))
            }
            _ => Err(self.fault_at(instance, node, "names no function in its attribute `f`")),
        }
    }

    fn call(
        &mut self,
        instance: u32,
        node: u32,
        function: &'g Function<'g>,
        bound: Option<Bound<'g>>,
        args: Vec<Src>,
    ) -> Result<(), ReadError> {
        let mut around = Some((instance, node));
        while let Some((of, _)) = around {
            let at = &self.flat.instances[of as usize];
            if at.function.is_some_and(|f| f.name == function.name) {
                return Err(self.fault(format!("function `{}` calls itself", function.name)));
            }
            around = at.caller;
        }
        let expected: usize = function.args.iter().map(|arg| arg.tensors(bound.as_ref())).sum();
        if expected != args.len() {
            let what = format!("calls `{}` with {} arguments, it has {expected}", function.name, args.len());
            return Err(self.fault_at(instance, node, what));
        }
        let body = self.instance(&function.nodes, Some(function), args, bound, Some((instance, node)))?;
        self.tasks.push(Task::Return(instance, node, body));
        for root in self.body(body)? {
            self.tasks.push(Task::Visit(body, root));
        }
        Ok(())
    }

    /// Returns the nodes of a function's body that a call runs: what it returns, and what it runs for its effect.
    fn body(&self, instance: u32) -> Result<Vec<u32>, ReadError> {
        let at = &self.flat.instances[instance as usize];
        let Some(function) = at.function else { return Ok(Vec::new()) };
        let mut roots = Vec::new();
        for result in &function.results {
            for index in 0..result.tensors(at.bound.as_ref()) {
                if let Name::Node(node, _) = self.result(instance, function, result.name, index)? {
                    roots.push(node);
                }
            }
        }
        for control in &function.controls {
            roots.push(self.find(instance, split(control).0)?);
        }
        if function.controls.is_empty() {
            // Functions of old say nothing; what has an effect runs.
            roots.extend(&function.effects);
        }
        Ok(roots)
    }

    /// Returns what a result of a function is.
    fn result(&self, instance: u32, function: &Function<'g>, name: &str, index: usize) -> Result<Name, ReadError> {
        let value = function.returns.get(name);
        let value = value.ok_or_else(|| self.fault(format!("function `{}` returns no `{name}`", function.name)))?;
        Ok(match self.name(instance, value)? {
            Name::Node(node, slot) => Name::Node(node, slot + index as u32),
            arg => arg,
        })
    }

    fn results(&self, instance: u32) -> Result<Vec<Src>, ReadError> {
        let at = &self.flat.instances[instance as usize];
        let Some(function) = at.function else { return Ok(Vec::new()) };
        let mut results = Vec::new();
        for result in &function.results {
            for index in 0..result.tensors(at.bound.as_ref()) {
                results.push(match self.result(instance, function, result.name, index)? {
                    Name::Arg(source) => source,
                    Name::Node(node, slot) => self.source(instance, node, slot)?,
                });
            }
        }
        Ok(results)
    }

    fn end_call(&mut self, instance: u32, node: u32, body: u32) -> Result<(), ReadError> {
        let results = self.results(body)?;
        self.values += results.len();
        self.count()?;
        let at = &self.flat.instances[body as usize];
        let mut controls = Vec::new();
        for root in self.body(body)? {
            match at.states.get(&root) {
                Some(State::Node(node)) => controls.push(*node),
                Some(State::Call { controls: of, .. }) => controls.extend(of),
                _ => {}
            }
        }
        self.flat.instances[instance as usize].states.insert(node, State::Call { results, controls });
        Ok(())
    }

    /// Visits what leads back into loops, and closes them.
    fn finish(mut self) -> Result<Flat<'g>, ReadError> {
        while let Some((place, input, instance, of)) = self.back.pop() {
            self.visit(instance, of)?;
            let source = self.source(instance, of, 0)?;
            self.flat.nodes[place as usize].inputs[input] = source;
        }
        Ok(self.flat)
    }
}

/// Returns whether an edge leads back into a loop.
fn is_back(to: &str, from: &str) -> bool {
    matches!(to, "Merge" | "RefMerge") && matches!(from, "NextIteration" | "RefNextIteration")
}

/// Returns how many tensors an output argument is. An attribute that is left out has its default, which is none of them.
fn count_of(site: &Site<'_>, count: Count) -> Option<u64> {
    match count {
        Count::One => Some(1),
        Count::Number(attr) | Count::Types(attr) if site.attr(attr).is_none() => Some(0),
        Count::Number(attr) => u64::try_from(site.int(attr)?).ok(),
        Count::Types(attr) => site.list(attr).map(|list| list.types.len() as u64),
    }
}

/// Returns how many outputs a node has.
pub fn outputs(site: &Site<'_>) -> Option<usize> {
    let Some(outputs) = ops::several(site.op()) else { return Some(1) };
    let mut all = 0_u64;
    for (_, count) in outputs {
        all = all.checked_add(count_of(site, *count)?)?;
    }
    usize::try_from(all).ok().filter(|all| *all <= 1 << 20)
}

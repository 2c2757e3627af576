//! Names to values: a document's graphs to a [`Program`].
//!
//! Each graph names its values once; within a graph of a node the names around it are seen too, within a function only its
//! own. Nodes are looked at from the last to the first, so that only what the outputs need is taken, and a graph within a
//! node adds what it captures to what is needed. A call of a function of the model becomes the function's nodes, under the
//! same budgets as the document's own; a function that calls itself is refused.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    attribute::Value,
    document::{self, Document, Function, Opset},
    graph::{Attr, Constant, Graph, Input, Node, Output, Program, ValueId, ValueMeta},
    order::order,
    reader::Reader,
    types::{Type, ValueInfo},
};
use crate::ReadError;

/// The newest versions of op sets whose meaning is known.
const NEWEST: [(&str, i64); 2] = [("", 28), ("ai.onnx.ml", 6)];

/// More domains than any tool writes.
const OPSETS_MAX: usize = 256;

/// Returns the program that computes the outputs of these names, or all.
pub fn resolve<'d>(
    cx: &'d Reader<'d>,
    document: &'d Document<'d>,
    wanted: Option<&[&str]>,
) -> Result<Program<'d>, ReadError> {
    check_opsets(cx, &document.opsets)?;
    let mut functions = FxHashMap::default();
    for (i, function) in document.functions.iter().enumerate() {
        check_opsets(cx, &function.opsets)?;
        let key = (function.domain, function.name, function.overload);
        if functions.insert(key, i).is_some() {
            return Err(cx.fault("FunctionProto", "name", "functions of different names", function.name));
        }
    }
    let mut resolver = Resolver {
        cx,
        functions,
        all: &document.functions,
        orders: FxHashMap::default(),
        values: Vec::new(),
        owners: Vec::new(),
        live: Vec::new(),
        levels: Vec::new(),
        scopes: Vec::new(),
        calls: Vec::new(),
    };
    let frame = Frame { opsets: &document.opsets, function: None };
    let graph = resolver.graph(&document.graph, &frame, wanted)?;
    Ok(Program { graph, values: resolver.values })
}

fn check_opsets(cx: &Reader<'_>, opsets: &[Opset<'_>]) -> Result<(), ReadError> {
    if opsets.len() > OPSETS_MAX {
        return Err(cx.fault("ModelProto", "opset_import", "at most 256 domains", opsets.len()));
    }
    for (i, Opset { domain, version }) in opsets.iter().enumerate() {
        let newest = NEWEST.iter().find(|known| known.0 == *domain).map_or(i64::from(i32::MAX), |known| known.1);
        let name = if domain.is_empty() { "ai.onnx" } else { domain };
        if !(1..=newest).contains(version) {
            return Err(cx.fault(
                "OperatorSetIdProto",
                &format!("version of {name}"),
                &format!("1 to {newest}"),
                version,
            ));
        }
        if opsets[..i].iter().any(|other| other.domain == *domain && other.version != *version) {
            return Err(cx.fault("OperatorSetIdProto", &format!("version of {name}"), "one version", "two"));
        }
    }
    Ok(())
}

struct Resolver<'d> {
    cx: &'d Reader<'d>,
    /// By domain, name and overload.
    functions: FxHashMap<(&'d str, &'d str, &'d str), usize>,
    all: &'d [Function<'d>],
    /// The orders of functions' nodes, once found.
    orders: FxHashMap<usize, Rc<[u32]>>,
    values: Vec<ValueMeta<'d>>,
    /// For each value, the level of the graph that makes it.
    owners: Vec<usize>,
    /// For each value, whether something that is needed reads it.
    live: Vec<bool>,
    /// The graphs that are open, outermost first.
    levels: Vec<Captures>,
    scopes: Vec<Scope<'d>>,
    /// The functions that are being inlined.
    calls: Vec<usize>,
}

/// What a graph takes from around it.
#[derive(Default)]
struct Captures {
    list: Vec<ValueId>,
    known: FxHashSet<ValueId>,
}

/// The names of one graph or one function's body.
#[derive(Default)]
struct Scope<'d> {
    /// None for an input of a function that its call leaves out.
    names: FxHashMap<&'d str, Option<ValueId>>,
    /// Whether names around it are not seen.
    is_closed: bool,
    /// In a function: what the call and the defaults give for its attributes.
    attributes: Option<FxHashMap<&'d str, &'d Value<'d>>>,
}

/// What holds for all nodes of a body.
struct Frame<'d> {
    opsets: &'d [Opset<'d>],
    function: Option<&'d str>,
}

impl<'d> Resolver<'d> {
    fn value(&mut self, name: &'d str, ty: Option<&'d Type<'d>>) -> Result<ValueId, ReadError> {
        self.cx.count_names(1)?;
        let id = ValueId(self.values.len() as u32);
        self.values.push(ValueMeta { name, ty });
        self.owners.push(self.levels.len());
        self.live.push(false);
        Ok(id)
    }

    fn name(&self, value: ValueId) -> &'d str {
        self.values[value.0 as usize].name
    }

    /// Gives a name to a value of the innermost scope.
    fn define(&mut self, name: &'d str, value: Option<ValueId>, class: &str) -> Result<(), ReadError> {
        let scope = self.scopes.last_mut().expect("a scope is open while names are defined");
        match scope.names.insert(name, value) {
            None => Ok(()),
            Some(_) => {
                let field = format!("value `{}`", name.escape_debug());
                Err(self.cx.fault(class, &field, "one place that makes it", "two"))
            }
        }
    }

    fn lookup(&self, name: &str) -> Option<Option<ValueId>> {
        for scope in self.scopes.iter().rev() {
            if let Some(value) = scope.names.get(name) {
                return Some(*value);
            }
            if scope.is_closed {
                return None;
            }
        }
        None
    }

    /// Takes note that a value is needed here; graphs between its own and this one capture it.
    fn need(&mut self, value: ValueId) {
        self.live[value.0 as usize] = true;
        let owner = self.owners[value.0 as usize];
        for level in &mut self.levels[owner..] {
            if level.known.insert(value) {
                level.list.push(value);
            }
        }
    }

    fn check_depth(&self) -> Result<(), ReadError> {
        self.cx.check_depth(self.levels.len() + self.calls.len())
    }

    fn graph(
        &mut self,
        graph: &'d document::Graph<'d>,
        frame: &Frame<'d>,
        wanted: Option<&[&str]>,
    ) -> Result<Graph<'d>, ReadError> {
        self.levels.push(Captures::default());
        self.scopes.push(Scope::default());
        self.check_depth()?;
        let types = types(&graph.value_info, &graph.outputs);
        let mut constants = self.constants(graph)?;
        let places: FxHashMap<&str, usize> = match graph.inputs.is_empty() {
            true => FxHashMap::default(),
            false => constants.iter().enumerate().map(|(at, constant)| (self.name(constant.0), at)).collect(),
        };
        let mut is_input = vec![false; constants.len()];
        let mut inputs = Vec::with_capacity(graph.inputs.len());
        for ValueInfo { name, ty } in &graph.inputs {
            let ty = ty.as_ref();
            // Until the third version of the format, initialisers stood among the inputs.
            let (value, default) = match places.get(name) {
                Some(&at) if !is_input[at] => {
                    is_input[at] = true;
                    let (value, constant) = constants[at];
                    self.values[value.0 as usize].ty = ty;
                    (value, Some(constant))
                }
                _ => {
                    let value = self.value(name, ty)?;
                    self.define(name, Some(value), "GraphProto")?;
                    (value, None)
                }
            };
            inputs.push(Input { value, name, ty, default });
        }
        self.outputs_of(&graph.nodes, &types)?;
        let order = order(self.cx, &graph.nodes, |name| self.lookup(name).is_some())?;
        let mut outputs = Vec::with_capacity(graph.outputs.len());
        for ValueInfo { name, ty } in &graph.outputs {
            if wanted.is_some_and(|wanted| !wanted.contains(name)) {
                continue;
            }
            let Some(Some(value)) = self.lookup(name) else {
                let field = format!("output `{}`", name.escape_debug());
                return Err(self.cx.fault("GraphProto", &field, "a value that a node makes", "no such value"));
            };
            self.need(value);
            outputs.push(Output { value, name, ty: ty.as_ref() });
        }
        let mut nodes = Vec::new();
        self.body(&graph.nodes, &order, frame, &mut nodes)?;
        nodes.reverse();
        let mut is_input = is_input.into_iter();
        constants.retain(|(value, _)| is_input.next() == Some(false) && self.live[value.0 as usize]);
        self.scopes.pop();
        let captures = self.levels.pop().expect("it was pushed above").list;
        Ok(Graph { name: graph.name, inputs, constants, nodes, outputs, captures })
    }

    fn constants(&mut self, graph: &'d document::Graph<'d>) -> Result<Vec<(ValueId, Constant<'d>)>, ReadError> {
        let dense = graph.initializers.iter().map(|tensor| (tensor.name, Constant::Dense(tensor)));
        let sparse = graph.sparse_initializers.iter().map(|tensor| (tensor.values.name, Constant::Sparse(tensor)));
        let mut constants = Vec::with_capacity(graph.initializers.len());
        for (name, constant) in dense.chain(sparse) {
            let value = self.value(name, None)?;
            self.define(name, Some(value), "GraphProto")?;
            constants.push((value, constant));
        }
        Ok(constants)
    }

    /// Defines what the nodes of a graph write.
    fn outputs_of(
        &mut self,
        nodes: &'d [document::Node<'d>],
        types: &FxHashMap<&'d str, &'d Type<'d>>,
    ) -> Result<(), ReadError> {
        for node in nodes {
            for name in node.outputs.iter().copied().filter(|name| !name.is_empty()) {
                let value = self.value(name, types.get(name).copied())?;
                self.define(name, Some(value), node.op)?;
            }
        }
        Ok(())
    }

    /// Takes what is needed of the nodes, the last first.
    fn body(
        &mut self,
        nodes: &'d [document::Node<'d>],
        order: &[u32],
        frame: &Frame<'d>,
        out: &mut Vec<Node<'d>>,
    ) -> Result<(), ReadError> {
        for &i in order.iter().rev() {
            self.cx.count_node()?;
            let node = &nodes[i as usize];
            let outputs: Vec<Option<ValueId>> = node.outputs.iter().map(|name| self.lookup(name).flatten()).collect();
            if !outputs.iter().flatten().any(|value| self.live[value.0 as usize]) {
                continue;
            }
            // Known: `order` has looked up each.
            let inputs: Vec<Option<ValueId>> = node.inputs.iter().map(|name| self.lookup(name).flatten()).collect();
            match self.functions.get(&(node.domain, node.op, node.overload)).copied() {
                Some(function) => self.call(function, node, &inputs, &outputs, out)?,
                None => {
                    let node = self.node(node, frame, inputs, outputs)?;
                    out.push(node);
                }
            }
        }
        Ok(())
    }

    fn node(
        &mut self,
        node: &'d document::Node<'d>,
        frame: &Frame<'d>,
        inputs: Vec<Option<ValueId>>,
        outputs: Vec<Option<ValueId>>,
    ) -> Result<Node<'d>, ReadError> {
        let version = frame.opsets.iter().find(|opset| opset.domain == node.domain).map(|opset| opset.version);
        let version = version.ok_or_else(|| {
            let domain = if node.domain.is_empty() { "ai.onnx" } else { node.domain };
            let field = format!("opset_import of {domain}");
            self.cx.fault(node.op, &field, "the version of the ops of this domain", "none")
        })?;
        inputs.iter().flatten().for_each(|value| self.need(*value));
        let outputs = outputs.into_iter().map(|value| value.filter(|value| self.live[value.0 as usize])).collect();
        let mut attributes = Vec::with_capacity(node.attributes.len());
        let mut known = FxHashSet::default();
        for attribute in &node.attributes {
            if !known.insert(attribute.name) {
                let field = format!("node `{}`: attribute `{}`", node.label(), attribute.name.escape_debug());
                return Err(self.cx.fault(node.op, &field, "one value", "two"));
            }
            let attr = match &attribute.value {
                Value::Graph(graph) => Attr::Graph(self.graph(graph, frame, None)?),
                Value::Graphs(graphs) => {
                    let graphs: Result<_, _> = graphs.iter().map(|graph| self.graph(graph, frame, None)).collect();
                    Attr::Graphs(graphs?)
                }
                Value::Reference(name) => match self.argument(name) {
                    Some(value) => Attr::Plain(value),
                    None => continue,
                },
                value => Attr::Plain(value),
            };
            attributes.push((attribute.name, attr));
        }
        Ok(Node {
            op: node.op,
            domain: node.domain,
            version,
            name: node.label(),
            function: frame.function,
            inputs,
            outputs,
            attributes,
            file: self.cx.file,
        })
    }

    /// Returns what the innermost call gives for an attribute of its function.
    fn argument(&self, name: &str) -> Option<&'d Value<'d>> {
        self.scopes.iter().rev().find_map(|scope| scope.attributes.as_ref())?.get(name).copied()
    }

    /// Takes the nodes of a function in place of its call.
    fn call(
        &mut self,
        index: usize,
        node: &'d document::Node<'d>,
        inputs: &[Option<ValueId>],
        outputs: &[Option<ValueId>],
        out: &mut Vec<Node<'d>>,
    ) -> Result<(), ReadError> {
        let function: &'d Function<'d> = &self.all[index];
        let fault = |field: &str, expected: &str, got: String| {
            self.cx.fault(node.op, &format!("node `{}`: {field}", node.label()), expected, got)
        };
        if self.calls.contains(&index) {
            let names = self.calls.iter().map(|i| self.all[*i].name).collect::<Vec<_>>().join(", ");
            return Err(fault("function", "functions that do not call themselves", names));
        }
        for (what, got, most) in
            [("inputs", inputs.len(), function.inputs.len()), ("outputs", outputs.len(), function.outputs.len())]
        {
            if got > most {
                return Err(fault(what, &format!("at most the function's {most}"), got.to_string()));
            }
        }
        let attributes = self.arguments(function, node)?;
        let order = self.order_of(index)?;
        self.calls.push(index);
        self.check_depth()?;
        let mut scope = Scope { is_closed: true, attributes: Some(attributes), ..Scope::default() };
        for (i, name) in function.inputs.iter().enumerate() {
            scope.names.insert(name, inputs.get(i).copied().flatten());
        }
        self.scopes.push(scope);
        let frame = Frame { opsets: &function.opsets, function: Some(function.name) };
        self.results(function, outputs, &frame, out)?;
        self.body(&function.nodes, &order, &frame, out)?;
        self.scopes.pop();
        self.calls.pop();
        Ok(())
    }

    /// Defines what the nodes of a function write: the call's own values where they are the function's outputs. What a
    /// function hands through, or returns twice, is copied.
    fn results(
        &mut self,
        function: &'d Function<'d>,
        outputs: &[Option<ValueId>],
        frame: &Frame<'d>,
        out: &mut Vec<Node<'d>>,
    ) -> Result<(), ReadError> {
        let inputs: FxHashSet<&str> = function.inputs.iter().copied().collect();
        let mut results: FxHashMap<&str, ValueId> = FxHashMap::default();
        let mut copies = Vec::new();
        for (name, value) in function.outputs.iter().zip(outputs) {
            let Some(value) = *value else { continue };
            if inputs.contains(name) || results.contains_key(name) {
                copies.push((*name, value));
            } else {
                results.insert(name, value);
            }
        }
        let types = types(&function.value_info, &[]);
        for node in &function.nodes {
            for name in node.outputs.iter().copied().filter(|name| !name.is_empty()) {
                let value = match results.remove(name) {
                    Some(value) => value,
                    None => self.value(name, types.get(name).copied())?,
                };
                self.define(name, Some(value), node.op)?;
            }
        }
        let lost = results.keys().next().copied();
        let made = |name: &str| self.lookup(name).flatten();
        let lost = lost.or_else(|| copies.iter().map(|copy| copy.0).find(|name| made(name).is_none()));
        if let Some(lost) = lost {
            let field = format!("output `{}`", lost.escape_debug());
            return Err(self.cx.fault(function.name, &field, "a value that a node of the function makes", "none"));
        }
        for (name, value) in copies {
            let from = self.lookup(name).flatten();
            if self.live[value.0 as usize] {
                out.push(copy(from, value, name, frame, self.cx.file));
                from.into_iter().for_each(|from| self.need(from));
            }
        }
        Ok(())
    }

    fn arguments(
        &self,
        function: &'d Function<'d>,
        node: &'d document::Node<'d>,
    ) -> Result<FxHashMap<&'d str, &'d Value<'d>>, ReadError> {
        let mut arguments: FxHashMap<&str, &Value<'_>> = FxHashMap::default();
        for attribute in &function.defaults {
            arguments.insert(attribute.name, &attribute.value);
        }
        for attribute in &node.attributes {
            match &attribute.value {
                Value::Reference(name) => {
                    self.argument(name).and_then(|value| arguments.insert(attribute.name, value));
                }
                value => {
                    arguments.insert(attribute.name, value);
                }
            }
        }
        match arguments.iter().find(|(_, value)| !value.graphs().is_empty()) {
            Some((name, _)) => {
                Err(self.cx.unimplemented(function.name, format!("a graph given to a function (attribute `{name}`)")))
            }
            None => Ok(arguments),
        }
    }

    fn order_of(&mut self, index: usize) -> Result<Rc<[u32]>, ReadError> {
        if let Some(order) = self.orders.get(&index) {
            return Ok(order.clone());
        }
        let function = &self.all[index];
        let inputs: FxHashSet<&str> = function.inputs.iter().copied().collect();
        let order: Rc<[u32]> = order(self.cx, &function.nodes, |name| inputs.contains(name))?.into();
        self.orders.insert(index, order.clone());
        Ok(order)
    }
}

fn copy<'d>(from: Option<ValueId>, to: ValueId, name: &'d str, frame: &Frame<'d>, file: &'d str) -> Node<'d> {
    Node {
        op: "Identity",
        domain: "",
        version: 1,
        name,
        function: frame.function,
        inputs: vec![from],
        outputs: vec![Some(to)],
        attributes: Vec::new(),
        file,
    }
}

fn types<'d>(infos: &'d [ValueInfo<'d>], outputs: &'d [ValueInfo<'d>]) -> FxHashMap<&'d str, &'d Type<'d>> {
    infos.iter().chain(outputs).filter_map(|info| Some((info.name, info.ty.as_ref()?))).collect()
}

//! A graph as lowering takes it: what some outputs need, its functions in their places, its control flow structured.
//!
//! - [`flat`]: from the values asked for, what TensorFlow would run. - [`flow`]: what Switch, Merge and their kind mean.
//! - [`build`]: from both, this file's [`Graph`]. - [`resource`]: which variable, table or array a handle stands for.
//! - [`ops`]: what is known of ops; [`attrs`]: their attributes.
//!
//! Variables are constants by then, and handles are gone: what is looked up in a table names it. A graph that would write to
//! a variable, or reach outside of the model, is refused with the op and the node.

use crate::ReadError;

pub mod attrs;
pub mod build;
pub mod flat;
pub mod flow;
pub mod ops;
pub mod resource;

use self::attrs::Site;
use super::literal::Literal;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    Input(u32),
    /// An output of a node.
    Node(u32, u32),
}

/// Nodes, each after those that it reads.
#[derive(Clone, Debug, Default)]
pub struct Graph<'g> {
    /// How many values come from outside.
    pub inputs: usize,
    pub nodes: Vec<Node<'g>>,
    pub outputs: Vec<Value>,
}

/// A step.
#[derive(Clone, Debug)]
pub struct Node<'g> {
    /// Its name, with those of the calls and bodies that it lies in.
    pub name: String,
    pub kind: Kind<'g>,
    pub inputs: Vec<Value>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Kind<'g> {
    /// A constant, by its place among those of the [`Store`].
    Constant(usize),
    /// An op. Where it works on a table, that is `table`, and its inputs are the others; where on an array, the array's flow
    /// is the array itself, and its inputs have no handle.
    Op { site: Site<'g>, table: Option<usize> },
    /// By the first input, a boolean, one of two graphs of the others.
    If { then: Graph<'g>, otherwise: Graph<'g> },
    /// By the first input, an int32, one of several graphs of the others; by one that is out of range, the last.
    Case { branches: Vec<Graph<'g>> },
    /// The body while the condition holds. Both take all inputs; the first `carried` are what the body gives anew.
    While { condition: Graph<'g>, body: Graph<'g>, carried: usize },
}

/// A lookup table as it stands after initialising.
#[derive(Clone, Debug)]
pub struct Table<'g> {
    pub name: String,
    pub keys: Literal<'g>,
    pub values: Literal<'g>,
}

/// What all signatures of a model share.
#[derive(Debug, Default)]
pub struct Store<'g> {
    pub constants: Vec<Literal<'g>>,
    pub tables: Vec<Table<'g>>,
}

impl<'g> Graph<'g> {
    /// Calls `each` with every node, those of bodies included.
    pub fn each(&self, each: &mut dyn FnMut(&Node<'g>)) {
        for node in &self.nodes {
            each(node);
            for body in node.bodies() {
                body.each(each);
            }
        }
    }

    /// Returns whether anything in it may fail a call.
    pub fn checks(&self) -> bool {
        self.nodes.iter().any(Node::checks)
    }

    /// Drops what neither an output nor a check needs.
    pub fn sweep(&mut self) {
        let mut needed: Vec<bool> = self.nodes.iter().map(Node::checks).collect();
        let mark = |value: &Value, needed: &mut Vec<bool>| {
            if let Value::Node(node, _) = value {
                needed[*node as usize] = true;
            }
        };
        self.outputs.iter().for_each(|output| mark(output, &mut needed));
        for place in (0..self.nodes.len()).rev() {
            if needed[place] {
                self.nodes[place].inputs.iter().for_each(|input| mark(input, &mut needed));
            }
        }
        let mut places = Vec::with_capacity(needed.len());
        let mut next = 0;
        for is_needed in &needed {
            places.push(next);
            next += u32::from(*is_needed);
        }
        let moved = |value: &mut Value| {
            if let Value::Node(node, _) = value {
                *node = places[*node as usize];
            }
        };
        let mut place = 0;
        self.nodes.retain(|_| {
            place += 1;
            needed[place - 1]
        });
        self.nodes.iter_mut().flat_map(|node| &mut node.inputs).for_each(moved);
        self.outputs.iter_mut().for_each(moved);
    }
}

impl<'g> Node<'g> {
    /// Returns the graphs within.
    pub fn bodies(&self) -> Vec<&Graph<'g>> {
        match &self.kind {
            Kind::If { then, otherwise } => vec![then, otherwise],
            Kind::Case { branches } => branches.iter().collect(),
            Kind::While { condition, body, .. } => vec![condition, body],
            Kind::Constant(_) | Kind::Op { .. } => Vec::new(),
        }
    }

    /// Returns the op's name; that of TensorFlow's own for structure.
    pub fn op(&self) -> &'g str {
        match &self.kind {
            Kind::Constant(_) => "Const",
            Kind::Op { site, .. } => site.op(),
            Kind::If { .. } => "If",
            Kind::Case { .. } => "Case",
            Kind::While { .. } => "While",
        }
    }

    fn checks(&self) -> bool {
        match &self.kind {
            Kind::Op { site, .. } => ops::effect(site.op()) == ops::Effect::Check,
            _ => self.bodies().iter().any(|body| body.checks()),
        }
    }
}

/// Returns the refusal of a graph that would do this.
fn refused(file: &str, op: &str, what: String) -> ReadError {
    ReadError::Unimplemented { file: file.to_owned(), class: op.to_owned(), what }
}

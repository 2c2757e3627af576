//! What the control flow of TensorFlow 1 means: loops and branches behind Switch, Merge, Enter, Exit and their kind.
//!
//! A value has a *path*: the predicates, with their sides, that must be so for it to be there; a Switch adds one, a Merge takes
//! one off. A *frame* is a loop: entered by Enter, kept going by NextIteration into Merge, left by Exit. Both are found in one
//! pass over the nodes, in their order. Source: "Implementation of Control Flow in TensorFlow" (2017) and TensorFlow's
//! `deadness_analysis.h`.

use rustc_hash::FxHashMap;

use crate::ReadError;

use super::{
    flat::{Flat, Src},
    ops,
};

/// Deeper than any model nests its branches and loops.
const DEPTH_MAX: usize = 48;

/// A path, by its place in [`Flow::paths`]; 0 is the empty one.
pub type Path = u32;

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    pub before: Path,
    pub predicate: Src,
    pub side: bool,
}

/// A loop.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The loop around it; 0 is none.
    pub around: u32,
    pub depth: usize,
    pub path: Path,
    /// Its variables: the Merge nodes.
    pub variables: Vec<u32>,
    /// The LoopCond node.
    pub condition: Option<u32>,
}

/// A Merge of a branch.
#[derive(Clone, Copy, Debug)]
pub struct Join {
    pub predicate: Src,
    pub path: Path,
    /// What it is where the predicate is true, and where it is false.
    pub then: Src,
    pub otherwise: Src,
}

/// What is known of a graph's control flow.
pub struct Flow {
    pub frames: Vec<Frame>,
    pub joins: FxHashMap<u32, Join>,
    /// By node.
    frame: Vec<u32>,
    path: Vec<Path>,
    level: Vec<u32>,
    steps: Vec<Step>,
    depths: Vec<u32>,
    known: FxHashMap<Step, Path>,
}

fn is_merge(op: &str) -> bool {
    matches!(op, "Merge" | "RefMerge")
}

pub fn is_switch(op: &str) -> bool {
    matches!(op, "Switch" | "RefSwitch")
}

pub fn is_enter(op: &str) -> bool {
    matches!(op, "Enter" | "RefEnter")
}

pub fn is_exit(op: &str) -> bool {
    matches!(op, "Exit" | "RefExit")
}

/// Returns the place of the input of a loop's Merge that leads back.
pub fn back_of(flat: &Flat<'_>, node: u32) -> Option<usize> {
    if !is_merge(flat.op(node)) {
        return None;
    }
    let inputs = &flat.nodes[node as usize].inputs;
    inputs.iter().position(|input| matches!(flat.op(input.node), "NextIteration" | "RefNextIteration"))
}

/// Returns where a value comes from, past what gives it on as it is.
pub fn plain(flat: &Flat<'_>, mut src: Src) -> Src {
    while ops::is_identity(flat.op(src.node))
        && let Some(input) = flat.nodes[src.node as usize].inputs.first()
    {
        src = *input;
    }
    src
}

impl Flow {
    pub fn of(flat: &Flat<'_>) -> Result<Flow, ReadError> {
        let root = Step { before: 0, predicate: Src { node: u32::MAX, slot: 0 }, side: false };
        let mut flow = Flow {
            frames: vec![Frame::default()],
            joins: FxHashMap::default(),
            frame: Vec::with_capacity(flat.nodes.len()),
            path: Vec::with_capacity(flat.nodes.len()),
            level: Vec::with_capacity(flat.nodes.len()),
            steps: vec![root],
            depths: vec![0],
            known: FxHashMap::default(),
        };
        let mut names = FxHashMap::default();
        for node in 0..flat.nodes.len() as u32 {
            flow.node(flat, node, &mut names)?;
        }
        Ok(flow)
    }

    fn node<'g>(
        &mut self,
        flat: &Flat<'g>,
        node: u32,
        names: &mut FxHashMap<(u32, &'g [u8]), u32>,
    ) -> Result<(), ReadError> {
        let at = &flat.nodes[node as usize];
        let op = flat.op(node);
        let (mut frame, mut path, mut level) = (0, 0, 0);
        let before = at.inputs.iter().filter(|input| input.node < node);
        for input in before {
            frame = self.deeper(frame, self.frame[input.node as usize]);
            let of = self.add(flat, *input)?;
            path = self.longer(path, of);
            level = level.max(self.level[input.node as usize]);
        }
        for control in at.controls.iter().filter(|control| **control < node) {
            frame = self.deeper(frame, self.frame[*control as usize]);
            path = self.longer(path, self.path[*control as usize]);
        }
        if is_enter(op) {
            (frame, path) = self.enter(flat, node, names)?;
        } else if is_exit(op) {
            frame = self.frames[frame as usize].around;
        } else if op == "LoopCond" {
            self.frames[frame as usize].condition = Some(node);
        } else if back_of(flat, node).is_some() {
            if frame == 0 {
                return Err(flat.fault(node, "leads back into a loop that nothing enters"));
            }
            self.frames[frame as usize].variables.push(node);
        } else if is_merge(op) {
            let join = self.join(flat, node)?;
            path = join.path;
            level += 1;
            self.joins.insert(node, join);
        }
        self.frame.push(frame);
        self.path.push(path);
        self.level.push(level);
        Ok(())
    }

    fn deeper(&self, a: u32, b: u32) -> u32 {
        if self.frames[a as usize].depth < self.frames[b as usize].depth { b } else { a }
    }

    fn longer(&self, a: Path, b: Path) -> Path {
        if self.depths[a as usize] < self.depths[b as usize] { b } else { a }
    }

    fn enter<'g>(
        &mut self,
        flat: &Flat<'g>,
        node: u32,
        names: &mut FxHashMap<(u32, &'g [u8]), u32>,
    ) -> Result<(u32, Path), ReadError> {
        let input = flat.first(node)?;
        if node <= input.node {
            return Err(flat.fault(node, "enters a loop with what comes after it"));
        }
        let (around, path) = (self.frame[input.node as usize], self.add(flat, input)?);
        let name = flat.site(node).and_then(|site| site.bytes("frame_name")).unwrap_or_default();
        let key = (flat.nodes[node as usize].instance, name);
        let frame = *names.entry(key).or_insert_with(|| {
            let depth = self.frames[around as usize].depth + 1;
            self.frames.push(Frame { around, depth, path, ..Frame::default() });
            self.frames.len() as u32 - 1
        });
        if DEPTH_MAX < self.frames[frame as usize].depth {
            return Err(flat.fault(node, format_args!("loops lie in each other deeper than {DEPTH_MAX}")));
        }
        // A constant may enter without its branch or loop; the deepest of all says where the loop is.
        let around = self.deeper(self.frames[frame as usize].around, around);
        let path = self.longer(self.frames[frame as usize].path, path);
        if around == frame {
            return Err(flat.fault(node, "enters a loop from inside of it"));
        }
        let depth = self.frames[around as usize].depth + 1;
        let of = &mut self.frames[frame as usize];
        (of.around, of.path, of.depth) = (around, path, depth);
        Ok((frame, path))
    }

    /// Returns the path of a value; adds the step of a Switch.
    fn add(&mut self, flat: &Flat<'_>, src: Src) -> Result<Path, ReadError> {
        let path = self.path[src.node as usize];
        if !is_switch(flat.op(src.node)) {
            return Ok(path);
        }
        let predicate = plain(flat, flat.input(src.node, 1)?);
        if flat.op(predicate.node) == "LoopCond" {
            return Ok(path);
        }
        let step = Step { before: path, predicate, side: src.slot == 1 };
        if let Some(known) = self.known.get(&step) {
            return Ok(*known);
        }
        let depth = self.depths[path as usize] + 1;
        if DEPTH_MAX < depth as usize {
            return Err(flat.fault(src.node, format_args!("branches lie in each other deeper than {DEPTH_MAX}")));
        }
        let new = self.steps.len() as Path;
        self.steps.push(step);
        self.depths.push(depth);
        self.known.insert(step, new);
        Ok(new)
    }

    fn join(&mut self, flat: &Flat<'_>, node: u32) -> Result<Join, ReadError> {
        let &[a, b] = &flat.nodes[node as usize].inputs[..] else {
            return Err(flat.fault(node, "merges other than two values outside of a loop"));
        };
        if node <= a.node || node <= b.node {
            return Err(flat.fault(node, "merges what comes after it"));
        }
        let (of_a, of_b) = (self.add(flat, a)?, self.add(flat, b)?);
        let (base, step_a, step_b) = self.part(of_a, of_b);
        let step = step_a.or(step_b).ok_or_else(|| flat.fault(node, "merges two values that no Switch parts"))?;
        if let (Some(a), Some(b)) = (step_a, step_b)
            && (a.predicate != b.predicate || a.side == b.side)
        {
            return Err(flat.fault(node, "merges values of different branches"));
        }
        let a_is_true = step_a.map_or(!step.side, |step| step.side);
        let (then, otherwise) = if a_is_true { (a, b) } else { (b, a) };
        Ok(Join { predicate: step.predicate, path: base, then, otherwise })
    }

    /// Returns what two paths have in common, and the step that each makes after it.
    fn part(&self, a: Path, b: Path) -> (Path, Option<Step>, Option<Step>) {
        let (mut of_a, mut of_b, mut a, mut b) = (None, None, a, b);
        while a != b {
            if self.depths[a as usize] < self.depths[b as usize] {
                of_b = Some(self.steps[b as usize]);
                b = self.steps[b as usize].before;
            } else {
                of_a = Some(self.steps[a as usize]);
                a = self.steps[a as usize].before;
            }
        }
        (a, of_a, of_b)
    }

    /// Returns the path of a value.
    pub fn path_of(&self, flat: &Flat<'_>, src: Src) -> Path {
        let path = self.path[src.node as usize];
        if !is_switch(flat.op(src.node)) {
            return path;
        }
        let Ok(predicate) = flat.input(src.node, 1) else { return path };
        let step = Step { before: path, predicate: plain(flat, predicate), side: src.slot == 1 };
        self.known.get(&step).copied().unwrap_or(path)
    }

    /// Returns the path of a node: that of its outputs, but of a Switch.
    pub fn path(&self, node: u32) -> Path {
        self.path[node as usize]
    }

    pub fn frame(&self, node: u32) -> u32 {
        self.frame[node as usize]
    }

    /// Returns how many merges lie behind a node.
    pub fn level(&self, node: u32) -> u32 {
        self.level[node as usize]
    }

    /// Returns whether a path begins with another.
    pub fn begins(&self, mut path: Path, with: Path) -> bool {
        while self.depths[with as usize] < self.depths[path as usize] {
            path = self.steps[path as usize].before;
        }
        path == with
    }

    /// Returns the step that a path makes after another that it begins with.
    pub fn next(&self, mut path: Path, after: Path) -> Option<Step> {
        let mut next = None;
        while self.depths[after as usize] < self.depths[path as usize] {
            next = Some(self.steps[path as usize]);
            path = self.steps[path as usize].before;
        }
        next.filter(|_| path == after)
    }

    /// Returns the path with one step more; `None` where no Switch makes it.
    pub fn longer_by(&self, before: Path, predicate: Src, side: bool) -> Option<Path> {
        self.known.get(&Step { before, predicate, side }).copied()
    }
}

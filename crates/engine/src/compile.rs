//! Plan to program: what is needed, in what types, and where every value lives.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use model::{Type, Whole};
use plan::{
    ControlOp, Expr, Needed, Node, Op, Output, Place, Plan, SlotId, TensorNode, TensorOp, ValueType,
    expr::{Cast, CastRule},
};

use rustc_hash::FxHashMap;

mod direct;
mod taken;

use direct::Seen;
use taken::{Taken, Way};

use crate::{
    TILE_ROWS,
    error::CompileError,
    frame::{Home, NodeNames},
    group::GroupProgram,
    kernel::{
        Kernel, Site,
        control::{ArmBody, ControlKernel, LoopBody},
        formula::FormulaKernel,
        tensor::TensorKernel,
    },
    program::{Body, Instruction, Layout, Program, ProgramInput, ProgramOutput, Source, StoreType},
};

/// Compiles the plan for the outputs asked (`None`: the default ones) and the types of the inputs, in the plan's order (`None`:
/// the caller does not bring it). What nobody asked for is not computed, and its inputs need not be there.
pub fn compile(
    plan: &Plan,
    input_types: &[Option<ValueType>],
    asked: Option<&Arc<[Arc<str>]>>,
) -> Result<Program, CompileError> {
    let gates = plan.gates(&|input| input_types[input].is_some());
    let outputs = asked_outputs(plan, input_types, asked, &gates)?;
    let needed = plan.needed(outputs.iter().map(|(_, slot)| *slot), &gates);
    for ((input, ty), _) in plan.inputs.iter().zip(input_types).zip(&needed.inputs).filter(|(_, needed)| **needed) {
        if ty.is_none() && input.default.is_none() {
            let expected = input.takes.first().to_string();
            return Err(CompileError::MissingInput { name: input.name.clone(), expected });
        }
    }
    let absent = absent(plan, input_types, asked.is_some());
    Ok(Program { asked: asked.cloned(), absent, ..compile_needed(plan, input_types, &outputs, &needed)? })
}

/// Compiles what is needed for slots of the last plan, which get these names.
fn compile_needed(
    plan: &Plan,
    input_types: &[Option<ValueType>],
    outputs: &[(Arc<str>, SlotId)],
    needed: &Needed,
) -> Result<Program, CompileError> {
    static IDS: AtomicU64 = AtomicU64::new(1);
    // What is not needed need not fit either.
    let own = |default: &Whole| ValueType::whole(plan::tensor::type_of(default));
    let read = |((ty, input), needed): ((&Option<ValueType>, &plan::Input), &bool)| {
        ty.clone().or_else(|| input.default.as_ref().map(own)).filter(|_| *needed)
    };
    let types = plan.infer(&input_types.iter().zip(&plan.inputs).zip(&needed.inputs).map(read).collect::<Vec<_>>())?;
    let grouped = plan.grouped.as_ref().zip(needed.then.as_deref());
    let read_by_groups: Vec<SlotId> = grouped.map_or_else(Vec::new, |(g, then)| g.reads(&then.inputs).collect());
    let mut compiler = Compiler::default();
    let mut inputs = Vec::new();
    let mut homes = vec![None; plan.inputs.len()];
    let mut read = read_by_nodes(plan, needed);
    read_by_groups.iter().for_each(|slot| read[slot.index()] = true);
    for (i, input) in plan.inputs.iter().enumerate().filter(|(i, _)| needed.inputs[*i]) {
        if let (None, Some(default)) = (&input_types[i], &input.default) {
            homes[i] = Some(compiler.constant(default.clone()));
            continue;
        }
        let ty = types[input.slot.index()].clone().expect("a needed input has a type, as was just seen");
        if read[input.slot.index()] {
            homes[i] = Some(compiler.home(&ty, &input.name)?);
        }
        inputs.push(ProgramInput { name: input.name.clone(), ty, home: homes[i] });
    }
    let mut program = Program {
        id: IDS.fetch_add(1, Ordering::Relaxed),
        has_whole_inputs: inputs.iter().any(|i| i.ty.place == Place::Whole),
        has_loops: has_loops(plan),
        is_separable: plan.nodes.iter().all(|node| node.op.is_separable()),
        not_separable: plan.not_separable().map(|(step, op)| (step.clone(), op)),
        inputs,
        ..Program::default()
    };
    if let Some((grouped, then)) = grouped {
        program.body = compiler.body(plan, needed, &types, &homes, &read_by_groups)?;
        let read = &then.inputs;
        let then = compile_needed(&grouped.then, &grouped.infer(&types)?, outputs, then)?;
        program.has_loops |= then.has_loops;
        program.groups = Some(Box::new(GroupProgram::new(grouped, plan, &types, read, then)));
    } else {
        let slots: Vec<SlotId> = outputs.iter().map(|(_, slot)| *slot).collect();
        let (body, sources) = compiler.top(plan, needed, &types, &homes, &slots, &program.inputs)?;
        program.body = body;
        let outputs = outputs.iter().zip(sources).map(|((name, slot), source)| ProgramOutput {
            name: name.clone(),
            ty: types[slot.index()].clone().expect("a needed slot has a type"),
            source,
        });
        program.outputs = outputs.collect();
    }
    program.nodes = compiler.nodes;
    program.tile_rows = tile_rows(&compiler.layout);
    program.layout = compiler.layout;
    Ok(program)
}

fn asked_outputs(
    plan: &Plan,
    input_types: &[Option<ValueType>],
    asked: Option<&Arc<[Arc<str>]>>,
    gates: &[bool],
) -> Result<Vec<(Arc<str>, SlotId)>, CompileError> {
    let outputs = &plan.last().outputs;
    let Some(names) = asked else {
        let is_there = |(needed, ty): (bool, &Option<ValueType>)| !needed || ty.is_some();
        let possible = |o: &Output| plan.needed([o.slot], gates).inputs.into_iter().zip(input_types).all(is_there);
        let shown = outputs.iter().filter(|o| o.default || o.optional && possible(o));
        return Ok(shown.map(|o| (o.name.clone(), o.slot)).collect());
    };
    let find = |name: &Arc<str>| {
        let known = || outputs.iter().map(|o| o.name.to_string()).collect();
        let output = outputs.iter().find(|o| o.name == *name);
        output
            .map(|o| (o.name.clone(), o.slot))
            .ok_or_else(|| CompileError::UnknownOutput { name: name.clone(), known: known() })
    };
    names.iter().map(find).collect()
}

/// Returns the inputs that are not there and that would add outputs, drop rows or change values if they were.
fn absent(plan: &Plan, input_types: &[Option<ValueType>], asked: bool) -> Vec<Arc<str>> {
    let optional = plan.last().outputs.iter().filter(|o| o.optional && !asked).map(|o| o.slot);
    let optional = plan.needed(optional, &plan.gates(&|_| true));
    let inputs = plan.inputs.iter().zip(input_types).zip(optional.inputs);
    let matters = |input: &plan::Input, optional: bool| optional || input.default.is_some();
    inputs
        .filter(|((input, ty), optional)| matters(input, *optional) && ty.is_none())
        .map(|((i, _), _)| i.name.clone())
        .collect()
}

/// Returns which slots the needed nodes read.
fn read_by_nodes(plan: &Plan, needed: &Needed) -> Vec<bool> {
    let mut read = vec![false; plan.slots.len()];
    for (node, _) in plan.nodes.iter().zip(&needed.nodes).filter(|(_, needed)| **needed) {
        node.inputs.iter().for_each(|s| read[s.index()] = true);
    }
    read
}

fn has_loops(plan: &Plan) -> bool {
    plan.nodes.iter().any(|n| match &n.op {
        Op::Control(ControlOp::Loop { .. } | ControlOp::Scan { .. }) => true,
        Op::Control(op) => op.plans().any(has_loops),
        _ => false,
    })
}

/// Returns the rows of a tile: as many as keep the cells of all blocks within a part of the second cache, 256 at least.
fn tile_rows(layout: &Layout) -> usize {
    const TILE_BYTES: usize = 512 << 10;
    let per_row = 8 * layout.blocks as usize + 64 * layout.stores.len();
    let rows = (TILE_BYTES / per_row.max(1)).clamp(256, TILE_ROWS);
    rows / 64 * 64
}

/// Gives the outputs of a called plan their homes.
fn place_called(node: &Node, homes: &[Home], called: &[Home], readers: &mut [usize], places: &mut [Option<Home>]) {
    for (at, (slot, &home)) in node.outputs.iter().zip(called).enumerate() {
        places[slot.index()] = Some(home);
        // A value that is handed through has one home under several names: then it stays taken.
        let inputs = node.inputs.iter().zip(homes).filter(|(_, of)| **of == home).map(|(slot, _)| *slot);
        let others = node.outputs.iter().zip(called).enumerate();
        let others = others.filter(|(i, (_, of))| *i != at && **of == home).map(|(_, (slot, _))| *slot);
        let alike: Vec<SlotId> = inputs.chain(others).collect();
        if !alike.is_empty() {
            readers[slot.index()] += 1;
            alike.iter().for_each(|slot| readers[slot.index()] += 1);
        }
    }
}

/// What grows while a plan and its sub-plans are compiled into one layout.
#[derive(Default)]
struct Compiler {
    layout: Layout,
    free_blocks: Vec<u32>,
    /// Stores of whole values that are free again, with the type that they held.
    free_wholes: Vec<(u32, Type)>,
    /// The type that a store of a whole value is for, where it may be used again.
    whole_types: FxHashMap<u32, Type>,
    nodes: Vec<NodeNames>,
}

impl Compiler {
    /// Returns a home for a value of this type.
    fn home(&mut self, ty: &ValueType, name: &str) -> Result<Home, CompileError> {
        let refuse = || Err(CompileError::Unimplemented(format!("`{name}` of type {ty}")));
        let store = match (ty.place, ty.ty.as_scalar()) {
            (Place::Rows(0), Some(dtype)) if !dtype.is_decimal() => {
                let block = self.free_blocks.pop().unwrap_or_else(|| {
                    self.layout.blocks += 1;
                    self.layout.blocks - 1
                });
                return Ok(Home::Cells { block, dtype });
            }
            (Place::Rows(0), _) if StoreType::is_supported(&ty.ty) => StoreType::Rows(ty.ty.clone()),
            (Place::Whole, _) => {
                // One of the same type, so that its room can be used again.
                let free = self.free_wholes.iter().rposition(|(_, of)| *of == ty.ty);
                let store = free.map(|at| self.free_wholes.swap_remove(at).0);
                return Ok(Home::Store(store.unwrap_or_else(|| self.whole_store(&ty.ty))));
            }
            _ => return refuse(),
        };
        self.layout.stores.push(store);
        Ok(Home::Store(self.layout.stores.len() as u32 - 1))
    }

    fn whole_store(&mut self, ty: &Type) -> u32 {
        let store = self.layout.stores.len() as u32;
        self.layout.stores.push(StoreType::Whole);
        self.whole_types.insert(store, ty.clone());
        store
    }

    /// Returns the home of a value that is there from the beginning.
    fn constant(&mut self, value: Whole) -> Home {
        let store = self.layout.stores.len() as u32;
        self.layout.stores.push(StoreType::Whole);
        self.layout.constants.push((store, value));
        Home::Store(store)
    }

    /// Returns the value of a home that no instruction writes.
    fn constant_of(&self, home: Home) -> Option<&Whole> {
        let Home::Store(store) = home else { return None };
        // They are added in the order of their stores.
        let constants = &self.layout.constants;
        constants.binary_search_by_key(&store, |(store, _)| *store).ok().map(|at| &constants[at].1)
    }

    /// Returns what a tensor op gives whose inputs are all constants: computed once, here. What it refuses now it refuses
    /// when it is run, if it is.
    fn folded(&self, kernel: &TensorKernel, homes: &[Home], outputs: usize) -> Option<Vec<Whole>> {
        /// Most bytes of a value that a plan did not hold and a program then does.
        const FOLDED_BYTES_MAX: usize = 16 << 20;
        let inputs = homes.iter().map(|home| self.constant_of(*home).cloned()).collect::<Option<Vec<Whole>>>()?;
        if inputs.is_empty() || !kernel.is_pure() {
            return None;
        }
        let values = kernel.alone(inputs, outputs).ok()?;
        (values.iter().map(Whole::bytes).sum::<usize>() <= FOLDED_BYTES_MAX).then_some(values)
    }

    fn release(&mut self, home: Home) {
        match home {
            Home::Cells { block, .. } => self.free_blocks.push(block),
            Home::Store(store) => {
                if let Some(ty) = self.whole_types.get(&store) {
                    self.free_wholes.push((store, ty.clone()));
                }
            }
        }
    }

    /// Compiles the outermost plan; an output that is an input as it came is not loaded for that.
    fn top(
        &mut self,
        plan: &Plan,
        needed: &Needed,
        types: &[Option<ValueType>],
        homes: &[Option<Home>],
        slots: &[SlotId],
        inputs: &[ProgramInput],
    ) -> Result<(Body, Vec<Source>), CompileError> {
        let place_of = |slot: &SlotId| {
            let input = plan.inputs.iter().find(|i| i.slot == *slot)?;
            inputs.iter().position(|p| p.name == input.name)
        };
        let computed: Vec<SlotId> = slots.iter().copied().filter(|s| place_of(s).is_none()).collect();
        let body = self.body(plan, needed, types, homes, &computed)?;
        let mut computed = body.outputs.iter();
        let sources = slots.iter().map(|slot| match place_of(slot) {
            Some(place) => Source::Input(place),
            None => Source::Home(*computed.next().expect("an output home for each computed slot")),
        });
        let sources = sources.collect();
        Ok((body, sources))
    }

    /// Compiles a plan whose inputs live in `homes`. Blocks of values are reused after their last reader; the outputs'
    /// stay taken.
    fn body(
        &mut self,
        plan: &Plan,
        needed: &Needed,
        types: &[Option<ValueType>],
        homes: &[Option<Home>],
        wanted: &[SlotId],
    ) -> Result<Body, CompileError> {
        let mut readers = vec![0usize; plan.slots.len()];
        for (node, _) in plan.nodes.iter().zip(&needed.nodes).filter(|(_, needed)| **needed) {
            node.inputs.iter().for_each(|s| readers[s.index()] += 1);
        }
        wanted.iter().for_each(|s| readers[s.index()] += 1);
        let mut places: Vec<Option<Home>> = vec![None; plan.slots.len()];
        for (input, home) in plan.inputs.iter().zip(homes) {
            places[input.slot.index()] = *home;
            // The input's home is the caller's: it is never released here.
            readers[input.slot.index()] += 1;
        }
        let seen = direct::find(plan, needed, types, &readers);
        seen.iter().flatten().flat_map(|seen| &seen.reads).for_each(|slot| readers[slot.index()] += 1);
        let ways = taken::find(plan, needed, types, &readers)?;
        let mut body = Body::default();
        let nodes = plan.nodes.iter().zip(&needed.nodes).zip(seen).zip(ways);
        for (((node, _), seen), way) in nodes.filter(|(((_, needed), _), _)| **needed) {
            let taken = match way {
                Way::Gone => continue,
                Way::Formula(taken) => Some(taken),
                Way::Own => None,
            };
            // What is not read by the nodes that are gone is read here.
            if taken.as_ref().is_some_and(|taken| !taken.elements.is_empty()) {
                // Its reader is gone.
                readers[node.outputs[0].index()] -= 1;
            }
            let others = taken.iter().flat_map(|taken| taken.reads.iter().zip(&node.inputs));
            let mut also_read: Vec<SlotId> = others.filter(|(a, b)| a != b).map(|(read, _)| *read).collect();
            self.node(plan, (node, taken), types, &mut readers, &mut places, &mut body)?;
            if let Some(Seen { direct, reads, deferred }) = seen {
                let instructions = body.instructions.split_off(body.instructions.len() - deferred - 1);
                let kernel = Kernel::Direct(direct.or(Body { instructions, outputs: Vec::new() }));
                let home = |slot: &SlotId| places[slot.index()];
                let inputs = reads.iter().map(|slot| home(slot).expect("nodes stand in order")).collect();
                let outputs = node.outputs.iter().map(home).collect();
                body.instructions.push(Instruction { kernel, inputs, outputs, node: self.nodes.len() as u32 - 1 });
                also_read.extend(reads);
            }
            for slot in node.inputs.iter().chain(&also_read) {
                let left = &mut readers[slot.index()];
                *left -= 1;
                if let (0, Some(home)) = (*left, places[slot.index()]) {
                    self.release(home);
                }
            }
        }
        body.outputs = wanted.iter().map(|s| places[s.index()].expect("every needed slot was filled")).collect();
        Ok(body)
    }

    /// Compiles one node into the body.
    fn node(
        &mut self,
        plan: &Plan,
        (node, taken): (&Node, Option<Taken>),
        types: &[Option<ValueType>],
        readers: &mut [usize],
        places: &mut [Option<Home>],
        body: &mut Body,
    ) -> Result<(), CompileError> {
        let ty = |slot: &SlotId| types[slot.index()].clone().expect("a needed slot has a type");
        let reads = taken.as_ref().map_or(&node.inputs[..], |taken| &taken.reads);
        let mut inputs: Vec<ValueType> = reads.iter().map(ty).collect();
        let mut homes: Box<[Home]> = reads.iter().map(|s| places[s.index()].expect("nodes stand in order")).collect();
        let turned = self.turn_decimals(plan, node, &mut inputs, &mut homes, body)?;
        // A kernel that drops rows runs though nobody reads what it gives.
        let made: Vec<SlotId> =
            node.outputs.iter().chain(taken.iter().flat_map(|taken| &taken.elements)).copied().collect();
        let wanted: Vec<bool> = made.iter().map(|s| readers[s.index()] > 0 || node.op.is_gate()).collect();
        if let Op::Control(ControlOp::Call { body: sub }) = &node.op {
            let called = self.sub_plan(sub, &inputs, &homes)?;
            body.instructions.extend(called.instructions);
            place_called(node, &homes, &called.outputs, readers, places);
            turned.into_iter().for_each(|home| self.release(home));
            return Ok(());
        }
        if let Op::Tensor(TensorNode { op: TensorOp::Constant(value), .. }) = &node.op {
            places[node.outputs[0].index()] = Some(self.constant(value.clone()));
            return Ok(());
        }
        let unread: Vec<SlotId> = made.iter().copied().filter(|slot| readers[slot.index()] == 0).collect();
        let mut outputs = Vec::with_capacity(made.len());
        for (slot, wanted) in made.iter().zip(&wanted) {
            let name = &plan.slots[slot.index()].name;
            let home = wanted.then(|| self.home(&ty(slot), name)).transpose()?;
            places[slot.index()] = home;
            outputs.push(home);
        }
        let kernel = self.kernel(node, taken, &inputs, &homes, &wanted)?;
        if let Kernel::Tensor(kernel) = &kernel
            && let Some(values) = self.folded(kernel, &homes, node.outputs.len())
        {
            for (slot, value) in node.outputs.iter().zip(values) {
                places[slot.index()] = Some(self.constant(value));
            }
            return Ok(());
        }
        let names = node.inputs.iter().map(|s| plan.slots[s.index()].name.clone()).collect();
        self.nodes.push(NodeNames { step: node.step.clone(), inputs: names });
        let node = self.nodes.len() as u32 - 1;
        body.instructions.push(Instruction { kernel, inputs: homes, outputs: outputs.into(), node });
        turned.into_iter().for_each(|home| self.release(home));
        let unread = unread.iter().filter_map(|slot| places[slot.index()]);
        unread.for_each(|home| self.release(home));
        Ok(())
    }

    /// Makes the kernel of a node.
    fn kernel(
        &mut self,
        node: &Node,
        taken: Option<Taken>,
        inputs: &[ValueType],
        homes: &[Home],
        wanted: &[bool],
    ) -> Result<Kernel, CompileError> {
        Ok(match (&node.op, taken) {
            (Op::Formula(op), Some(taken)) => Kernel::Formula(FormulaKernel::taking(op, taken.intakes)),
            (Op::Control(op), _) => Kernel::Control(self.control(op, inputs, homes)?),
            (op, _) => {
                let constants: Vec<Option<&Whole>> = homes.iter().map(|home| self.constant_of(*home)).collect();
                Kernel::new(op, &Site { step: &node.step, inputs, wanted, constants: &constants })?
            }
        })
    }

    /// Puts conversions before an op that does not compute on decimals; returns the homes they write.
    fn turn_decimals(
        &mut self,
        plan: &Plan,
        node: &Node,
        inputs: &mut [ValueType],
        homes: &mut [Home],
        body: &mut Body,
    ) -> Result<Vec<Home>, CompileError> {
        let mut turned = Vec::new();
        for (at, slot) in node.inputs.iter().enumerate() {
            let seen = node.op.sees(&inputs[at]);
            if seen == inputs[at] {
                continue;
            }
            let name = &plan.slots[slot.index()].name;
            let home = self.home(&seen, name)?;
            let cast = Expr::call(Cast::new(seen.ty.clone(), CastRule::Legacy), [Expr::Input(0)]);
            let site = Site { step: &node.step, inputs: &inputs[at..=at], wanted: &[true], constants: &[] };
            let kernel = Kernel::new(&cast.into(), &site)?;
            self.nodes.push(NodeNames { step: node.step.clone(), inputs: [name.clone()].into() });
            let node = self.nodes.len() as u32 - 1;
            let (from, to) = ([homes[at]].into(), [Some(home)].into());
            body.instructions.push(Instruction { kernel, inputs: from, outputs: to, node });
            (inputs[at], homes[at]) = (seen, home);
            turned.push(home);
        }
        Ok(turned)
    }

    /// Compiles a sub-plan that reads its node's inputs where they are.
    fn sub_plan(&mut self, plan: &Plan, inputs: &[ValueType], homes: &[Home]) -> Result<Body, CompileError> {
        let given: Vec<Option<ValueType>> = inputs.iter().cloned().map(Some).collect();
        let types = plan.infer(&given)?;
        let homes: Vec<Option<Home>> = homes.iter().copied().map(Some).collect();
        let wanted: Vec<SlotId> = plan.outputs.iter().map(|o| o.slot).collect();
        let needed = plan.needed(wanted.iter().copied(), &plan.gates(&|_| true));
        self.body(plan, &needed, &types, &homes, &wanted)
    }

    fn control(&mut self, op: &ControlOp, inputs: &[ValueType], homes: &[Home]) -> Result<ControlKernel, CompileError> {
        Ok(match op {
            ControlOp::Branch { arms, otherwise } => {
                let mut bodies = Vec::with_capacity(arms.len());
                for arm in arms {
                    let test = self.sub_plan(&arm.test, inputs, homes)?;
                    let body = self.sub_plan(&arm.body, inputs, homes)?;
                    bodies.push(ArmBody { test, body });
                }
                let otherwise = otherwise.as_ref().map(|p| self.sub_plan(p, inputs, homes)).transpose()?;
                ControlKernel::Branch { arms: bodies, otherwise }
            }
            ControlOp::If { then, otherwise } => ControlKernel::If {
                then: self.sub_plan(then, &inputs[1..], &homes[1..])?,
                otherwise: self.sub_plan(otherwise, &inputs[1..], &homes[1..])?,
            },
            ControlOp::Loop { body, carried, steps_max } => {
                let own = self.whole_homes(&inputs[..2 + carried])?;
                let seen = [&own[..], &homes[2 + carried..]].concat();
                let body = self.sub_plan(body, inputs, &seen)?;
                let next = self.whole_homes(&inputs[2..2 + carried])?;
                ControlKernel::Loop(LoopBody { body, own, next, carried: *carried, steps_max: *steps_max })
            }
            ControlOp::Scan { body, carried, steps_max } => {
                let own = self.whole_homes(inputs)?;
                let body = self.sub_plan(body, inputs, &own)?;
                let next = self.whole_homes(&inputs[..*carried])?;
                ControlKernel::Scan(LoopBody { body, own, next, carried: *carried, steps_max: *steps_max })
            }
            ControlOp::Call { .. } => unreachable!("a call is compiled in its place"),
        })
    }

    fn whole_homes(&mut self, types: &[ValueType]) -> Result<Vec<Home>, CompileError> {
        types.iter().map(|ty| self.home(&ValueType { place: Place::Whole, ..ty.clone() }, "a carried value")).collect()
    }
}

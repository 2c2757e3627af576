//! What is compiled: instructions over homes, in order.

use std::sync::Arc;

use model::{DType, Type, Whole};
use plan::ValueType;

use crate::{
    frame::{Home, NodeNames},
    group::GroupProgram,
    kernel::Kernel,
    store::{CellStore, Items, ListStore, Store, TextStore, VectorStore, WideStore},
};

/// A plan compiled for the outputs asked and the types of the inputs. Immutable; any number of threads run it, each in
/// its own [`crate::Workspace`].
#[derive(Default)]
pub struct Program {
    /// Unique in this process: what a thread finds its workspace by.
    pub(crate) id: u64,
    /// The outputs it was compiled for; `None`: the default ones.
    pub(crate) asked: Option<Arc<[Arc<str>]>>,
    /// The inputs that are read, in the order of the plan's.
    pub(crate) inputs: Vec<ProgramInput>,
    pub(crate) body: Body,
    pub(crate) outputs: Vec<ProgramOutput>,
    pub(crate) nodes: Vec<NodeNames>,
    pub(crate) layout: Layout,
    /// Rows of a tile: fewer where rows are wide, so that a tile stays in cache.
    pub(crate) tile_rows: usize,
    /// What becomes of the rows where the plan ends in groups: then there are no outputs here, but behind them.
    pub(crate) groups: Option<Box<GroupProgram>>,
    /// Whether the rows before any groups may be run in tiles.
    pub(crate) is_separable: bool,
    /// The step that prevents calls from being cut and joined by rows, with its op.
    pub(crate) not_separable: Option<(Arc<str>, &'static str)>,
    pub(crate) has_whole_inputs: bool,
    pub(crate) has_loops: bool,
    /// Optional inputs that the caller does not bring: with them it would be another program.
    pub(crate) absent: Vec<Arc<str>>,
}

/// An input that is read.
pub(crate) struct ProgramInput {
    pub name: Arc<str>,
    pub ty: ValueType,
    /// `None` where it is only handed through to the answer.
    pub home: Option<Home>,
}

/// An output that is asked for.
pub(crate) struct ProgramOutput {
    pub name: Arc<str>,
    pub ty: ValueType,
    pub source: Source,
}

/// Where an output comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The input of this place in [`Program::inputs`], as it came.
    Input(usize),
    Home(Home),
}

/// Instructions in order; a sub-plan is one too.
#[derive(Default)]
pub struct Body {
    pub(crate) instructions: Vec<Instruction>,
    /// Where its outputs are when it has run.
    pub(crate) outputs: Vec<Home>,
}

/// One kernel at work.
pub(crate) struct Instruction {
    pub kernel: Kernel,
    pub inputs: Box<[Home]>,
    /// `None` for an output that nobody reads.
    pub outputs: Box<[Option<Home>]>,
    /// Its number in [`Program::nodes`].
    pub node: u32,
}

/// How much room a frame needs.
#[derive(Debug, Default)]
pub struct Layout {
    pub blocks: u32,
    pub stores: Vec<StoreType>,
    /// Stores that hold a value from the beginning, which no instruction writes.
    pub constants: Vec<(u32, Whole)>,
}

/// What a store holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreType {
    Rows(Type),
    Whole,
}

impl StoreType {
    /// Returns whether the engine computes on such values; others are only handed through.
    pub fn is_supported(ty: &Type) -> bool {
        match ty {
            Type::Text | Type::Bytes | Type::Vector { .. } => true,
            Type::Fixed { dtype, shape } if dtype.is_decimal() => shape.is_empty(),
            Type::List(item) => item.as_scalar().is_some() || StoreType::is_supported(item),
            Type::Fixed { .. } | Type::Struct(_) | Type::Map(..) => false,
        }
    }

    pub(crate) fn new_store(&self) -> Store {
        match self {
            StoreType::Whole => Store::Whole(Whole::Absent),
            StoreType::Rows(Type::Text) => Store::Text(TextStore::default()),
            StoreType::Rows(Type::Bytes) => Store::Bytes(TextStore::default()),
            StoreType::Rows(Type::Fixed { dtype: DType::Decimal(p, s), .. }) => Store::Wide(WideStore::new(*p, *s)),
            StoreType::Rows(Type::Vector { .. }) => Store::Vector(VectorStore::default()),
            StoreType::Rows(Type::List(item)) => Store::List(new_list(item)),
            StoreType::Rows(_) => unreachable!("compile refuses types without a store"),
        }
    }
}

fn new_list(item: &Type) -> ListStore {
    ListStore::new(match item {
        Type::Text => Items::Text(TextStore::default()),
        Type::Bytes => Items::Bytes(TextStore::default()),
        Type::Fixed { dtype: DType::Decimal(p, s), .. } => Items::Wide(WideStore::new(*p, *s)),
        Type::Vector { .. } => Items::Vector(VectorStore::default()),
        Type::List(inner) => Items::List(Box::new(new_list(inner))),
        other => Items::Cells(CellStore::new(other.as_scalar().expect("compile refuses lists of other types"))),
    })
}

impl Program {
    /// Returns the names and types of the outputs, in the order asked.
    pub fn outputs(&self) -> impl Iterator<Item = (&Arc<str>, &ValueType)> {
        self.last().outputs.iter().map(|o| (&o.name, &o.ty))
    }

    /// Returns the program whose outputs are the answer's.
    fn last(&self) -> &Program {
        self.groups.as_ref().map_or(self, |groups| groups.then.last())
    }

    /// Returns whether calls may be cut by rows and joined: `Err` names the step and op that prevents it.
    pub fn separable(&self) -> Result<(), (&str, &str)> {
        match &self.not_separable {
            None => Ok(()),
            Some((step, op)) => Err((step, op)),
        }
    }

    /// Returns whether calls may be joined with others: separable, and no whole value that belongs to one call alone.
    pub fn is_joinable(&self) -> bool {
        self.not_separable.is_none() && !self.has_whole_inputs
    }
}

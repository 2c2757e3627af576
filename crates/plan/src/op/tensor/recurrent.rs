//! Recurrent cells over sequences.

use model::Type;

use super::{Formal, Given, Unary, real};

/// The cell, and its gates in the order of its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    Rnn,
    /// Gates update, reset, hidden. With `linear_before_reset`, the reset gate scales the product of the state instead of the
    /// state.
    Gru {
        linear_before_reset: bool,
    },
    /// Gates input, output, forget, cell. With `input_forget`, the forget gate is 1 less the input gate.
    Lstm {
        input_forget: bool,
    },
}

/// Which way a sequence is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Reverse,
    /// Forward, then reverse, each with weights of its own.
    Both,
}

/// A function of a gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Curve {
    Unary(Unary),
    /// `alpha * x + beta`.
    Affine {
        alpha: f32,
        beta: f32,
    },
    /// `alpha * tanh(beta * x)`.
    ScaledTanh {
        alpha: f32,
        beta: f32,
    },
}

/// Ops of the family.
#[derive(Clone, Debug, PartialEq)]
pub enum RecurrentOp {
    /// ONNX's RNN, GRU and LSTM. Inputs: x `[steps, batch, in]`, weights `[directions, gates * hidden, in]`, those of the state
    /// `[directions, gates * hidden, hidden]`; then, each of which may be left out: biases of both `[directions, 2 * gates *
    /// hidden]`, lengths of the sequences, the state at first `[directions, batch, hidden]`, and for LSTM the cell at first and
    /// peepholes `[directions, 3 * hidden]` (input, output, forget). Outputs: the states of all steps `[steps, directions,
    /// batch, hidden]`, the last states, the last cells. With `batch_first`, the batch comes before steps and directions. Steps
    /// beyond a sequence's length leave zeros. `curves` are those of each direction, as many as the cell has; `clip` bounds
    /// what goes into them.
    Recurrent { cell: Cell, direction: Direction, curves: Vec<Curve>, clip: Option<f32>, batch_first: bool },
}

impl Cell {
    pub fn gates(self) -> usize {
        match self {
            Cell::Rnn => 1,
            Cell::Gru { .. } => 3,
            Cell::Lstm { .. } => 4,
        }
    }

    /// Returns the functions that the cell has where none are named.
    pub fn curves(self) -> &'static [Unary] {
        match self {
            Cell::Rnn => &[Unary::Tanh],
            Cell::Gru { .. } => &[Unary::Sigmoid, Unary::Tanh],
            Cell::Lstm { .. } => &[Unary::Sigmoid, Unary::Tanh, Unary::Tanh],
        }
    }
}

impl Direction {
    pub fn count(self) -> usize {
        if self == Direction::Both { 2 } else { 1 }
    }
}

impl RecurrentOp {
    pub fn name(&self) -> &'static str {
        let RecurrentOp::Recurrent { cell, .. } = self;
        match cell {
            Cell::Rnn => "rnn",
            Cell::Gru { .. } => "gru",
            Cell::Lstm { .. } => "lstm",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let RecurrentOp::Recurrent { cell, .. } = self;
        let Some(x) = real(formal, 0) else {
            return Err("a tensor of floating-point numbers");
        };
        let outputs = if matches!(cell, Cell::Lstm { .. }) { 3 } else { 2 };
        Ok(vec![Type::scalar(x); outputs])
    }
}

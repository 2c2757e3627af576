//! Recurrent cells.

use plan::{
    SlotId,
    tensor::{
        RecurrentOp, Unary,
        recurrent::{Cell, Curve, Direction},
    },
};

use super::{super::graph::Node, Lower, NOW, Row, row};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("RNN", 1, NOW, |lower, node| recurrent(lower, node, Cell::Rnn)),
    row("GRU", 1, NOW, gru),
    row("LSTM", 1, NOW, lstm),
];

fn gru(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let linear_before_reset = node.flag("linear_before_reset")?.unwrap_or(false);
    recurrent(lower, node, Cell::Gru { linear_before_reset })
}

fn lstm(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let input_forget = node.flag("input_forget")?.unwrap_or(false);
    recurrent(lower, node, Cell::Lstm { input_forget })
}

fn recurrent(lower: &mut Lower<'_>, node: &Node<'_>, cell: Cell) -> Slots {
    let (inputs, outputs) = if matches!(cell, Cell::Lstm { .. }) { (8, 3) } else { (6, 2) };
    node.check_counts(3..=inputs, 0..=outputs)?;
    let [x, w, r] = [lower.arg(node, 0, "X")?, lower.arg(node, 1, "W")?, lower.arg(node, 2, "R")?];
    let mut formal = vec![Some(x), Some(w), Some(r)];
    formal.extend((3..inputs).map(|i| lower.opt(node, i)));
    let direction = match node.string("direction")?.unwrap_or("forward") {
        "forward" => Direction::Forward,
        "reverse" => Direction::Reverse,
        "bidirectional" => Direction::Both,
        other => return Err(node.fault("attribute `direction`", "forward, reverse or bidirectional", other)),
    };
    let op = RecurrentOp::Recurrent {
        cell,
        direction,
        curves: curves(node, cell, direction)?,
        clip: node.float("clip")?,
        batch_first: node.flag("layout")?.unwrap_or(false),
    };
    lower.add_many_with(node, op, &formal, outputs)
}

/// Returns the functions of gates. Their parameters stand in two lists, one entry for each function that has such a one.
fn curves(node: &Node<'_>, cell: Cell, direction: Direction) -> Result<Vec<Curve>, ReadError> {
    let wanted = cell.curves().len() * direction.count();
    let names = node.strings("activations")?.unwrap_or_default();
    if names.is_empty() {
        let each = cell.curves().iter().map(|unary| Curve::Unary(*unary));
        return Ok(each.cycle().take(wanted).collect());
    }
    if names.len() != wanted {
        return Err(node.fault("attribute `activations`", &format!("{wanted} names"), names.len()));
    }
    let mut alphas = node.floats("activation_alpha")?.unwrap_or_default().into_iter();
    let mut betas = node.floats("activation_beta")?.unwrap_or_default().into_iter();
    let mut alpha = |default: f32| alphas.next().unwrap_or(default);
    let mut beta = |default: f32| betas.next().unwrap_or(default);
    let mut curve = |name: &&str| {
        Ok(Curve::Unary(match name.to_ascii_lowercase().as_str() {
            "relu" => Unary::Relu,
            "tanh" => Unary::Tanh,
            "sigmoid" => Unary::Sigmoid,
            "softsign" => Unary::Softsign,
            "softplus" => Unary::Softplus,
            "leakyrelu" => Unary::LeakyRelu { alpha: alpha(0.01) },
            "thresholdedrelu" => Unary::ThresholdedRelu { alpha: alpha(1.0) },
            "elu" => Unary::Elu { alpha: alpha(1.0) },
            "hardsigmoid" => Unary::HardSigmoid { alpha: alpha(0.2), beta: beta(0.5) },
            "affine" => return Ok(Curve::Affine { alpha: alpha(1.0), beta: beta(0.0) }),
            "scaledtanh" => return Ok(Curve::ScaledTanh { alpha: alpha(1.0), beta: beta(1.0) }),
            _ => return Err(node.fault("attribute `activations`", "names of functions of gates", name)),
        }))
    };
    names.iter().map(&mut curve).collect()
}

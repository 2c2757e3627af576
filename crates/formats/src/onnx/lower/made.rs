//! Ops that are made of others, as the operators' pages define them: windows.

use model::{DType, Tensor};
use plan::SlotId;

use super::{
    super::graph::{Node, Part},
    Lower, NOW, Row, element, ints, row, scalar, value,
};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;
type One = Result<SlotId, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("MeanVarianceNormalization", 9, NOW, mean_variance_normalization),
    row("SwiGLU", 28, NOW, swiglu),
    row("HannWindow", 17, NOW, |lower, node| window(lower, node, [0.5, 0.5, 0.0])),
    row("HammingWindow", 17, NOW, |lower, node| window(lower, node, [25.0 / 46.0, 21.0 / 46.0, 0.0])),
    row("BlackmanWindow", 17, NOW, |lower, node| window(lower, node, [0.42, 0.5, 0.08])),
];

/// Adds ops by their names, in the place of a node.
pub(super) struct Body<'b, 'p, 'n> {
    pub lower: &'b mut Lower<'p>,
    pub node: &'b Node<'n>,
}

impl Body<'_, '_, '_> {
    /// Adds an op of one output.
    pub fn op(&mut self, op: &'static str, inputs: &[SlotId]) -> One {
        self.with(op, inputs, &[])
    }

    /// Adds an op of one output with attributes.
    pub fn with(&mut self, op: &'static str, inputs: &[SlotId], attributes: &[(&'static str, Part)]) -> One {
        Ok(self.many(op, inputs, attributes, 1)?[0])
    }

    /// Adds an op of several outputs.
    pub fn many(
        &mut self,
        op: &'static str,
        inputs: &[SlotId],
        attributes: &[(&'static str, Part)],
        outputs: usize,
    ) -> Slots {
        let inputs: Vec<Option<SlotId>> = inputs.iter().copied().map(Some).collect();
        self.lower.made(self.node, op, &inputs, attributes, outputs)
    }

    pub fn ints(&mut self, values: &[i64]) -> SlotId {
        self.lower.constant(ints(values.to_vec()))
    }

    pub fn int(&mut self, value: i64) -> SlotId {
        self.lower.constant(scalar(value))
    }

    /// Returns a number of the dtype of `like`.
    pub fn like(&mut self, like: SlotId, value: f64) -> One {
        self.lower.number_like(self.node, like, value)
    }

    /// Returns the mean over axes, which stay with length 1.
    pub fn mean(&mut self, x: SlotId, axes: &[i64]) -> One {
        let axes = self.ints(axes);
        self.op("ReduceMean", &[x, axes])
    }

    pub fn cast(&mut self, x: SlotId, like: SlotId) -> One {
        if self.lower.ty(x) == self.lower.ty(like) { Ok(x) } else { self.op("CastLike", &[x, like]) }
    }

    /// Returns the whole numbers below a scalar.
    pub fn range(&mut self, limit: SlotId) -> One {
        let (zero, one) = (self.int(0), self.int(1));
        self.op("Range", &[zero, limit, one])
    }

    /// Returns a slice along one axis.
    pub fn slice(&mut self, x: SlotId, axis: i64, start: i64, end: i64, step: i64) -> One {
        let bounds = [start, end, axis, step].map(|bound| self.ints(&[bound]));
        self.op("Slice", &[x, bounds[0], bounds[1], bounds[2], bounds[3]])
    }
}

fn body<'b, 'p, 'n>(lower: &'b mut Lower<'p>, node: &'b Node<'n>) -> Body<'b, 'p, 'n> {
    Body { lower, node }
}

fn mean_variance_normalization(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let x = lower.arg(node, 0, "X")?;
    let axes = node.ints("axes")?.unwrap_or_else(|| vec![0, 2, 3]);
    let mut b = body(lower, node);
    let mean = b.mean(x, &axes)?;
    let squares = b.op("Mul", &[x, x])?;
    let (square_of_mean, mean_of_squares) = (b.op("Mul", &[mean, mean])?, b.mean(squares, &axes)?);
    let variance = b.op("Sub", &[mean_of_squares, square_of_mean])?;
    let deviation = b.op("Sqrt", &[variance])?;
    let epsilon = b.like(x, 1e-9)?;
    let deviation = b.op("Add", &[deviation, epsilon])?;
    let apart = b.op("Sub", &[x, mean])?;
    Ok(vec![b.op("Div", &[apart, deviation])?])
}

fn swiglu(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let (x, gate) = (lower.arg(node, 0, "A")?, lower.arg(node, 1, "B")?);
    let alpha = node.float("alpha")?.unwrap_or(1.0);
    let swish = plan::tensor::ElementOp::Unary(plan::tensor::Unary::Swish { alpha });
    let x = lower.add(node, swish, &[x])?;
    Ok(vec![body(lower, node).op("Mul", &[x, gate])?])
}

/// `a0 - a1 * cos(2 * pi * n / N) + a2 * cos(4 * pi * n / N)`.
fn window(lower: &mut Lower<'_>, node: &Node<'_>, [a0, a1, a2]: [f64; 3]) -> Slots {
    let size = lower.arg(node, 0, "size")?;
    let to = match node.has("output_datatype") {
        true => match element::type_of(node, "output_datatype")? {
            (dtype, _) if value::narrow(dtype).is_some() => return Err(node.unimplemented("a window of few bits")),
            (_, to) => to,
        },
        false => model::Type::F32,
    };
    let to = to.as_scalar().filter(|dtype| matches!(dtype, DType::F32 | DType::F64 | DType::F16 | DType::BF16));
    let to = to.ok_or_else(|| node.unimplemented("a window of whole numbers"))?;
    let periodic = node.flag("periodic")?.unwrap_or(true);
    let like = lower.constant(scalar(0.0_f64));
    let long = lower.constant(scalar(0_i64));
    let mut b = body(lower, node);
    let size = b.cast(size, long)?;
    let steps = b.range(size)?;
    let (steps, mut count) = (b.cast(steps, like)?, b.cast(size, like)?);
    if !periodic {
        let one = b.like(like, 1.0)?;
        count = b.op("Sub", &[count, one])?;
    }
    let mut sum = b.like(like, a0)?;
    for (factor, turns) in [(-a1, 2.0), (a2, 4.0)] {
        let (factor, turns) = (b.like(like, factor)?, b.like(like, turns * std::f64::consts::PI)?);
        let angle = b.op("Mul", &[steps, turns])?;
        let angle = b.op("Div", &[angle, count])?;
        let cosine = b.op("Cos", &[angle])?;
        let term = b.op("Mul", &[cosine, factor])?;
        sum = b.op("Add", &[sum, term])?;
    }
    let empty = model::tensor::Data::empty(Some(to)).and_then(|data| Tensor::new(&[0], data).ok());
    let like = b.lower.constant(empty.expect("a tensor of floats may be empty"));
    Ok(vec![b.cast(sum, like)?])
}

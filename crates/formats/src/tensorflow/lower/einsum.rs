//! Sums of products by letters: any equation.

use plan::tensor::{DenseOp, Equation};

use super::{At, Lower, Row, Slots, row};

pub(super) const ROWS: &[Row] = &[row("Einsum", einsum)];

fn einsum(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let text = at.site.text("equation").ok_or_else(|| at.fault("has no attribute `equation`"))?;
    let equation = Equation::parse(text);
    let equation = equation.map_err(|wrong| at.fault(format_args!("its equation {text:?} is none: {wrong}")))?;
    if equation.inputs.len() != at.inputs.len() {
        return Err(at.fault(format_args!("its equation {text:?} does not fit its {} inputs", at.inputs.len())));
    }
    lower.add(at, DenseOp::Einsum(equation), &at.inputs).map(|slot| vec![slot])
}

//! How a formula comes to the numbers of an input: as a column has them, or made on the way from what another node would make
//! them from. Nodes that refuse nothing and that only the formula reads are no instructions of their own then.

use model::Type;
use plan::{EncodeOp, Expr, Func, Op, Scalar, ValueType};

use crate::{
    error::CompileError,
    frame::{Frame, Home},
    kernel::{Site, encode::index::Index},
};

/// Most functions of a chain.
const STEPS_MAX: usize = 16;

/// Where an input's numbers come from.
pub enum Intake {
    /// A column of float64.
    Column,
    /// A column of float64 behind functions of one number.
    Chain(Box<[Step]>),
    /// A column of texts: each one's place among labels.
    Places(Box<Index>),
}

/// A function of a number and a constant.
#[derive(Clone, Copy)]
pub struct Step {
    func: Arith,
    constant: f64,
}

#[derive(Clone, Copy)]
enum Arith {
    Add,
    Sub,
    /// The constant less the number.
    From,
    Mul,
    Div,
    /// The constant by the number.
    By,
}

impl Intake {
    /// Returns how to come to what an op makes of its one input of this type, where that is known.
    pub(crate) fn of(op: &Op, site: &Site<'_>) -> Result<Option<Intake>, CompileError> {
        let [input] = site.inputs else { return Ok(None) };
        Ok(match op {
            Op::Encode(EncodeOp::Place { labels }) => Some(Intake::Places(Box::new(Index::place(labels, site)?))),
            Op::Expr(op) if *input == ValueType::rows(Type::F64) => {
                let mut steps = Vec::new();
                let expr = op.typed(site.inputs).ok();
                let is_chain = expr.is_some_and(|expr| chain(&expr, &mut steps));
                (is_chain && steps.len() <= STEPS_MAX).then(|| Intake::Chain(steps.into()))
            }
            _ => None,
        })
    }

    /// Writes the rows' numbers, and which rows are not null. Rows that are null or not live get any number.
    #[inline]
    pub fn take(&self, frame: &Frame, home: Home, numbers: &mut [f64], valid: &mut [u64]) {
        if let Intake::Places(index) = self {
            return index.places(frame, &frame.texts(home), numbers, valid);
        }
        let cells = frame.cells(home);
        numbers.iter_mut().zip(cells.data()).for_each(|(number, cell)| *number = f64::from_bits(cell.get()));
        valid.iter_mut().zip(cells.valid_words()).for_each(|(valid, word)| *valid = word.get());
        let Intake::Chain(steps) = self else { return };
        for Step { func, constant } in steps {
            match func {
                Arith::Add => numbers.iter_mut().for_each(|x| *x += constant),
                Arith::Sub => numbers.iter_mut().for_each(|x| *x -= constant),
                Arith::From => numbers.iter_mut().for_each(|x| *x = constant - *x),
                Arith::Mul => numbers.iter_mut().for_each(|x| *x *= constant),
                Arith::Div => numbers.iter_mut().for_each(|x| *x /= constant),
                Arith::By => numbers.iter_mut().for_each(|x| *x = constant / *x),
            }
        }
    }
}

/// Appends the functions of an expression, the innermost first; returns whether it is nothing else.
fn chain(expr: &Expr, steps: &mut Vec<Step>) -> bool {
    let mut expr = expr;
    while let Expr::Call(func, args) = expr {
        let (inner, constant, is_first) = match &args[..] {
            [inner, Expr::Const(Scalar::F64(constant))] => (inner, *constant, true),
            [Expr::Const(Scalar::F64(constant)), inner] => (inner, *constant, false),
            _ => return false,
        };
        let func = match (func, is_first) {
            (Func::Add, _) => Arith::Add,
            (Func::Mul, _) => Arith::Mul,
            (Func::Sub, true) => Arith::Sub,
            (Func::Sub, false) => Arith::From,
            (Func::Div, true) => Arith::Div,
            (Func::Div, false) => Arith::By,
            _ => return false,
        };
        steps.push(Step { func, constant });
        expr = inner;
    }
    steps.reverse();
    *expr == Expr::Input(0)
}

//! `selectAll` (Multiple Models, 4.4): the results of all segments whose predicate is true, a list of them in the segments' order.
//!
//! The target and each output field that speaks of the result have an entry for every segment that ran; where none ran they are
//! missing. A segment that ran without a result has a null, is left out (`skipSegment`) or takes all results away
//! (`returnMissing`). `Targets` change single results, so those of the segments count. The shape is JPMML's.

use plan::{
    Expr, Func, Scalar,
    expr::{Compare, ListFunc},
};

use super::{FALSE, Segmentation, Treatment, any_lacks, run::Run};
use crate::pmml::{
    answer::{Answer, Kind, OneOfAll},
    error::Fault,
    fields::{DataType, Field, OpType, Scope},
    lower::{Lowering, Value},
    targets,
    xml::Element,
};

/// Lowers a segmentation whose results are all shown.
pub fn lower<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    segmentation: &Segmentation<'d>,
    kind: Kind,
) -> Result<Answer<'d>, Fault> {
    let at = segmentation.element;
    let mut runs = Run::all(cx, scope, &segmentation.segments, kind)?;
    match segmentation.treatment {
        Treatment::Continue => {}
        Treatment::SkipSegment => {
            for run in &mut runs {
                let Some(field) = &run.answer.value else { continue };
                let lacks = cx.expr(at, Expr::call(Func::IsNull, [Expr::Input(0)]), &[&field.value], "lacks")?;
                run.ran = Some(without(cx, at, run.ran.as_ref(), &lacks)?);
            }
        }
        Treatment::ReturnMissing => {
            if let Some(lacks) = any_lacks(cx, at, &runs)? {
                for run in &mut runs {
                    run.ran = Some(without(cx, at, run.ran.as_ref(), &lacks)?);
                }
            }
        }
    }
    let segments = runs.iter().map(Run::as_segment).collect();
    let (mut values, mut every) = (Vec::with_capacity(runs.len()), Vec::with_capacity(runs.len()));
    for run in runs {
        let field = run.answer.value.clone().ok_or_else(|| at.unimplemented("a segment without a result"))?;
        values.push((run.ran.clone(), targets::typed(cx, scope, field)?));
        every.push(OneOfAll { id: run.id, ran: run.ran, answer: run.answer });
    }
    let mut answer = Answer::new(Kind::Other, Some(list(cx, at, values)?));
    (answer.segments, answer.every) = (segments, every);
    Ok(answer)
}

/// Returns whether a segment ran, where the test is not true.
fn without(cx: &mut Lowering<'_>, at: Element<'_>, ran: Option<&Value>, test: &Value) -> Result<Value, Fault> {
    let not = Expr::call(Func::Not, [Expr::Input(0)]);
    match ran {
        None => cx.expr(at, not, &[test], "shown"),
        Some(ran) => {
            let ran_or_not = Expr::call(Func::Coalesce, [Expr::Input(1), FALSE]);
            cx.expr(at, Expr::call(Func::And, [ran_or_not, not]), &[test, ran], "shown")
        }
    }
}

/// Returns the list of those fields whose segments ran; missing where none did.
pub fn list(cx: &mut Lowering<'_>, at: Element<'_>, members: Vec<(Option<Value>, Field)>) -> Result<Field, Fault> {
    let same = members.windows(2).all(|w| w[0].1.value.ty == w[1].1.value.ty);
    let numbers = members.iter().all(|(_, field)| field.data.is_number());
    let (mut inputs, mut parts, mut first) = (Vec::new(), Vec::new(), None);
    let may_be_empty = members.iter().all(|(ran, _)| ran.is_some());
    for (ran, mut field) in members {
        if !same {
            (field.value, field.data, field.op) = match numbers {
                true => (cx.number(at, &field.value)?, DataType::Double, OpType::Continuous),
                false => (cx.cast(at, &field.value, model::Type::Text)?, DataType::String, OpType::Categorical),
            };
        }
        let one = Expr::call(Func::List(ListFunc::Array), [Expr::Input(inputs.len() as u32)]);
        inputs.push(field.value.clone());
        parts.push(match ran {
            None => one,
            Some(ran) => {
                let ran_or_not = Expr::call(Func::Coalesce, [Expr::Input(inputs.len() as u32), FALSE]);
                inputs.push(ran);
                let count = Expr::call(Func::If, [ran_or_not, int(1), int(0)]);
                Expr::call(Func::List(ListFunc::Slice), [one, int(1), count])
            }
        });
        first.get_or_insert(field);
    }
    let first = first.ok_or_else(|| at.fault("content", "segments", "none"))?;
    let all = if parts.len() == 1 { parts.remove(0) } else { Expr::Call(Func::List(ListFunc::Concat), parts) };
    let mut value = cx.expr(at, all, &inputs.iter().collect::<Vec<_>>(), "results")?;
    if may_be_empty {
        let size = Expr::call(Func::List(ListFunc::Size { of_null: None }), [Expr::Input(0)]);
        let is_empty = Expr::call(Compare::Eq, [size, int(0)]);
        let expr = Expr::call(Func::If, [is_empty, Expr::null(value.ty.clone()), Expr::Input(0)]);
        value = cx.expr(at, expr, &[&value], "results")?;
    }
    Ok(Field { value, ..first })
}

fn int(value: i32) -> Expr {
    Expr::Const(Scalar::I32(value))
}

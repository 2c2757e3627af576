//! Scorecard (4.4): points for each characteristic of a case, and the reasons for those that it did not get.

use std::sync::Arc;

use plan::{
    EncodeOp, Expr,
    op::decide::{Attribute, Card, CardPart, Characteristic, DecideOp, NONE, Points},
};

use super::labels::Labels;
use crate::pmml::{
    answer::{Answer, Kind},
    error::Fault,
    expression,
    fields::{Field, Scope},
    lower::{Lowering, MathContext},
    predicate::{self, Asker},
    xml::Element,
};

/// Lowers a `Scorecard`.
pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let has_reasons = model.bool("useReasonCodes", true)?;
    let mut reader = Reader { asker: Asker::default(), reasons: Labels::default(), attributes: Vec::new() };
    let mut characteristics = Vec::new();
    for element in model.required_child("Characteristics")?.all("Characteristic") {
        let first = reader.attributes.len() as u32;
        for attribute in element.all("Attribute") {
            reader.attribute(cx, scope, element, attribute, has_reasons)?;
        }
        let baseline = element.f64("baselineScore")?.or(model.f64("baselineScore")?);
        if has_reasons && baseline.is_none() {
            return Err(element.fault("attribute baselineScore", "a number, here or at the model", "none"));
        }
        let count = reader.attributes.len() as u32 - first;
        characteristics.push(Characteristic { first, count, baseline: baseline.unwrap_or(0.0) });
    }
    let above = match model.attr("reasonCodeAlgorithm") {
        None | Some("pointsBelow") => false,
        Some("pointsAbove") => true,
        Some(other) => return Err(model.fault("attribute reasonCodeAlgorithm", "pointsAbove or pointsBelow", other)),
    };
    let Reader { mut asker, reasons, attributes } = reader;
    let card = Card {
        tests: asker.take_tests(),
        characteristics,
        attributes,
        initial: model.f64("initialScore")?.unwrap_or(0.0),
        above,
        reasons: reasons.len() as u32,
        single: cx.math() == MathContext::Float,
    };
    let ranks = if has_reasons { ranks(model, reasons.len()) } else { 0 };
    let parts: Vec<CardPart> = std::iter::once(CardPart::Score).chain((0..ranks).map(CardPart::Reason)).collect();
    let names: Vec<String> =
        (0..parts.len()).map(|i| if i == 0 { "score".into() } else { format!("reason {i}") }).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let inputs = asker.inputs(cx, model)?;
    let op = DecideOp::Card { card: Arc::new(card), parts };
    let mut made = cx.node(model, op, &inputs.iter().collect::<Vec<_>>(), &names)?.into_iter();
    let mut answer = Answer::new(Kind::Regression, made.next().map(Field::double));
    let codes: Vec<Box<str>> = reasons.list().iter().map(|code| code.as_str().into()).collect();
    let codes: Arc<[Box<str>]> = codes.into();
    for place in made {
        let op = EncodeOp::Label { labels: codes.clone() };
        answer.reasons.push(cx.one(model, op, &[&place], "reason")?);
    }
    Ok(answer)
}

/// Returns how many reasons anybody can ask for: this model's own outputs, or those of a model around it.
fn ranks(model: Element<'_>, reasons: usize) -> u32 {
    let own = model.child("Output").into_iter().flat_map(|e| e.all("OutputField"));
    let asked = own.filter_map(|e| e.attr("rank")?.trim().parse::<usize>().ok()).max().unwrap_or(1);
    asked.max(3).min(reasons) as u32
}

struct Reader<'d> {
    asker: Asker<'d>,
    reasons: Labels,
    attributes: Vec<Attribute>,
}

impl<'d> Reader<'d> {
    fn attribute(
        &mut self,
        cx: &mut Lowering<'_>,
        scope: &Scope<'_, 'd>,
        characteristic: Element<'d>,
        element: Element<'d>,
        has_reasons: bool,
    ) -> Result<(), Fault> {
        let asked = predicate::inside(element)?;
        let test = self.asker.ask(cx, scope, asked)?;
        let mut reason = NONE;
        if has_reasons {
            let code = element.attr("reasonCode").or_else(|| characteristic.attr("reasonCode"));
            let code = code.ok_or_else(|| element.fault("attribute reasonCode", "a code, here or above", "none"))?;
            reason = self.reasons.of(code);
        }
        let points = match element.child("ComplexPartialScore") {
            None => Points::Const(element.required_f64("partialScore")?),
            Some(complex) => Points::Input(self.complex(cx, scope, asked, complex)?),
        };
        self.attributes.push(Attribute { test, points, reason });
        Ok(())
    }

    /// Adds the points that an expression gives, which is computed where its predicate is true alone.
    fn complex(
        &mut self,
        cx: &mut Lowering<'_>,
        scope: &Scope<'_, 'd>,
        asked: Element<'d>,
        complex: Element<'d>,
    ) -> Result<u32, Fault> {
        let body = complex.children().find(|e| expression::is_expression(e.name()));
        let body = body.ok_or_else(|| complex.fault("content", "an expression", "none"))?;
        let lower = |cx: &mut Lowering<'_>| {
            let field = expression::lower(cx, scope, body)?;
            cx.number(body, &field.value)
        };
        let value = if predicate::is_true(asked) {
            lower(cx)?
        } else {
            let test = predicate::lower(cx, scope, asked)?;
            let values = cx.branch(complex, &test, |cx| lower(cx).map(|value| vec![value]))?;
            match values.into_iter().next() {
                Some(value) => value,
                None => cx.expr(complex, Expr::null(model::Type::F64), &[], "points")?,
            }
        };
        Ok(self.asker.number(complex, Field::double(value)))
    }
}

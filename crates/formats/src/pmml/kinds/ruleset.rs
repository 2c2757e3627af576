//! RuleSetModel (RuleSet, 4.4): rules that fire, of which one answers.

use std::sync::Arc;

use plan::{
    EncodeOp,
    op::decide::{Criterion, DecideOp, NONE, Rule, RulePart, Rules},
};

use super::labels::Labels;
use crate::pmml::{
    answer::{Answer, Classes, Kind},
    error::Fault,
    fields::{Field, Scope},
    lower::{Lowering, MathContext},
    predicate::{self, Asker},
    xml::Element,
};

/// Lowers a `RuleSetModel`.
pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let kind = Answer::kind_of(model)?;
    let set = model.required_child("RuleSet")?;
    let (mut asker, mut labels) = (Asker::default(), Labels::new(scope));
    let mut reader = Reader { asker: &mut asker, labels: &mut labels, rules: Vec::new(), ids: Vec::new() };
    reader.read(cx, scope, set)?;
    let Reader { rules, ids, .. } = reader;
    let single = cx.math() == MathContext::Float;
    let default = set.attr("defaultScore");
    let rules = Rules {
        tests: asker.take_tests(),
        rules,
        criterion: criterion(set)?,
        default_class: default.map_or(NONE, |score| labels.of(score)),
        default_confidence: set.f64("defaultConfidence")?.unwrap_or(1.0),
        width: labels.len() as u32,
        single,
    };
    let inputs = asker.inputs(cx, model)?;
    let parts = vec![RulePart::Rule, RulePart::Score, RulePart::Confidences];
    let op = DecideOp::Rules { rules: Arc::new(rules), parts };
    let made = cx.node(model, op, &inputs.iter().collect::<Vec<_>>(), &["rule", "class", "confidences"])?;
    let [rule, class, confidences] = &made[..] else { return Err(model.unimplemented("rules of no value")) };
    let mut value = labels.field(cx, model, class)?;
    if kind == Kind::Regression {
        value = Field::double(cx.number(model, &value.value)?);
    }
    let mut answer = Answer::new(kind, Some(value));
    answer.confidences = Some(Classes { labels: labels.list(), values: confidences.clone() });
    if !ids.is_empty() {
        answer.entity = Some(cx.one(model, EncodeOp::Label { labels: ids.into() }, &[rule], "entity")?);
    }
    Ok(answer)
}

/// Returns the criterion that the document names first.
fn criterion(set: Element<'_>) -> Result<Criterion, Fault> {
    let method = set.required_child("RuleSelectionMethod")?;
    Ok(match method.required("criterion")? {
        "firstHit" => Criterion::FirstHit,
        "weightedSum" => Criterion::WeightedSum,
        "weightedMax" => Criterion::WeightedMax,
        other => return Err(method.fault("attribute criterion", "firstHit, weightedSum or weightedMax", other)),
    })
}

struct Reader<'a, 'd> {
    asker: &'a mut Asker<'d>,
    labels: &'a mut Labels,
    rules: Vec<Rule>,
    /// Of each entry of `rules`: its id. One without an id has its number among the rules, from 1.
    ids: Vec<Box<str>>,
}

impl<'d> Reader<'_, 'd> {
    /// Reads the rules inside of an element.
    fn read(&mut self, cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, outer: Element<'d>) -> Result<(), Fault> {
        for element in outer.children() {
            match element.name() {
                "SimpleRule" => self.rule(cx, scope, element)?,
                "CompoundRule" => {
                    let test = self.asker.ask(cx, scope, predicate::inside(element)?)?;
                    let at = self.rules.len();
                    self.rules.push(Rule { test, end: 0, class: NONE, weight: 0.0, confidence: 0.0 });
                    self.ids.push("".into());
                    cx.deeper(element, |cx| self.read(cx, scope, element))?;
                    self.rules[at].end = self.rules.len() as u32;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn rule(&mut self, cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, element: Element<'d>) -> Result<(), Fault> {
        let test = self.asker.ask(cx, scope, predicate::inside(element)?)?;
        let class = self.labels.of(element.required("score")?);
        let weight = element.f64("weight")?.unwrap_or(1.0);
        let confidence = element.f64("confidence")?.unwrap_or(1.0);
        let number = 1 + self.rules.iter().filter(|rule| rule.class != NONE).count();
        self.ids.push(element.attr("id").map_or_else(|| number.to_string().into(), Into::into));
        let end = self.rules.len() as u32 + 1;
        self.rules.push(Rule { test, end, class, weight, confidence });
        Ok(())
    }
}

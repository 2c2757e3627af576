//! `AssociationModel` (Association Rules, 4.4): which rules speak for the items of a row.
//!
//! A row brings its items as a list, where the mining schema has a `group` field; else a field for each item, or for several of
//! which an item names one value (`field=value`). Rules come in the order of `rankBasis`, equal ones in that of the document. What
//! is shown of them is picked by the output fields (Output, 4.4: `ruleValue` and its kin).

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use plan::{
    AssociationOp, Expr, Func, VectorOp,
    expr::Compare,
    op::association::{Basket, Fires, SetRules, Table},
};

use super::{clustering, measure};
use crate::pmml::{
    answer::{Answer, Kind},
    error::Fault,
    fields::{DataType, Field, OpType, Scope},
    lower::{Lowering, Value},
    xml::Element,
};

/// Which rules were asked for, in which order, and what they are.
type Asked = ((Fires, Vec<u32>), Value);

/// A model's rules, and the node of each order that was asked for.
pub struct Rules<'d> {
    pub elements: Vec<Element<'d>>,
    pub ids: Vec<String>,
    /// The texts of the items of what rules are made of: of each set, or sequence.
    pub texts: Vec<Arc<[Box<str>]>>,
    pub sets: SetRules,
    pub inputs: Vec<Value>,
    pub fired: RefCell<Vec<Asked>>,
}

pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let (items, elements) = items(model)?;
    let (basket, inputs) = basket(cx, scope, model, &elements)?;
    let sets = Sets::read(model, &items, &elements)?;
    let rules: Vec<Element<'d>> = model.all("AssociationRule").collect();
    measure::check_shown(model, rules.len())?;
    let mut pairs = Vec::with_capacity(rules.len());
    for rule in &rules {
        pairs.push((sets.number(*rule, "antecedent")?, sets.number(*rule, "consequent")?));
    }
    let Sets { offsets, members, texts, .. } = sets;
    let sets =
        SetRules { basket, offsets: offsets.into(), members: members.into(), rules: pairs.into(), sequences: None };
    let ids = clustering::ids(&rules)?;
    let rules = Rules { elements: rules, ids, texts, sets, inputs, fired: RefCell::default() };
    rules.answer(cx, model)
}

/// Items by their ids, and their elements.
pub type Items<'d> = (HashMap<&'d str, usize>, Vec<Element<'d>>);

/// Returns the document's items.
pub fn items<'d>(model: Element<'d>) -> Result<Items<'d>, Fault> {
    let (mut items, mut elements) = (HashMap::new(), Vec::new());
    for item in model.all("Item") {
        let id = item.required("id")?;
        if items.insert(id, elements.len()).is_some() {
            return Err(item.fault("attribute id", "an id that stands once", id));
        }
        elements.push(item);
    }
    Ok((items, elements))
}

/// The document's sets of items.
pub struct Sets<'d> {
    pub numbers: HashMap<&'d str, u32>,
    pub offsets: Vec<u32>,
    pub members: Vec<u32>,
    pub texts: Vec<Arc<[Box<str>]>>,
}

impl<'d> Sets<'d> {
    pub fn read(
        model: Element<'d>,
        items: &HashMap<&'d str, usize>,
        elements: &[Element<'d>],
    ) -> Result<Sets<'d>, Fault> {
        let mut sets = Sets { numbers: HashMap::new(), offsets: vec![0], members: Vec::new(), texts: Vec::new() };
        for set in model.all("Itemset") {
            let id = set.required("id")?;
            if sets.numbers.insert(id, sets.texts.len() as u32).is_some() {
                return Err(set.fault("attribute id", "an id that stands once", id));
            }
            let mut seen = HashSet::new();
            let mut texts = Vec::new();
            for item in set.all("ItemRef") {
                let name = item.required("itemRef")?;
                let number = items.get(name).copied();
                let number = number.ok_or_else(|| item.fault("attribute itemRef", "the id of an item", name))?;
                texts.push(elements[number].required("value")?.into());
                if seen.insert(number) {
                    sets.members.push(number as u32);
                }
            }
            sets.offsets.push(sets.members.len() as u32);
            sets.texts.push(texts.into());
        }
        Ok(sets)
    }

    fn number(&self, rule: Element<'_>, name: &'static str) -> Result<u32, Fault> {
        let id = rule.required(name)?;
        let number = self.numbers.get(id).copied();
        number.ok_or_else(|| rule.fault(format!("attribute {name}"), "the id of an itemset", id))
    }
}

/// Returns how rows say their items, and where they say it.
fn basket<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    model: Element<'d>,
    items: &[Element<'d>],
) -> Result<(Basket, Vec<Value>), Fault> {
    let (groups, active) = (scope.used_as(&["group"]), scope.used_as(&["active"]));
    match (groups.as_slice(), active.as_slice()) {
        ([], _) => {
            let flags: Result<Vec<Value>, Fault> = items.iter().map(|item| flag(cx, scope, *item)).collect();
            Ok((Basket::Flags(items.len() as u32), flags?))
        }
        ([_], [name]) => {
            let field = scope.field(cx, model, name)?;
            let texts: Result<Vec<Box<str>>, Fault> = items
                .iter()
                .map(|item| Ok(item.attr("category").map_or_else(|| item.required("value"), Ok)?.into()))
                .collect();
            Ok((Basket::Texts(texts?.into()), vec![list(cx, model, &field)?]))
        }
        _ => Err(model.fault("MiningSchema", "at most one group field, and one active field beside it", "others")),
    }
}

/// Returns a list of texts of what the caller brings.
pub fn list(cx: &mut Lowering<'_>, model: Element<'_>, field: &Field) -> Result<Value, Fault> {
    let wanted = model::Type::list(model::Type::Text);
    match field.value.ty == wanted {
        true => Ok(field.value.clone()),
        false => {
            let cast = plan::expr::Cast::new(wanted, plan::expr::CastRule::Try);
            cx.expr(model, Expr::call(cast, [Expr::Input(0)]), &[&field.value], "items")
        }
    }
}

/// Returns 1 where a row has an item, else 0 or null.
fn flag<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, item: Element<'d>) -> Result<Value, Fault> {
    let value = item.required("value")?;
    let (name, category) = match (item.attr("field"), item.attr("category")) {
        (Some(field), Some(category)) => (field, Some(category)),
        (Some(_), None) => return Err(item.fault("attribute category", "a value", "none")),
        (None, _) => match (scope.find(cx, item, value)?.is_some(), value.split_once('=')) {
            (false, Some((field, category))) => (field, Some(category)),
            _ => (value, None),
        },
    };
    let field = scope.field(cx, item, name)?;
    let Some(category) = category else { return truth(cx, item, &field) };
    let place = cx.codes(item, &field, &[category.to_owned()])?;
    let is_it = Expr::call(Func::Eq, [Expr::Input(0), Expr::f64(0.0)]);
    cx.expr(item, Expr::call(Func::If, [is_it, Expr::f64(1.0), Expr::f64(0.0)]), &[&place], value)
}

/// Returns 1 for true, 0 for false, of a field that has nothing else; of texts `T` and `F` as well.
fn truth(cx: &mut Lowering<'_>, item: Element<'_>, field: &Field) -> Result<Value, Fault> {
    let refuse = || Expr::Call(Func::Refuse("true or false, as an item is there or not", model::Type::F64), Vec::new());
    if field.value.ty != model::Type::Text {
        let number = cx.number(item, &field.value)?;
        let is = |x: f64| Expr::call(Func::Eq, [Expr::Input(0), Expr::f64(x)]);
        let fits = Expr::call(Func::Or, [is(0.0), is(1.0)]);
        let null = Expr::call(Func::IsNull, [Expr::Input(0)]);
        let fits = Expr::call(Func::Or, [null, fits]);
        return cx.expr(item, Expr::call(Func::If, [fits, Expr::Input(0), refuse()]), &[&number], "item");
    }
    let mut args = vec![Expr::call(Func::IsNull, [Expr::Input(0)]), Expr::null(model::Type::F64)];
    for (text, flag) in [("T", 1.0), ("F", 0.0), ("true", 1.0), ("false", 0.0)] {
        args.push(Expr::call(Compare::Eq, [Expr::Input(0), Expr::text(text)]));
        args.push(Expr::f64(flag));
    }
    args.push(refuse());
    cx.expr(item, Expr::Call(Func::Case, args), &[&field.value], "item")
}

impl<'d> Rules<'d> {
    /// Returns the answer: what output fields pick; without any, the ids of the rules that are recommended.
    pub fn answer(self, cx: &mut Lowering<'_>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
        let mut answer = Answer::new(Kind::Other, None);
        if model.child("Output").is_none() {
            let fired = self.fired(cx, model)?;
            let table = self.table(model, "ruleId")?;
            let ids = cx.one(model, AssociationOp::Entries { table, limit: None }, &[&fired], "rules")?;
            answer.value = Some(Field::new(ids, DataType::String, OpType::Categorical));
        }
        answer.pick = Some(Box::new(move |cx, element| self.pick(cx, element)));
        Ok(answer)
    }

    /// Returns what an output field asks for of the rules.
    fn pick(&self, cx: &mut Lowering<'_>, element: Element<'_>) -> Result<Option<Field>, Fault> {
        let feature = element.attr("feature").unwrap_or("predictedValue");
        let shown = match feature {
            "ruleValue" => element.attr("ruleFeature").unwrap_or("consequent"),
            "entityId" | "ruleId" => "ruleId",
            "antecedent" | "consequent" | "rule" | "confidence" | "support" | "lift" | "leverage" | "affinity" => {
                feature
            }
            _ => return Ok(None),
        };
        let fired = self.fired(cx, element)?;
        let table = self.table(element, shown)?;
        let (data, op) = match &table {
            Table::Numbers(_) => (DataType::Double, OpType::Continuous),
            _ => (DataType::String, OpType::Categorical),
        };
        let rank = element.usize("rank")?.unwrap_or(1);
        let many = match element.attr("isMultiValued").map(str::trim) {
            None | Some("0" | "false") => false,
            Some("1" | "true") => true,
            Some(other) => return Err(element.fault("attribute isMultiValued", "0 or 1", other)),
        };
        let value = if many {
            let limit = u32::try_from(rank).ok().filter(|&limit| limit > 0);
            cx.one(element, AssociationOp::Entries { table, limit }, &[&fired], shown)?
        } else {
            let place = rank.checked_sub(1).and_then(|place| u32::try_from(place).ok());
            let place = place.ok_or_else(|| element.fault("attribute rank", "a whole number, 1 or above", "0"))?;
            let number = cx.one(element, VectorOp::Element { place }, &[&fired], "rule")?;
            cx.one(element, AssociationOp::Entry { table }, &[&number], shown)?
        };
        Ok(Some(Field::new(value, data, op)))
    }

    /// Returns the rules that fire, in the order that an output field asks for.
    fn fired(&self, cx: &mut Lowering<'_>, element: Element<'_>) -> Result<Value, Fault> {
        let fires = match element.attr("algorithm").unwrap_or("exclusiveRecommendation") {
            "recommendation" => Fires::Antecedent,
            "exclusiveRecommendation" => Fires::New,
            "ruleAssociation" => Fires::Both,
            other => {
                let expected = "recommendation, exclusiveRecommendation or ruleAssociation";
                return Err(element.fault("attribute algorithm", expected, other));
            }
        };
        let mut basis = Vec::with_capacity(self.elements.len());
        let name = match element.attr("rankBasis").unwrap_or("confidence") {
            "confidence" => "confidence",
            "support" => "support",
            "lift" => "lift",
            "leverage" => "leverage",
            "affinity" => "affinity",
            other => return Err(element.fault("attribute rankBasis", "a figure of rules", other)),
        };
        for rule in &self.elements {
            basis.push(rule.required_f64(name)?);
        }
        let mut order: Vec<u32> = (0..basis.len() as u32).collect();
        match element.attr("rankOrder").unwrap_or("descending") {
            "descending" => order.sort_by(|&a, &b| basis[b as usize].total_cmp(&basis[a as usize])),
            "ascending" => order.sort_by(|&a, &b| basis[a as usize].total_cmp(&basis[b as usize])),
            other => return Err(element.fault("attribute rankOrder", "ascending or descending", other)),
        }
        let key = (fires, order);
        let known = self.fired.borrow().iter().find(|(k, v)| *k == key && cx.sees(v)).map(|(_, v)| v.clone());
        if let Some(value) = known {
            return Ok(value);
        }
        let op = AssociationOp::Fired { rules: self.sets.clone(), fires, order: key.1.clone().into() };
        let inputs: Vec<&Value> = self.inputs.iter().collect();
        let value = cx.one(element, op, &inputs, "rules")?;
        self.fired.borrow_mut().push((key, value.clone()));
        Ok(value)
    }

    /// Returns what each rule shows.
    fn table(&self, element: Element<'_>, shown: &str) -> Result<Table, Fault> {
        let pairs = self.sets.rules.iter();
        let items = |set: u32| self.texts[set as usize].clone();
        let numbers = |name: &'static str| -> Result<Table, Fault> {
            let figures: Result<Vec<Option<f64>>, Fault> = self.elements.iter().map(|rule| rule.f64(name)).collect();
            Ok(Table::Numbers(figures?.into()))
        };
        Ok(match shown {
            "antecedent" => Table::Lists(pairs.map(|&(antecedent, _)| items(antecedent)).collect()),
            "consequent" => Table::Lists(pairs.map(|&(_, consequent)| items(consequent)).collect()),
            "rule" => {
                let text = |&(a, c): &(u32, u32)| {
                    Some(format!("{{{}}}->{{{}}}", items(a).join(","), items(c).join(",")).into())
                };
                Table::Texts(pairs.map(text).collect())
            }
            "ruleId" => Table::Texts(self.ids.iter().map(|id| Some(id.as_str().into())).collect()),
            "confidence" => numbers("confidence")?,
            "support" => numbers("support")?,
            "lift" => numbers("lift")?,
            "leverage" => numbers("leverage")?,
            "affinity" => numbers("affinity")?,
            other => return Err(element.fault("attribute ruleFeature", "a feature of rules", other)),
        })
    }
}

//! `NaiveBayesModel` (Naive Bayes, 4.4): counts of classes and of what goes with them, multiplied.
//!
//! A missing input says nothing, nor does a category that the document does not count. A count of 0, and a density below it,
//! count as the threshold.

use std::collections::HashMap;

use plan::{AssociationOp, BayesOp, Expr, Func, VectorOp, op::bayes::Likelihood};

use super::measure;
use crate::pmml::{
    answer::{Answer, Classes, Kind},
    error::Fault,
    expression,
    fields::{DataType, Field, OpType, Scope},
    lower::{Lowering, MathContext, Value},
    xml::{Element, parse_number},
};

/// Numbers by category of the target.
type Counts<'d> = Vec<(&'d str, f64)>;

pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let output = model.required_child("BayesOutput")?;
    let least = model.f64("threshold")?.unwrap_or(0.0);
    let is_number = scope.target().is_some_and(|target| target.data.is_number());
    let mut classes = Labels { is_number, labels: Vec::new(), places: HashMap::new() };
    let mut priors = Vec::new();
    for (label, count) in counts(output)? {
        if classes.place(label) != priors.len() {
            return Err(output.fault("attribute value", "a category that stands once", label));
        }
        priors.push(count);
    }
    if priors.is_empty() {
        return Err(output.fault("element TargetValueCounts", "a count for each category", "none"));
    }
    // A category that only inputs name has no prior: nothing is said of it there.
    for name in model.descendants().filter(|e| matches!(e.name(), "TargetValueCount" | "TargetValueStat")) {
        classes.place(name.required("value")?);
    }
    priors.resize(classes.labels.len(), f64::NAN);
    let all = model.required_child("BayesInputs")?;
    let pairs = all.descendants().filter(|e| matches!(e.name(), "PairCounts" | "TargetValueStats")).count();
    measure::cells(all, "categories of inputs and target", pairs, classes.labels.len())?;
    let (mut inputs, mut likelihoods) = (Vec::new(), Vec::new());
    for input in all.all("BayesInput") {
        let (value, likelihood) = evidence(cx, scope, input, &mut classes, least)?;
        inputs.push(value);
        likelihoods.push(likelihood);
    }
    let single = cx.math() == MathContext::Float;
    let op = BayesOp::Naive { priors: priors.into(), inputs: likelihoods.into(), least, single };
    let inputs: Vec<&Value> = inputs.iter().collect();
    let shares = cx.one(model, op, &inputs, "probabilities")?;
    let labels: Vec<String> = classes.labels.iter().map(|l| (*l).to_owned()).collect();
    let best = cx.one(model, VectorOp::Best { smallest: false }, &[&shares], "class")?;
    // Of probabilities that are all NaN the first is the largest, as Java orders doubles.
    let first = Expr::call(Func::Coalesce, [Expr::Input(0), Expr::f64(0.0)]);
    let best = cx.expr(model, first, &[&best], "class")?;
    let entry = AssociationOp::Entry { table: measure::table_of(&labels) };
    let label = cx.one(model, entry, &[&best], "class")?;
    let mut answer = Answer::new(Kind::Classification, Some(Field::new(label, DataType::String, OpType::Categorical)));
    answer.probabilities = Some(Classes { labels: labels.into(), values: shares });
    Ok(answer)
}

/// Categories in the order in which they were met; of numbers those that are equal are one, however they are written.
struct Labels<'d> {
    is_number: bool,
    labels: Vec<&'d str>,
    places: HashMap<String, usize>,
}

impl<'d> Labels<'d> {
    fn place(&mut self, label: &'d str) -> usize {
        let number = parse_number(label).filter(|_| self.is_number);
        let key = number.map_or_else(|| label.to_owned(), |number| (number + 0.0).to_string());
        *self.places.entry(key).or_insert_with(|| {
            self.labels.push(if self.is_number { label.trim() } else { label });
            self.labels.len() - 1
        })
    }
}

/// Returns the counts that an element's `TargetValueCounts` list.
fn counts<'d>(element: Element<'d>) -> Result<Counts<'d>, Fault> {
    let counts = element.required_child("TargetValueCounts")?;
    let count = |e: Element<'d>| {
        let count = e.required_f64("count")?;
        match count >= 0.0 {
            true => Ok((e.required("value")?, count)),
            false => Err(e.fault("attribute count", "a number, 0 or above", count.to_string())),
        }
    };
    counts.all("TargetValueCount").map(count).collect()
}

/// Returns an input and what it says of the classes.
fn evidence<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    input: Element<'d>,
    classes: &mut Labels<'d>,
    least: f64,
) -> Result<(Value, Likelihood), Fault> {
    let name = input.required("fieldName")?;
    if let Some(stats) = input.child("TargetValueStats") {
        let field = scope.field(cx, input, name)?;
        return Ok((cx.number(input, &field.value)?, densities(stats, classes)?));
    }
    let field = match input.child("DerivedField") {
        Some(derived) => expression::derived(cx, scope, derived)?,
        None => scope.field(cx, input, name)?,
    };
    let (mut categories, mut of_category) = (Vec::new(), Vec::new());
    for pair in input.all("PairCounts") {
        categories.push(pair.required("value")?.to_owned());
        of_category.push(counts(pair)?);
    }
    if categories.is_empty() {
        return Err(input.fault("content", "PairCounts or TargetValueStats", "none"));
    }
    let mut sums = vec![0.0; classes.labels.len()];
    of_category.iter().flatten().for_each(|(label, count)| sums[classes.place(label)] += count);
    let mut shares = vec![f64::NAN; categories.len() * sums.len()];
    for (category, counts) in of_category.iter().enumerate() {
        for (label, count) in counts {
            let class = classes.place(label);
            shares[category * sums.len() + class] = if *count == 0.0 { least } else { count / sums[class] };
        }
    }
    Ok((cx.codes(input, &field, &categories)?, Likelihood::Categories(shares.into())))
}

/// Returns the densities of a continuous input; all classes have one kind of distribution.
fn densities<'d>(stats: Element<'d>, classes: &mut Labels<'d>) -> Result<Likelihood, Fault> {
    let mut means = vec![f64::NAN; classes.labels.len()];
    let mut variances = vec![f64::NAN; classes.labels.len()];
    let mut kind = None;
    for stat in stats.all("TargetValueStat") {
        let class = classes.place(stat.required("value")?);
        let element = stat.children().next();
        let element = element.ok_or_else(|| stat.fault("content", "a distribution", "none"))?;
        if *kind.get_or_insert(element.name()) != element.name() {
            return Err(stat.unimplemented("distributions of several kinds for one input"));
        }
        match element.name() {
            "GaussianDistribution" => {
                variances[class] = element.required_f64("variance")?;
                if variances[class] <= 0.0 || variances[class].is_nan() {
                    let got = variances[class].to_string();
                    return Err(element.fault("attribute variance", "a number above 0", got));
                }
            }
            "PoissonDistribution" => {}
            other => {
                return Err(stat.fault("content", "a GaussianDistribution or a PoissonDistribution", other));
            }
        }
        means[class] = element.required_f64("mean")?;
    }
    Ok(match kind {
        Some("PoissonDistribution") => Likelihood::Poisson { means: means.into() },
        _ => Likelihood::Gaussian { means: means.into(), variances: variances.into() },
    })
}

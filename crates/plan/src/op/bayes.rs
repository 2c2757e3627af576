//! Models by Bayes' rule over single columns: naive Bayes, networks of discrete variables.
//!
//! Inputs are float64: numbers, or places of categories. Null is missing and says nothing.

use std::sync::Arc;

use model::Type;

use super::{Inferred, same_rows};
use crate::{error::PlanError, plan::ValueType};

/// What an input says of the classes; a number a class, NaN where it says nothing of a class.
#[derive(Clone, Debug, PartialEq)]
pub enum Likelihood {
    /// A place among categories, for each the probabilities by class, category after category. Another place says nothing.
    Categories(Arc<[f64]>),
    /// The density of the normal distribution.
    Gaussian { means: Arc<[f64]>, variances: Arc<[f64]> },
    /// The probability of a count; a number that is no integer is refused.
    Poisson { means: Arc<[f64]> },
}

/// A function of some discrete variables: a table whose last variable changes fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Factor {
    pub variables: Arc<[u32]>,
    pub values: Arc<[f64]>,
}

/// A network of discrete variables as the product of its factors.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// How many values each variable has.
    pub sizes: Arc<[u32]>,
    pub factors: Arc<[Factor]>,
    /// The variable of each input.
    pub inputs: Arc<[u32]>,
    /// The variable that is asked for.
    pub target: u32,
}

/// One step of the elimination of variables: the product of some tables, summed over a variable.
#[derive(Clone, Debug, PartialEq)]
pub struct Elimination {
    /// Tables by number: the factors first, then one for each step before.
    pub tables: Vec<u32>,
    /// The variables that stay, rising.
    pub kept: Vec<u32>,
    /// The variable that is summed over; the last step has none.
    pub summed: Option<u32>,
}

/// Most variables of a network.
pub const NETWORK_VARIABLES_MAX: usize = 2048;

/// Most products of table entries that are computed for one row.
pub const NETWORK_CELLS_MAX: u64 = 1 << 22;

/// Ops by Bayes' rule.
#[derive(Clone, Debug, PartialEq)]
pub enum BayesOp {
    /// The classes' probabilities, a dense vector: `exp(s - max s)`, divided by their sum, where `s` is the logarithm of the prior
    /// plus those of what each input that is not null says, in their order. Densities and counts that are less probable than
    /// `least` count as that probable. `single` rounds each operation to 32 bits, as Java's float arithmetic.
    Naive { priors: Arc<[f64]>, inputs: Arc<[Likelihood]>, least: f64, single: bool },
    /// The probabilities of the target's values, a dense vector, given the inputs that are not null (a place that the variable does
    /// not have says nothing); null where that is impossible. Exact, by the elimination of variables.
    Network(Network),
}

impl BayesOp {
    pub fn name(&self) -> &'static str {
        match self {
            BayesOp::Naive { .. } => "naive_bayes",
            BayesOp::Network(_) => "bayes_network",
        }
    }

    fn inputs(&self) -> usize {
        match self {
            BayesOp::Naive { inputs, .. } => inputs.len(),
            BayesOp::Network(network) => network.inputs.len(),
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let size = match self {
            BayesOp::Naive { priors, .. } => priors.len() as u32,
            BayesOp::Network(network) => network.sizes.get(network.target as usize).copied().unwrap_or(0),
        };
        let fits = inputs.len() == self.inputs() && inputs.iter().all(|i| i.ty == Type::F64);
        match same_rows(inputs).filter(|_| fits) {
            Some(place) => Ok(vec![ValueType { ty: Type::Vector { size: Some(size) }, place }]),
            None => Err("a column of float64 for each of its inputs"),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let fits = match self {
            BayesOp::Naive { priors, inputs, .. } => {
                let fits = |input: &Likelihood| match input {
                    Likelihood::Categories(shares) => shares.len().is_multiple_of(priors.len().max(1)),
                    Likelihood::Gaussian { means, variances } => {
                        means.len() == priors.len() && variances.len() == priors.len()
                    }
                    Likelihood::Poisson { means } => means.len() == priors.len(),
                };
                !priors.is_empty() && inputs.iter().all(fits)
            }
            BayesOp::Network(network) => return network.check(),
        };
        if fits { Ok(()) } else { Err(PlanError::parameters(self.name(), "the sizes of its parts do not agree")) }
    }
}

impl Network {
    fn check(&self) -> Result<(), PlanError> {
        let fail = |what: &str| Err(PlanError::parameters("bayes_network", what));
        let known = |v: &u32| (*v as usize) < self.sizes.len();
        let cells =
            |f: &Factor| f.variables.iter().try_fold(1_usize, |n, &v| n.checked_mul(self.sizes[v as usize] as usize));
        let distinct = |f: &Factor| f.variables.iter().enumerate().all(|(i, v)| !f.variables[..i].contains(v));
        let fits = self.sizes.len() <= NETWORK_VARIABLES_MAX
            && self.sizes.iter().all(|&s| s > 0)
            && known(&self.target)
            && self.inputs.iter().all(known)
            && self.factors.iter().all(|f| f.variables.iter().all(known) && distinct(f))
            && self.factors.iter().all(|f| cells(f) == Some(f.values.len()));
        if !fits {
            return fail("the sizes of its parts do not agree");
        }
        match self.steps() {
            Some(_) => Ok(()),
            None => fail("so many of its variables hang together that a row would take more than 2^22 products"),
        }
    }

    /// Returns how the variables are eliminated, each time the one whose table is smallest, or `None` where that takes more than
    /// [`NETWORK_CELLS_MAX`] products a row.
    pub fn steps(&self) -> Option<Vec<Elimination>> {
        let mut tables: Vec<(u32, Vec<u32>)> = Vec::new();
        for (number, factor) in self.factors.iter().enumerate() {
            let mut variables = factor.variables.to_vec();
            variables.sort_unstable();
            tables.push((number as u32, variables));
        }
        let mut costs: Vec<Option<u64>> = (0..self.sizes.len() as u32).map(|v| Some(self.cost(&tables, v))).collect();
        costs[self.target as usize] = None;
        let (mut steps, mut cells) = (Vec::new(), 0_u64);
        while let Some((cost, at)) = costs.iter().enumerate().filter_map(|(at, cost)| Some(((*cost)?, at))).min() {
            cells = cells.checked_add(cost).filter(|&c| c <= NETWORK_CELLS_MAX)?;
            let variable = at as u32;
            costs[at] = None;
            let (used, rest): (Vec<_>, Vec<_>) =
                tables.into_iter().partition(|(_, vs)| vs.binary_search(&variable).is_ok());
            tables = rest;
            let kept: Vec<u32> = union(&used).into_iter().filter(|v| *v != variable).collect();
            let number = (self.factors.len() + steps.len()) as u32;
            let used = used.into_iter().map(|(number, _)| number).collect();
            steps.push(Elimination { tables: used, kept: kept.clone(), summed: Some(variable) });
            tables.push((number, kept.clone()));
            for &near in kept.iter().filter(|&&v| v != self.target) {
                costs[near as usize] = Some(self.cost(&tables, near));
            }
        }
        let last = tables.into_iter().map(|(number, _)| number).collect();
        steps.push(Elimination { tables: last, kept: vec![self.target], summed: None });
        Some(steps)
    }

    /// Returns the products that the elimination of a variable takes; of too many, that they are.
    fn cost(&self, tables: &[(u32, Vec<u32>)], variable: u32) -> u64 {
        let (mut seen, mut cells, mut used) = (Vec::<u32>::new(), 1_u64, 0_u64);
        for (_, variables) in tables.iter().filter(|(_, vs)| vs.binary_search(&variable).is_ok()) {
            used += 1;
            for &v in variables.iter().filter(|v| self.sizes[**v as usize] > 1) {
                if let Err(at) = seen.binary_search(&v) {
                    seen.insert(at, v);
                    cells = cells.saturating_mul(self.sizes[v as usize].into());
                }
                // Two values each, so that the variables seen are few.
                if cells > NETWORK_CELLS_MAX {
                    return u64::MAX;
                }
            }
        }
        cells.saturating_mul(used.max(1))
    }
}

fn union(tables: &[(u32, Vec<u32>)]) -> Vec<u32> {
    let mut all: Vec<u32> = tables.iter().flat_map(|(_, vs)| vs.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

//! Aggregates: taken out of the items, so that these are expressions over groups.

use plan::group::{GroupOp, Overflow, Single};

use super::{
    SqlError,
    ast::{Ast, Call, Literal},
    types::SqlType,
    typing::Session,
};

/// Most aggregates of a statement: each is compared with the others, so that the same is computed once.
const AGGREGATES_MAX: usize = 4_096;

/// What is computed of each group.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub op: GroupOp,
    pub args: Vec<Ast>,
    /// What a text argument is converted to.
    pub as_number: bool,
    pub distinct: bool,
}

/// The aggregates, by name: how they are called and what they do.
pub const TABLE: &[(&str, &str, &str)] = &[
    ("any", "any(test)", "Whether it is true of any row."),
    ("any_value", "any_value(x, ignore_nulls)", "As `first`."),
    ("array_agg", "array_agg(x)", "As `collect_list`."),
    ("avg", "avg(x)", "The mean, a double."),
    ("bool_and", "bool_and(test)", "Whether it is true of all rows."),
    ("bool_or", "bool_or(test)", "Whether it is true of any row."),
    ("collect_list", "collect_list(x)", "The values without nulls, in the order of the rows."),
    ("collect_set", "collect_set(x)", "The values without nulls, each once."),
    ("count", "count(*), count(x, ..), count(DISTINCT x, ..)", "Rows, or those without a null."),
    ("count_if", "count_if(test)", "Rows of which it is true."),
    ("every", "every(test)", "As `bool_and`."),
    ("first", "first(x, ignore_nulls)", "Of the first row."),
    ("first_value", "first_value(x, ignore_nulls)", "As `first`."),
    ("last", "last(x, ignore_nulls)", "Of the last row."),
    ("last_value", "last_value(x, ignore_nulls)", "As `last`."),
    ("max", "max(x)", ""),
    ("mean", "mean(x)", "As `avg`."),
    ("min", "min(x)", ""),
    ("some", "some(test)", "As `bool_or`."),
    ("std", "std(x)", "As `stddev_samp`."),
    ("stddev", "stddev(x)", "As `stddev_samp`."),
    ("stddev_pop", "stddev_pop(x)", ""),
    ("stddev_samp", "stddev_samp(x)", "Null of one row; before Spark 3.1 NaN."),
    ("sum", "sum(x)", "Integers as bigint, others as double."),
    ("var_pop", "var_pop(x)", ""),
    ("var_samp", "var_samp(x)", "As `stddev_samp`, squared."),
    ("variance", "variance(x)", "As `var_samp`."),
];

pub fn is_aggregate(name: &str) -> bool {
    TABLE.binary_search_by(|(of, ..)| (*of).cmp(name)).is_ok()
}

/// Returns whether the expression has an aggregate in it.
pub fn has_aggregate(ast: &Ast) -> bool {
    let mut found = false;
    ast.visit(&mut |part| {
        found |= matches!(part, Ast::Call(call) if is_aggregate(&call.name));
        !found
    });
    found
}

/// Puts groups in the place of rows: keys and aggregates become inputs, numbered in this order.
pub struct Split<'a> {
    pub keys: &'a [Ast],
    pub aggregates: Vec<Aggregate>,
    pub session: &'a Session,
}

impl Split<'_> {
    /// Returns the expression over groups.
    pub fn over_groups(&mut self, ast: &Ast) -> Result<Ast, SqlError> {
        if let Some(key) = self.keys.iter().position(|key| key == ast) {
            return Ok(input(key));
        }
        Ok(match ast {
            Ast::Literal(_) => ast.clone(),
            Ast::Input { name, .. } => {
                return Err(SqlError::Analysis(format!(
                    "the column `{name}` is neither a key of the groups nor aggregated"
                )));
            }
            Ast::Column(path) => return Err(SqlError::Analysis(format!("no column {}", path.join(".")))),
            Ast::Cast { arg, to, is_try } => {
                Ast::Cast { arg: Box::new(self.over_groups(arg)?), to: to.clone(), is_try: *is_try }
            }
            Ast::Case { arms, otherwise } => {
                let arm = |(test, value): &(Ast, Ast)| Ok((self.over_groups(test)?, self.over_groups(value)?));
                let arms = arms.iter().map(arm).collect::<Result<_, SqlError>>()?;
                let otherwise = otherwise.as_ref().map(|ast| self.over_groups(ast).map(Box::new)).transpose()?;
                Ast::Case { arms, otherwise }
            }
            Ast::Call(call) if is_aggregate(&call.name) => {
                let aggregate = self.aggregate(call)?;
                if self.aggregates.len() >= AGGREGATES_MAX {
                    let got = self.aggregates.len() + 1;
                    return Err(SqlError::Limit { what: "aggregates", got, limit: AGGREGATES_MAX });
                }
                let known = self.aggregates.iter().position(|other| *other == aggregate);
                let place = known.unwrap_or_else(|| {
                    self.aggregates.push(aggregate);
                    self.aggregates.len() - 1
                });
                input(self.keys.len() + place)
            }
            Ast::Call(call) => {
                let args = call.args.iter().map(|arg| self.over_groups(arg)).collect::<Result<_, _>>()?;
                Ast::Call(Call { args, ..call.clone() })
            }
        })
    }

    fn aggregate(&self, call: &Call) -> Result<Aggregate, SqlError> {
        let name = &*call.name;
        if call.args.iter().any(has_aggregate) {
            return Err(SqlError::Analysis(format!("`{name}` of an aggregate")));
        }
        let (op, mut args) = self.op(call)?;
        let mut op = op;
        if let Some(filter) = &call.filter {
            match op {
                GroupOp::First { ignore_nulls: false } | GroupOp::Last { ignore_nulls: false } => {
                    return Err(SqlError::Unsupported(format!("FILTER of `{name}`")));
                }
                GroupOp::Rows => {
                    op = GroupOp::Count;
                    args = vec![Ast::Literal(Literal::Int(1))];
                }
                _ => {}
            }
            let null = || Ast::Literal(Literal::Null);
            args = args.into_iter().map(|arg| Ast::call("if", [(**filter).clone(), arg, null()])).collect();
        }
        let as_number = matches!(op, GroupOp::Sum { .. } | GroupOp::Mean | GroupOp::Variance { .. });
        Ok(Aggregate { op, args, as_number, distinct: call.distinct || name == "collect_set" })
    }

    fn op(&self, call: &Call) -> Result<(GroupOp, Vec<Ast>), SqlError> {
        let name = &*call.name;
        let is_null = |arg: &Ast| matches!(arg, Ast::Literal(Literal::Null));
        let is_constant = |arg: &Ast| matches!(arg, Ast::Literal(_)) && !is_null(arg);
        if name == "count" {
            return match call.args.as_slice() {
                [] => Err(SqlError::Analysis("`count` takes an argument, or *".to_owned())),
                args if !call.distinct && args.iter().all(is_constant) => Ok((GroupOp::Rows, Vec::new())),
                args => Ok((GroupOp::Count, args.to_vec())),
            };
        }
        let (arg, ignore_nulls) = match (name, call.args.as_slice()) {
            (_, [arg]) => (arg.clone(), call.ignore_nulls),
            (
                "first" | "last" | "first_value" | "last_value" | "any_value",
                [arg, Ast::Literal(Literal::Bool(ignore))],
            ) => (arg.clone(), *ignore),
            (_, args) => return Err(SqlError::Analysis(format!("`{name}` does not take {} arguments", args.len()))),
        };
        let variance = |sample, root| {
            let since = (self.session.spark_major, self.session.spark_minor) >= (3, 1);
            GroupOp::Variance { sample, root, single: if since { Single::Null } else { Single::Nan } }
        };
        let overflow = if self.session.ansi { Overflow::Refuse } else { Overflow::Wrap };
        let op = match name {
            "sum" => GroupOp::Sum { overflow },
            "avg" | "mean" => GroupOp::Mean,
            "min" | "bool_and" | "every" => GroupOp::Min,
            "max" | "bool_or" | "any" | "some" => GroupOp::Max,
            "first" | "first_value" | "any_value" => GroupOp::First { ignore_nulls },
            "last" | "last_value" => GroupOp::Last { ignore_nulls },
            "std" | "stddev" | "stddev_samp" => variance(true, true),
            "stddev_pop" => variance(false, true),
            "variance" | "var_samp" => variance(true, false),
            "var_pop" => variance(false, false),
            "collect_list" | "collect_set" | "array_agg" => GroupOp::List,
            "count_if" => {
                let (one, null) = (Ast::Literal(Literal::Int(1)), Ast::Literal(Literal::Null));
                return Ok((GroupOp::Count, vec![Ast::call("if", [arg, one, null])]));
            }
            other => return Err(super::functions::unknown(other)),
        };
        let is_test = matches!(name, "bool_and" | "every" | "bool_or" | "any" | "some");
        let arg = if is_test { Ast::Cast { arg: Box::new(arg), to: SqlType::Boolean, is_try: false } } else { arg };
        Ok((op, vec![arg]))
    }
}

fn input(place: usize) -> Ast {
    Ast::Input { number: place as u32, name: format!("group column {place}").into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_ordered() {
        assert!(TABLE.is_sorted_by_key(|(name, ..)| *name));
        assert!(TABLE.iter().all(|(name, ..)| is_aggregate(name) && super::super::functions::find(name).is_none()));
    }
}

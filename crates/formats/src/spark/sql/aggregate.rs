//! Aggregates: taken out of the items, so that these are expressions over groups.

use plan::group::{Between, Bits, GroupOp, Overflow, Pair, Share, Single};

use super::{
    SqlError,
    ast::{Ast, Call, Literal},
    types::SqlType,
    typing::{Role, Session},
};

/// Most aggregates of a statement: each is compared with the others, so that the same is computed once.
const AGGREGATES_MAX: usize = 4_096;

/// What is computed of each group.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub op: GroupOp,
    pub args: Vec<Ast>,
    /// What the arguments are converted to.
    pub role: Role,
    pub distinct: bool,
}

/// The aggregates, by name: how they are called and what they do.
pub const TABLE: &[(&str, &str, &str)] = &[
    ("any", "any(test)", "Whether it is true of any row."),
    ("any_value", "any_value(x, ignore_nulls)", "As `first`."),
    ("array_agg", "array_agg(x)", "As `collect_list`."),
    ("avg", "avg(x)", "The mean, a double."),
    ("bit_and", "bit_and(n)", ""),
    ("bit_or", "bit_or(n)", ""),
    ("bit_xor", "bit_xor(n)", ""),
    ("bool_and", "bool_and(test)", "Whether it is true of all rows."),
    ("bool_or", "bool_or(test)", "Whether it is true of any row."),
    ("collect_list", "collect_list(x)", "The values without nulls, in the order of the rows."),
    ("collect_set", "collect_set(x)", "The values without nulls, each once."),
    ("corr", "corr(x, y)", "Pearson's correlation; in ANSI mode, too, null where x or y does not vary."),
    ("count", "count(*), count(x, ..), count(DISTINCT x, ..)", "Rows, or those without a null."),
    ("count_if", "count_if(test)", "Rows of which it is true."),
    ("covar_pop", "covar_pop(x, y)", ""),
    ("covar_samp", "covar_samp(x, y)", "Null of one pair."),
    ("every", "every(test)", "As `bool_and`."),
    ("first", "first(x, ignore_nulls)", "Of the first row."),
    ("first_value", "first_value(x, ignore_nulls)", "As `first`."),
    ("kurtosis", "kurtosis(x)", "In excess of the normal distribution's."),
    ("last", "last(x, ignore_nulls)", "Of the last row."),
    ("last_value", "last_value(x, ignore_nulls)", "As `last`."),
    ("max", "max(x)", ""),
    ("max_by", "max_by(x, y)", "The x where y is greatest; of equal ones the last."),
    ("mean", "mean(x)", "As `avg`."),
    ("median", "median(x)", "As `percentile(x, 0.5)`."),
    ("min", "min(x)", ""),
    ("min_by", "min_by(x, y)", "The x where y is least; of equal ones the last."),
    ("mode", "mode(x)", "The most frequent; of equally frequent ones Spark's choice for one partition."),
    (
        "percentile",
        "percentile(x, share), percentile(x, array(share, ..))",
        "Exact, between two values where the share falls there.",
    ),
    ("regr_avgx", "regr_avgx(y, x)", "The mean of x where neither is null."),
    ("regr_avgy", "regr_avgy(y, x)", "The mean of y where neither is null."),
    ("regr_count", "regr_count(y, x)", "Pairs where neither is null."),
    ("regr_intercept", "regr_intercept(y, x)", "Of the line by least squares."),
    ("regr_r2", "regr_r2(y, x)", "The square of the correlation."),
    ("regr_slope", "regr_slope(y, x)", "Of the line by least squares."),
    ("regr_sxx", "regr_sxx(y, x)", "Squares of x's distances from its mean, added up."),
    ("regr_sxy", "regr_sxy(y, x)", "Products of the distances from the means, added up."),
    ("regr_syy", "regr_syy(y, x)", "Squares of y's distances from its mean, added up."),
    ("skewness", "skewness(x)", ""),
    ("some", "some(test)", "As `bool_or`."),
    ("std", "std(x)", "As `stddev_samp`."),
    ("stddev", "stddev(x)", "As `stddev_samp`."),
    ("stddev_pop", "stddev_pop(x)", ""),
    ("stddev_samp", "stddev_samp(x)", "Null of one row; before Spark 3.1 NaN."),
    ("sum", "sum(x)", "Integers as bigint, others as double."),
    ("try_avg", "try_avg(x)", "As `avg`, null where a decimal does not fit."),
    ("try_sum", "try_sum(x)", "As `sum`, null where it does not fit."),
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
            Ast::Call(call) if is_array_of_percentiles(call) => self.over_groups(&percentiles(call)?)?,
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
        let (mut op, mut args, role) = self.op(call)?;
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
        Ok(Aggregate { op, args, role, distinct: call.distinct || name == "collect_set" })
    }

    fn op(&self, call: &Call) -> Result<(GroupOp, Vec<Ast>, Role), SqlError> {
        let name = &*call.name;
        if let Some(of_pair) = self.of_pair(call)? {
            return Ok(of_pair);
        }
        let is_null = |arg: &Ast| matches!(arg, Ast::Literal(Literal::Null));
        let is_constant = |arg: &Ast| matches!(arg, Ast::Literal(_)) && !is_null(arg);
        if name == "count" {
            return match call.args.as_slice() {
                [] => Err(SqlError::Analysis("`count` takes an argument, or *".to_owned())),
                args if !call.distinct && args.iter().all(is_constant) => Ok((GroupOp::Rows, Vec::new(), Role::Value)),
                args => Ok((GroupOp::Count, args.to_vec(), Role::Value)),
            };
        }
        let (arg, ignore_nulls) = match (name, call.args.as_slice()) {
            (_, [arg]) => (arg.clone(), call.ignore_nulls),
            (
                "first" | "last" | "first_value" | "last_value" | "any_value",
                [arg, Ast::Literal(Literal::Bool(ignore))],
            ) => (arg.clone(), *ignore),
            ("percentile", [arg, share]) => {
                return Ok((self.percentile(share_of(share)?), vec![arg.clone()], Role::Number));
            }
            ("percentile", [_, _, _]) => return Err(SqlError::Unsupported("`percentile` with frequencies".to_owned())),
            ("mode", [_, _]) => return Err(SqlError::Unsupported("`mode` with a second argument".to_owned())),
            (_, args) => return Err(SqlError::Analysis(format!("`{name}` does not take {} arguments", args.len()))),
        };
        if name == "count_if" {
            let (one, null) = (Ast::Literal(Literal::Int(1)), Ast::Literal(Literal::Null));
            return Ok((GroupOp::Count, vec![Ast::call("if", [arg, one, null])], Role::Value));
        }
        let op = self.of_one(name, ignore_nulls)?;
        let is_test = matches!(name, "bool_and" | "every" | "bool_or" | "any" | "some");
        let arg = if is_test { Ast::Cast { arg: Box::new(arg), to: SqlType::Boolean, is_try: false } } else { arg };
        Ok((op, vec![arg], role_of(op)))
    }

    /// Returns what an aggregate of one column is.
    fn of_one(&self, name: &str, ignore_nulls: bool) -> Result<GroupOp, SqlError> {
        let variance = |sample, root| {
            let since = self.session.since(3, 1);
            GroupOp::Variance {
                sample,
                root,
                single: if since { Single::Null } else { Single::Nan },
                merged: self.is_merged(),
            }
        };
        let overflow = if self.session.ansi { Overflow::Refuse } else { Overflow::Wrap };
        Ok(match name {
            "sum" => GroupOp::Sum { overflow },
            "try_sum" => GroupOp::Sum { overflow: Overflow::Null },
            "avg" | "mean" | "try_avg" => GroupOp::Mean,
            "skewness" => GroupOp::Skewness { merged: self.is_merged() },
            "kurtosis" => GroupOp::Kurtosis { merged: self.is_merged() },
            "median" => self.percentile(share_of(&Ast::Literal(Literal::Double(0.5)))?),
            "mode" => GroupOp::Mode { one_zero: self.is_from(4, 2) },
            "bit_and" => GroupOp::Bits(Bits::And),
            "bit_or" => GroupOp::Bits(Bits::Or),
            "bit_xor" => GroupOp::Bits(Bits::Xor),
            "min" | "bool_and" | "every" => GroupOp::Min,
            "max" | "bool_or" | "any" | "some" => GroupOp::Max,
            "first" | "first_value" | "any_value" => GroupOp::First { ignore_nulls },
            "last" | "last_value" => GroupOp::Last { ignore_nulls },
            "std" | "stddev" | "stddev_samp" => variance(true, true),
            "stddev_pop" => variance(false, true),
            "variance" | "var_samp" => variance(true, false),
            "var_pop" => variance(false, false),
            "collect_list" | "collect_set" | "array_agg" => GroupOp::List,
            other => return Err(super::functions::unknown(other)),
        })
    }

    /// Returns what an aggregate of two columns is; nothing where it is not one.
    fn of_pair(&self, call: &Call) -> Result<Option<(GroupOp, Vec<Ast>, Role)>, SqlError> {
        let name = &*call.name;
        let is_of_pair = matches!(name, "corr" | "covar_pop" | "covar_samp" | "max_by" | "min_by");
        if !is_of_pair && !name.starts_with("regr_") {
            return Ok(None);
        }
        let [a, b] = call.args.as_slice() else {
            return Err(SqlError::Analysis(format!("`{name}` takes 2 arguments, got {}", call.args.len())));
        };
        let beside = |value: &Ast, other: &Ast| {
            let is_null = Ast::call("isnull", [other.clone()]);
            vec![Ast::call("if", [is_null, Ast::Literal(Literal::Null), value.clone()])]
        };
        let (in_order, flipped) = (vec![a.clone(), b.clone()], vec![b.clone(), a.clone()]);
        let merged = self.is_merged();
        let pair = |of: Pair, args: Vec<Ast>| (GroupOp::Pair { of, merged }, args, Role::Double);
        Ok(Some(match name {
            "max_by" => (GroupOp::MaxBy, in_order, Role::Value),
            "min_by" => (GroupOp::MinBy, in_order, Role::Value),
            "corr" => pair(Pair::Correlation, in_order),
            "covar_pop" => pair(Pair::Covariance, in_order),
            "covar_samp" => pair(Pair::SampleCovariance, in_order),
            "regr_count" => (GroupOp::Count, in_order, Role::Number),
            "regr_avgx" => (GroupOp::Mean, beside(b, a), Role::Number),
            "regr_avgy" => (GroupOp::Mean, beside(a, b), Role::Number),
            "regr_sxx" => pair(Pair::Squares, flipped),
            "regr_syy" => pair(Pair::Squares, in_order),
            "regr_sxy" => pair(Pair::Products, flipped),
            "regr_slope" => pair(Pair::Slope, flipped),
            "regr_intercept" => pair(Pair::Intercept, flipped),
            "regr_r2" => pair(Pair::Determination, in_order),
            other => return Err(super::functions::unknown(other)),
        }))
    }

    /// Whether moments of a partition are merged into those of none.
    fn is_merged(&self) -> bool {
        !self.is_from(4, 3)
    }

    /// Spark 4.2 takes both zeros for one in modes (SPARK-57329); 4.3 computes percentiles in another way (SPARK-57982), and merges
    /// nothing where there is one partition.
    fn is_from(&self, major: u32, minor: u32) -> bool {
        self.session.since(major, minor)
    }

    fn percentile(&self, share: Share) -> GroupOp {
        let between = if self.is_from(4, 3) { Between::Way } else { Between::Shares };
        GroupOp::Percentile { share, between }
    }
}

/// Refuses what Spark computes of types that we do not.
pub fn served(op: GroupOp, types: &[SqlType]) -> Result<(), SqlError> {
    let has_order = |ty: &SqlType| *ty == SqlType::Text || ty.column().as_scalar().is_some();
    match (op, types) {
        (GroupOp::Mode { .. }, [ty]) if ty.is_decimal() || !has_order(ty) => {
            Err(SqlError::Unsupported(format!("`mode` of {ty}")))
        }
        (GroupOp::MaxBy | GroupOp::MinBy, [_, by]) if !has_order(by) => {
            Err(SqlError::Unsupported(format!("`{}` by {by}", op.name())))
        }
        _ => Ok(()),
    }
}

/// Returns what the argument of an aggregate of one column is converted to.
fn role_of(op: GroupOp) -> Role {
    match op {
        GroupOp::Sum { .. } | GroupOp::Mean | GroupOp::Variance { .. } | GroupOp::Percentile { .. } => Role::Number,
        GroupOp::Skewness { .. } | GroupOp::Kurtosis { .. } => Role::Double,
        GroupOp::Bits(_) => Role::Integer,
        _ => Role::Value,
    }
}

/// Returns a share that is a constant number.
fn share_of(ast: &Ast) -> Result<Share, SqlError> {
    let share = match ast {
        Ast::Literal(Literal::Int(i)) => f64::from(*i),
        Ast::Literal(Literal::Double(x)) => *x,
        Ast::Literal(Literal::Decimal { value, scale, .. }) => model::decimal::to_f64(*value, *scale),
        Ast::Literal(Literal::Null) => f64::NAN,
        _ => return Err(SqlError::Unsupported("`percentile` of a share that is not a constant number".to_owned())),
    };
    Share::new(share).ok_or_else(|| SqlError::Analysis("`percentile` takes a share from 0 to 1".to_owned()))
}

fn is_array_of_percentiles(call: &Call) -> bool {
    let is_array = |arg: &Ast| matches!(arg, Ast::Call(call) if &*call.name == "array" && !call.args.is_empty());
    &*call.name == "percentile" && call.args.len() == 2 && is_array(&call.args[1])
}

/// Returns an array of percentiles, one of each share; null where there is no value.
fn percentiles(call: &Call) -> Result<Ast, SqlError> {
    let [arg, Ast::Call(shares)] = call.args.as_slice() else {
        return Err(SqlError::Analysis("`percentile` takes a column and a share".to_owned()));
    };
    let one = |share: &Ast| Ast::Call(Call { args: vec![arg.clone(), share.clone()], ..call.clone() });
    let items: Vec<Ast> = shares.args.iter().map(one).collect();
    let is_null = Ast::call("isnull", [items[0].clone()]);
    Ok(Ast::call("if", [is_null, Ast::Literal(Literal::Null), Ast::call("array", items)]))
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

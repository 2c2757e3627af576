//! Expressions of the parser library to ours: operators become calls, forms of their own (`EXTRACT`, `TRIM`) functions.

use std::sync::Arc;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, CeilFloorKind, DateTimeField, DuplicateTreatment, Expr, Function,
    FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, NullTreatment, Subscript, TrimWhereField,
    UnaryOperator, Value,
};

use super::{Reader, path, unsupported};
use crate::spark::sql::{
    SqlError,
    ast::{Ast, Call, Literal},
    literal,
};

/// Most parts of a column's name.
const PATH_MAX: usize = 32;

impl Reader {
    pub(super) fn expr(&mut self, expr: Expr) -> Result<Ast, SqlError> {
        self.count()?;
        match expr {
            Expr::Nested(inner) => self.expr(*inner),
            Expr::Identifier(ident) => Ok(Ast::Column(vec![ident.value.as_str().into()])),
            Expr::CompoundIdentifier(idents) if idents.len() > PATH_MAX => {
                Err(SqlError::Limit { what: "parts of a name", got: idents.len(), limit: PATH_MAX })
            }
            Expr::CompoundIdentifier(idents) => {
                Ok(Ast::Column(idents.iter().map(|ident| ident.value.as_str().into()).collect()))
            }
            Expr::CompoundFieldAccess { root, access_chain } => self.access(*root, access_chain),
            Expr::Value(value) => literal::of_value(&value.value, false).map(Ast::Literal),
            Expr::TypedString(typed) => literal::of_typed(&typed).map(Ast::Literal),
            Expr::Interval(interval) => literal::of_interval(&interval).map(Ast::Literal),
            Expr::UnaryOp { op, expr } => self.unary(op, *expr),
            Expr::BinaryOp { left, op, right } => self.binary(*left, op, *right),
            Expr::Function(function) => self.function(function),
            Expr::Cast { kind, expr, data_type, format: None } => {
                let is_try = matches!(kind, CastKind::TryCast | CastKind::SafeCast);
                Ok(Ast::Cast { arg: self.boxed(*expr)?, to: literal::data_type(&data_type)?, is_try })
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                let operand = operand.map(|operand| self.expr(*operand)).transpose()?;
                let mut arms = Vec::with_capacity(conditions.len());
                for arm in conditions {
                    let test = self.expr(arm.condition)?;
                    let test = match &operand {
                        Some(operand) => {
                            operand.visit(&mut |_| {
                                self.parts += 1;
                                true
                            });
                            self.count()?;
                            Ast::call("=", [operand.clone(), test])
                        }
                        None => test,
                    };
                    arms.push((test, self.expr(arm.result)?));
                }
                let otherwise = else_result.map(|expr| self.boxed(*expr)).transpose()?;
                Ok(Ast::Case { arms, otherwise })
            }
            expr => self.predicate(expr),
        }
    }

    fn exprs(&mut self, exprs: impl IntoIterator<Item = Expr>) -> Result<Vec<Ast>, SqlError> {
        exprs.into_iter().map(|expr| self.expr(expr)).collect()
    }

    fn call(&mut self, name: &str, args: impl IntoIterator<Item = Expr>) -> Result<Ast, SqlError> {
        Ok(Ast::call(name, self.exprs(args)?))
    }

    fn negated(&mut self, negated: bool, ast: Ast) -> Ast {
        if negated { Ast::call("not", [ast]) } else { ast }
    }

    fn predicate(&mut self, expr: Expr) -> Result<Ast, SqlError> {
        let truth = |bit: bool| Ast::Literal(Literal::Bool(bit));
        match expr {
            Expr::IsNull(arg) | Expr::IsUnknown(arg) => self.call("is null", [*arg]),
            Expr::IsNotNull(arg) | Expr::IsNotUnknown(arg) => self.call("is not null", [*arg]),
            Expr::IsTrue(arg) => Ok(Ast::call("<=>", [self.expr(*arg)?, truth(true)])),
            Expr::IsFalse(arg) => Ok(Ast::call("<=>", [self.expr(*arg)?, truth(false)])),
            Expr::IsNotTrue(arg) => Ok(Ast::call("not", [Ast::call("<=>", [self.expr(*arg)?, truth(true)])])),
            Expr::IsNotFalse(arg) => Ok(Ast::call("not", [Ast::call("<=>", [self.expr(*arg)?, truth(false)])])),
            Expr::IsDistinctFrom(a, b) => Ok(Ast::call("not", [self.call("<=>", [*a, *b])?])),
            Expr::IsNotDistinctFrom(a, b) => self.call("<=>", [*a, *b]),
            Expr::InList { expr, list, negated } => {
                let ast = self.call("in", std::iter::once(*expr).chain(list))?;
                Ok(self.negated(negated, ast))
            }
            Expr::Between { expr, negated, low, high } => {
                let ast = self.call("between", [*expr, *low, *high])?;
                Ok(self.negated(negated, ast))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                let ast = self.call("like", [*expr, *pattern].into_iter().chain(escape_char.map(|e| *e)))?;
                Ok(self.negated(negated, ast))
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char } => {
                let ast = self.call("ilike", [*expr, *pattern].into_iter().chain(escape_char.map(|e| *e)))?;
                Ok(self.negated(negated, ast))
            }
            Expr::RLike { negated, expr, pattern, .. } => {
                let ast = self.call("rlike", [*expr, *pattern])?;
                Ok(self.negated(negated, ast))
            }
            expr => self.form(expr),
        }
    }

    /// Functions that have a grammar of their own.
    fn form(&mut self, expr: Expr) -> Result<Ast, SqlError> {
        match expr {
            Expr::Extract { field, expr, .. } => {
                let field = Ast::Literal(Literal::Text(field.to_string().into()));
                Ok(Ast::call("extract", [field, self.expr(*expr)?]))
            }
            Expr::Ceil { expr, field } => self.rounded("ceil", *expr, field),
            Expr::Floor { expr, field } => self.rounded("floor", *expr, field),
            Expr::Position { expr, r#in } => self.call("locate", [*expr, *r#in]),
            Expr::Substring { expr, substring_from, substring_for, shorthand, special } => {
                let name = if shorthand && special { "substr" } else { "substring" };
                self.call(name, [Some(expr), substring_from, substring_for].into_iter().flatten().map(|expr| *expr))
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters: None } => {
                let name = match (trim_where, &trim_what) {
                    (None, None) => "trim",
                    (None | Some(TrimWhereField::Both), _) => "trim both",
                    (Some(TrimWhereField::Leading), _) => "trim leading",
                    (Some(TrimWhereField::Trailing), _) => "trim trailing",
                };
                self.call(name, std::iter::once(*expr).chain(trim_what.map(|what| *what)))
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let args = [Some(expr), Some(overlay_what), Some(overlay_from), overlay_for];
                self.call("overlay", args.into_iter().flatten().map(|expr| *expr))
            }
            Expr::Struct { values, fields } if fields.is_empty() => self.call("struct", values),
            Expr::Array(array) if array.named => self.call("array", array.elem),
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => unsupported("subqueries"),
            Expr::Lambda(_) => unsupported("functions of higher order (->)"),
            Expr::Like { .. } | Expr::ILike { .. } => unsupported("LIKE ANY"),
            Expr::AtTimeZone { .. } => unsupported("AT TIME ZONE"),
            Expr::Collate { .. } => unsupported("COLLATE"),
            Expr::Tuple(values) => self.call("struct", values),
            other => unsupported(format!("the expression {}", short(&other.to_string()))),
        }
    }

    fn rounded(&mut self, name: &str, expr: Expr, field: CeilFloorKind) -> Result<Ast, SqlError> {
        let mut args = vec![self.expr(expr)?];
        match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => {}
            CeilFloorKind::DateTimeField(field) => return unsupported(format!("{name} to {field}")),
            CeilFloorKind::Scale(value) => args.push(Ast::Literal(literal::of_value(&value.value, false)?)),
        }
        Ok(Ast::call(name, args))
    }

    fn access(&mut self, root: Expr, chain: Vec<AccessExpr>) -> Result<Ast, SqlError> {
        let mut ast = self.expr(root)?;
        for access in chain {
            self.count()?;
            ast = match (access, ast) {
                (AccessExpr::Dot(Expr::Identifier(name)), Ast::Column(mut path)) => {
                    path.push(name.value.as_str().into());
                    Ast::Column(path)
                }
                (AccessExpr::Dot(Expr::Identifier(name)), ast) => {
                    Ast::call(".", [ast, Ast::Literal(Literal::Text(name.value.as_str().into()))])
                }
                (AccessExpr::Subscript(Subscript::Index { index }), ast) => Ast::call("[]", [ast, self.expr(index)?]),
                (access, _) => return unsupported(format!("the access {}", short(&access.to_string()))),
            };
        }
        Ok(ast)
    }

    fn unary(&mut self, op: UnaryOperator, expr: Expr) -> Result<Ast, SqlError> {
        let name = match op {
            // `-1` is a constant, as the least integers must be.
            UnaryOperator::Minus => match &expr {
                Expr::Value(value) if matches!(value.value, Value::Number(..)) => {
                    return literal::of_value(&value.value, true).map(Ast::Literal);
                }
                _ => "negative -",
            },
            UnaryOperator::Plus => "positive +",
            UnaryOperator::Not | UnaryOperator::BangNot => "not",
            UnaryOperator::BitwiseNot => "~",
            other => return unsupported(format!("the operator {other}")),
        };
        self.call(name, [expr])
    }

    /// Chains of operators lean to the left, as long as they are.
    fn binary(&mut self, left: Expr, op: BinaryOperator, right: Expr) -> Result<Ast, SqlError> {
        let mut rest = vec![(op, right)];
        let mut first = left;
        while let Expr::BinaryOp { left, op, right } = first {
            self.count()?;
            rest.push((op, *right));
            first = *left;
        }
        let mut ast = self.expr(first)?;
        while let Some((op, right)) = rest.pop() {
            let name = operator(&op)?;
            let right = self.expr(right)?;
            ast = match name {
                "!=" => Ast::call("not", [Ast::call("=", [ast, right])]),
                name => Ast::call(name, [ast, right]),
            };
        }
        Ok(ast)
    }

    fn function(&mut self, function: Function) -> Result<Ast, SqlError> {
        let name = match path(&function.name)?.as_slice() {
            [one] => one.to_ascii_lowercase(),
            _ => return unsupported(format!("the function {}", function.name)),
        };
        if function.over.is_some() {
            return unsupported(format!("windows ({name}(..) OVER ..)"));
        }
        if !function.within_group.is_empty() || !matches!(function.parameters, FunctionArguments::None) {
            return unsupported(format!("WITHIN GROUP ({name})"));
        }
        let mut ignore_nulls = function.null_treatment == Some(NullTreatment::IgnoreNulls);
        let (mut args, mut distinct) = (Vec::new(), false);
        match function.args {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(_) => return unsupported("subqueries"),
            FunctionArguments::List(list) => {
                distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
                for clause in list.clauses {
                    match clause {
                        FunctionArgumentClause::IgnoreOrRespectNulls(how) => {
                            ignore_nulls |= how == NullTreatment::IgnoreNulls;
                        }
                        other => return unsupported(format!("{other} in {name}")),
                    }
                }
                for arg in list.args {
                    args.push(self.arg(&name, arg)?);
                }
            }
        }
        let filter = function.filter.map(|filter| self.boxed(*filter)).transpose()?;
        Ok(Ast::Call(Call { name: Arc::from(name), args, distinct, filter, ignore_nulls }))
    }

    fn arg(&mut self, name: &str, arg: FunctionArg) -> Result<Ast, SqlError> {
        match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => self.expr(expr),
            // `count(*)` is `count(1)`.
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if name == "count" => Ok(Ast::Literal(Literal::Int(1))),
            other => unsupported(format!("{} as an argument of {name}", short(&other.to_string()))),
        }
    }
}

fn operator(op: &BinaryOperator) -> Result<&'static str, SqlError> {
    use BinaryOperator as B;
    Ok(match op {
        B::Plus => "+",
        B::Minus => "-",
        B::Multiply => "*",
        B::Divide => "/",
        B::Modulo => "%",
        B::MyIntegerDivide => "div",
        B::StringConcat => "||",
        B::Gt => ">",
        B::Lt => "<",
        B::GtEq => ">=",
        B::LtEq => "<=",
        B::Eq => "=",
        B::NotEq => "!=",
        B::Spaceship => "<=>",
        B::And => "and",
        B::Or => "or",
        B::BitwiseAnd => "&",
        B::BitwiseOr => "|",
        B::BitwiseXor => "^",
        B::PGBitwiseShiftLeft => "<<",
        B::PGBitwiseShiftRight => ">>",
        B::Custom(op) if op == ">>>" => ">>>",
        other => return unsupported(format!("the operator {other}")),
    })
}

fn short(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

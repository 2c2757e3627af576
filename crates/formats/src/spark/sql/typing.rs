//! From the statement's expressions to typed ones: each part gets its type, and the conversions that Spark puts in.

use std::{cell::Cell, fmt, sync::Arc};

use plan::{
    Expr, Func, Scalar, Typing, ValueType,
    expr::{Arith, Cast, CastRule, Compare, OnFault, Zone, arith::is_comparable, text::Units},
};

use super::{
    SqlError,
    ast::{Ast, Literal},
    functions, names,
    types::{Coercion, SqlType, decimal_result},
};

/// What the session that a statement ran in decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// The version of Spark that saved the stage.
    pub spark_major: u32,
    pub spark_minor: u32,
    pub spark_patch: u32,
    /// ANSI mode: what does not fit refuses its row.
    pub ansi: bool,
    pub zone: Zone,
}

/// An expression with its type.
#[derive(Clone, Debug)]
pub struct Typed {
    pub expr: Expr,
    pub ty: SqlType,
    /// What it is, where it is a constant.
    pub constant: Option<Literal>,
}

/// Gives types to expressions over inputs of known types.
pub struct Typer<'a> {
    pub session: &'a Session,
    /// Types of the inputs that [`Ast::Input`] names by number.
    pub inputs: &'a [SqlType],
    /// Parts of what was copied so far, see [`Typer::copy`].
    copied: Cell<usize>,
}

/// Most parts of expressions that stand in more than one place. Copies within copies double with each level.
const COPIED_MAX: usize = 100_000;

/// An expression of a statement, its columns the inputs of a node; typed when the types of these are known.
#[derive(Clone, Debug)]
pub struct SqlExpr {
    pub ast: Ast,
    pub session: Arc<Session>,
    pub role: Role,
}

/// What an expression's result is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Value,
    /// It must be a boolean.
    Condition,
    /// A text becomes a double.
    Number,
    /// Every number and text becomes a double.
    Double,
    /// It must be an integer; null is an int.
    Integer,
}

impl Typing for SqlExpr {
    fn typed(&self, inputs: &[ValueType]) -> Result<Expr, String> {
        let types: Vec<SqlType> = inputs.iter().map(|input| SqlType::of(&input.ty)).collect();
        let typed = self.typed_as(&types).map_err(|error| error.to_string())?;
        Ok(typed.expr)
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&names::shown(&self.ast, &self.session))
    }
}

impl SqlExpr {
    /// Returns the expression over inputs of these types.
    pub fn typed_as(&self, inputs: &[SqlType]) -> Result<Typed, SqlError> {
        let typer = Typer { session: &self.session, inputs, copied: Cell::new(0) };
        let typed = typer.typed(&self.ast)?;
        match self.role {
            Role::Condition if !matches!(typed.ty, SqlType::Boolean | SqlType::Null) => {
                Err(SqlError::Analysis(format!("a condition must be BOOLEAN, not {}", typed.ty)))
            }
            Role::Condition => Ok(typer.cast(typed, &SqlType::Boolean)),
            Role::Number if matches!(typed.ty, SqlType::Text | SqlType::Null) => {
                Ok(typer.cast(typed, &SqlType::Double))
            }
            Role::Double => typer.expect(typed, &SqlType::Double, "an aggregate"),
            Role::Integer if typed.ty == SqlType::Null => Ok(typer.cast(typed, &SqlType::Int)),
            Role::Value if typed.ty == SqlType::Interval => {
                Err(SqlError::Unsupported("a column of intervals".to_owned()))
            }
            Role::Value | Role::Number | Role::Integer => Ok(typed),
        }
    }
}

impl Typed {
    pub fn constant(literal: Literal, expr: Expr, ty: SqlType) -> Typed {
        Typed { expr, ty, constant: Some(literal) }
    }

    pub fn new(expr: Expr, ty: SqlType) -> Typed {
        Typed { expr, ty, constant: None }
    }

    /// Returns the text of a constant.
    pub fn text(&self) -> Option<&Arc<str>> {
        match &self.constant {
            Some(Literal::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns the integer of a constant.
    pub fn integer(&self) -> Option<i64> {
        match self.constant {
            Some(Literal::Byte(i)) => Some(i.into()),
            Some(Literal::Short(i)) => Some(i.into()),
            Some(Literal::Int(i)) => Some(i.into()),
            Some(Literal::Long(i)) => Some(i),
            _ => None,
        }
    }
}

impl Session {
    /// Whether Spark of this version or a later one saved the stage.
    pub fn since(&self, major: u32, minor: u32) -> bool {
        (self.spark_major, self.spark_minor) >= (major, minor)
    }

    /// What counts as a character where Spark counted units of UTF-16 before 4.3.
    pub fn units(&self) -> Units {
        if self.since(4, 3) { Units::Characters } else { Units::Utf16 }
    }
}

impl Typer<'_> {
    pub fn coercion(&self) -> Coercion {
        Coercion { ansi: self.session.ansi }
    }

    /// What becomes of a result that does not fit.
    pub fn on(&self) -> OnFault {
        if self.session.ansi { OnFault::Refuse } else { OnFault::Wrap }
    }

    pub fn rule(&self) -> CastRule {
        if self.session.ansi { CastRule::Ansi } else { CastRule::Legacy }
    }

    /// Returns the expression with its type.
    pub fn typed(&self, ast: &Ast) -> Result<Typed, SqlError> {
        match ast {
            Ast::Literal(literal) => self.literal(literal),
            Ast::Input { number, .. } => {
                let ty = self.inputs.get(*number as usize).cloned();
                let ty = ty.ok_or_else(|| SqlError::Analysis(format!("no input {number}")))?;
                Ok(Typed::new(Expr::Input(*number), ty))
            }
            Ast::Column(path) => Err(SqlError::Analysis(format!("no column {}", path.join(".")))),
            Ast::Cast { arg, to, is_try } => {
                let arg = self.typed(arg)?;
                let rule = if *is_try { CastRule::Try } else { self.rule() };
                self.cast_by(arg, to, rule)
            }
            Ast::Case { arms, otherwise } => self.case(arms, otherwise.as_deref()),
            Ast::Call(call) => functions::call(self, call),
        }
    }

    pub fn all(&self, asts: &[Ast]) -> Result<Vec<Typed>, SqlError> {
        asts.iter().map(|ast| self.typed(ast)).collect()
    }

    fn literal(&self, literal: &Literal) -> Result<Typed, SqlError> {
        let (scalar, ty) = match literal {
            Literal::Null => (Scalar::Null(SqlType::Null.column()), SqlType::Null),
            Literal::Bool(bit) => (Scalar::Bool(*bit), SqlType::Boolean),
            Literal::Byte(i) => (Scalar::I8(*i), SqlType::Byte),
            Literal::Short(i) => (Scalar::I16(*i), SqlType::Short),
            Literal::Int(i) => (Scalar::I32(*i), SqlType::Int),
            Literal::Long(i) => (Scalar::I64(*i), SqlType::Long),
            Literal::Float(x) => (Scalar::F32(*x), SqlType::Float),
            Literal::Double(x) => (Scalar::F64(*x), SqlType::Double),
            Literal::Decimal { value, precision, scale } => {
                let scalar = Scalar::Decimal { value: *value, precision: *precision, scale: *scale };
                (scalar, SqlType::Decimal(*precision, *scale))
            }
            Literal::Text(text) => (Scalar::Text(text.clone()), SqlType::Text),
            Literal::Bytes(bytes) => (Scalar::Bytes(bytes.clone()), SqlType::Binary),
            Literal::Date(days) => (Scalar::Date(*days), SqlType::Date),
            Literal::Timestamp(text) => {
                let to =
                    Cast { to: SqlType::Timestamp.column(), rule: CastRule::Ansi, zone: self.session.zone.clone() };
                let expr = Expr::Call(Func::Cast(to), vec![Expr::text(text)]);
                return Ok(Typed::constant(literal.clone(), expr, SqlType::Timestamp));
            }
            Literal::Interval(_) => (Scalar::Null(SqlType::Null.column()), SqlType::Interval),
        };
        Ok(Typed::constant(literal.clone(), Expr::Const(scalar), ty))
    }

    /// Returns an expression once more, for a function that needs it in two places.
    pub fn copy(&self, typed: &Typed) -> Result<Typed, SqlError> {
        fn parts(expr: &Expr) -> usize {
            match expr {
                Expr::Call(_, args) => 1 + args.iter().map(parts).sum::<usize>(),
                Expr::Input(_) | Expr::Const(_) => 1,
            }
        }
        let got = self.copied.get() + parts(&typed.expr);
        self.copied.set(got);
        if got > COPIED_MAX {
            return Err(SqlError::Limit { what: "parts of expressions computed twice", got, limit: COPIED_MAX });
        }
        Ok(typed.clone())
    }

    /// Returns the call of a function of the plan; its type is what the function gives.
    pub fn call(&self, func: impl Into<Func>, args: Vec<Typed>) -> Result<Typed, SqlError> {
        let func = func.into();
        let types: Vec<model::Type> = args.iter().map(|arg| arg.ty.column()).collect();
        let Some(ty) = func.result(&types) else {
            let types: Vec<String> = args.iter().map(|arg| arg.ty.to_string()).collect();
            return Err(SqlError::Analysis(format!("`{}` does not take ({})", func.name(), types.join(", "))));
        };
        Ok(Typed::new(Expr::Call(func, args.into_iter().map(|arg| arg.expr).collect()), SqlType::of(&ty)))
    }

    /// Converts as Spark does unasked.
    pub fn cast(&self, arg: Typed, to: &SqlType) -> Typed {
        let rule = self.rule();
        self.converted(arg, to, rule)
    }

    pub fn cast_by(&self, arg: Typed, to: &SqlType, rule: CastRule) -> Result<Typed, SqlError> {
        let cast = Cast { to: to.column(), rule, zone: self.session.zone.clone() };
        if arg.ty != SqlType::Null && !cast.takes(&arg.ty.column()) {
            return Err(SqlError::Analysis(format!("cannot cast {} to {to}", arg.ty)));
        }
        let mut typed = self.converted(arg, to, rule);
        typed.constant = None;
        Ok(typed)
    }

    fn converted(&self, arg: Typed, to: &SqlType, rule: CastRule) -> Typed {
        if arg.ty == *to {
            return arg;
        }
        if arg.ty == SqlType::Null {
            return Typed::constant(Literal::Null, Expr::null(to.column()), to.clone());
        }
        if let Some(literal) = arg.constant.as_ref().and_then(|literal| widened(literal, to))
            && let Ok(typed) = self.literal(&literal)
        {
            return typed;
        }
        let func = match (&arg.ty, to) {
            (from, SqlType::Double) if from.is_integer() || from.is_float() => Func::ToF64,
            _ => Func::Cast(Cast { to: to.column(), rule, zone: self.session.zone.clone() }),
        };
        Typed { expr: Expr::Call(func, vec![arg.expr]), ty: to.clone(), constant: arg.constant }
    }

    /// Converts an argument to what a function expects, where Spark does so unasked.
    pub fn expect(&self, arg: Typed, to: &SqlType, function: &str) -> Result<Typed, SqlError> {
        let from = arg.ty.clone();
        if from == *to || from == SqlType::Null {
            return Ok(self.cast(arg, to));
        }
        use SqlType::{Binary, Date, Text, Timestamp};
        let is_plain = from.is_number() || matches!(from, SqlType::Boolean | Date | Timestamp | Binary);
        let can = match to {
            Text => is_plain && !(self.session.ansi && from == Binary),
            ty if ty.is_number() => from.is_number() || from == Text,
            Date => matches!(from, Text | Timestamp),
            Timestamp => matches!(from, Text | Date),
            Binary => from == Text,
            SqlType::Boolean => self.session.ansi && from == Text,
            _ => false,
        };
        if !can {
            return Err(SqlError::Analysis(format!("`{function}` takes {to}, not {from}")));
        }
        Ok(self.cast(arg, to))
    }

    pub fn boolean(&self, arg: Typed, of: &str) -> Result<Typed, SqlError> {
        self.expect(arg, &SqlType::Boolean, of)
    }

    /// Converts all to the type that they have in common.
    pub fn alike(&self, args: Vec<Typed>, of: &str) -> Result<Vec<Typed>, SqlError> {
        let types: Vec<&SqlType> = args.iter().map(|arg| &arg.ty).collect();
        match self.coercion().wider_of_all(types.iter().copied()) {
            Some(ty) => Ok(args.into_iter().map(|arg| self.cast(arg, &ty)).collect()),
            None => Err(no_common(of, &args)),
        }
    }

    fn case(&self, arms: &[(Ast, Ast)], otherwise: Option<&Ast>) -> Result<Typed, SqlError> {
        let tests = arms.iter().map(|(test, _)| self.boolean(self.typed(test)?, "CASE WHEN"));
        let tests = tests.collect::<Result<Vec<_>, _>>()?;
        let values = arms.iter().map(|(_, value)| value).chain(otherwise);
        let values = values.map(|value| self.typed(value)).collect::<Result<Vec<_>, _>>()?;
        let mut values = self.alike(values, "CASE")?.into_iter();
        let mut args = Vec::with_capacity(2 * tests.len() + 1);
        for test in tests {
            args.push(test);
            args.extend(values.next());
        }
        args.extend(values.next());
        self.call(Func::Case, args)
    }

    /// Arithmetic of two numbers.
    pub fn arithmetic(&self, op: Arith, a: Typed, b: Typed, on: OnFault) -> Result<Typed, SqlError> {
        let coercion = self.coercion();
        let text = |ty: &SqlType| *ty == SqlType::Text;
        // A text counts as a number: a double, in ANSI mode beside an integer a bigint.
        let (a, b) = if text(&a.ty) || text(&b.ty) {
            let both = text(&a.ty) && text(&b.ty);
            let ty = coercion.ansi.then(|| coercion.wider_text(&a.ty, &b.ty)).flatten().filter(|_| !both);
            let ty = ty.unwrap_or(SqlType::Double);
            let is_known = |x: &Typed| text(&x.ty) || x.ty.is_number() || x.ty == SqlType::Null;
            if !is_known(&a) || !is_known(&b) || !ty.is_number() {
                return Err(no_common(op.name(), &[a, b]));
            }
            (if text(&a.ty) { self.cast(a, &ty) } else { a }, if text(&b.ty) { self.cast(b, &ty) } else { b })
        } else {
            (a, b)
        };
        let (a, b) = match (&a.ty, &b.ty) {
            (SqlType::Null, SqlType::Null) => (self.cast(a, &SqlType::Double), self.cast(b, &SqlType::Double)),
            (SqlType::Null, ty) => (self.cast(a, &ty.clone()), b),
            (ty, SqlType::Null) => (a.clone(), self.cast(b, &ty.clone())),
            _ => (a, b),
        };
        if !a.ty.is_number() || !b.ty.is_number() {
            return Err(no_common(op.name(), &[a, b]));
        }
        let has_float = a.ty.is_float() || b.ty.is_float();
        if (a.ty.is_decimal() || b.ty.is_decimal()) && !has_float {
            return self.decimals(op, a, b, on);
        }
        let common = match op {
            Arith::Div => SqlType::Double,
            Arith::IntDiv if !has_float => SqlType::Long,
            Arith::IntDiv => return Err(no_common("div", &[a, b])),
            _ if a.ty.is_decimal() || b.ty.is_decimal() => SqlType::Double,
            _ => coercion.tightest(&a.ty, &b.ty).ok_or_else(|| no_common(op.name(), &[a.clone(), b.clone()]))?,
        };
        let (a, b) = (self.cast(a, &common), self.cast(b, &common));
        self.arith(op, vec![a, b], on, &common)
    }

    /// Returns the call; the arguments have the type of the result, or are decimals.
    pub fn arith(&self, op: Arith, args: Vec<Typed>, on: OnFault, to: &SqlType) -> Result<Typed, SqlError> {
        let to = to.column().as_scalar().ok_or_else(|| no_common(op.name(), &args))?;
        self.call(Func::Arith { op, on, to }, args)
    }

    fn decimals(&self, op: Arith, a: Typed, b: Typed, on: OnFault) -> Result<Typed, SqlError> {
        let (a, b) = (self.as_decimal(a), self.as_decimal(b));
        let (Some(x), Some(y)) = (a.ty.as_decimal(), b.ty.as_decimal()) else {
            return Err(no_common(op.name(), &[a, b]));
        };
        let to = if op == Arith::IntDiv { SqlType::Long } else { decimal_result(op, x, y) };
        self.arith(op, vec![a, b], on, &to)
    }

    /// Converts an integer to a decimal: a constant to one of as many digits as it has.
    fn as_decimal(&self, arg: Typed) -> Typed {
        if arg.ty.is_decimal() {
            return arg;
        }
        if let Some(integer) = arg.integer() {
            let precision = integer.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1) as u8;
            let literal = Literal::Decimal { value: integer.into(), precision, scale: 0 };
            if let Ok(typed) = self.literal(&literal) {
                return typed;
            }
        }
        match arg.ty.as_decimal() {
            Some((precision, scale)) => self.cast(arg, &SqlType::Decimal(precision, scale)),
            None => arg,
        }
    }

    pub fn comparison(&self, op: Compare, a: Typed, b: Typed) -> Result<Typed, SqlError> {
        let (mut a, mut b) = (a, b);
        let is_decimal = |x: &Typed| x.ty.is_decimal();
        if is_decimal(&a) && b.ty.is_integer() || is_decimal(&b) && a.ty.is_integer() {
            (a, b) = (self.as_decimal(a), self.as_decimal(b));
        }
        let equality = matches!(op, Compare::Eq | Compare::Same);
        let Some(ty) = self.coercion().compared(&a.ty, &b.ty, equality) else {
            return Err(no_common(op.name(), &[a, b]));
        };
        if ty != SqlType::Null && !is_comparable(&ty.column()) {
            return Err(no_common(op.name(), &[a, b]));
        }
        self.call(op, vec![self.cast(a, &ty), self.cast(b, &ty)])
    }

    /// Joins conditions by AND or OR, in their order, as a tree that is not deep.
    pub fn joined(&self, func: &Func, mut args: Vec<Typed>) -> Result<Typed, SqlError> {
        if args.len() > 2 {
            let rest = args.split_off(args.len() / 2);
            args = vec![self.joined(func, args)?, self.joined(func, rest)?];
        }
        match args.len() {
            1 => Ok(args.remove(0)),
            _ => self.call(func.clone(), args),
        }
    }
}

pub fn no_common(of: &str, args: &[Typed]) -> SqlError {
    let types: Vec<String> = args.iter().map(|arg| arg.ty.to_string()).collect();
    SqlError::Analysis(format!("`{of}` does not take ({})", types.join(", ")))
}

/// Returns a constant number as another type that holds it.
fn widened(literal: &Literal, to: &SqlType) -> Option<Literal> {
    let integer = match literal {
        Literal::Byte(i) => Some(i64::from(*i)),
        Literal::Short(i) => Some(i64::from(*i)),
        Literal::Int(i) => Some(i64::from(*i)),
        Literal::Long(i) => Some(*i),
        _ => None,
    };
    match (literal, to) {
        (Literal::Float(x), SqlType::Double) => Some(Literal::Double(f64::from(*x))),
        (Literal::Decimal { value, scale, .. }, SqlType::Double) => {
            format!("{value}e-{scale}").parse().ok().map(Literal::Double)
        }
        (_, SqlType::Short) => integer?.try_into().ok().map(Literal::Short),
        (_, SqlType::Int) => integer?.try_into().ok().map(Literal::Int),
        (_, SqlType::Long) => integer.map(Literal::Long),
        (_, SqlType::Double) => integer.map(|i| Literal::Double(i as f64)),
        (_, SqlType::Decimal(precision, scale)) => {
            let value = i128::from(integer?).checked_mul(10i128.checked_pow(u32::from(*scale))?)?;
            let fits = value.unsigned_abs() < 10u128.checked_pow(u32::from(*precision))?;
            fits.then_some(Literal::Decimal { value, precision: *precision, scale: *scale })
        }
        _ => None,
    }
}

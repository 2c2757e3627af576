//! The statement as we understand it: what the parser library read, with all that we refuse left out.

use std::sync::Arc;

use super::types::SqlType;

/// `SELECT items FROM __THIS__ [WHERE ..] [GROUP BY .. [HAVING ..]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub items: Vec<Item>,
    pub filter: Option<Ast>,
    /// Keys of the groups; present without any where aggregates stand without a `GROUP BY`.
    pub keys: Option<Vec<Ast>>,
    pub having: Option<Ast>,
    pub distinct: bool,
    /// The name that qualifies columns: the alias of `__THIS__`, else itself.
    pub table: Arc<str>,
}

impl Statement {
    /// Returns all expressions.
    pub fn asts(&self) -> impl Iterator<Item = &Ast> {
        let items = self.items.iter().filter_map(|item| match item {
            Item::One { ast, .. } => Some(ast),
            Item::All { .. } => None,
        });
        items.chain(&self.filter).chain(self.keys.iter().flatten()).chain(&self.having)
    }
}

/// One item of a SELECT.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `*`, without the columns of these names.
    All { except: Vec<Arc<str>> },
    /// An expression and its name.
    One { ast: Ast, alias: Option<Arc<str>> },
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Ast {
    Literal(Literal),
    /// A column, or a part of one: `a`, `a.b`, `__THIS__.a`.
    Column(Vec<Arc<str>>),
    /// A column that the lowering found: an input of the expression's node, and its name.
    Input {
        number: u32,
        name: Arc<str>,
    },
    Call(Call),
    Cast {
        arg: Box<Ast>,
        to: SqlType,
        is_try: bool,
    },
    /// `CASE WHEN .. THEN .. ELSE .. END`.
    Case {
        arms: Vec<(Ast, Ast)>,
        otherwise: Option<Box<Ast>>,
    },
}

/// A function or an operator, by its name in lower case (operators by their sign).
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub name: Arc<str>,
    pub args: Vec<Ast>,
    /// `count(DISTINCT x)`.
    pub distinct: bool,
    /// `FILTER (WHERE ..)` of an aggregate.
    pub filter: Option<Box<Ast>>,
    /// `first(x) IGNORE NULLS`.
    pub ignore_nulls: bool,
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Null,
    Bool(bool),
    Byte(i8),
    Short(i16),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Decimal {
        value: i128,
        precision: u8,
        scale: u8,
    },
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    /// Days since 1970-01-01, and the text that Spark shows.
    Date(i32),
    /// A timestamp's text: its zone is the session's where it names none.
    Timestamp(Arc<str>),
    Interval(Interval),
}

/// A length of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

impl Ast {
    /// Returns the call of a function or operator.
    pub fn call(name: &str, args: impl Into<Vec<Ast>>) -> Ast {
        let (name, args) = (name.into(), args.into());
        Ast::Call(Call { name, args, distinct: false, filter: None, ignore_nulls: false })
    }

    /// Returns how deep it is.
    pub fn depth(&self) -> usize {
        let of = |parts: &mut dyn Iterator<Item = &Ast>| parts.map(Ast::depth).max().unwrap_or(0);
        match self {
            Ast::Literal(_) | Ast::Column(_) | Ast::Input { .. } => 1,
            Ast::Call(call) => 1 + of(&mut call.args.iter().chain(call.filter.as_deref())),
            Ast::Cast { arg, .. } => 1 + arg.depth(),
            Ast::Case { arms, otherwise } => {
                let arms = arms.iter().flat_map(|(test, value)| [test, value]);
                1 + of(&mut arms.chain(otherwise.as_deref()))
            }
        }
    }

    /// Returns the parts, to be changed.
    pub fn parts_mut(&mut self) -> Vec<&mut Ast> {
        match self {
            Ast::Literal(_) | Ast::Column(_) | Ast::Input { .. } => Vec::new(),
            Ast::Call(call) => call.args.iter_mut().chain(call.filter.as_deref_mut()).collect(),
            Ast::Cast { arg, .. } => vec![arg],
            Ast::Case { arms, otherwise } => {
                let arms = arms.iter_mut().flat_map(|(test, value)| [test, value]);
                arms.chain(otherwise.as_deref_mut()).collect()
            }
        }
    }

    /// Gives other numbers to the inputs.
    pub fn renumber(&mut self, of: &dyn Fn(u32) -> u32) {
        if let Ast::Input { number, .. } = self {
            *number = of(*number);
        }
        self.parts_mut().into_iter().for_each(|part| part.renumber(of));
    }

    /// Puts expressions in the place of columns.
    pub fn replace_columns(&mut self, with: &dyn Fn(&[Arc<str>]) -> Option<Ast>) {
        match self {
            Ast::Column(path) => {
                if let Some(ast) = with(path) {
                    *self = ast;
                }
            }
            _ => self.parts_mut().into_iter().for_each(|part| part.replace_columns(with)),
        }
    }

    /// Calls `each` with every part, this first; parts of a part for which it returns false are passed over.
    pub fn visit<'a>(&'a self, each: &mut dyn FnMut(&'a Ast) -> bool) {
        if !each(self) {
            return;
        }
        match self {
            Ast::Literal(_) | Ast::Column(_) | Ast::Input { .. } => {}
            Ast::Call(call) => {
                call.args.iter().for_each(|arg| arg.visit(each));
                if let Some(filter) = &call.filter {
                    filter.visit(each);
                }
            }
            Ast::Cast { arg, .. } => arg.visit(each),
            Ast::Case { arms, otherwise } => {
                for (test, value) in arms {
                    test.visit(each);
                    value.visit(each);
                }
                if let Some(otherwise) = otherwise {
                    otherwise.visit(each);
                }
            }
        }
    }
}

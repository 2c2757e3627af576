//! SQLTransformer into the plan: columns by name, conditions as gates, aggregates as groups.

use std::sync::Arc;

use plan::{ExprOp, RowsOp, SlotId, expr::Zone, group::Aggregation};
use rustc_hash::FxHashMap;

use super::{
    SqlError,
    aggregate::{Split, has_aggregate, is_aggregate, served},
    ast::{Ast, Item, Literal, Statement},
    functions::{self, Kind},
    names,
    types::SqlType,
    typing::{Role, Session, SqlExpr, Typed},
    usage,
};
use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering},
    },
};

/// Returns the session that a stage's statement runs in: by the version that saved it, unless the user says otherwise.
fn session(stage: &Stage<'_>, lowering: &Lowering<'_>) -> Result<Session, ReadError> {
    let mut numbers = stage.meta.spark.split('.').map(|part| part.parse::<u32>().ok());
    let spark_major = numbers.next().flatten().unwrap_or(3);
    let spark_minor = numbers.next().flatten().unwrap_or(0);
    let spark_patch = numbers.next().flatten().unwrap_or(0);
    let options = lowering.options();
    let zone = match &options.time_zone {
        None => Zone::Utc,
        Some(name) => super::zone(name).ok_or_else(|| {
            stage.meta.fault("time zone", "a zone of the IANA database, UTC, or an offset as +02:00", &**name)
        })?,
    };
    Ok(Session { spark_major, spark_minor, spark_patch, ansi: options.ansi.unwrap_or(spark_major >= 4), zone })
}

/// SQLTransformer.
pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let text = stage.text("statement")?.ok_or_else(|| stage.absent("statement", "a SELECT over __THIS__"))?;
    let session = Arc::new(session(stage, lowering)?);
    let statement = super::parse(text, &session).map_err(|error| refused(stage, error))?;
    Scope::new(stage, lowering, session, &statement).run(&statement)
}

fn refused(stage: &Stage<'_>, error: SqlError) -> ReadError {
    match error {
        SqlError::Unsupported(what) => stage.unimplemented(format!("the statement has {what}")),
        SqlError::Syntax(what) => stage.meta.fault("statement", "a SELECT of Spark SQL", what),
        SqlError::Analysis(what) => stage.meta.fault("statement", "one that Spark would run", what),
        SqlError::Limit { what, got, limit } => {
            stage.meta.fault("statement", format!("at most {limit} {what}"), got.to_string())
        }
    }
}

/// Functions that are not served are told by their name, whatever else is wrong.
fn known_functions(ast: &Ast) -> Result<(), SqlError> {
    let mut unknown = None;
    ast.visit(&mut |part| {
        if let Ast::Call(call) = part
            && !functions::is_known(&call.name)
            && !is_aggregate(&call.name)
        {
            unknown.get_or_insert_with(|| functions::unknown(&call.name));
        }
        unknown.is_none()
    });
    unknown.map_or(Ok(()), Err)
}

/// The columns that a statement may name.
struct Scope<'s, 'l, 'o> {
    stage: &'s Stage<'s>,
    lowering: &'l mut Lowering<'o>,
    session: Arc<Session>,
    table: Arc<str>,
    /// Names of columns by their lower case: Spark tells them apart by letters, not by case.
    known: FxHashMap<String, Arc<str>>,
}

impl<'s, 'l, 'o> Scope<'s, 'l, 'o> {
    fn new(
        stage: &'s Stage<'s>,
        lowering: &'l mut Lowering<'o>,
        session: Arc<Session>,
        statement: &Statement,
    ) -> Scope<'s, 'l, 'o> {
        let known = lowering.names().map(|name| (name.to_lowercase(), name)).collect();
        Scope { stage, lowering, session, table: statement.table.clone(), known }
    }

    fn refused(&self, error: SqlError) -> ReadError {
        refused(self.stage, error)
    }

    fn run(&mut self, statement: &Statement) -> Result<(), ReadError> {
        statement.asts().try_for_each(known_functions).map_err(|error| self.refused(error))?;
        self.declare(statement)?;
        if let Some(filter) = &statement.filter {
            if has_aggregate(filter) {
                return Err(self.refused(SqlError::Analysis("an aggregate in WHERE".to_owned())));
            }
            let filter = self.resolve(filter)?;
            self.gate(&filter, "WHERE")?;
        }
        let items = || {
            statement.items.iter().filter_map(|item| match item {
                Item::One { ast, alias } => Some((ast, alias)),
                Item::All { .. } => None,
            })
        };
        let is_grouped =
            statement.keys.is_some() || statement.having.is_some() || items().any(|(ast, _)| has_aggregate(ast));
        let named: Vec<(Arc<str>, &Ast)> = items()
            .map(|(ast, alias)| (alias.clone().unwrap_or_else(|| names::name(ast, &self.session)), ast))
            .collect();
        if let Some((ast, _)) = items().find(|(ast, alias)| alias.is_none() && has_interval(ast)) {
            let shown = names::shown(ast, &self.session);
            return Err(self.refused(SqlError::Unsupported(format!("an interval without `AS name`: {shown}"))));
        }
        let rest = statement.items.iter().any(|item| matches!(item, Item::All { .. }));
        let columns = if is_grouped {
            if rest {
                return Err(self.refused(SqlError::Analysis("* beside aggregates or GROUP BY".to_owned())));
            }
            self.groups(statement, &named)?
        } else {
            let mut columns = Vec::with_capacity(named.len());
            for (name, ast) in named {
                let is_named = items().any(|(item, alias)| std::ptr::eq(item, ast) && alias.is_some());
                let mut ast = self.resolve(ast)?;
                let name = match self.call_days(&mut ast) {
                    (true, _) if !is_named => names::name(&ast, &self.session),
                    _ => name,
                };
                columns.push((name.clone(), self.column(&ast, Role::Value, &name)?));
            }
            columns
        };
        columns.iter().for_each(|(_, slot)| self.lowering.need(*slot));
        let columns = if statement.distinct { self.distinct(columns, rest)? } else { columns };
        self.project(statement, columns, rest)
    }

    /// Makes known what the statement's columns may be.
    fn declare(&mut self, statement: &Statement) -> Result<(), ReadError> {
        let mut uses: Vec<(&[Arc<str>], Kind)> = Vec::new();
        let mut each = |path, kind| uses.push((path, kind));
        if let Some(filter) = &statement.filter {
            usage::columns(filter, Kind::Bool, &mut each);
        }
        for item in &statement.items {
            if let Item::One { ast, .. } = item {
                usage::columns(ast, Kind::Any, &mut each);
            }
        }
        let aliases: Vec<&Arc<str>> = statement
            .items
            .iter()
            .filter_map(|item| match item {
                Item::One { alias, .. } => alias.as_ref(),
                Item::All { .. } => None,
            })
            .collect();
        let mut later: Vec<(&[Arc<str>], Kind)> = Vec::new();
        let mut each = |path, kind| later.push((path, kind));
        for ast in statement.keys.iter().flatten().chain(&statement.having) {
            usage::columns(ast, Kind::Any, &mut each);
        }
        // Keys and conditions on groups may name items.
        let is_alias = |path: &[Arc<str>]| path.len() == 1 && aliases.iter().any(|a| a.eq_ignore_ascii_case(&path[0]));
        uses.extend(later.into_iter().filter(|(path, _)| !is_alias(path)));
        for (path, kind) in uses {
            let (slot, rest) = self.find(path)?;
            if rest.is_empty() && kind != Kind::Any {
                self.lowering.narrow(slot, usage::accepts(kind));
            }
        }
        Ok(())
    }

    /// Returns the slot of a column, and the parts of it that the path goes on with.
    fn find<'p>(&mut self, path: &'p [Arc<str>]) -> Result<(SlotId, &'p [Arc<str>]), ReadError> {
        let path = match path {
            [table, rest @ ..] if !rest.is_empty() && table.eq_ignore_ascii_case(&self.table) => rest,
            path => path,
        };
        let [name, rest @ ..] = path else {
            return Err(self.refused(SqlError::Syntax("a column without a name".to_owned())));
        };
        let lower = name.to_lowercase();
        let name = match self.known.get(&lower) {
            Some(known) if self.lowering.find(name).is_none() => known.clone(),
            _ => name.clone(),
        };
        let slot = self.lowering.column(self.stage, &name, Accepts::Anything)?;
        self.lowering.need(slot);
        self.known.insert(lower, name);
        Ok((slot, rest))
    }

    /// Puts slots in the place of names.
    fn resolve(&mut self, ast: &Ast) -> Result<Ast, ReadError> {
        Ok(match ast {
            Ast::Literal(_) | Ast::Input { .. } => ast.clone(),
            Ast::Column(path) => {
                let (slot, rest) = self.find(path)?;
                let mut ast = Ast::Input { number: slot.0, name: path.join(".").into() };
                for part in rest {
                    ast = Ast::call(".", [ast, Ast::Literal(Literal::Text(part.clone()))]);
                }
                ast
            }
            Ast::Cast { arg, to, is_try } => {
                Ast::Cast { arg: Box::new(self.resolve(arg)?), to: to.clone(), is_try: *is_try }
            }
            Ast::Case { arms, otherwise } => {
                let arm = |(test, value): &(Ast, Ast)| Ok((self.resolve(test)?, self.resolve(value)?));
                let arms = arms.iter().map(arm).collect::<Result<_, ReadError>>()?;
                let otherwise = otherwise.as_ref().map(|ast| self.resolve(ast).map(Box::new)).transpose()?;
                Ast::Case { arms, otherwise }
            }
            Ast::Call(call) => {
                let args = call.args.iter().map(|arg| self.resolve(arg)).collect::<Result<_, _>>()?;
                let filter = call.filter.as_ref().map(|ast| self.resolve(ast).map(Box::new)).transpose()?;
                Ast::Call(super::ast::Call { args, filter, ..call.clone() })
            }
        })
    }

    /// Returns the slot of an expression over slots; one of its own unless it is a column as it is.
    fn column(&mut self, ast: &Ast, role: Role, name: &str) -> Result<SlotId, ReadError> {
        if let (Ast::Input { number, .. }, Role::Value) = (ast, role) {
            return Ok(SlotId(*number));
        }
        let (expr, slots) = self.over_slots(ast, role);
        // An error of ours is told as such, with the statement, before the plan tells it in its words.
        self.typed(&expr, &slots).map_err(|error| self.refused(error))?;
        let made = self.lowering.node(self.stage, ExprOp::Deferred(Arc::new(expr)), &slots, &[name])?;
        Ok(made[0])
    }

    fn typed(&self, expr: &SqlExpr, slots: &[SlotId]) -> Result<Typed, SqlError> {
        let types: Vec<_> = slots.iter().map(|&slot| SqlType::of(self.lowering.type_of(slot))).collect();
        expr.typed_as(&types)
    }

    /// Makes days added to a date, or subtracted, calls of the functions that Spark reads them as. Returns whether there are any,
    /// and the type of a sum or difference, if it is known by those of its operands, so that each operand is typed but once.
    fn call_days(&self, ast: &mut Ast) -> (bool, Option<SqlType>) {
        let mut found = false;
        let of_parts: Vec<Option<SqlType>> = ast
            .parts_mut()
            .into_iter()
            .map(|part| {
                let (is_found, ty) = self.call_days(part);
                found |= is_found;
                ty
            })
            .collect();
        let Ast::Call(call) = ast else { return (found, None) };
        let ([a, b], [of_a, of_b]) = (call.args.as_slice(), of_parts.as_slice()) else { return (found, None) };
        if !matches!(&*call.name, "+" | "-") {
            return (found, None);
        }
        let known = |ast: &Ast, ty: &Option<SqlType>| {
            ty.clone().or_else(|| {
                let (expr, slots) = self.over_slots(ast, Role::Value);
                self.typed(&expr, &slots).ok().map(|typed| typed.ty)
            })
        };
        let (Some(a), Some(b)) = (known(a, of_a), known(b, of_b)) else { return (found, None) };
        let is_days = |ty: &SqlType| matches!(ty, SqlType::Byte | SqlType::Short | SqlType::Int);
        match &*call.name {
            "-" if a == SqlType::Date && is_days(&b) => call.name = "date_sub".into(),
            "+" if a == SqlType::Date && is_days(&b) => call.name = "date_add".into(),
            "+" if is_days(&a) && b == SqlType::Date => {
                call.name = "date_add".into();
                call.args.reverse();
            }
            name => {
                let input = |number| Ast::Input { number, name: "".into() };
                let ast = Ast::call(name, [input(0), input(1)]);
                let expr = SqlExpr { ast, session: self.session.clone(), role: Role::Value };
                return (found, expr.typed_as(&[a, b]).ok().map(|typed| typed.ty));
            }
        }
        (true, Some(SqlType::Date))
    }

    /// Returns an expression with its slots as inputs.
    fn over_slots(&self, ast: &Ast, role: Role) -> (SqlExpr, Vec<SlotId>) {
        let mut slots: Vec<SlotId> = Vec::new();
        let mut places: FxHashMap<u32, u32> = FxHashMap::default();
        ast.visit(&mut |part| {
            if let Ast::Input { number, .. } = part {
                places.entry(*number).or_insert_with(|| {
                    slots.push(SlotId(*number));
                    slots.len() as u32 - 1
                });
            }
            true
        });
        let mut ast = ast.clone();
        ast.renumber(&|number| places[&number]);
        (SqlExpr { ast, session: self.session.clone(), role }, slots)
    }

    /// Rows of which the condition is not true go.
    fn gate(&mut self, ast: &Ast, name: &str) -> Result<(), ReadError> {
        let slot = self.column(ast, Role::Condition, name)?;
        self.lowering.node(self.stage, RowsOp::Keep, &[slot], &[]).map(drop)
    }

    /// Goes on with groups; returns the items over them.
    fn groups(
        &mut self,
        statement: &Statement,
        items: &[(Arc<str>, &Ast)],
    ) -> Result<Vec<(Arc<str>, SlotId)>, ReadError> {
        let mut keys: Vec<Ast> = Vec::new();
        for key in statement.keys.iter().flatten() {
            let key = self.key(key, items)?;
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let session = self.session.clone();
        let mut split = Split { keys: &keys, aggregates: Vec::new(), session: &session };
        let mut over = Vec::with_capacity(items.len());
        for (name, ast) in items {
            let ast = self.resolve(ast)?;
            over.push((name.clone(), split.over_groups(&ast).map_err(|error| self.refused(error))?));
        }
        let having = match &statement.having {
            Some(having) => {
                let having = self.key(having, items)?;
                Some(split.over_groups(&having).map_err(|error| self.refused(error))?)
            }
            None => None,
        };
        let aggregates = split.aggregates;
        let mut key_slots = Vec::with_capacity(keys.len());
        for key in &keys {
            key_slots.push(self.column(key, Role::Value, "key")?);
        }
        let mut aggregations = Vec::with_capacity(aggregates.len());
        for aggregate in aggregates {
            let mut inputs = Vec::with_capacity(aggregate.args.len());
            for arg in &aggregate.args {
                inputs.push(self.column(arg, aggregate.role, "argument")?);
            }
            let types: Vec<SqlType> = inputs.iter().map(|&slot| SqlType::of(self.lowering.type_of(slot))).collect();
            served(aggregate.op, &types).map_err(|error| self.refused(error))?;
            let name = aggregate.op.name();
            aggregations.push((Aggregation { op: aggregate.op, inputs, distinct: aggregate.distinct }, name));
        }
        let key_slots: Vec<(SlotId, &str)> = key_slots.into_iter().map(|slot| (slot, "key")).collect();
        let slots = self.lowering.group_rows(self.stage, &key_slots, &aggregations)?;
        self.known.clear();
        let place = |number: u32| slots[number as usize].0;
        if let Some(mut having) = having {
            having.renumber(&place);
            self.gate(&having, "HAVING")?;
        }
        let mut columns = Vec::with_capacity(over.len());
        for (name, mut ast) in over {
            ast.renumber(&place);
            let slot = self.column(&ast, Role::Value, &name)?;
            columns.push((name, slot));
        }
        Ok(columns)
    }

    /// A key of GROUP BY: an expression over columns, the number of an item, or an item's name where no column has it.
    /// HAVING may name items too.
    fn key(&mut self, key: &Ast, items: &[(Arc<str>, &Ast)]) -> Result<Ast, ReadError> {
        if let Ast::Literal(Literal::Int(number)) = key {
            let item = usize::try_from(*number).ok().and_then(|number| items.get(number.checked_sub(1)?));
            let (_, ast) = item.ok_or_else(|| {
                self.refused(SqlError::Analysis(format!("GROUP BY {number}: there are {} items", items.len())))
            })?;
            return self.resolve(ast);
        }
        let mut key = key.clone();
        let known = &self.known;
        key.replace_columns(&|path| {
            let [name] = path else { return None };
            let is_column = known.contains_key(&name.to_lowercase());
            let item = items.iter().find(|(item, _)| item.eq_ignore_ascii_case(name));
            item.filter(|(_, ast)| !is_column && !matches!(ast, Ast::Column(_))).map(|(_, ast)| (*ast).clone())
        });
        self.resolve(&key)
    }

    /// DISTINCT is a group of each row.
    fn distinct(&mut self, columns: Vec<(Arc<str>, SlotId)>, rest: bool) -> Result<Vec<(Arc<str>, SlotId)>, ReadError> {
        if rest {
            return Err(self.refused(SqlError::Unsupported("DISTINCT of *".to_owned())));
        }
        let keys: Vec<(SlotId, &str)> = columns.iter().map(|(name, slot)| (*slot, &**name)).collect();
        let slots = self.lowering.group_rows(self.stage, &keys, &[])?;
        Ok(columns.into_iter().map(|(name, _)| name).zip(slots).collect())
    }

    fn project(
        &mut self,
        statement: &Statement,
        columns: Vec<(Arc<str>, SlotId)>,
        rest: bool,
    ) -> Result<(), ReadError> {
        for item in &statement.items {
            let Item::All { except } = item else { continue };
            for name in except {
                let name = self.known.get(&name.to_lowercase()).unwrap_or(name).clone();
                self.lowering.drop_column(&name);
            }
        }
        // The same column twice is one output.
        let shown: Vec<(&str, SlotId)> = columns
            .iter()
            .map(|(name, slot)| (&**name, *slot))
            .filter(|(name, slot)| !rest || self.lowering.find(name) != Some(*slot))
            .collect();
        self.lowering.project(self.stage, &shown, rest)
    }
}

/// Spark names what is computed with an interval by the types of the rest, which are not known before a call.
fn has_interval(ast: &Ast) -> bool {
    let mut found = false;
    ast.visit(&mut |part| {
        found |= matches!(part, Ast::Literal(Literal::Interval(_)));
        !found
    });
    found
}

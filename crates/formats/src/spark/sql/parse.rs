//! From text to [`Statement`]: the parser library's tree, cut down to what we serve.

use std::sync::Arc;

use sqlparser::{
    ast::{
        Distinct, ExceptSelectItem, Expr, GroupByExpr, ObjectName, ObjectNamePart, Query, Select, SelectItem,
        SelectItemQualifiedWildcardKind, SetExpr, TableFactor, TableWithJoins, WildcardAdditionalOptions,
    },
    parser::{Parser, ParserError},
};

use super::{
    SqlError,
    ast::{Ast, Item, Statement},
    dialect,
    typing::Session,
};

mod expr;

/// The table that a statement reads.
const THIS: &str = "__THIS__";
/// Most items of a SELECT.
const ITEMS_MAX: usize = 20_000;
/// Most keys of GROUP BY: every part of every item is compared with them.
const KEYS_MAX: usize = 256;
/// Most parts of all expressions together.
const PARTS_MAX: usize = 400_000;

/// Reads expressions, and counts their parts.
struct Reader {
    parts: usize,
}

/// Deepest expression that goes on from here.
const NESTING_MAX: usize = 220;
/// The library recurses with large frames, which no caller's stack can be asked to hold.
const STACK_BYTES: usize = 64 << 20;

/// Returns the statement; what it means depends on the version of Spark in details of spelling.
pub fn parse(text: &str, session: &Session) -> Result<Statement, SqlError> {
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().name("sql".to_owned()).stack_size(STACK_BYTES);
        let Ok(reading) = reader.spawn_scoped(scope, || read(text, session)) else {
            return unsupported("no reader: the system gives no more threads");
        };
        reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn read(text: &str, session: &Session) -> Result<Statement, SqlError> {
    let tokens = dialect::tokens(text, session.spark_major >= 4)?;
    let parser = Parser::new(&dialect::Spark).with_recursion_limit(dialect::DEPTH_MAX);
    let mut parser = parser.with_tokens_with_locations(tokens);
    let query = parser.parse_query().map_err(of_parser)?;
    while parser.consume_token(&sqlparser::tokenizer::Token::SemiColon) {}
    let rest = parser.next_token();
    if rest.token != sqlparser::tokenizer::Token::EOF {
        return Err(SqlError::Syntax(format!("{} after the statement's end", rest.token)));
    }
    let statement = Reader { parts: 0 }.query(*query)?;
    match statement.asts().map(Ast::depth).max() {
        Some(depth) if depth > NESTING_MAX => {
            Err(SqlError::Limit { what: "levels of one expression", got: depth, limit: NESTING_MAX })
        }
        _ => Ok(statement),
    }
}

fn of_parser(error: ParserError) -> SqlError {
    match error {
        ParserError::RecursionLimitExceeded => {
            SqlError::Limit { what: "levels of nesting", got: dialect::DEPTH_MAX + 1, limit: dialect::DEPTH_MAX }
        }
        ParserError::TokenizerError(what) | ParserError::ParserError(what) => {
            SqlError::Syntax(format!("one that does not parse: {what}"))
        }
    }
}

fn unsupported<T>(what: impl Into<String>) -> Result<T, SqlError> {
    Err(SqlError::Unsupported(what.into()))
}

impl Reader {
    fn query(&mut self, query: Query) -> Result<Statement, SqlError> {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        let refused = [
            (with.is_some(), "WITH"),
            (order_by.is_some(), "ORDER BY"),
            (limit_clause.is_some() || fetch.is_some(), "LIMIT and OFFSET"),
            (!locks.is_empty() || for_clause.is_some(), "FOR"),
            (settings.is_some() || format_clause.is_some(), "SETTINGS and FORMAT"),
            (!pipe_operators.is_empty(), "the operator |>"),
        ];
        if let Some((_, what)) = refused.iter().find(|(is_there, _)| *is_there) {
            return unsupported(*what);
        }
        match *body {
            SetExpr::Select(select) => self.select(*select),
            SetExpr::Query(query) => self.query(*query),
            SetExpr::SetOperation { op, .. } => unsupported(op.to_string()),
            SetExpr::Values(_) => unsupported("VALUES"),
            _ => unsupported("statements other than SELECT"),
        }
    }

    fn select(&mut self, select: Select) -> Result<Statement, SqlError> {
        let refused = [
            (select.top.is_some(), "TOP"),
            (select.into.is_some(), "INTO"),
            (!select.lateral_views.is_empty(), "LATERAL VIEW"),
            (select.prewhere.is_some(), "PREWHERE"),
            (!select.connect_by.is_empty(), "CONNECT BY"),
            (!select.cluster_by.is_empty(), "CLUSTER BY"),
            (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
            (!select.sort_by.is_empty(), "SORT BY"),
            (!select.named_window.is_empty(), "WINDOW"),
            (select.qualify.is_some(), "QUALIFY"),
            (select.value_table_mode.is_some(), "SELECT AS"),
            (select.exclude.is_some(), "EXCLUDE"),
            (select.select_modifiers.is_some() || !select.optimizer_hints.is_empty(), "hints"),
        ];
        if let Some((_, what)) = refused.iter().find(|(is_there, _)| *is_there) {
            return unsupported(*what);
        }
        let distinct = match select.distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) => true,
            Some(Distinct::On(_)) => return unsupported("DISTINCT ON"),
        };
        let table = table(select.from)?;
        if select.projection.len() > ITEMS_MAX {
            return Err(SqlError::Limit { what: "items", got: select.projection.len(), limit: ITEMS_MAX });
        }
        let items = select.projection.into_iter().map(|item| self.item(item, &table)).collect::<Result<_, _>>()?;
        let keys = match select.group_by {
            GroupByExpr::Expressions(keys, modifiers) if modifiers.is_empty() && keys.is_empty() => None,
            GroupByExpr::Expressions(keys, _) if keys.len() > KEYS_MAX => {
                return Err(SqlError::Limit { what: "keys of GROUP BY", got: keys.len(), limit: KEYS_MAX });
            }
            GroupByExpr::Expressions(keys, modifiers) if modifiers.is_empty() => {
                Some(keys.into_iter().map(|key| self.expr(key)).collect::<Result<_, _>>()?)
            }
            GroupByExpr::Expressions(..) => return unsupported("ROLLUP, CUBE and GROUPING SETS"),
            GroupByExpr::All(_) => return unsupported("GROUP BY ALL"),
        };
        let filter = select.selection.map(|filter| self.expr(filter)).transpose()?;
        let having = select.having.map(|having| self.expr(having)).transpose()?;
        Ok(Statement { items, filter, keys, having, distinct, table })
    }

    fn item(&mut self, item: SelectItem, table: &str) -> Result<Item, SqlError> {
        match item {
            SelectItem::Wildcard(options) => all(options),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                match path(&name)?.as_slice() {
                    [one] if one.eq_ignore_ascii_case(table) => all(options),
                    _ => unsupported(format!("{name}.*")),
                }
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _) => unsupported("a struct's .*"),
            SelectItem::UnnamedExpr(expr) => Ok(Item::One { ast: self.expr(expr)?, alias: None }),
            SelectItem::ExprWithAlias { expr, alias } => {
                Ok(Item::One { ast: self.expr(expr)?, alias: Some(alias.value.as_str().into()) })
            }
            SelectItem::ExprWithAliases { .. } => unsupported("several names of one expression"),
        }
    }

    /// Counts a part of an expression.
    fn count(&mut self) -> Result<(), SqlError> {
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return Err(SqlError::Limit { what: "parts of expressions", got: self.parts, limit: PARTS_MAX });
        }
        Ok(())
    }

    fn boxed(&mut self, expr: Expr) -> Result<Box<Ast>, SqlError> {
        self.expr(expr).map(Box::new)
    }
}

fn all(options: WildcardAdditionalOptions) -> Result<Item, SqlError> {
    let WildcardAdditionalOptions { opt_ilike, opt_exclude, opt_except, opt_replace, opt_rename, opt_alias, .. } =
        options;
    let has_more = opt_ilike.is_some() || opt_exclude.is_some() || opt_replace.is_some() || opt_rename.is_some();
    if has_more || opt_alias.is_some() {
        return unsupported("options of *");
    }
    let except = opt_except.map_or_else(Vec::new, |ExceptSelectItem { first_element, additional_elements }| {
        let names = std::iter::once(first_element).chain(additional_elements);
        names.map(|name| name.value.as_str().into()).collect()
    });
    Ok(Item::All { except })
}

/// Returns the name by which columns may be qualified.
fn table(from: Vec<TableWithJoins>) -> Result<Arc<str>, SqlError> {
    let [TableWithJoins { relation, joins }] = from.as_slice() else {
        return if from.is_empty() { unsupported("a SELECT without FROM") } else { unsupported("joins") };
    };
    if !joins.is_empty() {
        return unsupported("joins");
    }
    let TableFactor::Table { name, alias, args: None, version: None, sample: None, .. } = relation else {
        return unsupported(format!("{relation} in FROM"));
    };
    match path(name)?.as_slice() {
        [one] if one.eq_ignore_ascii_case(THIS) => {}
        _ => return unsupported(format!("the table {name}: only {THIS} is there")),
    }
    match alias {
        Some(alias) if !alias.columns.is_empty() => unsupported("names of columns in FROM"),
        Some(alias) => Ok(alias.name.value.as_str().into()),
        None => Ok(THIS.into()),
    }
}

/// Returns the parts of a name.
fn path(name: &ObjectName) -> Result<Vec<Arc<str>>, SqlError> {
    let part = |part: &ObjectNamePart| match part {
        ObjectNamePart::Identifier(ident) => Ok(ident.value.as_str().into()),
        ObjectNamePart::Function(_) => unsupported(format!("the name {name}")),
    };
    name.0.iter().map(part).collect()
}

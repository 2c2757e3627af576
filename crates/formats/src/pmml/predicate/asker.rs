//! [`Asker`]: predicates as tests of numbers, in one table.

use plan::{
    Expr, Func,
    op::decide::{Join, Order, Test, Tests},
};
use rustc_hash::FxHashMap;

use super::{Operator, array, is_negated, join_of, operands};
use crate::pmml::{
    error::Fault,
    fields::{DataType, Doubt, Field, Scope},
    lower::{Lowering, Value},
    xml::{Element, parse_number},
};

/// How a field comes into the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    Number,
    /// The place of a text among the labels that predicates name.
    Code,
    /// A truth value of the plan, for what is neither.
    Truth,
}

/// An input of the table.
struct Column<'d> {
    field: Field,
    doubt: Option<Doubt>,
    form: Form,
    labels: Vec<String>,
    codes: FxHashMap<String, u32>,
    at: Element<'d>,
}

/// Collects predicates. The inputs that they are asked of are made by [`Asker::inputs`], when all of them are known.
#[derive(Default)]
pub struct Asker<'d> {
    pub tests: Tests,
    columns: Vec<Column<'d>>,
    places: FxHashMap<(Value, Form), u32>,
}

impl<'d> Asker<'d> {
    /// Adds a predicate; returns the number of its test.
    pub fn ask(&mut self, cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, element: Element<'d>) -> Result<u32, Fault> {
        match element.name() {
            "True" => Ok(self.tests.push(Test::Known(true))),
            "False" => Ok(self.tests.push(Test::Known(false))),
            "SimplePredicate" => self.simple(cx, scope, element),
            "SimpleSetPredicate" => self.set(cx, scope, element),
            "CompoundPredicate" => {
                let (join, operands) = (join_of(element)?, operands(element)?);
                let all = cx.deeper(element, |cx| {
                    operands.into_iter().map(|e| self.ask(cx, scope, e)).collect::<Result<Vec<u32>, Fault>>()
                })?;
                Ok(self.tests.join(join, &all))
            }
            other => Err(element.fault("element", "a predicate", other)),
        }
    }

    /// Adds an input that is a number; returns its place.
    pub fn number(&mut self, at: Element<'d>, field: Field) -> u32 {
        self.column(at, (field, None), Form::Number)
    }

    /// Returns the tests collected so far, and begins anew.
    pub fn take_tests(&mut self) -> Tests {
        let nan_is_invalid = self.columns.iter().map(|column| column.doubt.is_some()).collect();
        Tests { nan_is_invalid, ..std::mem::take(&mut self.tests) }
    }

    /// Returns whether any input has values that are refused where they are asked for: NaN stands for them.
    pub fn is_doubtful(&self) -> bool {
        self.columns.iter().any(|column| column.doubt.is_some())
    }

    /// Returns the inputs, one at least.
    pub fn inputs(&self, cx: &mut Lowering<'_>, at: Element<'d>) -> Result<Vec<Value>, Fault> {
        let mut values = Vec::with_capacity(self.columns.len().max(1));
        for column in &self.columns {
            let mut value = match column.form {
                // What asks takes a number of any kind.
                Form::Number | Form::Truth => column.field.value.clone(),
                Form::Code => cx.codes(column.at, &column.field, &column.labels)?,
            };
            if let Some(Doubt::Unless(fine)) = &column.doubt {
                value = cx.number(column.at, &value)?;
                let or_nan = Expr::call(Func::If, [Expr::Input(1), Expr::Input(0), Expr::f64(f64::NAN)]);
                value = cx.expr(column.at, or_nan, &[&value, fine], column.at.attr("field").unwrap_or("valid"))?;
            }
            values.push(value);
        }
        if values.is_empty() {
            values.push(cx.expr(at, Expr::f64(0.0), &[], "nothing")?);
        }
        Ok(values)
    }

    /// Returns the number of inputs.
    pub fn len(&self) -> u32 {
        self.columns.len() as u32
    }

    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Returns how many categories an input has, where it has no other value than those that the dictionary lists.
    pub fn closed_categories(&mut self, input: u32) -> Option<u32> {
        let column = &mut self.columns[input as usize];
        let is_closed = column.field.valid && !column.field.categories.is_empty();
        if column.form != Form::Code || !is_closed {
            return None;
        }
        for category in column.field.categories.clone().iter() {
            column.code(category);
        }
        Some(column.labels.len() as u32)
    }

    /// Returns whether an input can be NaN: a float that is derived, or is taken as it is.
    pub fn may_be_nan(&self, input: u32, scope: &Scope<'_, 'd>) -> bool {
        let column = &self.columns[input as usize];
        let is_float = matches!(column.field.data, DataType::Float | DataType::Double);
        let is_judged = column.at.attr("field").is_some_and(|name| scope.data_field(name).is_some());
        is_float && column.form == Form::Number && column.doubt.is_none() && !(is_judged && column.field.valid)
    }

    /// Returns the field that an element names, and what is to be known before it is used.
    fn field(
        cx: &mut Lowering<'_>,
        scope: &Scope<'_, 'd>,
        element: Element<'d>,
    ) -> Result<(Field, Option<Doubt>), Fault> {
        let name = element.required("field")?;
        match scope.doubtful(cx, name)? {
            Some((field, doubt)) => Ok((field, Some(doubt))),
            None => Ok((scope.field(cx, element, name)?, None)),
        }
    }

    fn column(&mut self, at: Element<'d>, (field, doubt): (Field, Option<Doubt>), form: Form) -> u32 {
        let columns = &mut self.columns;
        *self.places.entry((field.value.clone(), form)).or_insert_with(|| {
            columns.push(Column { field, doubt, form, labels: Vec::new(), codes: FxHashMap::default(), at });
            columns.len() as u32 - 1
        })
    }

    fn simple(&mut self, cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, element: Element<'d>) -> Result<u32, Fault> {
        let field = Asker::field(cx, scope, element)?;
        let form = form(&field.0);
        let order = match Operator::of(element)? {
            Operator::Missing { negated } => {
                if form == Form::Truth {
                    return self.truth(cx, scope, element);
                }
                let input = self.column(element, field, form);
                return Ok(self.tests.push(Test::Missing { input, negated }));
            }
            Operator::Compare(order) => order,
        };
        let text = element.required("value")?;
        match form {
            Form::Number => {
                let Some(value) = number_of(&field.0, text) else { return self.truth(cx, scope, element) };
                let input = self.column(element, field, form);
                Ok(self.tests.push(Test::Compare { input, order, value }))
            }
            Form::Code if matches!(order, Order::Equal | Order::Unequal) => {
                let input = self.column(element, field, form);
                let value = f64::from(self.columns[input as usize].code(text));
                Ok(self.tests.push(Test::Compare { input, order, value }))
            }
            Form::Code | Form::Truth => self.truth(cx, scope, element),
        }
    }

    fn set(&mut self, cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, element: Element<'d>) -> Result<u32, Fault> {
        let field = Asker::field(cx, scope, element)?;
        let form = form(&field.0);
        if form == Form::Truth {
            return self.truth(cx, scope, element);
        }
        let texts = array::texts(array::inside(element)?)?;
        let negated = is_negated(element)?;
        let values: Vec<f64> = match form {
            Form::Number => texts.iter().filter_map(|text| number_of(&field.0, text)).collect(),
            _ => Vec::new(),
        };
        let input = self.column(element, field, form);
        let values = match form {
            Form::Code => texts.iter().map(|text| f64::from(self.columns[input as usize].code(text))).collect(),
            _ => values,
        };
        let set = self.tests.set(values);
        Ok(self.tests.push(Test::In { input, set, negated }))
    }

    /// Asks what neither a number nor a category answers: a truth value of its own.
    fn truth(&mut self, cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, element: Element<'d>) -> Result<u32, Fault> {
        let value = super::lower(cx, scope, element)?;
        let field = Field::new(value, DataType::Boolean, crate::pmml::fields::OpType::Categorical);
        let input = self.column(element, (field, None), Form::Truth);
        Ok(self.tests.push(Test::Compare { input, order: Order::Equal, value: 1.0 }))
    }

    /// Joins tests that are there.
    pub fn all(&mut self, tests: &[u32]) -> u32 {
        self.tests.join(Join::All, tests)
    }
}

impl Column<'_> {
    /// Returns the number of a label.
    fn code(&mut self, label: &str) -> u32 {
        if let Some(code) = self.codes.get(label) {
            return *code;
        }
        let code = self.labels.len() as u32;
        self.labels.push(label.to_owned());
        self.codes.insert(label.to_owned(), code);
        code
    }
}

fn form(field: &Field) -> Form {
    match field.data {
        DataType::Integer | DataType::Float | DataType::Double | DataType::Boolean => Form::Number,
        DataType::String => Form::Code,
        _ => Form::Truth,
    }
}

/// Returns the number that a text says as a value of the field.
fn number_of(field: &Field, text: &str) -> Option<f64> {
    let number = match field.data {
        DataType::Boolean => match field.constant(text)? {
            plan::Scalar::Bool(truth) => f64::from(u8::from(truth)),
            _ => return None,
        },
        DataType::Float => f64::from(parse_number(text)? as f32),
        _ => parse_number(text)?,
    };
    Some(number + 0.0)
}

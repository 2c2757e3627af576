//! [`Labels`]: the classes of a model, by number.

use std::sync::Arc;

use plan::EncodeOp;
use rustc_hash::FxHashMap;

use crate::pmml::{
    error::Fault,
    fields::{DataType, Field, OpType, Scope},
    lower::{Lowering, Value},
    xml::{Element, parse_number},
};

/// The classes of a model, or other texts that are numbered: those that the dictionary lists for its target, then others as the model names them.
#[derive(Default)]
pub struct Labels {
    labels: Vec<String>,
    places: FxHashMap<String, u32>,
    /// Whether "1" and "1.0" are one class.
    numbers: bool,
}

impl Labels {
    pub fn new(scope: &Scope<'_, '_>) -> Labels {
        let target = scope.target();
        let numbers = target.is_some_and(|target| target.data.is_number());
        let mut labels = Labels { labels: Vec::new(), places: FxHashMap::default(), numbers };
        for category in target.iter().flat_map(|target| target.categories.iter()) {
            labels.of(category);
        }
        labels
    }

    /// Returns the number of a class, which is added where it is new.
    pub fn of(&mut self, label: &str) -> u32 {
        if let Some(place) = self.places.get(label) {
            return *place;
        }
        let same = |known: &String| parse_number(known).is_some_and(|x| Some(x) == parse_number(label));
        let known = self.labels.iter().position(|known| self.numbers && same(known));
        let place = known.unwrap_or_else(|| {
            self.labels.push(label.to_owned());
            self.labels.len() - 1
        }) as u32;
        self.places.insert(label.to_owned(), place);
        place
    }

    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns the classes in their order.
    pub fn list(&self) -> Arc<[String]> {
        self.labels.as_slice().into()
    }

    /// Returns the category of a class's number, a text.
    pub fn field(&self, cx: &mut Lowering<'_>, at: Element<'_>, class: &Value) -> Result<Field, Fault> {
        let categories = self.list();
        let labels: Vec<Box<str>> = categories.iter().map(|label| label.as_str().into()).collect();
        let value = cx.one(at, EncodeOp::Label { labels: labels.into() }, &[class], "category")?;
        Ok(Field { value, data: DataType::String, op: OpType::Categorical, categories, valid: true })
    }
}

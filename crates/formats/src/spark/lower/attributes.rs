//! ML attributes of columns: what Spark keeps in a column's metadata of the meaning of its numbers.
//!
//! A column of numbers is numeric, binary or nominal (an index of categories, their names or number known); a column of
//! vectors says that of each element, and what the element is called (Spark's `Attribute` and `AttributeGroup`). Elements
//! stand in runs, and what an assembler or a rewriter does to names is a step that each run carries: a hashed vector of
//! 2^18 elements is one run, named element by element only for who asks. What grows beyond bounds is forgotten, its size apart:
//! whoever needs it then refuses as if nobody had said it.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

/// Most runs of one vector.
const RUNS_MAX: usize = 1 << 16;
/// Most steps of a name.
const STEPS_MAX: usize = 64;
/// Most elements of a vector that are called by name.
const NAMED_MAX: u32 = 1 << 22;
/// Longest name.
const NAME_BYTES_MAX: usize = 1 << 16;

/// What is known of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Attributes {
    Scalar(Kind),
    Group(Group),
}

/// What a number means.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Numeric,
    Binary(Categories),
    Nominal(Categories),
}

/// The categories that a number counts through.
#[derive(Clone, Debug, PartialEq)]
pub enum Categories {
    Named(Arc<[Box<str>]>),
    Count(u32),
    Unknown,
}

/// An element of a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    pub name: Option<Box<str>>,
    pub kind: Kind,
}

/// What is known of a column of vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    size: Option<u32>,
    /// The elements, where they are known.
    runs: Option<Arc<[Run]>>,
}

/// Elements that were described together: `offset..offset + len` of them.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    offset: u32,
    len: u32,
    /// Nothing: all are numeric and have no names of their own.
    listed: Option<Arc<[Attribute]>>,
    steps: Arc<[Step]>,
}

/// What becomes of a name.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// Goes in front; an element without a name gets its number, from `start` on, for one.
    Prefix { prefix: Arc<str>, start: u32 },
    /// Each text to the other, wherever it stands, in turn.
    Replace(Arc<[(Box<str>, Box<str>)]>),
}

/// Returns a number as Java's `Double.toString` writes it: categories are called by their numbers so.
pub fn java_text(x: f64) -> String {
    if !x.is_finite() {
        return if x.is_nan() {
            "NaN"
        } else if x > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    let plain = x == 0.0 || (1e-3..1e7).contains(&x.abs());
    if plain {
        return format!("{x:?}");
    }
    let short = format!("{x:E}");
    // With one digit enough, Java gives the nearest of those with two: `4.9E-324`, not `5.0E-324`.
    if short.contains('.') { short } else { format!("{x:.1E}") }
}

// === impl Categories ===

impl Categories {
    /// Returns how many there are.
    pub fn count(&self) -> Option<u32> {
        match self {
            Categories::Named(names) => u32::try_from(names.len()).ok(),
            Categories::Count(count) => Some(*count),
            Categories::Unknown => None,
        }
    }

    /// Returns the names; of those that have none, their numbers.
    pub fn names(&self) -> Option<Vec<Box<str>>> {
        match self {
            Categories::Named(names) => Some(names.to_vec()),
            Categories::Count(count) if *count as usize <= RUNS_MAX => {
                Some((0..*count).map(|i| i.to_string().into()).collect())
            }
            Categories::Count(_) | Categories::Unknown => None,
        }
    }

    fn of(attribute: &Map<String, Value>) -> Option<Categories> {
        if let Some(values) = attribute.get("vals") {
            let names: Option<Arc<[Box<str>]>> =
                values.as_array()?.iter().map(|v| v.as_str().map(Into::into)).collect();
            return names.map(Categories::Named);
        }
        match attribute.get("num_vals") {
            Some(count) => Some(Categories::Count(index(count)?)),
            None => Some(Categories::Unknown),
        }
    }
}

fn index(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|&n| n <= i32::MAX as u32)
}

// === impl Kind ===

impl Kind {
    /// Returns what a column is whose numbers count through these names.
    pub fn nominal(names: impl Into<Arc<[Box<str>]>>) -> Kind {
        Kind::Nominal(Categories::Named(names.into()))
    }

    fn of(name: &str, attribute: &Map<String, Value>) -> Option<Kind> {
        match name {
            "numeric" => Some(Kind::Numeric),
            "nominal" => Categories::of(attribute).map(Kind::Nominal),
            "binary" => Categories::of(attribute).map(Kind::Binary),
            _ => None,
        }
    }
}

// === impl Attributes ===

impl Attributes {
    /// Returns what a column's metadata say, of a column of vectors or one of numbers. Metadata that are no ML attributes say
    /// nothing.
    pub fn parse(metadata: &str, of_vectors: bool) -> Option<Attributes> {
        let document: Value = serde_json::from_str(metadata).ok()?;
        let attributes = document.get("ml_attr").unwrap_or(&document).as_object()?;
        if of_vectors {
            return Group::parse(attributes).map(Attributes::Group);
        }
        let kind = match attributes.get("type") {
            Some(name) => name.as_str()?,
            None => "numeric",
        };
        Kind::of(kind, attributes).map(Attributes::Scalar)
    }

    /// Returns how much room this takes, about, in attributes.
    pub(super) fn room(&self) -> usize {
        match self {
            Attributes::Scalar(_) => 1,
            Attributes::Group(Group { runs: None, .. }) => 1,
            Attributes::Group(Group { runs: Some(runs), .. }) => {
                runs.iter().map(|run| 1 + run.steps.len() + run.attributes().map_or(0, <[Attribute]>::len)).sum()
            }
        }
    }
}

impl From<Kind> for Attributes {
    fn from(kind: Kind) -> Attributes {
        Attributes::Scalar(kind)
    }
}

impl From<Group> for Attributes {
    fn from(group: Group) -> Attributes {
        Attributes::Group(group)
    }
}

// === impl Attribute ===

impl Attribute {
    pub fn new(name: impl Into<Box<str>>, kind: Kind) -> Attribute {
        Attribute { name: Some(name.into()), kind }
    }
}

// === impl Group ===

impl Group {
    /// Returns vectors of a size, their elements unknown (Spark's `numAttributes`).
    pub fn sized(size: Option<u32>) -> Group {
        Group { size, runs: None }
    }

    /// Returns vectors of so many numeric elements without names.
    pub fn numeric(size: u32) -> Group {
        Group::of_runs(vec![Run { offset: 0, len: size, listed: None, steps: Arc::default() }])
    }

    /// Returns vectors of these elements.
    pub fn listed(attributes: Vec<Attribute>) -> Group {
        Group::of_runs(vec![Run::listed(attributes)])
    }

    fn of_runs(runs: Vec<Run>) -> Group {
        let size = runs.iter().try_fold(0u32, |sum, run| sum.checked_add(run.len));
        let few = runs.len() <= RUNS_MAX && runs.iter().all(|run| run.steps.len() <= STEPS_MAX);
        Group { size, runs: Some(runs.into()).filter(|_| few && size.is_some()) }
    }

    fn parse(attributes: &Map<String, Value>) -> Option<Group> {
        let size = attributes.get("num_attrs").map(|n| index(n).ok_or(())).transpose().ok()?;
        let Some(lists) = attributes.get("attrs") else { return Some(Group::sized(size)) };
        let (lists, size) = (lists.as_object()?, size?);
        let mut described: Vec<(u32, Attribute)> = Vec::new();
        for kind in ["numeric", "nominal", "binary"] {
            let Some(list) = lists.get(kind) else { continue };
            for attribute in list.as_array()? {
                let attribute = attribute.as_object()?;
                let place = index(attribute.get("idx")?).filter(|&place| place < size)?;
                let name = attribute.get("name").and_then(Value::as_str).map(Into::into);
                described.push((place, Attribute { name, kind: Kind::of(kind, attribute)? }));
            }
        }
        // Of an element that is there twice the last description counts.
        described.sort_by_key(|(place, _)| *place);
        Some(Group::numeric(size).with(described))
    }

    /// Returns the same vectors, some elements (their places rising) described anew.
    fn with(self, described: Vec<(u32, Attribute)>) -> Group {
        let (Some(runs), false) = (&self.runs, described.is_empty()) else { return self };
        let mut described = described.into_iter().peekable();
        let (mut made, mut start): (Vec<Run>, u32) = (Vec::new(), 0);
        for run in runs.iter() {
            let (mut at, end) = (start, start + run.len);
            while let Some((place, attribute)) = described.next_if(|(place, _)| *place < end) {
                if place > at {
                    made.push(run.part(at - start, place - at));
                }
                match made.last_mut().and_then(|last| last.own_list()) {
                    // The last description of the same element, or the next element of a list of descriptions.
                    Some(list) if place < at => *list.last_mut().expect("it was just described") = attribute,
                    _ => made.push(Run::listed(vec![attribute])),
                }
                at = place + 1;
            }
            if at < end {
                made.push(run.part(at - start, end - at));
            }
            start = end;
        }
        Group::of_runs(merged(made))
    }

    /// Returns the number of elements, where it is known.
    pub fn size(&self) -> Option<u32> {
        self.size
    }

    /// Returns whether the elements are known.
    pub fn is_known(&self) -> bool {
        self.runs.is_some()
    }

    /// Calls `f` with the place of each element that is not numeric, and with what it is; returns whether they are known.
    pub fn each_category<'g>(&'g self, mut f: impl FnMut(u32, &'g Kind)) -> bool {
        let Some(runs) = &self.runs else { return false };
        let mut start = 0;
        for run in runs.iter() {
            if let Some(listed) = run.attributes() {
                let categories = (start..).zip(listed).filter(|(_, attribute)| attribute.kind != Kind::Numeric);
                categories.for_each(|(place, attribute)| f(place, &attribute.kind));
            }
            start += run.len;
        }
        true
    }

    /// Calls `f` with the name, if it has one, and the kind of each element; returns whether they are known (and not too many
    /// to be named).
    pub fn each(&self, mut f: impl FnMut(Option<&str>, &Kind)) -> bool {
        let (Some(runs), true) = (&self.runs, self.size.is_some_and(|size| size <= NAMED_MAX)) else { return false };
        let mut name = String::new();
        for run in runs.iter() {
            for i in 0..run.len {
                let has_name = run.name(i, &mut name);
                f(has_name.then_some(name.as_str()), run.kind(i));
            }
        }
        true
    }

    /// Returns the places of the elements of these names (the last of a name), where elements are known.
    pub fn places(&self, names: &[String]) -> Option<Vec<Option<u32>>> {
        let mut wanted: FxHashMap<&str, Option<u32>> = names.iter().map(|name| (name.as_str(), None)).collect();
        let mut place = 0;
        let known = self.each(|name, _| {
            if let Some(found) = name.and_then(|name| wanted.get_mut(name)) {
                *found = Some(place);
            }
            place += 1;
        });
        known.then(|| names.iter().map(|name| wanted[name.as_str()]).collect())
    }

    /// Returns vectors of some of the elements.
    pub fn select(&self, places: &[u32]) -> Group {
        let size = u32::try_from(places.len()).ok();
        let Some(runs) = &self.runs else { return Group::sized(size) };
        let starts: Vec<u32> =
            runs.iter().scan(0, |next, run| Some(std::mem::replace(next, *next + run.len))).collect();
        let mut made = Vec::with_capacity(places.len());
        for &place in places.iter().filter(|&&place| self.size.is_some_and(|size| place < size)) {
            let at = starts.partition_point(|&start| start <= place) - 1;
            made.push(runs[at].one(place - starts[at]));
        }
        Group::of_runs(merged(made))
    }

    /// Returns the same vectors, each text of the pairs in the elements' names replaced by the other, pair by pair.
    pub fn renamed(&self, pairs: impl Into<Arc<[(Box<str>, Box<str>)]>>) -> Group {
        let Some(runs) = &self.runs else { return self.clone() };
        let step = Step::Replace(pairs.into());
        Group::of_runs(runs.iter().map(|run| run.then(step.clone())).collect())
    }

    /// Returns the same vectors with some elements (their places rising) being categories now; names stay. Where the elements
    /// were not known, all others are numeric.
    pub fn with_categories(this: Option<&Group>, size: u32, categories: Vec<(u32, Kind)>) -> Group {
        let before = this.filter(|group| group.is_known() && group.size == Some(size)).cloned();
        let before = before.unwrap_or_else(|| Group::numeric(size));
        let names: Vec<u32> = categories.iter().map(|(place, _)| *place).collect();
        let names = before.select(&names);
        let mut kinds = categories.into_iter();
        let mut described = Vec::with_capacity(kinds.len());
        names.each(|name, _| {
            let (place, kind) = kinds.next().expect("a name for each place");
            described.push((place, Attribute { name: name.map(Into::into), kind }));
        });
        before.with(described)
    }
}

/// Joins neighbours that are lists without steps.
fn merged(runs: Vec<Run>) -> Vec<Run> {
    let mut out: Vec<Run> = Vec::with_capacity(runs.len().min(1024));
    let mut pending: Vec<Attribute> = Vec::new();
    for run in runs {
        match (run.attributes(), run.steps.is_empty()) {
            (Some(listed), true) => pending.extend_from_slice(listed),
            _ => {
                if !pending.is_empty() {
                    out.push(Run::listed(std::mem::take(&mut pending)));
                }
                out.push(run);
            }
        }
    }
    if !pending.is_empty() {
        out.push(Run::listed(pending));
    }
    out
}

// === impl Run ===

impl Run {
    fn listed(attributes: Vec<Attribute>) -> Run {
        let len = attributes.len() as u32;
        Run { offset: 0, len, listed: Some(attributes.into()), steps: Arc::default() }
    }

    fn attributes(&self) -> Option<&[Attribute]> {
        let all = self.listed.as_ref()?;
        Some(&all[self.offset as usize..(self.offset + self.len) as usize])
    }

    fn own_list(&mut self) -> Option<&mut [Attribute]> {
        Arc::get_mut(self.listed.as_mut()?)
    }

    fn part(&self, start: u32, len: u32) -> Run {
        Run { offset: self.offset + start, len, ..self.clone() }
    }

    fn then(&self, step: Step) -> Run {
        Run { steps: self.steps.iter().cloned().chain([step]).collect(), ..self.clone() }
    }

    fn kind(&self, i: u32) -> &Kind {
        self.attributes().map_or(&Kind::Numeric, |all| &all[i as usize].kind)
    }

    /// Returns one element, its name made.
    fn one(&self, i: u32) -> Run {
        let mut name = String::new();
        let name = self.name(i, &mut name).then(|| name.into_boxed_str());
        Run::listed(vec![Attribute { name, kind: self.kind(i).clone() }])
    }

    /// Writes the name of an element, returns whether it has one.
    fn name(&self, i: u32, name: &mut String) -> bool {
        name.clear();
        let own = self.attributes().and_then(|all| all[i as usize].name.as_deref());
        let mut has_name = own.is_some();
        name.push_str(own.unwrap_or_default());
        for step in self.steps.iter() {
            match step {
                Step::Prefix { prefix, .. } if has_name => name.insert_str(0, prefix),
                Step::Prefix { prefix, start } => {
                    name.push_str(prefix);
                    name.push_str(&start.wrapping_add(self.offset + i).to_string());
                    has_name = true;
                }
                Step::Replace(pairs) if has_name => {
                    for (from, to) in pairs.iter().filter(|(from, _)| !from.is_empty()) {
                        if name.contains(&**from) {
                            *name = name.replace(&**from, to);
                        }
                    }
                }
                Step::Replace(_) => {}
            }
            if name.len() > NAME_BYTES_MAX {
                name.clear();
                return false;
            }
        }
        has_name
    }
}

// === Assembling ===

/// The elements of a vector that is put together from columns, as `VectorAssembler` names them.
#[derive(Debug, Default)]
pub struct Assembled {
    runs: Vec<Run>,
    size: u32,
    /// The sizes, or the elements, of some part are not known.
    unknown: bool,
}

impl Assembled {
    /// Adds a column of numbers.
    pub fn scalar(&mut self, column: &str, kind: Kind) {
        self.push(Run::listed(vec![Attribute::new(column, kind)]));
    }

    /// Adds a column of vectors.
    pub fn vector(&mut self, column: &str, group: &Group) {
        let prefix: Arc<str> = format!("{column}_").into();
        let whole = group.size.map(Group::numeric);
        let Some(runs) = group.runs.as_ref().or(whole.as_ref().and_then(|whole| whole.runs.as_ref())) else {
            self.unknown = true;
            return;
        };
        let mut place = 0u32;
        for run in runs.iter() {
            self.push(run.then(Step::Prefix { prefix: prefix.clone(), start: place.wrapping_sub(run.offset) }));
            place += run.len;
        }
    }

    fn push(&mut self, run: Run) {
        match self.size.checked_add(run.len) {
            Some(size) if self.runs.len() < RUNS_MAX => {
                self.size = size;
                self.runs.push(run);
            }
            _ => self.unknown = true,
        }
    }

    /// Returns the vector's elements, where those of all parts are known.
    pub fn finish(self) -> Option<Group> {
        (!self.unknown).then(|| Group::of_runs(merged(self.runs)))
    }
}

#[cfg(test)]
mod tests;

//! Fields: what names mean, from the data dictionary through the mining schemas to derived fields.
//!
//! A [`Scope`] belongs to one model. A name is looked for among what earlier segments gave, the model's derived fields, its
//! mining fields (whose value comes from the scope around it and is treated here), the scopes around it, and for the outermost
//! model the transformation dictionary and the data dictionary. A field is lowered when somebody asks for it, once in each
//! block that sees it; one that needs itself is refused.
//!
//! The order of treatment is that of the standard (MiningSchema, 4.4): a value that means "missing" is missing; an invalid
//! one goes by `invalidValueTreatment`; then outliers; what is missing then is replaced. A replacement is not looked at again.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use model::{DType, Reading, Takes, Type, Unreadable};
use plan::{Expr, Func, Scalar};

use super::{
    error::Fault,
    expression,
    lower::{Lowering, Value},
    xml::{Element, parse_number},
};

mod doubt;
mod mining;
mod valid;

pub use doubt::Doubt;
use mining::{is_plain, outliers, there};
pub use valid::{holds, inside, valid_test};
use valid::{is_any, only_nan_is_invalid};

/// A data type of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    String,
    Integer,
    Float,
    Double,
    Boolean,
    Date,
    /// Seconds of the day.
    Time,
    DateTime,
    /// Days since the first of January of a year.
    DateDaysSince(i32),
    TimeSeconds,
    /// Seconds since the beginning of a year.
    DateTimeSecondsSince(i32),
}

/// Which operations a field's values have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpType {
    Categorical,
    Ordinal,
    Continuous,
}

/// A named value.
#[derive(Clone, Debug)]
pub struct Field {
    pub value: Value,
    pub data: DataType,
    pub op: OpType,
    /// The valid values, as the document lists them.
    pub categories: Arc<[String]>,
    /// Nothing invalid is left in it.
    pub valid: bool,
}

/// A field as the data dictionary has it.
#[derive(Clone, Debug)]
pub struct DataField<'d> {
    pub element: Element<'d>,
    pub name: &'d str,
    pub data: DataType,
    pub op: OpType,
    pub categories: Arc<[String]>,
}

/// The parts of a document that all its models share.
pub struct Dictionary<'d> {
    pub fields: HashMap<&'d str, DataField<'d>>,
    pub order: Vec<&'d str>,
    pub derived: HashMap<&'d str, Element<'d>>,
    pub functions: HashMap<&'d str, Element<'d>>,
    /// Fields whose values are lists: what is aggregated, the items of baskets.
    pub lists: HashSet<&'d str>,
    /// Whether a value that is invalid is a missing one where the document does not say: so anomaly models are scored by the one
    /// evaluator that knows them.
    pub invalid_is_missing: bool,
    inputs: RefCell<HashMap<String, Value>>,
}

/// What names mean inside of a model.
pub struct Scope<'s, 'd> {
    pub dictionary: &'s Dictionary<'d>,
    /// The model's element.
    pub model: Element<'d>,
    outer: Option<&'s Scope<'s, 'd>>,
    mining: HashMap<&'d str, Element<'d>>,
    derived: HashMap<&'d str, Element<'d>>,
    given: RefCell<HashMap<String, Given>>,
    made: RefCell<HashMap<String, Vec<Field>>>,
    doubtful: RefCell<HashMap<String, Vec<(Field, Doubt)>>>,
    busy: RefCell<HashSet<String>>,
}

/// A field that a name was given to.
#[derive(Clone)]
struct Given {
    field: Field,
    /// A row is refused where somebody asks for it and it is missing.
    needed: bool,
}

// === impl DataType ===

impl DataType {
    /// Returns the type of this name.
    pub fn parse(at: Element<'_>, name: &str) -> Result<DataType, Fault> {
        let since = |prefix: &str| name.strip_prefix(prefix)?.strip_suffix(']')?.parse::<i32>().ok();
        let year = |y: i32| if y == 0 { 0 } else { y };
        Ok(match name {
            "string" => DataType::String,
            "integer" => DataType::Integer,
            "float" => DataType::Float,
            "double" => DataType::Double,
            "boolean" => DataType::Boolean,
            "date" => DataType::Date,
            "time" => DataType::Time,
            "dateTime" => DataType::DateTime,
            "timeSeconds" => DataType::TimeSeconds,
            _ => match (since("dateDaysSince["), since("dateTimeSecondsSince[")) {
                (Some(y), _) => DataType::DateDaysSince(year(y)),
                (_, Some(y)) => DataType::DateTimeSecondsSince(year(y)),
                _ => return Err(at.fault("attribute dataType", "a data type of PMML", name)),
            },
        })
    }

    /// Returns the type that attribute `dataType` of the element names.
    pub fn of(at: Element<'_>) -> Result<Option<DataType>, Fault> {
        at.attr("dataType").map(|name| DataType::parse(at, name)).transpose()
    }

    /// Returns the type of a column of such values.
    pub fn ty(self) -> Type {
        match self {
            DataType::String => Type::Text,
            DataType::Float => Type::F32,
            DataType::Double => Type::F64,
            DataType::Boolean => Type::BOOL,
            DataType::Date => Type::scalar(DType::Date),
            DataType::DateTime => Type::scalar(DType::Timestamp),
            _ => Type::I64,
        }
    }

    pub fn is_number(self) -> bool {
        matches!(self, DataType::Integer | DataType::Float | DataType::Double)
    }

    /// Returns the constant that a text says; nothing where it does not read so.
    pub fn constant(self, text: &str) -> Option<Scalar> {
        Some(match self {
            DataType::String => Scalar::Text(text.into()),
            DataType::Float => Scalar::F32(parse_number(text)? as f32),
            DataType::Double => Scalar::F64(parse_number(text)?),
            DataType::Boolean => match text.trim() {
                "true" | "TRUE" | "True" | "1" => Scalar::Bool(true),
                "false" | "FALSE" | "False" | "0" => Scalar::Bool(false),
                _ => match parse_number(text)? {
                    1.0 => Scalar::Bool(true),
                    0.0 => Scalar::Bool(false),
                    _ => return None,
                },
            },
            DataType::Date => Scalar::Date(codec::time::parse_date(text.trim())?),
            DataType::DateTime => Scalar::Timestamp(codec::time::parse_timestamp(text.trim())?),
            _ => Scalar::I64(whole(text)?),
        })
    }
}

/// Returns the whole number that a text says, be it written with a fraction of zero.
fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    text.parse().ok().or_else(|| parse_number(text).filter(|x| x.fract() == 0.0 && x.abs() < 9e15).map(|x| x as i64))
}

impl OpType {
    /// Returns what attribute `optype` of the element says; else what goes with the type.
    pub fn of(at: Element<'_>, data: DataType) -> Result<OpType, Fault> {
        match at.attr("optype") {
            Some("categorical") => Ok(OpType::Categorical),
            Some("ordinal") => Ok(OpType::Ordinal),
            Some("continuous") => Ok(OpType::Continuous),
            Some(other) => Err(at.fault("attribute optype", "categorical, ordinal or continuous", other)),
            None if matches!(data, DataType::String | DataType::Boolean) => Ok(OpType::Categorical),
            None => Ok(OpType::Continuous),
        }
    }
}

// === impl Field ===

impl Field {
    /// Returns a field of a value, valid as it is.
    pub fn new(value: Value, data: DataType, op: OpType) -> Field {
        Field { value, data, op, categories: Arc::new([]), valid: true }
    }

    /// Returns a double of a value.
    pub fn double(value: Value) -> Field {
        Field::new(value, DataType::Double, OpType::Continuous)
    }

    /// Returns the constant that a text says as a value of the field.
    pub fn constant(&self, text: &str) -> Option<Scalar> {
        self.data.constant(text)
    }
}

// === impl Dictionary ===

impl<'d> Dictionary<'d> {
    pub fn read(root: Element<'d>) -> Result<Dictionary<'d>, Fault> {
        let mut dictionary = Dictionary {
            fields: HashMap::new(),
            order: Vec::new(),
            derived: HashMap::new(),
            functions: HashMap::new(),
            lists: HashSet::new(),
            invalid_is_missing: root.child("AnomalyDetectionModel").is_some(),
            inputs: RefCell::new(HashMap::new()),
        };
        // nyoka writes a field without a name for the time of a series, which nothing can refer to.
        let series = root.child("TimeSeriesModel").is_some();
        for element in root.child("DataDictionary").into_iter().flat_map(|e| e.all("DataField")) {
            if series && element.attr("name").is_none() {
                continue;
            }
            let field = DataField::read(element)?;
            if dictionary.fields.insert(field.name, field.clone()).is_some() {
                return Err(element.fault("attribute name", "a name of its own", field.name));
            }
            dictionary.order.push(field.name);
        }
        for element in root.child("TransformationDictionary").into_iter().flat_map(|e| e.children()) {
            let (table, what) = match element.name() {
                "DerivedField" => (&mut dictionary.derived, "derived field"),
                "DefineFunction" => (&mut dictionary.functions, "function"),
                _ => continue,
            };
            let name = element.required("name")?;
            if table.insert(name, element).is_some() {
                return Err(element.fault("attribute name", format!("a {what} of another name"), name));
            }
        }
        for element in root.descendants() {
            match element.name() {
                "Aggregate" => dictionary.lists.extend(element.attr("field")),
                "AssociationModel" | "SequenceModel" => {
                    let fields = || element.child("MiningSchema").into_iter().flat_map(|e| e.all("MiningField"));
                    if !fields().any(|e| e.attr("usageType") == Some("group")) {
                        continue;
                    }
                    let items = fields()
                        .filter(|e| matches!(e.attr("usageType"), None | Some("active" | "predicted" | "order")));
                    dictionary.lists.extend(items.filter_map(|e| e.attr("name")));
                }
                _ => {}
            }
        }
        Ok(dictionary)
    }

    /// Returns a field as the caller brings it.
    pub fn input(&self, cx: &mut Lowering<'_>, field: &DataField<'d>, mining: Option<Element<'d>>) -> Value {
        if let Some(value) = self.inputs.borrow().get(field.name) {
            return value.clone();
        }
        let ty = if self.lists.contains(field.name) { Type::list(field.data.ty()) } else { field.data.ty() };
        // A text that says no value of the type is an invalid value: the mining schema says what becomes of it.
        let unreadable = match mining.and_then(|m| m.attr("invalidValueTreatment")) {
            Some("asMissing") => Unreadable::Null,
            None if self.invalid_is_missing => Unreadable::Null,
            Some("asValue") => match mining.and_then(|m| m.attr("invalidValueReplacement")) {
                Some(text) => Unreadable::As(text.into()),
                None => Unreadable::Refuse,
            },
            // It is refused as what is no number is, where somebody asks for it.
            None | Some("returnInvalid") if field.data.ty().as_scalar().is_some_and(DType::is_float) => {
                Unreadable::As("NaN".into())
            }
            _ => Unreadable::Refuse,
        };
        let value = cx.input(field.name, Takes::One(ty), Reading::Loose(unreadable));
        self.inputs.borrow_mut().insert(field.name.to_owned(), value.clone());
        value
    }
}

impl<'d> DataField<'d> {
    fn read(element: Element<'d>) -> Result<DataField<'d>, Fault> {
        // Some exporters leave the type out; what goes with the operations is meant.
        let data = match (DataType::of(element)?, element.attr("optype")) {
            (Some(data), _) => data,
            (None, Some("continuous")) => DataType::Double,
            (None, _) => DataType::String,
        };
        let valid = element.all("Value").filter(|v| matches!(v.attr("property"), None | Some("valid")));
        let categories: Result<Vec<String>, Fault> = valid.map(|v| v.required("value").map(str::to_owned)).collect();
        let (name, op) = (element.required("name")?, OpType::of(element, data)?);
        Ok(DataField { element, name, data, op, categories: categories?.into() })
    }

    /// Returns the values that the dictionary calls so.
    fn values(&self, property: &'static str) -> Vec<Scalar> {
        let named = self.element.all("Value").filter(|v| v.attr("property") == Some(property));
        named.filter_map(|v| self.data.constant(v.attr("value")?)).collect()
    }

    /// Returns the text that is shown for a category.
    pub fn display(&self, category: &str) -> Option<&'d str> {
        self.element.all("Value").find(|v| v.attr("value") == Some(category))?.attr("displayValue")
    }
}

// === impl Scope ===

impl<'s, 'd> Scope<'s, 'd> {
    /// Returns the scope of a model, inside of another's where it is a segment.
    pub fn new(
        dictionary: &'s Dictionary<'d>,
        outer: Option<&'s Scope<'s, 'd>>,
        model: Element<'d>,
    ) -> Result<Scope<'s, 'd>, Fault> {
        let mut mining = HashMap::new();
        for field in model.child("MiningSchema").into_iter().flat_map(|e| e.all("MiningField")) {
            if model.name() == "TimeSeriesModel" && field.attr("name").is_none() {
                continue;
            }
            let name = field.required("name")?;
            if mining.insert(name, field).is_some() {
                return Err(field.fault("attribute name", "a name that stands once", name));
            }
        }
        let mut derived = HashMap::new();
        let segmentation = model.child("Segmentation").and_then(|e| e.child("LocalTransformations"));
        let local = model.child("LocalTransformations").into_iter().chain(segmentation);
        for field in local.flat_map(|e| e.all("DerivedField")) {
            let name = field.required("name")?;
            if derived.insert(name, field).is_some() {
                return Err(field.fault("attribute name", "a name that stands once", name));
            }
        }
        let (given, made, busy) = (RefCell::default(), RefCell::default(), RefCell::default());
        let doubtful = RefCell::default();
        Ok(Scope { dictionary, model, outer, mining, derived, given, made, doubtful, busy })
    }

    /// Returns the mining field of this name.
    pub fn mining(&self, name: &str) -> Option<Element<'d>> {
        self.mining.get(name).copied()
    }

    /// Returns the names of the model's mining fields of these usages, in their order.
    pub fn used_as(&self, usages: &[&str]) -> Vec<&'d str> {
        let fields = self.model.child("MiningSchema").into_iter().flat_map(|e| e.all("MiningField"));
        let wanted = fields.filter(|e| usages.contains(&e.attr("usageType").unwrap_or("active")));
        wanted.filter_map(|e| e.attr("name")).collect()
    }

    /// Returns the names of the fields that the model predicts.
    pub fn targets(&self) -> Vec<&'d str> {
        self.used_as(&["target", "predicted"])
    }

    /// Returns the derived fields that the model's own transformations and the document's define, by name.
    pub fn derived_fields(&self) -> HashMap<&'d str, Element<'d>> {
        let mut fields = self.dictionary.derived.clone();
        fields.extend(self.derived.iter().map(|(name, element)| (*name, *element)));
        fields
    }

    /// Returns what the data dictionary says of a field.
    pub fn data_field(&self, name: &str) -> Option<&DataField<'d>> {
        self.dictionary.fields.get(name)
    }

    /// Returns the field that the model predicts, where it names one that the dictionary has. Where it names none it is that of
    /// the model around it, if both tell categories: what else a part predicts is another thing.
    pub fn target(&self) -> Option<&DataField<'d>> {
        let own = self.targets().into_iter().find_map(|name| self.data_field(name));
        let classifies = |model: Element<'_>| model.attr("functionName") == Some("classification");
        own.or_else(|| {
            let outer = self.outer.filter(|outer| classifies(self.model) && classifies(outer.model))?;
            outer.target()
        })
    }

    /// Lets a value be known by a name from here on; of a needed one nothing is told where it is missing, so that a row is refused
    /// where (and only where) somebody asks for it.
    pub fn give(&self, name: &str, field: Field, needed: bool) {
        self.given.borrow_mut().insert(name.to_owned(), Given { field, needed });
    }

    /// Returns the field of this name.
    pub fn field(&self, cx: &mut Lowering<'_>, at: Element<'_>, name: &str) -> Result<Field, Fault> {
        self.find(cx, at, name)?.ok_or_else(|| at.fault("field", "the name of a field that is there", name))
    }

    /// Returns the field of this name, where there is one.
    pub fn find(&self, cx: &mut Lowering<'_>, at: Element<'_>, name: &str) -> Result<Option<Field>, Fault> {
        let given = self.given.borrow().get(name).filter(|given| cx.sees(&given.field.value)).cloned();
        match given {
            Some(Given { field, needed: true }) => return there(cx, at, field).map(Some),
            Some(Given { field, .. }) => return Ok(Some(field)),
            None => {}
        }
        let made = |made: &HashMap<String, Vec<Field>>| made.get(name)?.iter().find(|f| cx.sees(&f.value)).cloned();
        if let Some(field) = made(&self.made.borrow()) {
            return Ok(Some(field));
        }
        if !self.busy.borrow_mut().insert(name.to_owned()) {
            return Err(at.fault("field", "a field that does not depend on itself", name));
        }
        let field = cx.deeper(at, |cx| self.make(cx, at, name));
        self.busy.borrow_mut().remove(name);
        let field = field?;
        if let Some(field) = &field {
            self.made.borrow_mut().entry(name.to_owned()).or_default().push(field.clone());
        }
        Ok(field)
    }

    fn make(&self, cx: &mut Lowering<'_>, at: Element<'_>, name: &str) -> Result<Option<Field>, Fault> {
        if let Some(derived) = self.derived.get(name) {
            return expression::derived(cx, self, *derived).map(Some);
        }
        let around = match (self.outer, self.dictionary.derived.get(name)) {
            (Some(outer), _) => outer.find(cx, at, name)?,
            (None, Some(derived)) if !self.mining.contains_key(name) => Some(expression::derived(cx, self, *derived)?),
            (None, _) => self.dictionary.fields.get(name).map(|field| self.brought(cx, field)),
        };
        match (around, self.mining.get(name)) {
            (Some(field), Some(mining)) => self.treated(cx, *mining, field).map(Some),
            (field, _) => Ok(field),
        }
    }

    /// Returns the element of the derived field of this name, where the name means that in the outermost model.
    pub fn derived(&self, name: &str) -> Option<Element<'d>> {
        let is_other = self.outer.is_some() || self.given.borrow().contains_key(name);
        let of_document = || self.dictionary.derived.get(name).filter(|_| !self.mining.contains_key(name));
        if is_other { None } else { self.derived.get(name).or_else(of_document).copied() }
    }

    /// Returns a text or double as the caller brings it, where nothing is done to it but that some values are refused: those
    /// that the dictionary does not list, or NaN. Whoever takes it judges it himself.
    pub fn raw(&self, cx: &mut Lowering<'_>, name: &str) -> Option<(Value, &DataField<'d>)> {
        let (data, mining) = (self.dictionary.fields.get(name)?, *self.mining.get(name)?);
        let is_made = self.outer.is_some() || self.derived.contains_key(name) || self.given.borrow().contains_key(name);
        let is = |attr, values: &[&str]| mining.attr(attr).is_none_or(|value| values.contains(&value));
        let is_plain = is("invalidValueTreatment", &["returnInvalid"])
            && is("missingValueTreatment", &["asIs", "asMean", "asMode", "asMedian", "asValue"])
            && is("outliers", &["asIs"])
            && mining.attr("missingValueReplacement").is_none()
            && mining.attr("optype").is_none();
        let values = data.element.all("Value").all(|v| matches!(v.attr("property"), None | Some("valid")));
        let fits = match data.data {
            DataType::String => true,
            DataType::Double => data.categories.is_empty(),
            _ => false,
        };
        if is_made || !is_plain || !values || !fits || data.element.child("Interval").is_some() {
            return None;
        }
        let value = self.dictionary.input(cx, data, Some(mining));
        (!matches!(value.ty, Type::List(_))).then_some((value, data))
    }

    /// Returns a field of the dictionary as the caller brings it.
    fn brought(&self, cx: &mut Lowering<'_>, field: &DataField<'d>) -> Field {
        let value = self.dictionary.input(cx, field, self.mining(field.name));
        Field { value, data: field.data, op: field.op, categories: field.categories.clone(), valid: false }
    }

    /// Returns the field as the mining schema has its values treated.
    fn treated(&self, cx: &mut Lowering<'_>, mining: Element<'d>, field: Field) -> Result<Field, Fault> {
        let mut field = field;
        if mining.attr("optype").is_some() {
            field.op = OpType::of(mining, field.data)?;
        }
        // A segment takes a value as the model around it left it, unless its own schema does something to it.
        if matches!(field.value.ty, Type::List(_)) || self.outer.is_some() && is_plain(mining) {
            return Ok(field);
        }
        let name = mining.required("name")?;
        let mut valid = None;
        if let Some(data) = self.dictionary.fields.get(name).filter(|_| !field.valid) {
            (field, valid) = self.judged(cx, mining, data, field)?;
        }
        field = outliers(cx, mining, field, valid.as_ref())?;
        self.replaced(cx, mining, field)
    }

    /// Returns the field, what the dictionary calls missing made so, what it calls invalid treated; and whether it was valid, where
    /// it may go on with a value that is not.
    fn judged(
        &self,
        cx: &mut Lowering<'_>,
        mining: Element<'d>,
        data: &DataField<'d>,
        field: Field,
    ) -> Result<(Field, Option<Value>), Fault> {
        let default = if self.dictionary.invalid_is_missing { "asMissing" } else { "returnInvalid" };
        let treatment = mining.attr("invalidValueTreatment").unwrap_or(default);
        let mut field = self.known(cx, mining, data, field)?;
        let Some(test) = valid_test(cx, data, &field)? else {
            field.valid = true;
            return Ok((field, None));
        };
        let (ty, null) = (field.value.ty.clone(), Expr::call(Func::IsNull, [Expr::Input(0)]));
        let fine = Expr::call(Func::Or, [null, Expr::Input(1)]);
        let instead = match treatment {
            "returnInvalid" => {
                Expr::call(Func::Refuse("a value that the data dictionary calls valid", ty), [Expr::Input(0)])
            }
            "asMissing" => Expr::null(ty),
            "asValue" => {
                let text = mining.required("invalidValueReplacement")?;
                let got = || mining.fault("attribute invalidValueReplacement", "a value of the field's type", text);
                Expr::Const(field.constant(text).ok_or_else(got)?)
            }
            "asIs" => return Ok((field, Some(test))),
            other => return Err(mining.fault("attribute invalidValueTreatment", "a treatment of PMML 4.4", other)),
        };
        let expr = Expr::call(Func::If, [fine, Expr::Input(0), instead]);
        field.value = cx.expr(mining, expr, &[&field.value, &test], data.name)?;
        field.valid = true;
        Ok((field, (treatment == "asValue").then_some(test)))
    }

    /// Returns the field, what the dictionary calls missing made so.
    fn known(
        &self,
        cx: &mut Lowering<'_>,
        mining: Element<'d>,
        data: &DataField<'d>,
        field: Field,
    ) -> Result<Field, Fault> {
        let missing = data.values("missing");
        if missing.is_empty() {
            return Ok(field);
        }
        let expr = Expr::call(Func::If, [is_any(missing), Expr::null(field.value.ty.clone()), Expr::Input(0)]);
        Ok(Field { value: cx.expr(mining, expr, &[&field.value], data.name)?, ..field })
    }

    fn replaced(&self, cx: &mut Lowering<'_>, mining: Element<'d>, field: Field) -> Result<Field, Fault> {
        let mut field = field;
        let name = mining.required("name")?;
        let replacement = match mining.attr("missingValueReplacement") {
            Some(text) => {
                let got = || mining.fault("attribute missingValueReplacement", "a value of the field's type", text);
                Expr::Const(field.constant(text).ok_or_else(got)?)
            }
            None if mining.attr("missingValueTreatment") == Some("returnInvalid") => Expr::call(
                Func::Refuse("a value: the model has none for a missing one", field.value.ty.clone()),
                [Expr::Input(0)],
            ),
            None => return Ok(field),
        };
        let expr = Expr::call(Func::Coalesce, [Expr::Input(0), replacement]);
        field.value = cx.expr(mining, expr, &[&field.value], name)?;
        Ok(field)
    }
}

//! A request's JSON: its tensors in typed columns, then the batch that a model takes.

use std::{borrow::Cow, fmt, sync::Arc};

use model::{Batch, Column, DType, Field, Signature, Type, Violation, Whole};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{
    Datatype, data, fit,
    mixed::{Form, Forms},
    raw,
};
use crate::{error::CodecError, json::syntax};

/// Most dimensions of a tensor.
const RANK_MAX: usize = 16;

/// A request as it was sent, its data read.
#[derive(Debug)]
pub struct Request {
    pub id: Option<String>,
    /// The outputs asked for; the default ones where there are none.
    pub outputs: Option<Vec<Arc<str>>>,
    /// How they are to be written.
    pub forms: Forms,
    inputs: Vec<(Arc<str>, Sent)>,
    seen: rustc_hash::FxHashSet<Arc<str>>,
}

/// One input as it was sent.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are tensors")]
enum Sent {
    Tensor(Input),
    Sequence(Vec<Sent>),
    Map(Box<(Input, Input)>),
    Absent,
}

/// One tensor: elements in row-major order.
#[derive(Debug)]
pub(super) struct Input {
    pub shape: Vec<usize>,
    pub datatype: Datatype,
    pub elements: Column,
}

#[derive(Deserialize)]
struct RawRequest<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(borrow)]
    inputs: Vec<RawInput<'a>>,
    #[serde(default, borrow)]
    outputs: Option<Vec<RawOutput<'a>>>,
    #[serde(default)]
    parameters: Option<RequestParameters>,
}

#[derive(Default, Deserialize)]
struct RequestParameters {
    #[serde(default)]
    binary_data_output: bool,
}

#[derive(Deserialize)]
struct RawInput<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default)]
    shape: Option<Vec<i64>>,
    #[serde(default, borrow)]
    datatype: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    parameters: Option<Box<RawParameters<'a>>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    /// Beyond the protocol: what is no tensor.
    #[serde(default, borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    elements: Vec<RawInput<'a>>,
    #[serde(default, borrow)]
    maps: Vec<RawMap<'a>>,
    #[serde(default, borrow)]
    keys: Option<&'a RawValue>,
    #[serde(default, borrow)]
    values: Option<&'a RawValue>,
}

/// Keys and values, two arrays of one length.
#[derive(Deserialize)]
struct RawMap<'a> {
    #[serde(borrow)]
    keys: &'a RawValue,
    #[serde(borrow)]
    values: &'a RawValue,
}

#[derive(Deserialize)]
struct RawOutput<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default, borrow)]
    parameters: Option<RawParameters<'a>>,
}

/// The parameters that would change what a tensor is; others are the protocol's to ignore.
#[derive(Deserialize)]
struct RawParameters<'a> {
    #[serde(default)]
    binary_data_size: Option<usize>,
    #[serde(default)]
    binary_data: Option<bool>,
    #[serde(default)]
    classification: usize,
    #[serde(default)]
    shared_memory_region: Option<IgnoredAny>,
    #[serde(default, borrow)]
    content_type: Option<Cow<'a, str>>,
}

impl RawParameters<'_> {
    fn check(&self) -> Result<(), CodecError> {
        let what = match self {
            RawParameters { shared_memory_region: Some(_), .. } => {
                "a tensor in shared memory; send its elements".to_owned()
            }
            // Those of text and of numbers say what the tensor is anyway.
            RawParameters { content_type: Some(ty), .. } if !["str", "np", super::CONTENT_TYPE.1].contains(&&**ty) => {
                format!("the content type {ty:?} of a tensor")
            }
            _ => return Ok(()),
        };
        Err(CodecError::Unsupported { what })
    }
}

impl Request {
    /// Reads a body; its length is the caller's to bound.
    pub fn parse(body: &[u8]) -> Result<Request, CodecError> {
        Request::parse_binary(body, &[])
    }

    /// Reads a body whose JSON is followed by the bytes of tensors.
    pub fn parse_binary(body: &[u8], mut binary: &[u8]) -> Result<Request, CodecError> {
        let raw: RawRequest<'_> = serde_json::from_slice(body).map_err(|error| shape_or_syntax(&error, body))?;
        let mut request = Request::with_room(raw.id, raw.inputs.len());
        for input in &raw.inputs {
            let sent = input.read(&mut binary)?;
            request.insert(&input.name, sent)?;
        }
        if !binary.is_empty() {
            let expected = "as many bytes behind the JSON as the parameters binary_data_size say";
            return Err(violation(None, expected, format!("{} more", binary.len())));
        }
        request.forms.binary = raw.parameters.unwrap_or_default().binary_data_output;
        let outputs = raw.outputs.filter(|outputs| !outputs.is_empty());
        let mut named = |output: RawOutput<'_>| {
            let name = Arc::<str>::from(&*output.name);
            if let Some(parameters) = output.parameters {
                parameters.check()?;
                let form = Form { binary: parameters.binary_data, classes: parameters.classification };
                request.forms.each.push((name.clone(), form));
            }
            Ok(name)
        };
        let outputs =
            outputs.map(|outputs| outputs.into_iter().map(&mut named).collect::<Result<Vec<_>, CodecError>>());
        request.outputs = outputs.transpose()?;
        Ok(request)
    }

    /// Returns a request without tensors, for one that comes otherwise than as JSON.
    pub fn new(id: Option<String>) -> Request {
        Request::with_room(id, 0)
    }

    /// Returns one that will have so many tensors.
    pub fn with_room(id: Option<String>, inputs: usize) -> Request {
        // What a message claims is bounded by its own bytes; this bounds what is taken at once.
        const ROOM_MAX: usize = 4096;
        let room = inputs.min(ROOM_MAX);
        Request {
            id,
            outputs: None,
            forms: Forms::default(),
            inputs: Vec::with_capacity(room),
            seen: rustc_hash::FxHashSet::with_capacity_and_hasher(room, Default::default()),
        }
    }

    /// Adds a tensor.
    pub fn push(
        &mut self,
        name: &str,
        datatype: &str,
        shape: &[i64],
        elements: raw::Elements<'_>,
    ) -> Result<(), CodecError> {
        let datatype = datatype_of(name, Some(datatype))?;
        let (shape, count) = shape_of(name, shape)?;
        let elements = raw::column(name, datatype, count, elements)?;
        self.insert(name, Sent::Tensor(Input { shape, datatype, elements }))
    }

    fn insert(&mut self, name: &str, sent: Sent) -> Result<(), CodecError> {
        let name = Arc::<str>::from(name);
        if !self.seen.insert(name.clone()) {
            return Err(violation(Some(&name), "each input once", "it again"));
        }
        self.inputs.push((name, sent));
        Ok(())
    }

    /// Returns the batch for what the outputs (the default ones where none are) of a signature are computed from.
    pub fn batch_for(
        self,
        signature: &Signature,
        outputs: Option<&[Arc<str>]>,
        rows_max: usize,
    ) -> Result<Batch, CodecError> {
        self.batch_of(&signature.brought(outputs), &signature.inputs, rows_max)
    }

    /// Returns the batch for these fields. `known` are all that the model has: an input of another name is refused, one that
    /// the fields do not need is passed over. There are at most `rows_max` rows.
    pub fn batch(self, fields: &[Field], known: &[Field], rows_max: usize) -> Result<Batch, CodecError> {
        let brought: Vec<(&Field, bool)> = fields.iter().map(|field| (field, !field.optional)).collect();
        self.batch_of(&brought, known, rows_max)
    }

    fn batch_of(self, fields: &[(&Field, bool)], known: &[Field], rows_max: usize) -> Result<Batch, CodecError> {
        let is_unknown = |(at, name): (usize, &str)| place(known, at, |field| &*field.name == name).is_none();
        let mut names = self.inputs.iter().enumerate().map(|(at, (name, _))| (at, &**name));
        if let Some((_, name)) = names.find(|&asked| is_unknown(asked)) {
            let names: Vec<&str> = known.iter().map(|field| &*field.name).collect();
            let expected = format!("an input that the model has ({})", names.join(", "));
            return Err(violation(Some(name), expected, "another"));
        }
        // A tensor without elements may state any number of rows.
        let rows_of = |(_, sent): &(Arc<str>, Sent)| match sent {
            Sent::Tensor(input) => input.shape.first().copied().unwrap_or(0),
            _ => 0,
        };
        if let Some(got) = self.inputs.iter().map(rows_of).max().filter(|&rows| rows > rows_max) {
            let (what, got, limit) = ("the number of rows".to_owned(), got as u64, rows_max as u64);
            return Err(CodecError::TooLarge { what, got, limit, key: "rows_max" });
        }
        let mut violations = Vec::new();
        let mut columns = Vec::with_capacity(fields.len());
        let mut rows: Option<(Arc<str>, usize)> = None;
        for (at, &(field, must)) in fields.iter().enumerate() {
            let found = place(&self.inputs, at, |(name, _)| *name == field.name);
            let Some((_, sent)) = found.map(|at| &self.inputs[at]) else {
                if must {
                    let expected = Datatype::of(field.ty()).name();
                    violations.push(fault(Some(&field.name), format!("an input tensor of {expected}"), "nothing"));
                }
                continue;
            };
            if field.whole {
                match sent.whole(field, field.ty()) {
                    Ok(whole) => columns.push((field, Err(whole))),
                    Err(violation) => violations.push(violation),
                }
                continue;
            }
            let Sent::Tensor(input) = sent else {
                violations.push(fault(Some(&field.name), "a tensor", sent.kind()));
                continue;
            };
            match fit::column(field, input) {
                Ok(column) => columns.push((field, Ok(column))),
                Err(violation) => violations.push(violation),
            }
            match (&rows, input.shape.first()) {
                (None, Some(&n)) => rows = Some((field.name.clone(), n)),
                (Some((first, n)), Some(&got)) if *n != got => {
                    violations.push(fault(Some(&field.name), format!("{n} rows, as `{first}` has"), got.to_string()));
                }
                _ => {}
            }
        }
        if !violations.is_empty() {
            let total = violations.len();
            return Err(CodecError::Violations { violations, total });
        }
        let mut batch = Batch::new(rows.map_or(0, |(_, n)| n));
        for (field, value) in columns {
            match value {
                Ok(column) => batch.push(field.name.clone(), column),
                Err(whole) => batch.push_whole(field.name.clone(), whole),
            }
        }
        Ok(batch)
    }
}

/// Returns the place of what is looked for; callers mostly bring things in their order, so `likely` is tried first.
fn place<T>(list: &[T], likely: usize, is: impl Fn(&T) -> bool) -> Option<usize> {
    if list.get(likely).is_some_and(&is) { Some(likely) } else { list.iter().position(is) }
}

impl RawInput<'_> {
    fn read(&self, binary: &mut &[u8]) -> Result<Sent, CodecError> {
        let name = &*self.name;
        match self.kind.as_deref() {
            None => self.tensor(binary).map(Sent::Tensor),
            Some("none") => Ok(Sent::Absent),
            Some("sequence") => {
                let mut element = |element: &RawInput<'_>| match element.kind {
                    None => element.tensor(binary).map(Sent::Tensor),
                    Some(_) => Err(violation(Some(name), "a sequence of tensors", "one of something else")),
                };
                self.elements.iter().map(&mut element).collect::<Result<_, _>>().map(Sent::Sequence)
            }
            Some("sequence_of_maps") => {
                let maps = self.maps.iter().map(|map| map_of(name, map.keys, map.values));
                maps.collect::<Result<_, _>>().map(Sent::Sequence)
            }
            Some("map") => match (self.keys, self.values) {
                (Some(keys), Some(values)) => map_of(name, keys, values),
                _ => Err(violation(Some(name), "the keys `keys` and `values` of a map", "one of them, or none")),
            },
            Some(other) => {
                let expected = "the kind of a value that is no tensor: sequence, sequence_of_maps, map or none";
                Err(violation(Some(name), expected, format!("{other:?}")))
            }
        }
    }

    fn tensor(&self, binary: &mut &[u8]) -> Result<Input, CodecError> {
        let field = Some(&*self.name);
        self.parameters.as_deref().map_or(Ok(()), RawParameters::check)?;
        let datatype = datatype_of(&self.name, self.datatype.as_deref())?;
        let Some(dims) = &self.shape else {
            return Err(violation(field, "the key `shape`: an array of its dimensions", "nothing"));
        };
        let (shape, count) = shape_of(&self.name, dims)?;
        if let Some(size) = self.parameters.as_ref().and_then(|parameters| parameters.binary_data_size) {
            let Some((own, rest)) = binary.split_at_checked(size).filter(|_| self.data.is_none()) else {
                let expected = format!("{size} bytes behind the JSON, as binary_data_size says, and no `data`");
                return Err(violation(field, expected, format!("{} bytes", binary.len())));
            };
            *binary = rest;
            let elements = raw::column(&self.name, datatype, count, raw::Elements::Raw(own))?;
            return Ok(Input { shape, datatype, elements });
        }
        let Some(data) = self.data else {
            return Err(violation(field, "the key `data`: an array of its elements", "nothing"));
        };
        let elements = data::read(&self.name, datatype, data.get())?;
        if count != elements.len() {
            let expected = format!("as many elements as the shape {} says", Dims(dims));
            return Err(violation(field, expected, elements.len().to_string()));
        }
        Ok(Input { shape, datatype, elements })
    }
}

fn datatype_of(name: &str, datatype: Option<&str>) -> Result<Datatype, CodecError> {
    datatype.and_then(Datatype::from_name).ok_or_else(|| {
        let names = super::NAMES.map(|(name, _)| name).join(", ");
        let got = datatype.map_or("nothing".to_owned(), |datatype| format!("{:?}", short(datatype)));
        violation(Some(name), format!("a datatype, one of {names}"), got)
    })
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Returns the dimensions, and how many elements they have.
fn shape_of(name: &str, dims: &[i64]) -> Result<(Vec<usize>, usize), CodecError> {
    let known = || dims.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<Vec<usize>>>();
    let Some(shape) = Some(dims).filter(|dims| dims.len() <= RANK_MAX).and_then(|_| known()) else {
        let expected = format!("a shape of at most {RANK_MAX} dimensions, none below 0");
        return Err(violation(Some(name), expected, Dims(dims).to_string()));
    };
    // One without elements has dimensions, too, whose strides are computed.
    let strides = shape.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim.max(1)));
    match (strides, shape.contains(&0)) {
        (Some(_), true) => Ok((shape, 0)),
        (Some(count), false) => Ok((shape, count)),
        (None, _) => Err(violation(
            Some(name),
            "as many elements as the shape says, which no tensor has",
            Dims(dims).to_string(),
        )),
    }
}

/// Reads a map: its keys are integers or texts, its values float32 numbers.
fn map_of(name: &str, keys: &RawValue, values: &RawValue) -> Result<Sent, CodecError> {
    let is_text = keys.get().trim_start_matches(['[', ' ', '\n', '\r', '\t']).starts_with('"');
    let datatype = if is_text { Datatype::Bytes } else { Datatype::Of(DType::I64) };
    let side = |datatype: Datatype, text: &str| -> Result<Input, CodecError> {
        let elements = data::read(name, datatype, text)?;
        Ok(Input { shape: vec![elements.len()], datatype, elements })
    };
    let (keys, values) = (side(datatype, keys.get())?, side(Datatype::Of(DType::F32), values.get())?);
    if keys.shape != values.shape {
        let expected = format!("as many values as keys ({})", keys.shape[0]);
        return Err(violation(Some(name), expected, values.shape[0].to_string()));
    }
    Ok(Sent::Map((keys, values).into()))
}

impl Sent {
    fn kind(&self) -> &'static str {
        match self {
            Sent::Tensor(_) => "a tensor",
            Sent::Sequence(_) => "a sequence",
            Sent::Map(..) => "a map",
            Sent::Absent => "nothing",
        }
    }

    /// Returns it as a whole value of the field, or of what the field is a sequence of.
    fn whole(&self, field: &Field, ty: &Type) -> Result<Whole, Violation> {
        match (self, ty) {
            (Sent::Tensor(input), ty) if !matches!(ty, Type::List(_) | Type::Map(..)) => {
                fit::tensor(field, ty, input).map(Whole::Tensor)
            }
            (Sent::Sequence(items), Type::List(item)) => {
                let items = items.iter().map(|sent| sent.whole(field, item)).collect::<Result<Vec<_>, _>>()?;
                Ok(Whole::Sequence(items.into()))
            }
            (Sent::Map(map), Type::Map(key, value)) => {
                Ok(Whole::Map((fit::tensor(field, key, &map.0)?, fit::tensor(field, value, &map.1)?).into()))
            }
            (Sent::Absent, _) => Ok(Whole::Absent),
            (sent, ty) => Err(fault(Some(&field.name), format!("a whole value of {ty}"), sent.kind())),
        }
    }
}

/// A shape, cut where it is long.
struct Dims<'a>(&'a [i64]);

impl fmt::Display for Dims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dots = if self.0.len() > RANK_MAX { ", ..." } else { "" };
        let dims: Vec<String> = self.0.iter().take(RANK_MAX).map(i64::to_string).collect();
        write!(f, "[{}{dots}]", dims.join(", "))
    }
}

/// Returns the error of a body that is no JSON, or that is no request.
fn shape_or_syntax(error: &serde_json::Error, body: &[u8]) -> CodecError {
    if error.is_data() {
        let expected = r#"an inference request, {"inputs": [{"name", "shape", "datatype", "data"}]}"#;
        return violation(None, expected, error.to_string());
    }
    syntax(error, body)
}

pub(super) fn fault(field: Option<&str>, expected: impl Into<String>, got: impl Into<String>) -> Violation {
    Violation { row: None, field: field.map(Arc::from), expected: Some(expected.into()), got: Some(got.into()) }
}

pub(super) fn violation(field: Option<&str>, expected: impl Into<String>, got: impl Into<String>) -> CodecError {
    CodecError::Violations { violations: vec![fault(field, expected, got)], total: 1 }
}

//! A request: which signature, and its tensors by rows or by columns.

use std::{borrow::Cow, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use model::{
    Batch, DType, Data, Field, Signature, Tensor, Type, Whole,
    tensor::{Bytes, Complex, RANK_MAX},
};

use super::{
    TfsError, invalid,
    scan::{Scalar, Scanner},
};

/// How a request's tensors stand, and so the answer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `instances`: one value a row; the answer is `predictions`.
    Rows,
    /// `inputs`: whole tensors; the answer is `outputs`.
    Columns,
}

/// A request whose outermost object was read.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The signature asked for.
    pub signature: Option<Cow<'a, str>>,
    pub form: Form,
    /// The text of `instances` or `inputs`.
    values: &'a str,
}

impl<'a> Request<'a> {
    /// Reads a body; its length is the caller's to bound.
    pub fn parse(body: &'a [u8]) -> Result<Request<'a>, TfsError> {
        let (mut signature, mut instances, mut inputs) = (None, None, None);
        root(body, |s, key| {
            match &*key {
                "signature_name" => signature = Some(signature_name(s)?),
                "instances" => instances = Some(s.skip()?),
                "inputs" => inputs = Some(s.skip()?),
                _ => _ = s.skip()?,
            }
            Ok(())
        })?;
        let (form, values) = match (instances, inputs) {
            (Some(values), None) => (Form::Rows, values),
            (None, Some(values)) => (Form::Columns, values),
            (None, None) => return Err(invalid("Missing 'inputs' or 'instances' key")),
            (Some(_), Some(_)) => {
                let text = "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ";
                return Err(invalid(text));
            }
        };
        Ok(Request { signature, form, values })
    }

    /// Returns the tensors that the signature takes.
    pub fn batch(&self, signature: &Signature) -> Result<Batch, TfsError> {
        let fields = &signature.inputs;
        if let Some(field) = fields.iter().find(|field| !field.whole) {
            let text = format!("predict on a model of rows: `{}` is a column; ask by /api/v1/serve or /v2", field.name);
            return Err(TfsError::Unimplemented(text));
        }
        let mut growing = fields.iter().map(Growing::new).collect::<Result<Vec<_>, _>>()?;
        let rows = match self.form {
            Form::Rows => Some(self.instances(&mut growing)?),
            Form::Columns => {
                self.inputs(&mut growing)?;
                None
            }
        };
        let mut batch = Batch::new(0);
        for (field, growing) in fields.iter().zip(growing) {
            batch.push_whole(field.name.clone(), Whole::Tensor(growing.tensor(rows)?));
        }
        Ok(batch)
    }

    /// Returns the request that these values are.
    pub fn of(form: Form, values: &'a str) -> Request<'a> {
        Request { signature: None, form, values }
    }

    /// Returns the text of `instances` or `inputs`.
    pub fn values(&self) -> &'a str {
        self.values
    }

    fn instances(&self, growing: &mut [Growing<'_>]) -> Result<usize, TfsError> {
        let mut scanner = Scanner::new(self.values);
        if scanner.peek() != Some(b'[') {
            return Err(invalid("Expecting 'instances' to be an list/array"));
        }
        let mut objects = None;
        let mut count = 0;
        scanner.array(|s| {
            let is_object = s.peek() == Some(b'{') && !is_base64(*s);
            let objects = *objects.get_or_insert(is_object);
            if !objects && growing.len() != 1 {
                let text = "instances is a plain list, but expecting list of objects as multiple input tensors required \
                            as per tensorinfo_map";
                return Err(invalid(text));
            }
            match (objects, is_object) {
                (false, true) => {
                    return Err(invalid(format!("Expecting value/list but got object at item {count} of input list")));
                }
                (true, false) => {
                    return Err(invalid(format!("Expecting object but got list at item {count} of input list")));
                }
                (true, true) => named(s, growing, count)?,
                (false, false) => growing[0].item(s).map_err(|error| at_item(error, count, None))?,
            }
            count += 1;
            Ok(())
        })?;
        if count == 0 {
            return Err(invalid("No values in 'instances' array"));
        }
        Ok(count)
    }

    fn inputs(&self, growing: &mut [Growing<'_>]) -> Result<(), TfsError> {
        let mut scanner = Scanner::new(self.values);
        let is_object = scanner.peek() == Some(b'{') && !is_base64(scanner);
        if !is_object {
            let [only] = growing else {
                let text = "inputs is a plain value/list, but expecting an object as multiple input tensors required as \
                            per tensorinfo_map";
                return Err(invalid(text));
            };
            return only.item(&mut scanner);
        }
        scanner.object(|s, key| match growing.iter_mut().find(|growing| *growing.field.name == *key) {
            Some(growing) => growing.item(s),
            None => s.skip().map(|_| ()),
        })?;
        match growing.iter().find(|growing| growing.items == 0) {
            Some(growing) => Err(invalid(format!("Missing named input: {} in 'inputs' object.", growing.field.name))),
            None => Ok(()),
        }
    }
}

/// Reads the object that a body is, its values by `each`.
pub(super) fn root<'a>(
    body: &'a [u8],
    each: impl FnMut(&mut Scanner<'a>, Cow<'a, str>) -> Result<(), TfsError>,
) -> Result<(), TfsError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        invalid(format!("JSON Parse error: Invalid encoding in string. at offset: {}", error.valid_up_to()))
    })?;
    let mut scanner = Scanner::new(text);
    match scanner.peek() {
        None => return Err(invalid("JSON Parse error: The document is empty")),
        Some(b'{') => {}
        Some(_) => {
            scanner.skip()?;
            return Err(invalid("Is not object"));
        }
    }
    scanner.object(each)?;
    match scanner.is_at_end() {
        true => Ok(()),
        false => Err(invalid("JSON Parse error: The document root must not be followed by other values.")),
    }
}

/// Reads the name of a signature.
pub(super) fn signature_name<'a>(s: &mut Scanner<'a>) -> Result<Cow<'a, str>, TfsError> {
    if s.peek() == Some(b'"') {
        return s.string();
    }
    s.skip()?;
    Err(invalid("not formatted correctly. 'signature_name' key must be a string value."))
}

/// Reads one instance that is an object: a value for each input.
fn named(s: &mut Scanner<'_>, growing: &mut [Growing<'_>], count: usize) -> Result<(), TfsError> {
    s.object(|s, key| match growing.iter_mut().find(|growing| *growing.field.name == *key) {
        Some(growing) => growing.item(s).map_err(|error| at_item(error, count, Some(&key))),
        None => {
            let error = invalid(format!("JSON object: does not have named input: {key}"));
            Err(at_item(error, count, Some(&key)))
        }
    })?;
    if growing.iter().any(|growing| growing.items != count + 1) {
        let mut names: Vec<&str> = growing.iter().map(|growing| &*growing.field.name).collect();
        names.sort_unstable();
        let text = format!(
            "Failed to process element: {count} of 'instances' list. JSON object keys must be equal to: {}",
            names.join(",")
        );
        return Err(invalid(text));
    }
    Ok(())
}

/// Says at which instance a value does not fit; then it is the request's fault whatever it was before.
fn at_item(error: TfsError, item: usize, key: Option<&str>) -> TfsError {
    let key = key.map_or(String::new(), |key| format!(" key: {key}"));
    let (code, text) = match error {
        TfsError::Invalid(text) => ("INVALID_ARGUMENT", text),
        TfsError::Unimplemented(text) => ("UNIMPLEMENTED", text),
    };
    invalid(format!("Failed to process element: {item}{key} of 'instances' list. Error: {code}: {text}"))
}

/// Returns whether the object is bytes: `{"b64": "..."}`.
pub(super) fn is_base64(mut s: Scanner<'_>) -> bool {
    let mut keys = 0;
    let mut is_text = false;
    let read = s.object(|s, key| {
        keys += 1;
        is_text = key == "b64" && s.peek() == Some(b'"');
        s.skip().map(|_| ())
    });
    read.is_ok() && keys == 1 && is_text
}

/// Reads the bytes of such an object.
pub(super) fn base64(s: &mut Scanner<'_>) -> Result<Vec<u8>, TfsError> {
    let mut bytes = Vec::new();
    s.object(|s, _| {
        let text = s.string()?;
        bytes = BASE64.decode(text.as_bytes()).map_err(|_| invalid("Unable to base64 decode"))?;
        Ok(())
    })?;
    Ok(bytes)
}

/// A tensor that grows value by value.
struct Growing<'a> {
    field: &'a Field,
    values: Values,
    /// Lengths of the dimensions below a row, outermost first, as far as they are known.
    dims: [Option<usize>; RANK_MAX],
    /// How many dimensions there are, once a value was met.
    rank: Option<usize>,
    items: usize,
}

enum Values {
    Bool(Vec<bool>),
    Ints(DType, Vec<i64>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Texts(Vec<Bytes>),
    /// Of a type that JSON cannot say here.
    None(DType),
}

impl<'a> Growing<'a> {
    fn new(field: &'a Field) -> Result<Growing<'a>, TfsError> {
        let values = match (field.ty(), field.ty().as_scalar()) {
            (Type::Bytes | Type::Text, _) => Values::Texts(Vec::new()),
            (_, Some(DType::Bool)) => Values::Bool(Vec::new()),
            (_, Some(DType::U64)) => Values::U64(Vec::new()),
            (_, Some(DType::F32)) => Values::F32(Vec::new()),
            (_, Some(DType::F64)) => Values::F64(Vec::new()),
            (_, Some(dtype)) if dtype.is_int() => Values::Ints(dtype, Vec::new()),
            (_, Some(dtype)) => Values::None(dtype),
            (ty, None) => return Err(TfsError::Unimplemented(format!("input {} of {ty} in JSON", field.name))),
        };
        Ok(Growing { field, values, dims: [None; RANK_MAX], rank: None, items: 0 })
    }

    /// Reads one value for it: a row's, or the whole tensor.
    fn item(&mut self, s: &mut Scanner<'_>) -> Result<(), TfsError> {
        self.items += 1;
        self.level(s, 0)
    }

    fn level(&mut self, s: &mut Scanner<'_>, level: usize) -> Result<(), TfsError> {
        if s.peek() != Some(b'[') {
            return match self.rank {
                Some(rank) if rank != level => {
                    let (text, kind) = s.shown();
                    Err(invalid(format!("JSON Value: {text} Type: {kind} at level: {level}, expecting a list")))
                }
                _ => {
                    self.rank = Some(level);
                    self.value(s)
                }
            };
        }
        if level >= self.rank.unwrap_or(RANK_MAX - 1) {
            let rank = self.rank.unwrap_or(RANK_MAX - 1);
            return Err(invalid(format!("Encountered list at unexpected level: {level} expected < {rank}")));
        }
        let mut count = 0;
        s.array(|s| {
            count += 1;
            self.level(s, level + 1)
        })?;
        if count == 0 {
            self.rank.get_or_insert(level + 1);
        }
        match self.dims[level] {
            Some(known) if known != count => Err(invalid(format!("Expecting tensor size: {known} but got: {count}"))),
            _ => {
                self.dims[level] = Some(count);
                Ok(())
            }
        }
    }

    fn value(&mut self, s: &mut Scanner<'_>) -> Result<(), TfsError> {
        let begin = *s;
        if s.peek() == Some(b'{') {
            if let Values::Texts(texts) = &mut self.values
                && is_base64(begin)
            {
                texts.push(base64(s)?.into());
                return Ok(());
            }
            return Err(self.wrong(begin));
        }
        let scalar = s.scalar()?;
        match (&mut self.values, scalar) {
            (Values::Bool(values), Scalar::Bool(value)) => values.push(value),
            (Values::Ints(dtype, values), Scalar::Int(value)) if fits(*dtype, value) => values.push(value),
            (Values::U64(values), Scalar::Uint(value)) => values.push(value),
            (Values::U64(values), Scalar::Int(value)) if value >= 0 => values.push(value as u64),
            (Values::F32(values), Scalar::Int(value)) => values.push(value as f32),
            (Values::F32(values), Scalar::Uint(value)) => values.push(value as f32),
            (Values::F32(values), Scalar::Float(value)) => values.push(value as f32),
            (Values::F64(values), Scalar::Int(value)) => values.push(value as f64),
            (Values::F64(values), Scalar::Uint(value)) => values.push(value as f64),
            (Values::F64(values), Scalar::Float(value)) => values.push(value),
            (Values::Texts(values), Scalar::Text(text)) => values.push(text.as_bytes().into()),
            (Values::None(dtype), _) => {
                let text = format!("Conversion of JSON Value: {} to type: {}", { begin }.shown().0, type_name(*dtype));
                return Err(TfsError::Unimplemented(text));
            }
            _ => return Err(self.wrong(begin)),
        }
        Ok(())
    }

    fn wrong(&self, mut at: Scanner<'_>) -> TfsError {
        let (text, kind) = at.shown();
        let expected = self.field.ty().as_scalar().map_or("string", type_name);
        invalid(format!("JSON Value: {text} Type: {kind} is not of expected type: {expected}"))
    }

    /// Returns the tensor: of so many rows, or of one whole value.
    fn tensor(self, rows: Option<usize>) -> Result<Tensor, TfsError> {
        let rank = self.rank.unwrap_or(0);
        let inner = self.dims[..rank].iter().map(|dim| dim.unwrap_or(0));
        let shape: Vec<usize> = rows.into_iter().chain(inner).collect();
        let data: Data = match self.values {
            Values::Bool(values) => values.into(),
            Values::U64(values) => values.into(),
            Values::F32(values) => values.into(),
            Values::F64(values) => values.into(),
            Values::Texts(values) => values.into(),
            Values::Ints(dtype, values) => integers(dtype, values),
            Values::None(_) => Data::C64(Arc::new(Vec::<Complex>::new())),
        };
        Tensor::new(&shape, data).map_err(|error| invalid(error.to_string()))
    }
}

fn fits(dtype: DType, value: i64) -> bool {
    match dtype {
        DType::I8 => i8::try_from(value).is_ok(),
        DType::I16 => i16::try_from(value).is_ok(),
        DType::I32 => i32::try_from(value).is_ok(),
        DType::U8 => u8::try_from(value).is_ok(),
        DType::U16 => u16::try_from(value).is_ok(),
        DType::U32 => u32::try_from(value).is_ok(),
        _ => true,
    }
}

fn integers(dtype: DType, values: Vec<i64>) -> Data {
    match dtype {
        DType::I8 => values.iter().map(|&v| v as i8).collect::<Vec<_>>().into(),
        DType::I16 => values.iter().map(|&v| v as i16).collect::<Vec<_>>().into(),
        DType::I32 => values.iter().map(|&v| v as i32).collect::<Vec<_>>().into(),
        DType::U8 => values.iter().map(|&v| v as u8).collect::<Vec<_>>().into(),
        DType::U16 => values.iter().map(|&v| v as u16).collect::<Vec<_>>().into(),
        DType::U32 => values.iter().map(|&v| v as u32).collect::<Vec<_>>().into(),
        _ => values.into(),
    }
}

/// Returns the type's name in TensorFlow's messages.
fn type_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F16 => "half",
        DType::F32 => "float",
        DType::F64 => "double",
        other => other.name(),
    }
}

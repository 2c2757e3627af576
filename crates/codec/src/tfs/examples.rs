//! Requests to classify and to regress: examples as JSON objects, made into serialised `tf.Example`s.
//!
//! A feature is a value or a list of values of one kind: whole numbers and truth values are int64, other numbers float, texts
//! and `{"b64": ".."}` bytes. A `context` holds what all examples share; an example's own features win over it, for the bytes
//! of both stand one after the other, which is how messages of protocol buffers are merged.
//!
//! Source: TensorFlow Serving's `util/json_tensor.cc`, TensorFlow's `example.proto` and `feature.proto`.

use model::{Batch, Data, Signature, Tensor, Whole, tensor::Bytes};

use super::{
    TfsError, invalid,
    request::{base64, is_base64, root, signature_name},
    result::Task,
    scan::{Scalar, Scanner},
};

/// Most bytes of all examples together: each has the context once more.
const BYTES_MAX: usize = 256 << 20;

/// Examples of one request, each serialised.
#[derive(Clone, Debug)]
pub struct Examples {
    /// The signature asked for.
    pub signature: Option<String>,
    examples: Vec<Bytes>,
}

/// One feature as it grows.
enum Feature {
    /// No value says the kind.
    Unset,
    Bytes(Vec<u8>),
    Floats(Vec<u8>),
    Ints(Vec<u8>),
}

// === impl Examples ===

impl Examples {
    /// Returns examples that are serialised already, the context merged into each.
    pub fn of(context: &[u8], examples: impl Iterator<Item = Vec<u8>>) -> Result<Examples, TfsError> {
        let (mut all, mut bytes) = (Vec::new(), 0);
        for own in examples {
            all.push(merged(context, &own, &mut bytes)?);
        }
        Ok(Examples { signature: None, examples: all })
    }

    /// Reads a body; its length is the caller's to bound.
    pub fn parse(body: &[u8]) -> Result<Examples, TfsError> {
        let (mut signature, mut context, mut examples) = (None, None, None);
        root(body, |s, key| {
            match &*key {
                "signature_name" => signature = Some(signature_name(s)?.into_owned()),
                "context" => context = Some(s.skip()?),
                "examples" => examples = Some(s.skip()?),
                _ => _ = s.skip()?,
            }
            Ok(())
        })?;
        let context = context.map_or(Ok(Vec::new()), |text| example(&mut Scanner::new(text)))?;
        let mut list = Scanner::new(examples.ok_or_else(|| {
            // In these words whatever the method is.
            invalid("When method is classify, key 'examples' is expected and was not found")
        })?);
        if list.peek() != Some(b'[') {
            return Err(invalid("Expecting 'examples' value to be an list/array"));
        }
        let (mut all, mut bytes) = (Vec::new(), 0);
        list.array(|s| {
            let own = example(s)?;
            all.push(merged(&context, &own, &mut bytes)?);
            Ok(())
        })?;
        if all.is_empty() {
            return Err(invalid("'examples' value is an empty array"));
        }
        Ok(Examples { signature, examples: all })
    }

    pub fn len(&self) -> usize {
        self.examples.len()
    }

    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }

    /// Returns the one tensor that a signature of the task takes.
    pub fn batch(self, signature: &Signature, task: Task) -> Result<Batch, TfsError> {
        task.check(signature)?;
        let shape = [self.examples.len()];
        let tensor = Tensor::new(&shape, Data::from(self.examples)).map_err(|error| invalid(error.to_string()))?;
        let mut batch = Batch::new(0);
        batch.push_whole(signature.inputs[0].name.clone(), Whole::Tensor(tensor));
        Ok(batch)
    }
}

/// Returns an example with the context before it; `bytes` are those of all so far.
fn merged(context: &[u8], own: &[u8], bytes: &mut usize) -> Result<Bytes, TfsError> {
    *bytes += context.len() + own.len();
    match *bytes <= BYTES_MAX {
        true => Ok([context, own].concat().into()),
        false => Err(invalid(format!("the examples with their context take more than {BYTES_MAX} bytes"))),
    }
}

/// Reads an object of features as a serialised example.
fn example(s: &mut Scanner<'_>) -> Result<Vec<u8>, TfsError> {
    if s.peek() != Some(b'{') {
        let (_, kind) = s.shown();
        return Err(invalid(format!("Example must be JSON object but got JSON {kind}")));
    }
    let mut features = Vec::new();
    s.object(|s, name| {
        let mut feature = Feature::Unset;
        match s.peek() {
            Some(b'[') => s.array(|s| feature.add(s, &name))?,
            _ => feature.add(s, &name)?,
        }
        let mut entry = Vec::new();
        put_bytes(1, name.as_bytes(), &mut entry);
        put_bytes(2, &feature.message(), &mut entry);
        put_bytes(1, &entry, &mut features);
        Ok(())
    })?;
    let mut example = Vec::with_capacity(features.len() + 8);
    put_bytes(1, &features, &mut example);
    Ok(example)
}

// === impl Feature ===

impl Feature {
    /// Reads one value; all of a feature are of one kind.
    fn add(&mut self, s: &mut Scanner<'_>, name: &str) -> Result<(), TfsError> {
        let begin = *s;
        let value = match s.peek() {
            Some(b'[') => return Err(unexpected(begin, name)),
            Some(b'{') if is_base64(begin) => return self.add_bytes(&base64(s)?, name),
            Some(b'{') => return Err(unexpected(begin, name)),
            _ => s.scalar()?,
        };
        match value {
            Scalar::Null => Err(unexpected(begin, name)),
            Scalar::Bool(value) => self.add_int(value.into(), name),
            Scalar::Int(value) => self.add_int(value, name),
            Scalar::Uint(_) => Err(invalid(format!("Feature: {name} has uint64 element. Only int64 is supported."))),
            Scalar::Text(text) => self.add_bytes(text.as_bytes(), name),
            Scalar::Float(value) => {
                if value.is_finite() && value.abs() > f32::MAX.into() {
                    let (text, _) = { begin }.shown();
                    let text = format!("Cannot convert JSON value: {text} to float without loss of precision.");
                    return Err(invalid(text));
                }
                let Some(floats) = self.floats() else { return Err(self.mixed(name)) };
                floats.extend_from_slice(&(value as f32).to_le_bytes());
                Ok(())
            }
        }
    }

    fn add_int(&mut self, value: i64, name: &str) -> Result<(), TfsError> {
        if let Feature::Unset = self {
            *self = Feature::Ints(Vec::new());
        }
        let Feature::Ints(ints) = self else { return Err(self.mixed(name)) };
        put_varint(value as u64, ints);
        Ok(())
    }

    fn add_bytes(&mut self, value: &[u8], name: &str) -> Result<(), TfsError> {
        if let Feature::Unset = self {
            *self = Feature::Bytes(Vec::new());
        }
        let Feature::Bytes(list) = self else { return Err(self.mixed(name)) };
        put_bytes(1, value, list);
        Ok(())
    }

    fn floats(&mut self) -> Option<&mut Vec<u8>> {
        if let Feature::Unset = self {
            *self = Feature::Floats(Vec::new());
        }
        match self {
            Feature::Floats(floats) => Some(floats),
            _ => None,
        }
    }

    fn mixed(&self, name: &str) -> TfsError {
        let kind = match self {
            Feature::Unset => "UNKNOWN",
            Feature::Bytes(_) => "bytes",
            Feature::Floats(_) => "float",
            Feature::Ints(_) => "int64",
        };
        invalid(format!("Unexpected element type in feature: {name} expecting type: {kind}"))
    }

    /// Returns the message `Feature`.
    fn message(&self) -> Vec<u8> {
        let mut list = Vec::new();
        let field = match self {
            Feature::Unset => return list,
            Feature::Bytes(values) => {
                list.extend_from_slice(values);
                1
            }
            Feature::Floats(values) => {
                put_bytes(1, values, &mut list);
                2
            }
            Feature::Ints(values) => {
                put_bytes(1, values, &mut list);
                3
            }
        };
        let mut message = Vec::with_capacity(list.len() + 8);
        put_bytes(field, &list, &mut message);
        message
    }
}

fn unexpected(mut at: Scanner<'_>, name: &str) -> TfsError {
    invalid(format!("Feature: {name} has element with unexpected JSON type: {}", at.shown().1))
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a field that has a length.
fn put_bytes(field: u64, bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(field << 3 | 2, out);
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(features: &str, expected: &[u8]) {
        let examples = Examples::parse(format!(r#"{{"examples":[{features}]}}"#).as_bytes());
        assert_eq!(&*examples.expect(features).examples[0], expected, "{features}");
    }

    fn refused(body: &str, part: &str) {
        let error = Examples::parse(body.as_bytes()).expect_err(body).to_string();
        assert!(error.contains(part), "{body}: {error}");
    }

    #[test]
    fn features_are_serialised_by_their_kind() {
        check("{}", &[0x0a, 0]);
        check(r#"{"a":[]}"#, &[0x0a, 7, 0x0a, 5, 0x0a, 1, b'a', 0x12, 0]);
        // Feature 3 holds int64s, packed varints.
        check(r#"{"a":[1,300,true]}"#, &[0x0a, 15, 0x0a, 13, 0x0a, 1, b'a', 0x12, 8, 0x1a, 6, 0x0a, 4, 1, 0xac, 2, 1]);
        check(r#"{"a":1.5}"#, &[0x0a, 15, 0x0a, 13, 0x0a, 1, b'a', 0x12, 8, 0x12, 6, 0x0a, 4, 0, 0, 0xc0, 0x3f]);
        check(
            r#"{"a":["x",{"b64":"/w=="}]}"#,
            &[0x0a, 15, 0x0a, 13, 0x0a, 1, b'a', 0x12, 8, 0x0a, 6, 0x0a, 1, b'x', 0x0a, 1, 0xff],
        );
    }

    #[test]
    fn the_context_stands_before_each_example() {
        let body = br#"{"examples":[{},{"b":1}],"context":{"a":1},"signature_name":"s"}"#;
        let examples = Examples::parse(body).expect("a sound body");
        let of = |name: u8| vec![0x0a, 12, 0x0a, 10, 0x0a, 1, name, 0x12, 5, 0x1a, 3, 0x0a, 1, 1];
        assert_eq!(*examples.examples[0], [of(b'a'), vec![0x0a, 0]].concat());
        assert_eq!(*examples.examples[1], [of(b'a'), of(b'b')].concat());
        assert_eq!(examples.signature.as_deref(), Some("s"));
    }

    #[test]
    fn what_is_no_example_is_refused_in_the_originals_words() {
        refused("{}", "key 'examples' is expected and was not found");
        refused(r#"{"examples":3}"#, "Expecting 'examples' value to be an list/array");
        refused(r#"{"examples":[]}"#, "'examples' value is an empty array");
        refused(r#"{"examples":[5]}"#, "Example must be JSON object but got JSON Number");
        refused(r#"{"examples":[{}],"context":[]}"#, "Example must be JSON object but got JSON Array");
        refused(r#"{"examples":[{"x":[1.5,"a"]}]}"#, "Unexpected element type in feature: x expecting type: float");
        refused(r#"{"examples":[{"x":null}]}"#, "Feature: x has element with unexpected JSON type: Null");
        refused(r#"{"examples":[{"x":[[1]]}]}"#, "Feature: x has element with unexpected JSON type: Array");
        refused(r#"{"examples":[{"x":{"y":1}}]}"#, "Feature: x has element with unexpected JSON type: Object");
        refused(r#"{"examples":[{"x":18446744073709551615}]}"#, "Only int64 is supported");
        refused(r#"{"examples":[{"x":1e300}]}"#, "to float without loss of precision");
        let wide = format!(r#"{{"context":{{"x":"{}"}},"examples":[{}{{}}]}}"#, "y".repeat(1 << 20), "{},".repeat(300));
        refused(&wide, "more than 268435456 bytes");
    }
}

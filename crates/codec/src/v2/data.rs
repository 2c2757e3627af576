//! The elements of one tensor: flat, or nested as its shape says; either way in row-major order.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use model::{Builder, Column, DType, Violation};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{
    Datatype,
    request::{fault, violation},
};
use crate::{cells, error::CodecError};

/// Levels of nested arrays; no shape has more.
const DEPTH_MAX: usize = 17;

/// Returns the elements of the tensor `name` in this JSON text, which was scanned before.
pub(super) fn read(name: &str, datatype: Datatype, text: &str) -> Result<Column, CodecError> {
    let mut elements = Elements { datatype, builder: Builder::new(&datatype.ty()), fault: None };
    let mut scanner = serde_json::Deserializer::from_str(text);
    match (Level { elements: &mut elements, depth: 0 }).deserialize(&mut scanner) {
        Ok(()) => Ok(elements.builder.finish()),
        Err(error) => Err(match elements.fault {
            Some(violation) => {
                let field = Some(name.into());
                CodecError::Violations { violations: vec![Violation { field, ..violation }], total: 1 }
            }
            None => violation(Some(name), "an array of elements", error.to_string()),
        }),
    }
}

struct Elements {
    datatype: Datatype,
    builder: Builder,
    /// What does not fit, where something does not.
    fault: Option<Violation>,
}

impl Elements {
    fn refuse<T, E: Error>(&mut self, got: impl Into<String>) -> Result<T, E> {
        let at = self.builder.len();
        let got: String = got.into();
        self.fault = Some(fault(None, format!("elements of {}", self.datatype.name()), format!("{got} at {at}")));
        Err(E::custom("an element does not fit"))
    }

    fn int<E: Error>(&mut self, value: i64) -> Result<(), E> {
        let fits = match self.datatype {
            Datatype::Of(DType::Bool) if value == 0 || value == 1 => {
                self.builder.push_fixed(value as u8);
                true
            }
            Datatype::Bytes => false,
            _ => self.builder.push_int(value),
        };
        if fits { Ok(()) } else { self.refuse(value.to_string()) }
    }
}

/// Reads one value: an element, or an array of what is one level below.
struct Level<'a> {
    elements: &'a mut Elements,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of elements")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        if self.depth == 0 {
            return self.elements.refuse("null");
        }
        self.elements.builder.push_null();
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        match self.elements.datatype {
            Datatype::Of(DType::Bool) => self.elements.builder.push_fixed(u8::from(value)),
            _ => return self.elements.refuse(value.to_string()),
        }
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.elements.int(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match (i64::try_from(value), self.elements.datatype) {
            (Ok(value), _) => return self.elements.int(value),
            (_, Datatype::Of(DType::U64)) => self.elements.builder.push_fixed(value),
            (_, datatype) if datatype.is_float() => {
                self.elements.builder.push_float(value as f64);
            }
            _ => return self.elements.refuse(value.to_string()),
        }
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        if self.elements.datatype.is_float() && self.elements.builder.push_float(value) {
            Ok(())
        } else {
            self.elements.refuse(value.to_string())
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self.elements.datatype {
            Datatype::Bytes => self.elements.builder.push_binary(text.as_bytes()),
            datatype if datatype.is_float() => match cells::special_float(text) {
                Some(value) => {
                    self.elements.builder.push_float(value);
                }
                None => return self.elements.refuse("a string"),
            },
            _ => return self.elements.refuse("a string"),
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if self.depth >= DEPTH_MAX {
            return self.elements.refuse("arrays nested deeper than a shape can be");
        }
        while seq.next_element_seed(Level { elements: self.elements, depth: self.depth + 1 })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let only = map.next_entry::<String, String>();
        if let (Datatype::Bytes, Ok(Some((key, text)))) = (self.elements.datatype, only)
            && key == "b64"
            && let Ok(bytes) = BASE64.decode(text)
            && let Ok(None) = map.next_key::<String>()
        {
            self.elements.builder.push_binary(&bytes);
            return Ok(());
        }
        self.elements.refuse("an object")
    }
}

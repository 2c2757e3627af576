//! Vectors: arrays of numbers, or objects of Spark's two forms.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{
    loose::{Skip, drain_array, drain_object},
    value::{KeySeed, Push},
};
use crate::{
    cells,
    report::{Expected, Got},
};

/// Reads a visited array as a dense vector.
pub(super) fn dense<'de, A: SeqAccess<'de>>(
    mut push: Push<'_, '_>,
    size: Option<u32>,
    mut seq: A,
) -> Result<bool, A::Error> {
    let mut len = 0;
    loop {
        match seq.next_element_seed(NumberSeed(&mut push))? {
            None => break,
            Some(Some(value)) => push.builder.push_vector_value(value),
            Some(None) => {
                drain_array(seq, push.cx)?;
                return Ok(false);
            }
        }
        len += 1;
    }
    if !size_fits(&mut push, size, len) {
        return Ok(false);
    }
    push.builder.end_dense();
    Ok(true)
}

/// What an object has said of a vector so far. Indices and values lie in the context's buffers.
#[derive(Default)]
struct Parts {
    size: Option<u64>,
    kind: Option<u64>,
    indices: bool,
    values: bool,
}

/// Reads a visited object as a vector, dense or sparse.
pub(super) fn object<'de, A: MapAccess<'de>>(
    mut push: Push<'_, '_>,
    size: Option<u32>,
    mut map: A,
) -> Result<bool, A::Error> {
    let mut parts = Parts::default();
    push.cx.indices.clear();
    push.cx.values.clear();
    let reported = push.cx.report.count();
    while let Some(part) = map.next_key_seed(KeySeed(Part::of))? {
        let good = match part {
            Part::Size => read(&mut parts.size, map.next_value_seed(NumberSeed(&mut push))?),
            Part::Kind => read(&mut parts.kind, map.next_value_seed(NumberSeed(&mut push))?),
            Part::Indices => {
                let twice = std::mem::replace(&mut parts.indices, true);
                map.next_value_seed(Numbers { push: &mut push, indices: true })? && !twice
            }
            Part::Values => {
                let twice = std::mem::replace(&mut parts.values, true);
                map.next_value_seed(Numbers { push: &mut push, indices: false })? && !twice
            }
            Part::Other => {
                map.next_value_seed(Skip(push.cx))?;
                true
            }
        };
        if !good {
            drain_object(map, push.cx)?;
            return Ok(push.cx.report.count() == reported && push.refuse_rule(FORMS, Got::Object));
        }
    }
    Ok(end(push, size, &parts))
}

const FORMS: &str = "a vector: an array of numbers, {\"values\":[..]} or {\"size\":n,\"indices\":[..],\"values\":[..]}";

/// Ends the row with the vector that was read.
fn end(mut push: Push<'_, '_>, size: Option<u32>, parts: &Parts) -> bool {
    let dense = match parts.kind {
        Some(kind) => kind == 1,
        None => !parts.indices && parts.size.is_none(),
    };
    if dense {
        let len = push.cx.values.len();
        if !parts.values || parts.size.is_some_and(|size| size != len as u64) {
            return push.refuse_rule(FORMS, Got::Object);
        }
        if size_fits(&mut push, size, len) {
            push.builder.push_dense(&push.cx.values);
            return true;
        }
        return false;
    }
    let Some(own) = parts.size.filter(|_| parts.indices && parts.values) else {
        return push.refuse_rule(FORMS, Got::Object);
    };
    let Some(own) = u32::try_from(own).ok().filter(|&own| own <= push.cx.vector_size_max) else {
        return push.refuse_rule("a vector size within the limit (vector_size_max)", Got::Size(own));
    };
    if !size_fits(&mut push, size, own as usize) {
        return false;
    }
    let good = push.builder.push_sparse(own, &push.cx.indices, &push.cx.values);
    good || push.refuse_rule("as many indices as values, rising and below the size", Got::Object)
}

/// Reports where the vector does not have the size that the column's type states.
fn size_fits(push: &mut Push<'_, '_>, size: Option<u32>, len: usize) -> bool {
    let good = size.is_none_or(|size| size as usize == len);
    if let (false, Some(size)) = (good, size) {
        push.cx.report.add(push.cx.row, Some(push.place.field), Expected::Size(size.into()), Got::Size(len as u64));
    }
    good
}

/// Notes a whole number that stands once.
fn read(to: &mut Option<u64>, value: Option<f64>) -> bool {
    // Past 2^53 no size is sound; every whole number below it is exact.
    let whole = value.filter(|v| v.fract() == 0.0 && (0.0..9e15).contains(v)).map(|v| v as u64);
    whole.is_some() && to.replace(whole.unwrap_or_default()).is_none()
}

enum Part {
    Size,
    Kind,
    Indices,
    Values,
    Other,
}

impl Part {
    fn of(key: &str) -> Part {
        match key {
            "size" => Part::Size,
            "type" => Part::Kind,
            "indices" => Part::Indices,
            "values" => Part::Values,
            _ => Part::Other,
        }
    }
}

/// Reads a number; reports and gives nothing where it is none.
struct NumberSeed<'p, 'a, 'c>(&'p mut Push<'a, 'c>);

/// Reads an array of numbers into the context's buffer.
struct Numbers<'p, 'a, 'c> {
    push: &'p mut Push<'a, 'c>,
    indices: bool,
}

// === impl NumberSeed ===

impl<'de> DeserializeSeed<'de> for NumberSeed<'_, '_, '_> {
    type Value = Option<f64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<f64>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NumberSeed<'_, '_, '_> {
    type Value = Option<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E>(self, value: f64) -> Result<Option<f64>, E> {
        Ok(Some(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Option<f64>, E> {
        Ok(Some(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Option<f64>, E> {
        Ok(Some(value as f64))
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<f64>, E> {
        let value = cells::special_float(text);
        if value.is_none() {
            self.0.refuse_rule(NUMBERS, Got::Text(text));
        }
        Ok(value)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Option<f64>, E> {
        self.0.refuse_rule(NUMBERS, Got::Bool(value));
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<f64>, E> {
        self.0.refuse_rule(NUMBERS, Got::Null);
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Option<f64>, A::Error> {
        self.0.cx.enter()?;
        drain_array(seq, self.0.cx)?;
        self.0.cx.leave();
        self.0.refuse_rule(NUMBERS, Got::Array);
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<f64>, A::Error> {
        self.0.cx.enter()?;
        drain_object(map, self.0.cx)?;
        self.0.cx.leave();
        self.0.refuse_rule(NUMBERS, Got::Object);
        Ok(None)
    }
}

const NUMBERS: &str = "a vector of numbers";

// === impl Numbers ===

impl<'de> DeserializeSeed<'de> for Numbers<'_, '_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Numbers<'_, '_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of numbers")
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        self.push.cx.enter()?;
        drain_object(map, self.push.cx)?;
        self.push.cx.leave();
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let Numbers { push, indices } = self;
        push.cx.enter()?;
        while let Some(value) = seq.next_element_seed(NumberSeed(push))? {
            let index = value.filter(|v| v.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(v));
            match (indices, value, index) {
                (true, _, Some(index)) => push.cx.indices.push(index as u32),
                (false, Some(value), _) => push.cx.values.push(value),
                _ => {
                    drain_array(seq, push.cx)?;
                    push.cx.leave();
                    return Ok(false);
                }
            }
        }
        push.cx.leave();
        Ok(true)
    }
}

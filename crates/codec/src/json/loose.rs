//! Values that no column takes: skipped, or held until their column has a type.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::value::Cx;

/// Passes over a value of bounded depth.
pub(super) struct Skip<'c>(pub &'c mut Cx);

/// Reads a value of bounded depth as a tree.
pub(super) struct Loose<'c>(pub &'c mut Cx);

/// Reads what a visited array holds as a tree; whoever visits it has entered it.
pub(super) fn loose_array<'de, A: SeqAccess<'de>>(mut seq: A, cx: &mut Cx) -> Result<Value, A::Error> {
    let mut items = Vec::new();
    while let Some(item) = seq.next_element_seed(Loose(cx))? {
        items.push(item);
    }
    Ok(Value::Array(items))
}

/// See [`loose_array`].
pub(super) fn loose_object<'de, A: MapAccess<'de>>(mut map: A, cx: &mut Cx) -> Result<Value, A::Error> {
    let mut parts = Map::new();
    while let Some(key) = map.next_key::<String>()? {
        let value = map.next_value_seed(Loose(cx))?;
        parts.insert(key, value);
    }
    Ok(Value::Object(parts))
}

/// Passes over what is left of a visited array.
pub(super) fn drain_array<'de, A: SeqAccess<'de>>(mut seq: A, cx: &mut Cx) -> Result<(), A::Error> {
    while seq.next_element_seed(Skip(cx))?.is_some() {}
    Ok(())
}

/// Passes over what is left of a visited object.
pub(super) fn drain_object<'de, A: MapAccess<'de>>(mut map: A, cx: &mut Cx) -> Result<(), A::Error> {
    while map.next_key_seed(Skip(cx))?.is_some() {
        map.next_value_seed(Skip(cx))?;
    }
    Ok(())
}

// === impl Skip ===

impl<'de> DeserializeSeed<'de> for Skip<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Skip<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        self.0.enter()?;
        drain_array(seq, self.0)?;
        self.0.leave();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.enter()?;
        drain_object(map, self.0)?;
        self.0.leave();
        Ok(())
    }
}

// === impl Loose ===

impl<'de> DeserializeSeed<'de> for Loose<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Loose<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number past float64"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value, A::Error> {
        self.0.enter()?;
        let value = loose_array(seq, self.0)?;
        self.0.leave();
        Ok(value)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        self.0.enter()?;
        let value = loose_object(map, self.0)?;
        self.0.leave();
        Ok(value)
    }
}

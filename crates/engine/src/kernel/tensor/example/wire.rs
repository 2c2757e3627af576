//! The wire form of examples: protocol buffers, as deep as examples are. Fields of other numbers are passed over.

use plan::tensor::FeatureType;

use super::List;

/// What is left of a message.
struct Wire<'t>(&'t [u8]);

/// The tag of a field whose bytes have a length.
const fn bytes(field: u64) -> u64 {
    field << 3 | 2
}

impl<'t> Wire<'t> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for i in 0..10 {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, size: u64) -> Option<&'t [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(size).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn bytes(&mut self) -> Option<&'t [u8]> {
        let size = self.varint()?;
        self.take(size)
    }

    /// Passes over the field of a tag.
    fn skip(&mut self, tag: u64) -> Option<()> {
        match tag & 7 {
            0 => self.varint().map(drop),
            1 => self.take(8).map(drop),
            2 => self.bytes().map(drop),
            5 => self.take(4).map(drop),
            _ => None,
        }
    }
}

/// Calls `each` with the name and the bytes of every feature.
pub(super) fn features<'t>(example: &'t [u8], mut each: impl FnMut(&'t [u8], &'t [u8])) -> Option<()> {
    entries(example, 1, |_, name, feature| each(name, feature))
}

/// Calls `each` with the field, the name and the bytes of every entry of the maps in the first `fields` fields.
pub(super) fn entries<'t>(example: &'t [u8], fields: u64, mut each: impl FnMut(u64, &'t [u8], &'t [u8])) -> Option<()> {
    let mut example = Wire(example);
    while !example.is_empty() {
        let tag = example.varint()?;
        let Some(field) = (1..=fields).find(|field| tag == bytes(*field)) else {
            example.skip(tag)?;
            continue;
        };
        let mut map = Wire(example.bytes()?);
        while !map.is_empty() {
            match map.varint()? {
                tag if tag == bytes(1) => {
                    let (name, value) = entry(Wire(map.bytes()?))?;
                    each(field, name, value);
                }
                tag => map.skip(tag)?,
            }
        }
    }
    Some(())
}

/// Returns the features of a list of them, step by step; `None` is a list that cannot be read.
pub(super) fn steps(list: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut list = Some(Wire(list));
    std::iter::from_fn(move || {
        while let Some(wire) = list.as_mut().filter(|wire| !wire.is_empty()) {
            let step = wire.varint().and_then(|tag| match tag {
                tag if tag == bytes(1) => wire.bytes().map(Some),
                tag => wire.skip(tag).map(|()| None),
            });
            match step {
                Some(None) => {}
                Some(feature) => return Some(feature),
                None => {
                    list = None;
                    return Some(None);
                }
            }
        }
        None
    })
}

fn entry(mut entry: Wire<'_>) -> Option<(&[u8], &[u8])> {
    let (mut name, mut feature) = (&[][..], &[][..]);
    while !entry.is_empty() {
        match entry.varint()? {
            tag if tag == bytes(1) => name = entry.bytes()?,
            tag if tag == bytes(2) => feature = entry.bytes()?,
            tag => entry.skip(tag)?,
        }
    }
    Some((name, feature))
}

/// Values as they stand in a feature's list.
#[derive(Clone, Copy)]
pub(super) struct Values<'t>(&'t [u8]);

/// Returns the type and the list of a feature; `Some(None)` where it holds none.
pub(super) fn list(feature: &[u8]) -> Option<Option<(FeatureType, Values<'_>)>> {
    let mut wire = Wire(feature);
    let mut found = None;
    while !wire.is_empty() {
        let tag = wire.varint()?;
        let ty = match tag {
            tag if tag == bytes(1) => FeatureType::Text,
            tag if tag == bytes(2) => FeatureType::F32,
            tag if tag == bytes(3) => FeatureType::I64,
            tag => {
                wire.skip(tag)?;
                continue;
            }
        };
        found = Some((ty, Values(wire.bytes()?)));
    }
    Some(found)
}

/// Adds the values, packed or not, to a list of their type.
pub(super) fn values(values: Values<'_>, to: &mut List) -> Option<()> {
    let mut wire = Wire(values.0);
    while !wire.is_empty() {
        let tag = wire.varint()?;
        match to {
            List::Text(list) if tag == bytes(1) => list.push(wire.bytes()?.into()),
            List::F32(list) if tag == bytes(1) => {
                let (floats, rest) = wire.bytes()?.as_chunks::<4>();
                list.extend(floats.iter().map(|float| f32::from_le_bytes(*float)));
                rest.is_empty().then_some(())?;
            }
            List::F32(list) if tag == 1 << 3 | 5 => {
                list.push(f32::from_le_bytes(wire.take(4)?.try_into().ok()?));
            }
            List::I64(list) if tag == bytes(1) => {
                let mut packed = Wire(wire.bytes()?);
                while !packed.is_empty() {
                    list.push(packed.varint()?.cast_signed());
                }
            }
            List::I64(list) if tag == 1 << 3 => list.push(wire.varint()?.cast_signed()),
            _ => return None,
        }
    }
    Some(())
}

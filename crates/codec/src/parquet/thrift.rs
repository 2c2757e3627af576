//! Thrift's compact protocol, read from bytes that nobody vouches for.
//!
//! Whatever a length or a count claims is compared with the bytes that are left before anything is allocated, and unknown
//! fields are skipped to a bounded depth. Every element costs at least one byte, so work is linear in the input.

use super::Damage;

type Result<T> = std::result::Result<T, Damage>;

/// Nested structures deeper than this are nothing that Parquet defines.
const DEPTH_MAX: usize = 32;

/// How a field lies on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    True,
    False,
    Byte,
    I16,
    I32,
    I64,
    Double,
    Binary,
    List,
    Map,
    Struct,
    Uuid,
}

#[derive(Debug)]
pub(super) struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Thrift<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Thrift<'a> {
        Thrift { bytes, at: 0 }
    }

    /// Returns how many bytes have been read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn byte(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.at).ok_or(Damage::EndsEarly)?;
        self.at += 1;
        Ok(byte)
    }

    fn bytes(&mut self, len: u64) -> Result<&'a [u8]> {
        if len > self.left() as u64 {
            return Err(Damage::EndsEarly);
        }
        let slice = &self.bytes[self.at..self.at + len as usize];
        self.at += len as usize;
        Ok(slice)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Damage::Says("an integer of more than ten bytes"))
    }

    fn zigzag(&mut self) -> Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn wire(code: u8) -> Result<Wire> {
        Ok(match code {
            1 => Wire::True,
            2 => Wire::False,
            3 => Wire::Byte,
            4 => Wire::I16,
            5 => Wire::I32,
            6 => Wire::I64,
            7 => Wire::Double,
            8 => Wire::Binary,
            9 | 10 => Wire::List,
            11 => Wire::Map,
            12 => Wire::Struct,
            13 => Wire::Uuid,
            _ => return Err(Damage::Says("an unknown wire type")),
        })
    }

    /// Reads a structure: `field` takes each field that it knows and answers whether it did; others are skipped.
    pub(super) fn structure(&mut self, mut field: impl FnMut(&mut Self, i16, Wire) -> Result<bool>) -> Result<()> {
        let mut id = 0i16;
        while let Some((next, wire)) = self.field(id)? {
            id = next;
            if !field(self, id, wire)? {
                self.skip(wire, DEPTH_MAX)?;
            }
        }
        Ok(())
    }

    fn field(&mut self, last: i16) -> Result<Option<(i16, Wire)>> {
        let head = self.byte()?;
        if head & 0x0f == 0 {
            return Ok(None);
        }
        let wire = Self::wire(head & 0x0f)?;
        let id = match head >> 4 {
            0 => i16::try_from(self.zigzag()?).ok(),
            delta => last.checked_add(i16::from(delta)),
        };
        Ok(Some((id.ok_or(Damage::Says("a field number out of range"))?, wire)))
    }

    fn list_head(&mut self) -> Result<(usize, Wire)> {
        let head = self.byte()?;
        // Some writers give an empty list the element type 0.
        if head == 0 {
            return Ok((0, Wire::Byte));
        }
        let count = match head >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        if count > self.left() as u64 {
            return Err(Damage::Says("a list that claims more elements than there are bytes"));
        }
        Ok((count as usize, Self::wire(head & 0x0f)?))
    }

    /// Reads a list of structures, each by `item`.
    pub(super) fn structures<T>(&mut self, wire: Wire, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        expect(wire, Wire::List)?;
        let (count, element) = self.list_head()?;
        let mut items = Vec::new();
        if count > 0 {
            expect(element, Wire::Struct)?;
        }
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    pub(super) fn i32(&mut self, wire: Wire) -> Result<i32> {
        expect(wire, Wire::I32)?;
        i32::try_from(self.zigzag()?).map_err(|_| Damage::Says("an int32 out of range"))
    }

    pub(super) fn i64(&mut self, wire: Wire) -> Result<i64> {
        expect(wire, Wire::I64)?;
        self.zigzag()
    }

    pub(super) fn i8(&mut self, wire: Wire) -> Result<i8> {
        expect(wire, Wire::Byte)?;
        Ok(self.byte()? as i8)
    }

    pub(super) fn bool(&mut self, wire: Wire) -> Result<bool> {
        match wire {
            Wire::True => Ok(true),
            Wire::False => Ok(false),
            _ => Err(UNEXPECTED),
        }
    }

    pub(super) fn binary(&mut self, wire: Wire) -> Result<&'a [u8]> {
        expect(wire, Wire::Binary)?;
        let len = self.varint()?;
        self.bytes(len)
    }

    pub(super) fn string(&mut self, wire: Wire) -> Result<&'a str> {
        std::str::from_utf8(self.binary(wire)?).map_err(|_| Damage::Says("a name that is not UTF-8"))
    }

    fn skip(&mut self, wire: Wire, depth: usize) -> Result<()> {
        if depth == 0 {
            return Err(Damage::Says("structures nested too deep"));
        }
        match wire {
            Wire::True | Wire::False => {}
            Wire::Byte => drop(self.byte()?),
            Wire::I16 | Wire::I32 | Wire::I64 => drop(self.varint()?),
            Wire::Double => drop(self.bytes(8)?),
            Wire::Uuid => drop(self.bytes(16)?),
            Wire::Binary => drop(self.binary(wire)?),
            Wire::Struct => {
                while let Some((_, wire)) = self.field(0)? {
                    self.skip(wire, depth - 1)?;
                }
            }
            Wire::List => {
                let (count, element) = self.list_head()?;
                for _ in 0..count {
                    self.skip_element(element, depth - 1)?;
                }
            }
            Wire::Map => {
                let count = self.varint()?;
                if count > self.left() as u64 {
                    return Err(Damage::Says("a map that claims more entries than there are bytes"));
                }
                if count > 0 {
                    let head = self.byte()?;
                    let (key, value) = (Self::wire(head >> 4)?, Self::wire(head & 0x0f)?);
                    for _ in 0..count {
                        self.skip_element(key, depth - 1)?;
                        self.skip_element(value, depth - 1)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Inside a collection a bool takes a byte; as a field its type says it all.
    fn skip_element(&mut self, wire: Wire, depth: usize) -> Result<()> {
        match wire {
            Wire::True | Wire::False => self.byte().map(drop),
            _ => self.skip(wire, depth),
        }
    }
}

const UNEXPECTED: Damage = Damage::Says("a field of another type than Parquet defines");

fn expect(wire: Wire, wanted: Wire) -> Result<()> {
    if wire == wanted { Ok(()) } else { Err(UNEXPECTED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Result<usize>) {
        let mut thrift = Thrift::new(bytes);
        assert_eq!(thrift.structure(|_, _, _| Ok(false)).map(|()| thrift.at()), expected, "{bytes:02x?}");
    }

    #[test]
    fn unknown_fields_are_skipped() {
        check(&[0x00], Ok(1));
        check(&[0x15, 0x02, 0x18, 0x02, b'a', b'b', 0x11, 0x12, 0x00], Ok(9));
        check(&[0x19, 0x31, 0x01, 0x02, 0x01, 0x00], Ok(6));
        check(&[0x1b, 0x01, 0x58, 0x02, 0x01, b'x', 0x00], Ok(7));
    }

    #[test]
    fn claims_are_compared_with_the_bytes_left() {
        check(&[0x18, 0xff, 0xff, 0xff, 0xff, 0x07], Err(Damage::EndsEarly));
        check(
            &[0x19, 0xfc, 0xff, 0xff, 0xff, 0x7f],
            Err(Damage::Says("a list that claims more elements than there are bytes")),
        );
        check(&[0x15, 0x80], Err(Damage::EndsEarly));
        check(&[0x16; 1], Err(Damage::EndsEarly));
        check(&[&[0x16][..], &[0xff; 11]].concat(), Err(Damage::Says("an integer of more than ten bytes")));
    }

    #[test]
    fn depth_is_bounded() {
        check(&[0x1c; 10_000], Err(Damage::Says("structures nested too deep")));
        check(&[0x19; 10_000], Err(Damage::Says("structures nested too deep")));
    }
}

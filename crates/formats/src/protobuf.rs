//! The wire format of protocol buffers, read where it lies.
//!
//! A [`Message`] is a span of a file; its fields are met one after another, and what is asked of them borrows from the file.
//! Nothing is allocated by a length that the file claims, and nothing recurses: a reader of a format goes into nested messages
//! itself, under its own bound of depth. Numbers that are repeated may be packed, unpacked, or both. What is cut short, a
//! varint of more than 64 bits, a group, or a field of another wire type is refused with its place in the file. Source of
//! the rules: <https://protobuf.dev/programming-guides/encoding/>.

use crate::ReadError;

/// One message: a span of a file.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    file: &'a str,
    bytes: &'a [u8],
    /// Where the span begins in the file.
    at: usize,
}

/// One field of a message, as the wire has it.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    pub number: u32,
    pub value: Value<'a>,
    /// Where the field's key stands in the file.
    pub at: usize,
    file: &'a str,
}

/// What a field holds. Which type of number or text it is, the reader of the format knows.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// Bytes, a text, a message, or packed numbers.
    Bytes(Message<'a>),
}

/// The kinds of numbers on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Varint,
    Fixed64,
    Fixed32,
}

/// The fields of a message; ends after the first fault.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: Message<'a>,
}

/// The numbers of one repeated field, packed or not; ends after the first fault.
#[derive(Clone, Debug)]
pub struct Numbers<'a> {
    fields: Fields<'a>,
    packed: Message<'a>,
    number: u32,
    wire: Wire,
}

// === impl Message ===

impl<'a> Message<'a> {
    /// Returns the message that a whole file is.
    pub fn new(file: &'a str, bytes: &'a [u8]) -> Message<'a> {
        Message { file, bytes, at: 0 }
    }

    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the name of the file that it is a span of.
    pub fn file(&self) -> &'a str {
        self.file
    }

    /// Returns where it begins in the file.
    pub fn at(&self) -> usize {
        self.at
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn fields(&self) -> Fields<'a> {
        Fields { rest: *self }
    }

    /// Returns the fields of this number, in their order.
    pub fn all(&self, number: u32) -> impl Iterator<Item = Result<Field<'a>, ReadError>> + use<'a> {
        self.fields().filter(move |field| field.as_ref().map_or(true, |field| field.number == number))
    }

    /// Returns the last field of this number, which is the one that counts where it is not repeated.
    pub fn last(&self, number: u32) -> Result<Option<Field<'a>>, ReadError> {
        let mut last = None;
        for field in self.all(number) {
            last = Some(field?);
        }
        Ok(last)
    }

    /// Returns the numbers of a repeated field of ints, bools or enums.
    pub fn varints(&self, number: u32) -> Numbers<'a> {
        self.numbers(number, Wire::Varint)
    }

    /// Returns the numbers of a repeated field of `int64`.
    pub fn int64s(&self, number: u32) -> impl Iterator<Item = Result<i64, ReadError>> + use<'a> {
        self.varints(number).map(|bits| bits.map(|bits| bits as i64))
    }

    /// Returns the numbers of a repeated field of `float`.
    pub fn floats(&self, number: u32) -> impl Iterator<Item = Result<f32, ReadError>> + use<'a> {
        self.fixed32s(number).map(|bits| bits.map(|bits| f32::from_bits(bits as u32)))
    }

    /// Returns the numbers of a repeated field of `double`.
    pub fn doubles(&self, number: u32) -> impl Iterator<Item = Result<f64, ReadError>> + use<'a> {
        self.fixed64s(number).map(|bits| bits.map(f64::from_bits))
    }

    /// Returns the bits of a repeated field of numbers of 4 bytes.
    pub fn fixed32s(&self, number: u32) -> Numbers<'a> {
        self.numbers(number, Wire::Fixed32)
    }

    /// Returns the bits of a repeated field of numbers of 8 bytes.
    pub fn fixed64s(&self, number: u32) -> Numbers<'a> {
        self.numbers(number, Wire::Fixed64)
    }

    fn numbers(&self, number: u32, wire: Wire) -> Numbers<'a> {
        Numbers { fields: self.fields(), packed: self.span(0, 0), number, wire }
    }

    /// Returns the fault of this place of the message.
    pub fn fault(&self, what: impl std::fmt::Display) -> ReadError {
        fault(self.file, self.at, what)
    }

    /// Returns its bytes as text.
    pub fn str(&self) -> Result<&'a str, ReadError> {
        std::str::from_utf8(self.bytes)
            .map_err(|error| fault(self.file, self.at + error.valid_up_to(), "a text holds bytes that are not UTF-8"))
    }

    fn span(&self, from: usize, len: usize) -> Message<'a> {
        Message { file: self.file, bytes: &self.bytes[from..from + len], at: self.at + from }
    }

    fn skip(&mut self, len: usize) {
        self.bytes = &self.bytes[len..];
        self.at += len;
    }

    fn varint(&mut self) -> Result<u64, ReadError> {
        // Most are of one byte.
        if let Some(&byte) = self.bytes.first()
            && byte < 0x80
        {
            self.skip(1);
            return Ok(u64::from(byte));
        }
        let mut bits = 0_u64;
        for (i, &byte) in self.bytes.iter().take(10).enumerate() {
            // The tenth byte has one bit left.
            if i == 9 && byte > 1 {
                return Err(self.fault("a varint is longer than 64 bits"));
            }
            bits |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                self.skip(i + 1);
                return Ok(bits);
            }
        }
        Err(self.fault("the message ends within a varint"))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let Some(&bytes) = self.bytes.first_chunk::<N>() else {
            return Err(self
                .fault(format_args!("the message ends within a number of {N} bytes, {} are left", self.bytes.len())));
        };
        self.skip(N);
        Ok(bytes)
    }

    fn number(&mut self, wire: Wire) -> Result<u64, ReadError> {
        match wire {
            Wire::Varint => self.varint(),
            Wire::Fixed64 => Ok(u64::from_le_bytes(self.fixed()?)),
            Wire::Fixed32 => Ok(u64::from(u32::from_le_bytes(self.fixed()?))),
        }
    }

    fn field(&mut self) -> Result<Field<'a>, ReadError> {
        let at = self.at;
        let key = self.varint()?;
        let number = match u32::try_from(key >> 3) {
            Ok(number) if 0 < number && number < 1 << 29 => number,
            _ => return Err(fault(self.file, at, format_args!("{} is not the number of a field", key >> 3))),
        };
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => {
                let claimed = self.varint()?;
                let len = usize::try_from(claimed).ok().filter(|len| *len <= self.bytes.len()).ok_or_else(|| {
                    let left = self.bytes.len();
                    fault(self.file, at, format_args!("field {number} claims {claimed} bytes, {left} are left"))
                })?;
                let span = self.span(0, len);
                self.skip(len);
                Value::Bytes(span)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.fixed()?)),
            3 | 4 => return Err(fault(self.file, at, format_args!("field {number} is a group, which is not read"))),
            other => {
                return Err(fault(self.file, at, format_args!("field {number} has wire type {other}, there is none")));
            }
        };
        Ok(Field { number, value, at, file: self.file })
    }
}

fn fault(file: &str, at: usize, what: impl std::fmt::Display) -> ReadError {
    ReadError::Syntax { file: file.to_owned(), what: format!("byte {at}: {what}") }
}

// === impl Field ===

impl<'a> Field<'a> {
    /// Returns the fault of this field.
    pub fn fault(&self, what: impl std::fmt::Display) -> ReadError {
        fault(self.file, self.at, format_args!("field {}: {what}", self.number))
    }

    fn other(&self, expected: &str) -> ReadError {
        let got = match self.value {
            Value::Varint(_) => "a varint",
            Value::Fixed64(_) => "8 bytes",
            Value::Fixed32(_) => "4 bytes",
            Value::Bytes(_) => "bytes with a length",
        };
        self.fault(format_args!("expected {expected}, got {got}"))
    }

    /// Returns the bits of an `int64`, `uint64` or another varint.
    pub fn varint(&self) -> Result<u64, ReadError> {
        match self.value {
            Value::Varint(bits) => Ok(bits),
            _ => Err(self.other("a varint")),
        }
    }

    pub fn int64(&self) -> Result<i64, ReadError> {
        Ok(self.varint()? as i64)
    }

    /// Returns an `int32` or an enum: the low 32 bits, as every reader of the wire format takes them.
    pub fn int32(&self) -> Result<i32, ReadError> {
        Ok(self.varint()? as i32)
    }

    pub fn bool(&self) -> Result<bool, ReadError> {
        Ok(self.varint()? != 0)
    }

    pub fn float(&self) -> Result<f32, ReadError> {
        match self.value {
            Value::Fixed32(bits) => Ok(f32::from_bits(bits)),
            _ => Err(self.other("4 bytes")),
        }
    }

    pub fn double(&self) -> Result<f64, ReadError> {
        match self.value {
            Value::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(self.other("8 bytes")),
        }
    }

    /// Returns the nested message.
    pub fn message(&self) -> Result<Message<'a>, ReadError> {
        match self.value {
            Value::Bytes(span) => Ok(span),
            _ => Err(self.other("bytes with a length")),
        }
    }

    pub fn bytes(&self) -> Result<&'a [u8], ReadError> {
        Ok(self.message()?.bytes)
    }

    pub fn str(&self) -> Result<&'a str, ReadError> {
        self.message()?.str()
    }
}

// === impl Fields ===

impl Fields<'_> {
    /// Returns where the next field begins in the file; after a fault, where the field at fault begins.
    pub fn at(&self) -> usize {
        self.rest.at
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let at = self.rest.at;
        let field = self.rest.field();
        if field.is_err() {
            self.rest = Message { bytes: &[], at, ..self.rest };
        }
        Some(field)
    }
}

// === impl Numbers ===

impl Numbers<'_> {
    /// Returns the next number, or none where the field's numbers end.
    fn step(&mut self) -> Result<Option<u64>, ReadError> {
        loop {
            if !self.packed.is_empty() {
                return self.packed.number(self.wire).map(Some);
            }
            let Some(field) = self.fields.next().transpose()? else { return Ok(None) };
            if field.number != self.number {
                continue;
            }
            match (field.value, self.wire) {
                (Value::Bytes(packed), _) => self.packed = packed,
                (Value::Varint(bits), Wire::Varint) | (Value::Fixed64(bits), Wire::Fixed64) => return Ok(Some(bits)),
                (Value::Fixed32(bits), Wire::Fixed32) => return Ok(Some(u64::from(bits))),
                _ => {
                    let expected = match self.wire {
                        Wire::Varint => "varints",
                        Wire::Fixed64 => "numbers of 8 bytes",
                        Wire::Fixed32 => "numbers of 4 bytes",
                    };
                    return Err(field.other(expected));
                }
            }
        }
    }
}

impl Iterator for Numbers<'_> {
    type Item = Result<u64, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.packed.bytes = &[];
            self.fields.rest.bytes = &[];
        }
        step.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<(u32, String)>, String> {
        let show = |field: Field<'_>| match field.value {
            Value::Bytes(span) => (field.number, format!("{:?} at {}", span.bytes(), span.at())),
            other => (field.number, format!("{other:?}")),
        };
        let fields: Result<Vec<_>, _> = Message::new("m", bytes).fields().map(|f| f.map(show)).collect();
        fields.map_err(|error| error.to_string())
    }

    #[test]
    fn fields_of_every_wire_type() {
        let bytes = [0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1d, 0, 0, 0x80, 0x3f, 0x21, 1, 0, 0, 0, 0, 0, 0, 0];
        let fields = fields(&bytes).unwrap();
        let texts: Vec<_> = fields.iter().map(|(number, text)| (*number, text.as_str())).collect();
        let expected = [(1, "Varint(150)"), (2, "[104, 105] at 5"), (3, "Fixed32(1065353216)"), (4, "Fixed64(1)")];
        assert_eq!(texts, expected);
        let message = Message::new("m", &bytes);
        assert_eq!(message.last(2).unwrap().unwrap().str().unwrap(), "hi");
        assert_eq!(message.last(3).unwrap().unwrap().float().unwrap(), 1.0);
        assert!(message.last(5).unwrap().is_none());
    }

    #[test]
    fn what_is_cut_short_or_unknown_is_refused_with_its_place() {
        let faults: [(&[u8], &str); 9] = [
            (&[0x08, 0x01, 0x08, 0x80], "m: byte 3: the message ends within a varint"),
            (&[0x0d, 1, 2], "m: byte 1: the message ends within a number of 4 bytes, 2 are left"),
            (&[0x12, 5, b'a'], "m: byte 0: field 2 claims 5 bytes, 1 are left"),
            (
                &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
                "m: byte 0: field 2 claims 18446744073709551615 bytes, 0 are left",
            ),
            (
                &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
                "m: byte 1: a varint is longer than 64 bits",
            ),
            (&[0x00, 0], "m: byte 0: 0 is not the number of a field"),
            (&[0x0b], "m: byte 0: field 1 is a group, which is not read"),
            (&[0x0c], "m: byte 0: field 1 is a group, which is not read"),
            (&[0x0e], "m: byte 0: field 1 has wire type 6, there is none"),
        ];
        for (bytes, expected) in faults {
            assert_eq!(fields(bytes).unwrap_err(), expected);
        }
    }

    #[test]
    fn repeated_numbers_are_packed_unpacked_or_both() {
        let bytes = [0x08, 7, 0x0a, 3, 1, 0x80, 1, 0x10, 9, 0x0a, 0, 0x08, 5];
        let message = Message::new("m", &bytes);
        let numbers: Vec<i64> = message.int64s(1).map(Result::unwrap).collect();
        assert_eq!(numbers, [7, 1, 128, 5]);
        let floats = [0x0a, 8, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 0x0d, 0, 0, 0x40, 0x40];
        let floats: Vec<f32> = Message::new("m", &floats).floats(1).map(Result::unwrap).collect();
        assert_eq!(floats, [1.0, 2.0, 3.0]);
        let faults = |bytes: &[u8]| {
            let all: Vec<_> = Message::new("m", bytes).floats(1).map(|r| r.map_err(|e| e.to_string())).collect();
            all
        };
        let cut = [0x0a, 5, 0, 0, 0x80, 0x3f, 1];
        assert_eq!(
            faults(&cut),
            [Ok(1.0), Err("m: byte 6: the message ends within a number of 4 bytes, 1 are left".into())]
        );
        assert_eq!(faults(&[0x08, 1]), [Err("m: byte 0: field 1: expected numbers of 4 bytes, got a varint".into())]);
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        let bytes = [0x0a, 2, 0xc3, 0x28, 0x10, 1];
        let message = Message::new("m", &bytes);
        let text = message.last(1).unwrap().unwrap();
        assert_eq!(text.str().unwrap_err().to_string(), "m: byte 2: a text holds bytes that are not UTF-8");
        assert_eq!(text.bytes().unwrap(), [0xc3, 0x28]);
        let number = message.last(2).unwrap().unwrap();
        let error = number.message().unwrap_err().to_string();
        assert_eq!(error, "m: byte 4: field 2: expected bytes with a length, got a varint");
        let negative = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(Message::new("m", &negative).last(1).unwrap().unwrap().int32().unwrap(), -1);
    }
}

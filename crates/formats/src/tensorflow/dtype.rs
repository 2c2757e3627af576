//! TensorFlow's types of elements, by the numbers of `types.proto`.

/// A type of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    Float,
    Double,
    Int32,
    UInt8,
    Int16,
    Int8,
    String,
    Complex64,
    Int64,
    Bool,
    QInt8,
    QUInt8,
    QInt32,
    BFloat16,
    QInt16,
    QUInt16,
    UInt16,
    Complex128,
    Half,
    Resource,
    Variant,
    UInt32,
    UInt64,
    Float8E5M2,
    Float8E4M3,
}

use DType::*;

const ALL: [DType; 25] = [
    Float, Double, Int32, UInt8, Int16, Int8, String, Complex64, Int64, Bool, QInt8, QUInt8, QInt32, BFloat16, QInt16,
    QUInt16, UInt16, Complex128, Half, Resource, Variant, UInt32, UInt64, Float8E5M2, Float8E4M3,
];

/// What is added to the number of a type where a reference to a variable of it is meant.
const REFERENCE: i64 = 100;

impl DType {
    /// Returns the type of this number; that of a reference is the type referred to.
    pub fn of(number: i64) -> Option<DType> {
        let number = if REFERENCE < number { number - REFERENCE } else { number };
        ALL.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
    }

    /// Returns the name of `types.proto` for a number, references included.
    pub fn proto_name(number: i64) -> std::string::String {
        let name = match DType::of(number) {
            None => return "DT_INVALID".to_owned(),
            Some(Float) => "FLOAT".to_owned(),
            Some(Double) => "DOUBLE".to_owned(),
            Some(Half) => "HALF".to_owned(),
            Some(other) => other.name().to_uppercase(),
        };
        format!("DT_{name}{}", if REFERENCE < number { "_REF" } else { "" })
    }

    /// Returns the bytes of one element; `None` for texts and for what no file holds.
    pub fn width(self) -> Option<usize> {
        match self {
            Bool | Int8 | UInt8 | QInt8 | QUInt8 | Float8E5M2 | Float8E4M3 => Some(1),
            Int16 | UInt16 | QInt16 | QUInt16 | Half | BFloat16 => Some(2),
            Int32 | UInt32 | QInt32 | Float => Some(4),
            Int64 | UInt64 | Double | Complex64 => Some(8),
            Complex128 => Some(16),
            String | Resource | Variant => None,
        }
    }

    /// Returns the name that TensorFlow shows.
    pub fn name(self) -> &'static str {
        match self {
            Float => "float32",
            Double => "float64",
            Int32 => "int32",
            UInt8 => "uint8",
            Int16 => "int16",
            Int8 => "int8",
            String => "string",
            Complex64 => "complex64",
            Int64 => "int64",
            Bool => "bool",
            QInt8 => "qint8",
            QUInt8 => "quint8",
            QInt32 => "qint32",
            BFloat16 => "bfloat16",
            QInt16 => "qint16",
            QUInt16 => "quint16",
            UInt16 => "uint16",
            Complex128 => "complex128",
            Half => "float16",
            Resource => "resource",
            Variant => "variant",
            UInt32 => "uint32",
            UInt64 => "uint64",
            Float8E5M2 => "float8_e5m2",
            Float8E4M3 => "float8_e4m3fn",
        }
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_types_proto() {
        let named = |number| DType::of(number).map(DType::name);
        assert_eq!(named(1), Some("float32"));
        assert_eq!(named(9), Some("int64"));
        assert_eq!(named(14), Some("bfloat16"));
        assert_eq!(named(19), Some("float16"));
        assert_eq!(named(23), Some("uint64"));
        assert_eq!(named(101), Some("float32"), "a reference");
        assert_eq!(
            [1, 3, 19, 101, 0].map(DType::proto_name),
            ["DT_FLOAT", "DT_INT32", "DT_HALF", "DT_FLOAT_REF", "DT_INVALID"]
        );
        assert_eq!([0, 26, 100, -1, i64::MAX].map(DType::of), [None; 5]);
    }
}

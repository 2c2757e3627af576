//! The types of a tensor's elements, by the numbers of `TensorProto.DataType`.

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    Float32,
    Uint8,
    Int8,
    Uint16,
    Int16,
    Int32,
    Int64,
    String,
    Bool,
    Float16,
    Float64,
    Uint32,
    Uint64,
    Complex64,
    Complex128,
    Bfloat16,
    Float8E4M3Fn,
    Float8E4M3FnUz,
    Float8E5M2,
    Float8E5M2FnUz,
    Uint4,
    Int4,
    Float4E2M1,
    Float8E8M0,
    Uint2,
    Int2,
}

/// All, in the order of their numbers, which begin at 1.
const ALL: [(Dtype, &str, u32); 26] = [
    (Dtype::Float32, "float", 32),
    (Dtype::Uint8, "uint8", 8),
    (Dtype::Int8, "int8", 8),
    (Dtype::Uint16, "uint16", 16),
    (Dtype::Int16, "int16", 16),
    (Dtype::Int32, "int32", 32),
    (Dtype::Int64, "int64", 64),
    (Dtype::String, "string", 0),
    (Dtype::Bool, "bool", 8),
    (Dtype::Float16, "float16", 16),
    (Dtype::Float64, "double", 64),
    (Dtype::Uint32, "uint32", 32),
    (Dtype::Uint64, "uint64", 64),
    (Dtype::Complex64, "complex64", 64),
    (Dtype::Complex128, "complex128", 128),
    (Dtype::Bfloat16, "bfloat16", 16),
    (Dtype::Float8E4M3Fn, "float8e4m3fn", 8),
    (Dtype::Float8E4M3FnUz, "float8e4m3fnuz", 8),
    (Dtype::Float8E5M2, "float8e5m2", 8),
    (Dtype::Float8E5M2FnUz, "float8e5m2fnuz", 8),
    (Dtype::Uint4, "uint4", 4),
    (Dtype::Int4, "int4", 4),
    (Dtype::Float4E2M1, "float4e2m1", 4),
    (Dtype::Float8E8M0, "float8e8m0", 8),
    (Dtype::Uint2, "uint2", 2),
    (Dtype::Int2, "int2", 2),
];

impl Dtype {
    /// Returns the type of this number; none for 0 (undefined) and what the format does not know.
    pub fn of(number: i64) -> Option<Dtype> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        ALL.get(at).map(|row| row.0)
    }

    /// Returns its number.
    pub fn number(self) -> i64 {
        self as i64 + 1
    }

    /// Returns its name, as the format's texts have it.
    pub fn name(self) -> &'static str {
        ALL[self as usize].1
    }

    /// Returns the bits of an element as the file packs them; 0 for texts.
    pub fn bits(self) -> u32 {
        ALL[self as usize].2
    }

    /// Returns the bytes of an element once unpacked: those below a byte take one each. 0 for texts.
    pub fn bytes(self) -> usize {
        self.bits().div_ceil(8) as usize
    }

    /// Returns whether several elements share a byte in the file.
    pub fn is_packed(self) -> bool {
        0 < self.bits() && self.bits() < 8
    }
}

impl std::fmt::Display for Dtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_at_its_number() {
        for (i, (dtype, name, _)) in ALL.iter().enumerate() {
            assert_eq!((Dtype::of(i as i64 + 1), dtype.name()), (Some(*dtype), *name));
        }
        assert_eq!((Dtype::of(0), Dtype::of(27), Dtype::of(-1)), (None, None, None));
        assert_eq!(Dtype::of(21), Some(Dtype::Uint4));
        assert_eq!((Dtype::Int4.bytes(), Dtype::Int4.is_packed(), Dtype::String.is_packed()), (1, true, false));
    }
}

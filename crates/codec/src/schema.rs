//! What users say of their columns: DDL text, or the same as JSON with metadata.
//!
//! DDL is Spark's: `age int, city string, v vector, tags array<string>, m map<string,double>, s struct<a:int,b:string>`,
//! with the type names of Spark and of numpy in any case, names in backquotes where they hold more than letters, digits and
//! underscores, and a colon between name and type where one likes. `NOT NULL` and `COMMENT '..'` are read and change
//! nothing. A number may have an inner shape (`float32[2,3]`), a vector a size (`vector[3]`). JSON is
//! `{"columns":[{"name","type","metadata"?}]}`, its types in the same words, or what Spark's `df.schema.json()` writes.

mod spark;

use std::sync::Arc;

use model::{DType, Field, InputSpec, Type};
use serde::Deserialize;

use crate::error::CodecError;

/// Longest schema.
const BYTES_MAX: usize = 1 << 20;
/// Nesting of a type.
const DEPTH_MAX: usize = 32;
/// Elements of an inner shape.
const ELEMENTS_MAX: usize = 1 << 24;

/// Reads a schema of either form: JSON begins with a brace.
pub fn parse(text: &str) -> Result<Vec<InputSpec>, CodecError> {
    if text.trim_start().starts_with('{') { parse_json(text.as_bytes()) } else { parse_ddl(text) }
}

/// Reads `name type, name type, ...`.
pub fn parse_ddl(text: &str) -> Result<Vec<InputSpec>, CodecError> {
    bounded(text.len())?;
    let mut parser = Parser { text, at: 0, depth: 0 };
    let parts = parser.fields(None)?;
    let specs: Vec<InputSpec> = parts.into_iter().map(|(name, ty)| InputSpec { name, ty, metadata: None }).collect();
    distinct(&specs)?;
    Ok(specs)
}

/// Reads one type.
pub fn parse_type(text: &str) -> Result<Type, CodecError> {
    bounded(text.len())?;
    let mut parser = Parser { text, at: 0, depth: 0 };
    let ty = parser.ty()?;
    match parser.peek() {
        None => Ok(ty),
        Some(_) => Err(parser.expected("the end of the type")),
    }
}

/// Reads `{"columns":[{"name","type","metadata"?}]}`, or Spark's `{"type":"struct","fields":[..]}`.
pub fn parse_json(text: &[u8]) -> Result<Vec<InputSpec>, CodecError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Schema {
        #[serde(default)]
        columns: Vec<ColumnOf>,
        /// Spark's form says of itself that it is a struct.
        r#type: Option<String>,
        #[serde(default)]
        fields: Vec<spark::SparkField>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct ColumnOf {
        name: String,
        r#type: String,
        metadata: Option<serde_json::Map<String, serde_json::Value>>,
    }
    bounded(text.len())?;
    let schema: Schema = serde_json::from_slice(text).map_err(|error| crate::json::syntax(&error, text))?;
    let spec = |column: ColumnOf| {
        let ty = parse_type(&column.r#type).map_err(|error| in_column(error, &column.name))?;
        let metadata = column.metadata.map(|map| serde_json::Value::Object(map).to_string().into());
        Ok(InputSpec { name: column.name.into(), ty, metadata })
    };
    let of_spark = schema.fields.into_iter().map(spark::SparkField::spec);
    let specs: Vec<InputSpec> = match schema.r#type.as_deref() {
        None => schema.columns.into_iter().map(spec).collect::<Result<_, CodecError>>()?,
        Some("struct") => of_spark.collect::<Result<_, CodecError>>()?,
        Some(other) => {
            let (expected, got) = ("a struct, as Spark's `df.schema.json()` is".to_owned(), format!("{other:?}"));
            return Err(CodecError::Schema { expected, got, at: 0 });
        }
    };
    distinct(&specs)?;
    Ok(specs)
}

/// Returns what the schema says of each field, by the fields' order: the `types` of decoders and readers.
pub fn types_of(fields: &[Field], specs: &[InputSpec]) -> Vec<Option<Type>> {
    let of = |field: &Field| specs.iter().find(|spec| spec.name == field.name).map(|spec| spec.ty.clone());
    fields.iter().map(of).collect()
}

fn bounded(bytes: usize) -> Result<(), CodecError> {
    if bytes <= BYTES_MAX {
        return Ok(());
    }
    let what = "the schema's length in bytes".to_owned();
    Err(CodecError::TooLarge { what, got: bytes as u64, limit: BYTES_MAX as u64, key: "fixed" })
}

fn distinct(specs: &[InputSpec]) -> Result<(), CodecError> {
    let mut names: Vec<&str> = specs.iter().map(|spec| &*spec.name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => Err(CodecError::Schema {
            expected: "each column once".to_owned(),
            got: format!("`{}` twice", pair[0]),
            at: 0,
        }),
    }
}

fn in_column(error: CodecError, name: &str) -> CodecError {
    match error {
        CodecError::Schema { expected, got, at } => {
            CodecError::Schema { expected, got: format!("{got} in the type of column `{name}`"), at }
        }
        error => error,
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// Reads fields up to the closing byte (which is taken), or to the end.
    fn fields(&mut self, close: Option<u8>) -> Result<Vec<(Arc<str>, Type)>, CodecError> {
        let mut fields = Vec::new();
        if self.peek() == close {
            self.take(close);
            return Ok(fields);
        }
        loop {
            let name = self.name()?;
            self.take(Some(b':'));
            let ty = self.ty()?;
            self.attributes()?;
            fields.push((name, ty));
            if self.take(Some(b',')) {
                continue;
            }
            return match self.peek() == close {
                true => {
                    self.take(close);
                    Ok(fields)
                }
                false if close.is_some() => Err(self.expected("`,` or `>` after the type")),
                false => Err(self.expected("`,` or the end after the type")),
            };
        }
    }

    fn name(&mut self) -> Result<Arc<str>, CodecError> {
        if self.peek() != Some(b'`') {
            return self.word().map(Arc::from).ok_or_else(|| self.expected("a column name"));
        }
        let begin = self.at + 1;
        let mut end = begin;
        loop {
            let Some(quote) = self.text[end..].find('`') else { return Err(self.expected("a name that ends in a `")) };
            end += quote;
            if !self.text[end + 1..].starts_with('`') {
                break;
            }
            end += 2;
        }
        self.at = end + 1;
        Ok(self.text[begin..end].replace("``", "`").into())
    }

    fn ty(&mut self) -> Result<Type, CodecError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.expected("a type of at most 32 levels"));
        }
        self.peek();
        let begin = self.at;
        let Some(word) = self.word() else { return Err(self.expected("a type")) };
        let ty = match word.to_ascii_lowercase().as_str() {
            "string" | "str" | "object" | "text" => Type::Text,
            "varchar" | "char" => {
                self.parenthesis()?;
                Type::Text
            }
            "binary" | "bytes" => Type::Bytes,
            "vector" => Type::Vector { size: self.size()? },
            "array" | "list" => {
                self.open()?;
                let item = self.ty()?;
                self.close()?;
                Type::list(item)
            }
            "map" => {
                self.open()?;
                let key = self.ty()?;
                if !self.take(Some(b',')) {
                    return Err(self.expected("`,` between the map's types"));
                }
                let value = self.ty()?;
                self.close()?;
                Type::Map(Box::new(key), Box::new(value))
            }
            "struct" => {
                self.open()?;
                Type::Struct(self.struct_fields()?)
            }
            "decimal" | "dec" | "numeric" => Type::scalar(self.decimal()?),
            scalar => match dtype(scalar) {
                Some(dtype) => Type::Fixed { dtype, shape: self.shape()? },
                None => {
                    self.at = begin;
                    return Err(self.expected(KNOWN));
                }
            },
        };
        self.depth -= 1;
        Ok(ty)
    }

    fn struct_fields(&mut self) -> Result<Vec<(Arc<str>, Type)>, CodecError> {
        let fields = self.fields(Some(b'>'))?;
        let mut names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        match names.windows(2).any(|pair| pair[0] == pair[1]) {
            true => Err(self.expected("a struct with each part once")),
            false => Ok(fields),
        }
    }

    /// Reads `[2, 3]` where it stands.
    fn shape(&mut self) -> Result<Vec<usize>, CodecError> {
        let mut shape = Vec::new();
        if !self.take(Some(b'[')) {
            return Ok(shape);
        }
        loop {
            shape.push(self.number()?);
            let elements = shape.iter().try_fold(1usize, |product, &d| product.checked_mul(d));
            if elements.is_none_or(|n| n > ELEMENTS_MAX) || shape.len() > DEPTH_MAX {
                return Err(self.expected("a shape of at most 16,777,216 elements"));
            }
            if !self.take(Some(b',')) {
                break;
            }
        }
        if self.take(Some(b']')) { Ok(shape) } else { Err(self.expected("`]` after the shape")) }
    }

    fn size(&mut self) -> Result<Option<u32>, CodecError> {
        if !self.take(Some(b'[')) {
            return Ok(None);
        }
        let size = self.number()?;
        if !self.take(Some(b']')) || size > ELEMENTS_MAX {
            return Err(self.expected("a size of at most 16,777,216 and `]`"));
        }
        Ok(Some(size as u32))
    }

    fn number(&mut self) -> Result<usize, CodecError> {
        let number = self.word().and_then(|word| word.parse().ok());
        number.ok_or_else(|| self.expected("a number"))
    }

    fn parenthesis(&mut self) -> Result<(), CodecError> {
        if self.take(Some(b'(')) {
            self.number()?;
            if !self.take(Some(b')')) {
                return Err(self.expected("`)`"));
            }
        }
        Ok(())
    }

    /// Passes over what says nothing of the type.
    fn attributes(&mut self) -> Result<(), CodecError> {
        if self.take_word("not") && !self.take_word("null") {
            return Err(self.expected("`null` after `not`"));
        }
        if self.take_word("comment") {
            let Some(quote @ (b'\'' | b'"')) = self.peek() else { return Err(self.expected("a comment in quotes")) };
            let body = &self.text[self.at + 1..];
            let Some(end) = body.find(char::from(quote)) else {
                return Err(self.expected("a comment that ends in a quote"));
            };
            self.at += end + 2;
        }
        Ok(())
    }

    /// Reads `(10, 2)` where it stands; Spark's default is (10, 0).
    fn decimal(&mut self) -> Result<DType, CodecError> {
        const EXPECTED: &str = "a precision of 1 to 38, and a scale of at most that";
        if !self.take(Some(b'(')) {
            return Ok(DType::Decimal(10, 0));
        }
        let precision = self.number()?;
        let scale = if self.take(Some(b',')) { self.number()? } else { 0 };
        if !(1..=38).contains(&precision) || scale > precision {
            return Err(self.expected(EXPECTED));
        }
        match self.take(Some(b')')) {
            true => Ok(DType::Decimal(precision as u8, scale as u8)),
            false => Err(self.expected("`)`")),
        }
    }

    fn open(&mut self) -> Result<(), CodecError> {
        if self.take(Some(b'<')) { Ok(()) } else { Err(self.expected("`<`")) }
    }

    fn close(&mut self) -> Result<(), CodecError> {
        if self.take(Some(b'>')) { Ok(()) } else { Err(self.expected("`>`")) }
    }

    /// Passes over blanks and returns the next byte.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: Option<u8>) -> bool {
        let there = byte.is_some() && self.peek() == byte;
        self.at += usize::from(there);
        there
    }

    fn word(&mut self) -> Option<&'a str> {
        self.peek();
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += end;
        (end > 0).then(|| &rest[..end])
    }

    fn take_word(&mut self, word: &str) -> bool {
        let begin = self.at;
        let there = self.word().is_some_and(|found| found.eq_ignore_ascii_case(word));
        if !there {
            self.at = begin;
        }
        there
    }

    fn expected(&mut self, expected: &str) -> CodecError {
        const CHARS_MAX: usize = 24;
        let got = match self.peek() {
            None => "the end".to_owned(),
            Some(_) => format!("{:?}", self.text[self.at..].chars().take(CHARS_MAX).collect::<String>()),
        };
        CodecError::Schema { expected: expected.to_owned(), got, at: self.at }
    }
}

const KNOWN: &str = "a type (tinyint, smallint, int, bigint, float, double, boolean, string, binary, decimal(p,s), date, timestamp, \
                     vector, array<..>, map<..,..>, struct<..>, or numpy's names)";

fn dtype(word: &str) -> Option<DType> {
    Some(match word {
        "tinyint" | "byte" | "int8" => DType::I8,
        "smallint" | "short" | "int16" => DType::I16,
        "int" | "integer" | "int32" => DType::I32,
        "bigint" | "long" | "int64" => DType::I64,
        "uint8" | "ubyte" => DType::U8,
        "uint16" | "ushort" => DType::U16,
        "uint32" | "uint" => DType::U32,
        "uint64" | "ulong" => DType::U64,
        "float" | "real" | "float32" => DType::F32,
        "double" | "float64" => DType::F64,
        "boolean" | "bool" => DType::Bool,
        "date" => DType::Date,
        "timestamp" | "timestamp_ntz" | "timestamp_ltz" | "datetime64" => DType::Timestamp,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ddl: &str, expected: &str) {
        let specs = parse_ddl(ddl).unwrap_or_else(|error| panic!("{ddl}: {error}"));
        let text: Vec<String> = specs.iter().map(|spec| format!("{} {}", spec.name, spec.ty)).collect();
        assert_eq!(text.join(", "), expected, "{ddl}");
        for spec in specs {
            assert_eq!(parse_type(&spec.ty.to_string()).expect("a printed type reads back"), spec.ty);
        }
    }

    fn check_error(schema: &str, expected: &str) {
        let error = parse(schema).expect_err(schema).to_string();
        assert!(error.contains(expected), "{schema}: {error}");
    }

    #[test]
    fn ddl_in_the_words_of_spark_and_numpy() {
        check("", "");
        check("age int, city string, v vector", "age int32, city string, v vector");
        check(
            "a TINYINT,b short,c BigInt,d Real,e double,f bool",
            "a int8, b int16, c int64, d float32, e float64, f bool",
        );
        check(
            "a int8, b uint64, c float32, d object, e datetime64",
            "a int8, b uint64, c float32, d string, e timestamp",
        );
        check("`two words` str, `a``b`: date", "two words string, a`b date");
        check("t array<array<string>>, m map<string,double>", "t array<array<string>>, m map<string, float64>");
        check("s struct<a:int,b string, c struct<>>", "s struct<a: int32, b: string, c: struct<>>");
        check(
            "a decimal(10,2), b DECIMAL( 38 , 38 ), c numeric, d array<decimal(5)>",
            "a decimal(10,2), b decimal(38,38), c decimal(10,0), d array<decimal(5,0)>",
        );
        check("p float32[2, 3], v vector[7]", "p float32[2, 3], v vector[7]");
        check("a int NOT NULL COMMENT 'of people', b varchar(10), größe double", "a int32, b string, größe float64");
    }

    #[test]
    fn errors_say_where() {
        check_error("a", "expected a type, got the end (at byte 1)");
        check_error("a int b", "expected `,` or the end after the type, got \"b\" (at byte 6)");
        check_error("a decimal(39,2)", "a precision of 1 to 38");
        check_error("a decimal(5,6)", "a scale of at most that");
        check_error("a decimal(5,2", "expected `)`");
        check_error("a money", "got \"money\" (at byte 2)");
        check_error("a array<int", "expected `>`, got the end");
        check_error("a array int", "expected `<`");
        check_error("a map<string>", "between the map's types");
        check_error("`a int", "ends in a `");
        check_error("a int,", "expected a column name, got the end");
        check_error("a int, a int", "`a` twice");
        check_error("a struct<b:int,b:int>", "each part once");
        check_error("a float32[99999999,99999999]", "shape of at most");
        check_error(&format!("a {}int", "array<".repeat(40)), "at most 32 levels");
        check_error(&" ".repeat(BYTES_MAX + 1), "more than the limit");
    }

    #[test]
    fn json_of_spark() {
        let vector =
            r#"{"type":"udt","class":"org.apache.spark.ml.linalg.VectorUDT","sqlType":{"type":"struct","fields":[]}}"#;
        let field =
            |name: &str, ty: &str| format!(r#"{{"name":"{name}","type":{ty},"nullable":true,"metadata":{{}}}}"#);
        let of = |fields: &str| format!(r#"{{"type":"struct","fields":[{fields}]}}"#);
        let list = format!(r#"{{"type":"array","elementType":{vector},"containsNull":true}}"#);
        let map = r#"{"type":"map","keyType":"string","valueType":"double","valueContainsNull":true}"#;
        let columns = [("a", r#""integer""#), ("d", r#""decimal(10,2)""#), ("v", vector), ("l", &list), ("m", map)];
        let columns: Vec<String> = columns.iter().map(|(name, ty)| field(name, ty)).collect();
        let nested = field("s", &of(&field("x", r#""long""#)));
        let specs = parse(&of(&format!("{},{nested}", columns.join(",")))).unwrap();
        let text: Vec<String> = specs.iter().map(|spec| format!("{} {}", spec.name, spec.ty)).collect();
        let expected =
            "a int32, d decimal(10,2), v vector, l array<vector>, m map<string, float64>, s struct<x: int64>";
        assert_eq!(text.join(", "), expected);
        assert!(specs.iter().all(|spec| spec.metadata.is_none()));

        let nominal = of(r#"{"name":"i","type":"double","metadata":{"ml_attr":{"vals":["a"]}}}"#);
        assert_eq!(parse(&nominal).unwrap()[0].metadata.as_deref(), Some(r#"{"ml_attr":{"vals":["a"]}}"#));

        check_error(&of(&field("a", r#""void""#)), "got \"void\" in the type of column `a`");
        check_error(
            &of(&field("a", r#"{"type":"udt","class":"my.Point"}"#)),
            "expected Spark ML's VectorUDT, got my.Point in",
        );
        check_error(&of(&field("a", r#"{"type":"array"}"#)), "expected `elementType`, got nothing");
        check_error(&of(&field("a", "1")), "expected a type's name or an object, got 1");
        let twice = of(&format!("{0},{0}", field("x", r#""int""#)));
        check_error(&twice, "`x` twice");
        check_error(&of(&field("s", &twice)), "each part once");
        let deep = format!("{}\"int\"{}", r#"{"type":"array","elementType":"#.repeat(40), "}".repeat(40));
        check_error(&of(&field("a", &deep)), "at most 32 levels");
        check_error(r#"{"type":"array"}"#, "expected a struct");
    }

    #[test]
    fn json_keeps_metadata() {
        let schema = r#"{"columns":[{"name":"a b","type":"array<int>"},
            {"name":"v","type":"vector","metadata":{"ml_attr":{"num_attrs":3,"z":0.1}}}]}"#;
        let specs = parse(schema).unwrap();
        assert_eq!(specs[0].ty, Type::list(Type::I32));
        assert_eq!(specs[1].metadata.as_deref(), Some(r#"{"ml_attr":{"num_attrs":3,"z":0.1}}"#));
        check_error(r#"{"columns":[{"name":"a","type":"intt"}]}"#, "in the type of column `a`");
        check_error(r#"{"columns":[{"name":"a"}]}"#, "missing field `type`: line 1, column 24");
        check_error(r#"{"columns":[], "more": 1}"#, "unknown field `more`");
        check_error(r#"{"columns":[{"name":"a","type":"int","metadata":3}]}"#, "invalid type");
    }
}

//! The schema: from the footer's elements to the crate's tree, within bounds.

use std::sync::Arc;

use ::parquet::{
    arrow::{FieldLevels, ProjectionMask, parquet_to_arrow_field_levels, parquet_to_arrow_schema},
    basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical},
    schema::types::{SchemaDescriptor, Type, TypePtr},
};

use arrow_schema::{DataType, Fields, TimeUnit as Unit};

use super::{
    Limits, damaged,
    footer::{Element, Footer, Logical},
    unsupported,
};
use crate::error::CodecError;

/// A leaf keeps the names above it; long names in wide trees would multiply.
const PATH_BYTES_MAX: usize = 32 << 20;

/// Returns the schema as the crate has it, and compares the row groups with it.
pub(super) fn build(footer: &Footer, limits: &Limits) -> Result<SchemaDescriptor, CodecError> {
    let mut tree = Tree { rest: footer.schema.iter(), limits, leaves: 0, path_bytes: 0 };
    let root = tree.rest.next().ok_or_else(|| damaged(PLACE, "it is empty"))?;
    let fields = tree.children(root, 1, root.name.len())?;
    if tree.rest.len() > 0 {
        return Err(damaged(PLACE, format_args!("{} elements belong to no group", tree.rest.len())));
    }
    let root = Type::group_type_builder(&root.name).with_fields(fields).build().map_err(|e| damaged(PLACE, e))?;
    let schema = SchemaDescriptor::new(Arc::new(root));
    for (i, group) in footer.groups.iter().enumerate() {
        check_group(&schema, i, footer, group.chunks.len())?;
    }
    Ok(schema)
}

/// Returns the Arrow types of all columns.
pub(super) fn types(schema: &SchemaDescriptor) -> Result<Vec<DataType>, CodecError> {
    let own = parquet_to_arrow_schema(schema, None).map_err(|e| damaged(PLACE, e))?;
    Ok(own.fields().iter().map(|field| field.data_type().clone()).collect())
}

/// Returns how the columns of the mask become Arrow's. Timestamps of 96 bits, as Spark writes them, are read at
/// microseconds: the crate's nanoseconds do not reach past the year 2262.
pub(super) fn levels(schema: &SchemaDescriptor, mask: ProjectionMask) -> Result<FieldLevels, CodecError> {
    let own = parquet_to_arrow_schema(schema, None).map_err(|e| damaged(PLACE, e))?;
    let roots = schema.root_schema().get_fields().iter();
    let hints: Fields = own
        .fields()
        .iter()
        .zip(roots)
        .map(|(field, root)| {
            if root.is_primitive() && root.get_physical_type() == Physical::INT96 {
                let ty = match field.data_type() {
                    DataType::Timestamp(_, zone) => DataType::Timestamp(Unit::Microsecond, zone.clone()),
                    other => other.clone(),
                };
                return Arc::new(field.as_ref().clone().with_data_type(ty));
            }
            field.clone()
        })
        .collect();
    parquet_to_arrow_field_levels(schema, mask, Some(&hints)).map_err(|e| damaged(PLACE, e))
}

const PLACE: &str = "the schema";

fn check_group(schema: &SchemaDescriptor, index: usize, footer: &Footer, chunks: usize) -> Result<(), CodecError> {
    let place = format!("row group {index}");
    if chunks != schema.num_columns() {
        let columns = schema.num_columns();
        return Err(damaged(&place, format_args!("{chunks} column chunks for a schema of {columns} columns")));
    }
    let group = &footer.groups[index];
    for (column, chunk) in schema.columns().iter().zip(&group.chunks) {
        let rows = group.rows;
        let agrees = match column.max_rep_level() {
            0 => chunk.values == rows,
            _ => chunk.values >= rows,
        };
        if !agrees {
            let (name, values) = (column.path().string(), chunk.values);
            return Err(damaged(&place, format_args!("column `{name}` claims {values} values for {rows} rows")));
        }
        if physical(chunk.physical) != Some(column.physical_type()) {
            let name = column.path().string();
            return Err(damaged(&place, format_args!("column `{name}` has another type than in the schema")));
        }
    }
    Ok(())
}

struct Tree<'a> {
    rest: std::slice::Iter<'a, Element>,
    limits: &'a Limits,
    leaves: usize,
    path_bytes: usize,
}

impl Tree<'_> {
    fn children(&mut self, group: &Element, depth: usize, path: usize) -> Result<Vec<TypePtr>, CodecError> {
        if depth > self.limits.depth_max {
            return Err(CodecError::TooLarge {
                what: format!("{PLACE}: nesting"),
                got: depth as u64,
                limit: self.limits.depth_max as u64,
                key: "depth_max",
            });
        }
        let count = usize::try_from(group.children).ok().filter(|&count| count <= self.rest.len());
        let Some(count) = count else {
            return Err(damaged(PLACE, format_args!("group `{}` claims {} children", group.name, group.children)));
        };
        (0..count).map(|_| self.node(depth, path)).collect()
    }

    fn node(&mut self, depth: usize, path: usize) -> Result<TypePtr, CodecError> {
        let e =
            self.rest.next().ok_or_else(|| damaged(PLACE, "a group claims more children than there are elements"))?;
        let path = path + e.name.len();
        let repetition = match e.repetition {
            Some(0) => Repetition::REQUIRED,
            Some(1) => Repetition::OPTIONAL,
            Some(2) => Repetition::REPEATED,
            _ => return Err(damaged(PLACE, format_args!("`{}` has no known repetition", e.name))),
        };
        let (converted, logical) = annotation(e)?;
        let built = match (e.children, e.physical) {
            (0, Some(code)) => {
                self.leaf(e, path)?;
                let physical = physical(code)
                    .ok_or_else(|| damaged(PLACE, format_args!("`{}` has the unknown physical type {code}", e.name)))?;
                Type::primitive_type_builder(&e.name, physical)
                    .with_repetition(repetition)
                    .with_converted_type(converted)
                    .with_logical_type(logical)
                    .with_length(e.width.unwrap_or(-1))
                    .with_precision(e.precision.unwrap_or(-1))
                    .with_scale(e.scale.unwrap_or(-1))
                    .build()
            }
            (0, None) => return Err(unsupported(PLACE, format_args!("the group `{}` without children", e.name))),
            _ => Type::group_type_builder(&e.name)
                .with_repetition(repetition)
                .with_converted_type(converted)
                .with_logical_type(logical)
                .with_fields(self.children(e, depth + 1, path)?)
                .build(),
        };
        built.map(Arc::new).map_err(|e| damaged(PLACE, e))
    }

    fn leaf(&mut self, e: &Element, path: usize) -> Result<(), CodecError> {
        self.leaves += 1;
        self.path_bytes += path;
        if self.leaves > self.limits.columns_max {
            return Err(CodecError::TooLarge {
                what: format!("{PLACE}: columns"),
                got: self.leaves as u64,
                limit: self.limits.columns_max as u64,
                key: "columns_max",
            });
        }
        if self.path_bytes > PATH_BYTES_MAX {
            return Err(damaged(PLACE, "its names are longer than a schema's can be"));
        }
        if e.physical == Some(7) && e.width.is_none_or(|width| width <= 0) {
            return Err(damaged(PLACE, format_args!("`{}` has a fixed length that is not positive", e.name)));
        }
        Ok(())
    }
}

pub(super) fn physical(code: i32) -> Option<Physical> {
    Some(match code {
        0 => Physical::BOOLEAN,
        1 => Physical::INT32,
        2 => Physical::INT64,
        3 => Physical::INT96,
        4 => Physical::FLOAT,
        5 => Physical::DOUBLE,
        6 => Physical::BYTE_ARRAY,
        7 => Physical::FIXED_LEN_BYTE_ARRAY,
        _ => return None,
    })
}

fn annotation(e: &Element) -> Result<(ConvertedType, Option<LogicalType>), CodecError> {
    let unit = |unit| {
        Some(match unit {
            1 => TimeUnit::MILLIS,
            2 => TimeUnit::MICROS,
            3 => TimeUnit::NANOS,
            _ => return None,
        })
    };
    let logical = match e.logical {
        None => None,
        Some(Logical::Plain(1)) => Some(LogicalType::String),
        Some(Logical::Plain(2)) => Some(LogicalType::Map),
        Some(Logical::Plain(3)) => Some(LogicalType::List),
        Some(Logical::Plain(4)) => Some(LogicalType::Enum),
        Some(Logical::Plain(6)) => Some(LogicalType::Date),
        Some(Logical::Plain(11)) => Some(LogicalType::Unknown),
        Some(Logical::Plain(12)) => Some(LogicalType::Json),
        Some(Logical::Plain(13)) => Some(LogicalType::Bson),
        Some(Logical::Plain(14)) => Some(LogicalType::Uuid),
        Some(Logical::Plain(15)) => Some(LogicalType::Float16),
        Some(Logical::Plain(code)) => {
            return Err(unsupported(PLACE, format_args!("the logical type {code} of `{}`", e.name)));
        }
        Some(Logical::Decimal { scale, precision }) => Some(LogicalType::decimal(scale, precision)),
        Some(Logical::Integer { bits, signed }) => Some(LogicalType::integer(bits, signed)),
        Some(Logical::Time { utc, unit: code } | Logical::Timestamp { utc, unit: code }) => {
            let unit = unit(code)
                .ok_or_else(|| damaged(PLACE, format_args!("`{}` has the unknown time unit {code}", e.name)))?;
            match e.logical {
                Some(Logical::Time { .. }) => Some(LogicalType::time(utc, unit)),
                _ => Some(LogicalType::timestamp(utc, unit)),
            }
        }
    };
    Ok((converted(e)?, logical))
}

fn converted(e: &Element) -> Result<ConvertedType, CodecError> {
    use ConvertedType::*;
    const TABLE: [ConvertedType; 22] = [
        UTF8,
        MAP,
        MAP_KEY_VALUE,
        LIST,
        ENUM,
        DECIMAL,
        DATE,
        TIME_MILLIS,
        TIME_MICROS,
        TIMESTAMP_MILLIS,
        TIMESTAMP_MICROS,
        UINT_8,
        UINT_16,
        UINT_32,
        UINT_64,
        INT_8,
        INT_16,
        INT_32,
        INT_64,
        JSON,
        BSON,
        INTERVAL,
    ];
    match e.converted {
        None => Ok(NONE),
        Some(code) => usize::try_from(code)
            .ok()
            .and_then(|code| TABLE.get(code).copied())
            .ok_or_else(|| damaged(PLACE, format_args!("`{}` has the unknown converted type {code}", e.name))),
    }
}

//! Answers as Arrow record batches: what the sinks of Arrow and Parquet write.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, FixedSizeListArray, ListArray, MapArray,
    PrimitiveArray, RecordBatch, RecordBatchOptions, StringArray, StructArray,
    types::{
        Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
        TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef};
use model::{Batch, Builder, Column, DType, Fixed, List, Mark, OnFault, Type, Value, Vectors, column::Row};

use crate::{error::CodecError, table::WriteOptions};

/// Makes record batches of one schema: that of the first batch.
#[derive(Debug)]
pub(crate) struct Table {
    on_fault: OnFault,
    schema: Option<SchemaRef>,
}

impl Table {
    pub(crate) fn new(options: &WriteOptions) -> Table {
        Table { on_fault: options.on_fault, schema: None }
    }

    /// Returns the rows of the batch: those that the model dropped left out or, where rows keep their places, null beside
    /// a `_error` or `_skipped`.
    pub(crate) fn rows(&mut self, batch: &Batch) -> Result<RecordBatch, CodecError> {
        let (domain, columns) = columns(batch)?;
        let domain = &batch.domains()[domain];
        let live: Option<Vec<bool>> =
            domain.marks.as_ref().map(|marks| marks.iter().map(|mark| *mark == Mark::Live).collect());
        let keeps_places = self.on_fault == OnFault::MarkRow;
        let mut rows = domain.rows;
        if let (Some(live), false) = (&live, keeps_places) {
            rows = live.iter().filter(|&&live| live).count();
        }
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for (name, column) in columns {
            let array = match &live {
                Some(live) => array(&masked(column, live, keeps_places)),
                None => array(column),
            };
            let array = array.map_err(|e| unwritable(name, &e))?;
            fields.push(Field::new(name, array.data_type().clone(), true));
            arrays.push(array);
        }
        if keeps_places {
            let mark = |row| domain.mark(row);
            let faults = (0..rows).map(|row| match mark(row) {
                Mark::Refused(fault) => Some(fault.to_string()),
                _ => None,
            });
            let skipped = (0..rows).map(|row| (*mark(row) == Mark::Skipped).then_some(true));
            fields.push(Field::new("_error", DataType::Utf8, true));
            arrays.push(Arc::new(StringArray::from_iter(faults)) as ArrayRef);
            fields.push(Field::new("_skipped", DataType::Boolean, true));
            arrays.push(Arc::new(BooleanArray::from_iter(skipped)));
        }
        let schema = self.schema(Schema::new(fields))?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(schema, arrays, &options).map_err(|e| unwritable("*", &e))
    }

    /// Returns the schema of the batches so far; of no columns where there was none.
    pub(crate) fn schema_or_empty(&self) -> SchemaRef {
        self.schema.clone().unwrap_or_else(|| Arc::new(Schema::empty()))
    }

    fn schema(&mut self, schema: Schema) -> Result<SchemaRef, CodecError> {
        let first = self.schema.get_or_insert_with(|| Arc::new(schema.clone()));
        if **first == schema {
            return Ok(first.clone());
        }
        let differs = first.fields().iter().zip(schema.fields()).find(|(a, b)| a != b);
        let what = match differs {
            Some((a, b)) => {
                format!("column `{}` is {} here, and was {} before", b.name(), b.data_type(), a.data_type())
            }
            None => format!("{} columns here, and {} before", schema.fields().len(), first.fields().len()),
        };
        Err(CodecError::Unsupported { what: format!("a table whose columns change: {what}") })
    }
}

fn unwritable(column: &str, error: &ArrowError) -> CodecError {
    CodecError::Unsupported { what: format!("column `{column}` in an Arrow table: {error}") }
}

type Named<'a> = (&'a str, &'a Column);

/// Returns the columns of the batch and their row domain, which is the same for all of them.
fn columns(batch: &Batch) -> Result<(usize, Vec<Named<'_>>), CodecError> {
    let (mut of, mut columns) = (None, Vec::new());
    for (name, value) in batch.values() {
        match value {
            Value::Whole(_) => {
                let what = format!("`{name}`, one value for the call, in a table of rows");
                return Err(CodecError::Unsupported { what });
            }
            Value::Column { domain, column } => {
                if *of.get_or_insert(*domain) != *domain {
                    let what = format!("a table of outputs that differ in their rows (`{name}` and those before it)");
                    return Err(CodecError::Unsupported { what });
                }
                columns.push((&**name, column));
            }
        }
    }
    Ok((of.unwrap_or(0), columns))
}

/// Returns the column without the rows that are not live, or with nulls in their places.
fn masked(column: &Column, live: &[bool], keeps_places: bool) -> Column {
    let mut builder = Builder::new(&column.ty());
    for (row, &live) in live.iter().enumerate() {
        match (live, keeps_places) {
            (true, _) => builder.append_row(column, row),
            (false, true) => builder.push_null(),
            (false, false) => {}
        }
    }
    builder.finish()
}

// === Columns to arrays ===

type Made = Result<ArrayRef, ArrowError>;

fn array(column: &Column) -> Made {
    let nulls = column.nulls().cloned();
    Ok(match column {
        Column::Fixed(c) => fixed(c, nulls)?,
        Column::Text(c) => Arc::new(StringArray::try_new(offsets(c.offsets()), c.buffer().clone(), nulls)?),
        Column::Bytes(c) => Arc::new(BinaryArray::try_new(offsets(c.offsets()), c.buffer().clone(), nulls)?),
        Column::List(c) => list(c, nulls)?,
        Column::Vector(c) => vectors(c, nulls)?,
        Column::Struct(c) if c.fields().is_empty() => Arc::new(StructArray::new_empty_fields(column.len(), nulls)),
        Column::Struct(c) => {
            let arrays = c.fields().iter().map(|(_, part)| array(part)).collect::<Result<Vec<_>, _>>()?;
            let fields = c.fields().iter().zip(&arrays);
            let fields: Fields = fields.map(|((n, _), a)| Field::new(&**n, a.data_type().clone(), true)).collect();
            Arc::new(StructArray::try_new(fields, arrays, nulls)?)
        }
        Column::Map(c) => map(c, nulls)?,
    })
}

fn offsets(offsets: &[i32]) -> OffsetBuffer<i32> {
    OffsetBuffer::new(offsets.to_vec().into())
}

fn fixed(c: &Fixed, nulls: Option<NullBuffer>) -> Made {
    let items = c.len() * c.shape().iter().product::<usize>();
    // Within a row nothing is null; the row is.
    let own = nulls.clone().filter(|_| c.shape().is_empty());
    let mut array: ArrayRef = match c.dtype() {
        DType::Bool => {
            Arc::new(BooleanArray::new(c.values::<u8>().iter().map(|&b| b != 0).collect::<BooleanBuffer>(), own))
        }
        DType::I8 => primitive::<Int8Type>(c, items, own),
        DType::I16 => primitive::<Int16Type>(c, items, own),
        DType::I32 => primitive::<Int32Type>(c, items, own),
        DType::I64 => primitive::<Int64Type>(c, items, own),
        DType::U8 => primitive::<UInt8Type>(c, items, own),
        DType::U16 => primitive::<UInt16Type>(c, items, own),
        DType::U32 => primitive::<UInt32Type>(c, items, own),
        DType::U64 => primitive::<UInt64Type>(c, items, own),
        DType::F32 => primitive::<Float32Type>(c, items, own),
        DType::F64 => primitive::<Float64Type>(c, items, own),
        DType::Date => primitive::<Date32Type>(c, items, own),
        DType::F16 | DType::BF16 | DType::C64 => unreachable!("no column has them"),
        DType::Decimal(precision, scale) => {
            let data = ScalarBuffer::new(c.buffer().clone(), 0, items);
            let array = PrimitiveArray::<Decimal128Type>::try_new(data, own)?;
            Arc::new(array.with_precision_and_scale(precision.max(1), scale as i8)?)
        }
        DType::Timestamp => {
            let data = ScalarBuffer::new(c.buffer().clone(), 0, items);
            Arc::new(PrimitiveArray::<TimestampMicrosecondType>::try_new(data, own)?.with_timezone("UTC"))
        }
    };
    let mut rows = items;
    for (axis, &width) in c.shape().iter().enumerate().rev() {
        rows = if axis == 0 { c.len() } else { rows / width.max(1) };
        let width =
            i32::try_from(width).map_err(|_| ArrowError::InvalidArgumentError("a shape too wide".to_owned()))?;
        let item = Arc::new(Field::new_list_field(array.data_type().clone(), true));
        let own = nulls.clone().filter(|_| axis == 0);
        array = Arc::new(FixedSizeListArray::try_new_with_length(item, width, array, own, rows)?);
    }
    Ok(array)
}

fn primitive<P: ArrowPrimitiveType>(c: &Fixed, items: usize, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<P>::new(ScalarBuffer::new(c.buffer().clone(), 0, items), nulls))
}

fn list(c: &List, nulls: Option<NullBuffer>) -> Made {
    let child = array(c.child())?;
    let item = Arc::new(Field::new_list_field(child.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(item, offsets(c.offsets()), child, nulls)?))
}

fn map(c: &List, nulls: Option<NullBuffer>) -> Made {
    let Column::Struct(entries) = c.child() else { unreachable!("the entries of a map are structs of two") };
    let (key, value) = (array(&entries.fields()[0].1)?, array(&entries.fields()[1].1)?);
    let fields = Fields::from(vec![
        Field::new("key", key.data_type().clone(), false),
        Field::new("value", value.data_type().clone(), true),
    ]);
    let entries = StructArray::try_new(fields, vec![key, value], None)?;
    let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    Ok(Arc::new(MapArray::try_new(field, offsets(c.offsets()), entries, nulls, false)?))
}

/// Spark's struct of a vector; a dense one has neither size nor indices.
fn vectors(c: &Vectors, nulls: Option<NullBuffer>) -> Made {
    let rows = 0..c.len();
    let mut kinds = Vec::with_capacity(c.len());
    let mut sizes = Builder::new(&Type::I32);
    let (mut indices, mut values) = (Builder::new(&Type::list(Type::I32)), Builder::new(&Type::list(Type::F64)));
    for row in rows {
        let (kind, numbers) =
            match c.row(row) {
                Row::Dense(numbers) => {
                    sizes.push_null();
                    indices.push_null();
                    (1i8, numbers)
                }
                Row::Sparse { size, indices: at, values } => {
                    sizes.push_fixed(i32::try_from(size).map_err(|_| {
                        ArrowError::InvalidArgumentError("a vector longer than Spark's can be".to_owned())
                    })?);
                    at.iter().for_each(|&i| indices.items().push_fixed(i as i32));
                    indices.end_list();
                    (0, values)
                }
            };
        kinds.push(kind);
        numbers.iter().for_each(|&x| values.items().push_fixed(x));
        values.end_list();
    }
    let kinds = Fixed::new(DType::I8, Vec::new(), c.len(), Buffer::from_vec(kinds), None);
    let arrays =
        vec![fixed(&kinds, None)?, array(&sizes.finish())?, array(&indices.finish())?, array(&values.finish())?];
    let names = [("type", false), ("size", true), ("indices", true), ("values", true)];
    let fields = names.iter().zip(&arrays);
    let fields: Fields = fields.map(|((name, null), a)| Field::new(*name, a.data_type().clone(), *null)).collect();
    Ok(Arc::new(StructArray::try_new(fields, arrays, nulls)?))
}

//! Columns of numbers in Parquet, as every writer's pages may hold them: read in chunks and whole, they are the numbers that were
//! written.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking")]

use std::sync::Arc;

use ::parquet::{
    arrow::ArrowWriter,
    basic::Encoding,
    file::properties::{WriterProperties, WriterVersion},
};
use arrow_array::{
    ArrayRef, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray,
    UInt32Array, UInt64Array,
};
use arrow_schema::{Field as ArrowField, Schema};
use codec::{
    ReadOptions, Source,
    parquet::{self, Limits, ParquetSource},
};
use model::{Batch, Buffer, Column, DType, Field, Reading, Takes, Type};

/// The numbers as integers, by row.
type Rows = Vec<Option<i64>>;

const DTYPES: [(&str, DType); 8] = [
    ("i32", DType::I32),
    ("u32", DType::U32),
    ("date", DType::Date),
    ("i64", DType::I64),
    ("u64", DType::U64),
    ("time", DType::Timestamp),
    ("f32", DType::F32),
    ("f64", DType::F64),
];

fn field(name: &str, dtype: DType) -> Field {
    Field {
        name: name.into(),
        takes: Takes::One(Type::Fixed { dtype, shape: [].into() }),
        nullable: true,
        whole: false,
        default: false,
        optional: false,
        gates: false,
        reading: Reading::Strict,
        needs: Vec::new(),
        has_default: false,
        declared: None,
    }
}

/// Numbers that recur, come in runs, and do not recur.
fn rows(count: usize, is_null: impl Fn(usize) -> bool) -> Rows {
    let number = |row: usize| match row / 40 % 4 {
        0 => row % 5,
        1 => 77,
        2 => row % 23 * 1000,
        _ => row * 13,
    };
    (0..count).map(|row| (!is_null(row)).then(|| number(row) as i64)).collect()
}

fn table(rows: &Rows, nullable: bool) -> RecordBatch {
    let narrow = || rows.iter().map(|v| v.map(|v| v as i32));
    let unsigned = || rows.iter().map(|v| v.map(|v| v as u32));
    let wide = || rows.iter().copied();
    let columns: [ArrayRef; 8] = [
        Arc::new(Int32Array::from_iter(narrow())),
        Arc::new(UInt32Array::from_iter(unsigned())),
        Arc::new(Date32Array::from_iter(narrow())),
        Arc::new(Int64Array::from_iter(wide())),
        Arc::new(UInt64Array::from_iter(rows.iter().map(|v| v.map(|v| v as u64)))),
        Arc::new(TimestampMicrosecondArray::from_iter(wide())),
        Arc::new(Float32Array::from_iter(rows.iter().map(|v| v.map(|v| v as f32)))),
        Arc::new(Float64Array::from_iter(rows.iter().map(|v| v.map(|v| v as f64 / 8.0)))),
    ];
    let fields = columns.iter().zip(DTYPES);
    let fields = fields.map(|(array, (name, _))| ArrowField::new(name, array.data_type().clone(), nullable));
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns.to_vec()).unwrap()
}

fn is_same(batch: &Batch, rows: &[Option<i64>]) {
    for (name, dtype) in DTYPES {
        let Some(Column::Fixed(column)) = batch.column(name) else { panic!("no column of numbers") };
        assert_eq!(column.dtype(), dtype);
        let number = |row: usize| match dtype {
            DType::I32 | DType::Date => i64::from(column.values::<i32>()[row]),
            DType::U32 => i64::from(column.values::<u32>()[row]),
            DType::F32 => column.values::<f32>()[row] as i64,
            DType::F64 => (8.0 * column.values::<f64>()[row]) as i64,
            DType::U64 => column.values::<u64>()[row] as i64,
            _ => column.values::<i64>()[row],
        };
        let got: Rows = (0..column.len()).map(|row| column.is_valid(row).then(|| number(row))).collect();
        assert!(got == rows, "{name}:\n{got:?}\n{rows:?}");
    }
}

/// Reads the file in chunks of so many rows.
fn check_chunks(bytes: &Buffer, rows: &Rows, chunk_rows_max: usize, limits: &Limits) {
    let fields = DTYPES.map(|(name, dtype)| field(name, dtype));
    let options = ReadOptions { chunk_rows_max, ..ReadOptions::new(fields.to_vec()) };
    let mut source = ParquetSource::of_bytes(bytes.clone(), options, limits).unwrap();
    let mut first = 0;
    while let Some(chunk) = source.next_chunk().unwrap() {
        assert!(chunk.batch.rows() <= chunk_rows_max);
        is_same(&chunk.batch, &rows[first..first + chunk.batch.rows()]);
        first += chunk.batch.rows();
    }
    assert_eq!(first, rows.len());
}

fn write(table: &RecordBatch, properties: WriterProperties) -> Buffer {
    let mut writer = ArrowWriter::try_new(Vec::new(), table.schema(), Some(properties)).unwrap();
    writer.write(table).unwrap();
    Buffer::from(writer.into_inner().unwrap())
}

#[test]
fn numbers_come_back_from_pages_of_every_kind() {
    let kinds = [
        rows(500, |_| false),
        rows(500, |row| row % 3 == 1),
        rows(500, |row| (100..300).contains(&row)),
        rows(500, |row| row != 250),
        rows(500, |_| true),
    ];
    for (kind, rows) in kinds.iter().enumerate() {
        let has_nulls = rows.iter().any(Option::is_none);
        for nullable in [true, false].into_iter().filter(|nullable| *nullable || !has_nulls) {
            let table = table(rows, nullable);
            for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
                for (encoding, dictionary, page) in [
                    (Encoding::PLAIN, None, 50),
                    (Encoding::PLAIN, None, 1000),
                    (Encoding::PLAIN, Some(1 << 20), 70),
                    // A dictionary that is full before the pages are.
                    (Encoding::PLAIN, Some(600), 30),
                    (Encoding::BYTE_STREAM_SPLIT, Some(600), 30),
                    (Encoding::BYTE_STREAM_SPLIT, None, 50),
                ] {
                    let properties = WriterProperties::builder()
                        .set_writer_version(version)
                        .set_dictionary_enabled(dictionary.is_some())
                        .set_dictionary_page_size_limit(dictionary.unwrap_or(1))
                        .set_data_page_row_count_limit(page)
                        .set_write_batch_size(10)
                        .set_max_row_group_row_count(Some(300))
                        .set_encoding(encoding)
                        .build();
                    println!("kind {kind}, nullable {nullable}, {version:?}, {encoding}, {dictionary:?}, {page}");
                    let bytes = write(&table, properties);
                    for chunk_rows_max in [1, 7, 64, 1000] {
                        check_chunks(&bytes, rows, chunk_rows_max, &Limits::default());
                    }
                    is_same(&parquet::read(&bytes, &Limits::default()).unwrap(), rows);
                }
            }
        }
    }
}

#[test]
fn rows_are_decoded_ahead_within_the_budget() {
    let rows = rows(200_000, |row| row % 1000 == 1);
    let properties = WriterProperties::builder().set_dictionary_page_size_limit(1 << 21).build();
    let bytes = write(&table(&rows, true), properties);
    // Room for rows of numbers ahead of a chunk, and for none.
    for decoded_bytes_max in [256 << 20, 24 << 20] {
        let limits = Limits { decoded_bytes_max, ..Limits::default() };
        check_chunks(&bytes, &rows, 8192, &limits);
        check_chunks(&bytes, &rows, 30_001, &limits);
    }
}

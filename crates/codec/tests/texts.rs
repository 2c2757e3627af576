//! Columns of texts in Parquet, as every writer's pages may hold them: read in chunks and whole, they are the texts that were written.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking")]

use std::sync::Arc;

use ::parquet::{
    arrow::ArrowWriter,
    basic::Encoding,
    file::properties::{WriterProperties, WriterVersion},
};
use arrow_array::{Array as _, ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field as ArrowField, Schema};
use codec::{
    ReadOptions, Source,
    parquet::{self, Limits, ParquetSource},
};
use model::{Buffer, Column, Field, Reading, Takes, Type};

const ROWS: usize = 300;

type Texts = Vec<Option<String>>;

fn field(name: &str) -> Field {
    Field {
        name: name.into(),
        takes: Takes::One(Type::Text),
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

/// Texts that recur and texts that do not, short, empty, long, and of more than ASCII.
fn texts(nulls: impl Fn(usize) -> bool) -> Texts {
    let text = |row: usize| match row % 5 {
        0 => format!("{}", row % 3),
        1 => String::new(),
        2 => "größer ".repeat(row % 40),
        3 => format!("text number {row} of many that a page holds"),
        _ => "always the same, and of more than the sixty-four bytes that are copied at once".to_owned(),
    };
    (0..ROWS).map(|row| (!nulls(row)).then(|| text(row))).collect()
}

fn is_same(column: Option<&Column>, first: usize, texts: &[Option<String>]) {
    let Some(Column::Text(column)) = column else { panic!("no column of texts") };
    let got: Texts = (0..column.len()).map(|row| column.is_valid(row).then(|| column.text(row).to_owned())).collect();
    assert!(got == texts, "from row {first} on:\n{got:?}\n{texts:?}");
}

/// Reads the file in chunks of any size, and whole.
fn check(bytes: &[u8], texts: &Texts) {
    let bytes = Buffer::from(bytes.to_vec());
    for chunk_rows_max in [1, 7, 64, 1000] {
        let options = ReadOptions { chunk_rows_max, ..ReadOptions::new(vec![field("text"), field("last")]) };
        let mut source = ParquetSource::of_bytes(bytes.clone(), options, &Limits::default()).unwrap();
        let mut first = 0;
        while let Some(chunk) = source.next_chunk().unwrap() {
            let part = &texts[first..first + chunk.batch.rows()];
            is_same(chunk.batch.column("text"), first, part);
            is_same(chunk.batch.column("last"), first, part);
            first += chunk.batch.rows();
        }
        assert_eq!(first, ROWS);
    }
    let read = parquet::read(&bytes, &Limits::default()).unwrap();
    let names: Vec<&str> = read.values().iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["text", "id", "last"]);
    is_same(read.column("text"), 0, texts);
    is_same(read.column("last"), 0, texts);
}

#[test]
fn texts_come_back_from_pages_of_every_kind() {
    let kinds = [
        texts(|_| false),
        texts(|row| row % 3 == 1),
        texts(|row| (100..200).contains(&row)),
        texts(|row| row != 250),
        texts(|_| true),
    ];
    for (kind, texts) in kinds.iter().enumerate() {
        let array: ArrayRef = Arc::new(StringArray::from_iter(texts.iter()));
        let ids: ArrayRef = Arc::new(Int32Array::from_iter_values(0..ROWS as i32));
        for nullable in [true, false].into_iter().filter(|nullable| *nullable || array.null_count() == 0) {
            let text = |name: &str| ArrowField::new(name, DataType::Utf8, nullable);
            let schema = Schema::new(vec![text("text"), ArrowField::new("id", DataType::Int32, false), text("last")]);
            let columns = vec![array.clone(), ids.clone(), array.clone()];
            let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
            for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
                for (encoding, dictionary, page) in [
                    (Encoding::PLAIN, None, 50),
                    (Encoding::PLAIN, None, 1000),
                    (Encoding::PLAIN, Some(1 << 20), 70),
                    // A dictionary that is full before the pages are.
                    (Encoding::PLAIN, Some(600), 30),
                    (Encoding::DELTA_BYTE_ARRAY, Some(600), 30),
                    (Encoding::DELTA_LENGTH_BYTE_ARRAY, None, 50),
                ] {
                    let properties = WriterProperties::builder()
                        .set_writer_version(version)
                        .set_dictionary_enabled(dictionary.is_some())
                        .set_dictionary_page_size_limit(dictionary.unwrap_or(1))
                        .set_data_page_row_count_limit(page)
                        .set_write_batch_size(10)
                        .set_max_row_group_row_count(Some(200))
                        .set_column_encoding("text".into(), encoding)
                        .set_column_encoding("last".into(), encoding)
                        .build();
                    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
                    writer.write(&batch).unwrap();
                    println!("kind {kind}, nullable {nullable}, {version:?}, {encoding}, {dictionary:?}, {page}");
                    check(&writer.into_inner().unwrap(), texts);
                }
            }
        }
    }
}

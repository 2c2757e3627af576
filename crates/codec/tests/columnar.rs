//! Parquet and Arrow written and read back: what a sink writes a source gives again, in chunks of any size.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking")]

use std::{
    io::{Cursor, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use codec::{
    CodecError, ReadOptions, Sink, Source, WriteOptions,
    arrow::{self, ArrowSink, ArrowSource},
    parquet::{self, Limits, ParquetSink, ParquetSource},
};
use model::{
    Batch, Buffer, Builder, Column, DType, FaultKind, FaultValue, Field, Fixed, Mark, OnFault, RowFault, Takes, Type,
};

/// An output that can still be looked at when the sink is done with it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Cursor<Vec<u8>>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn buffer(&self) -> Buffer {
        Buffer::from(self.0.lock().unwrap().get_ref().clone())
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Parquet,
    ArrowFile,
    ArrowStream,
}

const KINDS: [Kind; 3] = [Kind::Parquet, Kind::ArrowFile, Kind::ArrowStream];

fn sink(kind: Kind, output: Shared, on_fault: OnFault) -> Box<dyn Sink> {
    let options = WriteOptions { on_fault };
    match kind {
        Kind::Parquet => Box::new(ParquetSink::new(output, &options)),
        Kind::ArrowFile => Box::new(ArrowSink::file(output, &options)),
        Kind::ArrowStream => Box::new(ArrowSink::stream(output, &options)),
    }
}

fn write_as(kind: Kind, batches: &[Batch], on_fault: OnFault) -> Buffer {
    let output = Shared::default();
    let mut sink = sink(kind, output.clone(), on_fault);
    batches.iter().for_each(|batch| sink.write(batch).unwrap());
    sink.finish().unwrap();
    output.buffer()
}

fn write(batches: &[Batch], on_fault: OnFault) -> Buffer {
    write_as(Kind::Parquet, batches, on_fault)
}

fn field(name: &str, takes: Takes) -> Field {
    Field {
        name: name.into(),
        takes,
        nullable: true,
        whole: false,
        default: false,
        optional: false,
        gates: false,
        reading: model::Reading::Strict,
        needs: Vec::new(),
        has_default: false,
        declared: None,
    }
}

/// Returns the fields of this name and type.
fn options(fields: &[(&str, Type)]) -> ReadOptions {
    ReadOptions::new(fields.iter().map(|(name, ty)| field(name, Takes::One(ty.clone()))).collect())
}

/// Returns the chunks of a file; checks that they follow each other.
fn chunks_of(kind: Kind, bytes: &Buffer, options: ReadOptions) -> Result<Vec<Batch>, CodecError> {
    let mut source: Box<dyn Source> = match kind {
        Kind::Parquet => Box::new(ParquetSource::of_bytes(bytes.clone(), options, &Limits::default())?),
        _ => Box::new(ArrowSource::open(Cursor::new(bytes.to_vec()), options, &arrow::Limits::default())?),
    };
    let (mut batches, mut next) = (Vec::new(), 0);
    while let Some(chunk) = source.next_chunk()? {
        assert_eq!(chunk.first_row, next);
        assert!(chunk.bad.is_empty());
        next += chunk.batch.rows() as u64;
        batches.push(chunk.batch);
    }
    Ok(batches)
}

fn chunks(bytes: &Buffer, options: ReadOptions) -> Result<Vec<Batch>, CodecError> {
    chunks_of(Kind::Parquet, bytes, options)
}

fn column<T>(ty: &Type, rows: &[Option<T>], mut push: impl FnMut(&mut Builder, &T)) -> Column {
    let mut builder = Builder::new(ty);
    for row in rows {
        match row {
            Some(value) => push(&mut builder, value),
            None => builder.push_null(),
        }
    }
    builder.finish()
}

/// Five rows of every type that goes to a file and comes back as it was.
fn every_type() -> Batch {
    let mut batch = Batch::new(5);
    for dtype in [DType::I8, DType::I16, DType::I32, DType::I64, DType::U8, DType::U16, DType::U32, DType::U64] {
        let rows = [Some(1i64), None, Some(0), Some(127), Some(5)];
        batch.push(dtype.name(), column(&Type::scalar(dtype), &rows, |b, &v| assert!(b.push_int(v))));
    }
    for dtype in [DType::F32, DType::F64] {
        let rows = [Some(1.5), Some(f64::NAN), None, Some(-0.0), Some(f64::INFINITY)];
        batch.push(dtype.name(), column(&Type::scalar(dtype), &rows, |b, &v| assert!(b.push_float(v))));
    }
    let bools = [Some(true), Some(false), None, Some(true), None];
    batch.push("bool", column(&Type::BOOL, &bools, |b, &v| b.push_fixed(u8::from(v))));
    let dates = [Some(19_000i32), Some(-1), None, Some(0), Some(1)];
    batch.push("date", column(&Type::scalar(DType::Date), &dates, |b, &v| b.push_fixed(v)));
    let times = [Some(1_700_000_000_000_001i64), Some(-1), None, Some(0), Some(1)];
    batch.push("timestamp", column(&Type::scalar(DType::Timestamp), &times, |b, &v| b.push_fixed(v)));
    for (name, digits) in [("money", (9, 2)), ("long", (18, 4)), ("wide", (38, 10))] {
        let rows = [Some("1.25"), Some("-9999999.99"), None, Some("0"), Some("0.01")];
        let ty = Type::scalar(DType::Decimal(digits.0, digits.1));
        batch.push(name, column(&ty, &rows, |b, v| assert!(b.push_decimal(v))));
    }
    let texts = [Some("a"), Some(""), None, Some("Überlauf"), Some("a")];
    batch.push("text", column(&Type::Text, &texts, |b, v| b.push_text(v)));
    let bytes = [Some(&b"\xff\x00"[..]), Some(b""), None, Some(b"x"), Some(b"y")];
    batch.push("bytes", column(&Type::Bytes, &bytes, |b, v| b.push_binary(v)));
    let lists = [Some(&[Some(1.0), None][..]), Some(&[]), None, Some(&[Some(2.0)]), Some(&[None])];
    batch.push(
        "list",
        column(&Type::list(Type::F64), &lists, |b, items| {
            for item in *items {
                match item {
                    Some(x) => b.items().push_fixed(*x),
                    None => b.items().push_null(),
                }
            }
            b.end_list();
        }),
    );
    let pair = Type::Struct(vec![("n".into(), Type::I32), ("t".into(), Type::Text)]);
    batch.push(
        "struct",
        column(&pair, &[Some(1), None, Some(3), None, Some(5)], |b, &n| {
            b.field(0).push_fixed(n);
            b.field(1).push_text("t");
            b.end_struct();
        }),
    );
    let map = Type::Map(Box::new(Type::Text), Box::new(Type::I64));
    batch.push(
        "map",
        column(&map, &[Some(2i64), None, Some(0), Some(1), None], |b, &entries| {
            for n in 0..entries {
                b.items().field(0).push_text("k");
                b.items().field(1).push_fixed(n);
                b.items().end_struct();
            }
            b.end_list();
        }),
    );
    batch
}

fn vector_column() -> Column {
    let mut b = Builder::new(&Type::VECTOR);
    b.push_dense(&[1.0, -0.0]);
    b.push_null();
    assert!(b.push_sparse(7, &[0, 6], &[0.0, 3.0]));
    b.push_dense(&[]);
    assert!(b.push_sparse(3, &[], &[]));
    b.finish()
}

#[test]
fn every_type_comes_back() {
    let batch = every_type();
    let whole = parquet::read(&write(std::slice::from_ref(&batch), OnFault::FailCall), &Limits::default()).unwrap();
    for kind in KINDS {
        let bytes = write_as(kind, &[batch.slice(0, 4), batch.slice(4, 1)], OnFault::FailCall);
        let fields =
            batch.values().iter().map(|(name, _)| field(name, Takes::One(batch.column(name).unwrap().ty()))).collect();
        let mut two_rows = ReadOptions::new(fields);
        two_rows.chunk_rows_max = 2;
        let cut = chunks_of(kind, &bytes, two_rows).unwrap();
        assert_eq!(cut.iter().map(Batch::rows).collect::<Vec<_>>(), [2, 2, 1]);
        let joined = Batch::concat(&cut);
        for (name, _) in batch.values() {
            assert_eq!(whole.column(name), batch.column(name), "{name}");
            assert_eq!(joined.column(name), batch.column(name), "{name} in chunks of {kind:?}");
        }
    }
}

#[test]
fn inner_shapes_stay_in_arrow_and_are_lists_in_parquet() {
    let mut batch = Batch::new(2);
    let image = Fixed::new(DType::F32, vec![2, 3], 2, Buffer::from_vec((0..12).map(|x| x as f32).collect()), None);
    batch.push("image", Column::Fixed(image.clone()));
    for kind in [Kind::ArrowFile, Kind::ArrowStream] {
        let asked = options(&[("image", Type::Fixed { dtype: DType::F32, shape: vec![2, 3] })]);
        let got = chunks_of(kind, &write_as(kind, &[batch.clone()], OnFault::FailCall), asked).unwrap();
        assert_eq!(got[0].column("image"), batch.column("image"));
    }
    let whole = parquet::read(&write(&[batch], OnFault::FailCall), &Limits::default()).unwrap();
    assert_eq!(whole.column("image").unwrap().ty(), Type::list(Type::list(Type::F32)));
}

#[test]
fn vectors_are_sparks_structs_in_a_file() {
    let mut batch = Batch::new(5);
    batch.push("v", vector_column());
    let bytes = write(&[batch], OnFault::FailCall);
    let whole = parquet::read(&bytes, &Limits::default()).unwrap();
    let Some(Column::Struct(parts)) = whole.column("v") else { panic!("a struct") };
    assert_eq!(parts.fields().iter().map(|(n, _)| &**n).collect::<Vec<_>>(), ["type", "size", "indices", "values"]);
    assert_eq!(parquet::vectors(whole.column("v").unwrap()), Some(vector_column()));
    let asked = chunks(&bytes, options(&[("v", Type::VECTOR)])).unwrap();
    assert_eq!(asked[0].column("v"), Some(&vector_column()));
    let open = ReadOptions::new(vec![field("v", Takes::From(vec![Type::F64, Type::VECTOR]))]);
    assert_eq!(chunks(&bytes, open).unwrap()[0].column("v"), Some(&vector_column()));
}

#[test]
fn rows_that_the_model_refused_keep_their_places_or_are_left_out() {
    let fault = RowFault { row: 1, field: "x".into(), step: "".into(), kind: FaultKind::Null, value: FaultValue::Null };
    let mut batch = Batch::new(4);
    batch.push("x", ints(Type::I64, &[Some(1), Some(2), Some(3), Some(4)]));
    batch.set_marks([Mark::Live, Mark::Refused(Arc::new(fault)), Mark::Skipped, Mark::Live].into());
    let left = parquet::read(&write(&[batch.clone()], OnFault::FailCall), &Limits::default()).unwrap();
    assert_eq!(left.column("x"), Some(&ints(Type::I64, &[Some(1), Some(4)])));
    assert_eq!(left.values().len(), 1);
    let kept = parquet::read(&write(&[batch], OnFault::MarkRow), &Limits::default()).unwrap();
    assert_eq!(kept.column("x"), Some(&ints(Type::I64, &[Some(1), None, None, Some(4)])));
    let error = "column `x`: expected a value, got null";
    assert_eq!(
        kept.column("_error"),
        Some(&column(&Type::Text, &[None, Some(error), None, None], |b, v| b.push_text(v)))
    );
    let skipped = column(&Type::BOOL, &[None, None, Some(1u8), None], |b, &v| b.push_fixed(v));
    assert_eq!(kept.column("_skipped"), Some(&skipped));
}

#[test]
fn nothing_written_is_a_file_of_no_rows() {
    let empty = parquet::read(&write(&[], OnFault::FailCall), &Limits::default()).unwrap();
    assert_eq!((empty.rows(), empty.values().len()), (0, 0));
    let no_rows = parquet::read(&write(&[every_type().slice(0, 0)], OnFault::FailCall), &Limits::default()).unwrap();
    assert_eq!((no_rows.rows(), no_rows.values().len()), (0, every_type().values().len()));
}

#[test]
fn a_table_keeps_its_columns() {
    let (mut a, mut b) = (Batch::new(0), Batch::new(0));
    a.push("x", Builder::new(&Type::I64).finish());
    b.push("x", Builder::new(&Type::F64).finish());
    for kind in KINDS {
        let mut sink = sink(kind, Shared::default(), OnFault::FailCall);
        sink.write(&a).unwrap();
        let error = sink.write(&b).unwrap_err().to_string();
        assert!(error.contains("column `x` is Float64 here, and was Int64 before"), "{error}");
    }
}

/// A column of a file, asked for at another type.
fn check_fit(stored: Column, asked: Type, expected: Result<Column, &str>) {
    let mut batch = Batch::new(stored.len());
    batch.push("c", stored);
    let got = chunks(&write(&[batch], OnFault::FailCall), options(&[("c", asked)]));
    match (got, expected) {
        (Ok(batches), Ok(expected)) => assert_eq!(batches[0].column("c"), Some(&expected)),
        (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected),
        (got, expected) => panic!("got {got:?}, expected {expected:?}"),
    }
}

fn ints(ty: Type, rows: &[Option<i64>]) -> Column {
    column(&ty, rows, |b, &v| assert!(b.push_int(v)))
}

#[test]
fn numbers_become_the_fields_numbers() {
    let rows = [Some(1), None, Some(-7)];
    check_fit(ints(Type::I32, &rows), Type::F64, Ok(ints(Type::F64, &rows)));
    check_fit(ints(Type::I64, &rows), Type::I32, Ok(ints(Type::I32, &rows)));
    check_fit(ints(Type::I64, &rows), Type::F32, Ok(ints(Type::F32, &rows)));
    check_fit(ints(Type::F32, &rows), Type::F64, Ok(ints(Type::F64, &rows)));
    check_fit(ints(Type::F64, &rows), Type::F32, Ok(ints(Type::F32, &rows)));
    check_fit(ints(Type::F64, &rows), Type::I64, Err("column `c`: expected int64, got float64"));
    check_fit(ints(Type::I64, &rows), Type::Text, Err("column `c`: expected string, got int64"));
    check_fit(
        ints(Type::I64, &[None, None]),
        Type::Text,
        Ok(column(&Type::Text, &[None, None], |b, v: &&str| b.push_text(v))),
    );
    check_fit(
        ints(Type::I64, &[Some(1), Some(1 << 40)]),
        Type::I32,
        Err("row 1, column `c`: expected int32, got 1099511627776"),
    );
}

#[test]
fn arrays_become_vectors() {
    let lists = |rows: &[Option<&[Option<f64>]>]| {
        column(&Type::list(Type::F64), rows, |b, items| {
            for item in *items {
                match item {
                    Some(x) => b.items().push_fixed(*x),
                    None => b.items().push_null(),
                }
            }
            b.end_list();
        })
    };
    let dense = column(&Type::VECTOR, &[Some(&[1.0, 2.0][..]), None], |b, v| b.push_dense(v));
    check_fit(lists(&[Some(&[Some(1.0), Some(2.0)]), None]), Type::VECTOR, Ok(dense));
    let error = "row 1, column `c`: expected numbers without a null among them, got null";
    check_fit(lists(&[None, Some(&[None])]), Type::VECTOR, Err(error));
}

#[test]
fn bad_rows_are_named_where_the_caller_keeps_them() {
    let mut batch = Batch::new(3);
    batch.push("c", ints(Type::I64, &[Some(1 << 40), Some(2), Some(-1 << 40)]));
    let mut options = options(&[("c", Type::I32)]);
    options.keep_bad_rows = true;
    let bytes = write(&[batch], OnFault::FailCall);
    let chunk = ParquetSource::of_bytes(bytes, options, &Limits::default()).unwrap().next_chunk().unwrap().unwrap();
    assert_eq!(chunk.batch.column("c"), Some(&ints(Type::I32, &[None, Some(2), None])));
    assert_eq!(chunk.bad.iter().map(|fault| fault.row).collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn a_missing_column_is_named() {
    let bytes = write(&[every_type()], OnFault::FailCall);
    let error = chunks(&bytes, options(&[("text", Type::Text), ("absent", Type::F64)])).unwrap_err();
    assert_eq!(error.to_string(), "column `absent`: expected a column of this name, got none");
    let error = chunks(&bytes, options(&[("absent", Type::F64)])).unwrap_err();
    assert_eq!(error.to_string(), "column `absent`: expected a column of this name, got none");
}

#[test]
fn a_file_on_disk_is_read_by_ranges() {
    let batch = every_type();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ranges.parquet");
    std::fs::write(&path, write(std::slice::from_ref(&batch), OnFault::FailCall).as_slice()).unwrap();
    let asked = options(&[("text", Type::Text), ("list", Type::list(Type::F64))]);
    let mut source = ParquetSource::open(std::fs::File::open(&path).unwrap(), asked, &Limits::default()).unwrap();
    let chunk = source.next_chunk().unwrap().unwrap();
    assert_eq!(chunk.batch.column("text"), batch.column("text"));
    assert_eq!(chunk.batch.column("list"), batch.column("list"));
    assert_eq!((chunk.batch.values().len(), chunk.bytes_read), (2, std::fs::metadata(&path).unwrap().len()));
    assert!(source.next_chunk().unwrap().is_none());
}

#[test]
fn sparks_timestamps_reach_past_nanoseconds() {
    use ::parquet::{
        data_type::{Int96, Int96Type},
        file::{properties::WriterProperties, writer::SerializedFileWriter},
        schema::parser::parse_message_type,
    };
    let schema = Arc::new(parse_message_type("message m { required int96 at; }").unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    // Nanoseconds of the day, and the Julian day: 1970-01-01 is 2,440,588, the last of 9999 is 2,932,896 days later.
    let mut at = Int96::new();
    at.set_data(5_000, 0, 2_440_588 + 2_932_896);
    column.typed::<Int96Type>().write_batch(&[at], None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    let whole = parquet::read(&Buffer::from(writer.into_inner().unwrap()), &Limits::default()).unwrap();
    let expected = column_of_times(&[2_932_896 * 86_400_000_000 + 5]);
    assert_eq!(whole.column("at"), Some(&expected));
}

/// Whoever decodes them, the lists are the same.
#[test]
fn lists_of_numbers_are_read_whole() {
    use ::parquet::{
        arrow::ArrowWriter,
        file::properties::{WriterProperties, WriterVersion},
    };
    use arrow_array::{ArrayRef, ListArray, RecordBatch, types::Float32Type};
    type Lists<'a> = &'a [Option<&'a [Option<f32>]>];
    let long: Vec<Option<f32>> = (0..1000).map(|i| Some(i as f32 / 7.0)).collect();
    let plain: Lists<'_> = &[Some(&[Some(1.5), Some(-0.0)]), Some(&long), Some(&[Some(f32::MAX)]), Some(&long[3..9])];
    let empty: Lists<'_> = &[Some(&[Some(1.0)]), Some(&[]), Some(&[Some(2.0)])];
    let null: Lists<'_> = &[Some(&[Some(1.0)]), None, Some(&[None, Some(2.0)])];
    for lists in [plain, empty, null, &[]] {
        let rows = lists.iter().map(|list| list.map(|list| list.to_vec()));
        let array: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(rows));
        let ids: ArrayRef = Arc::new((0..lists.len() as i32).map(Some).collect::<arrow_array::Int32Array>());
        let batch = RecordBatch::try_from_iter([("first", array.clone()), ("id", ids), ("last", array)]).unwrap();
        let expected = column(&Type::list(Type::scalar(DType::F32)), lists, |b, items| {
            for item in *items {
                match item {
                    Some(item) => b.items().push_fixed(*item),
                    None => b.items().push_null(),
                }
            }
            b.end_list();
        });
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for (dictionary, page) in [(false, 1 << 20), (false, 1), (true, 1 << 20)] {
                let properties = WriterProperties::builder()
                    .set_writer_version(version)
                    .set_dictionary_enabled(dictionary)
                    .set_data_page_row_count_limit(page)
                    .set_write_batch_size(1)
                    .set_max_row_group_row_count(Some(3));
                let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.build())).unwrap();
                writer.write(&batch).unwrap();
                let bytes = Buffer::from(writer.into_inner().unwrap());
                let read = parquet::read(&bytes, &Limits::default()).unwrap();
                let names: Vec<&str> = read.values().iter().map(|(name, _)| &**name).collect();
                assert_eq!(names, ["first", "id", "last"]);
                assert_eq!(read.column("first"), Some(&expected), "{version:?}, {dictionary}, {page}");
                assert_eq!(read.column("last"), Some(&expected), "{version:?}, {dictionary}, {page}");
            }
        }
    }
}

fn column_of_times(times: &[i64]) -> Column {
    Column::Fixed(Fixed::from_vec(DType::Timestamp, times.to_vec()))
}

#[test]
fn optional_columns_may_be_absent() {
    for kind in KINDS {
        let bytes = write_as(kind, &[every_type()], OnFault::FailCall);
        let mut options = options(&[("absent", Type::F64)]);
        options.fields[0].optional = true;
        let got = chunks_of(kind, &bytes, options).unwrap();
        assert_eq!((got.len(), got[0].rows(), got[0].values().len()), (1, 5, 0), "{kind:?}");
    }
}

#[test]
fn rows_without_columns_are_still_rows() {
    let bytes = write(&[every_type()], OnFault::FailCall);
    let mut options = options(&[]);
    options.chunk_rows_max = 3;
    assert_eq!(chunks(&bytes, options.clone()).unwrap().iter().map(Batch::rows).collect::<Vec<_>>(), [3, 2]);
    let bytes = write_as(Kind::ArrowFile, &[every_type()], OnFault::FailCall);
    let got = chunks_of(Kind::ArrowFile, &bytes, options).unwrap();
    assert_eq!(got.iter().map(Batch::rows).collect::<Vec<_>>(), [3, 2]);
}

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|e| e == "parquet") {
            found.push(path);
        }
    }
}

#[test]
fn saved_models_are_read() {
    let mut files = Vec::new();
    files_below(&Path::new(REPOSITORY).join("examples"), &mut files);
    for folder in ["conformance/spark", "lineage"] {
        files_below(&Path::new(REPOSITORY).join("../shared").join(folder), &mut files);
    }
    println!("{} files", files.len());
    for path in files {
        let bytes = Buffer::from(std::fs::read(&path).unwrap());
        let batch = parquet::read(&bytes, &Limits::default()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(!batch.values().is_empty(), "{}", path.display());
    }
}

//! Files from nothing: sound ones in every codec and encoding, to be mutated; and Parquet written field by field, to claim
//! what no writer would.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray,
    types::{Int8Type, Int32Type},
};
use arrow_schema::{DataType, Field};
use parquet::{
    arrow::ArrowWriter,
    basic::{BrotliLevel, Compression, Encoding, GzipLevel, ZstdLevel},
    file::properties::{WriterProperties, WriterVersion},
};

fn rows() -> RecordBatch {
    let numbers = 0..200;
    let texts = numbers.clone().map(|i| (i % 7 != 0).then(|| format!("text {}", i % 13)));
    let lists =
        numbers.clone().map(|i| (i % 5 != 0).then(|| (0..i % 4).map(|n| (n != 2).then_some(n)).collect::<Vec<_>>()));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers.clone().map(|i| i as i64)));
    let flags: ArrayRef =
        Arc::new(BooleanArray::from_iter(numbers.clone().map(|i| (i % 3 != 0).then_some(i % 2 == 0))));
    let pair = StructArray::from(vec![
        (Arc::new(Field::new("id", DataType::Int64, false)), ids.clone()),
        (Arc::new(Field::new("flag", DataType::Boolean, true)), flags.clone()),
    ]);
    let category: DictionaryArray<Int8Type> =
        numbers.clone().map(|i| (i % 9 != 0).then_some(["a", "b"][i % 2])).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", ids),
        ("flag", flags),
        ("x", Arc::new(Float64Array::from_iter_values(numbers.clone().map(|i| i as f64 / 3.0)))),
        ("n", Arc::new(Int32Array::from_iter(numbers.map(|i| (i % 4 != 0).then_some(i as i32))))),
        ("text", Arc::new(StringArray::from_iter(texts))),
        ("category", Arc::new(category)),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(
                lists.map(|l| l.map(|l| l.into_iter().map(|n| n.map(|n| n as i32)))),
            )),
        ),
        ("pair", Arc::new(pair)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Returns Parquet files of a few rows: every codec, both page versions, all encodings.
pub fn parquet_files() -> Vec<Vec<u8>> {
    let base = || WriterProperties::builder().set_data_page_row_count_limit(64).set_write_batch_size(64);
    let mut properties = vec![
        base().set_writer_version(WriterVersion::PARQUET_2_0).set_dictionary_enabled(false).build(),
        base().set_writer_version(WriterVersion::PARQUET_2_0).set_compression(Compression::SNAPPY).build(),
        base().set_column_encoding("text".into(), Encoding::DELTA_BYTE_ARRAY).set_dictionary_enabled(false).build(),
        base()
            .set_column_encoding("text".into(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
            .set_dictionary_enabled(false)
            .build(),
        base().set_column_encoding("x".into(), Encoding::BYTE_STREAM_SPLIT).set_dictionary_enabled(false).build(),
        base().set_column_encoding("id".into(), Encoding::DELTA_BINARY_PACKED).set_dictionary_enabled(false).build(),
    ];
    for codec in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        properties.push(base().set_compression(codec).build());
    }
    let rows = rows();
    let write = |properties| {
        let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
        writer.write(&rows).unwrap();
        writer.into_inner().unwrap()
    };
    properties.into_iter().map(write).collect()
}

/// Returns Arrow IPC of a few rows: file and stream, compressed and not.
pub fn arrow_files() -> Vec<Vec<u8>> {
    use arrow_ipc::{
        CompressionType,
        writer::{FileWriter, IpcWriteOptions, StreamWriter},
    };
    let rows = rows();
    let mut files = Vec::new();
    for codec in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        let options = IpcWriteOptions::default().try_with_compression(codec).unwrap();
        let mut file = FileWriter::try_new_with_options(Vec::new(), &rows.schema(), options.clone()).unwrap();
        let mut stream = StreamWriter::try_new_with_options(Vec::new(), &rows.schema(), options).unwrap();
        for part in [rows.slice(0, 150), rows.slice(150, 50)] {
            file.write(&part).unwrap();
            stream.write(&part).unwrap();
        }
        files.push(file.into_inner().unwrap());
        files.push(stream.into_inner().unwrap());
    }
    files
}

/// Thrift's compact protocol, field by field.
#[derive(Default)]
pub struct Thrift {
    bytes: Vec<u8>,
    last: i16,
}

impl Thrift {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn head(&mut self, id: i16, wire: u8) {
        self.bytes.push(((id - self.last) as u8) << 4 | wire);
        self.last = id;
    }

    fn int(mut self, id: i16, wire: u8, value: i64) -> Thrift {
        self.head(id, wire);
        self.varint((value << 1 ^ value >> 63) as u64);
        self
    }

    pub fn i32(self, id: i16, value: i32) -> Thrift {
        self.int(id, 5, value.into())
    }

    pub fn i64(self, id: i16, value: i64) -> Thrift {
        self.int(id, 6, value)
    }

    pub fn text(mut self, id: i16, text: &str) -> Thrift {
        self.head(id, 8);
        self.varint(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    pub fn structure(mut self, id: i16, inner: Thrift) -> Thrift {
        self.head(id, 12);
        self.bytes.extend(inner.end());
        self
    }

    pub fn list(mut self, id: i16, items: Vec<Thrift>) -> Thrift {
        self.head(id, 9);
        self.bytes.push(0xfc);
        self.varint(items.len() as u64);
        items.into_iter().for_each(|item| self.bytes.extend(item.end()));
        self
    }

    fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

/// A page as it stands in the file, its body not compressed.
pub struct Page {
    pub dictionary: bool,
    pub values: i32,
    pub encoding: i32,
    pub body: Vec<u8>,
}

/// Returns a file of one column of byte arrays with these pages; it claims these rows.
pub fn text_file(rows: i64, repetition: i32, pages: Vec<Page>) -> Vec<u8> {
    let mut file = b"PAR1".to_vec();
    for page in pages {
        let len = page.body.len() as i32;
        let counts = Thrift::default().i32(1, page.values).i32(2, page.encoding);
        let head = Thrift::default().i32(1, if page.dictionary { 2 } else { 0 }).i32(2, len).i32(3, len);
        let head = match page.dictionary {
            true => head.structure(7, counts),
            false => head.structure(5, counts.i32(3, 3).i32(4, 3)),
        };
        file.extend(head.end());
        file.extend(page.body);
    }
    let chunk = Thrift::default().i32(1, 6).i32(4, 0).i64(5, rows).i64(7, file.len() as i64 - 4).i64(9, 4);
    let group = Thrift::default().list(1, vec![Thrift::default().i64(2, 0).structure(3, chunk)]).i64(2, 0).i64(3, rows);
    let leaf = Thrift::default().i32(1, 6).i32(3, repetition).text(4, "t").i32(6, 0);
    let root = Thrift::default().text(4, "root").i32(5, 1);
    let footer = Thrift::default().i32(1, 1).list(2, vec![root, leaf]).i64(3, rows).list(4, vec![group]).end();
    let len = (footer.len() as u32).to_le_bytes();
    file.extend(footer);
    file.extend(len);
    file.extend(b"PAR1");
    file
}

//! Between columns and slots: a run's inputs into the frame, its outputs into growing columns.

use model::{Builder, Column, DType, Datum, Fixed};

use crate::{
    frame::{Cells, Frame, Home, as_f64},
    store::{CellStore, Items, ListStore, Span, Store, TextStore, VectorStore, WideStore},
};

/// Loads `rows` rows of a column from `start` on into its home. The column has the type that the home was made for.
pub(crate) fn load(frame: &Frame, home: Home, column: &Column, start: usize, rows: usize) {
    if let Home::Cells { .. } = home {
        let Column::Fixed(fixed) = column else { unreachable!("compiled for numbers") };
        return load_cells(frame.cells(home), fixed, start, rows);
    }
    match (&mut *frame.store_mut(home), column) {
        (Store::Text(store), Column::Text(texts)) => load_texts(store, texts, start, rows),
        (Store::Bytes(store), Column::Bytes(bytes)) => load_texts(store, bytes, start, rows),
        (Store::Wide(store), Column::Fixed(fixed)) => {
            store.clear();
            load_wide(store, fixed, start..start + rows);
        }
        (Store::List(store), Column::List(lists)) => load_lists(store, lists, start, rows),
        (Store::Vector(store), Column::Vector(vectors)) => load_vectors(store, vectors, start, rows),
        _ => unreachable!("compiled for the column's type"),
    }
}

/// Calls a macro with the native type of every dtype.
macro_rules! by_dtype {
    ($dtype:expr, $with:ident) => {
        match $dtype {
            DType::Bool | DType::U8 => $with!(u8, |v| u64::from(v)),
            DType::I8 => $with!(i8, |v| i64::from(v) as u64),
            DType::I16 => $with!(i16, |v| i64::from(v) as u64),
            DType::I32 | DType::Date => $with!(i32, |v| i64::from(v) as u64),
            DType::I64 | DType::Timestamp => $with!(i64, |v| v as u64),
            DType::U16 => $with!(u16, |v| u64::from(v)),
            DType::U32 => $with!(u32, |v| u64::from(v)),
            DType::U64 => $with!(u64, |v| v),
            DType::F32 => $with!(f32, |v: f32| u64::from(v.to_bits())),
            DType::F64 => $with!(f64, |v: f64| v.to_bits()),
            DType::Decimal(..) | DType::F16 | DType::BF16 | DType::C64 => unreachable!("they do not live in cells"),
        }
    };
}

/// Calls `each` with the cells of some rows of a column of numbers.
fn cells_of(fixed: &Fixed, rows: std::ops::Range<usize>, mut each: impl FnMut(usize, u64)) {
    macro_rules! go {
        ($t:ty, $cell:expr) => {{
            let to_cell: fn($t) -> u64 = $cell;
            for (i, &v) in fixed.values::<$t>()[rows].iter().enumerate() {
                each(i, to_cell(v));
            }
        }};
    }
    by_dtype!(fixed.dtype(), go);
}

fn load_cells(cells: Cells<'_>, fixed: &Fixed, start: usize, rows: usize) {
    macro_rules! go {
        ($t:ty, $cell:expr) => {{
            let to_cell = $cell;
            let values: &[$t] = &fixed.values::<$t>()[start..start + rows];
            cells.data().iter().zip(values).for_each(|(cell, &v)| cell.set(to_cell(v)));
        }};
    }
    by_dtype!(fixed.dtype(), go);
    cells.valid_words().iter().for_each(|w| w.set(u64::MAX));
    if fixed.has_nulls() {
        (0..rows).filter(|&row| !fixed.is_valid(start + row)).for_each(|row| cells.set(row, None));
    }
}

fn load_wide(store: &mut WideStore, fixed: &Fixed, rows: std::ops::Range<usize>) {
    let values = fixed.values::<i128>();
    rows.for_each(|row| store.push(fixed.is_valid(row).then(|| values[row])));
}

fn load_texts(store: &mut TextStore, texts: &model::Text, start: usize, rows: usize) {
    store.clear_shared(texts.buffer());
    let offsets = texts.offsets();
    if !texts.has_nulls() {
        let span = |ends: &[i32]| Span { start: ends[0] as u32, end: ends[1] as u32 };
        return store.push_cut(|_, spans| spans.extend(offsets[start..=start + rows].windows(2).map(span)));
    }
    for row in start..start + rows {
        if texts.is_valid(row) {
            store.push_span(Span { start: offsets[row] as u32, end: offsets[row + 1] as u32 });
        } else {
            store.push_null();
        }
    }
}

fn load_vectors(store: &mut VectorStore, vectors: &model::column::Vectors, start: usize, rows: usize) {
    store.clear();
    for row in start..start + rows {
        if vectors.is_valid(row) { store.push(vectors.row(row)) } else { store.push_null() }
    }
}

fn load_lists(store: &mut ListStore, lists: &model::List, start: usize, rows: usize) {
    store.clear();
    let offsets = lists.offsets();
    let (first, last) = (offsets[start] as usize, offsets[start + rows] as usize);
    match (&mut store.items, lists.child()) {
        (Items::Text(items), Column::Text(texts)) => load_texts(items, texts, first, last - first),
        (Items::Bytes(items), Column::Bytes(bytes)) => load_texts(items, bytes, first, last - first),
        (Items::Wide(items), Column::Fixed(fixed)) => load_wide(items, fixed, first..last),
        (Items::Cells(items), Column::Fixed(fixed)) => {
            cells_of(fixed, first..last, |i, cell| items.push(fixed.is_valid(first + i).then_some(cell)));
        }
        (Items::List(items), Column::List(inner)) => load_lists(items, inner, first, last - first),
        (Items::Vector(items), Column::Vector(vectors)) => load_vectors(items, vectors, first, last - first),
        _ => unreachable!("compiled for the column's type"),
    }
    for row in start..start + rows {
        store.end_at((offsets[row + 1] as usize - first) as u32, lists.is_valid(row));
    }
}

/// Appends the rows of a slot to a growing column; rows that are not live are null.
pub(crate) fn unload(frame: &Frame, home: Home, builder: &mut Builder) {
    let rows = frame.rows();
    let all_live = frame.all_live();
    if let Home::Cells { dtype, .. } = home {
        let cells = frame.cells(home);
        if dtype == DType::F64 && all_live && (0..rows).all(|row| cells.get(row).is_some()) {
            return builder.push_numbers(cells.data()[..rows].iter().map(|cell| f64::from_bits(cell.get())));
        }
        for row in 0..rows {
            push_cell(builder, dtype, cells.get(row).filter(|_| frame.is_live(row)));
        }
        return;
    }
    match &*frame.store_ref(home) {
        Store::Text(store) if all_live && store.valid.all() => push_texts(builder, store, 0..rows),
        Store::Text(store) => {
            (0..rows).for_each(|row| push_text(builder, store, row, frame.is_live(row)));
        }
        Store::Bytes(store) => {
            (0..rows).for_each(|row| push_binary(builder, store, row, frame.is_live(row)));
        }
        Store::Wide(store) => {
            (0..rows).for_each(|row| push_wide(builder, store.get(row).filter(|_| frame.is_live(row))));
        }
        Store::List(store) => match &store.items {
            Items::Text(items) if all_live && store.valid.all() && items.valid.all() => {
                push_texts(builder.items(), items, 0..items.len());
                builder.end_lists((0..rows).map(|row| store.range(row).len()));
            }
            _ => {
                for row in 0..rows {
                    if frame.is_live(row) { push_list(builder, store, row) } else { builder.push_null() }
                }
            }
        },
        Store::Vector(store) if all_live && store.all_valid() => {
            builder.push_vectors((0..rows).map(|row| store.row(row)));
        }
        Store::Vector(store) => {
            for row in 0..rows {
                if frame.is_live(row) && store.is_valid(row) {
                    builder.push_vector(store.row(row))
                } else {
                    builder.push_null()
                }
            }
        }
        Store::Whole(_) => unreachable!("a whole value is no column"),
    }
}

/// Appends rows that are all valid.
fn push_texts(builder: &mut Builder, store: &TextStore, rows: std::ops::Range<usize>) {
    let runs = store.spans[rows].iter().map(|span| span.start as usize..span.end as usize);
    builder.push_runs(store.bytes(), runs);
}

fn push_text(builder: &mut Builder, store: &TextStore, row: usize, live: bool) {
    if live && store.is_valid(row) { push_texts(builder, store, row..row + 1) } else { builder.push_null() }
}

fn push_binary(builder: &mut Builder, store: &TextStore, row: usize, live: bool) {
    if live && store.is_valid(row) { builder.push_binary(store.row_bytes(row)) } else { builder.push_null() }
}

fn push_wide(builder: &mut Builder, value: Option<i128>) {
    match value {
        Some(value) => builder.push_fixed(value),
        None => builder.push_null(),
    }
}

fn push_list(builder: &mut Builder, store: &ListStore, row: usize) {
    if !store.is_valid(row) {
        return builder.push_null();
    }
    for item in store.range(row) {
        match &store.items {
            Items::Text(items) => push_text(builder.items(), items, item, true),
            Items::Bytes(items) => push_binary(builder.items(), items, item, true),
            Items::Wide(items) => push_wide(builder.items(), items.get(item)),
            Items::Cells(CellStore { dtype, cells, valid }) => {
                push_cell(builder.items(), *dtype, valid.get(item).then(|| cells[item]));
            }
            Items::List(items) => push_list(builder.items(), items, item),
            Items::Vector(items) if items.is_valid(item) => builder.items().push_vector(items.row(item)),
            Items::Vector(_) => builder.items().push_null(),
        }
    }
    builder.end_list();
}

fn push_cell(builder: &mut Builder, dtype: DType, cell: Option<u64>) {
    let Some(cell) = cell else { return builder.push_null() };
    match dtype {
        DType::F64 => builder.push_fixed(f64::from_bits(cell)),
        DType::F32 => builder.push_fixed(as_f64(dtype, cell) as f32),
        DType::Bool | DType::U8 => builder.push_fixed(cell as u8),
        DType::I8 => builder.push_fixed(cell as i8),
        DType::I16 => builder.push_fixed(cell as i16),
        DType::I32 | DType::Date => builder.push_fixed(cell as i32),
        DType::I64 | DType::Timestamp => builder.push_fixed(cell as i64),
        DType::U16 => builder.push_fixed(cell as u16),
        DType::U32 => builder.push_fixed(cell as u32),
        DType::U64 => builder.push_fixed(cell),
        DType::Decimal(..) | DType::F16 | DType::BF16 | DType::C64 => unreachable!("they do not live in cells"),
    }
}

/// Shows one entry of a slot.
pub(crate) fn show(frame: &Frame, home: Home, row: usize, see: &mut dyn FnMut(Datum<'_>)) {
    if let Home::Cells { dtype, .. } = home {
        return see(frame.cells(home).get(row).map_or(Datum::Null, |cell| datum(dtype, cell)));
    }
    match &*frame.store_ref(home) {
        Store::Text(store) => model::Items::visit(store, row, see),
        Store::Bytes(store) => see(if store.is_valid(row) { Datum::Bytes(store.row_bytes(row)) } else { Datum::Null }),
        Store::Wide(store) => model::Items::visit(store, row, see),
        Store::List(store) => model::Items::visit(store, row, see),
        Store::Vector(store) if store.is_valid(row) => see(Datum::Vector(store.row(row))),
        Store::Vector(_) => see(Datum::Null),
        Store::Whole(_) => unreachable!("a whole value is no column"),
    }
}

fn datum(dtype: DType, cell: u64) -> Datum<'static> {
    match dtype {
        DType::F64 | DType::F32 => Datum::Float(as_f64(dtype, cell)),
        DType::Bool => Datum::Bool(cell != 0),
        DType::U64 => Datum::Uint(cell),
        DType::Date => Datum::Date(cell as i32),
        DType::Timestamp => Datum::Timestamp(cell as i64),
        DType::I8 | DType::I16 | DType::I32 | DType::I64 | DType::U8 | DType::U16 | DType::U32 => {
            Datum::Int(cell as i64)
        }
        DType::Decimal(..) | DType::F16 | DType::BF16 | DType::C64 => unreachable!("they do not live in cells"),
    }
}

impl model::Items for TextStore {
    fn visit(&self, item: usize, see: &mut dyn FnMut(Datum<'_>)) {
        see(if self.is_valid(item) { Datum::Text(self.row_bytes(item)) } else { Datum::Null });
    }
}

impl model::Items for CellStore {
    fn visit(&self, item: usize, see: &mut dyn FnMut(Datum<'_>)) {
        see(if self.valid.get(item) { datum(self.dtype, self.cells[item]) } else { Datum::Null });
    }
}

impl model::Items for WideStore {
    fn visit(&self, item: usize, see: &mut dyn FnMut(Datum<'_>)) {
        see(self.get(item).map_or(Datum::Null, |value| Datum::Decimal(value, self.digits.1)));
    }
}

/// Texts that are bytes.
struct Binaries<'a>(&'a TextStore);

impl model::Items for Binaries<'_> {
    fn visit(&self, item: usize, see: &mut dyn FnMut(Datum<'_>)) {
        see(if self.0.is_valid(item) { Datum::Bytes(self.0.row_bytes(item)) } else { Datum::Null });
    }
}

impl model::Items for VectorStore {
    fn visit(&self, item: usize, see: &mut dyn FnMut(Datum<'_>)) {
        see(if self.is_valid(item) { Datum::Vector(self.row(item)) } else { Datum::Null });
    }
}

impl model::Items for ListStore {
    fn visit(&self, row: usize, see: &mut dyn FnMut(Datum<'_>)) {
        if !self.is_valid(row) {
            return see(Datum::Null);
        }
        let items: &dyn model::Items = match &self.items {
            Items::Text(items) => items,
            Items::Bytes(items) => {
                return see(Datum::List(&Binaries(items), self.range(row)));
            }
            Items::Wide(items) => items,
            Items::Cells(items) => items,
            Items::List(items) => &**items,
            Items::Vector(items) => items,
        };
        see(Datum::List(items, self.range(row)));
    }
}

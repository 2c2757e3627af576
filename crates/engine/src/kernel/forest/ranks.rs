//! Every feature of a row as bytes, once: the rank of a number among the thresholds that it meets, or on which side of a set its
//! category is, or that category's code. A node then asks whether a byte is above its own, whatever the forest compares and does with missing values.
//!
//! The rank of `x` is how many of a column's distinct thresholds are below it, so `x <= t` is `rank(x) <= place of t`, exactly.
//! A missing number has the rank 0 where it goes left, the highest where right. More than 255 thresholds make several bytes
//! of 255 each; columns of one feature that differ in what missing values do share a search where the thresholds of all fit a byte, and have a
//! byte each. A set is a byte of its own, 0 or 1. Where sets are so many that a node could not name its byte, a category is a code
//! instead ([`super::codes`]); for walks a lone row has the sides of all sets even so, behind its other bytes. The bytes of a column stand together.

#[cfg(test)]
mod tests;

use std::ops::Range;

use model::column::Row;
use rustc_hash::FxHashMap;

use super::{
    bits::LANES,
    codes::{self, Codes, Rights},
    normal::{Category, Column, Kind, Node, Normal, Rules, SetTest, Test},
    simd::{self, Isa},
};

/// Thresholds of a byte: with more, a rank has no room for being above all.
const BYTE_THRESHOLDS: usize = 255;

/// Bytes that a row may have.
const BYTES_MAX: usize = 2048;

/// What the tables of all sets may hold together.
const SIDES_MAX: usize = 1 << 24;

/// Places of a byte whose thresholds a lone row compares one and all, in groups of 8; there are fewer thresholds.
pub const SMALL: usize = 32;

/// Places of a byte with more thresholds: 16 groups of 16, then the last of each group.
pub const LARGE: usize = 256 + 16;

/// Codes of categories where a table of a set is a register: those known, another, a missing one.
pub const CODES: usize = 64;

/// Bytes of a lone row that a byte can name; it has room for as many at least.
pub const ROW_BYTES: usize = 256;

/// Bytes of a lone row that has sides of sets, too.
pub const SIDE_BYTES: usize = 1 << 14;

/// Thresholds that are compared at once: a line of a cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Eight(pub [f64; 8]);

pub struct Ranks {
    /// Numbers by feature, then categories by feature.
    sources: Box<[Source]>,
    /// All features that columns are of, ascending: each has its place in a block.
    features: Box<[u32]>,
    /// Bytes of a row.
    pub bytes: usize,
    /// Of each byte of numbers: its thresholds ascending, filled up with infinity to whole groups (see [`SMALL`], [`LARGE`]).
    pub sorted: Box<[Eight]>,
    /// The same by the levels of a search: the middle one, those of the two halves, and so on; then 8 more places.
    pub levels: Box<[f64]>,
    /// Of each category column: the sides of all its sets for the first category, for the second, ...
    sides: Box<[u8]>,
    /// Of each set of a column with few categories: its side for each code.
    pub tables: Box<[[u8; CODES]]>,
    /// Of each set that is asked for a code.
    pub rights: Box<[Rights]>,
    /// Of each column of codes: the sides of all its sets for the first code, for the second, ... Empty where no lone row has them.
    code_sides: Box<[u8]>,
    rules: Rules,
    features_min: usize,
}

/// Returns the places of a column in a block of so many lanes: not a power of two, lest columns drive each other out of a cache.
pub fn stride(lanes: usize) -> usize {
    lanes + 8
}

/// A column, or several of one feature, and the bytes that are made of it.
#[derive(Clone, Debug)]
struct Source {
    /// The first.
    column: Column,
    /// Where its feature is in a block.
    place: usize,
    first_byte: usize,
    bytes: Bytes,
}

#[derive(Clone, Debug)]
enum Bytes {
    /// Of each part a byte for each way; there is one part or one way.
    Numbers(Box<[Part]>, Box<[Way]>),
    Sets {
        sets: usize,
        /// Categories that some set holds: the next code is another category, then comes a missing value.
        categories: u32,
        first_side: usize,
        /// Where the tables begin, if the codes fit.
        first_table: Option<usize>,
    },
    /// A byte, and the places of its sets among [`Ranks::rights`].
    Codes(Codes, Range<usize>),
}

/// Up to 255 thresholds.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Its first group, and how many it has.
    pub sorted: usize,
    pub groups: usize,
    pub levels: usize,
    /// Steps of a search.
    pub steps: u32,
    /// How many thresholds it has.
    count: u8,
}

/// What a column of numbers does with missing values.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    missing_left: bool,
    /// Largest number that is missing, by its absolute value; -1 where no number is.
    pub zero_max: f64,
}

/// A node in terms of bytes: right where the byte of the column is above; or, with a set (in [`Ranks::rights`]), where the code that
/// it is goes right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteTest {
    pub column: u16,
    pub above: u8,
    pub set: Option<u32>,
}

impl Ranks {
    /// Returns the ranks, and the test of each node; nothing where a row would have no byte or too many. Of nodes that are not asked by
    /// ranks (`asks` says which) there is no test, and their thresholds are none of a column's.
    pub fn new(normal: &Normal, asks: impl Fn(usize) -> bool) -> Option<(Ranks, Box<[ByteTest]>)> {
        let mut making = Making::of(normal, &asks);
        let has_codes = making.is_long();
        let mut order: Vec<usize> = (0..normal.columns.len()).collect();
        order.sort_unstable_by_key(|column| (normal.columns[*column].kind == Kind::Category, normal.columns[*column]));
        // Columns of a feature's numbers stand together.
        let of = |column: &usize| {
            let Column { feature, kind, .. } = normal.columns[*column];
            (feature, kind != Kind::Category)
        };
        for columns in order.chunk_by(|a, b| of(a) == of(b)) {
            match normal.columns[columns[0]].kind {
                Kind::Number { .. } => making.numbers(columns, normal),
                Kind::Category => {
                    for column in columns {
                        if !has_codes || making.codes(*column, normal).is_none() {
                            making.sets(*column, normal)?;
                        }
                    }
                }
            }
            if making.bytes > BYTES_MAX {
                return None;
            }
        }
        if making.bytes == 0 {
            return None;
        }
        let none = ByteTest { column: 0, above: u8::MAX, set: None };
        let test = |(number, node)| if asks(number) { making.test(node) } else { none };
        let tests = normal.nodes.iter().enumerate().map(test).collect();
        // So that whatever stands behind the last level may be loaded.
        making.levels.extend([f64::INFINITY; 8]);
        let ranks = Ranks {
            features: making.features.into(),
            sources: making.sources.into(),
            bytes: making.bytes,
            sorted: making.sorted.into(),
            levels: making.levels.into(),
            sides: making.sides.into(),
            tables: making.tables.into(),
            rights: making.rights.into(),
            code_sides: Box::default(),
            rules: normal.rules,
            features_min: normal.columns.iter().map(|column| column.feature as usize + 1).max().unwrap_or(0),
        };
        Some((ranks, tests))
    }

    /// Returns the room of a lone row.
    pub fn row_room(&self) -> usize {
        if self.code_sides.is_empty() { self.bytes.max(ROW_BYTES) } else { SIDE_BYTES }
    }

    /// Returns the numbers that a block has room for, of so many rows.
    pub fn block_room(&self, lanes: usize) -> usize {
        self.features.len() * stride(lanes)
    }

    /// Returns where a feature that some column is of begins in a block.
    pub fn place(&self, feature: u32) -> usize {
        place(&self.features, feature)
    }

    pub fn has_sides(&self) -> bool {
        !self.code_sides.is_empty()
    }

    /// Returns the byte of a lone row that has the side of a set that is asked for a code, if lone rows have some.
    pub fn side(&self, set: u32) -> Option<u16> {
        self.has_sides().then(|| (self.bytes + set as usize) as u16)
    }

    /// Lets lone rows have the sides of such sets, if there is room.
    pub fn add_sides(&mut self) {
        let room: usize = self.codes().map(|(_, codes)| codes).sum::<usize>() * self.rights.len();
        if self.bytes + self.rights.len() > SIDE_BYTES || room > SIDES_MAX {
            return;
        }
        let mut sides = Vec::new();
        for source in &self.sources {
            if let Bytes::Codes(codes, sets) = &source.bytes {
                for code in 0..codes.count() {
                    sides
                        .extend(self.rights[sets.clone()].iter().map(|set| u8::from(codes::is_right(set, code as u8))));
                }
            }
        }
        self.code_sides = sides.into();
    }

    /// Returns the first bytes of columns of codes, and how many codes each has.
    pub fn codes(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.sources.iter().filter_map(|source| match &source.bytes {
            Bytes::Codes(codes, _) => Some((source.first_byte, codes.count())),
            _ => None,
        })
    }

    /// Returns how many codes a column has.
    pub fn codes_of(&self, column: usize) -> usize {
        self.codes().find(|(first, _)| *first == column).map_or(0, |(_, codes)| codes)
    }

    /// Returns the fewest elements of a vector that holds every feature looked at.
    pub fn features_min(&self) -> usize {
        self.features_min
    }

    /// Writes the bytes of a lone row; `rank` says how many thresholds of a part are below.
    #[inline(always)]
    pub fn of_row(&self, x: &[f64], out: &mut [u8], rank: impl Fn(&Part, f64) -> u8) {
        assert!(x.len() >= self.features_min, "a row has every feature looked at");
        let mut sides = &self.code_sides[..];
        for source in &self.sources {
            let x = x[source.column.feature as usize];
            match &source.bytes {
                Bytes::Numbers(parts, ways) => {
                    let mut out = out[source.first_byte..].iter_mut();
                    for part in parts {
                        let rank = rank(part, x);
                        for (way, out) in ways.iter().zip(&mut out) {
                            *out = if way.is_missing(x) { way.rank(part) } else { rank };
                        }
                    }
                }
                Bytes::Sets { sets, categories, first_side, .. } => {
                    let code = self.code(&source.column, *categories, x) as usize;
                    out[source.first_byte..][..*sets].copy_from_slice(&self.sides[first_side + code * sets..][..*sets]);
                }
                Bytes::Codes(codes, sets) => {
                    let code = codes.of(self.rules.category(&source.column, x));
                    out[source.first_byte] = code;
                    if !sides.is_empty() {
                        let (of, rest) = sides.split_at(codes.count() * sets.len());
                        let of = &of[usize::from(code) * sets.len()..][..sets.len()];
                        out[self.bytes + sets.start..][..sets.len()].copy_from_slice(of);
                        sides = rest;
                    }
                }
            }
        }
    }

    /// Puts the features of up to eight rows into a block: column after column, a [`stride`] of so many lanes each.
    pub fn gather(&self, rows: &[Row<'_>], block: &mut [f64], lane: usize, lanes: usize) {
        let is_dense = |row: &Row<'_>| matches!(row, Row::Dense(_));
        match rows.first_chunk::<8>() {
            Some(rows) if rows.iter().all(is_dense) => {
                let x = rows.each_ref().map(|row| if let Row::Dense(x) = row { &x[..self.features_min] } else { &[] });
                for (&feature, column) in self.features.iter().zip(block.chunks_exact_mut(stride(lanes))) {
                    column.as_chunks_mut().0[lane / 8] = x.map(|x| x[feature as usize]);
                }
            }
            _ => (lane..).zip(rows).for_each(|(lane, row)| self.gather_one(*row, block, lane, lanes)),
        }
    }

    fn gather_one(&self, row: Row<'_>, block: &mut [f64], lane: usize, lanes: usize) {
        let (mut place, stride) = (lane, stride(lanes));
        match row {
            Row::Dense(x) => {
                let x = &x[..self.features_min];
                for &feature in &self.features {
                    block[place] = x[feature as usize];
                    place += stride;
                }
            }
            Row::Sparse { indices, values, .. } => {
                let mut at = 0;
                for &feature in &self.features {
                    at += indices[at..].partition_point(|&i| i < feature);
                    let stored = indices.get(at).is_some_and(|&i| i == feature);
                    block[place] = if stored { values[at] } else { 0.0 };
                    place += stride;
                }
            }
        }
    }

    /// Writes the bytes of a block of rows: byte after byte, so many lanes each.
    pub fn of_block(&self, isa: Isa, block: &[f64], lanes: usize, out: &mut [u8]) {
        assert!(lanes.is_multiple_of(LANES), "whole lanes");
        assert_eq!([block.len(), out.len()], [self.block_room(lanes), self.bytes * lanes], "a block of so many");
        for source in &self.sources {
            let x = &block[source.place * stride(lanes)..][..lanes];
            let out = &mut out[source.first_byte * lanes..];
            match &source.bytes {
                Bytes::Numbers(parts, ways) => {
                    for (part, out) in parts.iter().zip(out.chunks_exact_mut(ways.len() * lanes)) {
                        simd::ranks(isa, self, part, ways, x, out);
                    }
                }
                Bytes::Codes(codes, _) => {
                    simd::codes(isa, codes, &self.rules, &source.column, x, &mut out[..lanes]);
                }
                Bytes::Sets { sets, categories, first_side, first_table } => {
                    let out = &mut out[..sets * lanes];
                    let code = |x: &f64| self.code(&source.column, *categories, *x);
                    match first_table {
                        Some(first) => {
                            for (at, x) in x.as_chunks().0.iter().enumerate() {
                                let codes: [u8; LANES] = x.each_ref().map(|x| code(x) as u8);
                                for (table, out) in self.tables[*first..].iter().zip(out.chunks_exact_mut(lanes)) {
                                    let (out, _) = out.as_chunks_mut();
                                    simd::sides(isa, table, &codes, &mut out[at]);
                                }
                            }
                        }
                        None => {
                            for (lane, x) in x.iter().enumerate() {
                                let sides = &self.sides[first_side + code(x) as usize * sets..][..*sets];
                                let out = out[lane..].iter_mut().step_by(lanes);
                                sides.iter().zip(out).for_each(|(side, out)| *out = *side);
                            }
                        }
                    }
                }
            }
        }
    }

    #[inline]
    fn code(&self, column: &Column, categories: u32, x: f64) -> u32 {
        match self.rules.category(column, x) {
            Category::Known(category) => category.min(categories),
            Category::Other => categories,
            Category::Missing => categories + 1,
        }
    }

    /// Returns how many thresholds of a part are below.
    pub fn rank(&self, part: &Part, x: f64) -> u8 {
        let levels = &self.levels[part.levels..];
        let mut at = 0;
        for step in 0..part.steps {
            at = at << 1 | usize::from(levels[(1 << step) - 1 + at] < x);
        }
        at as u8
    }

    /// Writes the ranks in a part for many rows, way after way.
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    pub fn ranks(&self, part: &Part, ways: &[Way], x: &[f64], out: &mut [u8]) {
        let lanes = x.len();
        let levels = &self.levels[part.levels..][..1 << part.steps];
        let mask = levels.len() - 1;
        for (eight, x) in x.as_chunks::<8>().0.iter().enumerate() {
            let mut at = [0usize; 8];
            for step in 0..part.steps {
                // Eight at once: one alone would wait for its threshold.
                for i in 0..8 {
                    at[i] = at[i] << 1 | usize::from(levels[((1 << step) - 1 + at[i]) & mask] < x[i]);
                }
            }
            for (first, way) in (0..).step_by(lanes).zip(ways) {
                let (out, missing) = (&mut out[first + eight * 8..][..8], way.rank(part));
                for i in 0..8 {
                    out[i] = if way.is_missing(x[i]) { missing } else { at[i] as u8 };
                }
            }
        }
    }
}

/// Returns the place of a feature.
fn place(features: &[u32], feature: u32) -> usize {
    features.binary_search(&feature).expect("a column's feature has its place")
}

impl Way {
    fn of(column: &Column, rules: &Rules) -> Way {
        let missing_left = matches!(column.kind, Kind::Number { missing_left: true });
        Way { missing_left, zero_max: rules.zero_max_of(column) }
    }

    #[inline(always)]
    pub fn is_missing(&self, x: f64) -> bool {
        x.is_nan() | (x.abs() <= self.zero_max)
    }

    /// Returns the rank of a missing value.
    #[inline(always)]
    pub fn rank(&self, part: &Part) -> u8 {
        if self.missing_left { 0 } else { part.count }
    }
}

/// Ranks in the making.
struct Making {
    features: Vec<u32>,
    /// Of each column: its distinct thresholds, ascending; its sets.
    thresholds: Vec<Vec<f64>>,
    sets: Vec<FxHashMap<u32, u32>>,
    first_byte: Vec<usize>,
    /// Of each column of codes: the place of its first set among the rights.
    first_set: Vec<Option<u32>>,
    rights: Vec<Rights>,
    sources: Vec<Source>,
    bytes: usize,
    sorted: Vec<Eight>,
    levels: Vec<f64>,
    sides: Vec<u8>,
    tables: Vec<[u8; CODES]>,
}

impl Making {
    fn of(normal: &Normal, asks: impl Fn(usize) -> bool) -> Making {
        let columns = normal.columns.len();
        let mut thresholds: Vec<Vec<f64>> = vec![Vec::new(); columns];
        let mut sets = vec![FxHashMap::default(); columns];
        for (_, node) in normal.nodes.iter().enumerate().filter(|(number, _)| asks(*number)) {
            match node.test {
                // So that -0 and 0 are one.
                Test::AtMost(threshold) => thresholds[node.column as usize].push(threshold + 0.0),
                Test::Set(set) => {
                    let sets: &mut FxHashMap<u32, u32> = &mut sets[node.column as usize];
                    let next = sets.len() as u32;
                    sets.entry(set).or_insert(next);
                }
            }
        }
        for thresholds in &mut thresholds {
            thresholds.sort_unstable_by(f64::total_cmp);
            thresholds.dedup();
        }
        let mut features: Vec<u32> = normal.columns.iter().map(|column| column.feature).collect();
        features.sort_unstable();
        features.dedup();
        Making {
            features,
            thresholds,
            sets,
            first_byte: vec![0; columns],
            first_set: vec![None; columns],
            rights: Vec::new(),
            sources: Vec::new(),
            bytes: 0,
            sorted: Vec::new(),
            levels: Vec::new(),
            sides: Vec::new(),
            tables: Vec::new(),
        }
    }

    /// Returns whether a node could not name its byte, were each set one.
    fn is_long(&self) -> bool {
        let numbers = self.thresholds.iter().map(|thresholds| thresholds.len().div_ceil(BYTE_THRESHOLDS));
        let sets = self.sets.iter().map(|sets| sets.len());
        numbers.chain(sets).sum::<usize>() > ROW_BYTES
    }

    fn add(&mut self, column: Column, count: usize, bytes: Bytes) {
        let place = place(&self.features, column.feature);
        self.sources.push(Source { column, place, first_byte: self.bytes, bytes });
        self.bytes += count;
    }

    /// Adds the columns of a feature's numbers: as one where a byte has room for the thresholds of all.
    fn numbers(&mut self, columns: &[usize], normal: &Normal) {
        // Those that are not asked have no byte.
        let columns: Vec<usize> =
            columns.iter().copied().filter(|column| !self.thresholds[*column].is_empty()).collect();
        let mut all: Vec<f64> = columns.iter().flat_map(|column| &self.thresholds[*column]).copied().collect();
        all.sort_unstable_by(f64::total_cmp);
        all.dedup();
        if columns.len() > 1 && all.len() <= BYTE_THRESHOLDS {
            columns.iter().for_each(|column| self.thresholds[*column].clone_from(&all));
            self.searched(&columns, normal);
        } else {
            columns.chunks(1).for_each(|column| self.searched(column, normal));
        }
    }

    /// Adds columns that have the same thresholds.
    fn searched(&mut self, columns: &[usize], normal: &Normal) {
        let thresholds = self.thresholds[columns[0]].clone();
        let parts: Box<[Part]> = thresholds.chunks(BYTE_THRESHOLDS).map(|part| self.part(part)).collect();
        (self.bytes..).zip(columns).for_each(|(byte, column)| self.first_byte[*column] = byte);
        let ways: Box<[Way]> = columns.iter().map(|column| Way::of(&normal.columns[*column], &normal.rules)).collect();
        self.add(normal.columns[columns[0]], parts.len() * ways.len(), Bytes::Numbers(parts, ways));
    }

    fn part(&mut self, thresholds: &[f64]) -> Part {
        let (sorted, levels) = (self.sorted.len(), self.levels.len());
        let room = match thresholds.len() {
            few if few < SMALL => few.next_multiple_of(8),
            _ => LARGE,
        };
        let mut places = thresholds.to_vec();
        places.resize(room.min(256), f64::INFINITY);
        if room == LARGE {
            (0..16).for_each(|group| places.push(places[group * 16 + 15]));
        }
        self.sorted.extend(places.as_chunks().0.iter().map(|eight| Eight(*eight)));
        let steps = usize::BITS - thresholds.len().leading_zeros();
        for step in 0..steps {
            let part = 1 << (steps - step);
            let middles = (0..1 << step).map(|i| part * i + part / 2 - 1);
            self.levels.extend(middles.map(|at| thresholds.get(at).copied().unwrap_or(f64::INFINITY)));
        }
        self.levels.push(f64::INFINITY);
        Part { sorted, groups: room / 8, levels, steps, count: thresholds.len() as u8 }
    }

    /// Returns the sets of a column by their places.
    fn sets_of<'a>(&self, number: usize, normal: &'a Normal) -> Vec<&'a SetTest> {
        let mut sets: Vec<(u32, u32)> = self.sets[number].iter().map(|(set, place)| (*place, *set)).collect();
        sets.sort_unstable();
        sets.into_iter().map(|(_, set)| &normal.sets[set as usize]).collect()
    }

    fn codes(&mut self, number: usize, normal: &Normal) -> Option<()> {
        let sets = self.sets_of(number, normal);
        let codes = Codes::new(&sets).filter(|_| sets.len() > 1)?;
        let first = self.rights.len();
        self.first_set[number] = Some(first as u32);
        self.rights.extend(sets.iter().map(|set| codes.rights(set)));
        self.first_byte[number] = self.bytes;
        self.add(normal.columns[number], 1, Bytes::Codes(codes, first..self.rights.len()));
        Some(())
    }

    fn sets(&mut self, number: usize, normal: &Normal) -> Option<()> {
        let sets = self.sets_of(number, normal);
        let categories = sets.iter().map(|set| set.categories()).max().unwrap_or(0);
        let (first_side, codes) = (self.sides.len(), categories as usize + 2);
        if sets.len() > BYTES_MAX || first_side + codes.checked_mul(sets.len())? > SIDES_MAX {
            return None;
        }
        let category = |code: usize| match code as u32 {
            code if code < categories => Category::Known(code),
            code if code == categories => Category::Other,
            _ => Category::Missing,
        };
        for code in 0..codes {
            self.sides.extend(sets.iter().map(|set| u8::from(!set.is_left(category(code)))));
        }
        let first_table = (codes <= CODES).then_some(self.tables.len());
        if first_table.is_some() {
            let table = |set: usize| {
                std::array::from_fn(|code| self.sides[first_side + code.min(codes - 1) * sets.len() + set])
            };
            self.tables.extend((0..sets.len()).map(table));
        }
        let bytes = Bytes::Sets { sets: sets.len(), categories, first_side, first_table };
        self.first_byte[number] = self.bytes;
        self.add(normal.columns[number], sets.len(), bytes);
        Some(())
    }

    fn test(&self, node: &Node) -> ByteTest {
        let (column, first) = (node.column as usize, self.first_byte[node.column as usize]);
        match node.test {
            Test::Set(set) => {
                let place = self.sets[column][&set];
                match self.first_set[column] {
                    Some(first_set) => ByteTest { column: first as u16, above: 0, set: Some(first_set + place) },
                    None => ByteTest { column: (first + place as usize) as u16, above: 0, set: None },
                }
            }
            Test::AtMost(threshold) => {
                let place = self.thresholds[column].partition_point(|t| *t < threshold);
                let column = first + place / BYTE_THRESHOLDS;
                ByteTest { column: column as u16, above: (place % BYTE_THRESHOLDS) as u8, set: None }
            }
        }
    }
}

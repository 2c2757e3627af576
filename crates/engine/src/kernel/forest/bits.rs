//! What the tests of many trees say of a block of rows: a bit a row, a word 64 rows, each distinct test once.
//!
//! Trees share tests: 500 boosted trees have a half or a quarter as many distinct ones as nodes. The bits of a column's tests are found
//! from those of each rank alone: above `k` are the rows at `k + 1` and those above it. The bits of a set are those of its codes
//! together, eight codes at a time by a table.

use std::slice::ChunksExact;

use super::{ranks::ByteTest, ranks::Ranks};

/// Rows of a block.
pub const BLOCK_ROWS: usize = 512;

/// Rows of a word; a block has a power of two of them.
pub const LANES: usize = 64;

/// Words that are the same in every block: no row, and every row.
pub const ZEROS: u32 = 0;
pub const ONES: u32 = 1;

/// The first word of a test.
pub const TESTS: usize = 2;

/// Ranks and codes of a byte.
const BYTES: usize = 256;

/// Codes that are looked up together: those that [`super::codes::Rights`] have in a byte.
pub const TOGETHER: usize = 8;

/// Halves of codes: places in a byte of a set, and bytes.
pub const HALVES: usize = TOGETHER + BYTES / TOGETHER;

/// Words of room that it takes to find those of tests.
pub const ROOM: usize = 2 * BYTES;

/// Distinct tests, by column.
pub struct Asks {
    columns: Box<[Column]>,
    /// Of columns of ranks, ascending in each: what is above goes right.
    above: Box<[u8]>,
    /// Of columns of codes: so many bytes of each set as [`width`] says.
    rights: Box<[u8]>,
}

/// A column's tests.
struct Column {
    byte: usize,
    /// Where its own begin, among those of ranks or of codes.
    first: usize,
    count: usize,
    /// How many codes there are; of ranks nothing.
    codes: Option<usize>,
}

/// Words of some rows: a word has a bit of each.
pub type Words<'a, const W: usize> = &'a mut [[u64; W]];

/// The rows of each rank, or of each half of a code, see [`halves`].
pub type Alone<const W: usize> = [[u64; W]; BYTES];

impl Asks {
    /// Returns what fills in the words of these tests, which are sorted.
    pub fn new(tests: &[ByteTest], ranks: &Ranks) -> Asks {
        let (mut columns, mut above, mut rights) = (Vec::new(), Vec::new(), Vec::new());
        for tests in tests.chunk_by(|a, b| a.column == b.column) {
            let byte = usize::from(tests[0].column);
            let codes = tests[0].set.map(|_| ranks.codes_of(byte));
            let first = if codes.is_some() { rights.len() } else { above.len() };
            let width = codes.map_or(0, width);
            for test in tests {
                match test.set {
                    Some(set) => rights.extend_from_slice(&ranks.rights[set as usize][..width]),
                    None => above.push(test.above),
                }
            }
            columns.push(Column { byte, first, count: tests.len(), codes });
        }
        Asks { columns: columns.into(), above: above.into(), rights: rights.into() }
    }

    /// Returns how many tests there are.
    pub fn count(&self) -> usize {
        self.columns.iter().map(|column| column.count).sum()
    }

    /// Fills in all words but those that steps make; `numbers` those of a column of ranks, `halves` finds the rows of each half of a code.
    /// Behind the words there is [`ROOM`].
    #[inline(always)]
    pub fn fill<const W: usize>(
        &self,
        ranks: &[u8],
        words: Words<'_, W>,
        numbers: impl Fn(&[u8], &[u8], &mut Alone<W>, Words<'_, W>),
        halves: impl Fn(&[u8], &mut Alone<W>),
    ) {
        let (words, room) = words.split_at_mut(words.len() - ROOM);
        let (alone, table) = room.split_first_chunk_mut().expect("there is room");
        let table = table.first_chunk_mut().expect("there is room");
        words[ZEROS as usize] = [0; W];
        words[ONES as usize] = [u64::MAX; W];
        let mut next = TESTS;
        for column in &self.columns {
            let bytes = &ranks[column.byte * W * LANES..][..W * LANES];
            let out = &mut words[next..next + column.count];
            match column.codes {
                None => numbers(bytes, &self.above[column.first..][..column.count], alone, out),
                Some(codes) => {
                    let width = width(codes);
                    halves(bytes, alone);
                    sets(width, &self.rights[column.first..][..column.count * width], alone, table, out);
                }
            }
            next += column.count;
        }
    }
}

/// Finds the rows of each rank.
#[inline(always)]
fn each_alone<const W: usize>(bytes: &[u8], alone: &mut Alone<W>) {
    alone.fill([0; W]);
    // Neighbours go to other words: the one before need not be waited for.
    for row in 0..LANES {
        for w in 0..W {
            alone[usize::from(bytes[w * LANES + row])][w] |= 1 << row;
        }
    }
}

/// Finds the rows of each place in a byte of a set that codes may have, then those of each byte.
#[inline(always)]
pub fn halves<const W: usize>(codes: &[u8], alone: &mut Alone<W>) {
    alone[..HALVES].fill([0; W]);
    for row in 0..LANES {
        for w in 0..W {
            let code = usize::from(codes[w * LANES + row]);
            alone[code % TOGETHER][w] |= 1 << row;
            alone[TOGETHER + code / TOGETHER][w] |= 1 << row;
        }
    }
}

/// Finds the rows whose ranks are above those given.
#[inline(always)]
pub fn numbers<const W: usize>(bytes: &[u8], above: &[u8], alone: &mut Alone<W>, out: Words<'_, W>) {
    each_alone(bytes, alone);
    let (mut rows, mut rank) = ([0; W], BYTES - 1);
    for (above, out) in above.iter().zip(out).rev() {
        while rank > usize::from(*above) {
            add(&mut rows, &alone[rank]);
            rank -= 1;
        }
        *out = rows;
    }
}

/// Returns how many bytes of a set are looked at, of so many codes.
fn width(codes: usize) -> usize {
    match codes.div_ceil(TOGETHER) {
        ..=4 => 4,
        5..=6 => 6,
        more => more.next_multiple_of(8),
    }
}

/// Finds the rows that each set sends right: eight codes at a time, for which a byte of the set says which places go right. A table has the
/// rows of those places together.
#[inline(always)]
fn sets<const W: usize>(
    width: usize,
    rights: &[u8],
    alone: &Alone<W>,
    table: &mut [[u64; W]; BYTES],
    out: Words<'_, W>,
) {
    let (places, bytes) = alone.split_at(TOGETHER);
    table[0] = [0; W];
    for some in 1..BYTES {
        // The rows of all of them but one, and that one's.
        table[some] = table[some & (some - 1)];
        add(&mut table[some], &places[some.trailing_zeros() as usize]);
    }
    match width {
        4 => eights::<W, 4>(0, bytes, table, rights.chunks_exact(4), out),
        6 => eights::<W, 6>(0, bytes, table, rights.chunks_exact(6), out),
        _ => {
            for first in (0..width).step_by(8) {
                eights::<W, 8>(first, bytes, table, rights.chunks_exact(width), out);
            }
        }
    }
}

/// Adds the rows of `N` bytes of sets to what those before have found.
#[inline(always)]
fn eights<const W: usize, const N: usize>(
    first: usize,
    bytes: &[[u64; W]],
    table: &[[u64; W]; BYTES],
    rights: ChunksExact<'_, u8>,
    out: Words<'_, W>,
) {
    let bytes: [[u64; W]; N] = std::array::from_fn(|byte| bytes[first + byte]);
    for (rights, out) in rights.zip(out) {
        let mut rows = if first == 0 { [0; W] } else { *out };
        for (byte, rights) in bytes.iter().zip(&rights[first..first + N]) {
            let right = &table[usize::from(*rights)];
            (0..W).for_each(|w| rows[w] |= byte[w] & right[w]);
        }
        *out = rows;
    }
}

#[inline(always)]
fn add<const W: usize>(rows: &mut [u64; W], more: &[u64; W]) {
    (0..W).for_each(|w| rows[w] |= more[w]);
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            codes::{Rights, is_right},
            simd::{self, Isa},
            tests::Random,
        },
        *,
    };

    /// How many tests columns have, and of so many codes.
    const COLUMNS: [(usize, Option<usize>); 12] = [
        (1, None),
        (63, None),
        (200, None),
        (255, None),
        (2, Some(2)),
        (9, Some(32)),
        (300, Some(42)),
        (20, Some(48)),
        (20, Some(49)),
        (30, Some(128)),
        (30, Some(129)),
        (3, Some(BYTES)),
    ];

    fn asks(sets: &[Rights]) -> Asks {
        let (mut columns, mut above, mut rights) = (Vec::new(), Vec::new(), Vec::new());
        for (byte, (count, codes)) in COLUMNS.into_iter().enumerate() {
            let first = if codes.is_some() { rights.len() } else { above.len() };
            match codes {
                Some(codes) => rights.extend(sets[..count].iter().flat_map(|set| &set[..width(codes)])),
                None => above.extend(0..count as u8),
            }
            columns.push(Column { byte, first, count, codes });
        }
        Asks { columns: columns.into(), above: above.into(), rights: rights.into() }
    }

    #[test]
    fn every_test_finds_its_rows_whatever_the_processor_has() {
        let mut random = Random(7);
        let sets: Vec<Rights> = (0..300).map(|_| std::array::from_fn(|_| random.below(256) as u8)).collect();
        let asks = asks(&sets);
        for (isa, lanes) in Isa::all().into_iter().flat_map(|isa| [64, 128, 256, 512].map(|lanes| (isa, lanes))) {
            let byte = |codes: Option<usize>, random: &mut Random| random.below(codes.unwrap_or(BYTES)) as u8;
            let bytes: Vec<u8> = COLUMNS
                .iter()
                .flat_map(|(_, codes)| (0..lanes).map(|_| byte(*codes, &mut random)).collect::<Vec<_>>())
                .collect();
            let each = lanes / LANES;
            let mut words = vec![0x5555; (TESTS + asks.count() + ROOM) * each];
            simd::fill(isa, &asks, &bytes, &mut words, lanes);
            let mut next = TESTS;
            for ((count, codes), bytes) in COLUMNS.into_iter().zip(bytes.chunks(lanes)) {
                for (test, set) in sets[..count].iter().enumerate() {
                    for (row, byte) in bytes.iter().enumerate() {
                        let found = words[next * each + row / LANES] >> (row % LANES) & 1 != 0;
                        let right = codes.map_or(usize::from(*byte) > test, |_| is_right(set, *byte));
                        assert_eq!(found, right, "{isa:?}, {lanes} rows, test {test} of {count}, {codes:?} codes");
                    }
                    next += 1;
                }
            }
        }
    }
}

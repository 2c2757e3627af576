//! What the tests of many trees say of a block of rows: a bit a row, a word 64 rows, each distinct test once.
//!
//! Trees share tests: 500 boosted trees have a half or a quarter as many distinct ones as nodes. The bits of a column's tests are found
//! from those of each rank alone: above `k` are the rows at `k + 1` and those above it. The bits of a set are those of its codes
//! together, some codes at a time by a table.

use super::{codes::Rights, ranks::ByteTest, ranks::Ranks};

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

/// Codes of a word.
const CODES: usize = 64;

/// Codes that are looked up together where many sets are worth large tables, and where not.
const MANY: usize = 6;
const FEW: usize = 4;

/// Sets of so many codes at most have the larger tables: the first cache holds them.
const MANY_CODES_MAX: usize = CODES;

/// Sets from which on the larger tables take less time than they take to make.
const MANY_SETS_MIN: usize = 512;

/// Words of the tables of so many codes.
const fn tables(codes: usize, together: usize) -> usize {
    (codes / CODES * CODES.div_ceil(together)) << together
}

/// Words of room that it takes to find those of tests.
pub const ROOM: usize = BYTES + tables(BYTES, FEW);

const _: () = assert!(tables(MANY_CODES_MAX, MANY) <= ROOM - BYTES, "the room is enough for all tables");

/// Distinct tests, by column.
pub struct Asks {
    columns: Box<[Column]>,
    /// Of columns of ranks, ascending in each: what is above goes right.
    above: Box<[u8]>,
    /// Of columns of codes.
    rights: Box<[Rights]>,
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

impl Asks {
    /// Returns what fills in the words of these tests, which are sorted.
    pub fn new(tests: &[ByteTest], ranks: &Ranks) -> Asks {
        let (mut columns, mut above, mut rights) = (Vec::new(), Vec::new(), Vec::new());
        for tests in tests.chunk_by(|a, b| a.column == b.column) {
            let byte = usize::from(tests[0].column);
            let codes = tests[0].set.map(|_| ranks.codes_of(byte));
            let first = if codes.is_some() { rights.len() } else { above.len() };
            for test in tests {
                match test.set {
                    Some(set) => rights.push(ranks.rights[set as usize]),
                    None => above.push(test.above),
                }
            }
            columns.push(Column { byte, first, count: tests.len(), codes });
        }
        Asks { columns: columns.into(), above: above.into(), rights: rights.into() }
    }

    /// Returns how many tests there are.
    pub fn count(&self) -> usize {
        self.above.len() + self.rights.len()
    }

    /// Fills in all words but those that steps make; `numbers` those of a column of ranks. Behind the words there is [`ROOM`].
    #[inline(always)]
    pub fn fill<const W: usize>(
        &self,
        ranks: &[u8],
        words: Words<'_, W>,
        numbers: impl Fn(&[u8], &[u8], &mut [[u64; W]; BYTES], Words<'_, W>),
    ) {
        let (words, room) = words.split_at_mut(words.len() - ROOM);
        let (alone, tables) = room.split_first_chunk_mut().expect("there is room");
        words[ZEROS as usize] = [0; W];
        words[ONES as usize] = [u64::MAX; W];
        let mut next = TESTS;
        for column in &self.columns {
            let bytes = &ranks[column.byte * W * LANES..][..W * LANES];
            let out = &mut words[next..next + column.count];
            match column.codes {
                None => numbers(bytes, &self.above[column.first..][..column.count], alone, out),
                Some(codes) => {
                    let rights = &self.rights[column.first..][..column.count];
                    each_alone(bytes, alone);
                    match codes <= MANY_CODES_MAX && rights.len() >= MANY_SETS_MIN {
                        true => sets::<W, MANY, { 1 << MANY }>(codes, rights, alone, tables, out),
                        false => sets::<W, FEW, { 1 << FEW }>(codes, rights, alone, tables, out),
                    }
                }
            }
            next += column.count;
        }
    }
}

/// Finds the rows of each rank or code.
#[inline(always)]
fn each_alone<const W: usize>(bytes: &[u8], alone: &mut [[u64; W]; BYTES]) {
    alone.fill([0; W]);
    // Neighbours go to other words: the one before need not be waited for.
    for row in 0..LANES {
        for w in 0..W {
            alone[usize::from(bytes[w * LANES + row])][w] |= 1 << row;
        }
    }
}

/// Finds the rows whose ranks are above those given.
#[inline(always)]
pub fn numbers<const W: usize>(bytes: &[u8], above: &[u8], alone: &mut [[u64; W]; BYTES], out: Words<'_, W>) {
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

/// Finds the rows that each set sends right, `N` codes at a time, which may come to `OF`.
#[inline(always)]
fn sets<const W: usize, const N: usize, const OF: usize>(
    codes: usize,
    rights: &[Rights],
    alone: &[[u64; W]; BYTES],
    tables: Words<'_, W>,
    out: Words<'_, W>,
) {
    let tables = tables.as_chunks_mut::<OF>().0;
    for (codes, tables) in alone[..codes].chunks(CODES).zip(tables.chunks_mut(CODES.div_ceil(N))) {
        for (codes, table) in codes.chunks(N).zip(tables) {
            table[0] = [0; W];
            for some in 1..1 << codes.len() {
                // The rows of all of them but one, and that one's.
                table[some] = table[some & (some - 1)];
                add(&mut table[some], &codes[some.trailing_zeros() as usize]);
            }
        }
    }
    for (rights, out) in rights.iter().zip(out) {
        let mut rows = [0; W];
        let words = rights.as_chunks().0.iter().zip((0..codes).step_by(CODES)).zip(tables.chunks(CODES.div_ceil(N)));
        for ((bytes, first), tables) in words {
            let mut rights = u64::from_le_bytes(*bytes);
            for table in &tables[..(codes - first).min(CODES).div_ceil(N)] {
                add(&mut rows, &table[rights as usize % OF]);
                rights >>= N;
            }
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
        super::{codes::is_right, tests::Random},
        *,
    };

    #[test]
    fn sets_send_right_whom_they_say_however_many_codes_are_looked_up_together() {
        let mut random = Random(7);
        for codes in [1, 5, 42, 63, 64, 65, 200, BYTES] {
            let bytes: Vec<u8> = (0..2 * LANES).map(|_| random.below(codes) as u8).collect();
            let rights: Vec<Rights> = (0..20)
                .map(|_| {
                    let mut rights = Rights::default();
                    (0..codes).for_each(|code| rights[code / 8] |= (random.below(2) as u8) << (code % 8));
                    rights
                })
                .collect();
            let (mut alone, mut tables) = ([[0; 2]; BYTES], vec![[u64::MAX; 2]; ROOM - BYTES]);
            each_alone(&bytes, &mut alone);
            let (mut few, mut many) = (vec![[0; 2]; rights.len()], vec![[0; 2]; rights.len()]);
            sets::<2, FEW, { 1 << FEW }>(codes, &rights, &alone, &mut tables, &mut few);
            if codes <= MANY_CODES_MAX {
                sets::<2, MANY, { 1 << MANY }>(codes, &rights, &alone, &mut tables, &mut many);
                assert_eq!(few, many, "{codes} codes");
            }
            for (rights, rows) in rights.iter().zip(&few) {
                for (row, code) in bytes.iter().enumerate() {
                    assert_eq!(rows[row / LANES] >> (row % LANES) & 1 != 0, is_right(rights, *code), "{codes} codes");
                }
            }
        }
    }
}

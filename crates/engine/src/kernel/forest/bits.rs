//! What the tests of many trees say of a block of rows: a bit a row, a word 64 rows, each distinct test once.
//!
//! Trees share tests: 500 boosted trees have a half or a quarter as many distinct ones as nodes. The bits of a column's tests are found
//! from those of each rank alone: above `k` are the rows at `k + 1` and those above it. The bits of a set are those of its codes
//! together, four codes at a time by a table.

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

/// Codes that are looked up together, and what they may come to.
const FOUR: usize = 4;
const OF_FOUR: usize = 1 << FOUR;

/// Words of room that it takes to find those of tests.
pub const ROOM: usize = BYTES + BYTES / FOUR * OF_FOUR;

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
        let (alone, fours) = room.split_first_chunk_mut().expect("there is room");
        words[ZEROS as usize] = [0; W];
        words[ONES as usize] = [u64::MAX; W];
        let mut next = TESTS;
        for column in &self.columns {
            let bytes = &ranks[column.byte * W * LANES..][..W * LANES];
            let out = &mut words[next..next + column.count];
            match column.codes {
                None => numbers(bytes, &self.above[column.first..][..column.count], alone, out),
                Some(codes) => sets(bytes, codes, &self.rights[column.first..][..column.count], alone, fours, out),
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

/// Finds the rows that each set sends right.
#[inline(always)]
fn sets<const W: usize>(
    bytes: &[u8],
    codes: usize,
    rights: &[Rights],
    alone: &mut [[u64; W]; BYTES],
    fours: Words<'_, W>,
    out: Words<'_, W>,
) {
    each_alone(bytes, alone);
    let fours = &mut fours.as_chunks_mut::<OF_FOUR>().0[..codes.div_ceil(FOUR)];
    for (of, alone) in fours.iter_mut().zip(alone.as_chunks::<FOUR>().0) {
        of[0] = [0; W];
        for some in 1..OF_FOUR {
            // The rows of all of them but one, and that one's.
            of[some] = of[some & (some - 1)];
            add(&mut of[some], &alone[some.trailing_zeros() as usize]);
        }
    }
    for (rights, out) in rights.iter().zip(out) {
        let mut rows = [0; W];
        for (pair, rights) in fours.chunks(2).zip(rights) {
            add(&mut rows, &pair[0][usize::from(rights & 15)]);
            if let Some(high) = pair.get(1) {
                add(&mut rows, &high[usize::from(rights >> 4)]);
            }
        }
        *out = rows;
    }
}

#[inline(always)]
fn add<const W: usize>(rows: &mut [u64; W], more: &[u64; W]) {
    (0..W).for_each(|w| rows[w] |= more[w]);
}

//! What runs on ranks: the first levels of trees, or all, for many rows; answers and walks for few.

use model::column::Row;

use super::{
    answered::{self, Asking},
    answers::Answers,
    bits::BLOCK_ROWS,
    descend::{self, Steps},
    few,
    keys::Keys,
    normal::Normal,
    packed::{Narrow, Node, Packed, ROW_KEYS, Sided, Wide},
    ranks::{ByteTest, Ranks},
    run::{self, Choice, Feed, Wants},
    simd::{self, Isa},
    sum::{Sink, Sums},
    tile::{Block, Tiles},
    tops::Tops,
};

pub struct Ranked {
    isa: Isa,
    pub ranks: Ranks,
    tiles: Tiles,
    answers: Option<Answers>,
    /// Nothing where nodes are too many, or ask too many columns.
    walks: Option<Walks>,
    /// Whether it takes few rows.
    pub takes_few: bool,
    /// Fewest rows that tiles are for.
    pub tile_rows_min: usize,
}

/// Trees that are walked: deep ones by many rows, those by few that answers are not for.
enum Walks {
    Ranks(Packed<Narrow>),
    /// Of few rows only.
    Sides(Packed<Sided>),
    Keys(Packed<Wide>, Keys),
}

/// Bytes for each column from which on keys take less time.
const KEYS_PAY: usize = 3;

impl Ranked {
    pub fn new(normal: &Normal, sums: &Sums, wants: Wants, choice: Choice) -> Option<Ranked> {
        let all = Ranks::new(normal, |_| true);
        let is_long = all.as_ref().is_none_or(|(ranks, _)| ranks.bytes > KEYS_PAY * normal.columns.len());
        if is_long && !normal.trees.iter().all(Answers::takes) {
            let by_keys = Ranked::by_keys(normal, sums, choice);
            if by_keys.is_some() {
                return by_keys;
            }
        }
        let (mut ranks, tests) = all?;
        let adds = (wants.scores && !wants.leaves && !sums.needs_leaves()).then_some(sums);
        let answers =
            if choice.few && choice.isa == Isa::Avx512Vbmi { Answers::new(normal, &ranks, &tests, adds) } else { None };
        let tops = Tops::new(normal);
        let is_walked = |tree: usize| answers.is_none() || !Answers::takes(&normal.trees[tree]);
        let takes = |tree: usize| choice.few && is_walked(tree) || tops.is_deep(tree);
        // Walks of many rows have no sets.
        if choice.few && !tops.any() && (0..normal.trees.len()).any(is_walked) {
            ranks.add_sides();
        }
        let asked = |node: usize| match tests[node] {
            ByteTest { column, above, set: None } => Some((column, i32::from(above))),
            ByteTest { set: Some(set), .. } => ranks.side(set).map(|side| (side, 0)),
        };
        let packed = match ranks.has_sides() {
            false => Packed::new(normal, &tops, takes, asked, 0).map(Walks::Ranks),
            true => Packed::new(normal, &tops, takes, asked, 0).map(Walks::Sides),
        };
        Some(Ranked::of(normal, sums, choice, (ranks, tests), answers, packed))
    }

    /// Returns what walks on keys; nothing where those are not for the forest.
    fn by_keys(normal: &Normal, sums: &Sums, choice: Choice) -> Option<Ranked> {
        let tops = Tops::new(normal);
        let ranked = Ranks::new(normal, |node| tops.is_compared(node))?;
        let keys = Keys::new(normal, &ranked.0)?;
        let takes = |tree: usize| choice.few || tops.is_deep(tree);
        let packed = Packed::new(normal, &tops, takes, |node| Some(keys.asked(&normal.nodes[node])), keys.never())?;
        Some(Ranked::of(normal, sums, choice, ranked, None, Some(Walks::Keys(packed, keys))))
    }

    fn of(
        normal: &Normal,
        sums: &Sums,
        choice: Choice,
        (ranks, tests): (Ranks, Box<[ByteTest]>),
        answers: Option<Answers>,
        walks: Option<Walks>,
    ) -> Ranked {
        // Without walks all nodes are compared, by pages.
        let tops = if walks.is_some() { Tops::new(normal) } else { Tops::none(normal) };
        let tiles = Tiles::new(normal, &tops, &tests, &ranks, sums, choice.isa);
        let takes_few = choice.few && walks.is_some();
        let walked = match &walks {
            Some(Walks::Ranks(packed)) => packed.trees(),
            Some(Walks::Sides(packed)) => packed.trees(),
            Some(Walks::Keys(packed, _)) => packed.trees(),
            None => normal.trees.len(),
        };
        let step = if takes_few { 1.3 } else { 1.8 };
        let rows_min = || tile_rows_min(normal, &tops, &tiles, step, walked, choice.isa);
        let tile_rows_min = choice.tile_rows_min.unwrap_or_else(rows_min);
        Ranked { isa: choice.isa, ranks, tiles, answers, walks, takes_few, tile_rows_min }
    }

    /// Returns what walks are on.
    #[cfg(test)]
    pub fn walks(&self) -> &'static str {
        match self.walks {
            Some(Walks::Ranks(_)) => "ranks",
            Some(Walks::Sides(_)) => "sides",
            Some(Walks::Keys(..)) => "keys",
            None => "none",
        }
    }

    /// Runs a block of rows by tiles.
    pub fn run_tile(&self, rows: usize, feed: &impl Feed, sink: &mut Sink<'_>, scratch: &mut run::Room<'_>) {
        let run::Room { bytes, keys, apart: words, block, lanes, sums } = scratch;
        let room = self.tiles.lanes(rows);
        let block = run::aligned(block, self.ranks.block_room(room));
        let ranks_end = room * self.ranks.bytes;
        let bytes = run::aligned(bytes, ranks_end + descend::BEHIND);
        // Eight go together: they fill lines of the cache.
        let mut eight = [Row::Dense(&[]); 8];
        feed.each(self.ranks.features_min(), sink, |row, x| {
            eight[lanes.len() % 8] = x;
            lanes.push(row);
            if lanes.len().is_multiple_of(8) {
                self.ranks.gather(&eight, block, lanes.len() - 8, room);
            }
        });
        let rest = lanes.len() % 8;
        self.ranks.gather(&eight[..rest], block, lanes.len() - rest, room);
        self.ranks.of_block(self.isa, block, room, &mut bytes[..ranks_end]);
        let tile = Block { lanes: room, ranks: bytes, rows: lanes, words, sums };
        match &self.walks {
            Some(Walks::Ranks(packed)) => self.tiles.run(sink.sums, tile, sink, |tree, ranks, leaves| {
                self.below(packed, tree, descend::Cells { cells: ranks, lanes: room }, leaves);
            }),
            Some(Walks::Keys(packed, of)) => {
                keys.resize(of.cells() * room, 0);
                of.of_block(self.isa, block, room, keys);
                let cells = descend::Cells { cells: &keys[..], lanes: room };
                self.tiles.run(sink.sums, tile, sink, |tree, _, leaves| {
                    self.below(packed, tree, cells, leaves);
                });
            }
            Some(Walks::Sides(_)) | None => self.tiles.run(sink.sums, tile, sink, |_, _, _| {}),
        }
    }

    /// Finds the leaves that rows reach in a deep tree from the exits of its first levels.
    fn below<N: Steps>(
        &self,
        packed: &Packed<N>,
        tree: usize,
        cells: descend::Cells<'_, N::Cell>,
        leaves: &mut [u32; BLOCK_ROWS],
    ) {
        if let Some(below) = packed.below(tree) {
            N::leaves(self.isa, packed, below, cells, leaves);
        }
    }

    /// Runs rows one by one.
    pub fn run_few(&self, rows: usize, feed: &impl Feed, sink: &mut Sink<'_>, scratch: &mut run::Room<'_>) {
        match &self.walks {
            Some(Walks::Ranks(packed)) => self.run_few_on(packed, rows, feed, sink, scratch),
            Some(Walks::Sides(packed)) => self.run_few_on(packed, rows, feed, sink, scratch),
            Some(Walks::Keys(packed, of)) => {
                let run::Room { keys, lanes, sums, .. } = scratch;
                keys.resize(rows * ROW_KEYS, 0);
                let cells = keys.as_chunks_mut().0;
                feed.each(self.ranks.features_min(), sink, |row, x| {
                    of.of_row(run::dense_row(x, sums), &mut cells[lanes.len()]);
                    lanes.push(row);
                });
                for (cells, lanes) in cells.chunks(few::ROWS).zip(lanes.chunks(few::ROWS)) {
                    few::walk(packed, cells.iter(), lanes, sink);
                }
            }
            None => {}
        }
    }

    fn run_few_on<N: Node<Cells = [u8; ROOM]>, const ROOM: usize>(
        &self,
        packed: &Packed<N>,
        rows: usize,
        feed: &impl Feed,
        sink: &mut Sink<'_>,
        scratch: &mut run::Room<'_>,
    ) {
        let run::Room { bytes, apart, lanes, sums, .. } = scratch;
        let room = self.ranks.row_room();
        bytes.resize(rows * room, 0);
        feed.each(self.ranks.features_min(), sink, |row, x| {
            let out = &mut bytes[lanes.len() * room..][..room];
            simd::of_row(self.isa, &self.ranks, run::dense_row(x, sums), out);
            lanes.push(row);
        });
        for (bytes, lanes) in bytes.chunks(few::ROWS * room).zip(lanes.chunks(few::ROWS)) {
            if let Some(answers) = &self.answers {
                // What was not fed is of other rows.
                answered::apart(answers, &bytes[..lanes.len() * room], room, apart);
                let asking = Asking { ranks: bytes, room, rows: lanes.len(), apart };
                if few::answer(answers, asking, lanes, sink) {
                    continue;
                }
            }
            let cells = bytes.chunks_exact(room);
            let cells = cells.map(|row| row.first_chunk().expect("a row has room for what nodes can name"));
            few::walk(packed, cells, lanes, sink);
        }
    }
}

/// Returns the fewest rows for which tiles take less time than rows one by one, by what parts of them were measured to take (in
/// nanoseconds, with AVX-512, AVX2, or neither). It decides about time alone: every way has the same bits.
fn tile_rows_min(normal: &Normal, tops: &Tops, tiles: &Tiles, step: f64, walked: usize, isa: Isa) -> usize {
    let trees = normal.trees.len() as f64;
    let levels: f64 = normal.trees.iter().map(|tree| f64::from(tree.depth)).sum();
    let deep = normal.trees.iter().enumerate().filter(|(number, _)| tops.is_deep(*number));
    let below: f64 = deep.map(|(_, tree)| f64::from(tree.depth) - 4.0).sum();
    // A step of a walk, and a tree by its answers.
    let row = walked as f64 / trees * levels * step + (trees - walked as f64) * 2.6;
    // Of a small block and, by row, of a full one: a test, a step, a tree; a step below the first levels.
    let (small, full, below_step) = match isa {
        Isa::Avx512 | Isa::Avx512Vbmi => ([1.0, 1.1, 28.0], [0.01, 0.003, 0.5], 0.45),
        Isa::Avx2 => ([3.0, 1.5, 40.0], [0.016, 0.008, 1.2], 1.1),
        Isa::Portable => ([3.0, 1.8, 48.0], [0.02, 0.012, 1.2], 1.1),
    };
    let (tests, steps) = tiles.work();
    let takes = |[test, step, tree]: [f64; 3]| tests as f64 * test + steps as f64 * step + trees * tree;
    if takes(full) + below * below_step > row {
        return usize::MAX;
    }
    let of_row = (row - below * below_step).max(1.0);
    (takes(small) / of_row).clamp(4.0, 128.0) as usize
}

//! Features straight from the columns that their numbers and categories stand in, 64 rows of a column at a time.
//!
//! `Assemble` reads vectors; most of them hold one entry, made of single numbers by `OneHot` or `Interact`. Here such an entry is
//! reckoned where it is needed, so that no vector of its own is written and read again, and each column is one loop without a
//! branch. The compiler finds what can be seen through ([`crate::compile`]).
//!
//! This way is taken only while every live row is plain: no null, NaN or category that an op refuses, drops or gives a place of
//! its own by another rule. Else the tile runs the instructions as they stand in the plan, which say what becomes of each row.
//! Both ways give the same bits: products are multiplied from the last factor to the first, beginning with 1.

use model::{Type, column::Row};
use plan::{Compressed, EncodeOp, FeatureOp, Interacting, Invalid, Op, ValueType};

use crate::{
    frame::{Cells, Env, Frame, Home, Scratch, as_f64},
    kernel::vector::{end_compressed, spread},
    program::Body,
    run::run_body,
    store::VectorStore,
};

/// Rows that are taken together: those of a word of the live mask.
const LANES: usize = 64;

/// Most entries of a row that is gathered, and longest row of a matrix.
const ENTRIES_MAX: usize = 128;
const MATRIX_MAX: usize = 256;

/// `Assemble` and what is seen through.
pub struct Direct {
    sources: Box<[Source]>,
    size: usize,
    form: Form,
    /// Nulls and NaN are NaN.
    keep: bool,
    /// The instructions as they stand in the plan.
    otherwise: Body,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// So few entries that every row is sparse: they are gathered, zeros left out.
    Entries,
    /// A matrix of all rows; each ends in the smaller form.
    Matrix(Compressed),
}

/// What stands from one place on.
struct Source {
    start: u32,
    kind: Kind,
}

/// Inputs are numbered as the instruction has them.
enum Kind {
    Number(usize),
    OneHot { input: usize, category: Category, size: u32 },
    Product(Box<[Factor]>),
    Vector { input: usize, size: usize },
}

struct Factor {
    input: usize,
    /// The category and how far apart its places lie; a number where there is none.
    category: Option<(Category, u32)>,
}

#[derive(Clone, Copy)]
struct Category {
    count: u32,
    /// Numbers between two categories are cut; else there is no such category.
    cut: bool,
    /// Whether all others have the place after the last.
    keep: bool,
}

/// What an input of `Assemble` is made of.
pub(crate) enum Made<'a> {
    /// It is read as it is.
    Itself(&'a ValueType),
    /// By an op of single numbers.
    By(&'a Op),
}

/// Rows whose places in the tile begin at `base`.
#[derive(Clone, Copy)]
struct Lanes {
    base: usize,
    count: usize,
    live: u64,
}

// === impl Direct ===

impl Direct {
    /// Returns the kernel for an `Assemble` of such inputs, where it would gain something.
    pub(crate) fn new(invalid: Invalid, form: Compressed, inputs: &[Made<'_>]) -> Option<Direct> {
        let mut sources = Vec::with_capacity(inputs.len());
        let (mut start, mut next) = (0u32, 0);
        for made in inputs {
            let (kind, size, read) = kind(made, next)?;
            sources.push(Source { start, kind });
            (start, next) = (start.checked_add(size)?, next + read);
        }
        let is_vector = |source: &Source| matches!(source.kind, Kind::Vector { .. });
        let size = start as usize;
        let is_few = sources.len() <= ENTRIES_MAX && form.is_sparse(sources.len(), size);
        let form = match is_few && !sources.iter().any(is_vector) {
            true => Form::Entries,
            false if size <= MATRIX_MAX && !sources.iter().all(is_vector) => Form::Matrix(form),
            false => return None,
        };
        let otherwise = Body::default();
        Some(Direct { sources: sources.into(), size, form, keep: invalid == Invalid::Keep, otherwise })
    }

    /// Returns the kernel with what is done for rows that are not plain.
    pub(crate) fn or(self, otherwise: Body) -> Direct {
        Direct { otherwise, ..self }
    }

    pub(crate) fn run(
        &self,
        env: &Env<'_>,
        inputs: &[Home],
        outputs: &[Option<Home>],
    ) -> Result<(), model::PredictError> {
        let [Some(output)] = *outputs else { return Ok(()) };
        let is_done = {
            let mut out = env.frame.vectors_mut(output);
            let mut scratch = env.frame.scratch();
            match self.form {
                Form::Entries => self.entries(env.frame, inputs, &mut scratch, &mut out),
                Form::Matrix(form) => self.matrix(env.frame, inputs, form, &mut scratch, &mut out),
            }
        };
        if is_done { Ok(()) } else { run_body(&self.otherwise, env.frame, env.call) }
    }

    /// Gathers each row's entries; returns whether all rows were plain.
    fn entries(&self, frame: &Frame, inputs: &[Home], scratch: &mut Scratch, out: &mut VectorStore) -> bool {
        let (rows, count) = (frame.rows(), self.sources.len());
        out.clear_for(rows, count);
        let mut room = Room::new(scratch);
        for lanes in Lanes::all(frame) {
            let (begin, end) = (lanes.base * count, (lanes.base + lanes.count) * count);
            let mut stored = [0; LANES];
            for source in &self.sources {
                if !source.reckon(self.keep, frame, inputs, lanes, &mut room) {
                    return false;
                }
                let (indices, values) = (&mut out.indices[begin..end], &mut out.values[begin..end]);
                for (lane, stored) in stored[..lanes.count].iter_mut().enumerate() {
                    // Whether it is zero is as good as random: it is written, and kept or not.
                    let at = lane * count + *stored;
                    (indices[at], values[at]) = (room.places[lane], room.values[lane]);
                    *stored += usize::from(room.values[lane] != 0.0);
                }
            }
            for (lane, &stored) in stored[..lanes.count].iter().enumerate() {
                if lanes.is_live(lane) {
                    out.end_entries(self.size as u32, begin + lane * count, stored);
                } else {
                    out.push_null();
                }
            }
        }
        true
    }

    /// Fills a matrix; returns whether all rows were plain.
    fn matrix(
        &self,
        frame: &Frame,
        inputs: &[Home],
        form: Compressed,
        scratch: &mut Scratch,
        out: &mut VectorStore,
    ) -> bool {
        let size = self.size;
        out.clear_with_room(frame.rows() * size);
        // A number is written to its place in every row; of other entries, all but one place is left to be zero.
        let is_filled = self.sources.iter().all(|source| matches!(source.kind, Kind::Number(_)));
        let mut room = Room::new(scratch);
        for lanes in Lanes::all(frame) {
            let begin = lanes.base * size;
            if !is_filled {
                out.values[begin..begin + lanes.count * size].fill(0.0);
            }
            for source in &self.sources {
                let matrix = &mut out.values[begin..begin + lanes.count * size];
                if let Kind::Number(input) = source.kind {
                    let places = matrix.iter_mut().skip(source.start as usize).step_by(size);
                    if lanes.copy(&frame.cells(inputs[input]), self.keep, places) {
                        continue;
                    }
                }
                if let Kind::Vector { input, size: part } = source.kind {
                    let place = source.start as usize..source.start as usize + part;
                    if !vectors(frame, inputs[input], lanes, matrix, size, place) {
                        return false;
                    }
                    continue;
                }
                if !source.reckon(self.keep, frame, inputs, lanes, &mut room) {
                    return false;
                }
                let entries = room.places.iter().zip(&*room.values);
                for (row, (&place, value)) in matrix.chunks_exact_mut(size).zip(entries) {
                    row[place as usize] = value + 0.0;
                }
            }
            for lane in 0..lanes.count {
                if lanes.is_live(lane) {
                    end_compressed(out, begin + lane * size, size, form);
                } else {
                    out.push_null();
                }
            }
        }
        true
    }
}

/// Returns the source of an input, its size, and how many columns it reads, the first of which has this number.
fn kind(made: &Made<'_>, input: usize) -> Option<(Kind, u32, usize)> {
    let one = |kind, size| Some((kind, size, 1));
    match made {
        Made::Itself(ValueType { ty: Type::Vector { size }, .. }) => {
            let size = (*size)?;
            one(Kind::Vector { input, size: size as usize }, size)
        }
        Made::Itself(ty) if is_cells(ty) => one(Kind::Number(input), 1),
        Made::Itself(_) => None,
        Made::By(Op::Encode(op @ EncodeOp::OneHot { categories, invalid, .. })) => {
            let category = Category { count: *categories, cut: true, keep: *invalid == Invalid::Keep };
            let size = Some(op.one_hot_size()).filter(|size| *size > 0)?;
            one(Kind::OneHot { input, category, size }, size)
        }
        Made::By(Op::Feature(FeatureOp::Interact { parts, .. })) => {
            let (mut stride, mut factors) = (1u32, Vec::with_capacity(parts.len()));
            for (at, part) in parts.iter().enumerate().rev() {
                let category = part.categories.first().map(|&(_, count)| Category { count, cut: false, keep: false });
                factors.push(Factor { input: input + at, category: category.map(|category| (category, stride)) });
                stride = stride.checked_mul(u32::try_from(part.encoded()).ok()?)?;
            }
            Some((Kind::Product(factors.into()), stride, parts.len()))
        }
        Made::By(_) => None,
    }
}

/// Returns whether values of this type are cells, one a row.
pub(crate) fn is_cells(ty: &ValueType) -> bool {
    ty.place == plan::Place::Rows(0) && ty.ty.as_scalar().is_some_and(|dtype| !dtype.is_decimal())
}

/// Returns whether an op makes vectors of one entry out of inputs of these types, so that it can be seen through.
pub(crate) fn is_clear(op: &Op, mut inputs: impl Iterator<Item = ValueType>) -> bool {
    let single = |part: &Interacting| part.size.is_none();
    let clear = match op {
        Op::Encode(EncodeOp::OneHot { .. }) => true,
        Op::Feature(FeatureOp::Interact { parts, .. }) => parts.iter().all(single),
        _ => false,
    };
    clear && inputs.all(|ty| is_cells(&ty))
}

/// Puts vectors of the right size into their part of each row; returns whether all are there.
fn vectors(
    frame: &Frame,
    home: Home,
    lanes: Lanes,
    matrix: &mut [f64],
    size: usize,
    place: std::ops::Range<usize>,
) -> bool {
    let vectors = frame.vectors(home);
    for (lane, row) in matrix.chunks_exact_mut(size).enumerate().filter(|(lane, _)| lanes.is_live(*lane)) {
        let vector: Row<'_> = vectors.row(lanes.base + lane);
        if !vectors.is_valid(lanes.base + lane) || vector.size() != place.len() {
            return false;
        }
        spread(vector, &mut row[place.clone()]);
    }
    true
}

// === impl Lanes ===

impl Lanes {
    /// Returns the rows of the frame, in order.
    fn all(frame: &Frame) -> impl Iterator<Item = Lanes> + '_ {
        let rows = frame.rows();
        (0..rows).step_by(LANES).map(move |base| {
            let live = frame.live_words()[base / LANES].get();
            Lanes { base, count: (rows - base).min(LANES), live }
        })
    }

    #[inline]
    fn is_live(self, lane: usize) -> bool {
        self.live >> lane & 1 == 1
    }

    /// Returns the live lanes that are null.
    fn missing(self, cells: &Cells<'_>) -> u64 {
        self.live & !cells.valid_words()[self.base / LANES].get()
    }

    /// Copies the lanes' numbers to their places, zeros without a sign; returns whether all are there and, unless they are kept, no
    /// NaN is among them.
    #[inline]
    fn copy<'p>(self, cells: &Cells<'_>, keep: bool, places: impl Iterator<Item = &'p mut f64>) -> bool {
        let from = &cells.data()[self.base..self.base + self.count];
        let mut has_nan = false;
        let mut put = |place: &mut f64, number: f64| {
            has_nan |= number.is_nan();
            *place = number + 0.0;
        };
        match cells.dtype {
            model::DType::F64 => places.zip(from).for_each(|(place, cell)| put(place, f64::from_bits(cell.get()))),
            dtype => places.zip(from).for_each(|(place, cell)| put(place, as_f64(dtype, cell.get()))),
        }
        self.missing(cells) == 0 && (keep || !has_nan)
    }

    /// Writes the lanes' numbers; those of nulls have no meaning.
    #[inline]
    fn numbers(self, cells: &Cells<'_>, to: &mut [f64]) {
        let from = &cells.data()[self.base..self.base + to.len()];
        match cells.dtype {
            model::DType::F64 => to.iter_mut().zip(from).for_each(|(to, cell)| *to = f64::from_bits(cell.get())),
            dtype => to.iter_mut().zip(from).for_each(|(to, cell)| *to = as_f64(dtype, cell.get())),
        }
    }
}

/// Room for the places and values of one source, and for those of one factor: [`LANES`] each.
struct Room<'s> {
    places: &'s mut [u32],
    values: &'s mut [f64],
    own_places: &'s mut [u32],
    own_values: &'s mut [f64],
}

impl Room<'_> {
    fn new(scratch: &mut Scratch) -> Room<'_> {
        let len = 2 * LANES;
        let Scratch { numbers, words, .. } = scratch;
        if numbers.len() < len {
            numbers.resize(len, 0.0);
        }
        if words.len() < len {
            words.resize(len, 0);
        }
        let (places, own_places) = words.split_at_mut(LANES);
        let (values, own_values) = numbers.split_at_mut(LANES);
        Room { places, values, own_places: &mut own_places[..LANES], own_values: &mut own_values[..LANES] }
    }
}

// === impl Source ===

impl Source {
    /// Writes the lanes' entries; returns whether all live ones are plain. Of others the place stays within the source.
    fn reckon(&self, keep: bool, frame: &Frame, inputs: &[Home], lanes: Lanes, room: &mut Room<'_>) -> bool {
        let places = &mut room.places[..lanes.count];
        let values = &mut room.values[..lanes.count];
        let own_places = &mut room.own_places[..lanes.count];
        let own_values = &mut room.own_values[..lanes.count];
        match &self.kind {
            Kind::Vector { .. } => unreachable!("vectors are no single entries"),
            Kind::Number(input) => {
                places.fill(self.start);
                number(keep, &frame.cells(inputs[*input]), lanes, values)
            }
            Kind::OneHot { input, category, size } => {
                let is_plain = category.reckon(&frame.cells(inputs[*input]), lanes, own_values, places);
                for (place, value) in places.iter_mut().zip(values) {
                    let is_shown = *place < *size;
                    *place = self.start + if is_shown { *place } else { 0 };
                    *value = f64::from(u8::from(is_shown));
                }
                is_plain
            }
            Kind::Product(factors) => {
                places.fill(self.start);
                values.fill(1.0);
                factors.iter().all(|factor| {
                    let cells = frame.cells(inputs[factor.input]);
                    let Some((category, stride)) = factor.category else {
                        lanes.numbers(&cells, own_values);
                        values.iter_mut().zip(&*own_values).for_each(|(value, own)| *value *= own);
                        return lanes.missing(&cells) == 0;
                    };
                    let is_plain = category.reckon(&cells, lanes, own_values, own_places);
                    if is_plain {
                        places.iter_mut().zip(&*own_places).for_each(|(place, own)| *place += own * stride);
                    }
                    is_plain
                })
            }
        }
    }
}

/// Writes numbers; returns whether none of the live ones is null or NaN, or else both are kept as NaN.
fn number(keep: bool, cells: &Cells<'_>, lanes: Lanes, values: &mut [f64]) -> bool {
    lanes.numbers(cells, values);
    let missing = lanes.missing(cells);
    let has_nan = values.iter().fold(false, |has, value| has | value.is_nan());
    if missing == 0 && (keep || !has_nan) {
        return true;
    }
    let nulls = values.iter_mut().enumerate().filter(|(lane, _)| missing >> lane & 1 == 1);
    if keep {
        nulls.for_each(|(_, value)| *value = f64::NAN);
        return true;
    }
    missing == 0 && !values.iter().enumerate().any(|(lane, value)| value.is_nan() && lanes.is_live(lane))
}

impl Category {
    /// Writes the lanes' categories; returns whether all live ones have one. `numbers` is room.
    fn reckon(self, cells: &Cells<'_>, lanes: Lanes, numbers: &mut [f64], places: &mut [u32]) -> bool {
        /// From here on float64 has no fractions: a whole number added to it stands in the low bits.
        const WHOLE: f64 = (1u64 << 52) as f64;
        lanes.numbers(cells, numbers);
        let count = f64::from(self.count);
        let mut fit = true;
        for (place, &number) in places.iter_mut().zip(&*numbers) {
            let raised = number + WHOLE;
            fit &= (raised - WHOLE == number) & (number >= 0.0) & (number < count);
            *place = raised.to_bits() as u32;
        }
        if lanes.missing(cells) != 0 {
            return false;
        }
        fit || numbers.iter().zip(places).enumerate().all(|(lane, (&number, place))| {
            let found = self.place(number);
            *place = found.unwrap_or(0);
            found.is_some() || !lanes.is_live(lane)
        })
    }

    fn place(self, number: f64) -> Option<u32> {
        // The comparison comes before the cut: -0.5 is no category.
        match 0.0 <= number && number < f64::from(self.count) {
            true if self.cut || number == number.trunc() => Some(number as u32),
            _ => self.keep.then_some(self.count),
        }
    }
}

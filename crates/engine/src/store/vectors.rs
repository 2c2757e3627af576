//! [`VectorStore`]: vectors, each dense or sparse.

/// Vectors, each dense or sparse.
#[derive(Debug, Default)]
pub struct VectorStore {
    rows: Vec<VectorRow>,
    /// The size of the rows where they are known to be those of a matrix.
    matrix: Option<u32>,
    pub indices: Vec<u32>,
    pub values: Vec<f64>,
}

#[derive(Clone, Copy, Debug)]
struct VectorRow {
    /// Number of elements; [`NULL`] where the row is null.
    size: u32,
    /// First of the row's indices; [`DENSE`] where it stores none.
    index: u32,
    value: u32,
    /// Number of stored values.
    stored: u32,
}

const NULL: u32 = u32::MAX;
const DENSE: u32 = u32::MAX;

impl VectorStore {
    pub fn clear(&mut self) {
        self.clear_rows();
        self.indices.clear();
        self.values.clear();
    }

    /// Forgets the rows; each of the coming ones has room for so many entries from `row * entries` on, in `indices` and in
    /// `values`. What stands there has no meaning.
    pub fn clear_for(&mut self, rows: usize, entries: usize) {
        self.clear_rows();
        self.indices.resize(rows * entries, 0);
        self.values.resize(rows * entries, 0.0);
    }

    /// Forgets the rows; `values` holds so many numbers then, whatever they are: for rows that end with
    /// [`VectorStore::end_dense_at`] and [`VectorStore::end_sparse_at`].
    pub fn clear_with_room(&mut self, values: usize) {
        self.clear_rows();
        self.indices.clear();
        if self.values.len() < values {
            self.values.resize(values, 0.0);
        }
    }

    fn clear_rows(&mut self) {
        self.rows.clear();
        self.matrix = None;
    }

    pub(super) fn bytes_held(&self) -> usize {
        self.rows.capacity() * 16 + self.indices.capacity() * 4 + self.values.capacity() * 8
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    #[inline]
    pub fn is_valid(&self, row: usize) -> bool {
        self.rows[row].size != NULL
    }

    pub fn all_valid(&self) -> bool {
        self.matrix.is_some() || self.rows.iter().all(|row| row.size != NULL)
    }

    /// Returns the row; of a null one, an empty dense vector.
    #[inline]
    pub fn row(&self, row: usize) -> model::column::Row<'_> {
        let r = self.rows[row];
        let values = &self.values[r.value as usize..(r.value + r.stored) as usize];
        if r.index == DENSE {
            model::column::Row::Dense(values)
        } else {
            let indices = &self.indices[r.index as usize..(r.index + r.stored) as usize];
            model::column::Row::Sparse { size: r.size as usize, indices, values }
        }
    }

    /// Returns the values of all rows, where each is dense, of this size, and lies behind the one before.
    pub fn as_matrix(&self, size: usize) -> Option<&[f64]> {
        let is_next = |(at, row): (usize, &VectorRow)| {
            (row.size == size as u32) & (row.index == DENSE) & (row.value as usize == at * size)
        };
        let is_matrix = match self.matrix {
            Some(known) => known == size as u32,
            None => self.rows.iter().enumerate().fold(true, |all, row| all & is_next(row)),
        };
        is_matrix.then(|| &self.values[..self.rows.len() * size])
    }

    /// Makes room for the values of a matrix, whose rows replace all there are; what stands there has no meaning.
    pub fn set_matrix(&mut self, rows: usize, size: usize) -> &mut [f64] {
        if self.matrix != Some(size as u32) || self.rows.len() != rows {
            let row = |at: usize| {
                let (value, size) = ((at * size) as u32, size as u32);
                VectorRow { size, index: DENSE, value, stored: size }
            };
            self.rows.clear();
            self.rows.extend((0..rows).map(row));
            self.matrix = Some(size as u32);
        }
        self.indices.clear();
        self.values.resize(rows * size, 0.0);
        &mut self.values
    }

    #[inline]
    fn push_row(&mut self, row: VectorRow) {
        self.matrix = None;
        self.rows.push(row);
    }

    pub fn push_null(&mut self) {
        self.push_row(VectorRow { size: NULL, index: DENSE, value: 0, stored: 0 });
    }

    /// Ends a dense row: its values are those pushed to `values` from `start` on.
    #[inline]
    pub fn end_dense(&mut self, start: usize) {
        self.end_dense_at(start, self.values.len() - start);
    }

    /// Ends a dense row whose `size` values stand in `values` from `start` on.
    #[inline]
    pub fn end_dense_at(&mut self, start: usize, size: usize) {
        debug_assert!(start + size <= self.values.len());
        self.push_row(VectorRow { size: size as u32, index: DENSE, value: start as u32, stored: size as u32 });
    }

    /// Ends a sparse row: its entries are those pushed to `indices` from `index_start` on and to `values` from `value_start`
    /// on. Indices must rise strictly and stay below the size.
    #[inline]
    pub fn end_sparse(&mut self, size: u32, index_start: usize, value_start: usize) {
        debug_assert_eq!(self.indices.len() - index_start, self.values.len() - value_start);
        self.end_sparse_at(size, index_start, value_start);
    }

    /// Ends a sparse row whose indices are those pushed from `index_start` on; its values stand from `value_start` on, others
    /// may follow them.
    #[inline]
    pub fn end_sparse_at(&mut self, size: u32, index_start: usize, value_start: usize) {
        let stored = (self.indices.len() - index_start) as u32;
        debug_assert!(value_start + stored as usize <= self.values.len());
        self.push_row(VectorRow { size, index: index_start as u32, value: value_start as u32, stored });
    }

    /// Ends a sparse row of so many entries, which stand from `start` on in `indices` and in `values`.
    #[inline]
    pub fn end_entries(&mut self, size: u32, start: usize, stored: usize) {
        debug_assert!(start + stored <= self.values.len().min(self.indices.len()));
        let start = start as u32;
        self.push_row(VectorRow { size, index: start, value: start, stored: stored as u32 });
    }

    /// Adds a row in the form it has.
    pub fn push(&mut self, row: model::column::Row<'_>) {
        let (index_start, value_start) = (self.indices.len(), self.values.len());
        match row {
            model::column::Row::Dense(values) => {
                self.values.extend_from_slice(values);
                self.end_dense(value_start);
            }
            model::column::Row::Sparse { size, indices, values } => {
                self.indices.extend_from_slice(indices);
                self.values.extend_from_slice(values);
                self.end_sparse(size as u32, index_start, value_start);
            }
        }
    }
}

//! Matrices (General Structure, 4.4): rows as arrays, or the entries of a diagonal.

use crate::pmml::{array, error::Fault, xml::Element};

/// A matrix, row by row.
pub struct Matrix {
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<f64>,
}

impl Matrix {
    /// Returns the matrix inside of an element, of so many cells at most.
    pub fn read(element: Element<'_>, cells_max: usize) -> Result<Matrix, Fault> {
        let matrix = element.required_child("Matrix")?;
        let kind = matrix.attr("kind").unwrap_or("any");
        if matrix.child("MatCell").is_some() {
            return Err(matrix.unimplemented("a matrix of cells"));
        }
        let rows: Result<Vec<Vec<f64>>, Fault> = matrix.children().map(array::numbers).collect();
        let rows = rows?;
        // The document's own arrays bound the size: a diagonal has the square of its length, which it must hold elsewhere.
        let (height, width) = match kind {
            "diagonal" => (rows.first().map_or(0, Vec::len), rows.first().map_or(0, Vec::len)),
            "symmetric" => (rows.len(), rows.len()),
            "any" => (rows.len(), rows.first().map_or(0, Vec::len)),
            other => return Err(matrix.fault("attribute kind", "any, symmetric or diagonal", other)),
        };
        if height == 0 || width == 0 || height.saturating_mul(width) > cells_max {
            let expected = format!("1 to {cells_max} cells");
            return Err(matrix.fault("content", expected, format!("{height} x {width}")));
        }
        let mut values = vec![0.0; height * width];
        for (i, row) in rows.iter().enumerate() {
            let fits = match kind {
                "diagonal" => i == 0,
                "symmetric" => row.len() == i + 1,
                _ => row.len() == width,
            };
            if !fits {
                return Err(matrix.fault("content", format!("rows of a matrix of kind {kind}"), "others"));
            }
            for (j, value) in row.iter().enumerate() {
                match kind {
                    "diagonal" => values[j * width + j] = *value,
                    "symmetric" => {
                        values[i * width + j] = *value;
                        values[j * width + i] = *value;
                    }
                    _ => values[i * width + j] = *value,
                }
            }
        }
        Ok(Matrix { rows: height, columns: width, values })
    }
}

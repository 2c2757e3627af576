//! Spark's vectors: structs of four parts in a file, one column of vectors here.

use arrow_buffer::ArrowNativeType;
use model::{Builder, Column, DType, Fixed, List, Type};

/// Returns the vectors of a column that is Spark's `struct<type: int8, size: int32, indices: array<int32>, values:
/// array<double>>` (type 0 is sparse, 1 dense), or nothing where it is another struct or holds what is no vector.
pub fn vectors(column: &Column) -> Option<Column> {
    let Column::Struct(parts) = column else { return None };
    let [(_, kinds), (_, sizes), (_, indices), (_, values)] = parts.fields() else { return None };
    if !parts.fields().iter().map(|(name, _)| &**name).eq(["type", "size", "indices", "values"]) {
        return None;
    }
    let (kinds, sizes) = (numbers(kinds, DType::I8)?, numbers(sizes, DType::I32)?);
    let (indices, values) = (lists(indices, DType::I32)?, lists(values, DType::F64)?);
    let mut builder = Builder::new(&Type::VECTOR);
    let mut rising = Vec::new();
    for row in 0..column.len() {
        if !column.is_valid(row) {
            builder.push_null();
            continue;
        }
        let kind = kinds.is_valid(row).then(|| kinds.values::<i8>()[row])?;
        let values = items::<f64>(values, row)?;
        match kind {
            1 => builder.push_dense(values),
            0 => {
                let size = sizes.is_valid(row).then(|| sizes.values::<i32>()[row])?;
                rising.clear();
                for &index in items::<i32>(indices, row)? {
                    rising.push(u32::try_from(index).ok()?);
                }
                if !builder.push_sparse(u32::try_from(size).ok()?, &rising, values) {
                    return None;
                }
            }
            _ => return None,
        }
    }
    Some(builder.finish())
}

fn numbers(column: &Column, dtype: DType) -> Option<&Fixed> {
    match column {
        Column::Fixed(fixed) if fixed.dtype() == dtype && fixed.shape().is_empty() => Some(fixed),
        _ => None,
    }
}

fn lists(column: &Column, dtype: DType) -> Option<&List> {
    let Column::List(list) = column else { return None };
    (numbers(list.child(), dtype).is_some() && list.child().nulls().is_none()).then_some(list)
}

/// Returns the numbers of a list's row, if it has one.
fn items<T: ArrowNativeType>(list: &List, row: usize) -> Option<&[T]> {
    let Column::Fixed(child) = list.child() else { return None };
    list.is_valid(row).then(|| &child.values::<T>()[list.range(row)])
}

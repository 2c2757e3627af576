//! Rows of a table by their keys.
//!
//! Each column of keys is a table of its own, from a key to its number. The numbers of the columns are joined one by one: a
//! pair of what the columns before made and the next number is a number again; the last one is a row's.

use std::hash::Hash;

use model::{DType, FaultKind, FaultValue, Type};
use plan::{FindTable, Scalar};
use rustc_hash::FxHashMap;

use crate::{
    error::CompileError,
    frame::{Env, Home},
    kernel::Site,
};

/// The number of keys that stand in several rows.
const SEVERAL: u32 = u32::MAX;

/// [`plan::EncodeOp::Find`], its keys in tables.
pub struct Find {
    columns: Vec<Column>,
    /// Of each column after the first: what was made before and the column's number, to what that makes.
    joins: Vec<FxHashMap<(u32, u32), u32>>,
    /// By the number that all keys make, the row.
    rows: Vec<u32>,
    values: Values,
}

enum Column {
    Texts(FxHashMap<Box<[u8]>, u32>),
    Cells(FxHashMap<u64, u32>),
}

enum Values {
    Texts(Box<[Option<Box<str>>]>),
    Cells(Box<[Option<u64>]>),
}

impl Find {
    pub(super) fn new(table: &FindTable, site: &Site<'_>) -> Result<Find, CompileError> {
        let count = table.values.len();
        let mut made: Vec<Option<u32>> = vec![None; count];
        let (mut columns, mut joins, mut numbers) = (Vec::new(), Vec::new(), 0);
        for (place, keys) in table.keys.iter().enumerate() {
            let (column, codes, distinct) = column(keys, &site.inputs[place].ty);
            columns.push(column);
            if place == 0 {
                (made, numbers) = (codes, distinct);
                continue;
            }
            let mut join: FxHashMap<(u32, u32), u32> = FxHashMap::default();
            for (made, code) in made.iter_mut().zip(codes) {
                *made = made.zip(code).map(|pair| number(&mut join, pair));
            }
            numbers = join.len();
            joins.push(join);
        }
        let mut rows = vec![None; numbers];
        for (row, made) in made.iter().enumerate() {
            if let Some(made) = made {
                let known = &mut rows[*made as usize];
                *known = Some(if known.is_some() { SEVERAL } else { row as u32 });
            }
        }
        // Every number was made by a row.
        let rows = rows.into_iter().flatten().collect();
        Ok(Find { columns, joins, rows, values: Values::new(table) })
    }

    pub(super) fn run(&self, env: &Env<'_>, inputs: &[Home], output: Home) {
        let mut found = env.frame.scratch();
        let found = &mut found.words;
        found.clear();
        found.resize(env.frame.rows(), u32::MAX);
        for (place, (column, &home)) in self.columns.iter().zip(inputs).enumerate() {
            let join = place.checked_sub(1).map(|before| &self.joins[before]);
            let mut see = |row: usize, code: Option<u32>| {
                let code = match (join, code) {
                    (Some(join), Some(code)) => join.get(&(found[row], code)).copied(),
                    (_, code) => code,
                };
                found[row] = code.unwrap_or(u32::MAX);
            };
            match column {
                Column::Texts(table) => {
                    let texts = env.frame.texts(home);
                    env.frame.each_live(|row| {
                        let key = texts.is_valid(row).then(|| texts.row_bytes(row));
                        see(row, key.and_then(|key| table.get(key)).copied());
                    });
                }
                Column::Cells(table) => {
                    let cells = env.frame.cells(home);
                    env.frame.each_live(|row| {
                        let key = cells.get(row).map(|cell| canonical(cells.dtype, cell));
                        see(row, key.and_then(|key| table.get(&key)).copied());
                    });
                }
            }
        }
        env.frame.each_live(|row| {
            let place = &mut found[row];
            *place = self.rows.get(*place as usize).copied().unwrap_or(u32::MAX - 1);
            if *place == SEVERAL {
                let kind = FaultKind::Rule("values that stand in one row of the table");
                env.refuse(row, 0, kind, FaultValue::Null);
            }
        });
        self.values.write(env, found, output);
    }
}

/// Returns the column, the number of each key, and how many there are.
fn column(keys: &[Scalar], ty: &Type) -> (Column, Vec<Option<u32>>, usize) {
    if *ty == Type::Text {
        let mut table = FxHashMap::default();
        let text = |key: &Scalar| if let Scalar::Text(text) = key { Some(Box::from(text.as_bytes())) } else { None };
        let codes = keys.iter().map(|key| text(key).map(|key| number(&mut table, key))).collect();
        let count = table.len();
        return (Column::Texts(table), codes, count);
    }
    let dtype = ty.as_scalar().expect("the plan takes texts and single values");
    let mut table = FxHashMap::default();
    let cell = |key: &Scalar| crate::kernel::expr::fast::cell(key).flatten().map(|cell| canonical(dtype, cell));
    let codes = keys.iter().map(|key| cell(key).map(|key| number(&mut table, key))).collect();
    let count = table.len();
    (Column::Cells(table), codes, count)
}

/// Returns the key's number, a new one where it has none.
fn number<K: Hash + Eq>(table: &mut FxHashMap<K, u32>, key: K) -> u32 {
    let next = table.len() as u32;
    *table.entry(key).or_insert(next)
}

/// Returns the cell under which a number is found: every NaN is one, and both zeros are.
fn canonical(dtype: DType, cell: u64) -> u64 {
    let canonical = |x: f64| if x.is_nan() { f64::NAN.to_bits() } else { (x + 0.0).to_bits() };
    match dtype {
        DType::F64 => canonical(f64::from_bits(cell)),
        DType::F32 => canonical(f32::from_bits(cell as u32).into()),
        _ => cell,
    }
}

impl Values {
    fn new(table: &FindTable) -> Values {
        let text = |value: &Scalar| if let Scalar::Text(text) = value { Some(Box::from(&**text)) } else { None };
        match table.ty {
            Type::Text => Values::Texts(table.values.iter().map(text).collect()),
            _ => Values::Cells(table.values.iter().map(|v| crate::kernel::expr::fast::cell(v).flatten()).collect()),
        }
    }

    fn write(&self, env: &Env<'_>, found: &[u32], output: Home) {
        match self {
            Values::Cells(values) => {
                let out = env.frame.cells(output);
                env.frame.each_live(|row| out.set(row, values.get(found[row] as usize).copied().flatten()));
            }
            Values::Texts(values) => {
                let mut out = env.frame.texts_mut(output);
                out.clear();
                for (row, &found) in found.iter().enumerate() {
                    let live = env.frame.is_live(row);
                    match values.get(found as usize).and_then(Option::as_deref).filter(|_| live) {
                        Some(text) => out.push(text),
                        None => out.push_null(),
                    }
                }
            }
        }
    }
}

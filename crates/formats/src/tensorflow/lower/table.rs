//! Lookup tables, which never change once a model is loaded.

use model::{Tensor, Whole, each_element, tensor::Element};
use plan::{SlotId, tensor::TableOp};
use rustc_hash::FxHashSet;

use super::{At, Lower, Row, Slots, row, value};
use crate::ReadError;

pub(super) const ROWS: &[Row] = &[
    row("LookupTableFind", find),
    row("LookupTableFindV2", find),
    row("LookupTableSize", size),
    row("LookupTableSizeV2", size),
    row("LookupTableExport", export),
    row("LookupTableExportV2", export),
];

/// Returns the slot of the table that a node works on.
fn table(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Result<SlotId, ReadError> {
    let place = at.table.ok_or_else(|| at.fault("works on no table"))?;
    if let Some(slot) = lower.tables.get(&place) {
        return Ok(*slot);
    }
    let of = &lower.program.store.tables[place];
    let tensors = value::tensor(&of.keys).and_then(|keys| Ok((keys, value::tensor(&of.values)?)));
    let told = |what: String| at.fault(format_args!("table `{}`: {what}", of.name));
    let (keys, values) = tensors.map_err(told)?;
    // Of one key that comes again the last value counts, but in a table only the first is looked at.
    let (keys, values) = last_of_each(keys, values).map_err(told)?;
    let name = of.name.clone();
    let slot = lower.constant_named(&name, Whole::Map(std::sync::Arc::new((keys, values))));
    lower.tables.insert(place, slot);
    Ok(slot)
}

/// Returns the entries without those whose key comes again later.
fn last_of_each(keys: Tensor, values: Tensor) -> Result<(Tensor, Tensor), String> {
    fn kept(keys: &Tensor) -> Vec<usize> {
        let bits: Vec<Vec<u8>> = match keys.get::<model::tensor::Bytes>() {
            Some(texts) => texts.iter().map(|text| text.to_vec()).collect(),
            None => each_element!(keys.data(), elements => elements.iter().map(|e| format!("{e:?}").into()).collect()),
        };
        let mut seen = FxHashSet::default();
        let mut kept: Vec<usize> = (0..bits.len()).rev().filter(|i| seen.insert(&bits[*i])).collect();
        kept.reverse();
        kept
    }
    fn pick<T: Element>(elements: &[T], kept: &[usize], width: usize, shape: &[usize]) -> Result<Tensor, String> {
        let picked: Vec<T> = kept.iter().flat_map(|i| elements[i * width..(i + 1) * width].iter().cloned()).collect();
        Tensor::new(shape, picked).map_err(|error| error.to_string())
    }
    let kept = kept(&keys);
    let entries = keys.len();
    let width = values.len().checked_div(entries).unwrap_or(1);
    let tail = values.shape().get(keys.rank()..).unwrap_or_default().to_vec();
    let shape = [&[kept.len()][..], &tail[..]].concat();
    let flat = each_element!(keys.data(), elements => pick(elements, &kept, 1, &[kept.len()]))?;
    let values = each_element!(values.data(), elements => pick(elements, &kept, width, &shape))?;
    Ok((flat, values))
}

fn find(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let (table, [keys, default]) = (table(lower, at)?, at.args::<2>()?);
    lower.add(at, TableOp::Find, &[table, keys, default]).map(|slot| vec![slot])
}

fn size(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let table = table(lower, at)?;
    lower.add(at, TableOp::Size, &[table]).map(|slot| vec![slot])
}

fn export(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let table = table(lower, at)?;
    lower.add_many(at, TableOp::Export, &[Some(table)])
}

//! Functions of lists.

use bumpalo::Bump;
use plan::expr::{ListFunc, OnFault};

use super::{
    general::{items_within, on_fault},
    value::{Out, Value, Writer, fault},
};

pub(super) fn call<'a>(func: ListFunc, args: &[Value<'a>], bump: &'a Bump) -> Out<'a> {
    match func {
        ListFunc::Array => return Ok(Value::List(bump.alloc_slice_copy(args))),
        ListFunc::Size { of_null } if args[0].is_null() => return Ok(Value::of(of_null)),
        ListFunc::Join => return join(args, bump),
        // The item alone may be null.
        ListFunc::Insert if !args[0].is_null() && !args[1].is_null() => {
            return insert(args[0].list(), args[1].i32(), args[2], bump);
        }
        ListFunc::Insert => return Ok(Value::Null),
        ListFunc::Repeat => {
            if args[1].is_null() {
                return Ok(Value::Null);
            }
            let times = args[1].i32().max(0) as usize;
            items_within(times)?;
            return Ok(Value::List(bump.alloc_slice_fill_copy(times, args[0])));
        }
        _ => {}
    }
    if args.iter().any(|v| v.is_null()) {
        return Ok(Value::Null);
    }
    if func == ListFunc::Sequence {
        return sequence(args[0].int(), args[1].int(), args.get(2).map(|step| step.int()), bump);
    }
    of_list(func, args, bump)
}

/// Computes arguments that are not null, the first of them a list.
fn of_list<'a>(func: ListFunc, args: &[Value<'a>], bump: &'a Bump) -> Out<'a> {
    let list = args[0].list();
    let not_null = || list.iter().copied().filter(|v| !v.is_null());
    Ok(match func {
        ListFunc::Size { .. } => Value::Int(list.len() as i64),
        ListFunc::Get(on) => {
            let at = args[1].int();
            match usize::try_from(at).ok().and_then(|at| list.get(at)) {
                Some(item) => *item,
                None => return on_fault(on, "a place within the list", args[1]),
            }
        }
        ListFunc::ElementAt(on) => return element_at(list, args[1], on),
        ListFunc::Contains => {
            let found = list.iter().any(|item| !item.is_null() && item.same(args[1]));
            if !found && list.iter().any(|item| item.is_null()) { Value::Null } else { Value::bool(found) }
        }
        ListFunc::Position => {
            let place = list.iter().position(|item| !item.is_null() && item.same(args[1]));
            Value::Int(place.map_or(0, |at| at as i64 + 1))
        }
        ListFunc::Sort { ascending } => in_order(list, ascending, bump),
        ListFunc::Distinct => distinct(list, bump),
        ListFunc::Min => not_null().min_by(|a, b| a.order(*b)).unwrap_or(Value::Null),
        ListFunc::Max => not_null().max_by(|a, b| a.order(*b)).unwrap_or(Value::Null),
        ListFunc::Concat => {
            let count = args.iter().map(|v| v.list().len()).sum();
            items_within(count)?;
            concat(args, count, bump)
        }
        ListFunc::Slice => return slice(list, args[1].i32(), args[2].i32()),
        ListFunc::Reverse => Value::List(bump.alloc_slice_fill_iter(list.iter().rev().copied())),
        ListFunc::Union => {
            let count = list.len() + args[1].list().len();
            items_within(count)?;
            distinct(concat(args, count, bump).list(), bump)
        }
        ListFunc::Except | ListFunc::Intersect => {
            let others = sorted(args[1].list(), bump);
            let wanted = func == ListFunc::Intersect;
            let kept = distinct(list, bump).list();
            filtered(kept, bump, |v| others.binary_search_by(|o| o.order(v)).is_ok() == wanted)
        }
        ListFunc::Overlap => overlap(list, args[1].list(), bump),
        ListFunc::Remove => filtered(list, bump, |v| v.is_null() || !v.same(args[1])),
        ListFunc::Flatten => {
            if list.iter().any(|inner| inner.is_null()) {
                return Ok(Value::Null);
            }
            let count = list.iter().map(|inner| inner.list().len()).sum();
            items_within(count)?;
            concat(list, count, bump)
        }
        ListFunc::Compact => filtered(list, bump, |v| !v.is_null()),
        ListFunc::SortNullsLast => nulls_last(list, bump),
        ListFunc::Array | ListFunc::Join | ListFunc::Repeat | ListFunc::Insert | ListFunc::Sequence => {
            unreachable!("answered above")
        }
    })
}

fn in_order<'a>(list: &[Value<'a>], ascending: bool, bump: &'a Bump) -> Value<'a> {
    // Equal items look alike but for the sign of a zero: they stay in their order, whichever the direction.
    let places = bump.alloc_slice_fill_iter(0..list.len());
    places.sort_unstable_by(|&i, &j| {
        let order = list[i].order(list[j]);
        (if ascending { order } else { order.reverse() }).then(i.cmp(&j))
    });
    Value::List(bump.alloc_slice_fill_iter(places.iter().map(|&place| list[place])))
}

fn nulls_last<'a>(list: &[Value<'a>], bump: &'a Bump) -> Value<'a> {
    let nulls = list.iter().filter(|item| item.is_null()).count();
    let items = bump.alloc_slice_copy(in_order(list, true, bump).list());
    items.rotate_left(nulls);
    Value::List(items)
}

fn insert<'a>(list: &[Value<'a>], place: i32, item: Value<'a>, bump: &'a Bump) -> Out<'a> {
    let distance = place.unsigned_abs() as usize;
    if distance == 0 {
        return Err(fault("a place from 1, or below 0 from the end", Value::Int(0).shown()));
    }
    let count = (list.len() + 1).max(distance);
    items_within(count)?;
    let items = bump.alloc_slice_fill_copy(count, Value::Null);
    let at = if place > 0 { distance - 1 } else { count - distance };
    // Below 0 the items keep their places from the end.
    let (before, after) = if place > 0 {
        list.split_at(list.len().min(at))
    } else {
        list.split_at(list.len().saturating_sub(distance - 1))
    };
    items[..before.len()].copy_from_slice(before);
    items[count - after.len()..].copy_from_slice(after);
    items[at] = item;
    Ok(Value::List(items))
}

fn sequence<'a>(first: i64, last: i64, step: Option<i64>, bump: &'a Bump) -> Out<'a> {
    let step = step.unwrap_or(if first <= last { 1 } else { -1 });
    if first != last && (step == 0 || (step > 0) != (first < last)) {
        return Err(fault("a step that leads from the first to the last", Value::Int(step).shown()));
    }
    let steps = if step == 0 { 0 } else { first.abs_diff(last) / step.unsigned_abs() };
    let count = usize::try_from(steps).unwrap_or(usize::MAX).saturating_add(1);
    items_within(count)?;
    let items = (0..count).map(|i| Value::Int(first.wrapping_add(step.wrapping_mul(i as i64))));
    Ok(Value::List(bump.alloc_slice_fill_iter(items)))
}

fn element_at<'a>(list: &'a [Value<'a>], place: Value<'a>, on: OnFault) -> Out<'a> {
    let at = place.int();
    if at == 0 {
        return Err(fault("a place from 1, or below 0 from the end", place.shown()));
    }
    let index = if at > 0 { Some(at as usize - 1) } else { list.len().checked_sub(at.unsigned_abs() as usize) };
    match index.and_then(|at| list.get(at)) {
        Some(item) => Ok(*item),
        None => on_fault(on, "a place within the list", place),
    }
}

fn slice<'a>(list: &'a [Value<'a>], from: i32, length: i32) -> Out<'a> {
    if from == 0 {
        return Err(fault("a slice from 1, or below 0 from the end", Value::Int(0).shown()));
    }
    if length < 0 {
        return Err(fault("a length not below 0", Value::Int(length.into()).shown()));
    }
    let start = if from > 0 { Some(from as usize - 1) } else { list.len().checked_sub(from.unsigned_abs() as usize) };
    let rest = start.and_then(|start| list.get(start..)).unwrap_or(&[]);
    Ok(Value::List(&rest[..rest.len().min(length as usize)]))
}

fn concat<'a>(lists: &[Value<'a>], count: usize, bump: &'a Bump) -> Value<'a> {
    let mut items = bumpalo::collections::Vec::with_capacity_in(count, bump);
    lists.iter().for_each(|list| items.extend_from_slice(list.list()));
    Value::List(items.into_bump_slice())
}

fn filtered<'a>(list: &[Value<'a>], bump: &'a Bump, keep: impl Fn(Value<'a>) -> bool) -> Value<'a> {
    let mut items = bumpalo::collections::Vec::with_capacity_in(list.len(), bump);
    items.extend(list.iter().copied().filter(|v| keep(*v)));
    Value::List(items.into_bump_slice())
}

fn sorted<'a>(list: &[Value<'a>], bump: &'a Bump) -> &'a [Value<'a>] {
    let items = bump.alloc_slice_copy(list);
    items.sort_unstable_by(|a, b| a.order(*b));
    items
}

/// Returns the first of each run of equal items, in their order.
fn distinct<'a>(list: &[Value<'a>], bump: &'a Bump) -> Value<'a> {
    let places = bump.alloc_slice_fill_iter(0..list.len());
    places.sort_unstable_by(|&i, &j| list[i].order(list[j]).then(i.cmp(&j)));
    let keep = bump.alloc_slice_fill_copy(list.len(), false);
    for (k, &place) in places.iter().enumerate() {
        keep[place] = k == 0 || !list[places[k - 1]].same(list[place]);
    }
    let mut items = bumpalo::collections::Vec::with_capacity_in(list.len(), bump);
    items.extend(list.iter().zip(&*keep).filter(|(_, keep)| **keep).map(|(v, _)| *v));
    Value::List(items.into_bump_slice())
}

fn overlap<'a>(a: &[Value<'a>], b: &[Value<'a>], bump: &'a Bump) -> Value<'a> {
    let others = sorted(b, bump);
    let shared = |v: &Value<'a>| !v.is_null() && others.binary_search_by(|o| o.order(*v)).is_ok();
    if a.iter().any(shared) {
        return Value::bool(true);
    }
    let null = a.iter().chain(b).any(|v| v.is_null());
    if null && !a.is_empty() && !b.is_empty() { Value::Null } else { Value::bool(false) }
}

fn join<'a>(args: &[Value<'a>], bump: &'a Bump) -> Out<'a> {
    if args.iter().any(|v| v.is_null()) {
        return Ok(Value::Null);
    }
    let (separator, null) = (args[1].text(), args.get(2).map(|v| v.text()));
    let mut out = Writer::new(bump);
    let mut begun = false;
    for item in args[0].list() {
        let text = match (item, null) {
            (Value::Text(text), _) => text,
            (_, Some(text)) => text,
            _ => continue,
        };
        if begun {
            out.push(separator)?;
        }
        out.push(text)?;
        begun = true;
    }
    Ok(out.done())
}

use super::*;

#[test]
fn rows_come_back_as_they_were_pushed() {
    let mut b = Builder::new(&Type::VECTOR);
    b.push_dense(&[1.0, f64::NAN]);
    b.push_null();
    assert!(b.push_sparse(9, &[2, 7], &[0.0, -0.0]));
    assert!(!b.push_sparse(9, &[7, 2], &[0.0, 0.0]) && !b.push_sparse(2, &[2], &[0.0]));
    let column = b.finish();
    let Column::Vector(v) = &column else { panic!() };
    assert_eq!(v.row(2), Row::Sparse { size: 9, indices: &[2, 7], values: &[0.0, -0.0] });
    assert!(!column.is_valid(1));
    assert_eq!(Batch2(&column).halves(), column);
}

#[test]
fn the_longest_part_tells_how_far_offsets_reach() {
    let mut b = Builder::new(&Type::list(Type::Text));
    assert_eq!(b.extent(), 0);
    b.items().push_text("abc");
    b.items().push_text("de");
    b.end_list();
    assert_eq!(b.extent(), 5, "bytes are more than items");
    (0..9).for_each(|_| b.items().push_null());
    b.end_list();
    assert_eq!(b.extent(), 11, "items are more than bytes");
    let mut v = Builder::new(&Type::VECTOR);
    v.push_dense(&[1.0, 2.0]);
    assert_eq!((v.extent(), v.len()), (2, 1));
}

#[test]
fn a_list_row_that_fails_half_way_leaves_nothing() {
    let mut b = Builder::new(&Type::list(Type::Text));
    b.items().push_text("a");
    b.end_list();
    b.items().push_text("half");
    b.push_null();
    b.end_list();
    let Column::List(list) = b.finish() else { panic!() };
    assert_eq!((list.range(0), list.range(1), list.range(2), list.child().len()), (0..1, 1..1, 1..1, 1));
    assert!(!list.is_valid(1) && list.is_valid(2));
}

#[test]
fn runs_are_rows_of_text() {
    let bytes = "ab ä and a word that is longer than sixteen bytes".as_bytes();
    let long = bytes.len();
    let mut b = Builder::new(&Type::Text);
    b.push_runs(bytes, [0..2, 3..5, 0..0, 6..long].into_iter());
    b.make_room(1000);
    b.push_runs(bytes, [long - 1..long, long..long].into_iter());
    let Column::Text(texts) = b.finish() else { panic!() };
    let rows: Vec<&str> = (0..texts.len()).map(|row| texts.text(row)).collect();
    assert_eq!(rows, ["ab", "ä", "", "and a word that is longer than sixteen bytes", "s", ""]);
}

#[test]
fn many_rows_are_as_one_by_one() {
    let mut lists = Builder::new(&Type::list(Type::F64));
    lists.items().push_numbers([1.0, 2.0, 3.0].into_iter());
    lists.end_lists([2, 0, 1].into_iter());
    let Column::List(list) = lists.finish() else { panic!() };
    assert_eq!((list.range(0), list.range(1), list.range(2)), (0..2, 2..2, 2..3));

    let rows = [Row::Dense(&[1.0, 2.0]), Row::Sparse { size: 5, indices: &[4], values: &[3.0] }, Row::Dense(&[])];
    let (mut many, mut single) = (Builder::new(&Type::VECTOR), Builder::new(&Type::VECTOR));
    many.push_null();
    many.push_vectors(rows.into_iter());
    single.push_null();
    rows.into_iter().for_each(|row| single.push_vector(row));
    assert_eq!(many.finish(), single.finish());
}

#[test]
fn integers_narrow_only_when_they_fit() {
    let mut b = Builder::new(&Type::scalar(DType::I8));
    assert!(b.push_int(-128) && !b.push_int(128) && !b.push_float(1.0));
    assert_eq!(b.len(), 1);
}

/// A column cut in two and joined again.
struct Batch2<'a>(&'a Column);

impl Batch2<'_> {
    fn halves(&self) -> Column {
        let mid = self.0.len() / 2;
        let mut b = Builder::new(&self.0.ty());
        b.append(&self.0.slice(0, mid));
        b.append(&self.0.slice(mid, self.0.len() - mid));
        b.finish()
    }
}

//! The types that functions take.

use model::{DType, Type};

use super::*;

fn check(func: impl Into<Func>, args: &[Type], expected: Option<Type>) {
    assert_eq!(func.into().result(args), expected, "{args:?}");
}

#[test]
fn results_are_typed_strictly() {
    let decimal = |p, s| Type::scalar(DType::Decimal(p, s));
    let add = |to| Func::Arith { op: Arith::Add, on: OnFault::Refuse, to };
    check(add(DType::I32), &[Type::I32, Type::I32], Some(Type::I32));
    check(add(DType::I32), &[Type::I32, Type::I64], None);
    check(add(DType::Decimal(11, 2)), &[decimal(10, 2), decimal(8, 1)], Some(decimal(11, 2)));
    check(Func::Case, &[Type::BOOL, Type::Text, Type::BOOL, Type::Text], Some(Type::Text));
    check(Func::Case, &[Type::BOOL, Type::Text, Type::I32], None);
    check(Func::Case, &[Type::BOOL], None);
    check(Func::In, &[Type::Text, Type::Text, Type::I32], None);
    check(TextFunc::ConcatWs, &[Type::Text, Type::list(Type::Text), Type::Text], Some(Type::Text));
    check(Math::Floor(OnFault::Wrap), &[decimal(10, 2)], Some(decimal(9, 0)));
    check(ListFunc::ElementAt(OnFault::Null), &[Type::list(Type::Text), Type::I32], Some(Type::Text));
    check(Cast::new(Type::scalar(DType::Date), CastRule::Ansi), &[Type::I32], None);
    check(Cast::new(Type::list(Type::F64), CastRule::Ansi), &[Type::list(Type::Text)], Some(Type::list(Type::F64)));
}

#[test]
fn patterns_are_read_or_refused_by_letter() {
    let items = DatePattern::new("yyyy-MM'T'[HH]''").unwrap().items;
    use DateField::{Close, Letter, Literal, Open};
    let expected =
        [Letter('y', 4), Literal('-'), Letter('M', 2), Literal('T'), Open, Letter('H', 2), Close, Literal('\'')];
    assert_eq!(*items, expected);
    for bad in ["Y", "yyyyyyy", "'open", "n", "]", "ww"] {
        assert!(DatePattern::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn patterns_of_printf_say_which_argument() {
    use pattern::{Piece, pieces};
    let places = |source: &str| -> Vec<usize> {
        let pieces = pieces(source).unwrap();
        pieces.iter().filter_map(|p| if let Piece::Arg(_, place) = p { Some(*place) } else { None }).collect()
    };
    assert_eq!(places("%s %2$d%% %.1f%n"), [0, 1, 1]);
    assert_eq!(places("%05d"), [0]);
    assert_eq!(pieces("").unwrap(), [Piece::Text(String::new())]);
    for bad in ["%", "%0$s", "%1000000000d", "%q", "%-d", "%+ d", "%.2d"] {
        assert!(pieces(bad).is_err(), "{bad}");
    }
}

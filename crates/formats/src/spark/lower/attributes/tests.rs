use super::*;

fn names(group: &Group) -> Vec<Option<String>> {
    let mut names = Vec::new();
    assert!(group.each(|name, _| names.push(name.map(str::to_owned))));
    names
}

fn check_names(group: &Group, expected: &[&str]) {
    assert_eq!(names(group), expected.iter().map(|name| Some((*name).to_owned())).collect::<Vec<_>>());
}

fn group(metadata: &str) -> Group {
    match Attributes::parse(metadata, true) {
        Some(Attributes::Group(group)) => group,
        other => panic!("{other:?}"),
    }
}

fn assembled(parts: &[(&str, &Group)]) -> Group {
    let mut assembled = Assembled::default();
    parts.iter().for_each(|(name, group)| assembled.vector(name, group));
    assembled.finish().expect("all parts are known")
}

fn named(list: &[&str]) -> Group {
    Group::listed(list.iter().map(|&name| Attribute::new(name, Kind::Numeric)).collect())
}

#[test]
fn metadata_tell_names_kinds_and_the_size() {
    let text = r#"{"ml_attr":{"attrs":{"numeric":[{"idx":3,"name":"x"}],
        "nominal":[{"idx":1,"name":"c","vals":["a","b"]},{"idx":0,"num_vals":4}]},"num_attrs":5}}"#;
    let group = group(text);
    assert_eq!(group.size(), Some(5));
    let none = None;
    assert_eq!(names(&group), [none.clone(), Some("c".to_owned()), none.clone(), Some("x".to_owned()), none]);
    let mut kinds = Vec::new();
    assert!(group.each_category(|place, kind| kinds.push((place, kind.clone()))));
    let named = Kind::nominal(["a".into(), "b".into()]);
    assert_eq!(kinds, [(0, Kind::Nominal(Categories::Count(4))), (1, named)]);
}

#[test]
fn a_size_alone_leaves_the_elements_unknown() {
    let group = group(r#"{"num_attrs":7}"#);
    assert_eq!((group.size(), group.is_known()), (Some(7), false));
    assert_eq!(group.places(&["a".to_owned()]), None);
}

#[test]
fn metadata_that_contradict_themselves_say_nothing() {
    for text in [
        r#"{"attrs":{"numeric":[{"idx":5}]},"num_attrs":5}"#,
        r#"{"attrs":{"numeric":[{"idx":0}]}}"#,
        r#"{"num_attrs":-1}"#,
        r#"{"attrs":{"nominal":[{"idx":0,"vals":[1]}]},"num_attrs":5}"#,
        "[]",
        "{",
    ] {
        assert_eq!(Attributes::parse(text, true), None, "{text}");
    }
    assert_eq!(Attributes::parse(r#"{"type":"other"}"#, false), None);
}

#[test]
fn an_assembler_puts_the_column_in_front() {
    let inner = assembled(&[("v", &named(&["a", "b"])), ("w", &Group::sized(Some(2)))]);
    check_names(&inner, &["v_a", "v_b", "w_0", "w_1"]);
    let outer = assembled(&[("x", &inner), ("y", &Group::numeric(1))]);
    check_names(&outer, &["x_v_a", "x_v_b", "x_w_0", "x_w_1", "y_0"]);
    assert_eq!(outer.places(&["x_w_1".to_owned(), "none".to_owned()]), Some(vec![Some(3), None]));
}

#[test]
fn the_last_of_a_name_counts() {
    assert_eq!(named(&["a", "b", "a"]).places(&["a".to_owned()]), Some(vec![Some(2)]));
}

#[test]
fn a_large_vector_is_one_run() {
    let group = assembled(&[("h", &Group::sized(Some(1 << 18)))]);
    assert_eq!(group.runs.as_ref().map(|runs| runs.len()), Some(1));
    assert_eq!(group.places(&["h_262143".to_owned()]), Some(vec![Some(262_143)]));
}

#[test]
fn names_are_rewritten_pair_by_pair() {
    let group = named(&["idx_1_a", "other"]).renamed([("idx_1_".into(), "c_".into()), ("c_a".into(), "z".into())]);
    check_names(&group, &["z", "other"]);
}

#[test]
fn a_part_keeps_the_names_it_had() {
    let group = assembled(&[("h", &Group::sized(Some(10)))]);
    check_names(&group.select(&[7, 2]), &["h_7", "h_2"]);
    let categories =
        Group::with_categories(Some(&group), 10, vec![(0, Kind::nominal(["p".into()])), (5, Kind::Numeric)]);
    let expected: Vec<String> = (0..10).map(|i| format!("h_{i}")).collect();
    check_names(&categories, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    let again = assembled(&[("v", &Group::with_categories(None, 3, vec![(1, Kind::nominal(["p".into()]))]))]);
    check_names(&again, &["v_0", "v_1", "v_2"]);
}

#[test]
fn doubling_ends_where_it_is_bounded() {
    let double = |group: Group| {
        let mut assembled = Assembled::default();
        ["v", "w"].iter().for_each(|name| assembled.vector(name, &group));
        assembled.finish()
    };
    let doubled = std::iter::successors(Some(named(&["a"])), |group| double(group.clone()));
    assert_eq!(doubled.take(40).count(), 17);
}

#[test]
fn numbers_are_written_as_java_does() {
    let written = [0.0, -0.0, 1.0, -2.5, 1e7, 1.5e10, 1e-4, 123.456, f64::INFINITY, f64::NEG_INFINITY].map(java_text);
    let expected = ["0.0", "-0.0", "1.0", "-2.5", "1.0E7", "1.5E10", "1.0E-4", "123.456", "Infinity", "-Infinity"];
    assert_eq!(written, expected);
}

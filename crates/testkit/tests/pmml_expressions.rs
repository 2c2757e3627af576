//! Expressions of PMML by themselves: each as an output of a document whose model says nothing. The examples of the
//! standard (Transformations, Functions, Built-in functions; 4.4) stand here with the values that it gives them; the rest
//! are rules that no document of others shows.

use model::{Buffer, ModelFiles};
use serde_json::{Value, json};
use testkit::case::{Case, Outcome, run_case};

/// Fields of every document here.
const FIELDS: &[(&str, &str, &str)] = &[
    ("x", "continuous", "double"),
    ("z", "continuous", "double"),
    ("f", "continuous", "float"),
    ("n", "continuous", "integer"),
    ("m", "continuous", "integer"),
    ("s", "categorical", "string"),
    ("t", "categorical", "string"),
    ("b", "categorical", "boolean"),
    ("d", "ordinal", "date"),
    ("ts", "ordinal", "dateTime"),
];

fn document(dictionary: &str, local: &str, outputs: &str) -> String {
    let fields: String = FIELDS
        .iter()
        .map(|(name, op, data)| format!(r#"<DataField name="{name}" optype="{op}" dataType="{data}"/>"#))
        .collect();
    let mining: String = FIELDS.iter().map(|(name, ..)| format!(r#"<MiningField name="{name}"/>"#)).collect();
    format!(
        r#"<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary>{fields}
<DataField name="y" optype="continuous" dataType="double"/></DataDictionary>
<TransformationDictionary>{dictionary}</TransformationDictionary>
<RegressionModel functionName="regression"><MiningSchema>{mining}<MiningField name="y" usageType="target"/></MiningSchema>
<Output>{outputs}</Output><LocalTransformations>{local}</LocalTransformations>
<RegressionTable intercept="0"/></RegressionModel></PMML>"#
    )
}

fn output(data: &str, expression: &str) -> String {
    let optype = if data == "string" || data == "boolean" { "categorical" } else { "continuous" };
    format!(
        r#"<OutputField name="v" feature="transformedValue" optype="{optype}" dataType="{data}">{expression}</OutputField>"#
    )
}

fn case(document: String, rows: &[(Value, Value)]) -> Case {
    let lines: Vec<u8> = rows.iter().flat_map(|(input, _)| format!("{input}\n").into_bytes()).collect();
    let expected = rows.iter().map(|(_, v)| match v {
        Value::String(text) if text == "refused" => json!({"_error": "refused"}),
        v => json!({ "v": v }),
    });
    Case {
        name: "expression".to_owned(),
        meta: json!({"tolerance": {"rel": 1e-12, "abs": 1e-12}}),
        files: ModelFiles::new([("model.pmml".to_owned(), Buffer::from(document.into_bytes()))]),
        input: lines,
        expected: expected.collect(),
        other: None,
    }
}

/// Checks the values of an expression; the text `refused` says that a row is.
fn check(data: &str, expression: &str, rows: &[(Value, Value)]) {
    check_with("", data, expression, rows);
}

/// Checks an expression that uses functions of the document.
fn check_with(dictionary: &str, data: &str, expression: &str, rows: &[(Value, Value)]) {
    let outcome = run_case(&case(document(dictionary, "", &output(data, expression)), rows));
    assert_eq!(outcome, Outcome::Passed, "{expression}");
}

/// Checks the value of a derived field `k`.
fn check_derived(field: &str, data: &str, rows: &[(Value, Value)]) {
    let read = r#"<FieldRef field="k"/>"#;
    let outcome = run_case(&case(document("", field, &output(data, read)), rows));
    assert_eq!(outcome, Outcome::Passed, "{field}");
}

/// Returns why a document with this expression is refused.
fn refusal(dictionary: &str, expression: &str) -> String {
    let text = document(dictionary, "", &output("double", expression));
    let files = ModelFiles::new([("model.pmml".to_owned(), Buffer::from(text.into_bytes()))]);
    formats::read(&files, &formats::ReadOptions::default()).expect_err("a document that is refused").to_string()
}

fn apply(function: &str, args: &[&str]) -> String {
    let args: String =
        args.iter().map(|arg| if arg.starts_with('<') { (*arg).to_owned() } else { field(arg) }).collect();
    format!(r#"<Apply function="{function}">{args}</Apply>"#)
}

fn field(name: &str) -> String {
    format!(r#"<FieldRef field="{name}"/>"#)
}

fn constant(data: &str, text: &str) -> String {
    format!(r#"<Constant dataType="{data}">{text}</Constant>"#)
}

#[test]
fn the_examples_of_the_built_in_functions() {
    let (two, day) = (constant("integer", "2"), constant("string", "%m/%d/%y"));
    let text = |value: &str| json!({ "s": value });
    check("double", &apply("-", &["x", "z"]), &[(json!({"x": 2.5, "z": 4}), json!(-1.5))]);
    check("double", &apply("min", &["x", "z", "f"]), &[(json!({"x": 2.5, "z": 4, "f": 1.5}), json!(1.5))]);
    check("string", &apply("uppercase", &["s"]), &[(text("aBc9"), json!("ABC9"))]);
    check("string", &apply("lowercase", &["s"]), &[(text("aBc9"), json!("abc9"))]);
    check("integer", &apply("stringLength", &["s"]), &[(text("aBc9x"), json!(5))]);
    let three = constant("integer", "3");
    check("string", &apply("substring", &["s", &two, &three]), &[(text("aBc9x"), json!("Bc9"))]);
    check("string", &apply("trimBlanks", &["s"]), &[(text(" aBc9x\t "), json!("aBc9x"))]);
    let dash = constant("string", "-");
    check("string", &apply("concat", &["n", &dash, "m"]), &[(json!({"n": 2, "m": 2000}), json!("2-2000"))]);
    let (bees, c) = (constant("string", "B+"), constant("string", "c"));
    check("string", &apply("replace", &["s", &bees, &c]), &[(text("BBBB"), json!("c"))]);
    let month = constant("string", "ar?y");
    let rows = [(text("January"), json!(true)), (text("March"), json!(false)), (text("May"), json!(true))];
    check("boolean", &apply("matches", &["s", &month]), &rows);
    check("string", &apply("formatNumber", &["n", &constant("string", "%3d")]), &[(json!({"n": 2}), json!("  2"))]);
    check("string", &apply("formatDatetime", &["d", &day]), &[(json!({"d": "2004-08-20"}), json!("08/20/04"))]);
    let year = constant("integer", "1960");
    check("integer", &apply("dateDaysSinceYear", &["d", &year]), &[(json!({"d": "2003-04-01"}), json!(15796))]);
    let time = json!({"ts": "1960-01-03T03:30:03"});
    check("integer", &apply("dateSecondsSinceYear", &["ts", &year]), &[(time.clone(), json!(185_403))]);
    check("integer", &apply("dateSecondsSinceMidnight", &["ts"]), &[(time, json!(12_603))]);
}

#[test]
fn what_a_missing_argument_does() {
    let none = json!({});
    for function in ["+", "*", "pow", "modulo", "threshold", "hypot", "equal", "lessThan"] {
        let data = if ["equal", "lessThan"].contains(&function) { "boolean" } else { "double" };
        check(data, &apply(function, &["x", "z"]), &[(json!({"x": 1}), json!(null)), (none.clone(), json!(null))]);
    }
    for function in ["ln", "abs", "exp", "round", "sin"] {
        check("double", &apply(function, &["x"]), &[(none.clone(), json!(null))]);
    }
    for function in ["min", "max", "sum", "avg", "median", "product"] {
        let rows = [(json!({"z": 2}), json!(2.0)), (none.clone(), json!(null))];
        check("double", &apply(function, &["x", "z"]), &rows);
    }
    check("string", &apply("concat", &["s", "t"]), &[(json!({"t": "b"}), json!("b")), (none.clone(), json!(""))]);
    let pattern = constant("string", "a");
    check("boolean", &apply("matches", &["s", &pattern]), &[(none.clone(), json!("refused"))]);
    // Functions know no UNKNOWN: that is of predicates.
    let not_b = apply("not", &["b"]);
    let is_one = apply("equal", &["x", &constant("double", "1")]);
    for function in ["and", "or"] {
        let rows = [(json!({"x": 1}), json!(null)), (json!({"x": 0}), json!(null)), (json!({"b": true}), json!(null))];
        check("boolean", &apply(function, &[&is_one, &not_b]), &rows);
    }
    let rows = [(json!({"s": "a", "t": "a"}), json!(true)), (json!({"t": "a"}), json!(false)), (none, json!(true))];
    check("boolean", &apply("isIn", &["s", "t", &constant("string", "q")]), &rows);
}

#[test]
fn map_missing_to_and_default_value() {
    let sum =
        r#"<Apply function="+" mapMissingTo="-1" defaultValue="7"><FieldRef field="x"/><FieldRef field="z"/></Apply>"#;
    check("double", sum, &[(json!({"x": 1, "z": 2}), json!(3.0)), (json!({"x": 1}), json!(-1.0))]);
    let least = r#"<Apply function="min" mapMissingTo="-1"><FieldRef field="x"/><FieldRef field="z"/></Apply>"#;
    check("double", least, &[(json!({"x": 1}), json!(-1.0))]);
    let least = r#"<Apply function="min" defaultValue="7"><FieldRef field="x"/><FieldRef field="z"/></Apply>"#;
    check("double", least, &[(json!({"x": 1}), json!(1.0)), (json!({}), json!(7.0))]);
    let words = r#"<Apply function="uppercase" mapMissingTo="none"><FieldRef field="s"/></Apply>"#;
    check("string", words, &[(json!({"s": "a"}), json!("A")), (json!({}), json!("none"))]);
    let text_of_number =
        r#"<Apply function="+" mapMissingTo="none"><FieldRef field="x"/><FieldRef field="z"/></Apply>"#;
    check("string", text_of_number, &[(json!({"x": 1, "z": 2}), json!("3.0")), (json!({"x": 1}), json!("none"))]);
    check(
        "double",
        r#"<FieldRef field="x" mapMissingTo="3"/>"#,
        &[(json!({}), json!(3.0)), (json!({"x": 1}), json!(1.0))],
    );
    check(
        "string",
        r#"<FieldRef field="n" mapMissingTo="none"/>"#,
        &[(json!({}), json!("none")), (json!({"n": 5}), json!("5"))],
    );
}

#[test]
fn what_an_invalid_result_does() {
    let ln = |treatment: &str| {
        format!(
            r#"<Apply function="ln" invalidValueTreatment="{treatment}" defaultValue="9"><FieldRef field="x"/></Apply>"#
        )
    };
    let below = json!({"x": -1});
    check("double", &ln("returnInvalid"), &[(below.clone(), json!("refused")), (json!({"x": 0}), json!("-Infinity"))]);
    check("double", &ln("asMissing"), &[(below.clone(), json!(9.0))]);
    check("double", &ln("asIs"), &[(below, json!("NaN"))]);
    let divide = |treatment: &str| {
        format!(
            r#"<Apply function="/" invalidValueTreatment="{treatment}"><FieldRef field="n"/><FieldRef field="m"/></Apply>"#
        )
    };
    let by_zero = json!({"n": 7, "m": 0});
    check(
        "integer",
        &divide("returnInvalid"),
        &[(by_zero.clone(), json!("refused")), (json!({"n": -7, "m": 2}), json!(-3))],
    );
    check("integer", &divide("asMissing"), &[(by_zero, json!(null))]);
    check(
        "double",
        &apply("/", &["x", "z"]),
        &[(json!({"x": 1, "z": 0}), json!("Infinity")), (json!({"x": 0, "z": 0}), json!("refused"))],
    );
}

#[test]
fn types_are_those_of_the_arguments() {
    // A float and an integer make a float; with a double, a double.
    check("double", &apply("+", &["f", "n"]), &[(json!({"f": 0.1, "n": 1}), json!(f64::from(0.1_f32 + 1.0)))]);
    check("double", &apply("*", &["f", "x"]), &[(json!({"f": 0.1, "x": 1}), json!(f64::from(0.1_f32)))]);
    check("string", &apply("+", &["n", "m"]), &[(json!({"n": 1, "m": 2}), json!("3"))]);
    check("string", &apply("avg", &["n", "m"]), &[(json!({"n": 1, "m": 2}), json!("1.5"))]);
    check("string", &apply("round", &["x"]), &[(json!({"x": -2.5}), json!("-2")), (json!({"x": 2.5}), json!("3"))]);
    check("string", &apply("rint", &["x"]), &[(json!({"x": 2.5}), json!("2.0"))]);
    check("string", &apply("threshold", &["n", "x"]), &[(json!({"n": 2, "x": 1.5}), json!("1.0"))]);
    check(
        "integer",
        &apply("pow", &["n", "m"]),
        &[(json!({"n": -2, "m": 3}), json!(-8)), (json!({"n": 2, "m": -1}), json!("refused"))],
    );
    check(
        "integer",
        &apply("modulo", &["n", "m"]),
        &[(json!({"n": 11, "m": 4}), json!(3)), (json!({"n": -1, "m": 7}), json!(6))],
    );
    check("integer", &field("x"), &[(json!({"x": 2}), json!(2)), (json!({"x": 2.5}), json!("refused"))]);
    check("string", &field("x"), &[(json!({"x": 123_456_789.0}), json!("1.23456789E8"))]);
    check("string", &field("b"), &[(json!({"b": true}), json!("true"))]);
    check("double", &field("s"), &[(json!({"s": "1.5"}), json!(1.5)), (json!({"s": "many"}), json!("refused"))]);
    // Compared as the first's type.
    let tenth = constant("double", "0.1");
    check("boolean", &apply("equal", &["f", &tenth]), &[(json!({"f": 0.1}), json!(true))]);
    check("boolean", &apply("equal", &[&tenth, "f"]), &[(json!({"f": 0.1}), json!(false))]);
    check("boolean", &apply("equal", &["n", "s"]), &[(json!({"n": 1, "s": "1.0"}), json!(true))]);
    check("boolean", &apply("equal", &["s", "n"]), &[(json!({"n": 1, "s": "1.0"}), json!(false))]);
    check("boolean", &apply("lessThan", &["s", "t"]), &[(json!({"s": "10", "t": "9"}), json!(true))]);
}

#[test]
fn the_arm_that_is_not_taken_refuses_nothing() {
    let positive = apply("greaterThan", &["x", &constant("double", "0")]);
    let guarded = apply("if", &[&positive, &apply("ln", &["x"]), &constant("double", "-99")]);
    let rows = [(json!({"x": 1}), json!(0.0)), (json!({"x": -1}), json!(-99.0)), (json!({}), json!(null))];
    check("double", &guarded, &rows);
    check("double", &apply("if", &[&positive, "x"]), &[(json!({"x": -1}), json!(null))]);
    let mixed = apply("if", &[&positive, &constant("string", "high"), "x"]);
    check("string", &mixed, &[(json!({"x": 1}), json!("high")), (json!({"x": -1.5}), json!("-1.5"))]);
}

#[test]
fn constants_of_every_kind() {
    check("string", "<Constant/>", &[(json!({}), json!(""))]);
    check("double", r#"<Constant dataType="double"/>"#, &[(json!({}), json!(null))]);
    check("double", r#"<Constant missing="true"/>"#, &[(json!({}), json!(null))]);
    check("string", "<Constant>007</Constant>", &[(json!({}), json!("7"))]);
    let list = apply("isIn", &["s", "<Constant>007</Constant>"]);
    check("boolean", &list, &[(json!({"s": "007"}), json!(true)), (json!({"s": "7"}), json!(false))]);
    check("double", "<Constant>NaN</Constant>", &[(json!({}), json!("NaN"))]);
    check("double", "<Constant>-INF</Constant>", &[(json!({}), json!("-Infinity"))]);
    check("double", &apply("+", &["<Constant>1</Constant>", "<Constant>0.5</Constant>"]), &[(json!({}), json!(1.5))]);
    assert!(refusal("", r#"<Constant dataType="integer">many</Constant>"#).contains("a value of type integer"));
}

#[test]
fn functions_of_a_document() {
    // The standard's: the half of the day, and the group of a state.
    let am_pm = r#"<DefineFunction name="AMPM" dataType="string" optype="categorical">
<ParameterField name="TimeVal" optype="continuous" dataType="integer"/>
<Discretize field="TimeVal"><DiscretizeBin binValue="AM"><Interval closure="closedClosed" leftMargin="0" rightMargin="43199"/></DiscretizeBin>
<DiscretizeBin binValue="PM"><Interval closure="closedOpen" leftMargin="43200" rightMargin="86400"/></DiscretizeBin></Discretize>
</DefineFunction>"#;
    let rows = [(json!({"n": 34_742}), json!("AM")), (json!({"n": 50_000}), json!("PM")), (json!({}), json!(null))];
    check_with(am_pm, "string", &apply("AMPM", &["n"]), &rows);
    let group = r#"<DefineFunction name="STATEGROUP" dataType="string" optype="categorical">
<ParameterField name="p1" optype="categorical" dataType="string"/>
<MapValues outputColumn="region"><FieldColumnPair field="p1" column="state"/><InlineTable>
<row><state>CA</state><region>West</region></row><row><state>OR</state><region>West</region></row>
<row><state>NC</state><region>East</region></row></InlineTable></MapValues></DefineFunction>"#;
    check_with(
        group,
        "string",
        &apply("STATEGROUP", &["s"]),
        &[(json!({"s": "CA"}), json!("West")), (json!({"s": "TX"}), json!(null))],
    );
    let twice = r#"<DefineFunction name="twice" dataType="integer"><ParameterField name="p" dataType="integer"/>
<Apply function="+"><FieldRef field="p"/><FieldRef field="p"/></Apply></DefineFunction>"#;
    check_with(
        twice,
        "string",
        &apply("twice", &["x"]),
        &[(json!({"x": 2}), json!("4")), (json!({"x": 2.5}), json!("refused"))],
    );
    let error = refusal(twice, &apply("twice", &["x", "z"]));
    assert!(error.contains("1 arguments, as twice at line"), "{error}");
    let error = refusal("", &apply("thrice", &["x"]));
    assert!(error.contains("thrice"), "{error}");
    let own = r#"<DefineFunction name="f" optype="continuous"><ParameterField name="p"/><Apply function="g"><FieldRef field="p"/></Apply></DefineFunction>
<DefineFunction name="g" optype="continuous"><ParameterField name="p"/><Apply function="f"><FieldRef field="p"/></Apply></DefineFunction>"#;
    let error = refusal(own, &apply("f", &["x"]));
    assert!(error.contains("does not need itself"), "{error}");
    let error = refusal(
        r#"<DefineFunction name="f" optype="continuous"><FieldRef field="x"/></DefineFunction>"#,
        &apply("f", &[]),
    );
    assert!(error.contains("a parameter of the function f"), "{error}");
}

#[test]
fn functions_that_would_write_out_too_much() {
    let mut functions = String::new();
    for i in 0..40 {
        let inner = if i == 0 { "ln".to_owned() } else { format!("f{}", i - 1) };
        let call = format!(r#"<Apply function="{inner}"><FieldRef field="p"/></Apply>"#);
        functions += &format!(
            r#"<DefineFunction name="f{i}" optype="continuous"><ParameterField name="p"/><Apply function="+">{call}{call}</Apply></DefineFunction>"#
        );
    }
    let error = refusal(&functions, &apply("f39", &["x"]));
    assert!(error.contains("written out"), "{error}");
    // So many are no matter.
    check_with(&functions, "double", &apply("f9", &["x"]), &[(json!({"x": 1}), json!(0.0))]);
}

#[test]
fn nesting_is_bounded() {
    let deep = (0..5_000).fold(field("x"), |inner, _| apply("abs", &[&inner]));
    assert!(refusal("", &deep).contains("nested") || refusal("", &deep).contains("levels"));
    let less = (0..150).fold(field("x"), |inner, _| apply("+", &[&inner, &constant("double", "1")]));
    check("double", &less, &[(json!({"x": 1}), json!(151.0))]);
}

#[test]
fn normalisation_by_lines() {
    let norm = |outliers: &str| {
        format!(
            r#"<NormContinuous field="x" outliers="{outliers}" mapMissingTo="-1"><LinearNorm orig="1" norm="10"/>
<LinearNorm orig="3" norm="20"/><LinearNorm orig="4" norm="0"/></NormContinuous>"#
        )
    };
    let at = |x: f64, v: Value| (json!({ "x": x }), v);
    let inside =
        [at(1.0, json!(10.0)), at(2.0, json!(15.0)), at(3.0, json!(20.0)), at(3.5, json!(10.0)), at(4.0, json!(0.0))];
    for outliers in ["asIs", "asMissingValues", "asExtremeValues"] {
        check("double", &norm(outliers), &inside);
    }
    check("double", &norm("asIs"), &[at(0.0, json!(5.0)), at(5.0, json!(-20.0)), (json!({}), json!(-1.0))]);
    check("double", &norm("asMissingValues"), &[at(0.0, json!(null)), at(5.0, json!(null)), (json!({}), json!(-1.0))]);
    check("double", &norm("asExtremeValues"), &[at(0.0, json!(10.0)), at(5.0, json!(0.0))]);
    let falling =
        r#"<NormContinuous field="x"><LinearNorm orig="1" norm="1"/><LinearNorm orig="0" norm="1"/></NormContinuous>"#;
    assert!(refusal("", falling).contains("rising orig"));
}

#[test]
fn tables_are_found_by_all_their_columns() {
    let table = |attributes: &str| {
        format!(
            r#"<MapValues outputColumn="out" dataType="integer" {attributes}><FieldColumnPair field="s" column="band"/>
<FieldColumnPair field="n" column="state"/><InlineTable><row><band>1</band><state>1</state><out>10000</out></row>
<row><band>1</band><state>2</state><out>12000</out></row><row><band>2</band><state>1.0</state><out>20000</out></row>
<row><band>3</band><state>1</state><out>7</out></row><row><band>3</band><state>1</state><out>8</out></row></InlineTable></MapValues>"#
        )
    };
    let row = |s: &str, n: i64| json!({"s": s, "n": n});
    let rows = [
        (row("1", 2), json!(12_000)),
        (row("2", 1), json!(20_000)),
        (row("2", 2), json!(null)),
        (row("3", 1), json!("refused")),
        (json!({"s": "1"}), json!(null)),
    ];
    check("integer", &table(""), &rows);
    let rows = [(row("2", 2), json!(-1)), (json!({"s": "1"}), json!(-2))];
    check("integer", &table(r#"defaultValue="-1" mapMissingTo="-2""#), &rows);
    let elsewhere = r#"<MapValues outputColumn="o"><FieldColumnPair field="s" column="c"/><TableLocator/></MapValues>"#;
    let error = refusal("", elsewhere);
    assert!(error.contains("TableLocator") && error.contains("InlineTable"), "{error}");
}

#[test]
fn text_indices() {
    let index = |attributes: &str, term: &str| {
        format!(r#"<TextIndex textField="s" {attributes}><Constant>{term}</Constant></TextIndex>"#)
    };
    let text = json!({"s": "The sun, the Sun (and THE SUN's rays); sunrise"});
    let one = |attributes: &str, term: &str, v: Value| check("double", &index(attributes, term), &[(text.clone(), v)]);
    one("", "sun", json!(2.0));
    one(r#"isCaseSensitive="true""#, "Sun", json!(1.0));
    one("", "the sun", json!(2.0));
    one(r#"maxLevenshteinDistance="2""#, "sun", json!(3.0));
    one(r#"maxLevenshteinDistance="2" countHits="bestHits""#, "sun", json!(2.0));
    one(r#"localTermWeights="binary""#, "sun", json!(1.0));
    one(r#"localTermWeights="logarithmic""#, "sun", json!(3.0_f64.log10()));
    one(r#"wordRE="[a-z]+""#, "un", json!(1.0));
    one(r#"wordSeparatorCharacterRE="[\s']+""#, "sun", json!(3.0));
    one(r#"tokenize="false""#, "sun", json!(0.0));
    let normalised = r#"<TextIndex textField="s"><TextIndexNormalization recursive="true" inField="in" outField="out" regexField="re">
<InlineTable><row><in>interfaces</in><out>interface</out></row><row><in>is|are|seem(ed|s?)|were</in><out>be</out><re>true</re></row>
<row><in>user friendl(y|iness)</in><out>user_friendly</out><re>true</re></row></InlineTable></TextIndexNormalization>
<Constant>user_friendly interface be</Constant></TextIndex>"#;
    check(
        "double",
        normalised,
        &[(json!({"s": "User friendly interfaces are rare"}), json!(1.0)), (json!({}), json!(null))],
    );
}

#[test]
fn patterns_are_bounded() {
    let pattern = constant("string", "(?=(a+)+$)b|^(a|a)*$(?!c)");
    let long = "a".repeat(40) + "!";
    // Whatever comes of it, it comes soon.
    let outcome = run_case(&case(
        document("", "", &output("boolean", &apply("matches", &["s", &pattern]))),
        &[(json!({ "s": long }), json!(false))],
    ));
    assert!(matches!(outcome, Outcome::Passed | Outcome::Failed(_)), "{outcome:?}");
    let error = refusal("", &apply("matches", &["s", "t"]));
    assert!(error.contains("a pattern that is no constant"), "{error}");
}

#[test]
fn dates_and_times_in_all_their_units() {
    let derived = |data: &str, from: &str| {
        format!(
            r#"<DerivedField name="k" optype="continuous" dataType="{data}"><FieldRef field="{from}"/></DerivedField>"#
        )
    };
    let day = json!({"d": "1960-01-04", "ts": "1960-01-04T03:30:03", "s": "1960-01-04", "t": "03:30:03"});
    let row = |v: Value| [(day.clone(), v), (json!({}), json!(null))];
    check_derived(&derived("dateDaysSince[1960]", "d"), "integer", &row(json!(3)));
    check_derived(&derived("dateDaysSince[1960]", "s"), "integer", &row(json!(3)));
    check_derived(&derived("dateDaysSince[1970]", "ts"), "integer", &row(json!(-3650)));
    check_derived(&derived("dateDaysSince[0]", "d"), "integer", &row(json!(715_878)));
    check_derived(&derived("dateTimeSecondsSince[1960]", "ts"), "integer", &row(json!(3 * 86_400 + 12_603)));
    check_derived(&derived("timeSeconds", "ts"), "integer", &row(json!(12_603)));
    check_derived(&derived("timeSeconds", "t"), "integer", &row(json!(12_603)));
    check_derived(&derived("time", "ts"), "string", &row(json!("03:30:03")));
    check_derived(&derived("date", "ts"), "string", &row(json!("1960-01-04")));
    check_derived(&derived("dateTime", "d"), "string", &row(json!("1960-01-04 00:00:00")));
    let later = r#"<DerivedField name="j" optype="continuous" dataType="dateDaysSince[1960]"><FieldRef field="d"/></DerivedField>"#;
    let moved = format!("{later}{}", derived("dateDaysSince[1980]", "j"));
    check_derived(&moved, "integer", &row(json!(-7302)));
}

#[test]
fn lags_see_the_rows_of_the_call() {
    let lag = |attributes: &str, inside: &str| format!(r#"<Lag field="x" {attributes}>{inside}</Lag>"#);
    let row = |x: f64, s: &str, v: Value| (json!({"x": x, "s": s}), v);
    let rows = [row(1.0, "a", json!(null)), row(2.0, "b", json!(1.0)), row(4.0, "a", json!(2.0))];
    check("double", &lag("", ""), &rows);
    let rows =
        [row(1.0, "a", json!(null)), row(2.0, "b", json!(null)), row(4.0, "a", json!(1.0)), row(0.0, "a", json!(2.5))];
    check("double", &lag(r#"n="2" aggregate="avg""#, r#"<BlockIndicator field="s"/>"#), &rows);
    assert!(refusal("", &lag(r#"n="0""#, "")).contains("a number of rows from 1 on"));
}

#[test]
fn fields_of_very_many_categories() {
    let values: String = (0..40).map(|i| format!(r#"<Value value="{i}"/><Value value="{i}.0"/>"#)).collect();
    let text = document("", "", &output("boolean", &apply("isValid", &["n"])));
    let plain = r#"<DataField name="n" optype="continuous" dataType="integer"/>"#;
    let listed = format!(r#"<DataField name="n" optype="categorical" dataType="integer">{values}</DataField>"#);
    let as_is = r#"<MiningField name="n" invalidValueTreatment="asIs"/>"#;
    let text = text.replace(plain, &listed).replace(r#"<MiningField name="n"/>"#, as_is);
    let rows = [(json!({"n": 39}), json!(true)), (json!({"n": 40}), json!(false)), (json!({}), json!(false))];
    assert_eq!(run_case(&case(text, &rows)), Outcome::Passed);
}

#[test]
fn very_many_arguments() {
    let ones = vec![apply("equal", &["x", &constant("double", "1")]); 400];
    let ones: Vec<&str> = ones.iter().map(String::as_str).collect();
    check("boolean", &apply("and", &ones), &[(json!({"x": 1}), json!(true)), (json!({"x": 2}), json!(false))]);
    check("boolean", &apply("or", &ones), &[(json!({"x": 1}), json!(true)), (json!({"x": 2}), json!(false))]);
    let many: Vec<String> = (0..700).map(|i| constant("double", &format!("{i}.5"))).collect();
    let args: Vec<&str> = many.iter().map(String::as_str).chain(["x"]).collect();
    let sum: f64 = (0..700).map(|i| f64::from(i) + 0.5).sum();
    check("double", &apply("sum", &args), &[(json!({"x": 1}), json!(sum + 1.0)), (json!({}), json!(sum))]);
}

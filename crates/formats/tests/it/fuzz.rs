//! The fuzz entries over seeds that are spoiled at random, always in the same way.

use formats::fuzz;

/// Numbers that look random and are the same in every run (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below.max(1) as u64) as usize
    }
}

/// Runs the entry on spoiled seeds: bytes changed, runs cut out or doubled, tokens put in.
fn check(entry: fn(&[u8]), seeds: &[impl AsRef<[u8]>], tokens: &[impl AsRef<[u8]>], rounds: usize) {
    let mut numbers = Numbers(7);
    for seed in seeds {
        let seed = seed.as_ref();
        entry(seed);
        for _ in 0..rounds {
            let mut bytes = seed.to_vec();
            for _ in 0..=numbers.below(4) {
                let at = numbers.below(bytes.len() + 1);
                let end = (at + numbers.below(12)).min(bytes.len());
                match numbers.below(4) {
                    0 if at < bytes.len() => bytes[at] = numbers.below(256) as u8,
                    1 => drop(bytes.drain(at..end)),
                    2 => {
                        let run = bytes[at..end].repeat(1 + numbers.below(20));
                        drop(bytes.splice(at..at, run));
                    }
                    _ => drop(bytes.splice(at..end, tokens[numbers.below(tokens.len())].as_ref().iter().copied())),
                }
            }
            entry(&bytes);
        }
    }
}

const METADATA: &str = r#"{"class":"org.apache.spark.ml.feature.Bucketizer","timestamp":1,"sparkVersion":"3.5.9","uid":"b_1",
"paramMap":{"inputCols":["a","b"],"outputCols":["c","d"],"splitsArray":[["-Inf",0.0,"Inf"],[1,2,3]]},"defaultParamMap":{"handleInvalid":"skip"}}"#;
const JSON_TOKENS: [&str; 12] =
    ["null", "[", "{", "}", "]", "\"NaN\"", "-1", "1e999", "18446744073709551616", ",", ":", "\"keep\""];

#[test]
fn metadata() {
    check(fuzz::metadata, &[&METADATA.replace('\n', "")], &JSON_TOKENS, 3000);
}

#[test]
fn java_regex() {
    let seeds = [
        r"(?i)[a-z&&[^m-p]]+\s*(?:x|y){2,3}?\b",
        r"\p{L}+(?='|\b)|[0-9]{2,}",
        r"(?<n>a)\k<n>\1\Q.*\E\x{41}\uD83D\uDE00$",
    ];
    let tokens = [
        "[", "]", "&&", "^", "(?", ")", "\\", "\\p{", "}", "{1000}", "{,}", "++", "\\Q", "(?<=", "|", "-", "\\u", "é",
        "(?U)",
    ];
    check(fuzz::java_regex, &seeds, &tokens, 400);
}

#[test]
fn sql() {
    let seeds = [
        "SELECT *, (v1 + v2 * 2) AS v3, CASE WHEN a > 1.5 THEN 'x' ELSE upper(b) END FROM __THIS__ WHERE c LIKE '%y\\_' AND d IN (1, 2L)",
        "SELECT s, count(*) AS n, sum(x) FILTER (WHERE y) / count(DISTINCT z) FROM __THIS__ t GROUP BY s, 2 HAVING n > 1",
        "SELECT CAST(t.a AS DECIMAL(10,2)) `q`, to_date(b, 'yyyy') + INTERVAL 2 DAYS, split(c, '[,]')[0], -1e3, X'1F' FROM __THIS__ t",
    ];
    let tokens = [
        "(",
        ")",
        ",",
        "'",
        "`",
        "\"",
        "\\",
        "--",
        "/*",
        "*",
        "NOT ",
        "- ",
        "CASE ",
        "a -> a",
        "::int",
        "BETWEEN",
        " AND ",
        "INTERVAL ",
        "ARRAY<",
        "DATE'",
        "9999999999999999999999999999999999999999",
        "1e999",
        ".5D",
        "OVER ()",
        "\u{e4}",
    ];
    check(fuzz::sql, &seeds, &tokens, 1500);
    for deep in ["(", "-", "NOT ", "a+", "CASE WHEN ", "f(", "a[", "CAST(", "ARRAY<", "struct(", "a.", "'x' ", "- - "] {
        for count in [50, 400, 20_000] {
            fuzz::sql(format!("SELECT {} FROM __THIS__", deep.repeat(count)).as_bytes());
        }
    }
    // What computes an argument twice must not double with each level.
    let twice =
        [("nullif(", ", 1)"), ("(", " BETWEEN 1 AND 2)"), ("elt(", ", '1', '2')"), ("decode(", ", 1, 2, 3, 4, 5)")];
    for (open, close) in twice {
        for count in [10, 40, 60] {
            let deep =
                format!("SELECT {}length(upper('x')){} AS y FROM __THIS__", open.repeat(count), close.repeat(count));
            fuzz::sql(deep.as_bytes());
        }
    }
}

#[test]
fn artifact() {
    let stage = |class: &str, params: &str| {
        let class = format!("org.apache.spark.ml.{class}");
        format!(r#"{{"class":"{class}","sparkVersion":"3.5.9","uid":"s","paramMap":{params}}}"#)
    };
    let pipeline = stage("PipelineModel", r#"{"stageUids":["s","s","s"]}"#);
    let tokenizer = stage("feature.Tokenizer", r#"{"inputCol":"t","outputCol":"w"}"#);
    let hashing = stage("feature.HashingTF", r#"{"inputCol":"w","outputCol":"f","numFeatures":16}"#);
    let assembler =
        stage("feature.VectorAssembler", r#"{"inputCols":["f","x"],"outputCol":"v","handleInvalid":"keep"}"#);
    let seed = [pipeline, tokenizer, hashing, assembler].join("\n");
    check(fuzz::spark, &[&seed], &[&JSON_TOKENS[..], &["\n", "feature.", "NGram", "t", "w"]].concat(), 2000);
}

const DOCUMENT: &str = r#"<?xml version="1.0"?>
<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>
<DataDictionary><DataField name="x" optype="continuous" dataType="double"><Interval closure="closedOpen" leftMargin="0"/></DataField>
<DataField name="c" optype="categorical" dataType="string"><Value value="a"/><Value value="b" property="missing"/></DataField>
<DataField name="y" optype="continuous" dataType="double"/></DataDictionary>
<TransformationDictionary><DefineFunction name="f" optype="continuous"><ParameterField name="p"/><Apply function="+"><FieldRef field="p"/><Constant>1</Constant></Apply></DefineFunction></TransformationDictionary>
<RegressionModel functionName="regression"><MiningSchema><MiningField name="x" outliers="asExtremeValues" lowValue="0" highValue="9"/>
<MiningField name="c" invalidValueTreatment="asMissing" missingValueReplacement="a"/><MiningField name="y" usageType="target"/></MiningSchema>
<Output><OutputField name="o" feature="transformedValue" dataType="double"><Apply function="f"><FieldRef field="y"/></Apply></OutputField></Output>
<Targets><Target field="y" rescaleFactor="2" castInteger="round"/></Targets>
<LocalTransformations><DerivedField name="d" optype="continuous" dataType="double"><NormContinuous field="x"><LinearNorm orig="0" norm="0"/><LinearNorm orig="1" norm="2"/></NormContinuous></DerivedField></LocalTransformations>
<RegressionTable intercept="1"><NumericPredictor name="d" coefficient="2" exponent="2"/><CategoricalPredictor name="c" value="a" coefficient="3"/></RegressionTable></RegressionModel></PMML>"#;

const TREES: &str = r#"<PMML version="4.4"><DataDictionary><DataField name="x" optype="continuous" dataType="float"/><DataField name="y" optype="categorical" dataType="string"><Value value="p"/><Value value="q"/></DataField></DataDictionary>
<MiningModel functionName="classification"><MiningSchema><MiningField name="x"/><MiningField name="y" usageType="target"/></MiningSchema>
<Segmentation multipleModelMethod="majorityVote"><Segment id="1"><True/><TreeModel functionName="classification" missingValueStrategy="defaultChild" noTrueChildStrategy="returnLastPrediction"><MiningSchema><MiningField name="x"/></MiningSchema>
<Node id="0" score="p" defaultChild="2" recordCount="9"><True/><Node id="1" score="p" recordCount="4"><SimplePredicate field="x" operator="lessThan" value="1.5"/><ScoreDistribution value="p" recordCount="4"/></Node>
<Node id="2" score="q" recordCount="5"><CompoundPredicate booleanOperator="surrogate"><SimplePredicate field="x" operator="greaterOrEqual" value="1.5"/><True/></CompoundPredicate><ScoreDistribution value="q" recordCount="5"/></Node></Node></TreeModel></Segment>
<Segment id="2" weight="2"><SimpleSetPredicate field="x" booleanOperator="isIn"><Array n="2" type="real">1 2.5</Array></SimpleSetPredicate><TreeModel functionName="classification"><MiningSchema><MiningField name="x"/></MiningSchema><Node score="q"><True/></Node></TreeModel></Segment></Segmentation></MiningModel></PMML>"#;

#[test]
fn pmml() {
    let tokens = [
        "<",
        "</",
        "/>",
        ">",
        "\"",
        "&amp;",
        "&x;",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<!DOCTYPE x>",
        "value=\"",
        "\"NaN\"",
        "\"-1\"",
        "\"1e999\"",
        "\"999999999999\"",
        "<Node><True/></Node>",
        "field=\"x\"",
        "<Apply function=\"f\">",
        "<FieldRef field=\"o\"/>",
        "<Extension>",
    ];
    check(fuzz::pmml, &[DOCUMENT, TREES], &tokens, 2000);
}

#[test]
fn protobuf() {
    let seed = b"\x08\x96\x01\x12\x02hi\x1d\0\0\x80\x3f\x0a\x08\0\0\x80\x3f\0\0\0\x40\x1a\x06\x0a\x04\x08\x01\x08\x02";
    let tokens: [&[u8]; 8] = [
        b"\x80",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        b"\x0b",
        b"\x0f",
        b"\x0a\x7f",
        b"\x00",
        b"\x0a\x02\x08\x01",
        b"\x0d",
    ];
    check(fuzz::protobuf, &[seed], &tokens, 3000);
}

/// A model with an op of each family, a function, graphs within nodes and tensors of three kinds.
fn onnx_seed() -> crate::onnx::Pb {
    use crate::onnx::{Pb, attr_graph, attr_int, attr_ints, attr_text, graph, model, node};
    let inner = graph("", &[node("Add", "x x", "r")], "r");
    let body = graph("i c s", &[node("Identity", "c", "d"), node("Add", "s x", "t")], "d t t");
    let step = graph("s e", &[node("Mul", "s e", "t")], "t t");
    let weights = Pb::default().int(1, 2).int(2, 1).span(8, "w").span(9, [0; 8]);
    let entry = Pb::default().span(1, "location").span(2, "weights.bin");
    let beside = Pb::default().int(1, 3).int(2, 22).span(8, "e").int(14, 1).span(13, entry);
    let value = Pb::default().int(1, 2).int(2, 7).span(7, [1, 2]);
    let nodes = [
        node("If", "b", "t").span(5, attr_graph("then_branch", &inner)).span(5, attr_graph("else_branch", &inner)),
        node("F", "t w", "u").span(5, attr_ints("axes", &[1, 2])).span(7, "local"),
        node("Constant", "", "k").span(5, Pb::default().span(1, "value").span(5, value).int(20, 4)),
        node("Loop", "_ _ u", "l m").span(5, attr_graph("body", &body)),
        node("Scan", "l m", "n o").span(5, attr_graph("body", &step)).span(5, attr_int("num_scan_inputs", 1)),
        node("Conv", "n w", "p").span(5, attr_ints("pads", &[1, 1])).span(5, attr_text("auto_pad", "NOTSET")),
        node("LSTM", "p w w", "q").span(5, attr_text("direction", "bidirectional")),
        node("Gemm", "q w", "v").span(5, attr_int("transA", 1)),
        node("Abs", "e", "z"),
        node("Reshape", "n k", "a"),
        node("Softmax", "a", "f").span(5, attr_int("axis", -1)),
        node("Cast", "f", "g").span(5, attr_int("to", 7)),
        node("ReduceSum", "f k", "h"),
        node("Concat", "x x", "y").span(5, attr_int("axis", 0)),
    ];
    let function = Pb::default().span(1, "F").span(10, "local").all(4, ["a", "b"]).span(5, "c");
    let function = function.span(7, node("Mul", "a b", "c")).span(9, Pb::default().int(2, 17));
    let graph = graph("x b", &nodes, "n p q v a f g h y z").span(5, weights).span(5, beside);
    model(&graph).span(25, function)
}

#[test]
fn onnx() {
    let tokens: [&[u8]; 8] = [
        b"\x80",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x0a",
        b"\x01x",
        b"\x01y",
        b"\x01F",
        b"\x10\x16",
        b"\x2a",
    ];
    check(fuzz::onnx, &[onnx_seed()], &tokens, 6000);
}

#[test]
fn the_onnx_seed_is_a_model() {
    let beside = model::Buffer::from(vec![0_u8; 64]);
    let seed = model::Buffer::from(onnx_seed().as_ref().to_vec());
    let files = [("model.onnx".to_owned(), seed), ("weights.bin".to_owned(), beside)];
    let read = formats::read(&model::ModelFiles::new(files), &formats::ReadOptions::default());
    assert!(read.is_ok(), "{read:?}");
}

#[test]
fn warm_up() {
    let record = formats::tensorflow::warm_up::record;
    let seeds = [[record(b"one"), record(b"two and more")].concat(), record(b"").repeat(20)];
    check(fuzz::warm_up, &seeds, &[&b"\0\0\0\0"[..], &[0xff; 8]], 3000);
}

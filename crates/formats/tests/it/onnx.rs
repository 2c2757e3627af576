//! ONNX documents, written byte by byte, to their programs; and what is refused on the way.

use formats::{
    Limits,
    onnx::{graph::Program, reader::Reader, tensor::Values, with_program},
};
use model::{Buffer, ModelFiles};

/// A message in the making.
#[derive(Clone, Default)]
pub struct Pb(Vec<u8>);

impl Pb {
    fn varint(&mut self, mut bits: u64) {
        while bits >= 0x80 {
            self.0.push(bits as u8 | 0x80);
            bits >>= 7;
        }
        self.0.push(bits as u8);
    }

    pub fn int(mut self, number: u32, value: i64) -> Pb {
        self.varint(u64::from(number) << 3);
        self.varint(value as u64);
        self
    }

    pub fn span(mut self, number: u32, bytes: impl AsRef<[u8]>) -> Pb {
        self.varint(u64::from(number) << 3 | 2);
        self.varint(bytes.as_ref().len() as u64);
        self.0.extend(bytes.as_ref());
        self
    }

    pub fn all<T: AsRef<[u8]>>(self, number: u32, items: impl IntoIterator<Item = T>) -> Pb {
        items.into_iter().fold(self, |message, item| message.span(number, item))
    }
}

impl AsRef<[u8]> for Pb {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|name| !name.is_empty()).map(|name| if name == "_" { "" } else { name })
}

pub fn node(op: &str, inputs: &str, outputs: &str) -> Pb {
    Pb::default().all(1, names(inputs)).all(2, names(outputs)).span(4, op)
}

/// A tensor of any rank; of float, but truth values are called `b` or `c` and whole numbers `i`.
fn info(name: &str) -> Pb {
    let dtype = match name {
        "b" | "c" => 9,
        "i" => 7,
        _ => 1,
    };
    Pb::default().span(1, name).span(2, Pb::default().span(1, Pb::default().int(1, dtype)))
}

pub fn graph(inputs: &str, nodes: &[Pb], outputs: &str) -> Pb {
    Pb::default().all(1, nodes).all(11, names(inputs).map(info)).all(12, names(outputs).map(info))
}

fn opset(version: i64) -> Pb {
    Pb::default().int(2, version)
}

pub fn model(graph: &Pb) -> Pb {
    Pb::default().int(1, 8).span(7, graph).span(8, opset(17)).span(8, opset(1).span(1, "local"))
}

pub fn attr_graph(name: &str, graph: &Pb) -> Pb {
    Pb::default().span(1, name).span(6, graph).int(20, 5)
}

pub fn attr_int(name: &str, value: i64) -> Pb {
    Pb::default().span(1, name).int(3, value).int(20, 2)
}

pub fn attr_ints(name: &str, values: &[i64]) -> Pb {
    values.iter().fold(Pb::default().span(1, name).int(20, 7), |attr, value| attr.int(8, *value))
}

pub fn attr_text(name: &str, text: &str) -> Pb {
    Pb::default().span(1, name).span(4, text).int(20, 3)
}

fn floats(name: &str, dims: &[i64], raw: &[u8]) -> Pb {
    dims.iter().fold(Pb::default(), |tensor, dim| tensor.int(1, *dim)).int(2, 1).span(8, name).span(9, raw)
}

fn function(name: &str, inputs: &str, nodes: &[Pb], outputs: &str) -> Pb {
    let function = Pb::default().span(1, name).span(10, "local").span(9, opset(15)).span(9, opset(1).span(1, "local"));
    function.all(4, names(inputs)).all(5, names(outputs)).all(7, nodes)
}

fn call(op: &str, inputs: &str, outputs: &str) -> Pb {
    node(op, inputs, outputs).span(7, "local")
}

fn files(model: &Pb) -> ModelFiles {
    let beside = Buffer::from(vec![0_u8; 16]);
    ModelFiles::new([("m.onnx".to_owned(), Buffer::from(model.0.clone())), ("w.bin".to_owned(), beside)])
}

fn check<T>(model: &Pb, then: impl FnOnce(&Reader<'_>, &Program<'_>) -> T) -> T {
    with_program(&files(model), &Limits::default(), |cx, _, program| Ok(then(cx, program))).expect("the model is read")
}

fn refused(model: &Pb, expected: &str) {
    let error =
        with_program(&files(model), &Limits::default(), |_, _, _| Ok(())).expect_err("it is refused").to_string();
    assert_eq!(error, expected);
}

/// Returns the program as text: each node as `outputs = op(inputs)`, graphs within it in braces after what they capture.
fn show(model: &Pb) -> String {
    fn graph(program: &Program<'_>, of: &formats::onnx::graph::Graph<'_>) -> String {
        let list = |values: &[Option<formats::onnx::graph::ValueId>]| {
            let names = values.iter().map(|value| value.map_or("_", |value| program.value(value).name));
            names.collect::<Vec<_>>().join(" ")
        };
        let node = |node: &formats::onnx::graph::Node<'_>| {
            let inner = node.graphs().map(|inner| {
                let captures: Vec<_> = inner.captures.iter().copied().map(Some).collect();
                format!(" [{}]{{{}}}", list(&captures), graph(program, inner))
            });
            let inner: String = inner.collect();
            format!("{} = {}@{}({}){inner}", list(&node.outputs), node.op, node.version, list(&node.inputs))
        };
        let nodes = of.nodes.iter().map(node).collect::<Vec<_>>().join("; ");
        let outputs: Vec<_> = of.outputs.iter().map(|output| Some(output.value)).collect();
        format!("{nodes} -> {}", list(&outputs))
    }
    check(model, |_, program| graph(program, &program.graph))
}

#[test]
fn only_what_the_outputs_need_is_taken_in_order() {
    let nodes = [node("Neg", "b", "y"), node("Abs", "x", "dead"), node("Split", "x", "a b"), node("Neg", "a _", "c")];
    assert_eq!(show(&model(&graph("x", &nodes, "y"))), "_ b = Split@17(x); y = Neg@17(b) -> y");
    assert_eq!(show(&model(&graph("x", &nodes[2..], "c x"))), "a _ = Split@17(x); c = Neg@17(a _) -> c x");
}

#[test]
fn a_graph_within_lists_what_it_takes_from_outside() {
    let inner = graph("", &[node("Add", "x k", "r"), node("Abs", "unused", "dead")], "r");
    let middle = graph("", &[node("If", "c", "m").span(5, attr_graph("then_branch", &inner))], "m");
    let nodes = [
        node("Neg", "x", "k"),
        node("Neg", "x", "unused"),
        node("If", "c", "y").span(5, attr_graph("then_branch", &middle)),
    ];
    assert_eq!(
        show(&model(&graph("x c", &nodes, "y"))),
        "k = Neg@17(x); y = If@17(c) [c x k]{m = If@17(c) [x k]{r = Add@17(x k) -> r} -> m} -> y"
    );
}

#[test]
fn functions_stand_in_place_of_their_calls() {
    let reference = Pb::default().span(1, "alpha").int(20, 2).span(21, "a");
    let body = [node("Elu", "p", "t").span(5, &reference), node("Add", "t q", "r")];
    let f = function("F", "p q", &body, "r p").span(6, "a");
    let main = [
        call("F", "x", "u v").span(5, attr_int("a", 3)),
        call("F", "v x", "y").span(5, attr_int("a", 4)),
        call("F", "x u", "dead"),
    ];
    let model = model(&graph("x", &main, "y")).span(25, f);
    // The call that leaves out `q` is only needed for what it hands through.
    assert_eq!(show(&model), "v = Identity@1(x); t = Elu@15(v); y = Add@15(t x) -> y");
    check(&model, |_, program| {
        let elu = &program.graph.nodes[1];
        assert_eq!((elu.int("alpha").unwrap(), elu.int("beta").unwrap(), elu.function), (Some(4), None, Some("F")));
        let error = elu.floats("alpha").unwrap_err().to_string();
        assert_eq!(error, "m.onnx: Elu: node `F/t`: attribute `alpha`: expected floats, got an int");
        let error = elu.input(1, "B").unwrap_err().to_string();
        assert_eq!(error, "m.onnx: Elu: node `F/t`: input 1 (B): expected a value, got none");
    });
}

#[test]
fn functions_end() {
    let main = model(&graph("x", &[call("F", "x", "y")], "y"));
    let recursive = main.clone().span(25, function("F", "p", &[call("F", "p", "r")], "r"));
    refused(&recursive, "m.onnx: F: node `r`: function: expected functions that do not call themselves, got F");
    let mut doubling = main;
    for i in 0..40 {
        let name = if i == 0 { "F".to_owned() } else { format!("F{i}") };
        let next = format!("F{}", i + 1);
        doubling = doubling.span(25, function(&name, "p", &[call(&next, "p", "t"), call(&next, "t", "r")], "r"));
    }
    let doubling = doubling.span(25, function("F40", "p", &[node("Neg", "p", "r")], "r"));
    refused(&doubling, "m.onnx: depth of graphs, types and functions is 33, more than the limit 32 (depth_max)");
}

#[test]
fn names_have_one_origin() {
    let refuse = |nodes: &[Pb], expected: &str| refused(&model(&graph("x", nodes, "y")), expected);
    refuse(
        &[node("Add", "x nowhere", "y")],
        "m.onnx: Add: node `y`: input `nowhere`: expected a value that an input, a constant or a node makes, got no such value",
    );
    refuse(
        &[node("Neg", "x", "y"), node("Abs", "x", "y")],
        "m.onnx: Abs: value `y`: expected one place that makes it, got two",
    );
    refuse(&[node("Neg", "x", "x")], "m.onnx: Neg: value `x`: expected one place that makes it, got two");
    refuse(
        &[node("Add", "x b", "a"), node("Neg", "a", "b"), node("Neg", "a", "y")],
        "m.onnx: Add: node: expected nodes that do not wait for each other, got a circle of `a`, `b`",
    );
    refuse(&[], "m.onnx: GraphProto: output `y`: expected a value that a node makes, got no such value");
    refuse(
        &[call("Unknown", "x", "y").span(7, "other")],
        "m.onnx: Unknown: opset_import of other: expected the version of the ops of this domain, got none",
    );
}

#[test]
fn an_input_with_an_initialiser_is_optional() {
    let graph = graph("x w", &[node("Add", "x w", "t"), node("Add", "t c", "y")], "y");
    let graph = ["w", "c", "unused"].iter().fold(graph, |g, name| g.span(5, floats(name, &[1], &[0, 0, 0x80, 0x3f])));
    check(&model(&graph), |cx, program| {
        let inputs: Vec<_> = program.graph.inputs.iter().map(|i| (i.name, i.default.is_some())).collect();
        assert_eq!(inputs, [("x", false), ("w", true)]);
        let [(value, formats::onnx::graph::Constant::Dense(tensor))] = program.graph.constants.as_slice() else {
            panic!("one constant is read")
        };
        assert_eq!((program.value(*value).name, &*tensor.dims, tensor.len), ("c", &[1][..], 1));
        assert_eq!(tensor.values(cx).unwrap(), Values::Bytes(1.0_f32.to_le_bytes().to_vec().into()));
    });
}

#[test]
fn tensors_have_the_data_that_their_dimensions_say() {
    let refuse = |tensor: Pb, expected: &str| {
        let graph = graph("x", &[node("Add", "x w", "y")], "y").span(5, tensor);
        refused(&model(&graph), &format!("m.onnx: {expected}"));
    };
    let data = "TensorProto: data of `w`: expected as much data as its dimensions say, got ";
    refuse(floats("w", &[3], &[0; 8]), &format!("{data}8 for 12 of type float"));
    refuse(floats("w", &[1 << 40], &[]), &format!("{data}0 for 4398046511104 of type float"));
    refuse(
        floats("w", &[1 << 40, 1 << 40], &[]),
        "TensorProto: dims of `w`: expected a number of elements that memory can hold, got [1099511627776, 1099511627776]",
    );
    refuse(floats("w", &[-1], &[]), "TensorProto: dims of `w`: expected sizes of at least 0, got -1");
    let external = |location: &str, rest: &[(&str, &str)]| {
        let entry = |(key, value): (&str, &str)| Pb::default().span(1, key).span(2, value);
        let entries = [("location", location)].into_iter().chain(rest.iter().copied()).map(entry);
        Pb::default().int(1, 2).int(2, 1).span(8, "w").int(14, 1).all(13, entries)
    };
    let class = "TensorProto.external_data";
    refuse(
        external("../w.bin", &[]),
        &format!(
            "{class}: location: expected the name of a file beside the model, relative and without `..`, got `../w.bin`"
        ),
    );
    refuse(
        external("w.bin", &[("offset", "9")]),
        &format!("{class}: offset: expected a place within the file, got 8 bytes from 9 of 16"),
    );
    refuse(external("w.bin", &[("offset", "-1")]), &format!("{class}: offset: expected a number of bytes, got `-1`"));
    let graph = graph("x", &[node("Add", "x w", "y")], "y").span(5, external("w.bin", &[("offset", "8")]));
    assert_eq!(show(&model(&graph)), "y = Add@17(x w) -> y");
}

#[test]
fn types_below_a_byte_are_unpacked() {
    let values = |dtype: i64, dims: i64, bytes: &[u8]| {
        let tensor = Pb::default().int(1, dims).int(2, dtype).span(8, "w").span(9, bytes);
        let model = model(&graph("x", &[node("Add", "x w", "y")], "y").span(5, tensor));
        check(&model, |cx, program| match program.graph.constants[0].1 {
            formats::onnx::graph::Constant::Dense(tensor) => match tensor.values(cx).unwrap() {
                Values::Bytes(bytes) => bytes.into_owned(),
                Values::Strings(_) => vec![],
            },
            formats::onnx::graph::Constant::Sparse(_) => vec![],
        })
    };
    assert_eq!(values(21, 3, &[0x2f, 0x08]), [15, 2, 8]);
    assert_eq!(values(22, 3, &[0x2f, 0x08]), [0xff, 2, 0xf8]);
    assert_eq!(values(26, 5, &[0b11_10_01_00, 0b01]), [0, 1, 0xfe, 0xff, 1]);
    assert_eq!(values(9, 2, &[0, 7]), [0, 1]);
}

#[test]
fn an_attribute_is_of_the_kind_that_it_says() {
    let wrong = Pb::default().span(1, "axis").span(4, "text").int(20, 2);
    let model = model(&graph("x", &[node("Neg", "x", "y").span(5, wrong)], "y"));
    refused(
        &model,
        "m.onnx: AttributeProto: `axis` of kind int: expected a value of that kind, got one of kind string",
    );
}

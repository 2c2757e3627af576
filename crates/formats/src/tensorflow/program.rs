//! [`Program`]: the signatures of an artifact, each with the graph that answers it.

use std::collections::BTreeSet;

use model::{ModelFiles as Files, ShapeDef, SignatureDef, TensorDef};
use rustc_hash::FxHashSet;

use crate::{Limits, ReadError, protobuf::Message};

use super::{
    dtype::DType,
    graph::{
        Graph, Store,
        attrs::Site,
        build::{self, Builder},
        flat::{self, Roots},
        ops::{self, Effect},
    },
    literal::Literal,
    proto::{
        graph as proto,
        saved_model::{self, Contents},
        shape::Shape,
    },
    state::State,
};

/// The file that says that a folder is a SavedModel.
pub const SAVED_MODEL: &str = "saved_model.pb";

/// The tag of what is served.
const SERVE: &str = "serve";

/// The signature that is meant where none is named.
pub const DEFAULT: &str = "serving_default";

/// Signatures that are TensorFlow's own.
const INTERNAL: &str = "__saved_model_";

/// An artifact as it is written.
pub struct Artifact<'f> {
    pub file: &'f str,
    /// The version of TensorFlow that wrote it; empty where it does not say.
    pub tool: &'f str,
    files: &'f Files,
    /// Those of the meta graph that is meant.
    tags: Vec<&'f str>,
    content: Content<'f>,
}

enum Content<'f> {
    Saved(Box<Contents<'f>>),
    Frozen(proto::Graph<'f>),
}

/// What an artifact computes.
#[derive(Debug, Default)]
pub struct Program<'g> {
    /// The one that is meant where none is named comes first.
    pub signatures: Vec<Signature<'g>>,
    /// Signatures that are not answered, and why.
    pub refused: Vec<(String, ReadError)>,
    /// All signatures as they are written.
    pub defs: Vec<SignatureDef>,
    pub store: Store<'g>,
}

/// One way to ask.
#[derive(Debug)]
pub struct Signature<'g> {
    pub name: String,
    pub method: &'g str,
    pub inputs: Vec<Input<'g>>,
    pub outputs: Vec<Output>,
    pub graph: Graph<'g>,
    /// Ops that nobody knows, needed or run beside.
    pub unknown: BTreeSet<String>,
}

#[derive(Debug)]
pub struct Input<'g> {
    pub name: String,
    /// The tensor that it is in the graph.
    pub tensor: String,
    pub dtype: Option<DType>,
    pub shape: Shape,
    /// What it is where the caller leaves it out.
    pub default: Option<Literal<'g>>,
}

#[derive(Debug)]
pub struct Output {
    pub name: String,
    /// The tensor that it is in the graph.
    pub tensor: String,
    pub dtype: Option<DType>,
    pub shape: Shape,
}

impl<'f> Artifact<'f> {
    /// Reads a SavedModel: the meta graph of these tags; without any, the one that is served.
    pub fn saved(files: &'f Files, tags: &[&str], limits: &Limits) -> Result<Artifact<'f>, ReadError> {
        let (file, bytes) = files.here().find(|(path, _)| *path == SAVED_MODEL).ok_or_else(|| ReadError::Missing {
            file: files.full_path(SAVED_MODEL),
            class: "SavedModel".to_owned(),
            help: "",
        })?;
        let graphs = saved_model::meta_graphs(Message::new(file, bytes))?;
        let same = |wanted: &[&str]| {
            let wanted: BTreeSet<&str> = wanted.iter().copied().collect();
            graphs.iter().find(|graph| graph.tags.iter().copied().collect::<BTreeSet<_>>() == wanted)
        };
        let chosen = match tags {
            [] => {
                let only = <[_; 1]>::try_from(graphs.iter().collect::<Vec<_>>()).ok().map(|[only]| only);
                same(&[SERVE]).or(only).or_else(|| graphs.iter().find(|graph| graph.tags.contains(&SERVE)))
            }
            tags => same(tags),
        };
        let chosen = chosen.ok_or_else(|| ReadError::Syntax {
            file: file.to_owned(),
            what: format!(
                "{} meta graphs, none with the tags {:?}",
                graphs.len(),
                if tags.is_empty() { &[SERVE] } else { tags }
            ),
        })?;
        let contents = chosen.contents(limits)?;
        for asset in &contents.assets {
            check_asset(file, asset.file)?;
        }
        let tags = chosen.tags.clone();
        Ok(Artifact { file, tool: chosen.tool, files, tags, content: Content::Saved(Box::new(contents)) })
    }

    /// Reads a frozen graph.
    pub fn frozen(
        files: &'f Files,
        file: &'f str,
        bytes: &'f [u8],
        limits: &Limits,
    ) -> Result<Artifact<'f>, ReadError> {
        let graph = proto::Graph::read(Message::new(file, bytes), limits)?;
        Ok(Artifact { file, tool: "", files, tags: Vec::new(), content: Content::Frozen(graph) })
    }

    /// Returns the tags of the meta graph that is meant.
    pub(super) fn tags(&self) -> &[&'f str] {
        &self.tags
    }

    /// Returns what a SavedModel holds.
    pub(super) fn contents(&self) -> Option<&Contents<'f>> {
        if let Content::Saved(contents) = &self.content { Some(contents) } else { None }
    }

    /// Returns the graph.
    pub(super) fn graph(&self) -> &proto::Graph<'f> {
        match &self.content {
            Content::Saved(contents) => &contents.graph,
            Content::Frozen(graph) => graph,
        }
    }

    /// Returns what it computes.
    pub fn program<'g>(&'g self, limits: &'g Limits) -> Result<Program<'g>, ReadError> {
        match &self.content {
            Content::Saved(contents) => self.of_saved(contents, limits),
            Content::Frozen(graph) => self.of_frozen(graph, limits),
        }
    }

    fn of_saved<'g>(&'g self, contents: &'g Contents<'g>, limits: &'g Limits) -> Result<Program<'g>, ReadError> {
        let mut state = State::new(self.file, self.files, limits)?;
        let path = |asset: &saved_model::Asset<'_>| Literal::text(format!("assets/{}", asset.file).into_bytes());
        let fed: Vec<(&str, Literal<'g>)> = contents.assets.iter().map(|asset| (asset.tensor, path(asset))).collect();
        let saver = contents.saver;
        if state.has_bundle() && !saver.restore.is_empty() {
            let fed = [(saver.filename, Literal::text(b"variables/variables".as_slice()))];
            let roots = Roots { nodes: vec![saver.restore], fed: fed.to_vec(), ..Roots::default() };
            state.run(&contents.graph, limits, &roots)?;
            state.check()?;
        }
        let signatures = || contents.signatures.iter();
        let init = signatures().find(|(name, _)| *name == "__saved_model_init_op");
        let init = init.and_then(|(_, signature)| signature.outputs.first()).map(|(_, info)| info.name);
        let nodes: Vec<&str> = init.map(|name| vec![name]).unwrap_or_else(|| contents.init.clone());
        state.run(&contents.graph, limits, &Roots { nodes, fed: fed.clone(), ..Roots::default() })?;

        let mut reader = Reader::new(self.file, &contents.graph, limits, state, fed);
        for (name, signature) in public(contents) {
            reader.signature(name, signature);
        }
        reader.program.defs = defs(contents);
        reader.finish()
    }

    /// A frozen graph has no signatures: its placeholders are its inputs, and what nobody uses its outputs.
    fn of_frozen<'g>(&'g self, graph: &'g proto::Graph<'g>, limits: &'g Limits) -> Result<Program<'g>, ReadError> {
        let mut state = State::new(self.file, self.files, limits)?;
        let filling = graph.nodes.all.iter().filter(|node| ops::fills_table(node.op));
        let nodes: Vec<&str> = filling.map(|node| node.name).collect();
        state.run(graph, limits, &Roots { nodes, ..Roots::default() })?;
        let mut reader = Reader::new(self.file, graph, limits, state, Vec::new());
        let inputs = placeholders(graph).collect();
        let outputs = sinks(graph).into_iter();
        let outputs = outputs.map(|name| Output { tensor: name.clone(), name, dtype: None, shape: Shape::unknown() });
        let outputs: Vec<Output> = outputs.collect();
        if outputs.is_empty() {
            let what = "the graph has no output: no node's value is left unused".to_owned();
            return Err(ReadError::Syntax { file: self.file.to_owned(), what });
        }
        reader.add(DEFAULT, "", inputs, outputs)?;
        reader.finish()
    }
}

/// Makes the signatures of one graph over one store.
struct Reader<'g> {
    file: &'g str,
    graph: &'g proto::Graph<'g>,
    limits: &'g Limits,
    state: State<'g>,
    fed: Vec<(&'g str, Literal<'g>)>,
    program: Program<'g>,
    known: build::Known,
}

impl<'g> Reader<'g> {
    fn new(
        file: &'g str,
        graph: &'g proto::Graph<'g>,
        limits: &'g Limits,
        state: State<'g>,
        fed: Vec<(&'g str, Literal<'g>)>,
    ) -> Reader<'g> {
        Reader { file, graph, limits, state, fed, program: Program::default(), known: Default::default() }
    }

    /// Adds a signature; where it cannot be answered, the reason.
    fn signature(&mut self, name: &'g str, signature: &'g saved_model::Signature<'g>) {
        if let Err(error) = self.read(name, signature) {
            self.program.refused.push((name.to_owned(), error));
        }
    }

    fn read(&mut self, name: &'g str, signature: &'g saved_model::Signature<'g>) -> Result<(), ReadError> {
        let all = signature.inputs.iter().chain(&signature.outputs);
        if let Some((of, _)) = all.clone().find(|(_, info)| info.is_composite || info.name.is_empty()) {
            let what = format!("signature `{name}`: `{of}` is a sparse or composite tensor");
            return Err(ReadError::Unimplemented { file: self.file.to_owned(), class: "signature".to_owned(), what });
        }
        let inputs = signature.inputs.iter().map(|(key, info)| Input {
            name: (*key).to_owned(),
            tensor: info.name.to_owned(),
            dtype: placeholder(self.graph, info.name).or(DType::of(info.dtype)),
            shape: info.shape.clone(),
            default: signature.defaults.iter().find(|(known, _)| known == key).map(|(_, default)| default.clone()),
        });
        let outputs = signature.outputs.iter().map(|(key, info)| Output {
            name: (*key).to_owned(),
            tensor: info.name.to_owned(),
            dtype: DType::of(info.dtype),
            shape: info.shape.clone(),
        });
        let (inputs, outputs): (Vec<_>, Vec<_>) = (inputs.collect(), outputs.collect());
        if outputs.is_empty() {
            let what = format!("signature `{name}` has no output");
            return Err(ReadError::Syntax { file: self.file.to_owned(), what });
        }
        self.add(name, signature.method, inputs, outputs)
    }

    /// Adds a signature.
    fn add(
        &mut self,
        name: &str,
        method: &'g str,
        inputs: Vec<Input<'g>>,
        outputs: Vec<Output>,
    ) -> Result<(), ReadError> {
        let roots = Roots {
            values: outputs.iter().map(|output| output.tensor.as_str()).collect(),
            params: inputs.iter().map(|input| input.tensor.as_str()).collect(),
            fed: self.fed.clone(),
            ..Roots::default()
        };
        let mut unknown = Vec::new();
        let mut cx = Builder {
            file: self.file,
            graph: self.graph,
            limits: self.limits,
            state: &self.state,
            store: &mut self.program.store,
            known: &mut self.known,
            made: 0,
            depth: 0,
            unknown: &mut unknown,
        };
        let graph = build::build(&mut cx, &roots)?;
        let mut unknown: BTreeSet<String> = unknown.into_iter().collect();
        graph.each(&mut |node| {
            if ops::effect(node.op()) == Effect::Unknown {
                unknown.insert(node.op().to_owned());
            }
        });
        self.program.signatures.push(Signature { name: name.to_owned(), method, inputs, outputs, graph, unknown });
        Ok(())
    }

    fn finish(mut self) -> Result<Program<'g>, ReadError> {
        if self.program.signatures.is_empty() {
            return Err(match self.program.refused.drain(..).next() {
                Some((_, error)) => error,
                None => {
                    ReadError::Syntax { file: self.file.to_owned(), what: "the model has no signatures".to_owned() }
                }
            });
        }
        Ok(self.program)
    }
}

/// Returns the signatures that callers may ask for, the default one first.
pub(super) fn public<'g>(
    contents: &'g Contents<'g>,
) -> impl Iterator<Item = (&'g str, &'g saved_model::Signature<'g>)> {
    let all = || contents.signatures.iter().map(|(name, signature)| (*name, signature));
    let others = all().filter(|(name, _)| *name != DEFAULT && !name.starts_with(INTERNAL));
    all().filter(|(name, _)| *name == DEFAULT).chain(others)
}

/// Returns the type of a placeholder: signatures are known to name others.
pub(super) fn placeholder(graph: &proto::Graph<'_>, tensor: &str) -> Option<DType> {
    let node = &graph.nodes.all[graph.nodes.find(flat::split(tensor).0)? as usize];
    Site { node, bound: None }.dtype("dtype").filter(|_| is_placeholder(node.op))
}

/// Returns the placeholders of a graph as inputs.
pub(super) fn placeholders<'g>(graph: &'g proto::Graph<'g>) -> impl Iterator<Item = Input<'g>> {
    graph.nodes.all.iter().filter(|node| is_placeholder(node.op)).map(|node| {
        let site = Site { node, bound: None };
        let shape = site.shape("shape").cloned().unwrap_or_else(Shape::unknown);
        let name = format!("{}:0", node.name);
        Input { tensor: name.clone(), name, dtype: site.dtype("dtype"), shape, default: None }
    })
}

/// Returns all signatures as they are written.
pub(super) fn defs(contents: &Contents<'_>) -> Vec<SignatureDef> {
    contents.signatures.iter().map(|(name, signature)| def(name, signature)).collect()
}

/// Returns a signature as it is written.
fn def(name: &str, signature: &saved_model::Signature<'_>) -> SignatureDef {
    let tensor = |(key, info): &(&str, saved_model::TensorInfo<'_>)| {
        let dims = info.shape.dims.as_ref();
        let named = |dims: &Vec<i64>| {
            let names = info.shape.names.iter().map(String::as_str).chain(std::iter::repeat(""));
            ShapeDef::Dims(dims.iter().zip(names).map(|(size, name)| (*size, name.into())).collect())
        };
        TensorDef {
            key: (*key).into(),
            tensor: info.name.into(),
            dtype: DType::proto_name(info.dtype).into(),
            shape: match dims {
                Some(dims) => named(dims),
                None if info.has_shape => ShapeDef::UnknownRank,
                None => ShapeDef::Absent,
            },
        }
    };
    SignatureDef {
        name: name.into(),
        method: signature.method.into(),
        inputs: signature.inputs.iter().map(tensor).collect(),
        outputs: signature.outputs.iter().map(tensor).collect(),
    }
}

/// Most outputs of one node that are a model's.
const OUTPUTS_MAX: usize = 1 << 10;

fn is_merge(op: &str) -> bool {
    matches!(op, "Merge" | "RefMerge")
}

fn is_placeholder(op: &str) -> bool {
    matches!(op, "Placeholder" | "PlaceholderV2")
}

/// Returns the values of a graph that nobody uses, in the order of its nodes. What is left over of branches and loops is none.
pub(super) fn sinks(graph: &proto::Graph<'_>) -> Vec<String> {
    let inputs = graph.nodes.all.iter().flat_map(|node| &node.inputs);
    let used: FxHashSet<&str> = inputs.map(|input| flat::split(input).0).collect();
    let gives = |op: &str| {
        let is_part = !is_merge(op) && ops::is_flow(op) || op.starts_with("TensorArray");
        let is_value = !is_placeholder(op) && op != "Const" && !ops::is_variable(op) && !ops::is_table(op) && !is_part;
        let runs = matches!(ops::effect(op), Effect::None | Effect::Unknown | Effect::Outside);
        is_value && runs && !ops::is_silent(op)
    };
    let sinks = graph.nodes.all.iter().filter(|node| gives(node.op) && !used.contains(node.name));
    let names = sinks.flat_map(|node| {
        let count = flat::outputs(&Site { node, bound: None }).unwrap_or(1).min(OUTPUTS_MAX);
        let count = if is_merge(node.op) { 1 } else { count };
        (0..count).map(move |slot| format!("{}:{slot}", node.name))
    });
    names.collect()
}

/// An asset's name is a path below `assets/` and leads nowhere else.
fn check_asset(file: &str, name: &str) -> Result<(), ReadError> {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']);
    if name.split('/').all(is_plain) {
        return Ok(());
    }
    Err(ReadError::Field {
        file: file.to_owned(),
        class: "AssetFileDef".to_owned(),
        field: "filename".to_owned(),
        expected: "a path below `assets`".into(),
        got: format!("{name:?}").into(),
    })
}

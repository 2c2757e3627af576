//! `SavedModel`: meta graphs by tags, each a graph with its signatures, assets, and what runs when it is loaded.

use crate::{Limits, ReadError, protobuf::Message};

use super::{entry, graph::Graph, shape::Shape, tensor};
use crate::tensorflow::literal::Literal;

/// A meta graph whose graph is not read yet.
#[derive(Debug)]
pub struct MetaGraph<'a> {
    pub tags: Vec<&'a str>,
    /// The version of TensorFlow that wrote it.
    pub tool: &'a str,
    message: Message<'a>,
}

/// A meta graph, read.
#[derive(Debug, Default)]
pub struct Contents<'a> {
    pub graph: Graph<'a>,
    pub saver: Saver<'a>,
    pub signatures: Vec<(&'a str, Signature<'a>)>,
    pub assets: Vec<Asset<'a>>,
    /// The nodes that the collections name that say what runs after loading.
    pub init: Vec<&'a str>,
}

/// How variables are restored.
#[derive(Clone, Copy, Debug, Default)]
pub struct Saver<'a> {
    pub filename: &'a str,
    pub restore: &'a str,
}

/// A signature, its inputs and outputs ordered by name.
#[derive(Clone, Debug, Default)]
pub struct Signature<'a> {
    pub method: &'a str,
    pub inputs: Vec<(&'a str, TensorInfo<'a>)>,
    pub outputs: Vec<(&'a str, TensorInfo<'a>)>,
    pub defaults: Vec<(&'a str, Literal<'a>)>,
}

/// Which tensor is meant.
#[derive(Clone, Debug)]
pub struct TensorInfo<'a> {
    /// Its name; empty where it is made of several.
    pub name: &'a str,
    pub dtype: i64,
    pub shape: Shape,
    /// Whether anything is said of the shape.
    pub has_shape: bool,
    pub is_composite: bool,
}

/// A file below `assets/`, and the tensor that is fed with its path.
#[derive(Clone, Copy, Debug)]
pub struct Asset<'a> {
    pub tensor: &'a str,
    pub file: &'a str,
}

/// The collections whose nodes run after loading; the first that is there counts.
const INIT: [&str; 2] = ["saved_model_main_op", "legacy_init_op"];

/// Reads the meta graphs of a SavedModel, of each its tags.
pub fn meta_graphs<'a>(message: Message<'a>) -> Result<Vec<MetaGraph<'a>>, ReadError> {
    message.all(2).map(|field| MetaGraph::read(field?.message()?)).collect()
}

impl<'a> MetaGraph<'a> {
    fn read(message: Message<'a>) -> Result<MetaGraph<'a>, ReadError> {
        let (mut tags, mut tool) = (Vec::new(), "");
        for field in message.all(1) {
            for field in field?.message()?.fields() {
                let field = field?;
                match field.number {
                    4 => tags.push(field.str()?),
                    5 => tool = field.str()?,
                    _ => {}
                }
            }
        }
        Ok(MetaGraph { tags, tool, message })
    }

    /// Reads all of it.
    pub fn contents(&self, limits: &Limits) -> Result<Contents<'a>, ReadError> {
        let mut contents = Contents::default();
        let mut init = [Vec::new(), Vec::new()];
        for field in self.message.fields() {
            let field = field?;
            match field.number {
                2 => contents.graph = Graph::read(field.message()?, limits)?,
                3 => contents.saver = Saver::read(field.message()?)?,
                4 => {
                    let (name, collection) = entry(&field)?;
                    if let Some(place) = INIT.iter().position(|known| *known == name) {
                        init[place] = node_list(collection)?;
                    }
                }
                5 => {
                    let (name, signature) = entry(&field)?;
                    contents.signatures.push((name, Signature::read(signature)?));
                }
                6 => contents.assets.push(Asset::read(field.message()?)?),
                _ => {}
            }
        }
        contents.signatures.sort_by_key(|(name, _)| *name);
        let [main, legacy] = init;
        contents.init = if main.is_empty() { legacy } else { main };
        Ok(contents)
    }
}

/// Returns the names of a collection of nodes.
fn node_list<'a>(message: Message<'a>) -> Result<Vec<&'a str>, ReadError> {
    let mut names = Vec::new();
    for field in message.all(1) {
        for field in field?.message()?.all(1) {
            names.push(field?.str()?);
        }
    }
    Ok(names)
}

impl<'a> Saver<'a> {
    fn read(message: Message<'a>) -> Result<Saver<'a>, ReadError> {
        let mut saver = Saver::default();
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => saver.filename = field.str()?,
                3 => saver.restore = field.str()?,
                _ => {}
            }
        }
        Ok(saver)
    }
}

impl<'a> Signature<'a> {
    fn read(message: Message<'a>) -> Result<Signature<'a>, ReadError> {
        let mut signature = Signature::default();
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 | 2 => {
                    let (name, info) = entry(&field)?;
                    let info = TensorInfo::read(info)?;
                    let of = if field.number == 1 { &mut signature.inputs } else { &mut signature.outputs };
                    of.push((name, info));
                }
                3 => signature.method = field.str()?,
                4 => {
                    let (name, default) = entry(&field)?;
                    signature.defaults.push((name, tensor::read(default)?));
                }
                _ => {}
            }
        }
        signature.inputs.sort_by_key(|(name, _)| *name);
        signature.outputs.sort_by_key(|(name, _)| *name);
        Ok(signature)
    }
}

impl<'a> TensorInfo<'a> {
    fn read(message: Message<'a>) -> Result<TensorInfo<'a>, ReadError> {
        let mut info =
            TensorInfo { name: "", dtype: 0, shape: Shape::unknown(), has_shape: false, is_composite: false };
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => info.name = field.str()?,
                2 => info.dtype = field.int64()?,
                3 => (info.shape, info.has_shape) = (Shape::read(field.message()?)?, true),
                4 | 5 => info.is_composite = true,
                _ => {}
            }
        }
        Ok(info)
    }
}

impl<'a> Asset<'a> {
    fn read(message: Message<'a>) -> Result<Asset<'a>, ReadError> {
        let mut asset = Asset { tensor: "", file: "" };
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => asset.tensor = TensorInfo::read(field.message()?)?.name,
                2 => asset.file = field.str()?,
                _ => {}
            }
        }
        Ok(asset)
    }
}

//! What variables and tables hold once a model is loaded.
//!
//! The nodes that restore and initialise are run for what they leave behind: RestoreV2 gives names of the bundle, Assign puts them
//! to variables, table initialisers put keys and values to tables. They are few ops, and each is followed only as far as
//! constants, the bundle and the assets go; what is computed otherwise leaves a variable without a value, which is refused when
//! somebody reads it. Tensors of the bundle are read, and their sums checked, when somebody asks for them.

use model::ModelFiles as Files;
use rustc_hash::FxHashMap;

use crate::{Limits, ReadError};

use super::{
    bundle::{Bundle, Part},
    dtype::DType,
    graph::{
        Table,
        flat::{self, Def, Flat, Roots, Src},
        ops,
        resource::{self, Resource},
    },
    literal::{Data, Literal},
    proto::graph::Graph,
};

mod vocabulary;

/// What is known of a value.
#[derive(Clone, Debug)]
enum Known<'g> {
    Literal(Literal<'g>),
    /// A tensor of the bundle.
    Restored {
        name: String,
        part: Option<Part>,
        dtype: Option<DType>,
    },
    /// Computed in a way that is not followed.
    Computed,
}

#[derive(Debug)]
struct Filled<'g> {
    keys: Known<'g>,
    values: Known<'g>,
    /// What fills it leaves open what it holds in the end.
    is_twice: bool,
}

/// The state of a model.
pub struct State<'g> {
    file: &'g str,
    files: &'g Files,
    bundle: Option<Bundle<'g>>,
    variables: FxHashMap<String, Known<'g>>,
    tables: FxHashMap<String, Filled<'g>>,
}

impl<'g> State<'g> {
    pub fn new(file: &'g str, files: &'g Files, limits: &Limits) -> Result<State<'g>, ReadError> {
        let bundle = Bundle::open(files, limits)?;
        Ok(State { file, files, bundle, variables: FxHashMap::default(), tables: FxHashMap::default() })
    }

    /// Returns whether there are values to restore.
    pub fn has_bundle(&self) -> bool {
        self.bundle.is_some()
    }

    /// Runs these nodes for what they leave behind.
    pub fn run(&mut self, graph: &'g Graph<'g>, limits: &'g Limits, roots: &Roots<'_, 'g>) -> Result<(), ReadError> {
        let flat = flat::flatten(self.file, graph, limits, roots)?;
        let mut values = FxHashMap::default();
        for node in 0..flat.nodes.len() as u32 {
            self.step(&flat, node, &mut values)?;
        }
        Ok(())
    }

    /// Reads what was restored, for the sums: a damaged file is refused, whoever needs what is damaged.
    pub fn check(&self) -> Result<(), ReadError> {
        self.variables.values().try_for_each(|known| self.literal(known).map(drop))
    }

    /// Returns the value of a variable; `None` where it has none.
    pub fn variable(&self, name: &str) -> Result<Option<Literal<'g>>, ReadError> {
        match (self.variables.get(name), &self.bundle) {
            (Some(known), _) => self.literal(known),
            // Without a word on restoring, the bundle's names are the variables'.
            (None, Some(bundle)) if bundle.has(name) => bundle.tensor(name, None).map(Some),
            _ => Ok(None),
        }
    }

    /// Returns a table as it is filled; `None` where it is not.
    pub fn table(&self, name: &str) -> Result<Option<Table<'g>>, ReadError> {
        let Some(filled) = self.tables.get(name).filter(|filled| !filled.is_twice) else { return Ok(None) };
        let (Some(keys), Some(values)) = (self.literal(&filled.keys)?, self.literal(&filled.values)?) else {
            return Ok(None);
        };
        if keys.elements() == 0 || values.elements() % keys.elements() == 0 {
            return Ok(Some(Table { name: name.to_owned(), keys, values }));
        }
        let what = format!("table `{name}` has {} keys and {} values", keys.elements(), values.elements());
        Err(ReadError::Syntax { file: self.file.to_owned(), what })
    }

    fn literal(&self, known: &Known<'g>) -> Result<Option<Literal<'g>>, ReadError> {
        match (known, &self.bundle) {
            (Known::Literal(literal), _) => Ok(Some(literal.clone())),
            (Known::Restored { name, part, dtype }, Some(bundle)) => {
                let literal = bundle.tensor(name, part.as_ref())?;
                if dtype.is_some_and(|dtype| dtype != literal.dtype) {
                    let what = format!(
                        "`{name}` is restored as {}, the bundle has {}",
                        dtype.map_or("", DType::name),
                        literal.dtype
                    );
                    return Err(ReadError::Syntax { file: self.file.to_owned(), what });
                }
                Ok(Some(literal))
            }
            _ => Ok(None),
        }
    }

    fn step(&mut self, flat: &Flat<'g>, node: u32, values: &mut FxHashMap<Src, Known<'g>>) -> Result<(), ReadError> {
        let out = Src { node, slot: 0 };
        let site = match &flat.nodes[node as usize].def {
            Def::Op(site) => site,
            Def::Fed(literal) => {
                values.insert(out, Known::Literal(literal.clone()));
                return Ok(());
            }
            Def::Param(_) => return Ok(()),
        };
        let op = site.op();
        let input = |place: usize| flat.input(node, place);
        match op {
            "Const" => {
                if let Some(literal) = site.tensor("value")? {
                    values.insert(out, Known::Literal(literal));
                }
            }
            "RestoreV2" => self.restore(flat, node, values)?,
            "Assign" | "AssignVariableOp" => {
                let known = self.known(flat, input(1)?, values);
                if let Some(Resource::Variable(name)) = resource::resource(flat, &[], input(0)?) {
                    self.variables.insert(name, known.clone());
                }
                values.insert(out, known);
            }
            "ReadVariableOp" => {
                if let Some(Resource::Variable(name)) = resource::resource(flat, &[], input(0)?)
                    && let Some(known) = self.variables.get(&name)
                {
                    values.insert(out, known.clone());
                }
            }
            "InitializeTableFromTextFile" | "InitializeTableFromTextFileV2" => {
                let path = self.literal(&self.known(flat, input(1)?, values))?;
                let Some(Resource::Table(name)) = resource::resource(flat, &[], input(0)?) else { return Ok(()) };
                let types = table_types(flat, input(0)?).ok_or_else(|| flat.fault(node, "fills no table"))?;
                let path = path.as_ref().and_then(Literal::texts).and_then(<[_]>::first).cloned();
                let (keys, values) = vocabulary::read(self.files, path.as_deref(), site, types)
                    .map_err(|what| flat.fault(node, what))?;
                self.fill(name, Known::Literal(keys), Known::Literal(values));
            }
            "BoostedTreesQuantileStreamResourceDeserialize" => self.boundaries(flat, node, values)?,
            _ if op.starts_with("BoostedTrees") => self.ensemble(flat, node, values)?,
            _ if ops::fills_table(op) => {
                let (keys, of) = (self.known(flat, input(1)?, values), self.known(flat, input(2)?, values));
                if let Some(Resource::Table(name)) = resource::resource(flat, &[], input(0)?) {
                    self.fill(name, keys, of);
                }
            }
            "IdentityN" => {
                for (slot, src) in flat.nodes[node as usize].inputs.iter().enumerate() {
                    let known = self.known(flat, *src, values);
                    values.insert(Src { node, slot: slot as u32 }, known);
                }
            }
            "Range" | "Cast" => {
                if let Some(literal) = self.integers(flat, node, values)? {
                    values.insert(out, Known::Literal(literal));
                }
            }
            _ if ops::is_identity(op) => {
                let known = self.known(flat, input(0)?, values);
                values.insert(out, known);
            }
            _ => {}
        }
        Ok(())
    }

    fn fill(&mut self, name: String, keys: Known<'g>, values: Known<'g>) {
        let is_twice = self.tables.contains_key(&name);
        self.tables.insert(name, Filled { keys, values, is_twice });
    }

    /// Keeps an ensemble of trees; one that is made new takes nobody's place.
    fn ensemble(&mut self, flat: &Flat<'g>, node: u32, values: &FxHashMap<Src, Known<'g>>) -> Result<(), ReadError> {
        let replaces = match flat.op(node) {
            "BoostedTreesDeserializeEnsemble" => true,
            "BoostedTreesCreateEnsemble" => false,
            _ => return Ok(()),
        };
        let input = |place: usize| flat.input(node, place).map(|src| self.known(flat, src, values));
        let (stamp, trees) = (input(1)?, input(2)?);
        if let Some(Resource::Table(name)) = resource::resource(flat, &[], flat.first(node)?)
            && (replaces || !self.tables.contains_key(&name))
        {
            self.tables.insert(name, Filled { keys: stamp, values: trees, is_twice: false });
        }
        Ok(())
    }

    /// Keeps the boundaries of buckets, for each feature the bytes of its numbers.
    fn boundaries(&mut self, flat: &Flat<'g>, node: u32, values: &FxHashMap<Src, Known<'g>>) -> Result<(), ReadError> {
        let Some((handle, streams)) = flat.nodes[node as usize].inputs.split_first() else { return Ok(()) };
        let Some(Resource::Table(name)) = resource::resource(flat, &[], *handle) else { return Ok(()) };
        let mut all = Vec::with_capacity(streams.len());
        for stream in streams {
            let Some(literal) = self.literal(&self.known(flat, *stream, values))? else { return Ok(()) };
            let bytes = literal.whole().filter(|_| literal.dtype == DType::Float);
            all.push(bytes.ok_or_else(|| flat.fault(node, "restores boundaries that are not float"))?.into_owned());
        }
        let numbers: Vec<i64> = (0..all.len() as i64).collect();
        let (keys, values) = (Known::Literal(Literal::int64s(&numbers)), Known::Literal(texts(all)));
        self.tables.insert(name, Filled { keys, values, is_twice: false });
        Ok(())
    }

    /// Returns what is known of a value.
    fn known(&self, flat: &Flat<'g>, src: Src, values: &FxHashMap<Src, Known<'g>>) -> Known<'g> {
        let variable = || match resource::resource(flat, &[], src) {
            Some(Resource::Variable(name)) => self.variables.get(&name).cloned(),
            _ => None,
        };
        values.get(&src).cloned().or_else(variable).unwrap_or(Known::Computed)
    }

    fn restore(&self, flat: &Flat<'g>, node: u32, values: &mut FxHashMap<Src, Known<'g>>) -> Result<(), ReadError> {
        let texts = |place: usize| -> Result<Vec<String>, ReadError> {
            let literal = self.literal(&self.known(flat, flat.input(node, place)?, values))?;
            let texts = literal.as_ref().and_then(Literal::texts);
            let texts = texts.ok_or_else(|| flat.fault(node, "restores names that are not constant"))?;
            Ok(texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect())
        };
        let (names, slices) = (texts(1)?, texts(2)?);
        let dtypes = flat.site(node).and_then(|site| site.dtypes("dtypes")).unwrap_or_default();
        for (slot, (name, slice)) in names.into_iter().zip(slices).enumerate() {
            let part = match &*slice {
                "" => None,
                slice => {
                    let part = part(slice);
                    Some(part.ok_or_else(|| flat.fault(node, format_args!("`{slice}` is no part of a tensor")))?)
                }
            };
            let known = Known::Restored { name, part, dtype: dtypes.get(slot).copied() };
            values.insert(Src { node, slot: slot as u32 }, known);
        }
        Ok(())
    }

    /// Returns what Range and Cast make of integers.
    fn integers(
        &self,
        flat: &Flat<'g>,
        node: u32,
        values: &FxHashMap<Src, Known<'g>>,
    ) -> Result<Option<Literal<'g>>, ReadError> {
        let input = |place: usize| -> Result<Option<Vec<i64>>, ReadError> {
            Ok(self.literal(&self.known(flat, flat.input(node, place)?, values))?.and_then(|literal| literal.ints()))
        };
        if flat.op(node) == "Cast" {
            let to = flat.site(node).and_then(|site| site.dtype("DstT"));
            let shape = self.literal(&self.known(flat, flat.first(node)?, values))?.map(|literal| literal.shape);
            return Ok(match (input(0)?, to, shape) {
                (Some(ints), Some(DType::Int64), Some(shape)) => Some(Literal { shape, ..Literal::int64s(&ints) }),
                _ => None,
            });
        }
        let (start, end, step) = (input(0)?, input(1)?, input(2)?);
        let (Some([start]), Some([end]), Some([step])) = (start.as_deref(), end.as_deref(), step.as_deref()) else {
            return Ok(None);
        };
        if *step < 1 {
            return Ok(None);
        }
        let count = end.saturating_sub(*start) / step;
        if !(1..=TABLE_MAX).contains(&count) {
            return Ok(None);
        }
        let ints: Vec<i64> = (*start..*end).step_by(*step as usize).collect();
        Ok(Some(Literal::int64s(&ints)))
    }
}

/// Most integers of a range that fills a table.
const TABLE_MAX: i64 = 1 << 24;

/// Returns the types of a table's keys and values.
fn table_types(flat: &Flat<'_>, src: Src) -> Option<(DType, DType)> {
    let table = super::graph::flow::plain(flat, src);
    let site = flat.site(table.node).filter(|site| ops::is_table(site.op()))?;
    Some((site.dtype("key_dtype")?, site.dtype("value_dtype")?))
}

/// Reads which part of a tensor is restored: its whole shape, then `start,length` or `-` by dimension, parted by colons.
fn part(text: &str) -> Option<Part> {
    let (dims, slice) = text.rsplit_once(' ')?;
    let whole = dims.split(' ').map(|dim| dim.parse().ok()).collect::<Option<Vec<i64>>>()?;
    let extent = |text: &str| match text.split_once(',') {
        None => (text == "-").then_some((0, None)),
        Some((start, length)) => Some((start.parse().ok()?, Some(length.parse().ok()?))),
    };
    let extents = slice.split(':').map(extent).collect::<Option<Vec<_>>>()?;
    (extents.len() == whole.len()).then_some(Part { whole, extents })
}

/// Returns a literal of texts.
fn texts(texts: Vec<Vec<u8>>) -> Literal<'static> {
    let data: Vec<std::borrow::Cow<'static, [u8]>> = texts.into_iter().map(Into::into).collect();
    Literal { dtype: DType::String, shape: vec![data.len()], data: Data::Texts(data) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_tensors_as_savers_write_them() {
        let expected = Part { whole: vec![8, 2], extents: vec![(3, Some(3)), (0, None)] };
        assert_eq!(part("8 2 3,3:-"), Some(expected));
        assert_eq!([part("8 2 3,3"), part("8"), part("x 0,1"), part("8 0;1")], [const { None }; 4]);
    }
}

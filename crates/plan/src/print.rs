//! Plans as a person reads them: one line an input, a node, an output.

use std::fmt::{self, Display, Formatter};

use model::Takes;

use crate::{
    group::Aggregation,
    op::{
        Op,
        association::AssociationOp,
        bayes::BayesOp,
        cluster::ClusterOp,
        control::ControlOp,
        distance::DistanceOp,
        encode::EncodeOp,
        feature::FeatureOp,
        forest::ForestOp,
        linear::{LinearOp, Weights},
        recommend::RecommendOp,
        score::ScoreOp,
        stream::StreamOp,
        text::{Fold, Split, TextOp, Words},
        vector::VectorOp,
    },
    plan::{Plan, SlotId, ValueType},
};

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.print(f, 0, &self.first_types())
    }
}

impl Plan {
    fn print(&self, f: &mut Formatter<'_>, indent: usize, given: &[Option<ValueType>]) -> fmt::Result {
        let types = self.infer(given).unwrap_or_else(|_| vec![None; self.slots.len()]);
        let ty = |slot: SlotId| types[slot.index()].as_ref().map_or("?".to_owned(), ToString::to_string);
        let name = |slot: SlotId| &*self.slots[slot.index()].name;
        let pad = " ".repeat(indent);
        for input in &self.inputs {
            let from_data = if matches!(input.takes, Takes::From(_)) { " (from data)" } else { "" };
            let default = if input.default.is_some() { " (has a default)" } else { "" };
            writeln!(f, "{pad}input  {}: {}{from_data}{default}", input.name, ty(input.slot))?;
        }
        for node in &self.nodes {
            let outs: Vec<String> = node.outputs.iter().map(|&s| format!("{}: {}", name(s), ty(s))).collect();
            let ins: Vec<&str> = node.inputs.iter().map(|&s| name(s)).collect();
            let equals = if outs.is_empty() { "" } else { " = " };
            write!(f, "{pad}       {}{equals}{}({})", outs.join(", "), node.op.name(), ins.join(", "))?;
            let details = Details(&node.op).to_string();
            if !details.is_empty() {
                write!(f, " [{details}]")?;
            }
            writeln!(f, "{}{}", if node.step.is_empty() { "" } else { "  # " }, node.step)?;
            if let Op::Control(control) = &node.op {
                for plan in control.plans() {
                    plan.print(f, indent + 4, &plan.first_types())?;
                }
            }
        }
        for output in &self.outputs {
            let hidden = match (output.default, output.optional) {
                (true, _) => "",
                (false, true) => " (when asked for, or its inputs are there)",
                (false, false) => " (when asked for)",
            };
            writeln!(f, "{pad}output {}: {}{hidden}", output.name, ty(output.slot))?;
        }
        match &self.grouped {
            None => Ok(()),
            Some(grouped) => {
                let keys: Vec<&str> = grouped.keys.iter().map(|&s| name(s)).collect();
                write!(
                    f,
                    "{pad}groups {}",
                    if keys.is_empty() { "of all rows".to_owned() } else { format!("by {}", keys.join(", ")) }
                )?;
                writeln!(f, "{}{}", if grouped.step.is_empty() { "" } else { "  # " }, grouped.step)?;
                for (Aggregation { op, inputs, distinct }, input) in
                    grouped.aggregates.iter().zip(&grouped.then.inputs[keys.len()..])
                {
                    let inputs: Vec<&str> = inputs.iter().map(|&s| name(s)).collect();
                    let distinct = if *distinct { "distinct " } else { "" };
                    writeln!(f, "{pad}       {} = {}({distinct}{})", input.name, op.name(), inputs.join(", "))?;
                }
                let given = grouped.infer(&types).unwrap_or_else(|_| vec![None; grouped.then.inputs.len()]);
                grouped.then.print(f, indent + 4, &given)
            }
        }
    }
}

/// The parameters of an op in a few words.
struct Details<'a>(&'a Op);

impl Display for Details<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Op::Expr(op) => write!(f, "{op}"),
            Op::Text(op) => text(op, f),
            Op::Encode(op) => encode(op, f),
            Op::Feature(op) => feature(op, f),
            Op::Vector(op) => vector(op, f),
            Op::Linear(op) => linear(op, f),
            Op::Score(op) => score(op, f),
            Op::Forest(op) => forest(op, f),
            Op::Decide(op) => write!(f, "{op}"),
            Op::Combine(op) => write!(f, "{op}"),
            Op::Association(op) => association(op, f),
            Op::Bayes(op) => bayes(op, f),
            Op::Formula(op) => write!(f, "{op}"),
            Op::Cluster(op) => cluster(op, f),
            Op::Distance(op) => distance(op, f),
            Op::Series(op) => write!(f, "{op:?}"),
            Op::Recommend(op) => recommend(op, f),
            Op::Tensor(_) | Op::Rows(_) => Ok(()),
            Op::Stream(StreamOp::Lag { n, of }) => match of {
                Some(stat) => write!(f, "{} of {n} rows", stat.name()),
                None => write!(f, "{n} rows"),
            },
            Op::Control(op) => control(op, f),
        }
    }
}

fn text(op: &TextOp, f: &mut Formatter<'_>) -> fmt::Result {
    match op {
        TextOp::Lower => Ok(()),
        TextOp::Split { by, lower, chars_min } => {
            match by {
                Split::Whitespace => write!(f, "at blanks")?,
                Split::Gaps(p) => write!(f, "at {:?}", p.source)?,
                Split::Matches(p) => write!(f, "matches of {:?}", p.source)?,
            }
            if *lower {
                write!(f, ", lower case")?;
            }
            if *chars_min > 1 { write!(f, ", at least {chars_min} chars") } else { Ok(()) }
        }
        TextOp::Without { words, fold } => {
            let case = match fold {
                None => "",
                Some(Fold::Root) => ", any case",
                Some(Fold::Turkic) => ", any case of Turkish",
                Some(Fold::Lithuanian) => ", any case of Lithuanian",
            };
            write!(f, "{} words{case}", words.len())
        }
        TextOp::NGrams { n } => write!(f, "{n}"),
        TextOp::Rewrite { tables } => write!(f, "{} rows", tables.iter().map(|t| t.rows.len()).sum::<usize>()),
        TextOp::Words(Words::Whole) => f.write_str("the text"),
        TextOp::Words(Words::Between(p)) => write!(f, "between {:?}", p.source),
        TextOp::Words(Words::Matches(p)) => write!(f, "matches of {:?}", p.source),
        TextOp::Occurrences(term) => {
            let case = if term.fold { "any case" } else { "as written" };
            write!(f, "{case}, at most {} edits{}", term.edits_max, if term.best { ", the best" } else { "" })
        }
    }
}

fn encode(op: &EncodeOp, f: &mut Formatter<'_>) -> fmt::Result {
    match op {
        EncodeOp::HashCounts { size, hash, binary } => {
            write!(f, "{size}, {hash:?}{}", if *binary { ", binary" } else { "" })
        }
        EncodeOp::TermCounts { vocabulary, tf_min, binary } => {
            write!(f, "{} terms, at least {tf_min}{}", vocabulary.len(), if *binary { ", binary" } else { "" })
        }
        EncodeOp::Index { labels, invalid } => write!(f, "{} labels, invalid: {invalid:?}", labels.len()),
        EncodeOp::Place { labels } | EncodeOp::Label { labels } => write!(f, "{} labels", labels.len()),
        EncodeOp::OneHot { categories, drop_last, invalid } => {
            let drop = if *drop_last { ", last dropped" } else { "" };
            write!(f, "{categories} categories{drop}, invalid: {invalid:?}")
        }
        EncodeOp::Find(table) => write!(f, "{} keys, {} rows", table.keys.len(), table.values.len()),
        EncodeOp::Bucket { splits, invalid } => write!(f, "{} splits, invalid: {invalid:?}", splits.len()),
    }
}

fn feature(op: &FeatureOp, f: &mut Formatter<'_>) -> fmt::Result {
    match op {
        FeatureOp::Interact { parts, .. } => {
            let sizes: Vec<String> = parts.iter().map(|part| part.encoded().to_string()).collect();
            f.write_str(&sizes.join(" x "))
        }
        FeatureOp::HashColumns { columns, size } => write!(f, "{} columns, {size}", columns.len()),
        FeatureOp::WordMean { words, size, .. } => write!(f, "{} words, {size}", words.len()),
        FeatureOp::Project { rows, columns, factor } => {
            write!(f, "{} hashes, factor {factor}", rows.len() / (*columns).max(1) as usize)
        }
        FeatureOp::MinHash { pairs } => write!(f, "{} hashes", pairs.len()),
        FeatureOp::Impute { missing, surrogate } => write!(f, "null and {missing} to {surrogate}"),
        FeatureOp::Lookup { keys, .. } => write!(f, "{} keys", keys.len()),
    }
}

fn vector(op: &VectorOp, f: &mut Formatter<'_>) -> fmt::Result {
    match op {
        VectorOp::Assemble { invalid, .. } => write!(f, "invalid: {invalid:?}"),
        VectorOp::Standardize { shift, scale } => {
            let parts: Vec<&str> =
                [shift.as_ref().map(|_| "shift"), scale.as_ref().map(|_| "scale")].into_iter().flatten().collect();
            f.write_str(&parts.join(", "))
        }
        VectorOp::MinMax { min, max, .. } => write!(f, "{min} to {max}"),
        VectorOp::Multiply { factors } => write!(f, "{} factors", factors.len()),
        VectorOp::Binarize { threshold, .. } => write!(f, "above {threshold}"),
        VectorOp::Normalize { p } => write!(f, "p {p}"),
        VectorOp::Cosine { inverse } => f.write_str(if *inverse { "inverse" } else { "" }),
        VectorOp::Products { degree } => write!(f, "degree {degree}"),
        VectorOp::Select { places, .. } => write!(f, "{} places", places.len()),
        VectorOp::OfSize { size, skip } => write!(f, "{size}{}", if *skip { ", others dropped" } else { "" }),
        VectorOp::Refuse { expected, .. } => f.write_str(expected),
        VectorOp::Categories { size, maps, invalid } => {
            write!(f, "{} of {size} elements, invalid: {invalid:?}", maps.len())
        }
        VectorOp::Sigmoid { scale } => write!(f, "scale {scale}"),
        VectorOp::FromList | VectorOp::Softmax | VectorOp::Proportions | VectorOp::Pack | VectorOp::At => Ok(()),
        VectorOp::Element { place } => write!(f, "{place}"),
        VectorOp::Unpack { size } => write!(f, "{size} elements"),
        VectorOp::Best { smallest } => f.write_str(if *smallest { "smallest" } else { "largest" }),
        VectorOp::Choose(choose) => write!(f, "{choose:?}"),
    }
}

fn linear(op: &LinearOp, f: &mut Formatter<'_>) -> fmt::Result {
    sizes(op.weights(), f)
}

fn score(op: &ScoreOp, f: &mut Formatter<'_>) -> fmt::Result {
    match op {
        ScoreOp::Events { weights, events, .. } => {
            sizes(weights, f)?;
            write!(f, ", {events:?}")
        }
        ScoreOp::Gaussian { priors, .. } => write!(f, "{} classes", priors.len()),
        ScoreOp::Factors { weights, factors, .. } => {
            sizes(weights, f)?;
            write!(f, ", {} factors", factors.len() / weights.columns().max(1) as usize)
        }
        ScoreOp::Mean { link, range } => write!(f, "{link:?}, {range:?}"),
        ScoreOp::Curve { bounds, .. } => write!(f, "{} points", bounds.len()),
        ScoreOp::Logistic | ScoreOp::LogisticPair | ScoreOp::Shares | ScoreOp::LogShares | ScoreOp::Seconds => Ok(()),
    }
}

fn sizes(weights: &Weights, f: &mut Formatter<'_>) -> fmt::Result {
    let form = match weights {
        Weights::Dense { .. } => "dense",
        Weights::Sparse { .. } => "sparse",
    };
    write!(f, "{} x {}, {form}", weights.rows(), weights.columns())
}

fn forest(op: &ForestOp, f: &mut Formatter<'_>) -> fmt::Result {
    let forest = &op.forest;
    let depth = (0..forest.trees()).map(|t| forest.depth(t)).max().unwrap_or(0);
    let nodes = forest.split.len() + forest.leaf_numbers.len();
    write!(f, "{} trees, {nodes} nodes, depth {depth}, {:?}", forest.trees(), op.aggregate)
}

fn cluster(op: &ClusterOp, f: &mut Formatter<'_>) -> fmt::Result {
    match op {
        ClusterOp::Nearest { centers } => write!(f, "{} centres", centers.norms.len()),
        ClusterOp::Descend { branches, distance, .. } => write!(f, "{} nodes, {distance:?}", branches.labels.len()),
        ClusterOp::Mixture { weights, .. } => write!(f, "{} components", weights.len()),
        ClusterOp::Topics { weights, prior, .. } => {
            write!(f, "{} topics, {} terms", prior.len(), weights.len() / prior.len().max(1))
        }
    }
}

fn distance(op: &DistanceOp, f: &mut Formatter<'_>) -> fmt::Result {
    match op {
        DistanceOp::All { measure, points } | DistanceOp::Nearest { measure, points, .. } => {
            write!(f, "{} points, {:?}", points.len() / measure.fields.len().max(1), measure.metric)
        }
        DistanceOp::Judge { count, .. } => write!(f, "the first {count}"),
        DistanceOp::Documents(corpus) => write!(f, "{} terms, {:?}", corpus.globals.len(), corpus.local),
    }
}

fn bayes(op: &BayesOp, f: &mut Formatter<'_>) -> fmt::Result {
    match op {
        BayesOp::Naive { priors, .. } => write!(f, "{} classes", priors.len()),
        BayesOp::Network(network) => write!(f, "{} variables", network.sizes.len()),
    }
}

fn association(op: &AssociationOp, f: &mut Formatter<'_>) -> fmt::Result {
    match op {
        AssociationOp::Fired { rules, fires, .. } => {
            write!(f, "{} rules of {} items, {fires:?}", rules.rules.len(), rules.items())
        }
        AssociationOp::Entry { table } | AssociationOp::Entries { table, .. } => write!(f, "{} entries", table.len()),
    }
}

fn recommend(op: &RecommendOp, f: &mut Formatter<'_>) -> fmt::Result {
    match op {
        RecommendOp::FactorDot { users, items, rank, drop } => {
            let drop = if *drop { ", others dropped" } else { "" };
            write!(f, "{} and {} ids, rank {rank}{drop}", users.ids.len(), items.ids.len())
        }
        RecommendOp::BasketRules(rules) => write!(f, "{} rules of {} items", rules.rules.len(), rules.items.len()),
    }
}

fn control(op: &ControlOp, f: &mut Formatter<'_>) -> fmt::Result {
    match op {
        ControlOp::Branch { arms, otherwise } => {
            write!(f, "{} arms{}", arms.len(), if otherwise.is_some() { ", otherwise" } else { "" })
        }
        ControlOp::Loop { carried, steps_max, .. } | ControlOp::Scan { carried, steps_max, .. } => {
            write!(f, "{carried} carried, at most {steps_max} steps")
        }
        ControlOp::If { .. } | ControlOp::Call { .. } => Ok(()),
    }
}

//! Models that are made, not trained: documents of PMML for loads, the same from every run.

use std::fmt::Write as _;

/// Numbers that look random and are the same everywhere (splitmix64).
struct Numbers(u64);

impl Numbers {
    /// Returns a number of `[0, 1)` with four decimals.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % 10_000) as f64 / 10_000.0
    }
}

fn document(fields: usize, model: &str, body: &str) -> String {
    let mut text = String::from(
        "<PMML xmlns=\"http://www.dmg.org/PMML-4_4\" version=\"4.4\"><Header><Application name=\"made\"/></Header><DataDictionary>",
    );
    for name in (0..fields).map(|at| format!("f{at}")).chain(["y".to_owned()]) {
        let _ = write!(text, "<DataField name=\"{name}\" optype=\"continuous\" dataType=\"double\"/>");
    }
    let _ = write!(text, "</DataDictionary><{model}>{body}</{}></PMML>", model.split(' ').next().unwrap_or_default());
    text
}

fn schema(fields: usize) -> String {
    let fields: String = (0..fields).map(|at| format!("<MiningField name=\"f{at}\"/>")).collect();
    format!("<MiningSchema>{fields}<MiningField name=\"y\" usageType=\"target\"/></MiningSchema>")
}

/// Returns a sum of regression trees over fields `f0`, `f1` ... in `[0, 1)`, each grown leaf by leaf as LightGBM grows them.
pub fn forest(trees: usize, leaves: usize, fields: usize) -> String {
    let mut numbers = Numbers(1);
    let schema = schema(fields);
    let mut body = format!("{schema}<Segmentation multipleModelMethod=\"sum\">");
    for tree in 0..trees {
        let _ = write!(
            body,
            "<Segment id=\"{tree}\"><True/><TreeModel functionName=\"regression\" splitCharacteristic=\"binarySplit\">{schema}"
        );
        node(&mut body, &mut numbers, "<True/>", leaves, fields);
        body.push_str("</TreeModel></Segment>");
    }
    body.push_str("</Segmentation>");
    document(fields, "MiningModel functionName=\"regression\"", &body)
}

fn node(body: &mut String, numbers: &mut Numbers, predicate: &str, leaves: usize, fields: usize) {
    if leaves == 1 {
        let _ = write!(body, "<Node score=\"{}\">{predicate}</Node>", numbers.next() - 0.5);
        return;
    }
    let _ = write!(body, "<Node>{predicate}");
    let (field, value) = ((numbers.next() * fields as f64) as usize, numbers.next());
    let left = 1 + (numbers.next() * (leaves - 1) as f64) as usize;
    for (operator, leaves) in [("lessOrEqual", left), ("greaterThan", leaves - left)] {
        let predicate = format!("<SimplePredicate field=\"f{field}\" operator=\"{operator}\" value=\"{value}\"/>");
        node(body, numbers, &predicate, leaves, fields);
    }
    body.push_str("</Node>");
}

/// Returns a support vector machine: so many vectors make a row as dear as wanted, and two rows twice as dear.
pub fn machine(vectors: usize, fields: usize) -> String {
    let mut numbers = Numbers(2);
    let refs: String = (0..fields).map(|at| format!("<FieldRef field=\"f{at}\"/>")).collect();
    let mut body = format!(
        "{}<RadialBasisKernelType gamma=\"0.5\"/><VectorDictionary numberOfVectors=\"{vectors}\"><VectorFields \
         numberOfFields=\"{fields}\">{refs}</VectorFields>",
        schema(fields)
    );
    let indices: String = (1..=fields).map(|at| format!("{at} ")).collect();
    for at in 0..vectors {
        let entries: String = (0..fields).map(|_| format!("{} ", numbers.next())).collect();
        let _ = write!(
            body,
            "<VectorInstance id=\"v{at}\"><REAL-SparseArray n=\"{fields}\"><Indices>{}</Indices><REAL-Entries>{}</REAL-Entries>\
             </REAL-SparseArray></VectorInstance>",
            indices.trim_end(),
            entries.trim_end()
        );
    }
    let _ =
        write!(body, "</VectorDictionary><SupportVectorMachine><SupportVectors numberOfSupportVectors=\"{vectors}\">");
    for at in 0..vectors {
        let _ = write!(body, "<SupportVector vectorId=\"v{at}\"/>");
    }
    let _ = write!(body, "</SupportVectors><Coefficients absoluteValue=\"0\" numberOfCoefficients=\"{vectors}\">");
    for _ in 0..vectors {
        let _ = write!(body, "<Coefficient value=\"{}\"/>", numbers.next() - 0.5);
    }
    body.push_str("</Coefficients></SupportVectorMachine>");
    document(
        fields,
        "SupportVectorMachineModel functionName=\"regression\" svmRepresentation=\"SupportVectors\"",
        &body,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forest_has_its_leaves_and_is_always_the_same() {
        let text = forest(3, 31, 4);
        assert_eq!(text.matches("score=").count(), 93);
        assert_eq!(text, forest(3, 31, 4));
    }

    #[test]
    fn a_machine_has_a_coefficient_a_vector() {
        let text = machine(7, 3);
        assert_eq!((text.matches("<VectorInstance ").count(), text.matches("<Coefficient ").count()), (7, 7));
    }
}

//! The equation of an Einstein sum: labels of the axes of each input and of the output.
//!
//! Letters, and `...` for axes without a label, which broadcast. Without `->` the output has the labels that stand once, capitals
//! first, after the axes without. A label that stands twice in an input means its diagonal; twice in the output, a result
//! that is 0 but on its diagonal (TensorFlow). Labels that the output has not are summed over.

/// An axis's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// All axes that have no letter.
    Rest,
    Letter(u8),
}

/// An equation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equation {
    pub inputs: Vec<Vec<Label>>,
    pub output: Vec<Label>,
}

impl Equation {
    /// Reads an equation; says what is wrong with it.
    pub fn parse(text: &str) -> Result<Equation, String> {
        let (left, right) = match text.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (text, None),
        };
        let inputs = left.split(',').map(labels).collect::<Result<Vec<_>, String>>()?;
        let output = match right {
            Some(right) => labels(right)?,
            None => implied(&inputs),
        };
        for label in &output {
            if *label != Label::Rest && !inputs.iter().flatten().any(|known| known == label) {
                return Err("a letter of the output is in no input".to_owned());
            }
        }
        Ok(Equation { inputs, output })
    }
}

/// Returns the labels of one term.
fn labels(text: &str) -> Result<Vec<Label>, String> {
    let mut labels = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = match first {
            b' ' => others,
            b'a'..=b'z' | b'A'..=b'Z' => {
                labels.push(Label::Letter(*first));
                others
            }
            b'.' if others.starts_with(b"..") && !labels.contains(&Label::Rest) => {
                labels.push(Label::Rest);
                &others[2..]
            }
            _ => return Err(format!("`{text}` holds another character, or two ellipses")),
        };
    }
    Ok(labels)
}

/// Returns the labels that stand once, after the axes without a label.
fn implied(inputs: &[Vec<Label>]) -> Vec<Label> {
    let mut all: Vec<Label> = inputs.iter().flatten().copied().collect();
    all.sort_unstable();
    let runs = all.chunk_by(|a, b| a == b);
    runs.filter(|run| run.len() == 1 || run[0] == Label::Rest).map(|run| run[0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(labels: &[Label]) -> String {
        labels.iter().map(|label| if let Label::Letter(letter) = label { char::from(*letter) } else { '.' }).collect()
    }

    #[test]
    fn equations_are_read_and_their_outputs_implied() {
        for (equation, inputs, output) in [
            ("ij,jk->ik", &["ij", "jk"][..], "ik"),
            ("bB,bc", &["bB", "bc"], "Bc"),
            ("ii", &["ii"], ""),
            (" ...i , ...i ", &[".i", ".i"], "."),
            ("->", &[""], ""),
            ("...ii->...i", &[".ii"], ".i"),
        ] {
            let read = Equation::parse(equation).expect(equation);
            assert_eq!(read.inputs.iter().map(|labels| text(labels)).collect::<Vec<_>>(), inputs, "{equation}");
            assert_eq!(text(&read.output), output, "{equation}");
        }
        for wrong in ["i->j", "i1", "i..", "......", "i->j->k", "é"] {
            assert!(Equation::parse(wrong).is_err(), "{wrong}");
        }
    }
}

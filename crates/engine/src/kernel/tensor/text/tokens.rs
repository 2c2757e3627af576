//! Texts to tokens: `com.microsoft.Tokenizer`.

use model::{PredictError, Tensor, tensor::Bytes};

use super::{
    super::{Done, strings::pattern::Matcher},
    fill_up, letters, texts,
};

/// What cuts a text.
pub(in super::super) enum Cutter {
    Letters,
    /// One after the other cuts what those before it left.
    Separators(Vec<Matcher>),
    Tokens(Matcher),
}

/// Stand around the tokens of a text that are marked.
const MARKS: [&str; 2] = ["\u{2}", "\u{3}"];

pub(super) fn run(x: &Tensor, cut: &Cutter, shortest: usize, mark: bool, fill: &Bytes, out: &mut Tensor) -> Done {
    let tokens = |text: &Bytes| -> Result<Vec<Bytes>, PredictError> {
        let mut tokens = cut.tokens(letters(text)?)?;
        tokens.retain(|token| token.chars().count() >= shortest.max(1));
        Ok(tokens.into_iter().map(|token| token.as_bytes().into()).collect())
    };
    let mut rows = texts(x)?.iter().map(tokens).collect::<Result<Vec<_>, _>>()?;
    if mark && rows.iter().any(|row| !row.is_empty()) {
        for row in &mut rows {
            row.insert(0, MARKS[0].as_bytes().into());
            row.push(MARKS[1].as_bytes().into());
        }
    }
    fill_up(x.shape(), &rows, fill, out)
}

impl Cutter {
    fn tokens<'t>(&self, text: &'t str) -> Result<Vec<&'t str>, PredictError> {
        match self {
            Cutter::Letters => {
                let mut rest = text;
                let mut letters = Vec::new();
                while let Some(letter) = rest.chars().next() {
                    let (first, others) = rest.split_at(letter.len_utf8());
                    letters.push(first);
                    rest = others;
                }
                Ok(letters)
            }
            Cutter::Tokens(pattern) => Ok(pattern.all(text)),
            Cutter::Separators(separators) => {
                let mut parts = vec![text];
                for separator in separators {
                    let mut next = Vec::with_capacity(parts.len());
                    for part in parts {
                        separator.between(part, &mut next);
                    }
                    parts = next;
                }
                Ok(parts)
            }
        }
    }
}

//! Texts in tensors.

use model::{
    PredictError, Shape, Tensor,
    tensor::{Bytes, Data, TENSOR_BYTES_MAX, TensorError, bf16, f16},
};
use plan::tensor::{
    TextOp,
    text::{Case, Cut, MurmurHash},
};

use super::{Args, Done, Site, broadcast, refuse, refuse_type, strings::pattern::Matcher, too_large};
use crate::{error::CompileError, kernel::hash::of_seeded};

mod grams;
mod tokens;

use grams::GramsKernel;

/// An op of the family, ready to run.
pub(super) enum TextKernel {
    Clean { case: Case, sensitive: bool, stops: rustc_hash::FxHashSet<String> },
    Join,
    Split { delimiter: Option<String>, most: Option<usize> },
    Murmur(MurmurHash),
    NGrams(Box<GramsKernel>),
    Tokens { cut: tokens::Cutter, shortest: usize, mark: bool, fill: Bytes },
}

impl TextKernel {
    pub(super) fn new(op: &TextOp, site: &Site<'_>) -> Result<TextKernel, CompileError> {
        Ok(match op {
            TextOp::Clean { case, sensitive, stops } => {
                let as_compared = |stop: &String| compared(stop, *case, *sensitive).unwrap_or_else(|| stop.clone());
                let stops = stops.iter().map(as_compared).collect();
                TextKernel::Clean { case: *case, sensitive: *sensitive, stops }
            }
            TextOp::Join => TextKernel::Join,
            TextOp::Split { delimiter, most } => TextKernel::Split { delimiter: delimiter.clone(), most: *most },
            TextOp::Murmur(hash) => TextKernel::Murmur(*hash),
            TextOp::NGrams(grams) => TextKernel::NGrams(Box::new(GramsKernel::new(grams))),
            TextOp::Tokens { cut, shortest, mark, fill } => TextKernel::Tokens {
                cut: match cut {
                    Cut::Letters => tokens::Cutter::Letters,
                    Cut::Separators(separators) => {
                        let separators = separators.iter().map(|separator| Matcher::new(separator, false, site));
                        tokens::Cutter::Separators(separators.collect::<Result<_, _>>()?)
                    }
                    Cut::Tokens(pattern) => tokens::Cutter::Tokens(Matcher::new(pattern, false, site)?),
                },
                shortest: *shortest,
                mark: *mark,
                fill: fill.as_bytes().into(),
            },
        })
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        args.call.check()?;
        match self {
            TextKernel::Clean { case, sensitive, stops } => {
                let Some(mut out) = args.out(0) else { return Ok(()) };
                clean(&*args.get(0)?, *case, *sensitive, stops, &mut out)
            }
            TextKernel::Join => {
                let Some(mut out) = args.out(0) else { return Ok(()) };
                join(&*args.get(0)?, &*args.get(1)?, &mut out)
            }
            TextKernel::Split { delimiter, most } => {
                let x = args.get(0)?;
                let cut = |text| Ok(split(letters(text)?, delimiter.as_deref(), *most));
                let parts = texts(&x)?.iter().map(|text| cut(text)).collect::<Result<Vec<_>, PredictError>>()?;
                if let Some(mut out) = args.out(1) {
                    let to = out.make::<i64>(*x.shape()).map_err(too_large)?;
                    to.iter_mut().zip(&parts).for_each(|(to, parts)| *to = parts.len() as i64);
                }
                let Some(mut out) = args.out(0) else { return Ok(()) };
                fill_up(x.shape(), &parts, &Bytes::default(), &mut out)
            }
            TextKernel::Murmur(hash) => {
                let Some(mut out) = args.out(0) else { return Ok(()) };
                murmur(&*args.get(0)?, *hash, &mut out)
            }
            TextKernel::NGrams(grams) => {
                let Some(mut out) = args.out(0) else { return Ok(()) };
                grams.run(&*args.get(0)?, args.call, &mut out)
            }
            TextKernel::Tokens { cut, shortest, mark, fill } => {
                let Some(mut out) = args.out(0) else { return Ok(()) };
                tokens::run(&*args.get(0)?, cut, *shortest, *mark, fill, &mut out)
            }
        }
    }
}

/// Returns the texts of a tensor.
pub(super) fn texts(x: &Tensor) -> Result<&[Bytes], PredictError> {
    x.get::<Bytes>().ok_or_else(|| refuse_type(x))
}

/// Returns the letters of a text.
pub(super) fn letters(text: &[u8]) -> Result<&str, PredictError> {
    std::str::from_utf8(text).map_err(|_| refuse("texts that are UTF-8", String::from_utf8_lossy(text)))
}

/// Writes rows of texts along a new last dimension, filled up to the longest.
pub(super) fn fill_up<T: AsRef<[u8]>>(of: &Shape, rows: &[Vec<T>], fill: &Bytes, out: &mut Tensor) -> Done {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let to = out.make::<Bytes>(of.insert(of.len(), width).map_err(too_large)?).map_err(too_large)?;
    for (to, row) in to.chunks_exact_mut(width.max(1)).zip(rows) {
        for (i, to) in to.iter_mut().enumerate() {
            *to = row.get(i).map_or_else(|| fill.clone(), |text| text.as_ref().into());
        }
    }
    Ok(())
}

/// Returns the letter in a case, where that is one letter.
fn changed(letter: char, case: Case) -> char {
    fn only(mut letters: impl Iterator<Item = char>, letter: char) -> char {
        match (letters.next(), letters.next()) {
            (Some(one), None) => one,
            _ => letter,
        }
    }
    match case {
        Case::AsIs => letter,
        Case::Lower => only(letter.to_lowercase(), letter),
        Case::Upper => only(letter.to_uppercase(), letter),
    }
}

/// Returns a text as it is compared with stop words, where that is not as it is.
fn compared(text: &str, case: Case, sensitive: bool) -> Option<String> {
    let case = if case == Case::Upper { Case::Upper } else { Case::Lower };
    (!sensitive).then(|| text.chars().map(|letter| changed(letter, case)).collect())
}

fn clean(x: &Tensor, case: Case, sensitive: bool, stops: &rustc_hash::FxHashSet<String>, out: &mut Tensor) -> Done {
    if !matches!(**x.shape(), [_] | [1, _]) {
        return Err(refuse("texts of shape [C] or [1, C]", x.shape().to_string()));
    }
    let mut kept: Vec<Bytes> = Vec::with_capacity(x.len());
    for text in texts(x)? {
        let word = letters(text)?;
        let is_stop = !stops.is_empty()
            && match compared(word, case, sensitive) {
                Some(word) => stops.contains(&word),
                None => stops.contains(word),
            };
        if is_stop {
            continue;
        }
        kept.push(match case {
            Case::AsIs => text.clone(),
            _ => word.chars().map(|letter| changed(letter, case)).collect::<String>().into_bytes().into(),
        });
    }
    if kept.is_empty() {
        kept.push(Bytes::default());
    }
    let of = x.shape().with(x.rank() - 1, kept.len());
    out.make::<Bytes>(of).map_err(too_large)?.clone_from_slice(&kept);
    Ok(())
}

fn murmur(x: &Tensor, hash: MurmurHash, out: &mut Tensor) -> Done {
    macro_rules! of {
        ($elements:expr, $bytes:expr) => {{
            let hashes = $elements.iter().map(|x| of_seeded(&$bytes(x)[..], hash.seed));
            match hash.is_positive {
                true => {
                    out.make::<u32>(*x.shape()).map_err(too_large)?.iter_mut().zip(hashes).for_each(|(to, h)| *to = h)
                }
                false => {
                    let to = out.make::<i32>(*x.shape()).map_err(too_large)?;
                    to.iter_mut().zip(hashes).for_each(|(to, h)| *to = h as i32);
                }
            }
        }};
    }
    match x.data() {
        Data::I8(e) => of!(e, |x: &i8| x.to_le_bytes()),
        Data::I16(e) => of!(e, |x: &i16| x.to_le_bytes()),
        Data::I32(e) => of!(e, |x: &i32| x.to_le_bytes()),
        Data::I64(e) => of!(e, |x: &i64| x.to_le_bytes()),
        Data::U8(e) => of!(e, |x: &u8| x.to_le_bytes()),
        Data::U16(e) => of!(e, |x: &u16| x.to_le_bytes()),
        Data::U32(e) => of!(e, |x: &u32| x.to_le_bytes()),
        Data::U64(e) => of!(e, |x: &u64| x.to_le_bytes()),
        Data::F16(e) => of!(e, |x: &f16| x.to_le_bytes()),
        Data::BF16(e) => of!(e, |x: &bf16| x.to_le_bytes()),
        Data::F32(e) => of!(e, |x: &f32| x.to_le_bytes()),
        Data::F64(e) => of!(e, |x: &f64| x.to_le_bytes()),
        Data::Bytes(e) => of!(e, Bytes::clone),
        Data::Bool(_) | Data::C64(_) => return Err(refuse_type(x)),
    }
    Ok(())
}

fn join(a: &Tensor, b: &Tensor, out: &mut Tensor) -> Done {
    let (x, y) = (texts(a)?, texts(b)?);
    let of = broadcast::shape(a.shape(), b.shape())?;
    let to = out.make::<Bytes>(of).map_err(too_large)?;
    // Each text may be there many times.
    let times = |x: &Tensor, texts: &[Bytes]| {
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        bytes.saturating_mul(of.elements() / x.len().max(1))
    };
    if times(a, x).saturating_add(times(b, y)) > TENSOR_BYTES_MAX {
        return Err(too_large(TensorError::Bytes(of.to_string())));
    }
    broadcast::runs(&of, [a.shape(), b.shape()], |begin, length, [(i, walks_i), (j, walks_j)]| {
        for k in 0..length {
            let (x, y) = (&x[i + k * usize::from(walks_i)], &y[j + k * usize::from(walks_j)]);
            to[begin + k] = [&x[..], &y[..]].concat().into();
        }
    });
    Ok(())
}

/// Returns the parts of a text as Python's `split` does.
fn split<'t>(text: &'t str, delimiter: Option<&str>, most: Option<usize>) -> Vec<&'t str> {
    let most = most.unwrap_or(usize::MAX);
    if let Some(delimiter) = delimiter {
        return text.splitn(most.saturating_add(1), delimiter).collect();
    }
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if parts.len() == most {
            // What is left is one part, blanks at its end and all.
            parts.push(rest);
            break;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        parts.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_as_python_cuts_them() {
        assert_eq!(split("  a b  c ", None, None), ["a", "b", "c"]);
        assert_eq!(split("  a b  c ", None, Some(1)), ["a", "b  c "]);
        assert_eq!(split("", None, None), [""; 0]);
        assert_eq!(split("o-n--x-", Some("-"), None), ["o", "n", "", "x", ""]);
        assert_eq!(split("a-b-c", Some("-"), Some(1)), ["a", "b-c"]);
        assert_eq!(split("", Some("-"), None), [""]);
        assert_eq!(split("a b", None, Some(0)), ["a b"]);
    }

    #[test]
    fn stop_words_leave_and_letters_change_one_by_one() {
        let x = Tensor::vector(["Monday", "straße", "TUESDAY"].map(|t| Bytes::from(t.as_bytes())).to_vec());
        let mut out = Tensor::default();
        let stops = ["MONDAY".to_owned()].into_iter().collect();
        clean(&x, Case::Upper, false, &stops, &mut out).unwrap();
        let got: Vec<_> = texts(&out).unwrap().iter().map(|text| letters(text).unwrap().to_owned()).collect();
        assert_eq!(got, ["STRAßE", "TUESDAY"]);
        clean(&x, Case::AsIs, true, &stops, &mut out).unwrap();
        assert_eq!(out, x);
        let all = ["monday", "straße", "tuesday"].map(str::to_owned).into_iter().collect();
        clean(&x, Case::AsIs, false, &all, &mut out).unwrap();
        assert_eq!(out, Tensor::vector(vec![Bytes::default()]));
    }
}

//! What a text index is made of: replacements, words, terms.

use plan::{Rewrites, Term, Words};

use super::*;

fn of_words(words: Words) -> Term {
    Term { words, fold: true, edits_max: 0, best: false, hits_max: u32::MAX }
}

fn gaps_of_blanks() -> Words {
    Words::Between(Pattern { engine: r"\s+".into(), source: r"\s+".into() })
}

#[test]
fn words_lose_the_punctuation_at_their_ends() {
    let ran =
        run(TextOp::Words(gaps_of_blanks()), &[texts(&[Some(" (a) b-c, “d” $5 ... "), Some(""), None, Some("one")])]);
    let words = ["a", "b-c", "d", "$5"].map(Some);
    let expected = lists(&[Some(&words), Some(&[]), None, Some(&[Some("one")])]);
    (0..4).for_each(|row| assert!(ran.outputs[0].row_eq(row, &expected, row), "row {row}: {:?}", ran.outputs[0]));
    let whole = run(TextOp::Words(Words::Whole), &[texts(&[Some("a b."), Some("")])]);
    let expected = lists(&[Some(&[Some("a b.")]), Some(&[])]);
    (0..2).for_each(|row| assert!(whole.outputs[0].row_eq(row, &expected, row), "row {row}"));
    let pattern = Pattern { engine: "[a-z]+".into(), source: "[a-z]+".into() };
    let found = run(TextOp::Words(Words::Matches(pattern)), &[texts(&[Some("ab1cd")])]);
    assert!(found.outputs[0].row_eq(0, &lists(&[Some(&[Some("ab"), Some("cd")])]), 0));
}

#[test]
fn terms_are_counted_by_runs_of_words() {
    let count = |term: Term, words: &[&str], wanted: &str| {
        let words: Vec<Option<&str>> = words.iter().copied().map(Some).collect();
        let ran = run(TextOp::Occurrences(term), &[lists(&[Some(&words)]), texts(&[Some(wanted)])]);
        let Column::Fixed(counts) = &ran.outputs[0] else { panic!("{:?}", ran.outputs[0]) };
        counts.values::<i64>()[0]
    };
    let quick = ["quick", "brown", "Quick", "Brown"];
    assert_eq!(count(of_words(gaps_of_blanks()), &quick, "quick brown"), 2);
    assert_eq!(count(Term { fold: false, ..of_words(gaps_of_blanks()) }, &quick, "quick brown"), 1);
    assert_eq!(count(Term { hits_max: 1, ..of_words(gaps_of_blanks()) }, &quick, "brown"), 1);
    assert_eq!(count(of_words(gaps_of_blanks()), &quick, "..."), 0);
    assert_eq!(count(of_words(gaps_of_blanks()), &["a"], "a b"), 0);
    let beyond = ["ÄPFEL", "äpfel", "\u{212a}elvin", "KELVIN", "apfel"];
    assert_eq!(count(of_words(gaps_of_blanks()), &beyond, "Äpfel"), 2);
    assert_eq!(count(of_words(gaps_of_blanks()), &beyond, "kelvin"), 2);
    let colours = ["color", "colour", "colours"];
    let edits = |edits_max, best| Term { edits_max, best, ..of_words(gaps_of_blanks()) };
    assert_eq!(count(edits(1, false), &colours, "color"), 2);
    assert_eq!(count(edits(2, false), &colours, "color"), 3);
    assert_eq!(count(edits(2, true), &colours, "color"), 1);
    // PMML's sum is over the words of the term.
    assert_eq!(count(edits(1, false), &["quik", "brwn"], "quick brown"), 0);
    assert_eq!(count(edits(2, false), &["quik", "brwn"], "quick brown"), 1);
}

#[test]
fn texts_are_rewritten_row_by_row_and_never_without_end() {
    let row = |pattern: &str, with: &str| {
        (Pattern { engine: pattern.into(), source: pattern.into() }, std::sync::Arc::<str>::from(with))
    };
    let rewrite = |rows: Vec<(Pattern, std::sync::Arc<str>)>, recursive| TextOp::Rewrite {
        tables: [Rewrites { rows: rows.into(), recursive }].into(),
    };
    let swap = rewrite(vec![row("interface(s)?", "interface"), row("(a+) (b+)", "$2 $1")], false);
    let ran = run(swap, &[texts(&[Some("interfaces aa b"), None])]);
    assert!(ran.outputs[0].row_eq(0, &texts(&[Some("interface b aa")]), 0) && !ran.outputs[0].is_valid(1));
    let ran = run(rewrite(vec![row("aa", "a")], true), &[texts(&[Some("aaaaaaaa")])]);
    assert!(ran.outputs[0].row_eq(0, &texts(&[Some("a")]), 0));
    let ran = run_once(rewrite(vec![row("a", "aa")], true), &[texts(&[Some("a a"), Some("b")])]);
    assert!(ran.faults[0].is_some() && ran.faults[1].is_none());
    let ran = run(rewrite(vec![row("\\Aa", "b"), row("\\Ab", "a")], true), &[texts(&[Some("a")])]);
    assert!(ran.faults[0].is_none(), "what comes out as it went in is done");
    let turns = rewrite(vec![row("\\A(.)(.)", "$2$1")], true);
    assert!(run_once(turns, &[texts(&[Some("ab")])]).faults[0].is_some(), "turning for ever");
}

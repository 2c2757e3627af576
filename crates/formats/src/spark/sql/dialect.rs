//! Spark's spelling for the parser library: which characters make names, numbers with a suffix, strings with escapes.
//!
//! The library's tokens are put right where Spark reads text otherwise: `1.5D` is one number, `1a` a name, and the escapes of
//! strings are Spark's own. What is nested too deep or too long is refused before the library sees it: its tree is recursive.

use std::any::TypeId;

use sqlparser::{
    dialect::{DatabricksDialect, Dialect},
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace},
};

use super::SqlError;

/// Most bytes of a statement.
pub const BYTES_MAX: usize = 1 << 20;
/// Most tokens of a statement.
const TOKENS_MAX: usize = 200_000;
/// Most tokens that one expression goes on through, from its beginning or the last comma, those of closed brackets apart:
/// bounds the depth of its tree.
const CHAIN_MAX: usize = 500;
/// Deepest nesting of brackets and of the library's own recursion.
pub const DEPTH_MAX: usize = 60;

/// Spark SQL.
#[derive(Debug)]
pub struct Spark;

impl Dialect for Spark {
    /// The library decides some things by the dialect's name; this one is nearest.
    fn dialect(&self) -> TypeId {
        TypeId::of::<DatabricksDialect>()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '`'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_ascii_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_ascii_alphanumeric() || ch == '_'
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }

    fn supports_string_literal_concatenation(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_lambda_functions(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn supports_select_wildcard_except(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn supports_bang_not_operator(&self) -> bool {
        true
    }

    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        expr: &sqlparser::ast::Expr,
        precedence: u8,
    ) -> Option<Result<sqlparser::ast::Expr, ParserError>> {
        use sqlparser::ast::BinaryOperator;
        let op = if parser.parse_keyword(Keyword::DIV) {
            BinaryOperator::MyIntegerDivide
        } else if parser.consume_token(&Token::ShiftLeft) {
            BinaryOperator::PGBitwiseShiftLeft
        } else if parser.consume_tokens(&[Token::ShiftRight, Token::Gt]) {
            BinaryOperator::Custom(">>>".to_owned())
        } else if parser.consume_token(&Token::ShiftRight) {
            BinaryOperator::PGBitwiseShiftRight
        } else {
            return None;
        };
        Some(parser.parse_subexpr(precedence).map(|right| sqlparser::ast::Expr::BinaryOp {
            left: Box::new(expr.clone()),
            op,
            right: Box::new(right),
        }))
    }

    /// `||` binds as `+` does, shifts less.
    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        let sum = self.prec_value(sqlparser::dialect::Precedence::PlusMinus);
        match parser.peek_token_ref().token {
            Token::StringConcat => Some(Ok(sum)),
            Token::ShiftLeft | Token::ShiftRight => Some(Ok(sum - 1)),
            _ => None,
        }
    }
}

/// Returns the tokens of a statement, blanks and comments left out. In Spark 4 two quotes within a string are one, and bits shift.
pub fn tokens(text: &str, is_spark_4: bool) -> Result<Vec<TokenWithSpan>, SqlError> {
    if text.len() > BYTES_MAX {
        return Err(SqlError::Limit { what: "bytes", got: text.len(), limit: BYTES_MAX });
    }
    let all = Tokenizer::new(&Spark, text).with_unescape(false).tokenize_with_location();
    let all = all.map_err(|error| SqlError::Syntax(error.to_string()))?;
    if all.len() > TOKENS_MAX {
        return Err(SqlError::Limit { what: "words and signs", got: all.len(), limit: TOKENS_MAX });
    }
    let mut tokens: Vec<TokenWithSpan> = Vec::with_capacity(all.len());
    for mut token in all {
        match &token.token {
            Token::Whitespace(Whitespace::MultiLineComment(text)) if text.starts_with('+') => {
                return Err(SqlError::Unsupported("hints".to_owned()));
            }
            Token::Whitespace(_) => continue,
            Token::ShiftLeft | Token::ShiftRight if !is_spark_4 => {
                return Err(SqlError::Syntax(format!("`{}`, which comes with Spark 4", token.token)));
            }
            // `1.5D`, `10L`, `2col`: what stands close to a number belongs to it.
            Token::Word(word) if word.quote_style.is_none() => {
                let last = tokens.last_mut().filter(|last| last.span.end == token.span.start);
                if let Some(last) = last
                    && let Token::Number(number, false) = &last.token
                {
                    let joined = format!("{number}{}", word.value);
                    let is_number = suffix_of(&joined).is_some();
                    last.token = if is_number { Token::Number(joined, false) } else { Token::make_word(&joined, None) };
                    last.span.end = token.span.end;
                    continue;
                }
            }
            // `r'\d'`: every character as it stands.
            Token::SingleQuotedString(raw) | Token::DoubleQuotedString(raw) if is_raw(&tokens, &token) => {
                token.token = Token::SingleQuotedString(raw.clone());
                tokens.pop();
            }
            Token::SingleQuotedString(raw) => token.token = Token::SingleQuotedString(unescape(raw, '\'', is_spark_4)),
            Token::DoubleQuotedString(raw) => token.token = Token::SingleQuotedString(unescape(raw, '"', is_spark_4)),
            Token::SingleQuotedRawStringLiteral(raw) | Token::DoubleQuotedRawStringLiteral(raw) => {
                token.token = Token::SingleQuotedString(raw.clone());
            }
            _ => {}
        }
        tokens.push(token);
    }
    check_nesting(&tokens)?;
    Ok(before_from(tokens))
}

/// Whether an `r` stands close before the string.
fn is_raw(before: &[TokenWithSpan], string: &TokenWithSpan) -> bool {
    let last = before.last().filter(|last| last.span.end == string.span.start);
    last.is_some_and(|last| match &last.token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case("r"),
        _ => false,
    })
}

/// What stands between a bracket and FROM: `trim(LEADING FROM x)` becomes `ltrim(x)`, and so on, which the parser library does not
/// read without characters; a field of `extract` loses what the library knows of it, and so stays as it is spelt.
fn before_from(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let word = |token: &Token| match token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_lowercase(),
        _ => String::new(),
    };
    let mut kept: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        let trims = match word(&token.token).as_str() {
            "both" => "trim",
            "leading" => "ltrim",
            "trailing" => "rtrim",
            _ => "",
        };
        let is_before = rest.peek().is_some_and(|next| word(&next.token) == "from");
        let name = match kept.as_mut_slice() {
            [.., name, open] if is_before && open.token == Token::LParen => Some(&mut name.token),
            _ => None,
        };
        let mut token = token;
        match (name, &mut token.token) {
            (Some(name), _) if word(name) == "trim" && !trims.is_empty() => {
                *name = Token::make_word(trims, None);
                rest.next();
                continue;
            }
            (Some(name), Token::Word(field)) if word(name) == "extract" => field.keyword = Keyword::NoKeyword,
            _ => {}
        }
        kept.push(token);
    }
    kept
}

/// Returns where the suffix of a number begins, and the suffix in upper case, where the text is a number with one.
pub fn suffix_of(text: &str) -> Option<(usize, String)> {
    let at = text.find(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E'))?;
    let suffix = text[at..].to_ascii_uppercase();
    let is_integer = text[..at].bytes().all(|b| b.is_ascii_digit());
    let known = match suffix.as_str() {
        "L" | "S" | "Y" => is_integer,
        "D" | "F" | "BD" => true,
        _ => false,
    };
    (known && text.starts_with(|c: char| c.is_ascii_digit() || c == '.')).then_some((at, suffix))
}

fn check_nesting(tokens: &[TokenWithSpan]) -> Result<(), SqlError> {
    // Tokens that are open, and how many of them were before each open bracket and after its last comma.
    let (mut count, mut open) = (0, vec![0usize]);
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => open.push(count),
            Token::RParen | Token::RBracket | Token::RBrace if open.len() > 1 => {
                count = open.pop().expect("never empty");
            }
            Token::Comma => count = *open.last().expect("never empty"),
            _ => {}
        }
        count += 1;
        if open.len() > DEPTH_MAX {
            return Err(SqlError::Limit { what: "brackets within brackets", got: open.len(), limit: DEPTH_MAX });
        }
        if count > CHAIN_MAX {
            return Err(SqlError::Limit { what: "words and signs of one expression", got: count, limit: CHAIN_MAX });
        }
    }
    Ok(())
}

/// Returns the text of a string as Spark reads it: `\n` and the like, `\u0041`, `\101`; `\%` and `\_` keep their backslash for
/// `LIKE`. A doubled quote ends one string and begins the next before Spark 4.
fn unescape(raw: &str, quote: char, quotes_escape: bool) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => escape(&mut rest, &mut text),
            c if c == quote => {
                // Within a string a quote stands doubled.
                rest.next();
                if quotes_escape {
                    text.push(quote);
                }
            }
            c => text.push(c),
        }
    }
    text
}

fn escape(rest: &mut std::str::Chars<'_>, text: &mut String) {
    let ahead = rest.as_str();
    let digits = |from: usize, len: usize, radix: u32| {
        let part = ahead.get(from..from + len)?;
        let is_all = part.bytes().all(|b| char::from(b).is_digit(radix));
        is_all.then(|| u32::from_str_radix(part, radix).ok()).flatten()
    };
    let coded = match ahead.as_bytes().first() {
        Some(b'u') => digits(1, 4, 16).map(|code| (5, code)),
        Some(b'U') => digits(1, 8, 16).map(|code| (9, code)),
        Some(b'0' | b'1') => digits(0, 3, 8).map(|code| (3, code)),
        _ => None,
    };
    if let Some((len, code)) = coded {
        text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        rest.nth(len - 1);
        return;
    }
    match rest.next() {
        Some('0') => text.push('\0'),
        Some('b') => text.push('\u{8}'),
        Some('n') => text.push('\n'),
        Some('r') => text.push('\r'),
        Some('t') => text.push('\t'),
        Some('Z') => text.push('\u{1a}'),
        Some(c @ ('%' | '_')) => text.extend(['\\', c]),
        Some(c) => text.push(c),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_sparks() {
        assert_eq!(unescape(r"a\tb\u0041\101\%\_\x''c", '\'', false), "a\tbAA\\%\\_xc");
        assert_eq!(unescape("it''s", '\'', true), "it's");
    }

    #[test]
    fn numbers_take_their_suffix() {
        assert_eq!(suffix_of("1.5D"), Some((3, "D".to_owned())));
        assert_eq!(suffix_of("1e3bd"), Some((3, "BD".to_owned())));
        assert_eq!((suffix_of("1.5L"), suffix_of("1a"), suffix_of("1e3")), (None, None, None));
        let tokens = tokens("1.5D + 2col", false).unwrap();
        assert_eq!(tokens.len(), 3);
    }

    #[test]
    fn raw_strings_and_trims_without_characters() {
        let shown = |text: &str| tokens(text, false).unwrap().iter().map(|t| t.token.to_string()).collect::<Vec<_>>();
        assert_eq!(shown(r"a, r'\d', R'x'"), ["a", ",", r"'\d'", ",", "'x'"]);
        assert_eq!(shown("r 'x'").len(), 2);
        assert_eq!(shown("TRIM(LEADING FROM s)"), ["ltrim", "(", "s", ")"]);
        let field = tokens("extract(Year FROM d)", false).unwrap().remove(2).token;
        assert!(matches!(field, Token::Word(field) if field.value == "Year" && field.keyword == Keyword::NoKeyword));
        assert_eq!(shown("trim(both from s)"), ["trim", "(", "s", ")"]);
    }

    #[test]
    fn what_is_nested_or_chained_without_end_is_refused() {
        for text in ["(".repeat(100), "a+".repeat(500), " ".repeat(BYTES_MAX + 1)] {
            assert!(matches!(tokens(&text, false), Err(SqlError::Limit { .. })));
        }
    }
}

//! The built-in functions (Built-in functions, 4.4; those past it are JPMML's), in the order of the standard.

use super::{
    super::{error::Fault, xml::Element},
    apply::Invalid,
    logic, numbers,
    term::{Term, Work},
    texts, times,
};

/// Writes a function of its arguments, as many as it takes.
pub type Lower =
    for<'w, 'o, 's, 'd> fn(&mut Work<'w, 'o, 's, 'd>, Element<'d>, Vec<Term>, Invalid) -> Result<Term, Fault>;

/// A built-in function.
pub struct Function {
    pub name: &'static str,
    /// Fewest and most arguments.
    pub arity: (usize, usize),
    /// What it does, with its rule for missing arguments.
    pub doc: &'static str,
    pub lower: Lower,
}

const ANY: usize = usize::MAX;

macro_rules! functions {
    ($($name:literal $low:literal ..= $high:expr, $lower:expr, $doc:literal;)*) => {
        &[$(Function { name: $name, arity: ($low, $high), doc: $doc, lower: $lower }),*]
    };
}

/// The table.
pub const FUNCTIONS: &[Function] = functions! {
    "+" 2..=2, numbers::add, "the sum; of integers an integer";
    "-" 2..=2, numbers::subtract, "the difference; of integers an integer";
    "*" 2..=2, numbers::multiply, "the product; of integers an integer";
    "/" 2..=2, numbers::divide, "the quotient; of integers cut to an integer, by 0 invalid";
    "min" 1..=ANY, numbers::min, "the least argument that is not missing";
    "max" 1..=ANY, numbers::max, "the greatest argument that is not missing";
    "sum" 1..=ANY, numbers::sum, "the sum of the arguments that are not missing";
    "avg" 1..=ANY, numbers::avg, "the mean of the arguments that are not missing, a double";
    "median" 1..=ANY, numbers::median, "the median of the arguments that are not missing, a double";
    "product" 1..=ANY, numbers::product, "the product of the arguments that are not missing";
    "log10" 1..=1, numbers::log10, "the logarithm to base 10; below 0 invalid";
    "ln" 1..=1, numbers::ln, "the natural logarithm; below 0 invalid";
    "sqrt" 1..=1, numbers::sqrt, "the square root; below 0 invalid";
    "abs" 1..=1, numbers::abs, "the absolute value, of the argument's type";
    "exp" 1..=1, numbers::exp, "e to the power of the argument";
    "pow" 2..=2, numbers::pow, "the first to the power of the second; of integers an integer";
    "threshold" 2..=2, numbers::threshold, "1 if the first is greater than the second, else 0";
    "floor" 1..=1, numbers::floor, "the greatest integer not above";
    "ceil" 1..=1, numbers::ceil, "the least integer not below";
    "round" 1..=1, numbers::round, "the nearest integer, halves upward";
    "modulo" 2..=2, numbers::modulo, "the remainder, with the divisor's sign; of integers by 0 invalid";
    "rint" 1..=1, numbers::rint, "the nearest whole number, halves to the even one";
    "expm1" 1..=1, numbers::expm1, "exp(x) - 1";
    "ln1p" 1..=1, numbers::ln1p, "ln(x + 1); below -1 invalid";
    "hypot" 2..=2, numbers::hypot, "the square root of the sum of the squares";
    "sin" 1..=1, numbers::sin, "the sine";
    "cos" 1..=1, numbers::cos, "the cosine";
    "tan" 1..=1, numbers::tan, "the tangent";
    "asin" 1..=1, numbers::asin, "the arc sine; outside of -1 to 1 invalid";
    "acos" 1..=1, numbers::acos, "the arc cosine; outside of -1 to 1 invalid";
    "atan" 1..=1, numbers::atan, "the arc tangent";
    "sinh" 1..=1, numbers::sinh, "the hyperbolic sine";
    "cosh" 1..=1, numbers::cosh, "the hyperbolic cosine";
    "tanh" 1..=1, numbers::tanh, "the hyperbolic tangent";
    "erf" 1..=1, numbers::erf, "the error function";
    "normalCDF" 3..=3, numbers::normal_cdf, "(x, mean, deviation): the normal distribution function";
    "normalPDF" 3..=3, numbers::normal_pdf, "(x, mean, deviation): its density";
    "normalIDF" 3..=3, numbers::normal_idf, "(p, mean, deviation): its inverse; p outside of 0 to 1 is refused";
    "stdNormalCDF" 1..=1, numbers::std_normal_cdf, "normalCDF of mean 0 and deviation 1";
    "stdNormalPDF" 1..=1, numbers::std_normal_pdf, "normalPDF of mean 0 and deviation 1";
    "stdNormalIDF" 1..=1, numbers::std_normal_idf, "normalIDF of mean 0 and deviation 1";
    "isMissing" 1..=1, logic::is_missing, "whether the argument is missing; never missing";
    "isNotMissing" 1..=1, logic::is_not_missing, "whether the argument is not missing; never missing";
    "isValid" 1..=1, logic::is_valid, "whether the argument is neither missing nor invalid; never missing";
    "isNotValid" 1..=1, logic::is_not_valid, "whether the argument is invalid and not missing; never missing";
    "equal" 2..=2, logic::equal, "whether the second, as a value of the first's type, equals the first";
    "notEqual" 2..=2, logic::not_equal, "not equal";
    "lessThan" 2..=2, logic::less_than, "whether the first is below the second";
    "lessOrEqual" 2..=2, logic::less_or_equal, "whether the first is not above the second";
    "greaterThan" 2..=2, logic::greater_than, "whether the first is above the second";
    "greaterOrEqual" 2..=2, logic::greater_or_equal, "whether the first is not below the second";
    "and" 2..=ANY, logic::and, "whether all arguments are true; missing where any is missing";
    "or" 2..=ANY, logic::or, "whether any argument is true; missing where any is missing";
    "not" 1..=1, logic::not, "whether the argument is false";
    "isIn" 2..=ANY, logic::is_in, "whether the first equals one of the others; a missing one is in where one of them is missing";
    "isNotIn" 2..=ANY, logic::is_not_in, "not isIn";
    "if" 2..=3, logic::if_, "the second where the first is true, the third (or missing) where it is not; missing where the first is";
    "uppercase" 1..=1, texts::uppercase, "the text in upper case";
    "lowercase" 1..=1, texts::lowercase, "the text in lower case";
    "stringLength" 1..=1, texts::length, "the number of characters";
    "substring" 3..=3, texts::substring, "(text, first from 1, length): a part; refuses a row whose arguments are missing";
    "trimBlanks" 1..=1, texts::trim, "the text without blanks at its ends";
    "concat" 2..=ANY, texts::concat, "the texts one after the other; missing ones are passed over";
    "replace" 3..=3, texts::replace, "(text, pattern, with): every match replaced; refuses a row whose arguments are missing";
    "matches" 2..=2, texts::matches, "(text, pattern): whether the pattern is found anywhere; refuses a row whose text is missing";
    "formatNumber" 2..=2, texts::format_number, "(number, pattern of printf): its text; refuses a row whose number is missing";
    "formatDatetime" 2..=2, times::format, "(date or time, pattern of strftime): its text; refuses a row where it is missing";
    "dateDaysSinceYear" 2..=2, times::days_since_year, "(date, year): days since its first; refuses a row whose date is missing";
    "dateSecondsSinceYear" 2..=2, times::seconds_since_year, "(dateTime, year): seconds since its first; refuses a row where it is missing";
    "dateSecondsSinceMidnight" 1..=1, times::seconds_since_midnight, "seconds of the day; refuses a row where the time is missing";
    "x-atan2" 2..=2, numbers::atan2, "(y, x): the angle of a point; JPMML's";
    "atan2" 2..=2, numbers::atan2, "x-atan2";
};

/// Returns the function of this name.
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

impl Function {
    /// Refuses another number of arguments than the function takes.
    pub fn check(&self, at: Element<'_>, got: usize) -> Result<(), Fault> {
        let (low, high) = self.arity;
        if (low..=high).contains(&got) {
            return Ok(());
        }
        let expected = match high {
            ANY => format!("{low} or more arguments of {}", self.name),
            high if high == low => format!("{low} arguments of {}", self.name),
            high => format!("{low} to {high} arguments of {}", self.name),
        };
        Err(at.fault("content", expected, got.to_string()))
    }
}

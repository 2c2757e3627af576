//! What PMML's functions need beyond SQL's: patterns of C, statistics, the normal distribution, whole numbers.

use plan::expr::{ClockPattern, NumberPattern, Stat};

use super::*;

fn printf(pattern: &str, value: Expr, expected: &str) {
    let func = TextFunc::Printf(NumberPattern::new(pattern).expect("a pattern"));
    check(pattern, func, &[value], expected);
}

fn clock(pattern: &str, value: Expr, expected: &str) {
    check(pattern, TimeFunc::Clock(ClockPattern::new(pattern).expect("a pattern")), &[value], expected);
}

/// Checks a number to nine digits after the point.
fn near(what: &str, func: impl Into<Func>, args: &[Expr], expected: f64) {
    let ran = run_once(Expr::Call(func.into(), args.to_vec()), &[numbers(&[Some(1.0)])]);
    let Column::Fixed(got) = &ran.outputs[0] else { panic!("{what}") };
    let got = got.values::<f64>()[0];
    assert!((got - expected).abs() <= 1e-12 * expected.abs().max(1e-3), "{what}: {got}, not {expected}");
}

#[test]
fn numbers_are_written_as_javas_formatter_writes_them() {
    // Expected: `String.format(Locale.ROOT, pattern, value)` of Java 17.
    printf("%3d", l(7), "  7");
    printf("%-5d|", l(-12), "-12  |");
    printf("%05d", l(-12), "-0012");
    printf("%+,d", l(1234567), "+1,234,567");
    printf("%(d", l(-5), "(5)");
    printf("%x", l(-1), "ffffffffffffffff");
    printf("%.2f", d(1.005), "1.01");
    printf("%.0f", d(2.5), "3");
    printf("%.0f", d(0.5), "1");
    printf("%.0f", d(0.4), "0");
    printf("%f", d(-0.0), "-0.000000");
    printf("%.3f", d(1e-9), "0.000");
    printf("%.2f", d(999.995), "1000.00");
    printf("%,.2f", d(1234567.891), "1,234,567.89");
    printf("%09.2f", d(-3.146), "-00003.15");
    printf("a%%b %8.3e c", d(123.456), "a%b 1.235e+02 c");
    printf("%e", d(0.0), "0.000000e+00");
    printf("%.2E", d(9.999e-5), "1.00E-04");
    printf("%g", d(0.0001), "0.000100000");
    printf("%g", d(12345.678), "12345.7");
    printf("%.3g", d(99999.0), "1.00e+05");
    printf("%s", d(1e7), "1.0E7");
    printf("%5.1f", d(f64::INFINITY), "Infinity");
    printf("%08f", d(f64::NAN), "     NaN");
    printf("none", d(1.0), "none");
    for bad in ["%", "%q", "%d %d", "%.3d", "%-05d", "%-d", "%0d", "%99999d", "%5"] {
        assert!(NumberPattern::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn times_are_written_by_strftime() {
    // PMML 4.4, built-in functions, formatDatetime: 08/20/04.
    clock("%m/%d/%y", date("2004-08-20"), "08/20/04");
    clock("%Y-%j", date("2000-02-29"), "2000-060");
    clock("%A %d %B %Y", date("2023-12-31"), "Sunday 31 December 2023");
    clock("%a %b %e %I %p", ts("2015-07-04 13:05:59"), "Sat Jul 4 01 pm");
    clock("%H:%M:%S.%L", ts("1959-12-31 23:59:59.25"), "23:59:59.250");
    clock("%D %R %F %T %r", ts("2000-01-01 00:05:09"), "01/01/00 00:05 2000-01-01 00:05:09 12:05:09 AM");
    clock("%s", ts("1970-01-02 00:00:00"), "86400");
    clock("%H:%M:%S", l(47_159), "13:05:59");
    let (letter, end) = (ClockPattern::new("%Ez"), ClockPattern::new("5%"));
    assert!(letter.is_err() && end.is_err());
    let of_time = Func::from(TimeFunc::Clock(ClockPattern::new("%Y").expect("a pattern")));
    assert_eq!(of_time.result(&[Type::I64]), None, "a time of day has no year");
}

#[test]
fn statistics_pass_over_null() {
    let null = || null(Type::F64);
    check("min", Stat::Min, &[d(2.0), null(), d(1.0)], "1.0");
    check("max", Stat::Max, &[d(f64::NAN), d(1.0), d(3.0)], "3.0");
    check("sum", Stat::Sum, &[d(2.5), null(), d(1.0)], "3.5");
    check("mean", Stat::Mean, &[d(1.0), d(2.0), null(), d(6.0)], "3.0");
    check("product", Stat::Product, &[d(2.0), d(3.0)], "6.0");
    check("median", Stat::Median, &[d(5.0), null(), d(1.0), d(2.0)], "2.0");
    check("median", Stat::Median, &[d(5.0), d(1.0)], "3.0");
    check("deviation", Stat::Deviation, &[d(2.0), null(), d(4.0), d(9.0)], "3.605551275463989");
    check("deviation", Stat::Deviation, &[d(2.0)], "0.0");
    check("count", Stat::Count, &[null(), d(1.0)], "1.0");
    for stat in [Stat::Min, Stat::Max, Stat::Sum, Stat::Mean, Stat::Product, Stat::Median, Stat::Deviation] {
        check("of nothing", stat, &[null(), null()], "null");
    }
    check("of a list", Stat::Sum, &[list(&[d(1.0), null(), d(2.0)])], "3.0");
}

#[test]
fn the_normal_distribution() {
    // Expected: scipy.stats.norm.
    near("cdf(1.96)", Math::NormalCdf, &[d(1.96), d(0.0), d(1.0)], 0.975_002_104_851_779_6);
    near("cdf(-7)", Math::NormalCdf, &[d(-7.0), d(0.0), d(1.0)], 1.279_812_543_885_835e-12);
    near("cdf(5; 3, 2)", Math::NormalCdf, &[d(5.0), d(3.0), d(2.0)], 0.841_344_746_068_542_9);
    near("pdf(0)", Math::NormalPdf, &[d(0.0), d(0.0), d(1.0)], 0.398_942_280_401_432_7);
    near("pdf(5; 3, 2)", Math::NormalPdf, &[d(5.0), d(3.0), d(2.0)], 0.120_985_362_259_571_68);
    near("idf(0.975)", Math::NormalIdf, &[d(0.975), d(0.0), d(1.0)], 1.959_963_984_540_054);
    near("idf(0.3; 1, 2)", Math::NormalIdf, &[d(0.3), d(1.0), d(2.0)], -0.048_801_025_416_081_334);
    near("idf(1e-10)", Math::NormalIdf, &[d(1e-10), d(0.0), d(1.0)], -6.361_340_902_404_056);
    near("idf(1e-30)", Math::NormalIdf, &[d(1e-30), d(0.0), d(1.0)], -11.464_024_688_443_617);
    near("idf(0.999)", Math::NormalIdf, &[d(0.999), d(0.0), d(1.0)], 3.090_232_306_167_813);
    near("erf(0.5)", Math::Erf, &[d(0.5)], 0.520_499_877_813_046_5);
    check("idf(1)", Math::NormalIdf, &[d(1.0), d(0.0), d(1.0)], "Infinity");
    check_refused("idf(1.1)", Math::NormalIdf, &[d(1.1), d(0.0), d(1.0)]);
    check_refused("cdf, deviation 0", Math::NormalCdf, &[d(1.0), d(0.0), d(0.0)]);
    check("cdf of null", Math::NormalCdf, &[null(Type::F64), d(0.0), d(1.0)], "null");
}

#[test]
fn whole_numbers() {
    check("round(-2.5)", Math::Nearest, &[d(-2.5)], "-2");
    check("round(2.5)", Math::Nearest, &[d(2.5)], "3");
    check("round just below a half", Math::Nearest, &[d(0.499_999_999_999_999_94)], "0");
    check("round(NaN)", Math::Nearest, &[d(f64::NAN)], "0");
    check("exact", Math::Exact(OnFault::Refuse), &[d(-3.0)], "-3");
    check("exact of a fraction", Math::Exact(OnFault::Null), &[d(0.5)], "null");
    check_refused("exact of 2^31", Math::Exact(OnFault::Refuse), &[d(2_147_483_648.0)]);
    check_refused("exact of NaN", Math::Exact(OnFault::Refuse), &[d(f64::NAN)]);
    check("7 mod -3", Math::FloorMod(OnFault::Refuse), &[l(7), l(-3)], "-2");
    check("-7 mod 3", Math::FloorMod(OnFault::Refuse), &[l(-7), l(3)], "2");
    check("-6 mod 3", Math::FloorMod(OnFault::Refuse), &[l(-6), l(3)], "0");
    check("-7.5 mod 2", Math::FloorMod(OnFault::Refuse), &[d(-7.5), d(2.0)], "0.5");
    check_refused("1 mod 0", Math::FloorMod(OnFault::Refuse), &[l(1), l(0)]);
    check("2^62", Math::IntPow(OnFault::Refuse), &[l(2), l(62)], "4611686018427387904");
    check("-1^(2^40 + 1)", Math::IntPow(OnFault::Refuse), &[l(-1), l((1 << 40) + 1)], "-1");
    check_refused("2^63", Math::IntPow(OnFault::Refuse), &[l(2), l(63)]);
    check("2^-1", Math::IntPow(OnFault::Null), &[l(2), l(-1)], "null");
    check("log10(0)", Math::Lg, &[d(0.0)], "-Infinity");
    check("ln1p(-2)", Math::LnPlus1, &[d(-2.0)], "NaN");
    check("not NaN", Math::NotNaN(OnFault::Null), &[d(f64::NAN)], "null");
    check_refused("NaN", Math::NotNaN(OnFault::Refuse), &[d(f64::NAN)]);
    check("float", Func::ToF32, &[d(0.1)], "0.1");
    check("float of 2^24 + 1", Func::ToF32, &[l(16_777_217)], "1.6777216E7");
}

#[test]
fn a_test_that_is_not_known_chooses_nothing() {
    let bool = |b: Option<bool>| b.map_or_else(|| null(Type::BOOL), |b| Expr::Const(Scalar::Bool(b)));
    let refused = || Expr::Call(Func::Refuse("never", Type::Text), Vec::new());
    check("true", Func::IfKnown, &[bool(Some(true)), s("a"), refused()], "a");
    check("false", Func::IfKnown, &[bool(Some(false)), refused(), s("b")], "b");
    check("null", Func::IfKnown, &[bool(None), refused(), refused()], "null");
}

fn place(pattern: &str, units: Units) -> TextFunc {
    TextFunc::Place { pattern: super::pattern(pattern), units }
}

#[test]
fn places_count_units_of_utf_16_or_characters() {
    check("regexp_instr('🦀b', 'b')", place("b", Units::Characters), &[s("🦀b")], "2");
    check("regexp_instr('🦀b', 'b')", place("b", Units::Utf16), &[s("🦀b")], "3");
    check("regexp_instr('a', 'b')", place("b", Units::Utf16), &[s("a")], "0");
}

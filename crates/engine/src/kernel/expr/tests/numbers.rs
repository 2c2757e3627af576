//! Numbers: arithmetic, order, casts, mathematics, control.

use super::*;

fn arith(op: Arith, to: DType) -> Func {
    Func::Arith { op, on: OnFault::Wrap, to }
}

fn ansi(op: Arith, to: DType) -> Func {
    Func::Arith { op, on: OnFault::Refuse, to }
}

fn i8(value: i8) -> Expr {
    Expr::Const(Scalar::I8(value))
}

fn f(value: f32) -> Expr {
    Expr::Const(Scalar::F32(value))
}

#[test]
fn integers() {
    check("2147483647 + 1", arith(Arith::Add, DType::I32), &[i(i32::MAX), i(1)], "-2147483648");
    check("127Y + 1Y", arith(Arith::Add, DType::I8), &[i8(127), i8(1)], "-128");
    check("9223372036854775807L * 2L", arith(Arith::Mul, DType::I64), &[l(i64::MAX), l(2)], "-2");
    check("abs(-2147483648)", arith(Arith::Abs, DType::I32), &[i(i32::MIN)], "-2147483648");
    check("-7 % 3", arith(Arith::Rem, DType::I32), &[i(-7), i(3)], "-1");
    check("pmod(-7, 3)", arith(Arith::Pmod, DType::I32), &[i(-7), i(3)], "2");
    check("pmod(-7, -3)", arith(Arith::Pmod, DType::I32), &[i(-7), i(-3)], "-1");
    check("7 % 0", arith(Arith::Rem, DType::I32), &[i(7), i(0)], "null");
    check("pmod(7, 0)", arith(Arith::Pmod, DType::I32), &[i(7), i(0)], "null");
    check("7L div 2L", arith(Arith::IntDiv, DType::I64), &[l(7), l(2)], "3");
    check("-7L div 2L", arith(Arith::IntDiv, DType::I64), &[l(-7), l(2)], "-3");
    check("7L div 0L", arith(Arith::IntDiv, DType::I64), &[l(7), l(0)], "null");
    check("(-9223372036854775808L) % -1L", arith(Arith::Rem, DType::I64), &[l(i64::MIN), l(-1)], "0");
    check_refused("ansi: 2147483647 + 1", ansi(Arith::Add, DType::I32), &[i(i32::MAX), i(1)]);
    check_refused("ansi: 7 % 0", ansi(Arith::Rem, DType::I32), &[i(7), i(0)]);
    check_refused("ansi: - cast(-128 as tinyint)", ansi(Arith::Neg, DType::I8), &[i8(-128)]);
    let sum = Func::Arith { op: Arith::Add, on: OnFault::Null, to: DType::I32 };
    check("try_add(2147483647, 1)", sum, &[i(i32::MAX), i(1)], "null");
}

#[test]
fn the_divisor_is_to_blame() {
    let quotient = Expr::call(ansi(Arith::Div, DType::F64), [Expr::Input(0), Expr::Input(1)]);
    let ran = run(quotient, &[numbers(&[Some(1.0)]), numbers(&[Some(0.0)])]);
    let fault = ran.faults[0].as_ref().unwrap();
    assert!(fault.contains("`b`: expected a divisor that is not 0, got 0"), "{fault}");
}

#[test]
fn floats() {
    check("1D / 0D", arith(Arith::Div, DType::F64), &[d(1.0), d(0.0)], "null");
    check("1D / -0D", arith(Arith::Div, DType::F64), &[d(1.0), d(-0.0)], "null");
    check("1D / 3D", arith(Arith::Div, DType::F64), &[d(1.0), d(3.0)], "0.3333333333333333");
    check("-7.5D % 2D", arith(Arith::Rem, DType::F64), &[d(-7.5), d(2.0)], "-1.5");
    check("pmod(-7.5D, 2D)", arith(Arith::Pmod, DType::F64), &[d(-7.5), d(2.0)], "0.5");
    check("1.5F + 1F", arith(Arith::Add, DType::F32), &[f(1.5), f(1.0)], "2.5");
    check("abs(-0D)", arith(Arith::Abs, DType::F64), &[d(-0.0)], "0.0");
    check("1e308D * 10D", arith(Arith::Mul, DType::F64), &[d(1e308), d(10.0)], "Infinity");
    check_refused("ansi: 1D / 0D", ansi(Arith::Div, DType::F64), &[d(1.0), d(0.0)]);
}

#[test]
fn decimals() {
    let to = DType::Decimal;
    let large = || dec("99999999999999999999999999999999999999", 38, 0);
    check("large * large", arith(Arith::Mul, to(38, 0)), &[large(), large()], "null");
    check_refused("ansi: large * large", ansi(Arith::Mul, to(38, 0)), &[large(), large()]);
    check(
        "large / 3BD",
        arith(Arith::Div, to(38, 6)),
        &[dec("100000000000000000000", 21, 0), dec("3", 1, 0)],
        "33333333333333333333.333333",
    );
    let least = Math::Round { mode: Rounding::HalfUp, scale: i32::MIN, on: OnFault::Wrap, to: to(38, 0) };
    check("round(1.5BD, -2147483648)", least, &[dec("1.5", 2, 1)], "0");
    let forty = Math::Round { mode: Rounding::HalfUp, scale: -40, on: OnFault::Wrap, to: to(38, 0) };
    check("round(large, -40)", forty, &[large()], "0");
    let text = "99999999999999999999999999999999999998.5";
    check("cast(.. as decimal(38))", Cast::new(scalar(to(38, 0)), CastRule::Legacy), &[s(text)], &"9".repeat(38));
    check("1.10BD + 2.205BD", arith(Arith::Add, to(5, 3)), &[dec("1.10", 3, 2), dec("2.205", 4, 3)], "3.305");
    check("1.10BD - 2.205BD", arith(Arith::Sub, to(5, 3)), &[dec("1.10", 3, 2), dec("2.205", 4, 3)], "-1.105");
    check("1.10BD * 2.205BD", arith(Arith::Mul, to(8, 5)), &[dec("1.10", 3, 2), dec("2.205", 4, 3)], "2.42550");
    check("1BD / 3BD", arith(Arith::Div, to(7, 6)), &[dec("1", 1, 0), dec("3", 1, 0)], "0.333333");
    check("-2BD / 3BD", arith(Arith::Div, to(7, 6)), &[dec("-2", 1, 0), dec("3", 1, 0)], "-0.666667");
    check("7.5BD % 2BD", arith(Arith::Rem, to(2, 1)), &[dec("7.5", 2, 1), dec("2", 1, 0)], "1.5");
    check("pmod(-7.5BD, 2BD)", arith(Arith::Pmod, to(2, 1)), &[dec("-7.5", 2, 1), dec("2", 1, 0)], "0.5");
    check("7.5BD div 2BD", arith(Arith::IntDiv, DType::I64), &[dec("7.5", 2, 1), dec("2", 1, 0)], "3");
    check("1BD / 0BD", arith(Arith::Div, to(7, 6)), &[dec("1", 1, 0), dec("0", 1, 0)], "null");
    let big = "99999999999999999999999999999999999999";
    let sql = "99999999999999999999999999999999999999BD + 1BD";
    check(sql, arith(Arith::Add, to(38, 0)), &[dec(big, 38, 0), dec("1", 1, 0)], "null");
    check_refused(&format!("ansi: {sql}"), ansi(Arith::Add, to(38, 0)), &[dec(big, 38, 0), dec("1", 1, 0)]);
    check(
        "cast(12345678901234567890.123456789 as decimal(38,9)) * cast(9876543210.987654321 as decimal(28,9))",
        arith(Arith::Mul, to(38, 6)),
        &[dec("12345678901234567890.123456789", 38, 9), dec("9876543210.987654321", 28, 9)],
        "121932631137021795224965706422.374638",
    );
    check("-(1.5BD)", arith(Arith::Neg, to(2, 1)), &[dec("1.5", 2, 1)], "-1.5");
    check_expr("cast(1.5BD as double)", Expr::call(Func::ToF64, [dec("1.5", 2, 1)]), "1.5");
}

#[test]
fn order() {
    let nan = || d(f64::NAN);
    check("double('NaN') = double('NaN')", Compare::Eq, &[nan(), nan()], "true");
    check("double('NaN') > double('Infinity')", Compare::Gt, &[nan(), d(f64::INFINITY)], "true");
    check("-0D = 0D", Compare::Eq, &[d(-0.0), d(0.0)], "true");
    check("'abc' < 'abd'", Compare::Lt, &[s("abc"), s("abd")], "true");
    check("'Z' < 'a'", Compare::Lt, &[s("Z"), s("a")], "true");
    check("false < true", Compare::Lt, &[Expr::Const(Scalar::Bool(false)), Expr::Const(Scalar::Bool(true))], "true");
    check("1 <=> null", Compare::Same, &[i(1), null(Type::I32)], "false");
    check("cast(null as int) <=> null", Compare::Same, &[null(Type::I32), null(Type::I32)], "true");
    check("1 = cast(null as int)", Compare::Eq, &[i(1), null(Type::I32)], "null");
    check("array(1,2) < array(1,2,3)", Compare::Lt, &[list(&[i(1), i(2)]), list(&[i(1), i(2), i(3)])], "true");
    check("array(null,2) < array(1,2)", Compare::Lt, &[list(&[null(Type::I32), i(2)]), list(&[i(1), i(2)])], "true");
    check("2 in (1, null)", Func::In, &[i(2), i(1), null(Type::I32)], "null");
    check("1 in (1, null)", Func::In, &[i(1), i(1), null(Type::I32)], "true");
    check("greatest(1, null, 3)", Math::Greatest, &[i(1), null(Type::I32), i(3)], "3");
    check("least(double('NaN'), 1D)", Math::Least, &[nan(), d(1.0)], "1.0");
    check("greatest(double('NaN'), 1D)", Math::Greatest, &[nan(), d(1.0)], "NaN");
    check("isnan(cast(null as double))", Math::IsNaN, &[null(Type::F64)], "false");
    check("nanvl(double('NaN'), 2D)", Math::NaNvl, &[nan(), d(2.0)], "2.0");
}

#[test]
fn arms_that_are_not_taken_refuse_nothing() {
    let bad = || Expr::Call(ansi(Arith::Div, DType::F64), vec![d(1.0), d(0.0)]);
    let (yes, no) = (|| Expr::Const(Scalar::Bool(true)), || Expr::Const(Scalar::Bool(false)));
    let is_bad = || Expr::call(Compare::Eq, [bad(), d(1.0)]);
    check("if(true, 2D, 1/0)", Func::If, &[yes(), d(2.0), bad()], "2.0");
    check("case when false then 1/0 when true then 3D end", Func::Case, &[no(), bad(), yes(), d(3.0)], "3.0");
    check("case when false then 1/0 end", Func::Case, &[no(), bad()], "null");
    check("coalesce(1D, 1/0)", Func::Coalesce, &[d(1.0), bad()], "1.0");
    check("false and 1/0 = 1", Func::And, &[no(), is_bad()], "false");
    check("true or 1/0 = 1", Func::Or, &[yes(), is_bad()], "true");
    check("1D in (1D, 1/0)", Func::In, &[d(1.0), d(1.0), bad()], "true");
    check_refused("ansi: null and 1/0 = 1", Func::And, &[null(Type::BOOL), is_bad()]);
    check("null and false", Func::And, &[null(Type::BOOL), no()], "false");
    check("null or false", Func::Or, &[null(Type::BOOL), no()], "null");
    check("not null", Func::Not, &[null(Type::BOOL)], "null");
    check("cast(null as int) is null", Func::IsNull, &[null(Type::I32)], "true");
}

fn legacy(sql: &str, value: Expr, to: Type, expected: &str) {
    check(sql, Cast::new(to, CastRule::Legacy), &[value], expected);
}

#[test]
fn texts_to_numbers() {
    let int = || Type::I32;
    legacy("cast(' 12 ' as int)", s(" 12 "), int(), "12");
    legacy("cast('\t12\n' as int)", s("\t12\n"), int(), "12");
    legacy("cast('12.9' as int)", s("12.9"), int(), "12");
    legacy("cast('-.9' as int)", s("-.9"), int(), "0");
    legacy("cast('.' as int)", s("."), int(), "0");
    legacy("cast('+' as int)", s("+"), int(), "null");
    legacy("cast('1e3' as int)", s("1e3"), int(), "null");
    legacy("cast('' as int)", s(""), int(), "null");
    legacy("cast('2147483648' as int)", s("2147483648"), int(), "null");
    legacy("cast('-2147483648' as int)", s("-2147483648"), int(), "-2147483648");
    legacy("cast('128' as tinyint)", s("128"), scalar(DType::I8), "null");
    legacy("cast('-9223372036854775808' as bigint)", s("-9223372036854775808"), Type::I64, "-9223372036854775808");
    legacy("cast('1e3' as double)", s("1e3"), Type::F64, "1000.0");
    legacy("cast(' 1.5 ' as double)", s(" 1.5 "), Type::F64, "1.5");
    legacy("cast('1.5d' as double)", s("1.5d"), Type::F64, "1.5");
    legacy("cast('nan' as double)", s("nan"), Type::F64, "NaN");
    legacy("cast('-infinity' as double)", s("-infinity"), Type::F64, "-Infinity");
    legacy("cast('+Inf' as double)", s("+Inf"), Type::F64, "Infinity");
    legacy("cast('abc' as double)", s("abc"), Type::F64, "null");
    legacy("cast('1_0' as double)", s("1_0"), Type::F64, "null");
    legacy("cast('0.1' as float)", s("0.1"), Type::F32, "0.1");
    legacy("cast('1.005' as decimal(5,2))", s("1.005"), scalar(DType::Decimal(5, 2)), "1.01");
    legacy("cast(' -1e2 ' as decimal(5,2))", s(" -1e2 "), scalar(DType::Decimal(5, 2)), "-100.00");
    legacy("cast('1000' as decimal(5,2))", s("1000"), scalar(DType::Decimal(5, 2)), "null");
    legacy("cast('x' as decimal(5,2))", s("x"), scalar(DType::Decimal(5, 2)), "null");
    legacy("cast(' YES' as boolean)", s(" YES"), Type::BOOL, "true");
    legacy("cast('n' as boolean)", s("n"), Type::BOOL, "false");
    legacy("cast('on' as boolean)", s("on"), Type::BOOL, "null");
    check_refused("ansi: cast('1.5' as int)", Cast::new(int(), CastRule::Ansi), &[s("1.5")]);
    check_refused("ansi: cast('x' as double)", Cast::new(Type::F64, CastRule::Ansi), &[s("x")]);
    check("try_cast('1.5' as int)", Cast::new(int(), CastRule::Try), &[s("1.5")], "null");
    let ran = run_once(cast(s("abc"), int(), CastRule::Ansi), &[numbers(&[Some(1.0)])]);
    assert_eq!(answer(&ran), "refused: column ``: expected a value that is an int, got \"abc\"");
}

#[test]
fn numbers_to_numbers() {
    legacy("cast(3000000000D as int)", d(3e9), Type::I32, "2147483647");
    legacy("cast(-1.9D as int)", d(-1.9), Type::I32, "-1");
    legacy("cast(double('NaN') as int)", d(f64::NAN), Type::I32, "0");
    legacy("cast(300D as tinyint)", d(300.0), scalar(DType::I8), "44");
    legacy("cast(3000000000D as smallint)", d(3e9), scalar(DType::I16), "-1");
    legacy("cast(1e300D as bigint)", d(1e300), Type::I64, "9223372036854775807");
    legacy("cast(3000000000L as int)", l(3_000_000_000), Type::I32, "-1294967296");
    legacy("cast(0.1F as double)", f(0.1), Type::F64, "0.10000000149011612");
    legacy("cast(0.1F as decimal(20,10))", f(0.1), scalar(DType::Decimal(20, 10)), "0.1000000015");
    legacy("cast(1.005D as decimal(5,2))", d(1.005), scalar(DType::Decimal(5, 2)), "1.01");
    legacy("cast(1e20D as decimal(5,2))", d(1e20), scalar(DType::Decimal(5, 2)), "null");
    legacy("cast(double('NaN') as decimal(5,2))", d(f64::NAN), scalar(DType::Decimal(5, 2)), "null");
    legacy("cast(1.999BD as int)", dec("1.999", 4, 3), Type::I32, "1");
    legacy("cast(3000000000.5BD as int)", dec("3000000000.5", 11, 1), Type::I32, "-1294967296");
    legacy("cast(1.25BD as decimal(2,1))", dec("1.25", 3, 2), scalar(DType::Decimal(2, 1)), "1.3");
    legacy("cast(0.5BD as boolean)", dec("0.5", 1, 1), Type::BOOL, "true");
    legacy("cast(0.1BD as float)", dec("0.1", 1, 1), Type::F32, "0.1");
    legacy("cast(true as decimal(3,1))", Expr::Const(Scalar::Bool(true)), scalar(DType::Decimal(3, 1)), "1.0");
    legacy("cast(double('NaN') as boolean)", d(f64::NAN), Type::BOOL, "true");
    legacy("cast(12345 as decimal(4,0))", i(12345), scalar(DType::Decimal(4, 0)), "null");
    check_refused("ansi: cast(3000000000L as int)", Cast::new(Type::I32, CastRule::Ansi), &[l(3_000_000_000)]);
    check_refused("ansi: cast(3000000000D as int)", Cast::new(Type::I32, CastRule::Ansi), &[d(3e9)]);
    check_refused("ansi: cast(double('NaN') as int)", Cast::new(Type::I32, CastRule::Ansi), &[d(f64::NAN)]);
    check("ansi: cast(2147483647.5D as int)", Cast::new(Type::I32, CastRule::Ansi), &[d(2147483647.5)], "2147483647");
}

#[test]
fn numbers_to_texts() {
    legacy("cast(1e7D as string)", d(1e7), Type::Text, "1.0E7");
    legacy("cast(-0D as string)", d(-0.0), Type::Text, "-0.0");
    legacy("cast(0.001D as string)", d(0.001), Type::Text, "0.001");
    legacy("cast(0.1F as string)", f(0.1), Type::Text, "0.1");
    legacy("cast(1.50BD as string)", dec("1.50", 3, 2), Type::Text, "1.50");
    legacy("cast(cast(0.0000001 as decimal(8,8)) as string)", dec("0.0000001", 8, 8), Type::Text, "1.0E-7");
    legacy("cast(cast(0 as decimal(10,8)) as string)", dec("0", 10, 8), Type::Text, "0E-8");
    legacy("cast(cast(0 as decimal(10,6)) as string)", dec("0", 10, 6), Type::Text, "0.000000");
    let plain = Cast::new(Type::Text, CastRule::Ansi);
    check("ansi: cast(cast(0 as decimal(10,8)) as string)", plain, &[dec("0", 10, 8)], "0.00000000");
    legacy("cast(true as string)", Expr::Const(Scalar::Bool(true)), Type::Text, "true");
    legacy("cast(array(1, null) as string)", list(&[i(1), null(Type::I32)]), Type::Text, "[1, null]");
    legacy("cast(array('1', 'x') as array<int>)", list(&[s("1"), s("x")]), Type::list(Type::I32), "[1, null]");
    legacy("cast(258 as binary)", i(258), Type::Bytes, "00000102");
}

#[test]
fn mathematics() {
    check("ln(0D)", Math::Ln, &[d(0.0)], "null");
    check("ln(double('NaN'))", Math::Ln, &[d(f64::NAN)], "NaN");
    check("log1p(-1D)", Math::Log1p, &[d(-1.0)], "null");
    check("log(2D, 8D)", Math::Log, &[d(2.0), d(8.0)], "3.0");
    check("log2(8D)", Math::Log2, &[d(8.0)], "3.0");
    check("log10(1000D)", Math::Log10, &[d(1000.0)], "3.0");
    check("pow(1D, double('NaN'))", Math::Pow, &[d(1.0), d(f64::NAN)], "NaN");
    check("pow(-1D, double('Infinity'))", Math::Pow, &[d(-1.0), d(f64::INFINITY)], "NaN");
    check("pow(2D, 0.5D)", Math::Pow, &[d(2.0), d(0.5)], "1.4142135623730951");
    check("cbrt(-27D)", Math::Cbrt, &[d(-27.0)], "-3.0");
    check("degrees(1D)", Math::Degrees, &[d(1.0)], "57.29577951308232");
    check("radians(180D)", Math::Radians, &[d(180.0)], "3.141592653589793");
    check("rint(2.5D)", Math::Rint, &[d(2.5)], "2.0");
    check("signum(-0D)", Math::Signum, &[d(-0.0)], "-0.0");
    check("floor(-1.5D)", Math::Floor(OnFault::Wrap), &[d(-1.5)], "-2");
    check("ceil(1e300D)", Math::Ceil(OnFault::Wrap), &[d(1e300)], "9223372036854775807");
    check("floor(-1.5BD)", Math::Floor(OnFault::Wrap), &[dec("-1.5", 2, 1)], "-2");
    check("ceil(9.5BD)", Math::Ceil(OnFault::Wrap), &[dec("9.5", 2, 1)], "10");
    check("factorial(20)", Math::Factorial, &[i(20)], "2432902008176640000");
    check("factorial(21)", Math::Factorial, &[i(21)], "null");
    check("shiftleft(1, 33)", Math::ShiftLeft, &[i(1), i(33)], "2");
    check("shiftright(-8L, 1)", Math::ShiftRight, &[l(-8), i(1)], "-4");
    check("shiftrightunsigned(-8, 1)", Math::ShiftRightUnsigned, &[i(-8), i(1)], "2147483644");
    check("bit_count(-1)", Math::BitCount, &[i(-1)], "64");
    check("5 & 3", Math::BitAnd, &[i(5), i(3)], "1");
    check("~5", Math::BitNot, &[i(5)], "-6");
    check("width_bucket(5.3D, 0.2D, 10.6D, 5)", Math::WidthBucket, &[d(5.3), d(0.2), d(10.6), l(5)], "3");
    check("atan2(-0D, -1D)", Math::Atan2, &[d(-0.0), d(-1.0)], "3.141592653589793");
}

/// What Java 17's `Math` and `StrictMath` gave: other libraries have other last digits.
#[test]
fn last_digits_are_javas() {
    let check = |math: Math, args: &[f64], expected: &str| {
        let args: Vec<Expr> = args.iter().map(|x| d(*x)).collect();
        check(&format!("{math:?}({args:?})"), math, &args, expected);
    };
    check(Math::Ln, &[1.3713585233226477], "0.3158018713701133");
    check(Math::Ln, &[0.6669675231138168], "-0.40501392523574065");
    check(Math::Log10, &[5.725], "0.7577754910119257");
    check(Math::Log10, &[1.026942617823643], "0.011546177327771249");
    check(Math::Log1p, &[8.720063783028461], "2.2741921804907825");
    check(Math::Log1p, &[-0.16309063752093592], "-0.17803950291176965");
    check(Math::Cbrt, &[-7.673], "-1.9723700507088178");
    check(Math::Cbrt, &[8.559473869431058e-108], "2.045576332155329E-36");
    check(Math::Sinh, &[710.4], "1.6663642832806494E308");
    check(Math::Cosh, &[0.6758131243663252], "1.2371866049429032");
    check(Math::Tanh, &[0.289], "0.2812141532789759");
    check(Math::Tanh, &[-0.66], "-0.5783634130445059");
    check(Math::Hypot, &[3.7756560273067508, 5.149952143687543], "6.385732966450266");
    check(Math::Hypot, &[-3e300, 4e300], "5.0E300");
    check(Math::Sin, &[-3.802], "0.6134386015965506");
    check(Math::Cos, &[-6.565], "0.9605523555444716");
    check(Math::Tan, &[-2.18], "1.4332105287001915");
    check(Math::Cot, &[-0.392], "-2.418995261815682");
}

/// What Spark 4.1.1, 4.1.2 and 4.2.0 answered.
#[test]
fn inverses_of_hyperbolic_functions_go_by_the_version() {
    let rules = [Inverse::Plain, Inverse::Bounded, Inverse::Ranges];
    let check = |math: fn(Inverse) -> Math, x: f64, expected: [&str; 3]| {
        for (rule, expected) in rules.into_iter().zip(expected) {
            check(&format!("{:?}({x})", math(rule)), math(rule), &[d(x)], expected);
        }
    };
    check(Math::Acosh, 0.5, ["NaN"; 3]);
    check(Math::Acosh, 10.0, ["2.993222846126381"; 3]);
    check(Math::Acosh, 1e9, ["21.416413017506358", "21.416413017506358", "21.416413017506354"]);
    check(Math::Acosh, 1e300, ["Infinity", "691.4686750787736", "691.4686750787736"]);
    check(Math::Acosh, -1e9, ["-Infinity", "NaN", "NaN"]);
    check(Math::Acosh, -1e300, ["Infinity", "NaN", "NaN"]);
    check(Math::Asinh, 1.0000000001, ["0.8813735870902536", "0.8813735870902536", "0.8813735870902538"]);
    check(Math::Asinh, 1e300, ["Infinity", "691.4686750787736", "691.4686750787736"]);
    check(Math::Asinh, -0.0, ["0.0", "0.0", "-0.0"]);
    check(Math::Asinh, -1.0, ["-0.8813735870195428", "-0.8813735870195428", "-0.881373587019543"]);
    check(Math::Asinh, -10.0, ["-2.9982229502979765", "-2.9982229502979765", "-2.99822295029797"]);
    check(Math::Asinh, -1e9, ["-Infinity", "-Infinity", "-21.416413017506354"]);
    check(Math::Asinh, -1e300, ["Infinity", "-691.4686750787736", "-691.4686750787736"]);
    check(Math::Asinh, f64::NEG_INFINITY, ["-Infinity"; 3]);
}

fn round(mode: Rounding, scale: i32, to: DType) -> Math {
    Math::Round { mode, scale, on: OnFault::Wrap, to }
}

#[test]
fn rounding() {
    use Rounding::{HalfEven, HalfUp};
    check("round(2.5D)", round(HalfUp, 0, DType::F64), &[d(2.5)], "3.0");
    check("round(-2.5D)", round(HalfUp, 0, DType::F64), &[d(-2.5)], "-3.0");
    check("bround(2.5D)", round(HalfEven, 0, DType::F64), &[d(2.5)], "2.0");
    check("round(1.005D, 2)", round(HalfUp, 2, DType::F64), &[d(1.005)], "1.01");
    check("round(-0.4D)", round(HalfUp, 0, DType::F64), &[d(-0.4)], "0.0");
    check("round(12345.678D, -2)", round(HalfUp, -2, DType::F64), &[d(12345.678)], "12300.0");
    check("round(5.5e300D, -300)", round(HalfUp, -300, DType::F64), &[d(5.5e300)], "6.0E300");
    check("round(1e-300D, 5)", round(HalfUp, 5, DType::F64), &[d(1e-300)], "0.0");
    check("round(double('NaN'), 1)", round(HalfUp, 1, DType::F64), &[d(f64::NAN)], "NaN");
    check("round(2.345F, 2)", round(HalfUp, 2, DType::F32), &[f(2.345)], "2.35");
    check("round(125, -1)", round(HalfUp, -1, DType::I32), &[i(125)], "130");
    check("bround(125, -1)", round(HalfEven, -1, DType::I32), &[i(125)], "120");
    check("round(-125, -1)", round(HalfUp, -1, DType::I32), &[i(-125)], "-130");
    check("round(127Y, -1)", round(HalfUp, -1, DType::I8), &[i8(127)], "-126");
    check("round(5, -40)", round(HalfUp, -40, DType::I32), &[i(5)], "0");
    check("round(2.345BD, 2)", round(HalfUp, 2, DType::Decimal(4, 2)), &[dec("2.345", 4, 3)], "2.35");
    check("bround(2.345BD, 2)", round(HalfEven, 2, DType::Decimal(4, 2)), &[dec("2.345", 4, 3)], "2.34");
    check("round(155.5BD, -1)", round(HalfUp, -1, DType::Decimal(4, 0)), &[dec("155.5", 4, 1)], "160");
}

#[test]
fn single_bits() {
    let bit = |x: Expr, place| [x, i(place)];
    check("getbit(-1L, 63)", Math::GetBit, &bit(l(-1), 63), "1");
    check("getbit(5, 1)", Math::GetBit, &bit(i(5), 1), "0");
    check_refused("getbit(5, 32)", Math::GetBit, &bit(i(5), 32));
    check_refused("getbit(5, -1)", Math::GetBit, &bit(i(5), -1));
}

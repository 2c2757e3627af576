//! Functions of dates and times, which know no zone.

use plan::{
    Expr, Func,
    expr::{ClockPattern, Math, OnFault, TimeFunc},
};

use super::{
    super::{error::Fault, fields::DataType, xml::Element},
    apply::Invalid,
    term::{Term, Work, cast, days_of},
    texts::{constant, required},
};

type Result<T> = std::result::Result<T, Fault>;

fn pair(args: Vec<Term>) -> [Term; 2] {
    args.try_into().unwrap_or_else(|_| unreachable!("the table says how many arguments there are"))
}

fn integer(expr: Expr) -> Term {
    Term::new(expr, DataType::Integer)
}

pub fn format<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, args: Vec<Term>, _: Invalid) -> Result<Term> {
    let [time, source] = pair(args);
    let source = constant(work, at, source, "pattern")?;
    let pattern = ClockPattern::new(&source).map_err(|what| at.fault("pattern", "a pattern of strftime", what))?;
    let (reads_date, reads_time) = pattern.reads();
    let data = match time.data {
        DataType::Time | DataType::TimeSeconds if reads_date => {
            return Err(at.fault("pattern", "the parts of a time of day", source.to_string()));
        }
        DataType::Time | DataType::TimeSeconds => DataType::Time,
        DataType::Date | DataType::DateDaysSince(_) if !reads_time => DataType::Date,
        DataType::DateDaysSince(_) => {
            let date = work.cast(at, time, DataType::Date)?;
            return formatted(work, at, date, DataType::DateTime, pattern);
        }
        _ => DataType::DateTime,
    };
    formatted(work, at, time, data, pattern)
}

fn formatted<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    time: Term,
    data: DataType,
    pattern: ClockPattern,
) -> Result<Term> {
    let time = work.cast(at, time, data)?.expr;
    Ok(Term::new(Expr::call(TimeFunc::Clock(pattern), [required(time, data)]), DataType::String))
}

/// Returns the days from 1970 to the first day of a year.
fn first_of<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>, year: Term) -> Result<Expr> {
    let year = work.integer(at, year)?;
    if let Expr::Const(plan::Scalar::I64(year)) = year
        && let Ok(year) = i32::try_from(year)
    {
        return Ok(Expr::i64(days_of(year)));
    }
    let one = || Expr::Const(plan::Scalar::I32(1));
    let year = cast(required(year, DataType::Integer), model::Type::I32);
    let date = Expr::call(TimeFunc::MakeDate(OnFault::Refuse), [year, one(), one()]);
    Ok(Expr::call(Func::ToI64, [Expr::call(TimeFunc::ToDays, [date])]))
}

pub fn days_since_year<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    args: Vec<Term>,
    _: Invalid,
) -> Result<Term> {
    let [date, year] = pair(args);
    let first = first_of(work, at, year)?;
    let date = required(work.cast(at, date, DataType::Date)?.expr, DataType::Date);
    let days = Expr::call(Func::ToI64, [Expr::call(TimeFunc::ToDays, [date])]);
    Ok(integer(Expr::call(Func::Sub, [days, first])))
}

fn seconds(time: Expr) -> Expr {
    Expr::call(TimeFunc::ToEpoch { micros: 1_000_000 }, [time])
}

pub fn seconds_since_year<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    args: Vec<Term>,
    _: Invalid,
) -> Result<Term> {
    let [time, year] = pair(args);
    let first = Expr::call(Func::Mul, [first_of(work, at, year)?, Expr::i64(86_400)]);
    let time = required(work.cast(at, time, DataType::DateTime)?.expr, DataType::DateTime);
    Ok(integer(Expr::call(Func::Sub, [seconds(time), first])))
}

pub fn seconds_since_midnight<'d>(
    work: &mut Work<'_, '_, '_, 'd>,
    at: Element<'d>,
    args: Vec<Term>,
    _: Invalid,
) -> Result<Term> {
    let Some(time) = args.into_iter().next() else { unreachable!("the table says how many arguments there are") };
    if time.data == DataType::DateTime {
        let time = required(time.expr, DataType::DateTime);
        return Ok(integer(Expr::call(Math::FloorMod(OnFault::Refuse), [seconds(time), Expr::i64(86_400)])));
    }
    let time = work.cast(at, time, DataType::Time)?.expr;
    Ok(integer(required(time, DataType::Time)))
}

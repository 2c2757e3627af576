//! `NormContinuous`, `NormDiscrete`, `Discretize` (Transformations, 4.4).

use plan::{Expr, Func, Scalar, expr::Compare};

use super::{
    super::{error::Fault, fields::DataType, xml::Element},
    term::{Term, Work},
};

/// Most points or bins of one element.
const PARTS_MAX: usize = 10_000;

/// A point of a piecewise linear function.
#[derive(Clone, Copy)]
struct Point {
    orig: f64,
    norm: f64,
}

/// A piecewise linear function: `norm1 + (x - orig1) / (orig2 - orig1) * (norm2 - norm1)`.
pub fn continuous<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>) -> Result<Term, Fault> {
    let field = work.field(at, at.required("field")?)?;
    let number = work.number(at, field)?;
    let x = work.leaf(at, number)?;
    let mut points = Vec::new();
    for element in at.all("LinearNorm") {
        points.push(Point { orig: element.required_f64("orig")?, norm: element.required_f64("norm")? });
    }
    let rising = points.windows(2).all(|w| w[0].orig < w[1].orig);
    if points.len() < 2 || !rising || points.len() > PARTS_MAX {
        let expected = format!("2 to {PARTS_MAX} elements LinearNorm with rising orig");
        return Err(at.fault("content", expected, format!("{} elements", points.len())));
    }
    let last = points.len() - 1;
    let (below, above) = match at.attr("outliers").unwrap_or("asIs") {
        "asIs" => (line(&points, 0, &x), line(&points, last - 1, &x)),
        "asMissingValues" => (Expr::null(DataType::Double.ty()), Expr::null(DataType::Double.ty())),
        "asExtremeValues" => (Expr::f64(points[0].norm), Expr::f64(points[last].norm)),
        other => return Err(at.fault("attribute outliers", "asIs, asMissingValues or asExtremeValues", other)),
    };
    let mut args = vec![Expr::call(Func::Lt, [x.expr.clone(), Expr::f64(points[0].orig)]), below];
    for end in 1..=last {
        // A point belongs to the piece that halving the points finds first.
        let by = if piece(&points, points[end].orig) < end { Func::Le } else { Func::Lt };
        args.push(Expr::call(by, [x.expr.clone(), Expr::f64(points[end].orig)]));
        args.push(line(&points, end - 1, &x));
    }
    args.push(above);
    let missing = match at.f64("mapMissingTo")? {
        Some(value) => Expr::f64(value),
        None => Expr::null(DataType::Double.ty()),
    };
    let expr = Expr::call(Func::If, [x.is_missing(), missing, Expr::Call(Func::Case, args)]);
    Ok(Term { nan: x.nan, ..Term::new(expr, DataType::Double) })
}

/// Returns the first piece that is met with the value inside or at one of its ends, when the pieces are halved.
fn piece(points: &[Point], x: f64) -> usize {
    let (mut low, mut high) = (0, points.len() - 1);
    while low < high {
        let middle = low + (high - low) / 2;
        match points.get(middle + 1) {
            _ if x < points[middle].orig => high = middle.saturating_sub(1),
            Some(next) if x <= next.orig => return middle,
            _ => low = middle + 1,
        }
    }
    low
}

/// Returns the line of a piece.
fn line(points: &[Point], piece: usize, x: &Term) -> Expr {
    let (a, b) = (points[piece], points[piece + 1]);
    let share = Expr::call(Func::Sub, [x.expr.clone(), Expr::f64(a.orig)]);
    let share = Expr::call(Func::Div, [share, Expr::f64(b.orig - a.orig)]);
    Expr::call(Func::Add, [Expr::f64(a.norm), Expr::call(Func::Mul, [share, Expr::f64(b.norm - a.norm)])])
}

/// 1 where the field has the value, else 0.
pub fn discrete<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>) -> Result<Term, Fault> {
    let field = work.field(at, at.required("field")?)?;
    if let Some(method) = at.attr("method").filter(|method| *method != "indicator") {
        return Err(at.unimplemented(format!("the method {method}")));
    }
    let text = at.required("value")?;
    let equals = match field.data.constant(text) {
        Some(scalar) => Expr::call(Compare::Eq, [field.expr.clone(), Expr::Const(scalar)]),
        // No value of the field's type reads so.
        None => Expr::Const(Scalar::Bool(false)),
    };
    let missing = match at.f64("mapMissingTo")? {
        Some(value) => Expr::f64(value),
        None => Expr::null(DataType::Double.ty()),
    };
    let one = Expr::call(Func::ToF64, [equals]);
    Ok(Term::sound(Expr::call(Func::If, [field.is_missing(), missing, one]), DataType::Double))
}

/// The value of the bin that the number lies in; of bins that overlap, the last.
pub fn discretize<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>) -> Result<Term, Fault> {
    let field = work.field(at, at.required("field")?)?;
    let data = DataType::of(at)?.unwrap_or(DataType::String);
    let number = work.number(at, field)?;
    let x = work.leaf(at, number)?;
    let bins: Vec<Element<'d>> = at.all("DiscretizeBin").collect();
    if bins.len() > PARTS_MAX {
        return Err(at.fault("content", format!("at most {PARTS_MAX} elements DiscretizeBin"), bins.len().to_string()));
    }
    let mut args = Vec::with_capacity(2 * bins.len() + 1);
    for bin in bins.iter().rev() {
        args.push(inside(bin.required_child("Interval")?, &x)?);
        args.push(of_type(*bin, "binValue", data, bin.required("binValue")?)?);
    }
    let or_null = |name: &'static str| match at.attr(name) {
        Some(text) => of_type(at, name, data, text),
        None => Ok(Expr::null(data.ty())),
    };
    let default = or_null("defaultValue")?;
    args.push(default);
    let found = if args.len() == 1 { args.remove(0) } else { Expr::Call(Func::Case, args) };
    let expr = Expr::call(Func::If, [x.is_missing(), or_null("mapMissingTo")?, found]);
    Ok(Term::sound(expr, data))
}

/// Returns the constant of an attribute.
fn of_type(at: Element<'_>, name: &'static str, data: DataType, text: &str) -> Result<Expr, Fault> {
    let expected = || format!("a value of type {}", super::term::name(data));
    let scalar = data.constant(text).ok_or_else(|| at.fault(format!("attribute {name}"), expected(), text))?;
    Ok(Expr::Const(scalar))
}

/// Returns whether a number lies in an interval.
fn inside(interval: Element<'_>, x: &Term) -> Result<Expr, Fault> {
    let (left, right) = match interval.attr("closure").unwrap_or("closedClosed") {
        "openOpen" => (Func::Lt, Func::Lt),
        "openClosed" => (Func::Lt, Func::Le),
        "closedOpen" => (Func::Le, Func::Lt),
        "closedClosed" => (Func::Le, Func::Le),
        other => {
            let expected = "openOpen, openClosed, closedOpen or closedClosed";
            return Err(interval.fault("attribute closure", expected, other));
        }
    };
    let (low, high) = (interval.f64("leftMargin")?, interval.f64("rightMargin")?);
    if low.zip(high).is_some_and(|(low, high)| low > high) || low.is_none() && high.is_none() {
        return Err(interval.fault("margins", "one at least, the left not above the right", "others"));
    }
    let left = low.map(|margin| Expr::call(left, [Expr::f64(margin), x.expr.clone()]));
    let right = high.map(|margin| Expr::call(right, [x.expr.clone(), Expr::f64(margin)]));
    let both = left.into_iter().chain(right).reduce(|a, b| Expr::call(Func::And, [a, b]));
    Ok(both.unwrap_or_else(|| unreachable!("a margin is there")))
}

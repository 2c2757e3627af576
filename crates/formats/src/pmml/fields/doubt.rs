//! Fields whose invalid values are refused where somebody asks for them, and nowhere else.
//!
//! The engines of the standard look at a field when a predicate names it: a tree answers a row with an invalid value that no node on
//! its way asks for. So what walks along tests takes its fields from here.

use plan::{Expr, Func};

use super::{Field, Scope, is_plain, only_nan_is_invalid, outliers, valid_test};
use crate::pmml::{
    error::Fault,
    lower::{Lowering, Value},
};

/// What is to be known before a value is used.
#[derive(Clone, Debug, PartialEq)]
pub enum Doubt {
    /// NaN is invalid.
    Nan,
    /// The value is invalid where this is false; it is never null.
    Unless(Value),
}

impl<'d> Scope<'_, 'd> {
    /// Returns a field of the dictionary that the mining schema would refuse where it is invalid, as it comes, and what says so;
    /// nothing where the name means something else, or the field is never refused.
    pub fn doubtful(&self, cx: &mut Lowering<'_>, name: &str) -> Result<Option<(Field, Doubt)>, Fault> {
        if self.given.borrow().contains_key(name) || self.derived.contains_key(name) {
            return Ok(None);
        }
        let known = self.doubtful.borrow().get(name).cloned();
        // The field may be the plan's own input, and what says whether it is valid stand in a block that is closed.
        let is_seen = |(field, doubt): &(Field, Doubt)| match doubt {
            Doubt::Nan => cx.sees(&field.value),
            Doubt::Unless(fine) => cx.sees(&field.value) && cx.sees(fine),
        };
        if let Some(found) = known.into_iter().flatten().find(is_seen) {
            return Ok(Some(found));
        }
        let found = match self.outer {
            Some(outer) => outer.doubtful(cx, name)?,
            None => self.as_it_comes(cx, name)?,
        };
        let Some((mut field, doubt)) = found else { return Ok(None) };
        if let Some(mining) = self.mining.get(name).filter(|mining| self.outer.is_none() || !is_plain(**mining)) {
            field = outliers(cx, *mining, field, None)?;
            field = self.replaced(cx, *mining, field)?;
        }
        self.doubtful.borrow_mut().entry(name.to_owned()).or_default().push((field.clone(), doubt.clone()));
        Ok(Some((field, doubt)))
    }

    fn as_it_comes(&self, cx: &mut Lowering<'_>, name: &str) -> Result<Option<(Field, Doubt)>, Fault> {
        let (Some(mining), Some(data)) = (self.mining.get(name), self.dictionary.fields.get(name)) else {
            return Ok(None);
        };
        let treatment = mining.attr("invalidValueTreatment");
        let refuses = treatment == Some("returnInvalid") || treatment.is_none() && !self.dictionary.invalid_is_missing;
        let field = self.brought(cx, data);
        if !refuses || matches!(field.value.ty, model::Type::List(_)) {
            return Ok(None);
        }
        let mut field = self.known(cx, *mining, data, field)?;
        if only_nan_is_invalid(data, &field) {
            field.valid = true;
            return Ok(Some((field, Doubt::Nan)));
        }
        let Some(test) = valid_test(cx, data, &field)? else { return Ok(None) };
        let null = Expr::call(Func::IsNull, [Expr::Input(0)]);
        let fine = Expr::call(Func::Coalesce, [Expr::call(Func::Or, [null, Expr::Input(1)]), FALSE]);
        let fine = cx.expr(*mining, fine, &[&field.value, &test], "valid")?;
        field.valid = true;
        Ok(Some((field, Doubt::Unless(fine))))
    }
}

const FALSE: Expr = Expr::Const(plan::Scalar::Bool(false));

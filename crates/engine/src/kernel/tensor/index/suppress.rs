//! ONNX's suppression of boxes that overlap better ones. Overlaps and scores are compared in float32, as runtimes do.

use model::{PredictError, Tensor};

use super::{Args, Done, ints, refuse, refuse_type, shape, too_large};

/// A box by its lower and its upper corner.
#[derive(Clone, Copy)]
struct Rectangle([f32; 4]);

impl Rectangle {
    fn new(numbers: &[f32], center: bool) -> Rectangle {
        let [a, b, c, d] = [numbers[0], numbers[1], numbers[2], numbers[3]];
        if center {
            let (half_w, half_h) = (c / 2.0, d / 2.0);
            return Rectangle([a - half_w, b - half_h, a + half_w, b + half_h]);
        }
        Rectangle([a.min(c), b.min(d), a.max(c), b.max(d)])
    }

    /// Returns whether the common part is more than this share of both together.
    fn overlaps(&self, other: &Rectangle, share: f32) -> bool {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        let common = (c.min(g) - a.max(e)).max(0.0) * (d.min(h) - b.max(f)).max(0.0);
        let (one, two) = ((c - a) * (d - b), (g - e) * (h - f));
        let both = one + two - common;
        common > 0.0 && one > 0.0 && two > 0.0 && both > 0.0 && common / both > share
    }
}

fn number(tensor: Option<&Tensor>) -> Result<Option<f32>, PredictError> {
    match tensor.map(|tensor| (tensor.get::<f32>(), tensor)) {
        None => Ok(None),
        Some((Some([one]), _)) => Ok(Some(*one)),
        Some((Some(_), tensor)) => Err(refuse("one number", tensor.shape().to_string())),
        Some((None, tensor)) => Err(refuse_type(tensor)),
    }
}

pub(super) fn run(args: &Args<'_>, boxes: &Tensor, center: bool, out: &mut Tensor) -> Done {
    let scores = &*args.get(1)?;
    let (&[batches, count, 4], &[of, classes, each]) = (&**boxes.shape(), &**scores.shape()) else {
        let got = format!("{} and {}", boxes.shape(), scores.shape());
        return Err(refuse("boxes [batches, boxes, 4] and scores [batches, classes, boxes]", got));
    };
    if of != batches || each != count {
        return Err(refuse(format!("scores of {batches} batches and {count} boxes"), scores.shape().to_string()));
    }
    let most = match args.opt(2).map(|most| ints(&most)).transpose()?.as_deref() {
        None => 0,
        Some([most]) => usize::try_from(*most).unwrap_or(0),
        Some(more) => return Err(refuse("one number of boxes", format!("{more:?}"))),
    };
    let share = number(args.opt(3).as_deref())?.unwrap_or(0.0);
    let least = number(args.opt(4).as_deref())?;
    let (Some(numbers), Some(scores)) = (boxes.get::<f32>(), scores.get::<f32>()) else {
        return Err(refuse_type(boxes));
    };
    let mut rows: Vec<i64> = Vec::new();
    let mut order: Vec<usize> = Vec::new();
    let mut kept: Vec<Rectangle> = Vec::new();
    for (batch, boxes) in (0..batches).zip(numbers.chunks((count * 4).max(1))) {
        for class in 0..classes {
            let scores = &scores[(batch * classes + class) * count..][..count];
            order.clear();
            order.extend((0..count).filter(|&i| least.is_none_or(|least| scores[i] > least)));
            order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
            kept.clear();
            for &i in &order {
                if kept.len() >= most {
                    break;
                }
                let this = Rectangle::new(&boxes[i * 4..i * 4 + 4], center);
                args.call.check()?;
                if !kept.iter().any(|better| better.overlaps(&this, share)) {
                    kept.push(this);
                    rows.extend([batch as i64, class as i64, i as i64]);
                }
            }
        }
    }
    out.make::<i64>(shape(&[rows.len() / 3, 3])?).map_err(too_large)?.copy_from_slice(&rows);
    Ok(())
}

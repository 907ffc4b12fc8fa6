//! How often each class is right.

use super::markup::Markup;
use super::numbers::{count, percent, total};
use super::plot::{Axis, Bar, Scale, bars, figure};
use crate::results::{Cell, ClassFigure};

/// Bars for the worst and the best classes, `most` of each; all where that is no more.
pub(super) fn draw(page: &mut Markup, cell: &Cell, most: usize) {
    let mut classes: Vec<&ClassFigure> =
        cell.details.per_class.iter().filter(|class| class.items > 0).collect();
    if classes.is_empty() {
        return;
    }
    classes.sort_by(|a, b| share(a).total_cmp(&share(b)).then(a.class.cmp(&b.class)));
    let (all, mut rows) = (classes.len(), Vec::new());
    let (worst, best) = if all <= 2 * most { (all, 0) } else { (most, most) };
    rows.extend(classes.iter().take(worst).map(|class| bar(class, false)));
    rows.extend(classes.iter().skip(all - best).enumerate().map(|(index, class)| bar(class, index == 0)));
    let axis = Axis::percent("share that is right, %", Scale::fixed(0.0, 1.0));
    let title = if best == 0 {
        format!("All {all} classes")
    } else {
        format!("Worst and best {most} of {all} classes")
    };
    let said: Vec<String> =
        rows.iter().take(5).map(|row| format!("{}: {} %", row.name, percent(row.value))).collect();
    let items = total(classes.iter().map(|class| class.items));
    let few = classes.iter().map(|class| class.items).min().unwrap_or(0);
    let caption = format!(
        "Worst first; right / all items at the side. n = {} items, at least {} of a class. Thin lines: 95 % interval, \
         Wilson, each class by itself.",
        count(items),
        count(few)
    );
    let description = format!("The worst: {}", said.join("; "));
    figure(page, &title, |page| bars(page, &title, &description, &axis, &rows), &caption);
}

fn share(class: &ClassFigure) -> f64 {
    class.correct as f64 / class.items.max(1) as f64
}

fn bar(class: &ClassFigure, apart: bool) -> Bar {
    Bar {
        name: class.class.clone(),
        value: share(class),
        interval: Some(wilson(class.correct.min(class.items), class.items)),
        note: format!("{} / {}", count(class.correct), count(class.items)),
        apart,
    }
}

/// Wilson's 95 % interval of `right` of `items`: short formula, good at both ends; for looking at, not for claims.
fn wilson(right: usize, items: usize) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054; // normal quantile at 0.975
    let (n, share) = (items.max(1) as f64, right as f64 / items.max(1) as f64);
    let middle = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_interval_of_eight_of_ten() {
        let (low, high) = wilson(8, 10);
        assert!((low - 0.4902).abs() < 1e-4 && (high - 0.9433).abs() < 1e-4, "{low} {high}");
        assert_eq!(wilson(0, 5).0, 0.0);
        assert_eq!(wilson(5, 5).1, 1.0);
    }
}

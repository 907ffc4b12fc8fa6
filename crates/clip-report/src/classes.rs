//! How often each class is right.

use crate::markup::Markup;
use crate::numbers::{count, percent, total};
use crate::plot::{Axis, Bar, Scale, bars, figure};
use clip_eval::results::{ClassFigure, Record};
use clip_eval::statistics::clopper_pearson;

/// Bars for the worst and the best classes, `most` of each; all where that is no more.
pub(super) fn draw(page: &mut Markup, record: &Record, most: usize) {
    let mut classes: Vec<&ClassFigure> =
        record.details.per_class.iter().filter(|class| class.items > 0).collect();
    if classes.is_empty() {
        return;
    }
    classes.sort_by(|a, b| share(a).total_cmp(&share(b)).then(a.class.cmp(&b.class)));
    let (all, mut rows) = (classes.len(), Vec::new());
    let (worst, best) = if all <= 2 * most { (all, 0) } else { (most, most) };
    rows.extend(classes.iter().take(worst).map(|class| bar(class, false)));
    rows.extend(
        classes.iter().skip(all - best).enumerate().map(|(index, class)| bar(class, index == 0)),
    );
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
         Clopper-Pearson, each class by itself.",
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
    // A count that no data set has would take its time.
    let known = class.correct <= class.items && class.items <= 100_000_000;
    let interval = known.then(|| clopper_pearson(class.correct as u64, class.items as u64, 0.95));
    Bar {
        name: class.class.clone(),
        value: share(class),
        interval: interval.map(|interval| (interval.low, interval.high)),
        note: format!("{} / {}", count(class.correct), count(class.items)),
        apart,
    }
}

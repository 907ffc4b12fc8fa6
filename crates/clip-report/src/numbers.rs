//! Figures as people read them: per cent with one decimal, a real minus, a dash for what is
//! missing.

use clip_eval::results::{Figure, Unit};

/// Stands for a value that is not there.
pub(crate) const MISSING: &str = "–";

/// A value as `text` has it, or the dash.
pub(crate) fn or_missing<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| MISSING.to_owned(), text)
}

/// A fraction as `63.3`, per cent without the sign; below half of the last digit `<0.1`, never a
/// zero that is none.
pub(crate) fn percent(share: f64) -> String {
    if !share.is_finite() || share.abs() > 1e4 {
        return number(share);
    }
    if share > 0.0 && share < 0.0005 {
        "<0.1".to_owned()
    } else {
        minus(format!("{:.1}", share * 100.0))
    }
}

/// A difference of fractions in points, with its sign.
pub(crate) fn points(difference: f64) -> String {
    if !difference.is_finite() {
        return MISSING.to_owned();
    }
    let text = format!("{:.1}", difference * 100.0);
    match text.as_str() {
        "0.0" | "-0.0" => "0.0".to_owned(),
        _ if difference > 0.0 => format!("+{text}"),
        _ => minus(text),
    }
}

/// `[62.9, 63.7]` of fractions, in per cent.
pub(crate) fn interval(low: f64, high: f64) -> String {
    format!("[{}, {}]", percent(low), percent(high))
}

/// `50,000`
pub(crate) fn count(items: usize) -> String {
    let digits = items.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A sum of counts that a file may have made up.
pub(crate) fn total(counts: impl IntoIterator<Item = usize>) -> usize {
    counts.into_iter().fold(0, usize::saturating_add)
}

/// Any number, four significant digits.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return minus(format!("{value:.2e}"));
    }
    let decimals = if size >= 100.0 { 1 } else { 4 };
    let text = format!("{value:.decimals$}");
    minus(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// A figure of a record, with its unit.
pub(crate) fn figure_value(figure: &Figure) -> String {
    figure.value.map_or_else(|| "undefined".to_owned(), |value| with_unit(figure.unit, value))
}

/// Its interval in the same unit, which the value carries.
pub(crate) fn figure_interval(figure: &Figure) -> Option<String> {
    let (low, high) = figure.interval()?;
    let end = |value| match figure.unit {
        Unit::Share => percent(value),
        Unit::Points => points(value),
        Unit::Number | Unit::Rank | Unit::Kilometre => number(value),
    };
    Some(format!("[{}, {}]", end(low), end(high)))
}

/// `61.2 % [50.1, 71.5]`
pub(crate) fn figure_text(figure: &Figure) -> String {
    let value = figure_value(figure);
    match figure_interval(figure) {
        Some(interval) => format!("{value} {interval}"),
        None => value,
    }
}

/// A value of which only CLIP_benchmark's name is known.
pub(crate) fn metric_value(name: &str, value: f64) -> String {
    with_unit(Unit::of_name(name), value)
}

fn with_unit(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Share => format!("{} %", percent(value)),
        Unit::Points => format!("{} points", points(value)),
        Unit::Number | Unit::Rank => number(value),
        Unit::Kilometre => format!("{} km", number(value)),
    }
}

/// Level and method of an interval, and what it draws: `95 %, Clopper-Pearson over images`.
pub(crate) fn how(figure: &Figure) -> String {
    let level = figure.level.map(|level| format!("{} %", number(level * 100.0)));
    let over = figure.over.as_ref().map_or_else(String::new, |over| format!(" over {over}"));
    let method = figure.method.as_ref().map(|method| format!("{method}{over}"));
    [level, method].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Names of figures and tasks as people say them.
pub(crate) fn display_name(name: &str) -> String {
    match name {
        "acc1" => "top-1 accuracy".to_owned(),
        "acc5" => "top-5 accuracy".to_owned(),
        "map_11_point" => "mean average precision, 11 points".to_owned(),
        "mean_per_class" | "mean_per_class_recall" => "mean per class".to_owned(),
        "roc_auc" => "area under ROC".to_owned(),
        "mean_top1_top5" => "mean of top-1 and top-5".to_owned(),
        "ece" => "expected calibration error".to_owned(),
        "zeroshot_classification" => "zero-shot classification".to_owned(),
        "zeroshot_retrieval" => "zero-shot retrieval".to_owned(),
        "few_shot" => "few-shot".to_owned(),
        _ => name.replace('_', " ").replace("recall@", "R@"),
    }
}

/// With a capital letter in front.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

/// The first ten of a hash's digits.
pub(crate) fn short_hash(hash: &str) -> String {
    hash.chars().take(10).collect()
}

fn minus(text: String) -> String {
    if text.starts_with('-') || text.contains("e-") { text.replace('-', "\u{2212}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_one_decimal_and_no_false_zero() {
        let texts = [0.6331, 0.0004, 0.0, 1.0, f64::NAN].map(percent);
        assert_eq!(texts, ["63.3", "<0.1", "0.0", "100.0", "–"]);
    }

    #[test]
    fn differences_carry_their_sign() {
        let texts = [0.0031, -0.0031, 0.0001, -0.0001, f64::INFINITY].map(points);
        assert_eq!(texts, ["+0.3", "\u{2212}0.3", "0.0", "0.0", "–"]);
    }

    #[test]
    fn numbers_of_any_size_stay_short() {
        let texts = [1e300, -2.5, 1234.56, 0.000_01, f64::NAN, 0.0].map(number);
        assert_eq!(texts, ["1.00e300", "\u{2212}2.5", "1234.6", "1.00e\u{2212}5", "–", "0"]);
        assert_eq!(
            (count(50_000), count(7), count(1_281_167)),
            ("50,000".into(), "7".into(), "1,281,167".into())
        );
    }

    #[test]
    fn fractions_are_printed_in_per_cent_and_ranks_are_not() {
        assert_eq!(metric_value("acc1", 0.5), "50.0 %");
        assert_eq!(metric_value("image_retrieval_median_rank", 1.0), "1");
        assert_eq!(metric_value("nll", 0.25), "0.25");
    }

    #[test]
    fn a_figure_keeps_its_unit_on_both_sides_of_one() {
        let error =
            |value| figure_value(&Figure::plain("mean_corruption_error", Unit::Number, value));
        assert_eq!((error(0.98), error(1.02)), ("0.98".to_owned(), "1.02".to_owned()));
        assert_eq!(figure_value(&Figure::share("accuracy_at_16_shots", 0.5)), "50.0 %");
        assert_eq!(
            figure_value(&Figure::undefined("roc_auc", Unit::Share, "one kind")),
            "undefined"
        );
        assert_eq!(figure_value(&Figure::plain("effective", Unit::Points, 0.056)), "+5.6 points");
    }
}

//! The head that Hugging Face reads: YAML between two lines of `---`, with the figures as its
//! `model-index`.

use clip_eval::results::{Figure, Record};

use super::facts::{ModelFacts, Origin};
use super::markdown::Markdown;
use crate::numbers::{count, display_name, figure_interval, how};
use crate::suite::Suite;

/// Writes the head; returns how many figures are in it.
pub(super) fn write(page: &mut Markdown, model: &ModelFacts, suite: &Suite<'_>) -> usize {
    let mut yaml = "---\nlanguage: en\n".to_owned();
    if model.origin == Origin::Starter {
        yaml += "license: apache-2.0\n";
    }
    if let Origin::Trained(training) = &model.origin
        && let Some(base) = training.base_on_the_hub()
    {
        yaml += &format!("base_model: {}\n", quoted(base));
    }
    yaml += "library_name: clip-rs\npipeline_tag: zero-shot-image-classification\n";
    yaml += "tags:\n- clip\n- clip-rs\n- zero-shot-image-classification\n- image-text\n";
    let (mut results, mut figures) = (String::new(), 0);
    for record in &suite.records {
        let measured = measured(record);
        if !measured.is_empty() {
            results += &result(record, &measured);
            figures += measured.len();
        }
    }
    if figures > 0 {
        yaml += &format!("model-index:\n- name: {}\n  results:\n{results}", quoted(&model.name));
    }
    page.own(&(yaml + "---"));
    figures
}

/// The score and the other figures that have a value.
fn measured(record: &Record) -> Vec<&Figure> {
    let all = std::iter::once(&record.score).chain(&record.figures);
    all.filter(|figure| figure.value.is_some_and(f64::is_finite)).collect()
}

fn result(record: &Record, figures: &[&Figure]) -> String {
    let mut yaml = format!(
        "  - task:\n      type: {}\n      name: {}\n    dataset:\n      type: {}\n      name: {}\n",
        quoted(&task_type(&record.task)),
        quoted(&display_name(&record.task)),
        quoted(&record.dataset),
        quoted(&record.dataset_title),
    );
    let config = config(record);
    if !config.is_empty() {
        yaml += &format!("      config: {}\n", quoted(&config));
    }
    yaml += &format!("      split: {}\n    metrics:\n", quoted(&record.split));
    for figure in figures {
        yaml += &format!(
            "    - type: {}\n      value: {}\n      name: {}\n",
            quoted(&figure.name),
            number(figure.value.unwrap_or_default()), // those without are left out
            quoted(&metric_name(record, figure)),
        );
    }
    yaml
}

/// What tells results apart that have the hub's word for the task, the data set and the split in
/// common: readers join those that differ in nothing.
fn config(record: &Record) -> String {
    let task = match record.task.as_str() {
        task @ ("robustness" | "few_shot") => task,
        _ => "",
    };
    let own = !matches!(record.identity.origin.as_str(), "catalogue" | "");
    let place = if own { record.identity.place.as_str() } else { "" };
    let parts = [task, place, &record.identity.variant];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(",")
}

/// What the hub calls it, where it has a word.
fn task_type(task: &str) -> String {
    match task {
        "zeroshot_classification" | "robustness" => "zero-shot-image-classification".to_owned(),
        "linear_probe" | "few_shot" => "image-classification".to_owned(),
        task => task.replace('_', "-"),
    }
}

/// `top-1 accuracy [57.5, 66.3] (95 %, Clopper-Pearson over images; n = 500 of 10,000)`
fn metric_name(record: &Record, figure: &Figure) -> String {
    let interval = figure_interval(figure).map_or_else(String::new, |text| format!(" {text}"));
    let mut facts: Vec<String> = figure.low.map(|_| how(figure)).into_iter().collect();
    let scored = count(record.counts.scored);
    facts.push(match record.counts.expected {
        Some(expected) if expected != record.counts.scored => {
            format!("n = {scored} of {}", count(expected))
        }
        _ => format!("n = {scored}"),
    });
    format!("{}{interval} ({})", display_name(&figure.name), facts.join("; "))
}

/// A number that YAML 1.1 takes for one.
fn number(value: f64) -> String {
    let text = value.to_string();
    if text.contains('.') { text } else { text + ".0" }
}

/// A text in double quotes, without a character that a reader of YAML refuses or obeys.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' if !matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}') =>
            {
                quoted.push(c);
            }
            c => quoted += &format!("\\U{:08X}", u32::from(c)),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_in_their_quotes_and_numbers_are_numbers() {
        assert_eq!(quoted("a\"b\\c\n- d: [e]"), "\"a\\\"b\\\\c\\U0000000A- d: [e]\"");
        assert_eq!(quoted("猫 🐈\u{2028}"), "\"猫 \\U0001F408\\U00002028\"");
        assert_eq!((number(1.0), number(1e-7)), ("1.0".to_owned(), "0.0000001".to_owned()));
    }
}

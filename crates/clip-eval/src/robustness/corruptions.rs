//! ImageNet-C: accuracy of each corruption over its five severities, and the error in terms of
//! AlexNet's (Hendrycks and Dietterich 2019).

use serde::Deserialize;

use crate::results::{Figure, Unit};

/// AlexNet's mean error over five severities, from the authors' evaluation program.
const ALEXNET: &str = include_str!("../../assets/published/imagenet_c_alexnet.csv");

const NO_INTERVAL: &str = "no interval: the mean over all corruptions, which is the score, has one";

#[derive(Deserialize)]
struct Row {
    corruption: String,
    error: f64,
}

/// - `accuracies`: of the splits, called `CORRUPTION/SEVERITY`
///
/// Per corruption the mean accuracy and the corruption error, which is 1 for AlexNet; their mean
/// (mCE) where all 15 are there.
pub(crate) fn corruption_figures(accuracies: &[(&str, f64)]) -> Vec<Figure> {
    let rows = csv::Reader::from_reader(ALEXNET.as_bytes()).into_deserialize::<Row>();
    let (mut figures, mut errors, mut complete) = (Vec::new(), Vec::new(), true);
    for Row { corruption, error } in rows.flatten() {
        let of_corruption = |(split, accuracy): &(&str, f64)| {
            split.split_once('/').filter(|(name, _)| *name == corruption).map(|_| *accuracy)
        };
        let severities: Vec<f64> = accuracies.iter().filter_map(of_corruption).collect();
        complete &= severities.len() == 5;
        if severities.len() == 5 {
            let accuracy = severities.iter().sum::<f64>() / 5.0;
            errors.push((1.0 - accuracy) / error);
            let relative = (1.0 - accuracy) / error;
            figures.push(
                Figure::share(&format!("accuracy: {corruption}"), accuracy).without(NO_INTERVAL),
            );
            let figure =
                Figure::plain(&format!("corruption_error: {corruption}"), Unit::Number, relative);
            figures.push(figure.without(NO_INTERVAL));
        }
    }
    if complete {
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let figure = Figure::plain("mean_corruption_error", Unit::Number, mean);
        figures.insert(0, figure.without(NO_INTERVAL));
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        let folds = &clip_data::find("imagenet_c").expect("of the catalogue").folds;
        folds.iter().map(|fold| fold.test.clone()).collect()
    }

    #[test]
    fn alexnet_itself_has_an_error_of_one_and_a_perfect_model_of_none() {
        let names = names();
        let rows: Vec<Row> =
            csv::Reader::from_reader(ALEXNET.as_bytes()).into_deserialize().flatten().collect();
        assert_eq!((names.len(), rows.len()), (75, 15));
        let alexnet = |name: &String| {
            let row = rows.iter().find(|row| name.starts_with(&format!("{}/", row.corruption)));
            1.0 - row.expect("a corruption of the table").error
        };
        let own: Vec<(&str, f64)> =
            names.iter().map(|name| (name.as_str(), alexnet(name))).collect();
        let figures = corruption_figures(&own);
        assert_eq!((figures[0].name.as_str(), figures.len()), ("mean_corruption_error", 31));
        assert!((figures[0].value.expect("defined") - 1.0).abs() < 1e-12);
        let perfect: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 1.0)).collect();
        assert_eq!(corruption_figures(&perfect)[0].value, Some(0.0));
        let without_one = corruption_figures(&own[1..]);
        assert!(without_one.iter().all(|figure| figure.name != "mean_corruption_error"));
    }
}

//! One row for each model over all natural shifts: means, the gap, how much smaller it is than ordinary models', and what
//! a model gained over the first. PROTOCOL_EVAL 7.4.

use std::collections::{BTreeMap, BTreeSet};

use crate::markup::Markup;
use crate::numbers::{MISSING, percent, points};
use crate::run::{head, title};
use crate::standing::Standing;
use crate::suite::Suite;
use crate::table::scrolled;
use clip_eval::results::Record;
use clip_eval::robustness::{LogitFit, ordinary_points, settings_of};

/// A model over the shifts that all models have.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct OverShifts {
    /// Its name.
    pub model: String,
    /// How many shifts.
    pub shifts: usize,
    /// Mean accuracy on the matching parts of ImageNet.
    pub imagenet: f64,
    /// Mean accuracy under the shifts; of a video data set the mean of pm-0 and pm-10.
    pub shifted: f64,
    /// What the shifts cost.
    pub gap: f64,
    /// What they cost ordinary models of the same accuracy on ImageNet.
    pub ordinary_gap: f64,
    /// By which share the gap is smaller.
    pub gap_reduced_by: f64,
    /// Mean accuracy under the shifts minus that of the first model; none for itself.
    pub relative_robustness: Option<f64>,
}

/// One cell's place: accuracy without and with the shift, and what ordinary models have with it.
struct Place {
    /// On the matching part of ImageNet.
    imagenet: f64,
    /// Under the shift; of a video data set the mean of pm-0 and pm-10.
    shifted: f64,
    predicted: f64,
}

impl Place {
    fn of(cell: &Record) -> Option<Place> {
        let measured = cell.details.robustness.as_ref()?;
        let predict = |setting| {
            let points = ordinary_points(setting);
            Some(LogitFit::new(&points.x, &points.y)?.predict(measured.x))
        };
        let of_settings: Vec<f64> = settings_of(&cell.dataset).filter_map(predict).collect();
        let predicted = match of_settings.len() {
            0 => measured.predicted,
            settings => of_settings.iter().sum::<f64>() / settings as f64,
        };
        Some(Place { imagenet: measured.x, shifted: cell.score.value?, predicted })
    }
}

/// Models over the shifts that all of them have; none where there is no such shift.
pub(crate) fn over_shifts(suite: &Suite<'_>) -> Vec<OverShifts> {
    let models = by_model(suite);
    let common = common_shifts(&models);
    let mut rows: Vec<OverShifts> = Vec::new();
    for (model, cells) in &models {
        let places: Vec<Place> =
            common.iter().filter_map(|shift| Place::of(cells.get(shift)?)).collect();
        if places.is_empty() {
            continue;
        }
        let mean =
            |value: fn(&Place) -> f64| places.iter().map(value).sum::<f64>() / places.len() as f64;
        let (imagenet, shifted) = (mean(|place| place.imagenet), mean(|place| place.shifted));
        let (gap, ordinary_gap) = (imagenet - shifted, imagenet - mean(|place| place.predicted));
        rows.push(OverShifts {
            model: (*model).to_owned(),
            shifts: places.len(),
            imagenet,
            shifted,
            gap,
            ordinary_gap,
            gap_reduced_by: 1.0 - gap / ordinary_gap,
            relative_robustness: rows.first().map(|first| shifted - first.shifted),
        });
    }
    rows
}

type Shifts<'a> = BTreeMap<(&'a str, &'a str), &'a Record>;

/// Cells by shift, models in their order.
fn by_model<'a>(suite: &Suite<'a>) -> Vec<(&'a str, Shifts<'a>)> {
    let cells_of = |model: &'a str| -> Shifts<'a> {
        let own = suite.of_task("robustness").filter(|cell| cell.model == model);
        own.filter(|cell| Place::of(cell).is_some())
            .map(|cell| ((cell.dataset.as_str(), cell.provenance.split_blake3.as_str()), cell))
            .collect()
    };
    let models = suite.models.iter().map(|model| (*model, cells_of(model)));
    models.filter(|(_, cells)| !cells.is_empty()).collect()
}

fn common_shifts<'a>(models: &[(&str, Shifts<'a>)]) -> BTreeSet<(&'a str, &'a str)> {
    let shifts = models.iter().map(|(_, cells)| cells.keys().copied().collect::<BTreeSet<_>>());
    shifts.reduce(|a, b| &a & &b).unwrap_or_default()
}

/// The table, where there is something to sum up.
pub(crate) fn draw(page: &mut Markup, suite: &Suite<'_>) {
    let rows = over_shifts(suite);
    let Some(first) = rows.first() else { return };
    let columns = [
        "model",
        "#matching ImageNet, %",
        "#under the shifts, %",
        "#gap, points",
        "#gap of ordinary models, points",
        "#gap reduced by, %",
        "#relative robustness, points",
    ];
    scrolled(page, &format!("mean over {} shifts", first.shifts), |page| {
        head(page, &columns);
        page.element("tbody", &[], |page| {
            for row in &rows {
                let cells = [
                    percent(row.imagenet),
                    percent(row.shifted),
                    points(row.gap),
                    points(row.ordinary_gap),
                    percent(row.gap_reduced_by),
                    row.relative_robustness.map_or_else(|| MISSING.to_owned(), points),
                ];
                page.element("tr", &[], |page| {
                    page.leaf("th", &[("scope", &"row")], &row.model);
                    for text in cells {
                        page.leaf("td", &[("class", &"num")], text);
                    }
                });
            }
        });
    });
    page.leaf("p", &[("class", &"note")], note(suite, &first.model));
}

fn note(suite: &Suite<'_>, first: &str) -> String {
    let models = by_model(suite);
    let common = common_shifts(&models);
    let cells: Vec<&Record> = models
        .iter()
        .flat_map(|(_, cells)| common.iter().filter_map(|shift| cells.get(shift).copied()))
        .collect();
    let named = |of: &dyn Fn(&Record) -> bool| {
        let names: BTreeSet<&str> =
            cells.iter().filter(|cell| of(cell)).map(|cell| title(cell)).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    let (all, parts) = (named(&|_| true), named(&|cell| !Standing::of(cell).is_comparable()));
    let mut text = format!(
        "Unweighted means over the shifts that all these models have ({all}). Gap: matching ImageNet minus under the \
         shifts; of ordinary models: the same from the line through them. Relative robustness: under the shifts, minus \
         {first}. No intervals: shifts are not draws from anything."
    );
    if !parts.is_empty() {
        text += &format!(" Not the published items: {parts}.");
    }
    text
}

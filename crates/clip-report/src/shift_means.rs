//! One row for each model over all natural shifts: means, the gap, how much smaller it is than
//! ordinary models', and what a model gained over the first. PROTOCOL_EVAL 7.4.

use std::collections::{BTreeMap, BTreeSet};

use crate::markup::Markup;
use crate::numbers::{or_missing, percent, points};
use crate::standing::Standing;
use crate::suite::Suite;
use crate::widgets::{note, numeric, row_head, table, title};
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

/// One record's place: accuracy without and with the shift, and what ordinary models have with it.
struct Place {
    /// On the matching part of ImageNet.
    imagenet: f64,
    /// Under the shift; of a video data set the mean of pm-0 and pm-10.
    shifted: f64,
    predicted: f64,
}

impl Place {
    fn of(record: &Record) -> Option<Place> {
        let measured = record.details.robustness.as_ref()?;
        let predict = |setting| {
            let points = ordinary_points(setting);
            Some(LogitFit::new(&points.x, &points.y)?.predict(measured.x))
        };
        let of_settings: Vec<f64> = settings_of(&record.dataset).filter_map(predict).collect();
        let predicted = match of_settings.len() {
            0 => measured.predicted,
            settings => of_settings.iter().sum::<f64>() / settings as f64,
        };
        Some(Place { imagenet: measured.x, shifted: record.score.value?, predicted })
    }
}

/// Models over the shifts that all of them have; none where there is no such shift.
pub(crate) fn over_shifts(suite: &Suite<'_>) -> Vec<OverShifts> {
    let models = by_model(suite);
    let common = common_shifts(&models);
    let mut rows: Vec<OverShifts> = Vec::new();
    for (model, records) in &models {
        let places: Vec<Place> =
            common.iter().filter_map(|shift| Place::of(records.get(shift)?)).collect();
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

/// Records by shift, models in their order.
fn by_model<'a>(suite: &Suite<'a>) -> Vec<(&'a str, Shifts<'a>)> {
    let records_of = |model: &'a str| -> Shifts<'a> {
        let own = suite.of_task("robustness").filter(|record| record.model == model);
        own.filter(|record| Place::of(record).is_some())
            .map(|record| {
                ((record.dataset.as_str(), record.provenance.split_blake3.as_str()), record)
            })
            .collect()
    };
    let models = suite.models.iter().map(|model| (*model, records_of(model)));
    models.filter(|(_, records)| !records.is_empty()).collect()
}

fn common_shifts<'a>(models: &[(&str, Shifts<'a>)]) -> BTreeSet<(&'a str, &'a str)> {
    let shifts = models.iter().map(|(_, records)| records.keys().copied().collect::<BTreeSet<_>>());
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
    table(page, &format!("mean over {} shifts", first.shifts), &columns, |page| {
        for row in &rows {
            page.element("tr", &[], |page| {
                row_head(page, &row.model);
                numeric(page, percent(row.imagenet));
                numeric(page, percent(row.shifted));
                numeric(page, points(row.gap));
                numeric(page, points(row.ordinary_gap));
                numeric(page, percent(row.gap_reduced_by));
                let gained = row.relative_robustness;
                numeric(page, or_missing(gained, points));
            });
        }
    });
    note(page, explanation(suite, &first.model));
}

fn explanation(suite: &Suite<'_>, first: &str) -> String {
    let models = by_model(suite);
    let common = common_shifts(&models);
    let records: Vec<&Record> = models
        .iter()
        .flat_map(|(_, records)| common.iter().filter_map(|shift| records.get(shift).copied()))
        .collect();
    let named = |of: &dyn Fn(&Record) -> bool| {
        let names: BTreeSet<&str> =
            records.iter().filter(|record| of(record)).map(|record| title(record)).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    let (all, parts) = (named(&|_| true), named(&|record| !Standing::of(record).is_comparable()));
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

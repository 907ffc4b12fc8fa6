//! Chapter "Training data": what is published of the nine, what the starter's card says, what lies
//! beside a checkpoint of `clip-rs train`.

use clip_rs::model::registry;

use super::facts::{ModelFacts, Origin};
use super::markdown::Markdown;
use super::training::{Training, whole};

pub(super) fn write(page: &mut Markdown, model: &ModelFacts) {
    match &model.origin {
        Origin::Starter => page.own(include_str!("../../assets/card/starter_training.md")),
        Origin::Released(_) => page.own(include_str!("../../assets/card/released_training.md")),
        Origin::Unknown => page.own(
            "Not known: no file beside the weights says on what the model was trained. Its figures cannot be told from \
             those of a model that has seen the test data.",
        ),
        Origin::Trained(training) => trained(page, training),
    }
}

fn trained(page: &mut Markdown, training: &Training) {
    page.text(&format!(
        "From training.json beside the weights: {}, {} of the steps skipped. Sources, by their names:",
        training.what_it_is(),
        whole(training.skipped_steps()),
    ));
    page.list(training.sources());
    page.own(
        "What is in them, who is shown, and whether test data is among them, no file says. The model has the biases of \
         its data, and those of the model that it began with.",
    );
    page.table(&training.choices());
    let base = training.base().unwrap_or_default();
    let told = match base {
        "starter" => include_str!("../../assets/card/starter_training.md"),
        base if registry::find(base).is_ok() => {
            include_str!("../../assets/card/released_training.md")
        }
        _ => return,
    };
    page.text(&format!("Of {base}, which it began with:"));
    page.own(told);
}

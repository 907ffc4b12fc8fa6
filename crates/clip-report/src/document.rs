//! The page from its head to its foot.

use clip_audit::AuditRecord;
use clip_eval::EvalError;

use crate::markup::{Markup, STYLE};
use crate::numbers::{capital, display_name};
use crate::suite::Suite;
use crate::summary::Summary;
use crate::{
    audit, few_shot_plot, few_shot_table, record, robustness_plot, robustness_table, run,
    scaling_plot, shift_means, task_table,
};

/// What stands in the page, in order.
pub(crate) struct Document<'p> {
    pub(crate) suite: &'p Suite<'p>,
    pub(crate) audits: &'p [&'p AuditRecord],
    pub(crate) unreadable: &'p [EvalError],
    pub(crate) summary: &'p Summary,
}

impl Document<'_> {
    /// All of it.
    pub(crate) fn draw(&self, page: &mut Markup) {
        page.own("<!DOCTYPE html>\n");
        page.element("html", &[("lang", &"en")], |page| {
            page.element("head", &[], |page| {
                page.empty("meta", &[("charset", &"utf-8")]);
                let policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
                page.empty("meta", &[("http-equiv", &"Content-Security-Policy"), ("content", &policy)]);
                page.empty("meta", &[("name", &"viewport"), ("content", &"width=device-width, initial-scale=1")]);
                page.empty("meta", &[("name", &"color-scheme"), ("content", &"light dark")]);
                page.leaf("title", &[], self.title());
                page.element("style", &[], |page| page.own(STYLE));
            });
            page.line();
            page.element("body", &[], |page| {
                page.leaf("a", &[("class", &"skip"), ("href", &"#main")], "Skip to the figures");
                self.heading(page);
                page.element("main", &[("id", &"main"), ("tabindex", &"-1")], |page| self.main(page));
                page.leaf(
                    "footer",
                    &[],
                    format_args!(
                        "Written by clip-rs {}. Accuracies are in per cent, differences in points. Published values: the \
                         tables of arXiv 2103.00020, open_clip's and CLIP_benchmark's own measurements, the ImageNet \
                         testbed. On paper, folds that are open are printed.",
                        env!("CARGO_PKG_VERSION")
                    ),
                );
            });
        });
        page.line();
    }

    fn title(&self) -> &'static str {
        match (self.has_results(), self.audits.is_empty()) {
            (true, false) => "CLIP evaluation and audit",
            (false, false) => "CLIP audit",
            _ => "CLIP evaluation",
        }
    }

    fn has_results(&self) -> bool {
        !self.suite.records.is_empty()
    }

    /// A page of audits alone has no empty tables of results.
    fn has_results_or_nothing(&self) -> bool {
        self.has_results() || self.audits.is_empty()
    }

    fn main(&self, page: &mut Markup) {
        let suite = self.suite;
        if self.has_results_or_nothing() {
            tables(page, suite);
            plots(page, suite);
        }
        if !self.audits.is_empty() {
            audit::section(page, self.audits);
        }
        run::section(page, suite, self.unreadable);
        if self.has_results_or_nothing() {
            record::section(page, suite);
        }
    }

    fn heading(&self, page: &mut Markup) {
        page.element("header", &[], |page| {
            page.leaf("h1", &[], self.title());
            page.leaf("p", &[("class", &"limits"), ("role", &"note")], clip_rs::LIMITS);
            page.leaf("p", &[("class", &"summary")], self.summary.said());
            page.element("nav", &[("aria-label", &"Sections")], |page| {
                let results = self.has_results_or_nothing();
                let entries = [
                    ("#results", "Results", results),
                    ("#plots", "Plots", has_plots(self.suite)),
                    ("#audits", "Audits", !self.audits.is_empty()),
                    ("#run", "What was run", run::is_shown(self.suite, self.unreadable)),
                    ("#cells", "Every result", results),
                ];
                for (anchor, name, _) in entries.iter().filter(|(.., is_there)| *is_there) {
                    page.leaf("a", &[("href", anchor)], name);
                }
            });
        });
        page.line();
    }
}

fn tables(page: &mut Markup, suite: &Suite<'_>) {
    page.element("section", &[("id", &"results")], |page| {
        page.leaf("h2", &[], "Results");
        for task in suite.tasks() {
            page.leaf("h3", &[], capital(&display_name(task)));
            match task {
                "few_shot" => few_shot_table::draw(page, suite),
                "robustness" => {
                    robustness_table::draw(page, suite);
                    shift_means::draw(page, suite);
                }
                task => task_table::draw(page, suite, task),
            }
        }
    });
    page.line();
}

fn has_plots(suite: &Suite<'_>) -> bool {
    scaling_plot::is_possible(suite)
        || robustness_plot::is_possible(suite)
        || few_shot_plot::is_possible(suite)
}

fn plots(page: &mut Markup, suite: &Suite<'_>) {
    if !has_plots(suite) {
        return;
    }
    page.element("section", &[("id", &"plots")], |page| {
        page.leaf("h2", &[], "Plots");
        page.element("div", &[("class", &"figures")], |page| {
            scaling_plot::figures(page, suite);
            few_shot_plot::figures(page, suite);
            robustness_plot::figures(page, suite);
        });
    });
    page.line();
}

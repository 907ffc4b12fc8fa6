//! A picture in the page: an SVG under a heading.

use crate::markup::{Markup, Px};

/// Units across.
pub(crate) const WIDTH: f64 = 380.0;

/// Ordinary height of the part between the axes.
pub(crate) const HEIGHT: f64 = 190.0;

/// An SVG of the usual width.
pub(super) fn svg(page: &mut Markup, title: &str, description: &str, height: f64, body: &Markup) {
    let view = format!("0 0 {WIDTH} {}", Px(height));
    page.element("svg", &[("viewBox", &view), ("role", &"img")], |page| {
        page.leaf("title", &[], title);
        page.leaf("desc", &[], description);
        page.append(body);
    });
}

/// Pictures of one result under a heading, with what there is to know about them below.
pub(crate) fn figure(
    page: &mut Markup,
    title: &str,
    pictures: impl FnOnce(&mut Markup),
    caption: &str,
) {
    under(page, "h4", title, pictures, caption);
}

/// The same of all results, a heading higher.
pub(crate) fn overview(
    page: &mut Markup,
    title: &str,
    pictures: impl FnOnce(&mut Markup),
    caption: &str,
) {
    under(page, "h3", title, pictures, caption);
}

fn under(
    page: &mut Markup,
    heading: &'static str,
    title: &str,
    pictures: impl FnOnce(&mut Markup),
    caption: &str,
) {
    page.element("figure", &[], |page| {
        page.leaf(heading, &[], title);
        pictures(page);
        page.leaf("figcaption", &[], caption);
    });
    page.line();
}

//! The colours and dashes by which contestants are told apart, and what makes plots a part of the page.
//!
//! Plots are drawn with fixed colours, each of which is that of one contestant; the page's style says what a colour is in
//! the light and in the dark, and which dashes its lines have.

use plotters::style::RGBColor;

/// What is written and drawn besides the contestants.
pub(super) const INK: RGBColor = RGBColor(0x11, 0x11, 0x11);
/// What is behind all.
pub(super) const GRID: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);
/// In which everything is written; a page on a telephone shows it at two thirds.
pub(super) const FONT: (&str, i32) = ("sans-serif", 22);

/// The colour of a contestant, which no other has.
pub(super) fn colour(contestant: usize) -> RGBColor {
    let RGBColor(red, green, blue) = LIGHT[contestant % LIGHT.len()];
    // Whoever comes after all colours are taken has nearly the same as another, and other dashes.
    let again = u8::try_from(contestant / LIGHT.len()).unwrap_or(u8::MAX);
    RGBColor(red, green, blue ^ again)
}

/// The rules that say how contestants look.
pub(super) fn style(contestants: usize) -> String {
    let mut light = String::new();
    let mut dark = String::new();
    for contestant in 0..contestants {
        let named = hex(colour(contestant));
        let dashes = DASHES[(contestant + contestant / LIGHT.len()) % DASHES.len()];
        light += &format!("polyline[stroke=\"{named}\"]{{stroke-dasharray:{dashes}}}\n");
        let seen = hex(DARK[contestant % DARK.len()]);
        dark += &format!("svg [stroke=\"{named}\"]{{stroke:{seen}}}svg [fill=\"{named}\"]{{fill:{seen}}}\n");
    }
    format!("{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n")
}

/// As it stands in a plot.
pub(super) fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// A plot as a part of a page that is read aloud too: it fits where it is put, and has a title.
pub(super) fn within_page(svg: &str, title: &str) -> String {
    let (head, drawn) = svg.split_once('>').unwrap_or_default();
    let viewbox = head.split("viewBox=\"").nth(1).and_then(|it| it.split('"').next()).unwrap_or_default();
    let title = maud::html! { title { (title) } }.into_string();
    format!("<svg role=\"img\" viewBox=\"{viewbox}\">{title}{drawn}")
}

/// Dark enough on white and told apart by those who see fewer colours.
const LIGHT: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xC4, 0x4E, 0x00),
    RGBColor(0x00, 0x7A, 0x5A),
    RGBColor(0xA8, 0x44, 0x7F),
    RGBColor(0x80, 0x66, 0x00),
    RGBColor(0x55, 0x5B, 0x66),
];
/// The same on a dark page.
const DARK: [RGBColor; 6] = [
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0xFF, 0x8F, 0x4F),
    RGBColor(0x35, 0xCC, 0x9C),
    RGBColor(0xE8, 0x9A, 0xCB),
    RGBColor(0xE0, 0xC2, 0x3A),
    RGBColor(0xB9, 0xBF, 0xC9),
];
/// Of lines; one more than there are colours, or fewer by one, so that two of nearly the same colour differ.
const DASHES: [&str; 5] = ["none", "9 4", "2 3", "14 4 2 4", "5 2"];

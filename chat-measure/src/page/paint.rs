//! The colours and dashes that tell contestants apart, and the embedding of plots in the page.
//!
//! A plot is drawn with one fixed colour per contestant. The page's style maps that colour to the one of light or dark mode,
//! and sets the dashes of its lines.

use plotters::style::RGBColor;

/// The colour of text and axes.
pub(super) const INK: RGBColor = RGBColor(0x11, 0x11, 0x11);
/// The colour of grid lines.
pub(super) const GRID: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);
/// The font of plots. A telephone shows them at two thirds of their size.
pub(super) const FONT: (&str, i32) = ("sans-serif", 22);

/// The colour of a contestant. No two contestants have the same.
pub(super) fn colour(contestant: usize) -> RGBColor {
    let RGBColor(red, green, blue) = LIGHT[contestant % LIGHT.len()];
    // When all colours are taken, a contestant gets nearly the colour of another one, and different dashes.
    let again = u8::try_from(contestant / LIGHT.len()).unwrap_or(u8::MAX);
    RGBColor(red, green, blue ^ again)
}

/// The style rules of the contestants.
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

/// The colour as it is written in a plot.
pub(super) fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// A plot for the page: it scales to its place, and has a title for screen readers.
pub(super) fn within_page(svg: &str, title: &str) -> String {
    let (head, drawn) = svg.split_once('>').unwrap_or_default();
    let viewbox = head.split("viewBox=\"").nth(1).and_then(|it| it.split('"').next()).unwrap_or_default();
    let title = maud::html! { title { (title) } }.into_string();
    format!("<svg role=\"img\" viewBox=\"{viewbox}\">{title}{drawn}")
}

/// Colours that have enough contrast on white, and can be told apart by colour-blind people.
const LIGHT: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xC4, 0x4E, 0x00),
    RGBColor(0x00, 0x7A, 0x5A),
    RGBColor(0xA8, 0x44, 0x7F),
    RGBColor(0x80, 0x66, 0x00),
    RGBColor(0x55, 0x5B, 0x66),
];
/// The colours on a dark page.
const DARK: [RGBColor; 6] = [
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0xFF, 0x8F, 0x4F),
    RGBColor(0x35, 0xCC, 0x9C),
    RGBColor(0xE8, 0x9A, 0xCB),
    RGBColor(0xE0, 0xC2, 0x3A),
    RGBColor(0xB9, 0xBF, 0xC9),
];
/// The dashes of lines. Their number differs by one from that of the colours, so that two lines of nearly the same colour
/// have different dashes.
const DASHES: [&str; 5] = ["none", "9 4", "2 3", "14 4 2 4", "5 2"];

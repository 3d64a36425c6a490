//! The two bar charts: faults of deliveries, and traffic per delivery.

use plotters::prelude::*;

use super::paint::{FONT, INK, colour, within_page};
use crate::{
    figures::Figures,
    human::{count, percent},
    summary::Summary,
};

/// The shares of deliveries that were lost, came twice or came out of order; `None` if none were expected.
pub(super) fn deliveries(summaries: &[Summary]) -> Option<String> {
    let mut groups = Vec::new();
    for (contestant, it) in summaries.iter().enumerate() {
        let (Some(delivered), Some(lost)) = (it.share_delivered(), it.share_lost()) else { continue };
        let shares = [
            (lost, "lost"),
            (it.share_duplicated().unwrap_or(0.0), "twice"),
            (it.share_reordered().unwrap_or(0.0), "out of order"),
        ];
        let bars = shares.into_iter().filter(|(share, _)| *share > 0.0);
        let bars: Vec<_> = bars
            .map(|(share, what)| Bar { length: share, label: format!("{} {what}", percent(share)) })
            .collect();
        let name = format!("{}: {} delivered", short(&it.name), percent(delivered));
        groups.push(Group { contestant, name, bars });
    }
    let longest = groups.iter().flat_map(|group| &group.bars).map(|it| it.length).fold(0.0, f64::max);
    groups.iter_mut().flat_map(|group| &mut group.bars).for_each(|it| it.length /= longest);
    drawn(&groups, "Deliveries that were lost, came twice or out of order")
}

/// Bytes and packets per delivery; `None` where the wire was not observed.
pub(super) fn wire(summaries: &[Summary]) -> Option<String> {
    let bytes = |it: &Summary| it.each(Figures::bytes_per_delivery).map(|it| it.value);
    let packets = |it: &Summary| it.each(Figures::packets_per_delivery).map(|it| it.value);
    let most_bytes = summaries.iter().filter_map(bytes).fold(0.0, f64::max);
    let most_packets = summaries.iter().filter_map(packets).fold(0.0, f64::max);
    let mut groups = Vec::new();
    for (contestant, it) in summaries.iter().enumerate() {
        let (Some(bytes), Some(packets)) = (bytes(it), packets(it)) else { continue };
        let bars = vec![
            Bar { length: bytes / most_bytes, label: format!("{} bytes", count(bytes)) },
            Bar { length: packets / most_packets, label: format!("{} packets", count(packets)) },
        ];
        groups.push(Group { contestant, name: short(&it.name), bars });
    }
    drawn(&groups, "Bytes and packets on the wire for each delivery")
}

/// The bars of one contestant, under its name.
struct Group {
    contestant: usize,
    name: String,
    bars: Vec<Bar>,
}

/// A bar: its length as a part of the longest bar, and the label at its end.
struct Bar {
    length: f64,
    label: String,
}

fn drawn(groups: &[Group], title: &str) -> Option<String> {
    if groups.is_empty() {
        return None;
    }
    let height: i32 = groups.iter().map(Group::height).sum();
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, (WIDTH, height.unsigned_abs())).into_drawing_area();
    let text = |what: &str, x, y| Text::new(what.to_owned(), (x, y), FONT.into_font().color(&INK));
    let mut top = 0;
    for group in groups {
        root.draw(&text(&group.name, 0, top)).expect(NEVER);
        for (index, bar) in group.bars.iter().enumerate() {
            let top = top + LINE + index as i32 * BAR;
            let right = ((bar.length * f64::from(LONGEST)).round() as i32).max(1);
            let filled = colour(group.contestant).filled();
            root.draw(&Rectangle::new([(0, top), (right, top + BAR - 5)], filled)).expect(NEVER);
            root.draw(&text(&bar.label, right + 8, top)).expect(NEVER);
        }
        top += group.height();
    }
    root.present().expect(NEVER);
    drop(root);
    Some(within_page(&svg, title))
}

impl Group {
    fn height(&self) -> i32 {
        LINE + self.bars.len() as i32 * BAR + BETWEEN
    }
}

/// A name, cut to leave room for the text after it.
fn short(name: &str) -> String {
    if name.chars().count() <= NAME {
        name.to_owned()
    } else {
        name.chars().take(NAME - 1).chain(['…']).collect()
    }
}

const WIDTH: u32 = 480;
/// The length of the longest bar, which leaves room for its label.
const LONGEST: i32 = 290;
const LINE: i32 = 24;
const BAR: i32 = 24;
const BETWEEN: i32 = 12;
const NAME: usize = 20;
const NEVER: &str = "drawing into a string cannot fail";

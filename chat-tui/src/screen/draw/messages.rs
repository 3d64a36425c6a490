//! The messages in view, and no others.

use ratatui::{
    Frame,
    layout::{Alignment, Rect},
    text::Line,
    widgets::Paragraph,
};

use super::super::{app::App, layout, scroll::Rows};

pub(super) fn draw(app: &App, area: Rect, frame: &mut Frame<'_>) {
    let Some(room) = app.room() else { return };
    let (columns, height) = (usize::from(area.width), usize::from(area.height));
    let look = app.look();
    let rows = Rows { items: room.len(), of: |at| look.height(room, at, columns) };
    let top = room.scroll.top(&room.backlog, &rows, height);
    let mut lines: Vec<Line<'_>> = Vec::with_capacity(height);
    for at in top.item..room.len() {
        let skipped = if at == top.item { top.row } else { 0 };
        lines.extend(look.rows(room, at, columns).into_iter().skip(skipped));
        if lines.len() >= height {
            break;
        }
    }
    lines.truncate(height);
    // Few messages stand at the bottom, where the next one appears.
    let free = height - lines.len();
    let used = Rect {
        y: area.y + u16::try_from(free).unwrap_or(0),
        height: area.height.saturating_sub(u16::try_from(free).unwrap_or(0)),
        ..area
    };
    frame.render_widget(Paragraph::new(lines), used);
    let at_the_beginning = top.item == 0 && top.row == 0;
    if room.loading.is_some() && at_the_beginning {
        mark(" loading… ", app, Rect { height: area.height.min(1), ..area }, frame);
    }
    if room.below > 0 || !room.backlog.is_at_head() {
        let words = match room.below {
            0 => " newer messages below, Ctrl-End ".to_owned(),
            1 => " 1 new message below ".to_owned(),
            many => format!(" {many} new messages below "),
        };
        let last = Rect { y: area.bottom().saturating_sub(1), height: area.height.min(1), ..area };
        mark(&words, app, last, frame);
    }
}

/// A few words over the messages, at the right.
fn mark(words: &str, app: &App, area: Rect, frame: &mut Frame<'_>) {
    let words = layout::short(words, area.width);
    let width = u16::try_from(words.chars().count()).unwrap_or(area.width).min(area.width);
    let area = Rect { x: area.right() - width, width, ..area };
    frame.render_widget(Paragraph::new(words).style(app.theme.chosen()).alignment(Alignment::Right), area);
}

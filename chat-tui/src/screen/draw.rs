//! Draws the state of the screen.

use std::time::Instant;

use chat_front::text::Sanitized;
use ratatui::{
    Frame,
    layout::{Position, Rect},
    text::{Line, Span},
    widgets::{Clear, Paragraph},
};

use super::{
    app::App,
    layout::{self, Fits},
    list::{Choice, List},
};
use crate::{
    edit::{self, PROMPT},
    flow,
};

mod messages;
mod sides;
mod status;
#[cfg(test)]
mod tests;

/// Draws `app` as it is at `now`.
pub(crate) fn draw(app: &App, now: Instant, frame: &mut Frame<'_>) {
    if layout::fits(app.size) == Fits::Nothing {
        let words = layout::short("too small", app.size.0);
        return frame.render_widget(Paragraph::new(words), frame.area());
    }
    let areas = layout::now(app);
    messages::draw(app, areas.messages, frame);
    if areas.topic.height > 0 {
        topic(app, areas.topic, frame);
        sides::rooms(app, areas.rooms, frame);
        sides::people(app, areas.people, frame);
        status::draw(app, now, areas.status, frame);
    }
    written(app, areas.input, frame);
    if app.list.is_some() {
        list(app, frame);
    }
}

fn topic(app: &App, area: Rect, frame: &mut Frame<'_>) {
    let Some(room) = app.room() else { return };
    let name = Sanitized::line(&room.place.title()).to_string();
    let name = layout::short(&name, area.width);
    let left = area.width.saturating_sub(u16::try_from(flow::text_width(&name)).unwrap_or(area.width) + 2);
    let topic = layout::short(Sanitized::line(&room.topic).as_str(), left);
    let line = Line::from(vec![Span::styled(name, app.theme.strong()), Span::raw("  "), Span::raw(topic)]);
    frame.render_widget(Paragraph::new(line), area);
}

/// The draft, with the cursor in view.
fn written(app: &App, area: Rect, frame: &mut Frame<'_>) {
    let Some(room) = app.room() else {
        return frame.render_widget(Paragraph::new(PROMPT), area);
    };
    let (rows, (column, row)) = edit::rows(&room.draft, area.width.into());
    let height = usize::from(area.height);
    let first = (row + 1).saturating_sub(height);
    let lines: Vec<Line<'_>> = rows[first..]
        .iter()
        .take(height)
        .enumerate()
        .map(|(at, text)| {
            let prompt = if first + at == 0 { PROMPT } else { "  " };
            Line::from(vec![Span::styled(prompt, app.theme.strong()), Span::raw(text.as_str())])
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
    if app.list.is_none() {
        let at = |offset: usize| u16::try_from(offset).unwrap_or(u16::MAX);
        let x = area.x.saturating_add(at(column + PROMPT.len())).min(area.right().saturating_sub(1));
        frame.set_cursor_position(Position::new(x, area.y + at(row - first)));
    }
}

/// The list, which covers everything but the draft.
fn list(app: &App, frame: &mut Frame<'_>) {
    let Some(list) = &app.list else { return };
    let input = layout::now(app).input;
    let area = Rect::new(0, 0, app.size.0, app.size.1 - input.height);
    frame.render_widget(Clear, area);
    let title = format!(" {}: {}", list.title, keys(app, list));
    let title = format!("{:1$}", layout::short(&title, area.width), usize::from(area.width));
    let mut lines = vec![Line::styled(title, app.theme.chosen())];
    let columns = usize::from(area.width).saturating_sub(1);
    let height = usize::from(area.height).saturating_sub(1);
    let rows_of = |at: usize| {
        let (line, _) = &list.lines[at];
        let mut rows = flow::lines(&app.theme.styled(line), columns);
        rows.truncate(MOST_ROWS);
        if at == list.chosen {
            rows.iter_mut().for_each(|row| *row = std::mem::take(row).patch_style(app.theme.chosen()));
        }
        rows
    };
    // As far up as possible with the chosen line whole in view.
    let (mut first, mut used) = (list.chosen.min(list.lines.len().saturating_sub(1)), 0);
    while let Some(before) = (!list.lines.is_empty()).then_some(first) {
        used += rows_of(before).len();
        if used > height {
            first = (before + 1).min(list.chosen);
            break;
        }
        match before.checked_sub(1) {
            Some(at) => first = at,
            None => break,
        }
    }
    for at in first..list.lines.len() {
        if lines.len() > height {
            break;
        }
        lines.extend(rows_of(at));
    }
    lines.truncate(height + 1);
    frame.render_widget(Paragraph::new(lines), area);
}

/// The keys that work in `list`.
fn keys(app: &App, list: &List) -> String {
    match list.choice() {
        // To read a room one has to enter it, which others see.
        Some(Choice::Message(place, _)) if !app.is_in(place) => {
            format!("Enter joins {}, where others see you; Esc goes back", Sanitized::line(&place.title()))
        }
        _ if list.lines.iter().any(|(_, choice)| choice.is_some()) => {
            "Up, Down, Enter; Esc goes back".to_owned()
        }
        _ => "Esc goes back".to_owned(),
    }
}

/// The most rows that one line of a list takes.
const MOST_ROWS: usize = 4;

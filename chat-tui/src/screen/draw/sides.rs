//! The rooms at the left and the people at the right.

use chat_front::text::{Sanitized, en};
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::super::{app::App, layout, room::RoomView};
use crate::flow;

pub(super) fn rooms(app: &App, area: Rect, frame: &mut Frame<'_>) {
    let first = layout::first_room(app, area.height);
    let shown = app.rooms.iter().enumerate().skip(first).take(area.height.into());
    let lines: Vec<Line<'_>> = shown.map(|(at, room)| line(app, at, room, area.width)).collect();
    frame.render_widget(Paragraph::new(lines), area);
}

fn line<'a>(app: &App, at: usize, room: &RoomView, columns: u16) -> Line<'a> {
    let theme = app.theme;
    let number = if at < 9 { format!("{} ", at + 1) } else { "  ".to_owned() };
    let count = match (room.mentions, room.unread) {
        (0, 0) => String::new(),
        (0, unread) => format!(" {}", at_most(unread)),
        (mentions, unread) => format!(" {} !{}", at_most(unread), at_most(mentions)),
    };
    let left = columns.saturating_sub(u16::try_from(number.len() + count.len()).unwrap_or(columns));
    let title = layout::short(Sanitized::line(&room.place.title()).as_str(), left);
    let gap = " ".repeat(usize::from(left).saturating_sub(flow::text_width(&title)));
    let style = if room.unread > 0 { theme.strong() } else { ratatui::style::Style::new() };
    let counted = if room.mentions > 0 { theme.mention() } else { theme.strong() };
    let line = Line::from(vec![
        Span::styled(number, theme.faint()),
        Span::styled(title, style),
        Span::raw(gap),
        Span::styled(count, counted),
    ]);
    if at == app.current { line.patch_style(theme.chosen()) } else { line }
}

fn at_most(count: u64) -> String {
    if count > 999 { "999+".to_owned() } else { count.to_string() }
}

pub(super) fn people(app: &App, area: Rect, frame: &mut Frame<'_>) {
    let Some(room) = app.room().filter(|room| room.present > 0) else { return };
    let height = usize::from(area.height);
    let mut lines = vec![Line::styled(format!(" {} here", room.present), app.theme.faint())];
    let more = usize::try_from(room.present).unwrap_or(usize::MAX) >= height;
    let shown = if more { height.saturating_sub(2) } else { height };
    for name in room.people().take(shown) {
        let mark = if room.is_guest(name) { en::GUEST } else { "" };
        let width = area.width.saturating_sub(2);
        let marked = u16::try_from(mark.len()).map_or(0, |mark| width.saturating_sub(mark));
        let text = layout::short(Sanitized::line(name).as_str(), marked);
        lines.push(Line::from(vec![
            Span::raw(" "),
            Span::styled(text, app.theme.name(name)),
            Span::styled(mark, app.theme.faint()),
        ]));
    }
    let left_out = room.present.saturating_sub(lines.len() as u64 - 1);
    if left_out > 0 && room.people().next().is_some() {
        lines.push(Line::styled(
            layout::short(&format!(" and {left_out} more"), area.width),
            app.theme.faint(),
        ));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

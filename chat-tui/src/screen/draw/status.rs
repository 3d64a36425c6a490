//! The status line: name, server and state of the link.

use std::time::{Duration, Instant};

use chat_front::text::Sanitized;
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::super::{
    app::{App, Link},
    layout,
};
use crate::flow;

pub(super) fn draw(app: &App, now: Instant, area: Rect, frame: &mut Frame<'_>) {
    let me = app.conversation.me().map(|me| format!("{} at ", Sanitized::line(me))).unwrap_or_default();
    let warning = if app.conversation.is_encrypted() { "" } else { " (not encrypted)" };
    let left = format!(" {me}{}{warning}", Sanitized::line(&app.conversation.server().to_string()));
    let mut right = match &app.link {
        Link::Connecting => "connecting… ".to_owned(),
        Link::Up => match app.round_trip {
            Some(time) => format!("{} ", took(time)),
            None => "connected ".to_owned(),
        },
        Link::Lost { why, until } => {
            let left = until.saturating_duration_since(now);
            match seconds(left) {
                0 => format!("reconnecting… ({}) ", Sanitized::line(why)),
                some => format!("reconnecting… next try in {some} s ({}) ", Sanitized::line(why)),
            }
        }
    };
    let unanswered = app.conversation.unanswered();
    if !matches!(app.link, Link::Up) && unanswered > 0 {
        right = format!("{unanswered} waiting, {right}");
    } else if matches!(app.link, Link::Up) && area.width >= 60 {
        right.insert_str(0, "? for help  ");
    }
    // The state of the link matters more than the address.
    let right = layout::short(&right, area.width);
    let space = area.width.saturating_sub(u16::try_from(flow::text_width(&right)).unwrap_or(area.width));
    let left = layout::short(&left, space);
    let gap = " ".repeat(usize::from(space).saturating_sub(flow::text_width(&left)));
    let style = app.theme.chosen();
    let right_style = match app.link {
        Link::Lost { .. } => style.patch(app.theme.alarm()),
        _ => style,
    };
    let line = Line::from(vec![Span::styled(left + &gap, style), Span::styled(right, right_style)]);
    frame.render_widget(Paragraph::new(line), area);
}

/// Whole seconds, rounded up.
fn seconds(left: Duration) -> u64 {
    left.as_secs() + u64::from(left.subsec_millis() > 0)
}

fn took(time: Duration) -> String {
    match time.as_micros() {
        us @ ..1_000 => format!("{us} µs"),
        us => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
    }
}

//! The areas of the screen for a given size.

use ratatui::layout::Rect;

use super::app::App;
use crate::{edit, flow};

/// The areas of the screen; a part without a place has an empty area.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Areas {
    pub(crate) topic: Rect,
    pub(crate) rooms: Rect,
    pub(crate) messages: Rect,
    pub(crate) people: Rect,
    pub(crate) status: Rect,
    pub(crate) input: Rect,
}

/// Which parts fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fits {
    Everything,
    /// Messages and the draft.
    Little,
    Nothing,
}

pub(crate) fn fits((columns, rows): (u16, u16)) -> Fits {
    match (columns, rows) {
        (..20, _) | (_, ..4) => Fits::Nothing,
        (..40, _) | (_, ..8) => Fits::Little,
        _ => Fits::Everything,
    }
}

/// The areas for a terminal of `size`, with `written` rows of draft.
pub(crate) fn areas(size: (u16, u16), written: usize) -> Areas {
    let (columns, rows) = size;
    match fits(size) {
        Fits::Nothing => Areas::default(),
        Fits::Little => {
            let input = u16::try_from(written).unwrap_or(rows).clamp(1, (rows / 3).max(1));
            Areas {
                messages: Rect::new(0, 0, columns, rows - input),
                input: Rect::new(0, rows - input, columns, input),
                ..Areas::default()
            }
        }
        Fits::Everything => {
            let input = u16::try_from(written).unwrap_or(rows).clamp(1, (rows / 3).max(1));
            let left = (columns / 5).clamp(12, 22);
            let right = if columns < 72 { 0 } else { (columns / 6).clamp(12, 22) };
            let height = rows - 2 - input;
            Areas {
                topic: Rect::new(0, 0, columns, 1),
                rooms: Rect::new(0, 1, left, height),
                // One column as a gap, and one at the edge for characters that a terminal draws too wide.
                messages: Rect::new(left + 1, 1, columns - left - right - 2, height),
                people: Rect::new(columns - right, 1, right, height),
                status: Rect::new(0, rows - 1 - input, columns, 1),
                input: Rect::new(0, rows - input, columns, input),
            }
        }
    }
}

/// The areas of the present screen.
pub(crate) fn now(app: &App) -> Areas {
    let columns = usize::from(app.size.0);
    let written = app.room().map_or(1, |room| edit::rows(&room.draft, columns).0.len());
    areas(app.size, written)
}

/// The columns and rows of the area for messages.
pub(crate) fn messages(app: &App) -> (usize, usize) {
    let area = now(app).messages;
    (area.width.into(), area.height.into())
}

/// The index of the room that the list shows at this cell.
pub(crate) fn room_at(app: &App, column: u16, row: u16) -> Option<usize> {
    let area = now(app).rooms;
    let is_there = column < area.right() && (area.top()..area.bottom()).contains(&row);
    is_there
        .then(|| first_room(app, area.height) + usize::from(row - area.top()))
        .filter(|at| *at < app.rooms.len())
}

/// The index of the first room in the list's view, chosen so that the current room is in view.
pub(crate) fn first_room(app: &App, height: u16) -> usize {
    (app.current + 1).saturating_sub(height.into())
}

/// `text`, shortened to `columns`.
pub(crate) fn short(text: &str, columns: u16) -> String {
    flow::shortened(text, columns.into())
}

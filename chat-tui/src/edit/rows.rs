//! The rows of the line being edited, and the cursor in them.

use chat_front::text::Sanitized;

use super::editor::Editor;
use crate::flow::{clusters, text_width};

/// The rows of `editor` on so many columns, and the column and row of the cursor.
pub(crate) fn rows(editor: &Editor, columns: usize) -> (Vec<String>, (usize, usize)) {
    // Room for the prompt, and for the cursor after the last character.
    let columns = columns.saturating_sub(PROMPT.len() + 1).max(2);
    let mut rows = vec![String::new()];
    let (mut column, mut cursor) = (0, (0, 0));
    for (at, cluster) in clusters(editor.text()) {
        if at == editor.cursor() {
            cursor = (column, rows.len() - 1);
        }
        if cluster == "\n" {
            rows.push(String::new());
            column = 0;
            continue;
        }
        // Pasted text may be hostile, so it is sanitized like a message.
        let shown = Sanitized::line(cluster).to_string();
        let wide = text_width(&shown);
        if column + wide > columns {
            rows.push(String::new());
            column = 0;
            if at == editor.cursor() {
                cursor = (0, rows.len() - 1);
            }
        }
        column += wide;
        if let Some(row) = rows.last_mut() {
            row.push_str(&shown);
        }
    }
    if editor.cursor() == editor.text().len() {
        cursor = (column, rows.len() - 1);
    }
    (rows, cursor)
}

/// The prompt before the first row.
pub(crate) const PROMPT: &str = "> ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_where_the_next_character_goes() {
        let drawn = |text: &str| rows(&Editor::with(text), 13);
        assert_eq!(drawn(""), (vec![String::new()], (0, 0)));
        assert_eq!(drawn("中文"), (vec!["中文".to_owned()], (4, 0)));
        assert_eq!(drawn("a\nbc"), (vec!["a".to_owned(), "bc".to_owned()], (2, 1)));
        assert_eq!(drawn("0123456789"), (vec!["0123456789".to_owned()], (10, 0)));
        assert_eq!(drawn("0123456789x"), (vec!["0123456789".to_owned(), "x".to_owned()], (1, 1)));
        assert_eq!(drawn("a\u{202e}b").0, ["a\\u{202e}b"]);
    }
}

//! The scroll position of a room: its end, or a row of an item, which stays while items are added around it.

use super::backlog::Backlog;

/// A scroll position.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Scroll {
    /// The newest row is at the bottom of the view.
    #[default]
    Bottom,
    /// This row of the item with this identity is at the top of the view.
    At(i64, usize),
}

/// A row, by the index of its item and its index there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Top {
    pub(crate) item: usize,
    pub(crate) row: usize,
}

/// The items to scroll in, and the number of rows of each.
pub(crate) struct Rows<F> {
    pub(crate) items: usize,
    pub(crate) of: F,
}

impl<F: Fn(usize) -> usize> Rows<F> {
    /// The row at the top when the last row is at the bottom of `height` rows.
    fn end(&self, height: usize) -> Top {
        self.before(Top { item: self.items, row: 0 }, height)
    }

    /// The row that is `rows` above `top`.
    fn before(&self, top: Top, mut rows: usize) -> Top {
        let Top { mut item, mut row } = top;
        loop {
            if rows <= row {
                return Top { item, row: row - rows };
            }
            if item == 0 {
                return Top { item: 0, row: 0 };
            }
            rows -= row;
            item -= 1;
            row = (self.of)(item);
        }
    }

    /// The row that is `rows` below `top`.
    fn after(&self, top: Top, rows: usize) -> Top {
        let Top { mut item, row } = top;
        let mut rows = row + rows;
        while item < self.items {
            let here = (self.of)(item);
            if rows < here {
                break;
            }
            rows -= here;
            item += 1;
        }
        Top { item, row: if item < self.items { rows } else { 0 } }
    }

    /// Whether everything from `top` on fits `height` rows.
    fn fits(&self, top: Top, height: usize) -> bool {
        let mut rows = 0;
        for item in top.item..self.items {
            rows += (self.of)(item);
            if rows > height + top.row {
                return false;
            }
        }
        true
    }
}

impl Scroll {
    /// The first row in view.
    pub(crate) fn top(self, backlog: &Backlog, rows: &Rows<impl Fn(usize) -> usize>, height: usize) -> Top {
        match self {
            Scroll::Bottom => rows.end(height),
            Scroll::At(id, row) => {
                let item = backlog.position(id).min(rows.items.saturating_sub(1));
                let most = if rows.items == 0 { 0 } else { (rows.of)(item).saturating_sub(1) };
                Top { item, row: row.min(most) }
            }
        }
    }

    /// The position `by` rows further up.
    pub(crate) fn up(
        self,
        by: usize,
        backlog: &Backlog,
        rows: &Rows<impl Fn(usize) -> usize>,
        height: usize,
    ) -> Scroll {
        let top = rows.before(self.top(backlog, rows, height), by);
        if rows.fits(top, height) { Scroll::Bottom } else { Scroll::At(backlog.id(top.item), top.row) }
    }

    /// The position `by` rows further down. `ends` says whether the last item is the newest of the room.
    pub(crate) fn down(
        self,
        by: usize,
        backlog: &Backlog,
        rows: &Rows<impl Fn(usize) -> usize>,
        height: usize,
        ends: bool,
    ) -> Scroll {
        if self == Scroll::Bottom {
            return self;
        }
        let top = rows.after(self.top(backlog, rows, height), by);
        match rows.fits(top, height) {
            true if ends => Scroll::Bottom,
            true => {
                let end = rows.end(height);
                Scroll::At(backlog.id(end.item), end.row)
            }
            false => Scroll::At(backlog.id(top.item), top.row),
        }
    }
}

#[cfg(test)]
mod tests {
    use chat_core::wire::{Author, Body, EntryFrame};

    use super::*;

    fn entries(seqs: std::ops::RangeInclusive<u64>) -> Vec<EntryFrame> {
        let entry = |seq| EntryFrame {
            room: "lobby".to_owned(),
            seq,
            author: Author::person("ana"),
            to: None,
            at: 0,
            body: Body::message("hi"),
        };
        seqs.map(entry).collect()
    }

    /// Items 0, 1, 2, … have 1, 2, 3, 1, 2, 3, … rows.
    fn rows(items: usize) -> Rows<impl Fn(usize) -> usize> {
        Rows { items, of: |item| item % 3 + 1 }
    }

    #[test]
    fn it_moves_by_rows_and_ends_at_the_ends() {
        let mut backlog = Backlog::default();
        backlog.take_around(&entries(101..=112)); // 24 rows
        let up = Scroll::Bottom.up(1, &backlog, &rows(12), 10);
        assert_eq!(up, Scroll::At(backlog.id(7), 0), "row 13 of 24");
        assert_eq!(up.down(1, &backlog, &rows(12), 10, true), Scroll::Bottom);
        assert_eq!(up.up(2, &backlog, &rows(12), 10), Scroll::At(backlog.id(5), 2));
        assert_eq!(up.up(100, &backlog, &rows(12), 10), Scroll::At(backlog.id(0), 0));
        assert_eq!(Scroll::Bottom.up(5, &backlog, &rows(12), 24), Scroll::Bottom, "everything is in view");
    }

    #[test]
    fn what_is_in_view_stays_while_older_comes_above_and_newer_below() {
        let mut backlog = Backlog::default();
        backlog.take_around(&entries(101..=112));
        let scroll = Scroll::Bottom.up(7, &backlog, &rows(12), 10);
        let seq = |backlog: &Backlog, scroll: Scroll| {
            let top = scroll.top(backlog, &rows(backlog.len()), 10);
            backlog.get(top.item).unwrap().seq()
        };
        let before = seq(&backlog, scroll);
        backlog.take_older(&entries(41..=100));
        for entry in &entries(113..=150) {
            backlog.news(entry.into(), true);
        }
        assert_eq!(backlog.len(), 110);
        assert_eq!(seq(&backlog, scroll), before);
    }
}

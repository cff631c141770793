//! Tables, as kubectl aligns them.

use super::screen::{Paint, Tone};

/// A table with a line of titles.
pub(super) struct Table {
    rows: Vec<Vec<(String, Option<Tone>)>>,
}

/// Spaces between columns.
const GAP: usize = 3;

impl Table {
    /// With these titles.
    pub(super) fn new(titles: &[&str]) -> Self {
        let titles = titles.iter().map(|title| ((*title).to_owned(), Some(Tone::Title)));
        Self { rows: vec![titles.collect()] }
    }

    /// One more row; a cell has a colour where it says something by it.
    pub(super) fn row(&mut self, cells: Vec<(String, Option<Tone>)>) {
        self.rows.push(cells);
    }

    /// The lines, without spaces at their ends.
    pub(super) fn lines(&self, paint: Paint) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|(text, _)| text.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<(String, Option<Tone>)>| {
            let last = row.iter().rposition(|(text, _)| !text.is_empty()).unwrap_or(0);
            let cells = row.iter().take(last + 1).enumerate().map(|(column, (text, tone))| {
                let shown = tone.map_or_else(|| text.clone(), |tone| paint.text(tone, text));
                let pad = widths.get(column).map_or(0, |width| width - text.chars().count() + GAP);
                if column == last { shown } else { format!("{shown}{}", " ".repeat(pad)) }
            });
            cells.collect::<String>()
        };
        self.rows.iter().map(line).collect()
    }
}

/// A cell without a colour.
pub(super) fn cell(text: impl ToString) -> (String, Option<Tone>) {
    (text.to_string(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_without_spaces() {
        let mut table = Table::new(&["A", "LONG"]);
        table.row(vec![cell("first"), cell("x")]);
        table.row(vec![cell("b"), cell("")]);
        assert_eq!(table.lines(Paint::default()), ["A       LONG", "first   x", "b"]);
    }
}

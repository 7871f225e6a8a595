//! Columns for people.

use std::fmt;

/// Rows under a heading, each column as wide as it needs; the first is set left, figures right.
pub(crate) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(heading: [&str; N]) -> Self {
        Self {
            rows: vec![heading.map(ToOwned::to_owned)],
        }
    }

    pub(crate) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            self.rows
                .iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: [usize; N] = std::array::from_fn(width);
        let is_figure = |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        for (at, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
                if column > 0 && at > 0 && is_figure(cell) {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            let newline = if at + 1 < self.rows.len() { "\n" } else { "" };
            write!(f, "{}{newline}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_right_and_words_left() {
        let mut table = Table::new(["model", "auc"]);
        table.row(["a".to_owned(), "0.5".to_owned()]);
        table.row(["bb".to_owned(), "10.25".to_owned()]);
        assert_eq!(table.to_string(), "model  auc\na        0.5\nbb     10.25");
    }
}

//! How many rows of a target are taken at a time: few of one that does not keep up, and no more bytes than its share.
//! Pure.

/// The first bite, and the next one after a failure.
const FIRST: usize = 2;

/// Grows while the target takes what it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appetite {
    rows_max: usize,
    /// The target's share of the memory for rows.
    bytes_max: usize,
    rows: usize,
    /// Rows taken and not settled, and their bytes.
    held: (usize, usize),
}

impl Appetite {
    /// Never more than `rows_max` rows at a time, nor much more than `bytes_max` bytes in all; always one row.
    pub fn new(rows_max: usize, bytes_max: usize) -> Self {
        let rows_max = rows_max.max(1);
        Self { rows_max, bytes_max, rows: FIRST.min(rows_max), held: (0, 0) }
    }

    /// From now on this many bytes.
    pub fn share(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    /// How many rows may be asked for; none while the share is used up. Those to come are taken to be as large as
    /// those that are here.
    pub fn rows(&self) -> usize {
        let (rows, bytes) = self.held;
        if rows == 0 {
            return self.rows;
        }
        let fitting = self.bytes_max.saturating_sub(bytes) / (bytes / rows).max(1);
        self.rows.min(fitting)
    }

    /// Rows of so many bytes came, all that were asked for or fewer.
    pub fn took(&mut self, rows: usize, bytes: usize, all: bool) {
        self.held = (self.held.0 + rows, self.held.1 + bytes);
        if all {
            self.rows = (self.rows * 2).min(self.rows_max);
        }
    }

    /// A row was settled.
    pub fn settled(&mut self, bytes: usize) {
        self.held = (self.held.0.saturating_sub(1), self.held.1.saturating_sub(bytes));
    }

    /// The target did not take what it was given.
    pub fn lost(&mut self) {
        self.rows = FIRST.min(self.rows_max);
    }
}

#[cfg(test)]
mod tests;

//! Lists of partitions as people write them: `0-5,24-25`.

/// The highest partition that a list may name: far above any sane topic, and no typing error makes a list of millions.
const PARTITION_MAX: i32 = 99_999;

/// Why a list of partitions was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The text has no partitions at all.
    #[error("a list of partitions is empty, write one such as \"0-5,24-25\"")]
    Empty,
    /// A part is neither a number nor two with a dash between.
    #[error("`{0}` is not a partition or a range such as \"0-5\"")]
    Shape(String),
    /// A range that runs backwards.
    #[error("range `{0}` ends before it begins")]
    Backwards(String),
    /// A number beyond what a topic has.
    #[error("`{0}` is beyond partition {PARTITION_MAX}")]
    Beyond(String),
    /// The same partition twice.
    #[error("partition {0} is listed twice")]
    Twice(i32),
}

/// Reads `"0-5,24-25"`: ascending, each partition once; blanks are allowed around numbers.
pub fn parse_ranges(text: &str) -> Result<Vec<i32>, RangeError> {
    if text.trim().is_empty() {
        return Err(RangeError::Empty);
    }
    let mut list = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (from, to) = match part.split_once('-') {
            Some((from, to)) => (number(from, part)?, number(to, part)?),
            None => (number(part, part)?, number(part, part)?),
        };
        if to < from {
            return Err(RangeError::Backwards(part.into()));
        }
        list.extend(from..=to);
    }
    list.sort_unstable();
    match list.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(RangeError::Twice(pair[0])),
        None => Ok(list),
    }
}

fn number(text: &str, part: &str) -> Result<i32, RangeError> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RangeError::Shape(part.into()));
    }
    match text.parse() {
        Ok(number) if number <= PARTITION_MAX => Ok(number),
        _ => Err(RangeError::Beyond(part.into())),
    }
}

//! Lines of a textual log: where each starts and ends, and whether it may say something of its own.

#![forbid(unsafe_code)]

use crate::fold::NOT_EXTENDED;

/// What a dialect says of lines.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// Whether a line that is empty, or starts with `#`, extends nothing.
    pub comments: bool,
    /// Bytes that the dialect strips at both ends of a line.
    pub edges: Vec<u8>,
    /// What stands for the log's register.
    pub register: u32,
    /// How a line begins that may be more than a record.
    pub keywords: Vec<Vec<u8>>,
}

/// Lines that the scanner noted: a batch, which the caller takes away before it asks for the next.
#[derive(Debug, Default)]
pub struct Rows {
    /// First byte of each line.
    pub offsets: Vec<u64>,
    /// The byte after the last of each, its end not counted.
    pub stops: Vec<u64>,
    /// The register that each extends.
    pub registers: Vec<u32>,
    /// Rows of the batch that begin with a keyword.
    pub likely: Vec<u32>,
}

impl Rows {
    /// Forget the batch and keep its memory.
    pub fn clear(&mut self) {
        self.offsets.clear();
        self.stops.clear();
        self.registers.clear();
        self.likely.clear();
    }
}

/// Note the lines from an offset on; where the next batch starts, or `None` if a line has something to strip.
pub fn run(data: &[u8], start: usize, dialect: &Dialect, most: usize, rows: &mut Rows) -> Option<usize> {
    let mut position = start;
    while position < data.len() && rows.offsets.len() < most {
        let rest = &data[position..];
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..length];
        let stripped = |byte: Option<&u8>| byte.is_some_and(|byte| dialect.edges.contains(byte));
        if stripped(line.first()) || stripped(line.last()) || (!dialect.edges.is_empty() && line.contains(&b'\r')) {
            return None;
        }
        let silent = dialect.comments && matches!(line.first(), None | Some(b'#'));
        if dialect.keywords.iter().any(|keyword| line.starts_with(keyword)) {
            rows.likely.push(rows.offsets.len() as u32);
        }
        rows.offsets.push(position as u64);
        rows.stops.push((position + length) as u64);
        rows.registers.push(if silent { NOT_EXTENDED } else { dialect.register });
        position += length + 1;
    }
    Some(position.min(data.len()))
}

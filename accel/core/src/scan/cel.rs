//! Runs of CEL-TLV records (TCG Canonical Event Log Format 1.1, section 5.1).

#![forbid(unsafe_code)]

use super::Stop;

/// The last type that is no content.
const DIGESTS: u8 = 3;
const PCCLIENT: u8 = 5;
const IMA_TEMPLATE: u8 = 7;
const EV_NO_ACTION: u32 = 3;
const EV_EFI_HCRTM_EVENT: u32 = 0x8000_0010;

/// What records have in common: where their type and length fields are, and what these say.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Type and length of a field, and the distance from the start of the record to it.
    pub heads: Vec<(usize, [u8; 5])>,
    /// Distance and width of the record number.
    pub recnum: (usize, usize),
    /// Distance and width of the index.
    pub index: (usize, usize),
    /// Distance and size of each digest.
    pub digests: Vec<(usize, usize)>,
    /// Bytes of a record before its content, type and length of the content included.
    pub fixed: usize,
}

/// Rows that the scanner noted: a batch, which the caller takes away before it asks for the next.
#[derive(Debug, Default)]
pub struct Rows {
    /// First byte of each record.
    pub offsets: Vec<u64>,
    /// The index of each record.
    pub indices: Vec<u32>,
    /// The number of each record.
    pub recnums: Vec<u64>,
    /// Rows of the batch that extend nothing.
    pub silent: Vec<u32>,
    /// Rows of the batch that bear on start values.
    pub notable: Vec<u32>,
    /// Rows of the batch whose content has not been read, or whose digests are not what is extended.
    pub unread: Vec<u32>,
    /// The content types met besides pcclient_std, each once in a batch.
    pub types: Vec<u8>,
}

impl Rows {
    /// Forget the batch and keep its memory.
    pub fn clear(&mut self) {
        self.offsets.clear();
        self.indices.clear();
        self.recnums.clear();
        self.silent.clear();
        self.notable.clear();
        self.unread.clear();
        self.types.clear();
    }
}

/// Note records of this shape, from an offset on.
pub fn run(data: &[u8], start: usize, shape: &Shape, most: usize, rows: &mut Rows) -> Stop {
    let mut position = start;
    while rows.offsets.len() < most {
        let Some(record) = record(data, position, shape) else {
            return Stop::Odd(position);
        };
        note(position, &record, shape, rows);
        position += record.whole.len();
    }
    Stop::Full(position)
}

struct Record<'a> {
    whole: &'a [u8],
    recnum: u64,
    index: u32,
    content_type: u8,
    content: &'a [u8],
}

fn record<'a>(data: &'a [u8], position: usize, shape: &Shape) -> Option<Record<'a>> {
    let rest = data.get(position..)?;
    let head = rest.get(..shape.fixed)?;
    for (distance, expected) in &shape.heads {
        if head.get(*distance..)?.first_chunk() != Some(expected) {
            return None;
        }
    }
    let (content_type, size) = field(head, shape.fixed.checked_sub(5)?)?;
    if content_type <= DIGESTS {
        return None;
    }
    let whole = rest.get(..shape.fixed.checked_add(size)?)?;
    Some(Record {
        whole,
        recnum: number(head, shape.recnum.0, shape.recnum.1)?,
        index: u32::try_from(number(head, shape.index.0, shape.index.1)?).ok()?,
        content_type,
        content: &whole[shape.fixed..],
    })
}

fn note(position: usize, record: &Record<'_>, shape: &Shape, rows: &mut Rows) {
    let row = rows.offsets.len() as u32;
    match record.content_type {
        PCCLIENT => match event_type(record.content) {
            None => rows.unread.push(row),
            Some(EV_NO_ACTION) => {
                rows.silent.push(row);
                rows.notable.push(row);
            }
            Some(EV_EFI_HCRTM_EVENT) => rows.notable.push(row),
            Some(_) => {}
        },
        other => {
            if !rows.types.contains(&other) {
                rows.types.push(other);
            }
            let plain = other == IMA_TEMPLATE && is_template(record.content);
            if !plain || shape.digests.iter().any(|&(distance, size)| is_zero(record.whole, distance, size)) {
                rows.unread.push(row);
            }
        }
    }
    rows.offsets.push(position as u64);
    rows.indices.push(record.index);
    rows.recnums.push(record.recnum);
}

/// Type and length of the TLV at an offset.
fn field(data: &[u8], at: usize) -> Option<(u8, usize)> {
    let &[number, ref length @ ..] = data.get(at..)?.first_chunk::<5>()?;
    Some((number, u32::from_be_bytes(*length) as usize))
}

/// A big-endian integer of up to eight bytes.
fn number(data: &[u8], at: usize, width: usize) -> Option<u64> {
    let bytes = data.get(at..at.checked_add(width)?)?;
    // The usual width without a loop.
    if let &[a, b, c, d] = bytes {
        return Some(u64::from(u32::from_be_bytes([a, b, c, d])));
    }
    (width <= 8).then(|| bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

/// The event type of a pcclient_std content with fields in order; `None` for any other.
fn event_type(content: &[u8]) -> Option<u32> {
    let (first, width) = field(content, 0)?;
    let after = width.checked_add(5)?;
    let (second, length) = field(content, after)?;
    let whole = first == 0 && (1..=4).contains(&width) && second == 1 && length == content.len() - after - 5;
    whole.then(|| number(content, 5, width).map(|number| number as u32)).flatten()
}

/// Whether an ima_template content is its two fields in order, the name being ASCII.
fn is_template(content: &[u8]) -> bool {
    let template = || {
        let (first, length) = field(content, 0)?;
        let after = length.checked_add(5)?;
        let (second, rest) = field(content, after)?;
        Some(first == 0 && second == 1 && rest == content.len() - after - 5 && content.get(5..after)?.is_ascii())
    };
    content.len() >= 10 && template() == Some(true)
}

fn is_zero(data: &[u8], at: usize, size: usize) -> bool {
    data.get(at..).and_then(|rest| rest.get(..size)).is_some_and(|digest| digest.iter().all(|&byte| byte == 0))
}

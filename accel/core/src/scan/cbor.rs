//! Runs of CEL-CBOR records of PC Client events (TCG Canonical Event Log Format 1.1, section 5.2).

#![forbid(unsafe_code)]

use super::Stop;

const EV_NO_ACTION: u32 = 3;
const EV_EFI_HCRTM_EVENT: u32 = 0x8000_0010;

/// What records have in common: which bytes are the same in all of them, and where the rest is.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Bytes that are the same in all records, and the distance to them from the start of the record.
    pub constants: Vec<(usize, Vec<u8>)>,
    /// The record number, the register, the event type and the length of the data.
    pub numbers: [Number; 4],
    /// What the byte of the length says besides it.
    pub inline: u64,
    /// Bytes of a record before its data.
    pub fixed: usize,
    /// The first index that is no register's.
    pub registers: u64,
    /// Event types that are not for this scanner.
    pub odd: Vec<u32>,
}

/// A number in a record: a big-endian integer.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// Bytes from the start of the record.
    pub at: usize,
    /// Bytes of the number.
    pub width: usize,
    /// The least that would be encoded so.
    pub least: u64,
    /// The most that would be.
    pub most: u64,
}

/// Rows that the scanner noted: a batch, which the caller takes away before it asks for the next.
#[derive(Debug, Default)]
pub struct Rows {
    /// First byte of each record.
    pub offsets: Vec<u64>,
    /// The number of each record.
    pub recnums: Vec<u64>,
    /// The index of each record.
    pub indices: Vec<u32>,
    /// Rows of the batch that extend nothing.
    pub silent: Vec<u32>,
    /// Rows of the batch that bear on start values.
    pub notable: Vec<u32>,
}

impl Rows {
    /// Forget the batch and keep its memory.
    pub fn clear(&mut self) {
        self.offsets.clear();
        self.recnums.clear();
        self.indices.clear();
        self.silent.clear();
        self.notable.clear();
    }
}

/// Note records of this shape, from an offset on.
pub fn run(data: &[u8], start: usize, shape: &Shape, most: usize, rows: &mut Rows) -> Stop {
    let mut position = start;
    while rows.offsets.len() < most {
        let Some((recnum, index, event_type, size)) = record(data, position, shape) else {
            return Stop::Odd(position);
        };
        let row = rows.offsets.len() as u32;
        if event_type == EV_NO_ACTION {
            rows.silent.push(row);
        }
        if event_type == EV_NO_ACTION || event_type == EV_EFI_HCRTM_EVENT {
            rows.notable.push(row);
        }
        rows.offsets.push(position as u64);
        rows.recnums.push(recnum);
        rows.indices.push(index);
        position += size;
    }
    Stop::Full(position)
}

/// Number, index, event type and size of a record.
fn record(data: &[u8], position: usize, shape: &Shape) -> Option<(u64, u32, u32, usize)> {
    let rest = data.get(position..)?;
    let head = rest.get(..shape.fixed)?;
    for (distance, expected) in &shape.constants {
        if !head.get(*distance..)?.starts_with(expected) {
            return None;
        }
    }
    let [recnum, index, event_type, length] = shape.numbers.map(|number| number.of(head));
    let (index, event_type) = (index?, u32::try_from(event_type?).ok()?);
    if index >= shape.registers || shape.odd.contains(&event_type) {
        return None;
    }
    let length = usize::try_from(length?.checked_sub(shape.inline)?).ok()?;
    let size = shape.fixed.checked_add(length)?;
    (0 < size && size <= rest.len()).then_some(())?;
    Some((recnum?, u32::try_from(index).ok()?, event_type, size))
}

impl Number {
    /// The number, if it would be encoded so.
    fn of(self, head: &[u8]) -> Option<u64> {
        let bytes = head.get(self.at..self.at.checked_add(self.width)?)?;
        let number = match *bytes {
            [byte] => u64::from(byte),
            [a, b] => u64::from(u16::from_be_bytes([a, b])),
            [a, b, c, d] => u64::from(u32::from_be_bytes([a, b, c, d])),
            _ => u64::from_be_bytes(bytes.try_into().ok()?),
        };
        (self.least <= number && number <= self.most).then_some(number)
    }
}

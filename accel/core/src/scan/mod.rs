//! Scanners: runs of regular records noted as columns.
//!
//! A scanner goes over records as long as they are ordinary and stops in front of the first that is not: padding,
//! damage, another digest list, the end. Whoever called looks at that record, so there is one place that judges what
//! is odd, and it is not here.

#![forbid(unsafe_code)]

pub mod cbor;
pub mod cel;
pub mod counting;
pub mod ima;
pub mod ima_text;
pub mod tcg;
pub mod text;

use crate::fold::NOT_EXTENDED;

/// Rows that a scanner noted: a batch, which the caller takes away before it asks for the next.
#[derive(Debug, Default)]
pub struct Rows {
    /// First byte of each record.
    pub offsets: Vec<u64>,
    /// The register that each extends, or [`NOT_EXTENDED`].
    pub registers: Vec<u32>,
    /// Rows of the batch that the caller must look at: they bear on start values.
    pub notable: Vec<u32>,
}

impl Rows {
    /// Forget the batch and keep its memory.
    pub fn clear(&mut self) {
        self.offsets.clear();
        self.registers.clear();
        self.notable.clear();
    }

    fn push(&mut self, offset: usize, register: Option<u32>) {
        self.offsets.push(offset as u64);
        self.registers.push(register.unwrap_or(NOT_EXTENDED));
    }
}

/// Where a scanner stopped, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The batch has as many rows as it may: there may be more at this offset.
    Full(usize),
    /// The record at this offset is not an ordinary one.
    Odd(usize),
}

/// The four bytes at an offset, as a little-endian number; `None` beyond the end.
fn u32_le(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*data.get(at..)?.first_chunk()?))
}

/// The two bytes at an offset, as a little-endian number; `None` beyond the end.
fn u16_le(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*data.get(at..)?.first_chunk()?))
}

/// Where some bytes stand first between two offsets; `None` where they do not.
pub fn find(data: &[u8], wanted: &[u8], start: usize, stop: usize) -> Option<usize> {
    let part = data.get(start..stop.min(data.len()))?;
    let found = match *wanted {
        // Of the same byte again and again memmem sees every other one.
        [byte, ref rest @ ..] if rest.len() >= 7 && rest.iter().all(|&other| other == byte) => {
            find_run(part, byte, wanted.len())
        }
        _ => memchr::memmem::find(part, wanted),
    };
    found.map(|at| start + at)
}

/// Where a byte stands so many times in a row: one in as many bytes is looked at, and more around those that are it.
fn find_run(data: &[u8], byte: u8, count: usize) -> Option<usize> {
    let mut from = 0;
    let mut at = count - 1;
    while let Some(&found) = data.get(at) {
        if found == byte {
            let start = data[from..at].iter().rposition(|&other| other != byte).map_or(from, |odd| from + odd + 1);
            match data.get(at..start + count)?.iter().position(|&other| other != byte) {
                None => return Some(start),
                Some(odd) => at += odd,
            }
        }
        from = at + 1;
        at += count;
    }
    None
}

//! Runs of TCG 1.2 and TCG2 records (TCG PC Client Platform Firmware Profile 1.06, sections 9 and 10).

#![forbid(unsafe_code)]

use super::{Rows, Stop, u16_le, u32_le};

const EV_NO_ACTION: u32 = 3;
const EV_EFI_HCRTM_EVENT: u32 = 0x8000_0010;
/// Bytes of a TCG_PCR_EVENT before its data.
const RECORD1: usize = 32;

/// Registers that replay can follow: from the first to the last of them.
#[derive(Clone, Copy, Debug)]
pub struct Followed {
    /// 0 for PCRs, 1 for CC measurement registers: MRTD is extended by no event.
    pub lowest: u32,
    /// The last PCR.
    pub highest: u32,
}

impl Followed {
    fn register(self, index: u32, event_type: u32) -> Option<u32> {
        (event_type != EV_NO_ACTION && (self.lowest..=self.highest).contains(&index)).then_some(index)
    }
}

/// The digest list of TCG_PCR_EVENT2 records that are alike.
#[derive(Clone, Debug)]
pub struct DigestList {
    /// How many digests there are.
    pub count: u32,
    /// For each, the distance from the start of the record to its algorithm, and the algorithm.
    pub algorithms: Vec<(usize, u16)>,
    /// Bytes of a record before its event data.
    pub fixed: usize,
}

/// Note TCG_PCR_EVENT2 records with this digest list, from an offset on.
pub fn run2(data: &[u8], start: usize, list: &DigestList, followed: Followed, most: usize, rows: &mut Rows) -> Stop {
    let mut position = start;
    while rows.offsets.len() < most {
        let Some(following) = record2(data, position, list) else {
            return Stop::Odd(position);
        };
        note(data, position, followed, rows, u32_le);
        position = following;
    }
    Stop::Full(position)
}

/// The end of an ordinary TCG_PCR_EVENT2 with this digest list, or `None`: padding is not one.
fn record2(data: &[u8], position: usize, list: &DigestList) -> Option<usize> {
    let body = position.checked_add(list.fixed)?;
    let record = data.get(position..body)?;
    if u32_le(record, 8)? != list.count || record.starts_with(&[0xFF; 8]) || record.starts_with(&[0; 16]) {
        return None;
    }
    for &(distance, algorithm) in &list.algorithms {
        if u16_le(record, distance)? != algorithm {
            return None;
        }
    }
    let size = u32_le(record, list.fixed.checked_sub(4)?)? as usize;
    body.checked_add(size).filter(|&end| end <= data.len())
}

/// Note TCG_PCR_EVENT records, from an offset on.
pub fn run1(data: &[u8], start: usize, big_endian: bool, followed: Followed, most: usize, rows: &mut Rows) -> Stop {
    let number = if big_endian { u32_be } else { u32_le };
    let mut position = start;
    while rows.offsets.len() < most {
        let Some(following) = record1(data, position, number) else {
            return Stop::Odd(position);
        };
        note(data, position, followed, rows, number);
        position = following;
    }
    Stop::Full(position)
}

/// The end of an ordinary TCG_PCR_EVENT, or `None`: padding is not one.
fn record1(data: &[u8], position: usize, number: Number) -> Option<usize> {
    let body = position.checked_add(RECORD1)?;
    let record = data.get(position..body)?;
    if record.starts_with(&[0xFF; 8]) || record == [0; RECORD1] {
        return None;
    }
    let size = number(record, 28)? as usize;
    body.checked_add(size).filter(|&end| end <= data.len())
}

type Number = fn(&[u8], usize) -> Option<u32>;

fn u32_be(data: &[u8], at: usize) -> Option<u32> {
    u32_le(data, at).map(u32::swap_bytes)
}

/// Note a record that has its first eight bytes: register and event type.
fn note(data: &[u8], position: usize, followed: Followed, rows: &mut Rows, number: Number) {
    let index = number(data, position).unwrap_or_default();
    let event_type = number(data, position + 4).unwrap_or_default();
    if matches!(event_type, EV_NO_ACTION | EV_EFI_HCRTM_EVENT) {
        rows.notable.push(rows.offsets.len() as u32);
    }
    rows.push(position, followed.register(index, event_type));
}

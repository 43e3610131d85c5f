//! CEL-CBOR: a record is a map of the number (0), the PCR (1), the digests (3), the content's type (9), which is 5, and the
//! content (10), a map of the event type (0) and the data (1) (TCG Canonical Event Log Format 1.1, section 5.2). Integers
//! are as short as can be (RFC 8949, section 4.2.1).
#![no_main]

use evlog_accel_core::scan::cbor::{Number, Rows, Shape, run};
use evlog_accel_fuzz::{Options, Row, check, marks, split};
use libfuzzer_sys::fuzz_target;

/// What is noted of a row: number, index, and whether it is silent, notable.
type Noted = (u64, u32, [bool; 2]);

/// The first index that is no register's, and event types that are not for the scanner.
const REGISTERS: u64 = 0x0100_0000;
const ODD: [u32; 2] = [0x402, 0x403];

fuzz_target!(|input: &[u8]| {
    let Some((log, options)) = split(input) else { return };
    anything(log, &options);
    // The options say which of the first records the others are to be like.
    let begins = |&at: &usize| log[at] == 0xa5 && record(log, at).is_some();
    let starts: Vec<usize> = (0..log.len()).filter(begins).take(8).collect();
    let Some(&start) = starts.get(usize::from(options.choice) % starts.len().max(1)) else { return };
    let Some(first) = record(log, start) else { return };
    let shape = shape(&first);
    let log = &log[start..];
    let options = Options { cut: options.cut % (log.len() + 1), ..options };
    let read = |log: &[u8], position: usize| {
        let found = record(log, position)?;
        if found.layout != first.layout {
            return None;
        }
        let index = u32::try_from(found.numbers[1]).ok().filter(|&index| u64::from(index) < REGISTERS)?;
        let event_type = u32::try_from(found.numbers[2]).ok().filter(|event_type| !ODD.contains(event_type))?;
        let silent = event_type == 3;
        let noted: Noted = (found.numbers[0], index, [silent, silent || event_type == 0x8000_0010]);
        Some(Row { end: found.end, noted })
    };
    check(log, 0, &options, |log, at, most, batch| run(log, at, &shape, most, batch), rows, read);
});

fn rows(batch: &Rows) -> Vec<(u64, Noted)> {
    let count = batch.offsets.len();
    assert!(batch.indices.len() == count && batch.recnums.len() == count);
    let lists = [&batch.silent, &batch.notable].map(|list| marks(list, count));
    let noted = |row: usize| (batch.recnums[row], batch.indices[row], [lists[0][row], lists[1][row]]);
    (0..count).map(|row| (batch.offsets[row], noted(row))).collect()
}

/// A record: its four numbers, its end, and what records of its shape have in common: the widths of the numbers, and all
/// that is between them. Of a number in the first byte of its item the place is that byte.
struct Record {
    numbers: [u64; 4],
    places: [(usize, usize); 4],
    inline: [bool; 4],
    layout: (Vec<usize>, Vec<Vec<u8>>),
    digests: Vec<(usize, usize)>,
    end: usize,
}

/// Major type, number and end of the head of an item that is as short as can be.
fn head(log: &[u8], at: usize) -> Option<(u8, u64, usize)> {
    let &first = log.get(at)?;
    let (major, more) = (first >> 5, first & 31);
    if more < 24 {
        return Some((major, u64::from(more), at + 1));
    }
    let width = match more {
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let mut number = 0;
    for &byte in log.get(at + 1..at + 1 + width)? {
        number = number << 8 | u64::from(byte);
    }
    let least = [24, 1 << 8, 1 << 16, 1 << 32][width.ilog2() as usize];
    (number >= least).then_some((major, number, at + 1 + width))
}

fn record(log: &[u8], start: usize) -> Option<Record> {
    let mut at = start;
    let mut numbers = Vec::new();
    let mut places = Vec::new();
    let mut inline = Vec::new();
    let mut digests = Vec::new();
    let take = |at: &mut usize, bytes: &[u8]| {
        let found = log.get(*at..*at + bytes.len())? == bytes;
        *at += bytes.len();
        found.then_some(())
    };
    let mut item = |at: &mut usize, wanted: u8| {
        let (major, number, end) = head(log, *at)?;
        let width = (end - *at - 1).max(1);
        places.push((end - width - start, width));
        inline.push(end - *at == 1);
        numbers.push(number);
        *at = end;
        (major == wanted).then_some(number)
    };
    take(&mut at, b"\xa5\x00")?;
    item(&mut at, 0)?;
    take(&mut at, b"\x01")?;
    item(&mut at, 0)?;
    take(&mut at, b"\x03")?;
    let (major, count, end) = head(log, at)?;
    if major != 4 || count > 23 {
        return None;
    }
    at = end;
    for _ in 0..count {
        take(&mut at, b"\xa2\x00")?;
        let (major, _, end) = head(log, at)?;
        at = end;
        take(&mut at, b"\x01")?;
        let (string, size, end) = head(log, at)?;
        if (major, string) != (0, 2) || size > 128 {
            return None;
        }
        digests.push((end - start, size as usize));
        at = end + size as usize;
    }
    take(&mut at, b"\x09\x05\x0a\xa2\x00")?;
    item(&mut at, 0)?;
    take(&mut at, b"\x01")?;
    let length = item(&mut at, 2)?;
    let end = at.checked_add(usize::try_from(length).ok()?)?;
    log.get(..end)?;
    let places: [(usize, usize); 4] = places.try_into().ok()?;
    // All bytes up to the data but those of numbers and digests; of a number in more bytes the first one counts.
    let mut values: Vec<(usize, usize)> = places.iter().chain(&digests).copied().collect();
    values.sort_unstable();
    let (mut constants, mut behind) = (Vec::new(), 0);
    for &(place, width) in &values {
        constants.push(log.get(start + behind..start + place)?.to_vec());
        behind = place + width;
    }
    let layout = (places.iter().map(|&(_, width)| width).collect(), constants);
    let (numbers, inline) = (numbers.try_into().ok()?, inline.try_into().ok()?);
    Some(Record { numbers, places, inline, layout, digests, end })
}

/// The shape of a record, as evlog takes it from one.
fn shape(first: &Record) -> Shape {
    let mut values: Vec<(usize, usize)> = first.places.iter().chain(&first.digests).copied().collect();
    values.sort_unstable();
    let (mut constants, mut behind) = (Vec::new(), 0);
    for ((place, width), bytes) in values.iter().zip(&first.layout.1) {
        constants.push((behind, bytes.clone()));
        behind = place + width;
    }
    let number = |place: usize| {
        let (at, width) = first.places[place];
        let major = if place == 3 { 0x40 } else { 0 };
        let (least, most) = match first.inline[place] {
            true => (major, major + 23),
            false => ([24, 1 << 8, 1 << 16, 1 << 32][width.ilog2() as usize], u64::MAX),
        };
        Number { at, width, least, most }
    };
    let numbers = [0, 1, 2, 3].map(number);
    let inline = if first.inline[3] { 0x40 } else { 0 };
    Shape { constants, numbers, inline, fixed: behind, registers: REGISTERS, odd: ODD.to_vec() }
}

/// A shape that no record has: nothing to compare with, but nothing may go wrong.
fn anything(log: &[u8], options: &Options) {
    let number = |at| Number { at, width: options.most, least: 0, most: u64::MAX };
    for fixed in [options.cut, usize::MAX - options.most] {
        let shape = Shape {
            constants: vec![(fixed, vec![options.choice]), (options.most, Vec::new())],
            numbers: [number(0), number(options.cut), number(usize::MAX - options.most), number(1)],
            inline: options.cut as u64,
            fixed,
            registers: u64::MAX,
            odd: Vec::new(),
        };
        run(log, 0, &shape, options.most, &mut Rows::default());
    }
}

//! What the fuzz targets of scanners share: an input's options, a naive log, and the ways to scan the same bytes.

#![forbid(unsafe_code)]

use std::fmt::Debug;

use evlog_accel_core::NOT_EXTENDED;
use evlog_accel_core::scan::{Rows, Stop};

/// An input's last bytes say how it is scanned; what is before them is a log, so that samples are inputs as they are.
#[derive(Debug)]
pub struct Options {
    /// Rows of a small batch.
    pub most: usize,
    /// Where the log is cut off.
    pub cut: usize,
    /// Anything that a target wants to choose.
    pub choice: u8,
}

/// Split an input.
pub fn split(input: &[u8]) -> Option<(&[u8], Options)> {
    let (log, &[most, a, b, c, choice]) = input.split_last_chunk()?;
    let cut = u32::from_le_bytes([a, b, c, 0]) as usize % (log.len() + 1);
    Some((log, Options { most: usize::from(most % 8) + 1, cut, choice }))
}

/// The little- or big-endian number of four bytes at an offset, by arithmetic.
pub fn u32_at(log: &[u8], at: usize, big_endian: bool) -> Option<u32> {
    let mut number = 0;
    for place in 0..4 {
        let byte = u32::from(*log.get(at.checked_add(place)?)?);
        number += byte << (8 * if big_endian { 3 - place } else { place });
    }
    Some(number)
}

/// A row by a naive reader: where its record ends, and what the scanner is to note of it.
#[derive(Debug)]
pub struct Row<T> {
    pub end: usize,
    pub noted: T,
}

/// All rows by a naive reader from an offset on, each with its record's start, and the offset of what is no row.
pub fn naive<T>(log: &[u8], start: usize, read: impl Fn(usize) -> Option<Row<T>>) -> (Vec<(usize, Row<T>)>, usize) {
    let mut position = start;
    let mut rows = Vec::new();
    while let Some(row) = read(position) {
        assert!(position < row.end && row.end <= log.len(), "the naive reader is wrong");
        let end = row.end;
        rows.push((position, row));
        position = end;
    }
    (rows, position)
}

/// Scan in batches of so many rows; what `take` makes of each batch, one after the other, and where the scanner stopped.
pub fn batches<R: Default, T>(
    start: usize,
    most: usize,
    run: impl Fn(usize, usize, &mut R) -> Stop,
    take: impl Fn(&R) -> Vec<T>,
) -> (Vec<T>, usize) {
    let mut all = Vec::new();
    let mut position = start;
    loop {
        let mut rows = R::default();
        let stop = run(position, most, &mut rows);
        let noted = take(&rows);
        assert!(noted.len() <= most, "more rows than asked for");
        match stop {
            Stop::Full(next) => {
                assert!(noted.len() == most && next > position);
                all.extend(noted);
                position = next;
            }
            Stop::Odd(at) => {
                assert!(noted.len() < most && at >= position);
                all.extend(noted);
                return (all, at);
            }
        }
    }
}

/// Scan a log whole, in small batches, and cut off: each time the rows must be the naive reader's.
pub fn check<R: Default, T: PartialEq + Debug>(
    log: &[u8],
    start: usize,
    options: &Options,
    run: impl Fn(&[u8], usize, usize, &mut R) -> Stop,
    take: impl Fn(&R) -> Vec<(u64, T)>,
    read: impl Fn(&[u8], usize) -> Option<Row<T>>,
) {
    let (mut expected, end) = naive(log, start, |position| read(log, position));
    let against = |(noted, stop): (Vec<(u64, T)>, usize), expected: &[(usize, Row<T>)], end: usize| {
        assert!(noted.windows(2).all(|pair| pair[0].0 < pair[1].0), "offsets do not rise");
        assert_eq!(noted.len(), expected.len(), "rows");
        for ((offset, noted), (position, row)) in noted.iter().zip(expected) {
            assert_eq!(*offset, *position as u64);
            assert_eq!(*noted, row.noted, "row at {position}");
        }
        assert_eq!(stop, end, "where it stopped");
    };
    for most in [usize::MAX, options.most] {
        against(batches(start, most, |at, most, rows| run(log, at, most, rows), &take), &expected, end);
    }
    // Of a log that is cut off, the rows that are whole, and no others.
    let cut = options.cut;
    expected.retain(|(_, row)| row.end <= cut);
    let end = expected.last().map_or(start, |(_, row)| row.end);
    against(batches(start, options.most, |at, most, rows| run(&log[..cut], at, most, rows), &take), &expected, end);
    // Nothing is beyond the end.
    for beyond in [log.len(), log.len() + 1, usize::MAX - 7, usize::MAX] {
        let mut rows = R::default();
        assert_eq!(run(log, beyond, usize::MAX, &mut rows), Stop::Odd(beyond));
        assert!(take(&rows).is_empty());
    }
}

/// The rows of a batch as (offset, (register, whether it is notable)).
pub fn rows(batch: &Rows) -> Vec<(u64, (u32, bool))> {
    assert_eq!(batch.offsets.len(), batch.registers.len());
    let notable = marks(&batch.notable, batch.offsets.len());
    let noted = batch.registers.iter().copied().zip(notable);
    batch.offsets.iter().copied().zip(noted).collect()
}

/// Whether each of so many rows is in a list of rows, which must be in order.
pub fn marks(list: &[u32], count: usize) -> Vec<bool> {
    assert!(list.windows(2).all(|pair| pair[0] < pair[1]), "rows of a list are not in order");
    let mut marks = vec![false; count];
    list.iter().for_each(|&row| marks[row as usize] = true);
    marks
}

/// A register that replay can follow, as a column has it.
pub fn column(register: u32, followed: bool) -> u32 {
    if followed { register } else { NOT_EXTENDED }
}

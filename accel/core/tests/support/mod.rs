//! What the tests share.

#![allow(dead_code)] // each test uses some of it

use std::fmt::Write;

use evlog_accel_core::scan::{Rows, Stop};

/// Bytes as people write them.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes from hexadecimal digits; blanks are for people.
pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(&String::from_utf8_lossy(pair), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// What a scanner noted, batch by batch of so many rows: offsets, registers, notable rows of them all; and where it
/// stopped.
pub fn scan(
    start: usize,
    most: usize,
    run: impl Fn(usize, usize, &mut Rows) -> Stop,
) -> (Vec<u64>, Vec<u32>, Vec<usize>, usize) {
    let (mut offsets, mut registers, mut notable) = (Vec::new(), Vec::new(), Vec::new());
    let mut position = start;
    let mut rows = Rows::default();
    loop {
        rows.clear();
        let stop = run(position, most, &mut rows);
        assert_eq!(rows.offsets.len(), rows.registers.len());
        notable.extend(rows.notable.iter().map(|&row| offsets.len() + row as usize));
        offsets.extend(&rows.offsets);
        registers.extend(&rows.registers);
        match stop {
            Stop::Full(next) => {
                assert_eq!(rows.offsets.len(), most);
                position = next;
            }
            Stop::Odd(at) => {
                assert!(rows.offsets.len() < most);
                return (offsets, registers, notable, at);
            }
        }
    }
}

//! TCG_PCR_EVENT2: register, type, digest count, (algorithm, digest)..., size, data, all little-endian (TCG PC Client
//! Platform Firmware Profile, section 10). As evlog does, the digest list is taken from a record.
#![no_main]

use evlog_accel_core::scan::tcg::{DigestList, Followed, run2};
use evlog_accel_fuzz::{Row, check, column, rows, split, u32_at};
use libfuzzer_sys::fuzz_target;

/// Algorithms and their digests' sizes; the last is one that only a header could tell of.
const SIZES: [(u16, usize); 6] = [(4, 20), (11, 32), (12, 48), (13, 64), (18, 32), (0x1234, 1)];

fuzz_target!(|input: &[u8]| {
    let Some((log, options)) = split(input) else { return };
    // Behind the Spec ID event, if there is one.
    let header = u32_at(log, 4, false) == Some(3) && log.get(8..28) == Some(&[0; 20]);
    let size = if header { u32_at(log, 28, false).unwrap_or(0) as usize + 32 } else { 0 };
    let start = if size <= log.len() { size } else { 0 };
    let Some((algorithms, fixed)) = digest_list(log, start) else { return };
    let lowest = u32::from(options.choice & 1);
    let read = |log: &[u8], position: usize| {
        let (found, after) = digest_list(log, position)?;
        let number = |at: usize| u32_at(log, position + at, false);
        let (register, kind, size) = (number(0)?, number(4)?, number(after - 4)? as usize);
        let padding = register == u32::MAX && kind == u32::MAX || log[position..][..16].iter().all(|&byte| byte == 0);
        let row = Row {
            end: position + after + size,
            noted: (
                column(register, kind != 3 && register >= lowest && register <= 23),
                kind == 3 || kind == 0x80000010,
            ),
        };
        (!padding && found == algorithms && size <= log.len() - position - after).then_some(row)
    };
    let list = DigestList { count: algorithms.len() as u32, algorithms: algorithms.clone(), fixed };
    let followed = Followed { lowest, highest: 23 };
    let run = |log: &[u8], at, most, batch: &mut _| run2(log, at, &list, followed, most, batch);
    check(log, start, &options, run, rows, read);
    // A list that fits nothing, which Python would not make.
    let (count, fixed) = (u32::from(options.choice), options.cut);
    let list = DigestList { count, algorithms: vec![(options.cut, 11), (usize::MAX - options.most, 4)], fixed };
    run2(log, options.most, &list, followed, options.most, &mut Default::default());
});

/// The distance to each algorithm of a record, and the algorithm; and the bytes before the record's data.
fn digest_list(log: &[u8], position: usize) -> Option<(Vec<(usize, u16)>, usize)> {
    let record = log.get(position..)?;
    let mut at = 12;
    let mut found = Vec::new();
    for _ in 0..u32_at(record, 8, false)? {
        let algorithm = u16::from(*record.get(at)?) + 256 * u16::from(*record.get(at + 1)?);
        found.push((at, algorithm));
        at += 2 + SIZES.iter().find(|(known, _)| *known == algorithm)?.1;
    }
    (at + 4 <= record.len()).then_some((found, at + 4))
}

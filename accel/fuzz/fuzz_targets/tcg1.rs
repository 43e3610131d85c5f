//! TCG_PCR_EVENT: register, type, SHA-1 digest, size, data (TCG PC Client Platform Firmware Profile, section 10).
#![no_main]

use evlog_accel_core::scan::tcg::{Followed, run1};
use evlog_accel_fuzz::{Row, check, column, rows, split, u32_at};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((log, options)) = split(input) else { return };
    let big_endian = options.choice & 1 != 0;
    let lowest = u32::from(options.choice >> 1 & 1);
    let read = |log: &[u8], position: usize| {
        let rest = log.get(position..)?;
        let head = rest.get(..32)?;
        let number = |at| u32_at(head, at, big_endian);
        let (register, kind, size) = (number(0)?, number(4)?, number(28)? as usize);
        let padding = (register == u32::MAX && kind == u32::MAX) || head.iter().all(|&byte| byte == 0);
        let followed = kind != 3 && register >= lowest && register <= 23;
        let row =
            Row { end: position + 32 + size, noted: (column(register, followed), kind == 3 || kind == 0x80000010) };
        (!padding && rest.len() - 32 >= size).then_some(row)
    };
    let followed = Followed { lowest, highest: 23 };
    let run = |log: &[u8], at, most, batch: &mut _| run1(log, at, big_endian, followed, most, batch);
    check(log, 0, &options, run, rows, read);
});

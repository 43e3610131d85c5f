//! Entries of a binary IMA list: register, digest, name length, name, data length, data; the data of the legacy
//! template are a SHA-1 digest and a name with its length (Linux, security/integrity/ima/ima_fs.c).
#![no_main]

use evlog_accel_core::scan::Rows;
use evlog_accel_core::scan::ima::{List, Template, run};
use evlog_accel_fuzz::{Row, check, column, rows, split, u32_at};
use libfuzzer_sys::fuzz_target;

/// The last register that an entry can be on.
const LAST: u32 = 31;

fuzz_target!(|input: &[u8]| {
    let Some((log, options)) = split(input) else { return };
    // What the first entry looks like, or what the options say.
    let guesses = [20, 32, 48, 64].map(|size| [(size, false), (size, true)]);
    let guess = guesses.as_flattened().iter().find(|(size, big)| {
        let name = name(log, 0, *size, *big).unwrap_or_default();
        !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
    });
    let &(digest, big_endian) =
        guess.unwrap_or(&guesses[usize::from(options.choice % 4)][usize::from(options.choice >> 7)]);
    // The templates of the first entries: others are not known yet.
    let mut names: Vec<&[u8]> = Vec::new();
    let mut position = 0;
    while let Some(name) = name(log, position, digest, big_endian) {
        if names.len() < usize::from(options.choice >> 2 & 7) + 1 && !names.contains(&name) && name.len() < 64 {
            names.push(name);
        }
        match entry(log, position, digest, big_endian) {
            Some((_, _, end)) => position = end,
            None => break,
        }
    }
    let head = |name: &[u8]| {
        let length = name.len() as u32;
        let length = if big_endian { length.to_be_bytes() } else { length.to_le_bytes() };
        [&length[..], name].concat()
    };
    let fixed = |name: &[u8]| digest + 8 + name.len() + if name == b"ima" { 24 } else { 4 };
    let templates = names.iter().map(|name| Template { head: head(name), fixed: fixed(name) }).collect();
    let list = List { digest, big_endian, templates, registers: (LAST, 23) };
    let read = |log: &[u8], position: usize| {
        let (register, name, end) = entry(log, position, digest, big_endian)?;
        let row = Row { end, noted: (column(register, register <= 23), false) };
        (register <= LAST && names.contains(&name)).then_some(row)
    };
    check(log, 0, &options, |log, at, most, batch| run(log, at, &list, most, batch), rows, read);
    // A list that fits nothing, which Python would not make.
    let template = Template { head: head(b""), fixed: options.cut };
    let list = List { digest: usize::MAX - options.most, big_endian, templates: vec![template], registers: (LAST, 23) };
    run(log, 0, &list, options.most, &mut Rows::default());
    let list = List { digest, templates: vec![Template { head: Vec::new(), fixed: options.cut }], ..list };
    run(log, 0, &list, options.most, &mut Rows::default());
});

/// The template name of an entry.
fn name(log: &[u8], position: usize, digest: usize, big_endian: bool) -> Option<&[u8]> {
    let record = log.get(position..)?;
    let length = u32_at(record, 4 + digest, big_endian)? as usize;
    record[8 + digest..].get(..length)
}

/// Register, template name and end of an entry.
fn entry(log: &[u8], position: usize, digest: usize, big_endian: bool) -> Option<(u32, &[u8], usize)> {
    let name = name(log, position, digest, big_endian)?;
    let mut after = position + 8 + digest + name.len();
    if name == b"ima" {
        after += 20;
    }
    let length = u32_at(log, after, big_endian)? as usize;
    let end = after + 4 + length;
    (end <= log.len()).then_some((u32_at(log, position, big_endian)?, name, end))
}

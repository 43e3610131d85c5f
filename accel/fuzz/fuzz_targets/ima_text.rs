//! Lines of an ascii IMA list: the register in two columns, the digest in hex behind the name of its algorithm if lines
//! have one, the template's name, its fields, LF (Linux, security/integrity/ima/ima_fs.c).
#![no_main]

use evlog_accel_core::scan::Rows;
use evlog_accel_core::scan::ima_text::{List, digest, run};
use evlog_accel_fuzz::{Row, check, column, rows, split};
use libfuzzer_sys::fuzz_target;

/// The last register that an entry can be on.
const LAST: u32 = 63;

fuzz_target!(|input: &[u8]| {
    let Some((log, options)) = split(input) else { return };
    // What the first line looks like, or what the options say.
    let guess = ["", "sha1:", "sha256:", "sm3:"][usize::from(options.choice % 4)];
    let token = log.get(3..).unwrap_or_default().split(|byte| b" \n".contains(byte)).next().unwrap_or_default();
    let (name, digits) = match token.iter().rposition(|&byte| byte == b':') {
        Some(colon) => token.split_at(colon + 1),
        None => (guess.as_bytes(), token),
    };
    let size = if digits.is_empty() || digits.len() > 128 { 20 } else { digits.len() / 2 };
    let list = List { name: name.to_vec(), digest: size, registers: (LAST, 23) };
    let read = |log: &[u8], position: usize| {
        let (register, _, end) = line(log, position, &list)?;
        Some(Row { end, noted: (column(register, register <= 23), false) })
    };
    check(log, 0, &options, |log, at, most, batch| run(log, at, &list, most, batch), rows, read);
    for at in 0..log.len().min(256) {
        let found = digest(log, at, &list);
        if let Some((_, value, _)) = line(log, at, &list) {
            assert_eq!(found.map(|value| value[..size].to_vec()), Some(value));
        }
        assert!(found.is_none_or(|value| value[size..].iter().all(|&byte| byte == 0)));
    }
    // A list that fits nothing, which Python would not make.
    for digest_size in [options.cut, usize::MAX - options.most, usize::MAX / 2 + options.most] {
        let list = List { digest: digest_size, ..list.clone() };
        run(log, 0, &list, options.most, &mut Rows::default());
        digest(log, options.cut, &list);
    }
});

/// Register, digest and end of a line: what is between its blanks.
fn line(log: &[u8], position: usize, list: &List) -> Option<(u32, Vec<u8>, usize)> {
    let rest = log.get(position..)?;
    let end = rest.iter().position(|&byte| byte == b'\n')?;
    let text = &rest[..end];
    // A register of one digit has a blank before it.
    let mut words = text.get(1..)?.splitn(4, |&byte| byte == b' ');
    let tens = match text[0] {
        b' ' => 0,
        digit => digit_of(digit, 10)?,
    };
    let &[ones] = words.next()? else { return None };
    let register = u32::from(tens * 10 + digit_of(ones, 10)?);
    let digits = words.next()?.strip_prefix(&list.name[..])?;
    let template = words.next()?;
    words.next()?;
    let named = (1..=255).contains(&template.len()) && template.iter().all(|byte| (0x21..0x7F).contains(byte));
    if !named || digits.len() != list.digest * 2 || register > LAST {
        return None;
    }
    let mut value = Vec::new();
    for pair in digits.chunks(2) {
        value.push(digit_of(pair[0], 16)? * 16 + digit_of(pair[1], 16)?);
    }
    Some((register, value, position + end + 1))
}

fn digit_of(digit: u8, radix: u32) -> Option<u8> {
    char::from(digit).to_digit(radix).map(|value| value as u8)
}

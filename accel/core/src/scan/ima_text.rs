//! Runs of lines of an ascii IMA list (Linux, security/integrity/ima/ima_fs.c, ima_ascii_measurements_show()).

#![forbid(unsafe_code)]

use super::{Rows, Stop};
use crate::MAX_SIZE;

/// Bytes of the register's column: two digits, or a blank and one, and a blank.
const COLUMN: usize = 3;
/// The longest name of a template.
const NAME: usize = 255;

/// What is known of a list.
#[derive(Clone, Debug)]
pub struct List {
    /// What stands before the digest in each line: the name of its algorithm and a colon, or nothing.
    pub name: Vec<u8>,
    /// Bytes of a template digest, each of which is two digits.
    pub digest: usize,
    /// The last register that an entry can be on, and the last that replay can follow.
    pub registers: (u32, u32),
}

/// Note lines as the kernel writes them, from an offset on.
pub fn run(data: &[u8], start: usize, list: &List, most: usize, rows: &mut Rows) -> Stop {
    let mut position = start;
    while rows.offsets.len() < most {
        let Some((register, following)) = line(data, position, list) else {
            return Stop::Odd(position);
        };
        rows.push(position, (register <= list.registers.1).then_some(register));
        position = following;
    }
    Stop::Full(position)
}

/// The template digest of the line at an offset, in the first bytes; `None` of a line that is not as the kernel writes
/// it up to there.
pub fn digest(data: &[u8], at: usize, list: &List) -> Option<[u8; MAX_SIZE]> {
    let (_, digits, _) = parts(data.get(at..)?, list)?;
    let mut value = [0; MAX_SIZE];
    let into = value.get_mut(..list.digest)?;
    for (byte, pair) in into.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0]) << 4 | nibble(pair[1]);
    }
    Some(value)
}

/// The register and the end of a line.
fn line(data: &[u8], position: usize, list: &List) -> Option<(u32, usize)> {
    let rest = data.get(position..)?;
    let (register, _, behind) = parts(rest, list)?;
    let name = behind.iter().take(NAME + 1).position(|&byte| byte == b' ')?;
    let (name, fields) = behind.split_at(name);
    let plain = !name.is_empty() && name.iter().all(u8::is_ascii_graphic) && register <= list.registers.0;
    let end = memchr::memchr(b'\n', fields)?;
    plain.then(|| (register, position + rest.len() - fields.len() + end + 1))
}

/// The register, the digits of the digest, and what is behind the blank after these.
fn parts<'a>(rest: &'a [u8], list: &List) -> Option<(u32, &'a [u8], &'a [u8])> {
    let (column, rest) = rest.split_first_chunk::<COLUMN>()?;
    let register = match *column {
        [b' ', one @ b'0'..=b'9', b' '] => one - b'0',
        [ten @ b'0'..=b'9', one @ b'0'..=b'9', b' '] => (ten - b'0') * 10 + one - b'0',
        _ => return None,
    };
    let (digits, rest) = rest.strip_prefix(&list.name[..])?.split_at_checked(list.digest.checked_mul(2)?)?;
    // Without a way out, so that many are looked at in one go.
    let odd = digits.iter().fold(false, |odd, byte| odd | !byte.is_ascii_hexdigit());
    let behind = rest.strip_prefix(b" ")?;
    (!odd).then_some((u32::from(register), digits, behind))
}

/// The value of a digit, which must be one.
fn nibble(digit: u8) -> u8 {
    (digit & 0x0F) + if digit & 0x40 == 0 { 0 } else { 9 }
}

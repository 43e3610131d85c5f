//! Runs of entries of a binary IMA list (Linux, security/integrity/ima/ima_fs.c).

#![forbid(unsafe_code)]

use super::{Rows, Stop, u32_le};

/// What is known of a list.
#[derive(Clone, Debug)]
pub struct List {
    /// Bytes of a template digest.
    pub digest: usize,
    /// The byte order of the host that wrote the list.
    pub big_endian: bool,
    /// The templates met so far.
    pub templates: Vec<Template>,
    /// The last register that an entry can be on, and the last that replay can follow.
    pub registers: (u32, u32),
}

/// A template: its name with the length before it, and the bytes of an entry before its template data.
///
/// The last four of these are the length of the data, in every template.
#[derive(Clone, Debug)]
pub struct Template {
    /// Length and name, as in an entry.
    pub head: Vec<u8>,
    /// Bytes of an entry before the data.
    pub fixed: usize,
}

/// Note entries of the known templates, from an offset on.
pub fn run(data: &[u8], start: usize, list: &List, most: usize, rows: &mut Rows) -> Stop {
    let mut position = start;
    let mut usual = 0;
    while rows.offsets.len() < most {
        let Some((register, following)) = entry(data, position, list, &mut usual) else {
            return Stop::Odd(position);
        };
        rows.push(position, (register <= list.registers.1).then_some(register));
        position = following;
    }
    Stop::Full(position)
}

/// The register and the end of an entry of a known template, or `None`. `usual` is the template of the entry before.
fn entry(data: &[u8], position: usize, list: &List, usual: &mut usize) -> Option<(u32, usize)> {
    let record = data.get(position..)?;
    let register = list.number(record, 0)?;
    let named = record.get(list.digest.checked_add(4)?..)?;
    let is = |template: &Template| named.starts_with(&template.head);
    if !list.templates.get(*usual).is_some_and(is) {
        *usual = list.templates.iter().position(is)?;
    }
    let fixed = list.templates[*usual].fixed;
    let length = list.number(record, fixed.checked_sub(4)?)? as usize;
    let size = fixed.checked_add(length)?;
    (register <= list.registers.0 && size <= record.len()).then(|| (register, position + size))
}

impl List {
    fn number(&self, record: &[u8], at: usize) -> Option<u32> {
        u32_le(record, at).map(|number| if self.big_endian { number.swap_bytes() } else { number })
    }
}

//! CEL-TLV: a type byte, a big-endian length of four bytes, a value; a record is a number (0), an index (1, 2 or 108),
//! digests (3) and a content (4 or more) (TCG Canonical Event Log Format 1.1, section 5.1).
#![no_main]

use evlog_accel_core::scan::cel::{Rows, Shape, run};
use evlog_accel_fuzz::{Options, Row, check, marks, split};
use libfuzzer_sys::fuzz_target;

/// What is noted of a row: index, number, and whether it is silent, notable, unread.
type Noted = (u32, u64, [bool; 3]);

/// The fields of a record as they come: type and value.
type Record<'a> = [(u8, &'a [u8]); 4];

fuzz_target!(|input: &[u8]| {
    let Some((log, options)) = split(input) else { return };
    anything(log, &options);
    // As evlog does, the shape is taken from a record.
    let Some((first, _)) = record(log) else { return };
    let Some(digests) = tlvs(first[2].1) else { return };
    let shape = shape(&first, &digests);
    let read = |log: &[u8], position: usize| {
        let (found, length) = record(log.get(position..)?)?;
        let alike = heads(&found)? == heads(&first)?;
        let [(_, number), (_, index), _, (content_type, content)] = found;
        let index = u32::try_from(integer(index)?).ok()?;
        let (mut silent, mut notable, mut unread) = (false, false, false);
        let inner = tlvs(content);
        match (content_type, inner.as_deref()) {
            (5, Some([(0, kind), (1, _)])) if (1..=4).contains(&kind.len()) => {
                silent = integer(kind) == Some(3);
                notable = silent || integer(kind) == Some(0x80000010);
            }
            (7, Some([(0, name), (1, _)])) if name.iter().all(|&byte| byte < 0x80) => {
                unread = tlvs(found[2].1)?.iter().any(|(_, digest)| digest.iter().all(|&byte| byte == 0));
            }
            _ => unread = true,
        }
        let noted = (index, integer(number)?, [silent, notable, unread]);
        alike.then_some(Row { end: position + length, noted })
    };
    let scan = |log: &[u8], at, most, batch: &mut Rows| {
        let stop = run(log, at, &shape, most, batch);
        let mut types: Vec<u8> = Vec::new();
        for &offset in &batch.offsets {
            let (found, _) = record(&log[offset as usize..]).expect("a row is no record");
            if found[3].0 != 5 && !types.contains(&found[3].0) {
                types.push(found[3].0);
            }
        }
        assert_eq!(types, batch.types);
        stop
    };
    check(log, 0, &options, scan, rows, read);
});

fn rows(batch: &Rows) -> Vec<(u64, Noted)> {
    let count = batch.offsets.len();
    assert!(batch.indices.len() == count && batch.recnums.len() == count);
    let lists = [&batch.silent, &batch.notable, &batch.unread].map(|list| marks(list, count));
    let noted = |row: usize| (batch.indices[row], batch.recnums[row], [0, 1, 2].map(|list: usize| lists[list][row]));
    (0..count).map(|row| (batch.offsets[row], noted(row))).collect()
}

/// A field, and what is behind it.
fn tlv(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&kind, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_at_checked(4)?;
    let (value, rest) = rest.split_at_checked(integer(length)? as usize)?;
    Some((kind, value, rest))
}

/// The fields that bytes are, to the last byte.
fn tlvs(mut bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let (kind, value, rest) = tlv(bytes)?;
        fields.push((kind, value));
        bytes = rest;
    }
    Some(fields)
}

/// A record and its length.
fn record(log: &[u8]) -> Option<(Record<'_>, usize)> {
    let mut rest = log;
    let mut fields = [(0, &log[..0]); 4];
    for field in &mut fields {
        let (kind, value, behind) = tlv(rest)?;
        *field = (kind, value);
        rest = behind;
    }
    let types = fields.map(|(kind, _)| kind);
    let whole = matches!(types, [0, 1 | 2 | 108, 3, 4..=255]);
    whole.then_some((fields, log.len() - rest.len()))
}

fn integer(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |number, &byte| number * 256 + u64::from(byte)))
}

/// What records of a shape have in common.
fn heads(found: &Record<'_>) -> Option<(Vec<(u8, usize)>, Vec<(u8, usize)>)> {
    let heads = found[..3].iter().map(|(kind, value)| (*kind, value.len())).collect();
    Some((heads, tlvs(found[2].1)?.iter().map(|(kind, value)| (*kind, value.len())).collect()))
}

fn shape(first: &Record<'_>, digests: &[(u8, &[u8])]) -> Shape {
    let mut heads = Vec::new();
    let mut at = 0;
    let mut head = |at: usize, kind: u8, length: usize| {
        let [a, b, c, d] = (length as u32).to_be_bytes();
        heads.push((at, [kind, a, b, c, d]));
    };
    let mut places = Vec::new();
    for &(kind, value) in &first[..3] {
        head(at, kind, value.len());
        places.push(at + 5);
        at += 5 + value.len();
    }
    let fixed = at + 5;
    let mut spans = Vec::new();
    at = places[2];
    for &(kind, value) in digests {
        head(at, kind, value.len());
        spans.push((at + 5, value.len()));
        at += 5 + value.len();
    }
    let (recnum, index) = ((places[0], first[0].1.len()), (places[1], first[1].1.len()));
    Shape { heads, recnum, index, digests: spans, fixed }
}

/// A shape that fits nothing, which Python would not make.
fn anything(log: &[u8], options: &Options) {
    let far = usize::MAX - usize::from(options.choice);
    for (place, fixed) in [(options.most, options.cut), (far, options.cut), (options.cut, far)] {
        let shape = Shape {
            heads: vec![],
            recnum: (options.most, 1),
            index: (0, options.most),
            digests: vec![(place, options.most), (0, far)],
            fixed,
        };
        run(log, 0, &shape, options.most, &mut Rows::default());
        let shape = Shape { recnum: (place, fixed), ..shape };
        run(log, 0, &shape, options.most, &mut Rows::default());
        let shape = Shape { heads: vec![(place, [0; 5])], ..shape };
        run(log, 0, &shape, options.most, &mut Rows::default());
    }
}

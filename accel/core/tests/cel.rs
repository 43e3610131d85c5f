//! CEL-TLV: type, big-endian length of four bytes, value; a record is recnum, index, digests, content (TCG Canonical
//! Event Log Format 1.1, section 5.1).

mod support;

use evlog_accel_core::scan::Stop;
use evlog_accel_core::scan::cel::{Rows, Shape, run};
use support::unhex;

const SHA256: u8 = 11;

fn tlv(number: u8, value: &[u8]) -> Vec<u8> {
    [&[number][..], &(value.len() as u32).to_be_bytes(), value].concat()
}

/// A number of eight bytes, a PCR of one, a SHA-256, a content.
fn record(recnum: u64, index: u8, digest: u8, content: &[u8]) -> Vec<u8> {
    let digests = tlv(3, &tlv(SHA256, &[digest; 32]));
    [tlv(0, &recnum.to_be_bytes()), tlv(1, &[index]), digests, content.to_vec()].concat()
}

fn shape() -> Shape {
    let heads = vec![(0, [0, 0, 0, 0, 8]), (13, [1, 0, 0, 0, 1]), (19, [3, 0, 0, 0, 37]), (24, [SHA256, 0, 0, 0, 32])];
    Shape { heads, recnum: (5, 8), index: (18, 1), digests: vec![(29, 32)], fixed: 66 }
}

fn event(event_type: &[u8], data: &[u8]) -> Vec<u8> {
    tlv(5, &[tlv(0, event_type), tlv(1, data)].concat())
}

fn template(name: &[u8], data: &[u8]) -> Vec<u8> {
    tlv(7, &[tlv(0, name), tlv(1, data)].concat())
}

/// All batches as one.
fn scan(log: &[u8], shape: &Shape, most: usize) -> (Rows, usize) {
    let (mut all, mut rows, mut position) = (Rows::default(), Rows::default(), 0);
    loop {
        rows.clear();
        let stop = run(log, position, shape, most, &mut rows);
        let before = all.offsets.len() as u32;
        all.offsets.extend(&rows.offsets);
        all.indices.extend(&rows.indices);
        all.recnums.extend(&rows.recnums);
        for (all, rows) in
            [(&mut all.silent, &rows.silent), (&mut all.notable, &rows.notable), (&mut all.unread, &rows.unread)]
        {
            all.extend(rows.iter().map(|row| before + row));
        }
        for &content_type in &rows.types {
            if !all.types.contains(&content_type) {
                all.types.push(content_type);
            }
        }
        match stop {
            Stop::Full(next) => position = next,
            Stop::Odd(at) => return (all, at),
        }
    }
}

/// Contents, and whether a row of each is silent, notable, unread.
fn contents() -> Vec<(Vec<u8>, [bool; 3])> {
    let [plain, silent, notable, unread] =
        [[false; 3], [true, true, false], [false, true, false], [false, false, true]];
    vec![
        (event(&[0, 0, 0, 4], b"data"), plain),
        (event(&[4], b""), plain),
        (event(&[0, 0, 0, 3], b"Spec ID Event03"), silent),
        (event(&[3], b""), silent),
        (event(&[0x80, 0, 0, 0x10], b"HCRTM"), notable),
        (event(&[], b""), unread),
        (event(&[0, 0, 0, 0, 4], b""), unread),
        (tlv(5, b""), unread),
        (tlv(5, &[tlv(1, b"data"), tlv(0, &[4])].concat()), unread),
        (tlv(5, &[tlv(0, &[4]), tlv(1, b""), vec![0]].concat()), unread),
        (tlv(5, &[tlv(0, &[4]), unhex("01ffffffff")].concat()), unread),
        (tlv(5, &unhex("00ffffffff 00 0100000000")), unread),
        (template(b"ima-ng", b"data"), plain),
        (template(b"", b""), plain),
        (template(b"\xC3\xA9", b""), unread),
        (tlv(7, &[tlv(0, b"ima-ng"), unhex("01fffffffe")].concat()), unread),
        (tlv(7, &unhex("00ffffffff 0100000000")), unread),
        (tlv(7, &tlv(0, b"ima-ng")), unread),
        (tlv(7, &[tlv(0, b"ima-ng"), tlv(1, b""), vec![0]].concat()), unread),
        (tlv(4, &tlv(1, &[tlv(0, &[1]), tlv(1, &[0])].concat())), unread),
        (tlv(80, b"cos"), unread),
        (tlv(255, b""), unread),
    ]
}

#[test]
fn a_record_byte_by_byte() {
    let log = unhex(
        "00 00000008 0000000000000102
         01 00000001 07
         03 00000025 0b 00000020 2222222222222222222222222222222222222222222222222222222222222222
         05 00000013 00 00000004 00000004 01 00000005 0000000000",
    );
    let log = [log, record(3, 8, 1, &event(&[4], b""))].concat();
    let (rows, stop) = scan(&log, &shape(), 9);
    assert_eq!((&rows.offsets[..], &rows.recnums[..], &rows.indices[..]), (&[0, 85][..], &[258, 3][..], &[7, 8][..]));
    assert_eq!(stop, log.len());
}

#[test]
fn rows_in_batches_and_of_cut_logs() {
    let (mut log, mut offsets, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (content, _)) in contents().iter().enumerate() {
        offsets.push(log.len() as u64);
        log.extend(record(number as u64, number as u8, 1, content));
        ends.push(log.len());
    }
    let rows_that = |which: usize| -> Vec<u32> {
        (0..).zip(contents()).filter(|(_, (_, is))| is[which]).map(|(row, _)| row).collect()
    };
    for most in [1, 2, 3, 7, 21, 22, 23, usize::MAX] {
        let (rows, stop) = scan(&log, &shape(), most);
        assert_eq!(rows.offsets, offsets);
        assert!(rows.recnums.iter().copied().eq(0..22) && rows.indices.iter().copied().eq(0..22));
        assert_eq!([&rows.silent, &rows.notable, &rows.unread], [0, 1, 2].map(rows_that).each_ref());
        assert_eq!(rows.types, [7, 4, 80, 255]);
        assert_eq!(stop, log.len());
    }
    for cut in 0..=log.len() {
        let (rows, stop) = scan(&log[..cut], &shape(), 2);
        let whole = ends.iter().filter(|&&end| end <= cut).count();
        assert_eq!(rows.offsets, offsets[..whole], "cut at {cut}");
        assert_eq!(stop, if whole == 0 { 0 } else { ends[whole - 1] }, "cut at {cut}");
    }
    for beyond in [log.len(), log.len() + 1, usize::MAX] {
        assert_eq!(run(&log, beyond, &shape(), 9, &mut Rows::default()), Stop::Odd(beyond));
    }
}

#[test]
fn a_violation_is_for_the_reader() {
    // What is extended is not the digest of zeros (Linux, ima_template.c). An event's digest is what it is.
    let log = [record(0, 10, 0, &template(b"ima-ng", b"")), record(1, 10, 0, &event(&[4], b""))].concat();
    assert_eq!(scan(&log, &shape(), 9).0.unread, [0]);
}

#[test]
fn it_stops_in_front_of_what_is_odd() {
    let ordinary = record(1, 7, 1, &event(&[4], b"data"));
    let changed = |at: usize, to: &[u8]| {
        let mut record = ordinary.clone();
        record[at..at + to.len()].copy_from_slice(to);
        record
    };
    let odd: [(&str, Vec<u8>); 10] = [
        ("no number", changed(0, &[1])),
        ("a number of 0xFFFFFFFF bytes", changed(1, &[0xFF; 4])),
        ("another index", changed(13, &[2])),
        ("an index of four bytes", changed(17, &[4])),
        ("more digests", changed(23, &[38])),
        ("another algorithm", changed(24, &[12])),
        ("a digest of another size", changed(28, &[31])),
        ("digests where the content is due", changed(61, &[3])),
        ("a content of 0xFFFFFFFF bytes", changed(62, &[0xFF; 4])),
        ("a content of a byte too many", changed(65, &[16 + 81])),
    ];
    for (what, record) in odd {
        let log = [&ordinary[..], &record, &ordinary].concat();
        let (rows, stop) = scan(&log, &shape(), 9);
        assert_eq!((&rows.offsets[..], stop), (&[0][..], ordinary.len()), "{what}");
    }
}

#[test]
fn an_index_of_more_than_four_bytes() {
    let wide = |index: u64| [tlv(0, &[1]), tlv(1, &index.to_be_bytes()), tlv(3, b""), event(&[4], b"")].concat();
    let heads = vec![(0, [0, 0, 0, 0, 1]), (6, [1, 0, 0, 0, 8]), (19, [3, 0, 0, 0, 0])];
    let shape = Shape { heads, recnum: (5, 1), index: (11, 8), digests: vec![], fixed: 29 };
    let log = [wide(u64::from(u32::MAX)), wide(u64::from(u32::MAX) + 1)].concat();
    let (rows, stop) = scan(&log, &shape, 9);
    assert_eq!((&rows.indices[..], stop), (&[u32::MAX][..], log.len() / 2));
}

#[test]
fn a_shape_that_cannot_be() {
    let log = record(1, 7, 1, &template(b"ima-ng", b"data"));
    let shapes = [
        Shape { fixed: 0, ..shape() },
        Shape { fixed: 4, heads: vec![], ..shape() },
        Shape { fixed: usize::MAX, ..shape() },
        Shape { heads: vec![(usize::MAX, [0; 5])], ..shape() },
        Shape { heads: vec![(62, [0; 5])], ..shape() },
        Shape { recnum: (0, 9), ..shape() },
        Shape { recnum: (usize::MAX, 8), ..shape() },
        Shape { recnum: (5, usize::MAX), ..shape() },
        Shape { index: (66, 1), ..shape() },
    ];
    for shape in shapes {
        assert_eq!(run(&log, 0, &shape, 9, &mut Rows::default()), Stop::Odd(0), "{shape:?}");
    }
    // A digest that is nowhere is not one of zeros.
    for place in [(usize::MAX, 32), (29, usize::MAX), (log.len(), 1)] {
        let (rows, stop) = scan(&[&log[..], &log].concat(), &Shape { digests: vec![place], ..shape() }, 9);
        assert_eq!((rows.offsets.len(), rows.unread.len(), stop), (2, 0, 2 * log.len()));
    }
}

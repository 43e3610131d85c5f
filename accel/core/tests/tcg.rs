//! TCG_PCR_EVENT and TCG_PCR_EVENT2 (TCG PC Client Platform Firmware Profile 1.06, section 10.2).

mod support;

use evlog_accel_core::NOT_EXTENDED;
use evlog_accel_core::scan::tcg::{DigestList, Followed, run1, run2};
use evlog_accel_core::scan::{Rows, Stop};
use support::{scan, unhex};

const PCRS: Followed = Followed { lowest: 0, highest: 23 };
const CCMRS: Followed = Followed { lowest: 1, highest: 23 };
const NO_ACTION: u32 = 3;
const SEPARATOR: u32 = 4;
const HCRTM: u32 = 0x8000_0010;

/// Two digests: SHA-1 and SHA-256.
fn list() -> DigestList {
    DigestList { count: 2, algorithms: vec![(12, 4), (34, 11)], fixed: 72 }
}

fn record2(register: u32, event_type: u32, data: &[u8]) -> Vec<u8> {
    let numbers = [register, event_type, 2].map(u32::to_le_bytes);
    let size = (data.len() as u32).to_le_bytes();
    [numbers.as_flattened(), &[4, 0], &[0x11; 20], &[11, 0], &[0x22; 32], &size, data].concat()
}

fn record1(register: u32, event_type: u32, data: &[u8], big_endian: bool) -> Vec<u8> {
    let number = |number: u32| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
    [&number(register), &number(event_type), &[0x11; 20][..], &number(data.len() as u32), data].concat()
}

/// Records of every kind that is ordinary, and what is to be noted of each.
fn registers() -> [(u32, u32, u32); 8] {
    [
        (0, SEPARATOR, 0),
        (7, 0x8000_0001, 7),
        (0, NO_ACTION, NOT_EXTENDED),
        (23, 13, 23),
        (24, 13, NOT_EXTENDED),
        (u32::MAX, NO_ACTION, NOT_EXTENDED),
        (0x01C1_0103, 5, NOT_EXTENDED),
        (0, HCRTM, 0),
    ]
}

#[test]
fn a_record_byte_by_byte() {
    let record = unhex(
        "07000000 04000000 02000000
         0400 1111111111111111111111111111111111111111
         0b00 2222222222222222222222222222222222222222222222222222222222222222
         04000000 00000000",
    );
    let run = |at, most, rows: &mut Rows| run2(&record, at, &list(), PCRS, most, rows);
    assert_eq!(scan(0, 9, run), (vec![0], vec![7], vec![], 76));
    let record = unhex("00000007 00000004 1111111111111111111111111111111111111111 00000004 00000000");
    let run = |at, most, rows: &mut Rows| run1(&record, at, true, PCRS, most, rows);
    assert_eq!(scan(0, 9, run), (vec![0], vec![7], vec![], 36));
}

#[test]
fn rows_in_batches_and_of_cut_logs() {
    for which in 0..3 {
        let mut log = b"before".to_vec();
        let (mut offsets, mut ends) = (Vec::new(), Vec::new());
        for (number, (register, event_type, _)) in registers().into_iter().enumerate() {
            offsets.push(log.len() as u64);
            let data = vec![0xAA; number * 5];
            log.extend(match which {
                0 => record2(register, event_type, &data),
                1 => record1(register, event_type, &data, false),
                _ => record1(register, event_type, &data, true),
            });
            ends.push(log.len());
        }
        let expected: Vec<u32> = registers().map(|(_, _, noted)| noted).to_vec();
        let run = |log: &[u8], at, most, rows: &mut Rows| match which {
            0 => run2(log, at, &list(), PCRS, most, rows),
            _ => run1(log, at, which == 2, PCRS, most, rows),
        };
        for most in 1..=9 {
            let (found, noted, notable, stop) = scan(6, most, |at, most, rows| run(&log, at, most, rows));
            assert_eq!((&found, &noted, stop), (&offsets, &expected, log.len()));
            assert_eq!(notable, [2, 5, 7]);
        }
        for cut in 6..=log.len() {
            let (found, noted, _, stop) = scan(6, 3, |at, most, rows| run(&log[..cut], at, most, rows));
            let whole = ends.iter().filter(|&&end| end <= cut).count();
            assert_eq!((&found[..], &noted[..]), (&offsets[..whole], &expected[..whole]), "cut at {cut}");
            assert_eq!(stop, if whole == 0 { 6 } else { ends[whole - 1] }, "cut at {cut}");
        }
        for beyond in [log.len(), log.len() + 1, usize::MAX - 31, usize::MAX] {
            assert_eq!(run(&log, beyond, 9, &mut Rows::default()), Stop::Odd(beyond));
        }
    }
}

#[test]
fn mrtd_is_extended_by_no_event() {
    let log = [record2(0, SEPARATOR, b""), record2(1, SEPARATOR, b"")].concat();
    let (_, noted, ..) = scan(0, 9, |at, most, rows| run2(&log, at, &list(), CCMRS, most, rows));
    assert_eq!(noted, [NOT_EXTENDED, 1]);
}

#[test]
fn it_stops_in_front_of_what_is_odd() {
    let ordinary = record2(1, SEPARATOR, b"data");
    let changed = |at: usize, to: &[u8]| {
        let mut record = ordinary.clone();
        record[at..at + to.len()].copy_from_slice(to);
        record
    };
    let odd: [(&str, Vec<u8>); 8] = [
        ("one digest", changed(8, &[1])),
        ("a count of 0xFFFFFFFF", changed(8, &[0xFF; 4])),
        ("another algorithm", changed(12, &[12])),
        ("another second algorithm", changed(34, &[13])),
        ("a size of 0xFFFFFFFF", changed(68, &[0xFF; 4])),
        ("data of a byte too many", changed(68, &[200])),
        ("padding of zeros", vec![0; 100]),
        ("padding of ones", vec![0xFF; 100]),
    ];
    for (what, record) in odd {
        let log = [&ordinary[..], &ordinary, &record, &ordinary].concat();
        for most in [1, 2, 3, 9] {
            let (offsets, .., stop) = scan(0, most, |at, most, rows| run2(&log, at, &list(), PCRS, most, rows));
            assert_eq!((&offsets[..], stop), (&[0, 76][..], 152), "{what}");
        }
    }
}

#[test]
fn padding_of_the_first_kind_of_log() {
    let ordinary = record1(1, SEPARATOR, b"data", false);
    let ones = [&[0xFF; 8][..], &[0; 24]].concat();
    let mut huge = ordinary.clone();
    huge[28..32].copy_from_slice(&[0xFF; 4]);
    for record in [vec![0; 32], ones, huge] {
        let log = [&ordinary[..], &record].concat();
        let (offsets, .., stop) = scan(0, 9, |at, most, rows| run1(&log, at, false, PCRS, most, rows));
        assert_eq!((&offsets[..], stop), (&[0][..], 36));
    }
    // Zeros but for the end of a digest are a record, and so is a register of ones with another type.
    let mut zeros = vec![0; 32];
    zeros[27] = 1;
    let trust_point = record1(u32::MAX, NO_ACTION, b"", false);
    let log = [zeros, trust_point].concat();
    let found = scan(0, 9, |at, most, rows| run1(&log, at, false, PCRS, most, rows));
    assert_eq!(found, (vec![0, 32], vec![0, NOT_EXTENDED], vec![1], 64));
}

#[test]
fn a_list_without_digests() {
    let list = DigestList { count: 0, algorithms: vec![], fixed: 16 };
    let log = unhex("05000000 04000000 00000000 01000000 aa  00000000 00000000 00000000 00000000");
    let found = scan(0, 9, |at, most, rows| run2(&log, at, &list, PCRS, most, rows));
    assert_eq!(found, (vec![0], vec![5], vec![], 17));
}

#[test]
fn a_list_that_cannot_be() {
    let log = record2(1, SEPARATOR, b"data");
    let lists = [
        DigestList { fixed: 0, ..list() },
        DigestList { fixed: 3, ..list() },
        DigestList { fixed: usize::MAX, ..list() },
        DigestList { algorithms: vec![(usize::MAX, 4)], ..list() },
        DigestList { algorithms: vec![(usize::MAX - 1, 4)], ..list() },
        DigestList { algorithms: vec![(71, 0)], ..list() },
    ];
    for list in lists {
        assert_eq!(run2(&log, 0, &list, PCRS, 9, &mut Rows::default()), Stop::Odd(0), "{list:?}");
    }
}

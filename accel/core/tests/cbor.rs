//! CEL-CBOR records of PC Client events: a map of the record number (0), the PCR (1), the digests (3), a content type
//! (9: 5) and a content (10), which is a map of the event type (0) and the data (1) (TCG Canonical Event Log Format 1.1,
//! section 5.2; RFC 8949, section 4.2.1).

mod support;

use evlog_accel_core::scan::Stop;
use evlog_accel_core::scan::cbor::{Number, Rows, Shape, run};
use support::unhex;

/// Two digests of four and two bytes; numbers as they are, the data's length in the first byte of its item.
fn record(recnum: &str, index: &str, event_type: &str, length: &str) -> Vec<u8> {
    unhex(&format!(
        "a500 {recnum} 01 {index} 03 82 a2000b0144deadbeef a2000c0142cafe 0905 0aa200 {event_type} 01 {length}"
    ))
}

/// The shape of records with numbers of a byte.
fn shape() -> Shape {
    let constants = ["a500", "01", "0382a2000b0144", "a2000c0142", "09050aa200", "01"];
    let places = [0, 3, 5, 16, 23, 29];
    Shape {
        constants: places.into_iter().zip(constants.map(unhex)).collect(),
        numbers: [(2, 0, 23), (4, 0, 23), (28, 0, 23), (30, 0x40, 0x57)].map(|(at, least, most)| Number {
            at,
            width: 1,
            least,
            most,
        }),
        inline: 0x40,
        fixed: 31,
        registers: 20,
        odd: vec![9, 10],
    }
}

type Found = (Vec<u64>, Vec<u64>, Vec<u32>, Vec<usize>, Vec<usize>, usize);

fn scan(log: &[u8], shape: &Shape, most: usize) -> Found {
    let (mut offsets, mut recnums, mut indices) = (Vec::new(), Vec::new(), Vec::new());
    let (mut silent, mut notable) = (Vec::new(), Vec::new());
    let mut rows = Rows::default();
    let mut position = 0;
    loop {
        rows.clear();
        let stop = run(log, position, shape, most, &mut rows);
        silent.extend(rows.silent.iter().map(|&row| offsets.len() + row as usize));
        notable.extend(rows.notable.iter().map(|&row| offsets.len() + row as usize));
        offsets.extend(&rows.offsets);
        recnums.extend(&rows.recnums);
        indices.extend(&rows.indices);
        match stop {
            Stop::Full(next) => position = next,
            Stop::Odd(at) => return (offsets, recnums, indices, silent, notable, at),
        }
    }
}

#[test]
fn rows_in_batches_and_of_cut_logs() {
    let records = [
        record("00", "07", "0d", "42 aaaa"),
        record("17", "00", "03", "40"),
        record("01", "13", "17", "57 bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"),
    ];
    let log = records.concat();
    let offsets = [0, 33, 64];
    for most in 1..=4 {
        let found = scan(&log, &shape(), most);
        assert_eq!(found, (offsets.to_vec(), vec![0, 23, 1], vec![7, 0, 19], vec![1], vec![1], log.len()));
    }
    for cut in 0..log.len() {
        let (found, .., stop) = scan(&log[..cut], &shape(), 2);
        let whole = [33, 64, log.len()].iter().filter(|&&end| end <= cut).count();
        assert_eq!((&found[..], stop), (&offsets[..whole], [0, 33, 64][whole]), "cut at {cut}");
    }
    for beyond in [log.len() + 1, usize::MAX] {
        assert_eq!(run(&log, beyond, &shape(), 9, &mut Rows::default()), Stop::Odd(beyond));
    }
}

#[test]
fn it_stops_in_front_of_what_is_odd() {
    let ordinary = record("00", "07", "0d", "42 aaaa");
    for odd in [
        record("18", "07", "0d", "42 aaaa"),
        record("00", "14", "0d", "42 aaaa"),
        record("00", "18", "0d", "42 aaaa"),
        record("00", "07", "09", "42 aaaa"),
        record("00", "07", "18", "42 aaaa"),
        record("00", "07", "0d", "58 aaaa"),
        record("00", "07", "0d", "3f aaaa"),
        record("00", "07", "0d", "43 aaaa"),
        record("00", "07", "0d", "42 aaaa").into_iter().map(|byte| if byte == 0x82 { 0x81 } else { byte }).collect(),
    ] {
        let log = [&ordinary[..], &odd].concat();
        let (offsets, .., stop) = scan(&log, &shape(), 9);
        assert_eq!((&offsets[..], stop), (&[0][..], ordinary.len()), "{odd:x?}");
    }
}

#[test]
fn numbers_of_all_widths() {
    for (width, text) in [(1, "17"), (2, "0117"), (4, "80000010"), (8, "0000000100000000")] {
        let shape = Shape {
            constants: vec![],
            numbers: [
                Number { at: 0, width, least: 0, most: u64::MAX },
                Number { at: 8, width: 1, least: 0, most: 9 },
                Number { at: 9, width: 4, least: 0, most: u64::MAX },
                Number { at: 13, width: 1, least: 0, most: 9 },
            ],
            inline: 0,
            fixed: 14,
            registers: 24,
            odd: vec![],
        };
        let log = unhex(&format!("{text:0<16} 09 80000010 00"));
        let (offsets, recnums, indices, silent, notable, stop) = scan(&log, &shape, 9);
        assert_eq!((offsets, &recnums), (vec![0], &vec![u64::from_str_radix(text, 16).unwrap()]));
        assert_eq!((indices, silent, notable, stop), (vec![9], vec![], vec![0], 14));
        let number = recnums[0];
        for (least, most) in [(number + 1, u64::MAX), (0, number - 1)] {
            let mut other = shape.clone();
            other.numbers[0] = Number { least, most, ..other.numbers[0] };
            assert_eq!(run(&log, 0, &other, 9, &mut Rows::default()), Stop::Odd(0), "{other:?}");
        }
    }
}

#[test]
fn a_shape_that_cannot_be() {
    let log = record("00", "07", "0d", "42 aaaa");
    let number = |at, width| [Number { at, width, least: 0, most: u64::MAX }; 4];
    let shapes = [
        Shape { fixed: usize::MAX, ..shape() },
        Shape { fixed: log.len() + 1, ..shape() },
        Shape { inline: u64::MAX, ..shape() },
        Shape { constants: vec![(usize::MAX, vec![1])], ..shape() },
        Shape { numbers: number(usize::MAX, 1), ..shape() },
        Shape { numbers: number(2, usize::MAX), ..shape() },
        Shape { numbers: number(2, 0), ..shape() },
        Shape { numbers: number(2, 3), ..shape() },
        Shape { numbers: number(30, 8), ..shape() },
        // A record of no bytes would never end.
        Shape { constants: vec![], fixed: 0, ..shape() },
    ];
    for shape in shapes {
        assert_eq!(run(&log, 0, &shape, 9, &mut Rows::default()), Stop::Odd(0), "{shape:?}");
    }
}

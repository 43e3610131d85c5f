//! Digests of a record's own data.

mod support;

use evlog_accel_core::{Algorithm, Bodies, FoldError, Named, Part, Shape, of_body, words};

/// Rows of which each has a digest of its data in each algorithm, and where each row begins.
fn records(algorithms: &[Algorithm], count: usize) -> (Vec<u8>, Vec<u64>, Shape) {
    let mut at = 3;
    let mut digests = Vec::new();
    for &algorithm in algorithms {
        digests.push((algorithm, at));
        at += algorithm.size() as u32 + 1;
    }
    let (mut buffer, mut offsets) = (Vec::new(), Vec::new());
    for number in 0..count {
        let data = vec![number as u8; number % 300];
        offsets.push(buffer.len() as u64);
        buffer.extend([0; 3]);
        for &algorithm in algorithms {
            buffer.extend(&algorithm.hash(&[&data])[..algorithm.size()]);
            buffer.push(0);
        }
        buffer.extend(&data);
    }
    (buffer, offsets, Shape { body: at, digests, named: None })
}

fn bodies<'a>(buffer: &'a [u8], offsets: &'a [u64]) -> Bodies<'a> {
    Bodies { buffer, offsets, end: buffer.len() as u64, shape_of: None }
}

#[test]
fn every_algorithm_alone_and_beside_others() {
    for algorithms in Algorithm::ALL.map(|algorithm| vec![algorithm]).into_iter().chain([Algorithm::ALL.to_vec()]) {
        let (mut buffer, offsets, shape) = records(&algorithms, 700);
        let shapes = [shape];
        assert_eq!(of_body(bodies(&buffer, &offsets), &shapes, || 1).unwrap(), vec![1; 700], "{algorithms:?}");
        // One bit of one digest, or of the data.
        for (row, at) in [(5, 3), (5, shapes[0].body as usize - 2), (699, shapes[0].body as usize)] {
            let at = offsets[row] as usize + at;
            buffer[at] ^= 1;
            let flags = of_body(bodies(&buffer, &offsets), &shapes, || 1).unwrap();
            buffer[at] ^= 1;
            let wrong: Vec<usize> = (0..700).filter(|&row| flags[row] == 0).collect();
            assert_eq!(wrong, [row], "{algorithms:?}");
        }
    }
}

#[test]
fn threads() {
    let (mut buffer, offsets, shape) = records(&[Algorithm::Sha256, Algorithm::Sha384], 9_000);
    let last = buffer.len() - 1;
    buffer[last] ^= 1;
    let mut expected = vec![1; 9_000];
    expected[8_999] = 0;
    for threads in [0, 1, 2, 5] {
        assert_eq!(of_body(bodies(&buffer, &offsets), std::slice::from_ref(&shape), || threads).unwrap(), expected);
    }
    let beyond = Bodies { end: buffer.len() as u64 + 1, ..bodies(&buffer, &offsets) };
    assert_eq!(of_body(beyond, &[shape], || 3), Err(FoldError::Digest(8_999)));
}

#[test]
fn shapes() {
    let (buffer, offsets, shape) = records(&[Algorithm::Sha1], 4);
    let none = Shape { body: 0, digests: Vec::new(), named: None };
    // The same digest twice is as good as once; a digest of another algorithm is not.
    let twice = Shape { digests: [&shape.digests[..], &shape.digests[..]].concat(), ..shape.clone() };
    let other = Shape { body: shape.body, digests: vec![(Algorithm::Sm3, 3)], named: None };
    let shapes = [shape, none, twice];
    let rows = Bodies { shape_of: Some(&[0, 1, 2, 0]), ..bodies(&buffer, &offsets) };
    assert_eq!(of_body(rows, &shapes, || 1).unwrap(), [1, 0, 1, 1]);
    assert_eq!(of_body(Bodies { shape_of: Some(&[0; 3]), ..rows }, &shapes, || 1), Err(FoldError::Lengths));
    assert_eq!(of_body(Bodies { shape_of: Some(&[0, 3, 0, 0]), ..rows }, &shapes, || 1), Err(FoldError::Layout(1)));
    assert_eq!(of_body(bodies(&buffer, &[]), &[], || 1).unwrap(), []);
    let long = [&buffer[..], &[0; 40]].concat();
    assert_eq!(of_body(bodies(&long, &offsets[..1]), &[other], || 1).unwrap(), [0]);
}

#[test]
fn rows_that_do_not_fit() {
    let buffer = support::unhex("00 01 02 03 04 05 06 07 08 09");
    let shape = |body, digests: &[(Algorithm, u32)]| [Shape { body, digests: digests.to_vec(), named: None }];
    let of = |offsets: &[u64], end, shapes: &[Shape]| {
        of_body(Bodies { buffer: &buffer, offsets, end, shape_of: None }, shapes, || 1)
    };
    assert_eq!(of(&[0, 5], 10, &shape(5, &[])), Ok(vec![0, 0]));
    assert_eq!(of(&[0, 5], 10, &shape(6, &[])), Err(FoldError::Digest(0)));
    assert_eq!(of(&[0, 5], 11, &shape(0, &[])), Err(FoldError::Digest(1)));
    assert_eq!(of(&[5, 0], 10, &shape(0, &[])), Err(FoldError::Digest(0)));
    assert_eq!(of(&[u64::MAX], u64::MAX, &shape(0, &[])), Err(FoldError::Digest(0)));
    assert_eq!(of(&[0], 10, &shape(u32::MAX, &[])), Err(FoldError::Digest(0)));
    assert_eq!(of(&[0], 10, &shape(0, &[(Algorithm::Sha1, 0)])), Err(FoldError::Digest(0)));
    assert_eq!(of(&[0], 10, &shape(0, &[(Algorithm::Sha1, u32::MAX)])), Err(FoldError::Digest(0)));
}

const ALL_BUT_FOUR: Part = Part { kept: 0, left_out: 4, filled: 0 };

/// A record: a digest of what is given, the length of the name, the name, the data.
fn named(big_endian: bool, name: &[u8], data: &[u8], covered: &[u8]) -> Vec<u8> {
    let length = name.len() as u32;
    let length = if big_endian { length.to_be_bytes() } else { length.to_le_bytes() };
    [&Algorithm::Sha1.hash(&[covered])[..20], &length, name, data].concat()
}

#[test]
fn data_behind_names() {
    // As Linux has it in its lists: the data without its length, and the digest and the padded name of a file.
    let legacy = (b"ima".to_vec(), Part { kept: 20, left_out: 4, filled: 256 });
    let padded = |name: &[u8]| [&[7; 20][..], name, &vec![0; 256_usize.saturating_sub(name.len())]].concat();
    for big_endian in [false, true] {
        let shape = Shape {
            body: 20,
            digests: vec![(Algorithm::Sha1, 0)],
            named: Some(Named { big_endian, usual: ALL_BUT_FOUR, others: vec![legacy.clone()] }),
        };
        let long = [b'n'; 300];
        let of_file = |name: &[u8]| [&[7; 20][..], &[9; 4], name].concat();
        let records = [
            (1, named(big_endian, b"ima-ng", b"\x04\0\0\0data", b"data")),
            (0, named(big_endian, b"ima-ng", b"\x04\0\0\0data", b"\x04\0\0\0data")),
            (1, named(big_endian, b"ima", &of_file(b"/init"), &padded(b"/init"))),
            (0, named(big_endian, b"ima", &of_file(b"/init"), &[&[7; 20][..], b"/init"].concat())),
            (1, named(big_endian, b"ima", &of_file(&long), &padded(&long))),
            (1, named(big_endian, b"im", b"\x04\0\0\0data", b"data")),
            (1, named(big_endian, b"", b"1234", b"")),
            // Less than is left out, or than is kept.
            (1, named(big_endian, b"x", b"123", b"")),
            (1, named(big_endian, b"ima", b"123", &[&b"123"[..], &[0; 256]].concat())),
            // A name that is longer than the record by one byte.
            (0, named(big_endian, b"name", b"", b"")[..27].to_vec()),
            (0, named(big_endian, b"", b"", b"")[..23].to_vec()),
        ];
        let mut offsets = Vec::new();
        let mut buffer = Vec::new();
        for (_, record) in &records {
            offsets.push(buffer.len() as u64);
            buffer.extend(record);
        }
        let expected: Vec<u8> = records.iter().map(|record| record.0).collect();
        assert_eq!(of_body(bodies(&buffer, &offsets), std::slice::from_ref(&shape), || 1).unwrap(), expected);
        // The length of the name stands nowhere in the record.
        let beyond = Shape { body: 1 << 20, ..shape };
        assert_eq!(of_body(bodies(&buffer, &offsets), &[beyond], || 1).unwrap(), vec![0; records.len()]);
    }
}

#[test]
fn numbers() {
    let buffer = support::unhex("01 02 03 04 05 06");
    let of = |offsets: &[u64], distances: &[u32], big| words(&buffer, offsets, None, distances, big);
    assert_eq!(of(&[0, 1, 2], &[0], false).unwrap(), [0x0403_0201, 0x0504_0302, 0x0605_0403]);
    assert_eq!(of(&[0, 1, 2], &[0], true).unwrap(), [0x0102_0304, 0x0203_0405, 0x0304_0506]);
    // What is left, where it is less; nothing is 0.
    assert_eq!(of(&[0, 1, 2, 3], &[3], false).unwrap(), [0x0006_0504, 0x0000_0605, 6, 0]);
    assert_eq!(of(&[0, 1, 2, 3], &[3], true).unwrap(), [0x0004_0506, 0x0000_0506, 6, 0]);
    assert_eq!(of(&[u64::MAX, 7], &[u32::MAX], false).unwrap(), [0, 0]);
    assert_eq!(words(&buffer, &[0, 0], Some(&[1, 0]), &[0, 2], false).unwrap(), [0x0605_0403, 0x0403_0201]);
    assert_eq!(words(&buffer, &[0, 0], Some(&[1, 2]), &[0, 2], false), Err(FoldError::Layout(1)));
    assert_eq!(words(&buffer, &[0, 0], Some(&[0]), &[0], false), Err(FoldError::Lengths));
    assert_eq!(words(&buffer, &[0], None, &[], false), Err(FoldError::Layout(0)));
}

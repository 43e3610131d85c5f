//! Digests of the records' own data, and numbers in records, against readers that go row by row.
#![no_main]

use evlog_accel_core::{Algorithm, Bodies, FoldError, Named, Part, Shape, of_body, words};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = run(Unstructured::new(input));
});

fn run(mut u: Unstructured<'_>) -> Result<()> {
    let mut shapes = Vec::new();
    for _ in 0..u.int_in_range(0..=3)? {
        let mut digests = Vec::new();
        for _ in 0..u.int_in_range(0..=3)? {
            digests.push((*u.choose(&Algorithm::ALL)?, distance(&mut u)?));
        }
        shapes.push(Shape { body: distance(&mut u)?, digests, named: named(&mut u)? });
    }
    let mut rows = Vec::new();
    for _ in 0..u.int_in_range(0..=20)? {
        rows.push((offset(&mut u)?, u.int_in_range(0..=shapes.len() as u8)?));
    }
    if u.ratio(7, 8)? {
        rows.sort_unstable();
    }
    let (threads, big_endian, true_ones): (usize, bool, u32) = (u.int_in_range(0..=3)?, u.arbitrary()?, u.arbitrary()?);
    let (short, single) = (u.ratio(1, 16)?, u.arbitrary()?);
    let mut buffer = u.take_rest().to_vec();
    let offsets: Vec<u64> = rows.iter().map(|row| row.0).collect();
    let mut shape_of: Vec<u8> = rows.iter().map(|row| row.1).collect();
    let end = buffer.len() as u64;
    // Digests that are of the data, which nobody finds by trying.
    for row in (0..rows.len()).filter(|row| true_ones >> (row % 32) & 1 == 1) {
        let shape = shapes.get(if single { 0 } else { usize::from(shape_of[row]) });
        let stop = offsets.get(row + 1).map_or(end, |&next| next);
        plant(&mut buffer, offsets[row], stop, shape);
    }
    if short {
        shape_of.pop();
    }
    let given = if single { None } else { Some(&shape_of[..]) };
    let rows = Bodies { buffer: &buffer, offsets: &offsets, end, shape_of: given };
    let misfit = given.is_some_and(|shapes| shapes.len() != offsets.len());
    let flags = of_body(rows, &shapes, || threads);
    match (flags, misfit) {
        (flags, true) => assert_eq!(flags, Err(FoldError::Lengths)),
        (Ok(flags), false) => {
            for row in 0..offsets.len() {
                assert_eq!(Ok(flags[row]), naive(rows, &shapes, row));
            }
        }
        (Err(error), false) => assert!((0..offsets.len()).any(|row| naive(rows, &shapes, row) == Err(error))),
    }
    let distances: Vec<u32> = shapes.iter().map(|shape| shape.body).collect();
    match (words(&buffer, &offsets, given, &distances, big_endian), misfit) {
        (numbers, true) => assert_eq!(numbers, Err(FoldError::Lengths)),
        (Err(error), false) => {
            let FoldError::Layout(row) = error else { panic!("{error}") };
            assert!(given.map_or(0, |shapes| usize::from(shapes[row])) >= distances.len());
        }
        (Ok(numbers), false) => {
            for (row, number) in numbers.into_iter().enumerate() {
                let distance = distances[given.map_or(0, |shapes| usize::from(shapes[row]))];
                assert_eq!(number, word(&buffer, offsets[row], distance, big_endian));
            }
        }
    }
    Ok(())
}

fn named(u: &mut Unstructured<'_>) -> Result<Option<Named>> {
    if u.arbitrary()? {
        return Ok(None);
    }
    let mut others = Vec::new();
    for _ in 0..u.int_in_range(0..=2)? {
        let length = u.int_in_range(0..=3)?;
        others.push((u.bytes(length)?.to_vec(), part(u)?));
    }
    Ok(Some(Named { big_endian: u.arbitrary()?, usual: part(u)?, others }))
}

fn part(u: &mut Unstructured<'_>) -> Result<Part> {
    // Not more than somebody would ask to be filled up: it is memory.
    Ok(Part { kept: distance(u)?, left_out: distance(u)?, filled: u.int_in_range(0..=300)? })
}

fn distance(u: &mut Unstructured<'_>) -> Result<u32> {
    Ok(match u.arbitrary::<u8>()? {
        255 => u32::MAX,
        254 => u.arbitrary()?,
        small => u32::from(small % 100),
    })
}

fn offset(u: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match u.arbitrary::<u8>()? {
        255 => u64::MAX,
        254 => u.arbitrary()?,
        small => u64::from(small) * 2,
    })
}

/// Make the digests of a record those of its data, as far as they are in front of it.
fn plant(buffer: &mut [u8], start: u64, stop: u64, shape: Option<&Shape>) {
    let (Some(shape), true) = (shape, start <= stop && stop <= buffer.len() as u64) else { return };
    let record = &mut buffer[start as usize..stop as usize];
    if shape.body as usize > record.len() {
        return;
    }
    let (head, body) = record.split_at_mut(shape.body as usize);
    let Some(body) = covered(shape, body) else { return };
    for &(algorithm, distance) in &shape.digests {
        let place = (distance as usize).checked_add(algorithm.size());
        if let Some(digest) = place.and_then(|end| head.get_mut(distance as usize..end)) {
            digest.copy_from_slice(&algorithm.hash(&[&body])[..algorithm.size()]);
        }
    }
}

fn naive(rows: Bodies<'_>, shapes: &[Shape], row: usize) -> std::result::Result<u8, FoldError> {
    let shape = rows.shape_of.map_or(0, |shapes| usize::from(shapes[row]));
    let shape = shapes.get(shape).ok_or(FoldError::Layout(row))?;
    let (start, length) = (u128::from(rows.offsets[row]), rows.buffer.len() as u128);
    let stop = u128::from(if row + 1 < rows.offsets.len() { rows.offsets[row + 1] } else { rows.end });
    let data = start + u128::from(shape.body);
    if start > stop || stop > length || (data > stop && shape.named.is_none()) {
        return Err(FoldError::Digest(row));
    }
    let data = if data > stop { None } else { covered(shape, &rows.buffer[data as usize..stop as usize]) };
    let mut flag = u8::from(!shape.digests.is_empty());
    for &(algorithm, distance) in &shape.digests {
        let (from, size) = (start + u128::from(distance), algorithm.size() as u128);
        if from + size > stop {
            return Err(FoldError::Digest(row));
        }
        let digest = &rows.buffer[from as usize..(from + size) as usize];
        let right = data.as_ref().is_some_and(|data| *digest == algorithm.hash(&[data])[..size as usize]);
        flag &= u8::from(right);
    }
    Ok(flag)
}

/// Byte by byte what a digest covers of some data, or of what stands behind a name; None if the name is too long.
fn covered(shape: &Shape, data: &[u8]) -> Option<Vec<u8>> {
    let Some(Named { big_endian, usual, others }) = &shape.named else { return Some(data.to_vec()) };
    let mut left = data.iter().copied();
    let mut length = 0;
    for place in 0..4 {
        length |= u64::from(left.next()?) << (8 * if *big_endian { 3 - place } else { place });
    }
    let mut name = Vec::new();
    for _ in 0..length {
        name.push(left.next()?);
    }
    let part = others.iter().find(|other| other.0 == name).map_or(usual, |other| &other.1);
    let mut whole: Vec<u8> = left.by_ref().take(part.kept as usize).collect();
    let rest: Vec<u8> = left.skip(part.left_out as usize).collect();
    let zeros = (part.filled as usize).saturating_sub(rest.len());
    whole.extend(rest);
    whole.extend(std::iter::repeat_n(0, zeros));
    Some(whole)
}

fn word(buffer: &[u8], offset: u64, distance: u32, big_endian: bool) -> u32 {
    let at = u128::from(offset) + u128::from(distance);
    let left: Vec<u32> = (at..at + 4)
        .filter_map(|at| usize::try_from(at).ok())
        .filter_map(|at| buffer.get(at))
        .map(|&b| b.into())
        .collect();
    let places = left.iter().enumerate();
    places.map(|(place, byte)| byte << (8 * if big_endian { left.len() - 1 - place } else { place })).sum()
}

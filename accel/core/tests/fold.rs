//! Replay of columns against values that go row by row: value = H(value || digest).

use evlog_accel_core::{
    Algorithm, Bank, Columns, FoldError, Job, MAX_SIZE, NO_DIGEST, NOT_EXTENDED, fold, fold_covered, fold_many,
};

/// More rows than a window of the fold has.
const MANY: usize = 20_000;

fn bank(algorithm: Algorithm, distances: &[u32], registers: usize) -> Bank {
    let (values, missing) = (vec![[0; MAX_SIZE]; registers], vec![false; registers]);
    Bank { algorithm, distances: distances.to_vec(), values, missing }
}

fn extend(algorithm: Algorithm, value: &[u8], digest: &[u8]) -> Vec<u8> {
    algorithm.hash(&[value, digest])[..algorithm.size()].to_vec()
}

fn columns<'a>(buffer: &'a [u8], offsets: &'a [u64], registers: &'a [u32]) -> Columns<'a> {
    Columns { buffer, offsets, registers, layout_of: None, violations: false }
}

/// Bytes that differ from place to place.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|place| (place * 167 % 251) as u8).collect()
}

#[test]
fn registers_near_and_far() {
    let registers = [3, 0, 255, 256, 0x01C1_0103, u32::MAX - 1, 23, 300];
    let buffer = bytes(4096);
    for algorithm in Algorithm::ALL {
        let size = algorithm.size();
        let offsets: Vec<u64> = (0..500).map(|row| row * 13 % 4000).collect();
        // Some registers have many rows, some few, the last none; some rows extend nothing.
        let register = |row: usize| match row % 11 {
            7 => NOT_EXTENDED,
            8.. => registers[0],
            place => registers[if row.is_multiple_of(2) { place } else { 1 }],
        };
        let column: Vec<u32> = (0..500).map(register).collect();
        let mut banks = [bank(algorithm, &[2], registers.len())];
        banks[0].values[4] = [9; MAX_SIZE];
        let mut expected: Vec<Vec<u8>> = banks[0].values.iter().map(|value| value[..size].to_vec()).collect();
        for (offset, register) in offsets.iter().zip(&column) {
            if let Some(place) = registers.iter().position(|known| known == register) {
                expected[place] = extend(algorithm, &expected[place], &buffer[*offset as usize + 2..][..size]);
            }
        }
        fold(columns(&buffer, &offsets, &column), &registers, &mut banks, || 1).unwrap();
        for (value, expected) in banks[0].values.iter().zip(expected) {
            assert_eq!(value[..size], expected, "{algorithm:?}");
        }
        assert_eq!(banks[0].missing, [false; 8]);
    }
}

#[test]
fn windows_and_threads() {
    let buffer = bytes(MANY + 64);
    let offsets: Vec<u64> = (0..MANY as u64).collect();
    let column: Vec<u32> = (0..MANY as u32).map(|row| row / 7 % 24).collect();
    let registers: Vec<u32> = (0..24).collect();
    let given: Vec<Bank> = Algorithm::ALL.map(|algorithm| bank(algorithm, &[0], 24)).to_vec();
    let columns = columns(&buffer, &offsets, &column);
    let mut expected = vec![vec![0; 32]; 24];
    for row in 0..MANY {
        let value = &mut expected[column[row] as usize];
        *value = extend(Algorithm::Sha256, value, &buffer[row..row + 32]);
    }
    let mut alone = given.clone();
    fold(columns, &registers, &mut alone, || 0).unwrap();
    for (value, expected) in alone[1].values.iter().zip(expected) {
        assert_eq!(value[..32], expected);
    }
    for threads in [1, 2, 3, 8, 100] {
        let mut banks = given.clone();
        fold(columns, &registers, &mut banks, || threads).unwrap();
        for (bank, alone) in banks.iter().zip(&alone) {
            assert_eq!(bank.values, alone.values, "{threads} threads");
        }
    }
}

#[test]
fn layouts_with_and_without_a_digest() {
    let buffer = bytes(400);
    let (offsets, column, layout_of) = ([0, 100, 200, 300], [1, 2, 2, 3], [0, 1, 2, 1]);
    let columns = Columns { layout_of: Some(&layout_of), ..columns(&buffer, &offsets, &column) };
    let distances = [[5, NO_DIGEST, 7], [NO_DIGEST, 9, 0]];
    let mut banks = [bank(Algorithm::Sha1, &distances[0], 3), bank(Algorithm::Sha384, &distances[1], 3)];
    fold(columns, &[1, 2, 3], &mut banks, || 1).unwrap();
    let sha1 = |digests: &[usize]| {
        digests.iter().fold(vec![0; 20], |value, &at| extend(Algorithm::Sha1, &value, &buffer[at..at + 20]))
    };
    let sha384 = |digests: &[usize]| {
        digests.iter().fold(vec![0; 48], |value, &at| extend(Algorithm::Sha384, &value, &buffer[at..at + 48]))
    };
    for (place, expected) in [sha1(&[5]), sha1(&[207]), sha1(&[])].iter().enumerate() {
        assert_eq!(banks[0].values[place][..20], *expected);
    }
    for (place, expected) in [sha384(&[]), sha384(&[109, 200]), sha384(&[309])].iter().enumerate() {
        assert_eq!(banks[1].values[place][..48], *expected);
    }
    assert_eq!(banks[0].missing, [false, true, true]);
    assert_eq!(banks[1].missing, [true, false, false]);
}

/// Linux, ima_template.c: a violation has a digest of zeros in the list and extends ones.
#[test]
fn violations() {
    for algorithm in Algorithm::ALL {
        let size = algorithm.size();
        let mut buffer = vec![0; 3 * size];
        buffer[3 * size - 1] = 1;
        let (offsets, column) = ([0, size as u64, 2 * size as u64], [10; 3]);
        for violations in [false, true] {
            let columns = Columns { violations, ..columns(&buffer, &offsets, &column) };
            let mut banks = [bank(algorithm, &[0], 1)];
            fold(columns, &[10], &mut banks, || 1).unwrap();
            let zeros = if violations { vec![0xFF; size] } else { vec![0; size] };
            let value = extend(algorithm, &extend(algorithm, &vec![0; size], &zeros), &zeros);
            let value = extend(algorithm, &value, &buffer[2 * size..]);
            assert_eq!(banks[0].values[0][..size], value, "{algorithm:?}");
        }
    }
}

#[test]
fn nothing_to_do() {
    let mut banks = [bank(Algorithm::Sha256, &[], 1)];
    assert_eq!(fold(columns(b"", &[], &[]), &[0], &mut banks, || 1), Ok(()));
    assert_eq!(fold(columns(b"", &[u64::MAX], &[NOT_EXTENDED]), &[0], &mut banks, || 1), Ok(()));
    assert_eq!(banks[0].values, [[0; MAX_SIZE]]);
    assert_eq!(fold(columns(b"", &[0], &[0]), &[0], &mut [], || 1), Ok(()));
}

#[test]
fn columns_that_do_not_fit() {
    let buffer = bytes(100);
    let fold = |columns: Columns<'_>, registers: &[u32], distances: &[u32]| {
        fold(columns, registers, &mut [bank(Algorithm::Sha256, distances, registers.len())], || 1)
    };
    let all = columns(&buffer, &[0, 68, 69], &[1, 1, 1]);
    assert_eq!(fold(Columns { offsets: &[0, 68], registers: &[1, 1], ..all }, &[1], &[0]), Ok(()));
    assert_eq!(fold(all, &[1], &[0]), Err(FoldError::Digest(2)));
    assert_eq!(fold(Columns { registers: &[1, 1], ..all }, &[1], &[0]), Err(FoldError::Lengths));
    assert_eq!(fold(Columns { layout_of: Some(&[0]), ..all }, &[1], &[0]), Err(FoldError::Lengths));
    assert_eq!(fold(Columns { layout_of: Some(&[0, 1, 0]), ..all }, &[1], &[0]), Err(FoldError::Layout(1)));
    assert_eq!(fold(all, &[1], &[]), Err(FoldError::Layout(0)));
    assert_eq!(fold(Columns { registers: &[1, 2, 1], ..all }, &[1], &[0]), Err(FoldError::Register(1)));
    assert_eq!(fold(Columns { registers: &[1, 900, 1], ..all }, &[1, 901], &[0]), Err(FoldError::Register(1)));
    assert_eq!(fold(all, &[], &[0]), Err(FoldError::Register(0)));
    for (offset, distance) in [(u64::MAX, 0), (u64::MAX, NO_DIGEST - 1), (0, 69), (u64::MAX - 40, 32), (100, 0)] {
        assert_eq!(
            fold(columns(&buffer, &[offset], &[1]), &[1], &[distance]),
            Err(FoldError::Digest(0)),
            "{offset}, {distance}"
        );
    }
}

#[test]
fn an_error_of_any_thread() {
    let buffer = bytes(64);
    let (mut offsets, column) = (vec![0; MANY], vec![0; MANY]);
    offsets[MANY - 1] = 30;
    // The last row's digest is there for SHA-256 and SHA-1 only.
    for algorithms in [[Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha384], [Algorithm::Sha384; 3]] {
        for threads in [1, 2, 3] {
            let mut banks = algorithms.map(|algorithm| bank(algorithm, &[0], 1));
            let result = fold(columns(&buffer, &offsets, &column), &[0], &mut banks, || threads);
            assert_eq!(result, Err(FoldError::Digest(MANY - 1)));
        }
    }
}

#[test]
fn errors_in_words() {
    assert_eq!(FoldError::Lengths.to_string(), "columns of different lengths");
    assert_eq!(FoldError::Layout(1).to_string(), "row 1: no such layout");
    assert_eq!(FoldError::Register(2).to_string(), "row 2: no value for its register");
    assert_eq!(FoldError::Digest(3).to_string(), "row 3: it ends beyond the buffer");
}

#[test]
fn what_rows_cover() {
    let buffer = bytes(MANY + 300);
    let starts: Vec<u64> = (0..MANY as u64).collect();
    let stops: Vec<u64> = starts.iter().map(|start| start + start * 7 % 300).collect();
    let registers: Vec<u32> = (0..MANY).map(|row| if row % 5 == 0 { NOT_EXTENDED } else { 0 }).collect();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sm3] {
        let size = algorithm.size();
        let mut value = [1; MAX_SIZE];
        fold_covered(algorithm, &mut value, &buffer, (&starts, &stops), &registers).unwrap();
        let mut expected = vec![1; size];
        for row in (0..MANY).filter(|row| row % 5 != 0) {
            let hash = algorithm.hash(&[&buffer[starts[row] as usize..stops[row] as usize]]);
            expected = extend(algorithm, &expected, &hash[..size]);
        }
        assert_eq!(value[..size], expected, "{algorithm:?}");
    }
}

#[test]
fn what_rows_cannot_cover() {
    let covered = |starts: &[u64], stops: &[u64], registers: &[u32]| {
        fold_covered(Algorithm::Sha256, &mut [0; MAX_SIZE], &[0; 10], (starts, stops), registers)
    };
    assert_eq!(covered(&[], &[], &[]), Ok(()));
    assert_eq!(covered(&[0, 10], &[10, 10], &[0, 0]), Ok(()));
    assert_eq!(covered(&[0, 0], &[10, 11], &[0, 0]), Err(FoldError::Digest(1)));
    assert_eq!(covered(&[3], &[2], &[0]), Err(FoldError::Digest(0)));
    assert_eq!(covered(&[u64::MAX], &[u64::MAX], &[0]), Err(FoldError::Digest(0)));
    assert_eq!(covered(&[u64::MAX], &[u64::MAX], &[NOT_EXTENDED]), Ok(()));
    assert_eq!(covered(&[0], &[1, 2], &[0, 0]), Err(FoldError::Lengths));
    assert_eq!(covered(&[0, 1], &[1], &[0, 0]), Err(FoldError::Lengths));
    assert_eq!(covered(&[0, 1], &[1, 2], &[0]), Err(FoldError::Lengths));
}

#[test]
fn many_logs() {
    let buffer = bytes(MANY + 100);
    let offsets: Vec<u64> = (0..MANY as u64).collect();
    let column: Vec<u32> = (0..MANY as u32).map(|row| row / 3 % 5 * 100).collect();
    let job = |(number, rows): (usize, usize)| Job {
        columns: columns(&buffer[number..], &offsets[..rows], &column[..rows]),
        registers: vec![0, 100, 200, 300, 400],
        banks: [0, 1].map(|next| bank(Algorithm::ALL[(number + next) % 8], &[0], 5)).to_vec(),
    };
    let mut jobs: Vec<Job<'_>> = [0, 1, 7, 40, MANY, 300, MANY - 1, 2].into_iter().enumerate().map(job).collect();
    let mut alone: Vec<Vec<Bank>> = jobs.iter().map(|job| job.banks.clone()).collect();
    for (job, banks) in jobs.iter().zip(&mut alone) {
        fold(job.columns, &job.registers, banks, || 1).unwrap();
    }
    fold_many(&mut jobs, || 2).unwrap();
    for (bank, alone) in jobs.iter().flat_map(|job| &job.banks).zip(alone.iter().flatten()) {
        assert_eq!(bank.values, alone.values);
        assert_eq!(bank.missing, alone.missing);
    }
    assert_eq!(fold_many(&mut [], || 2), Ok(()));
    // Row 3 is the first of another register than 0, in a small log and in a large one.
    for rows in [4, MANY] {
        let odd = Job { registers: vec![0], banks: vec![bank(Algorithm::Sha256, &[0], 1)], ..job((0, rows)) };
        assert_eq!(fold_many(&mut [odd], || 2), Err(FoldError::Register(3)));
        let short =
            Job { columns: Columns { registers: &column[1..rows], ..job((0, rows)).columns }, ..job((0, rows)) };
        assert_eq!(fold_many(&mut [short], || 2), Err(FoldError::Lengths));
    }
}

//! Replay of any columns against one that goes row by row: an error, or the same values, and never a panic.
#![no_main]

use std::collections::BTreeMap;

use evlog_accel_core::{
    Algorithm, Bank, Columns, FoldError, Job, MAX_SIZE, NO_DIGEST, NOT_EXTENDED, fold, fold_covered, fold_many,
};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

/// Registers near and far, and what is none.
const REGISTERS: [u32; 12] = [0, 1, 2, 7, 10, 23, 255, 256, 0x01C1_0103, u32::MAX - 1, 3, NOT_EXTENDED];

fuzz_target!(|input: &[u8]| {
    let _ = run(Unstructured::new(input));
});

fn run(mut u: Unstructured<'_>) -> Result<()> {
    let mut registers: Vec<u32> = Vec::new();
    for &register in &REGISTERS[..11] {
        if u.ratio(7, 8)? {
            registers.push(register);
        }
    }
    let violations = u.arbitrary()?;
    let layouts = u.int_in_range(0..=3)?;
    let mut banks = Vec::new();
    for _ in 0..u.int_in_range(1..=3)? {
        let algorithm = *u.choose(&Algorithm::ALL)?;
        let distances = (0..layouts).map(|_| distance(&mut u)).collect::<Result<_>>()?;
        let values = registers.iter().map(|&register| [register as u8; MAX_SIZE]).collect();
        banks.push(Bank { algorithm, distances, values, missing: vec![false; registers.len()] });
    }
    let mut rows = Vec::new();
    for _ in 0..u.int_in_range(0..=40)? {
        rows.push((offset(&mut u)?, *u.choose(&REGISTERS)?, u.int_in_range(0..=layouts)?, offset(&mut u)?));
    }
    // More rows than a window has, now and then: two windows, and several threads. What is between extends nothing.
    if !rows.is_empty() && u.ratio(1, 16)? {
        let between = 8192 - rows.len() + usize::from(u.arbitrary::<u8>()? % 64);
        let at = u.int_in_range(0..=rows.len())?;
        rows.splice(at..at, std::iter::repeat_n((0, NOT_EXTENDED, 0, 0), between));
    }
    let (threads, short, single) = (u.int_in_range(0..=3)?, u.ratio(1, 16)?, u.arbitrary()?);
    let buffer = u.take_rest();
    let offsets: Vec<u64> = rows.iter().map(|row| row.0).collect();
    let mut column: Vec<u32> = rows.iter().map(|row| row.1).collect();
    let layout_of: Vec<u8> = rows.iter().map(|row| row.2).collect();
    let stops: Vec<u64> = rows.iter().map(|row| row.3).collect();
    if short {
        column.pop();
    }
    let layout_of = if single { None } else { Some(&layout_of[..]) };
    let columns = Columns { buffer, offsets: &offsets, registers: &column, layout_of, violations };
    check_columns(columns, &registers, &banks, threads);
    check_covered(columns, &stops, banks[0].algorithm);
    Ok(())
}

/// Mostly small, now and then absurd.
fn distance(u: &mut Unstructured<'_>) -> Result<u32> {
    Ok(match u.arbitrary::<u8>()? {
        255 => NO_DIGEST,
        254 => NO_DIGEST - 1,
        253 => u.arbitrary()?,
        small => u32::from(small % 64),
    })
}

fn offset(u: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match u.arbitrary::<u8>()? {
        255 => u64::MAX,
        254 => u64::MAX - 31,
        253 => u.arbitrary()?,
        small => u64::from(small),
    })
}

fn check_columns(columns: Columns<'_>, registers: &[u32], banks: &[Bank], threads: usize) {
    let mut folded = banks.to_vec();
    let result = fold(columns, registers, &mut folded, || threads);
    check_folded(columns, registers, banks, &folded, result);
    // The same beside another log, which is not to notice.
    let other = Columns { buffer: &[7; 64], offsets: &[0, 0], registers: &[1, 1], layout_of: None, violations: false };
    let value = Bank { distances: vec![0], values: vec![[0; MAX_SIZE]], missing: vec![false], ..banks[0].clone() };
    let job = |columns, registers: &[u32], banks| Job { columns, registers: registers.to_vec(), banks };
    let mut jobs = [job(other, &[1], vec![value]), job(columns, registers, banks.to_vec())];
    let result = fold_many(&mut jobs, || threads);
    let [beside, folded] = jobs;
    if result.is_ok() {
        let (algorithm, size) = (banks[0].algorithm, banks[0].algorithm.size());
        let once = algorithm.hash(&[&[0; MAX_SIZE][..size], &[7; MAX_SIZE][..size]]);
        let twice = algorithm.hash(&[&once[..size], &[7; MAX_SIZE][..size]]);
        assert_eq!(beside.banks[0].values[0][..size], twice[..size]);
    }
    check_folded(columns, registers, banks, &folded.banks, result);
}

fn check_folded(
    columns: Columns<'_>,
    registers: &[u32],
    banks: &[Bank],
    folded: &[Bank],
    result: std::result::Result<(), FoldError>,
) {
    if columns.registers.len() != columns.offsets.len() {
        assert_eq!(result, Err(FoldError::Lengths));
        return;
    }
    let expected: Vec<_> = banks.iter().map(|bank| model(columns, registers, bank)).collect();
    if let Err(error) = result {
        assert!(expected.iter().any(|bank| bank.as_ref().err() == Some(&error)));
        return;
    }
    for (bank, expected) in folded.iter().zip(expected) {
        let expected = expected.expect("the model found an error");
        for (place, register) in registers.iter().enumerate() {
            let size = bank.algorithm.size();
            assert_eq!(bank.values[place][..size], expected[register].0[..size]);
            assert_eq!(bank.missing[place], expected[register].1);
        }
    }
}

/// By register, the value and whether some row had no digest; or the first row that does not fit, and why.
fn model(
    columns: Columns<'_>,
    registers: &[u32],
    bank: &Bank,
) -> std::result::Result<BTreeMap<u32, (Vec<u8>, bool)>, FoldError> {
    let size = bank.algorithm.size();
    let start = |place: usize| (bank.values[place][..size].to_vec(), false);
    let mut values: BTreeMap<u32, (Vec<u8>, bool)> =
        registers.iter().enumerate().map(|(place, &register)| (register, start(place))).collect();
    for (row, &register) in columns.registers.iter().enumerate() {
        if register == NOT_EXTENDED {
            continue;
        }
        let value = values.get_mut(&register).ok_or(FoldError::Register(row))?;
        let layout = columns.layout_of.map_or(0, |layouts| usize::from(layouts[row]));
        let &distance = bank.distances.get(layout).ok_or(FoldError::Layout(row))?;
        if distance == NO_DIGEST {
            value.1 = true;
            continue;
        }
        let from = u128::from(columns.offsets[row]) + u128::from(distance);
        if from + size as u128 > columns.buffer.len() as u128 {
            return Err(FoldError::Digest(row));
        }
        let digest = &columns.buffer[from as usize..from as usize + size];
        let violation = columns.violations && digest.iter().all(|&byte| byte == 0);
        let ones = [0xFF; MAX_SIZE];
        let digest = if violation { &ones[..size] } else { digest };
        value.0 = bank.algorithm.hash(&[&[&value.0[..], digest].concat()])[..size].to_vec();
    }
    Ok(values)
}

fn check_covered(columns: Columns<'_>, stops: &[u64], algorithm: Algorithm) {
    let size = algorithm.size();
    let mut value = [1; MAX_SIZE];
    let result = fold_covered(algorithm, &mut value, columns.buffer, (columns.offsets, stops), columns.registers);
    if columns.registers.len() != columns.offsets.len() {
        assert_eq!(result, Err(FoldError::Lengths));
        return;
    }
    let mut expected = [1; MAX_SIZE];
    for (row, &register) in columns.registers.iter().enumerate() {
        let (from, to) = (columns.offsets[row], stops[row]);
        if register == NOT_EXTENDED {
            continue;
        }
        if from > to || to > columns.buffer.len() as u64 {
            assert_eq!(result, Err(FoldError::Digest(row)));
            return;
        }
        let hash = algorithm.hash(&[&columns.buffer[from as usize..to as usize]]);
        expected = algorithm.hash(&[&expected[..size], &hash[..size]]);
    }
    assert_eq!(result, Ok(()));
    assert_eq!(value[..size], expected[..size]);
}

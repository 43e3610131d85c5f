//! Replay: the rows of a log folded into register values.

#![forbid(unsafe_code)]

use std::ops::Range;

use crate::algorithm::{Algorithm, MAX_SIZE};
use crate::hash::hash_all;
use crate::kernels::{Chain, extend_all, prefetch};
use crate::parallel;

/// In [`Columns::registers`]: the row extends nothing that replay can follow.
pub const NOT_EXTENDED: u32 = u32::MAX;
/// In [`Bank::distances`]: records of the layout have no digest for the bank.
pub const NO_DIGEST: u32 = u32::MAX;

/// Rows are folded in runs of this many, whose records stay in the processor's cache.
const WINDOW: usize = 1 << 11;
/// No more rows than this are done before another thread could begin.
const SMALL: usize = 1 << 13;

/// The rows of a log: see `evlog.columns`.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// The log.
    pub buffer: &'a [u8],
    /// First byte of each record.
    pub offsets: &'a [u64],
    /// The register of each record, or [`NOT_EXTENDED`].
    pub registers: &'a [u32],
    /// The digest layout of each record; all have layout 0 where this is absent.
    pub layout_of: Option<&'a [u8]>,
    /// Whether a digest of zeros extends ones, as a violation in an IMA list does.
    pub violations: bool,
}

impl Columns<'_> {
    fn check(&self) -> Result<(), FoldError> {
        let rows = self.offsets.len();
        let fit = self.registers.len() == rows && self.layout_of.is_none_or(|layouts| layouts.len() == rows);
        if fit { Ok(()) } else { Err(FoldError::Lengths) }
    }
}

/// A bank: where its digests stand, and its registers' values before and after.
#[derive(Clone, Debug)]
pub struct Bank {
    /// The bank's algorithm.
    pub algorithm: Algorithm,
    /// For each layout, the bytes from a record's start to the bank's digest, or [`NO_DIGEST`].
    pub distances: Vec<u32>,
    /// The value of each register of [`fold`]'s list.
    pub values: Vec<[u8; MAX_SIZE]>,
    /// Which of the registers some row had no digest for.
    pub missing: Vec<bool>,
}

/// Columns that do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoldError {
    /// The columns differ in length.
    Lengths,
    /// A row's layout is none of the layouts.
    Layout(usize),
    /// A row's register is not in the list of registers.
    Register(usize),
    /// A row's digest, or what it covers, ends beyond the buffer.
    Digest(usize),
}

impl std::fmt::Display for FoldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lengths => write!(f, "columns of different lengths"),
            Self::Layout(row) => write!(f, "row {row}: no such layout"),
            Self::Register(row) => write!(f, "row {row}: no value for its register"),
            Self::Digest(row) => write!(f, "row {row}: it ends beyond the buffer"),
        }
    }
}

/// Extend the banks' values, which are those of `registers` in that order, by all rows.
///
/// `threads` says how many may run; it is asked only if there is enough to do.
pub fn fold(
    columns: Columns<'_>,
    registers: &[u32],
    banks: &mut [Bank],
    threads: impl Fn() -> usize,
) -> Result<(), FoldError> {
    columns.check()?;
    let rows = columns.offsets.len();
    let index = Index::new(registers);
    let threads = if rows <= SMALL { 1 } else { threads().min(banks.len()) };
    parallel::each(banks.iter_mut(), threads, |bank| fold_bank(columns, &index, bank))
}

/// A log to fold: its rows, the registers they are on, and the banks' values in the order of these.
#[derive(Debug)]
pub struct Job<'a> {
    /// The log.
    pub columns: Columns<'a>,
    /// Its registers.
    pub registers: Vec<u32>,
    /// Its banks.
    pub banks: Vec<Bank>,
}

/// As [`fold`] for each of many logs. The registers of all small ones run side by side.
pub fn fold_many(jobs: &mut [Job<'_>], threads: impl Fn() -> usize) -> Result<(), FoldError> {
    let (mut small, large): (Vec<_>, Vec<_>) = jobs.iter_mut().partition(|job| job.columns.offsets.len() <= SMALL);
    for job in large {
        fold(job.columns, &job.registers, &mut job.banks, &threads)?;
    }
    let rows: usize = small.iter().map(|job| job.columns.offsets.len()).sum();
    let mut tasks: Vec<(Algorithm, Vec<Task<'_, '_>>)> = Vec::new();
    for job in &mut small {
        job.columns.check()?;
        for bank in &mut job.banks {
            let algorithm = bank.algorithm;
            let task = Task { columns: job.columns, index: Index::new(&job.registers), bank };
            match tasks.iter_mut().find(|(known, _)| *known == algorithm) {
                Some((_, of)) => of.push(task),
                None => tasks.push((algorithm, vec![task])),
            }
        }
    }
    let threads = if rows <= SMALL { 1 } else { threads().min(tasks.len()) };
    parallel::each(tasks.iter_mut(), threads, |(algorithm, tasks)| match algorithm.size() {
        20 => fold_small::<20>(*algorithm, tasks),
        32 => fold_small::<32>(*algorithm, tasks),
        48 => fold_small::<48>(*algorithm, tasks),
        _ => fold_small::<64>(*algorithm, tasks),
    })
}

/// A bank of a log of few rows.
struct Task<'a, 'b> {
    columns: Columns<'a>,
    index: Index,
    bank: &'b mut Bank,
}

fn fold_small<const SIZE: usize>(algorithm: Algorithm, tasks: &mut [Task<'_, '_>]) -> Result<(), FoldError> {
    let mut sorted: Vec<Sorted<SIZE>> = Vec::with_capacity(tasks.len());
    for Task { columns, index, bank } in tasks.iter_mut() {
        let mut digests = Sorted::default();
        digests.fill(*columns, 0..columns.offsets.len(), index, bank)?;
        sorted.push(digests);
    }
    let chains = tasks.iter().zip(&sorted).flat_map(|(task, digests)| digests.chains(&task.bank.values));
    let mut chains: Vec<Chain<'_>> = chains.collect();
    extend_all(algorithm, &mut chains);
    let values = tasks.iter_mut().flat_map(|task| &mut task.bank.values);
    for (value, chain) in values.zip(&chains) {
        *value = chain.value;
    }
    Ok(())
}

/// Extend a register by rows of which each extends it with the hash of the bytes from its start to its stop.
///
/// Rows that are [`NOT_EXTENDED`] are passed over.
pub fn fold_covered(
    algorithm: Algorithm,
    value: &mut [u8; MAX_SIZE],
    buffer: &[u8],
    (starts, stops): (&[u64], &[u64]),
    registers: &[u32],
) -> Result<(), FoldError> {
    if starts.len() != registers.len() || stops.len() != registers.len() {
        return Err(FoldError::Lengths);
    }
    let mut messages = Vec::with_capacity(WINDOW.min(registers.len()));
    let mut digests = Vec::new();
    for from in (0..registers.len()).step_by(WINDOW) {
        messages.clear();
        for row in from..registers.len().min(from + WINDOW) {
            if registers[row] != NOT_EXTENDED {
                let covered = buffer.get(starts[row] as usize..stops[row] as usize);
                messages.push(covered.ok_or(FoldError::Digest(row))?);
            }
        }
        digests.clear();
        for hash in hash_all(algorithm, &messages) {
            digests.extend_from_slice(&hash[..algorithm.size()]);
        }
        let mut chain = [Chain { value: *value, digests: &digests }];
        extend_all(algorithm, &mut chain);
        *value = chain[0].value;
    }
    Ok(())
}

fn fold_bank(columns: Columns<'_>, index: &Index, bank: &mut Bank) -> Result<(), FoldError> {
    // The size is known to the compiler in each of these: a digest is then copied by a few instructions.
    match bank.algorithm.size() {
        20 => fold_sized::<20>(columns, index, bank),
        32 => fold_sized::<32>(columns, index, bank),
        48 => fold_sized::<48>(columns, index, bank),
        _ => fold_sized::<64>(columns, index, bank),
    }
}

fn fold_sized<const SIZE: usize>(columns: Columns<'_>, index: &Index, bank: &mut Bank) -> Result<(), FoldError> {
    let rows = columns.offsets.len();
    let mut sorted = Sorted::<SIZE>::default();
    for from in (0..rows).step_by(WINDOW) {
        sorted.fill(columns, from..rows.min(from + WINDOW), index, bank)?;
        let mut chains = sorted.chains(&bank.values);
        extend_all(bank.algorithm, &mut chains);
        for (value, chain) in bank.values.iter_mut().zip(&chains) {
            *value = chain.value;
        }
    }
    Ok(())
}

/// The place of each register in the list of registers.
struct Index {
    near: [u32; 256],
    far: Vec<(u32, u32)>,
}

impl Index {
    fn new(registers: &[u32]) -> Self {
        let mut near = [u32::MAX; 256];
        let mut far = Vec::new();
        for (place, &register) in (0..).zip(registers) {
            match near.get_mut(register as usize) {
                Some(slot) => *slot = place,
                None => far.push((register, place)),
            }
        }
        far.sort_unstable();
        Self { near, far }
    }

    fn place(&self, register: u32) -> Option<usize> {
        let place = match self.near.get(register as usize) {
            Some(&place) => place,
            None => {
                let found = self.far.binary_search_by_key(&register, |entry| entry.0).ok()?;
                self.far[found].1
            }
        };
        (place != u32::MAX).then_some(place as usize)
    }
}

/// The digests of a bank, sorted by register; those of one register stay in order.
///
/// They are copied: the processor fetches them from memory while the rows are gone through in order, and is asked for each
/// before it is needed, which nobody can do for several registers that go their own ways at the pace of a hash.
#[derive(Default)]
struct Sorted<const SIZE: usize> {
    found: Vec<(u64, u32)>,
    digests: Vec<[u8; SIZE]>,
    ends: Vec<usize>,
}

impl<const SIZE: usize> Sorted<SIZE> {
    fn fill(
        &mut self,
        columns: Columns<'_>,
        window: Range<usize>,
        index: &Index,
        bank: &mut Bank,
    ) -> Result<(), FoldError> {
        self.found.clear();
        self.ends.clear();
        self.ends.resize(bank.values.len(), 0);
        for row in window {
            let register = columns.registers[row];
            if register == NOT_EXTENDED {
                continue;
            }
            let place = index.place(register).ok_or(FoldError::Register(row))?;
            let layout = columns.layout_of.map_or(0, |layouts| layouts[row] as usize);
            let distance = *bank.distances.get(layout).ok_or(FoldError::Layout(row))?;
            if distance == NO_DIGEST {
                bank.missing[place] = true;
                continue;
            }
            let start = columns.offsets[row].saturating_add(u64::from(distance));
            if start.saturating_add(SIZE as u64) > columns.buffer.len() as u64 {
                return Err(FoldError::Digest(row));
            }
            prefetch(columns.buffer, start as usize);
            prefetch(columns.buffer, start as usize + SIZE - 1);
            self.ends[place] += 1;
            self.found.push((start, place as u32));
        }
        // Counts become the place of each register's first digest, and then, one by one, the end of its last.
        let mut next = 0;
        for count in &mut self.ends {
            next += std::mem::replace(count, next);
        }
        self.digests.resize(self.found.len(), [0; SIZE]);
        for &(start, place) in &self.found {
            let end = &mut self.ends[place as usize];
            if let Some(digest) = columns.buffer[start as usize..].first_chunk() {
                let violation = columns.violations && *digest == [0; SIZE];
                self.digests[*end] = if violation { [0xFF; SIZE] } else { *digest };
            }
            *end += 1;
        }
        Ok(())
    }

    fn chains<'a>(&'a self, values: &[[u8; MAX_SIZE]]) -> Vec<Chain<'a>> {
        let mut from = 0;
        let mut chains = Vec::with_capacity(values.len());
        for (&value, &end) in values.iter().zip(&self.ends) {
            chains.push(Chain { value, digests: self.digests[from..end].as_flattened() });
            from = end;
        }
        chains
    }
}

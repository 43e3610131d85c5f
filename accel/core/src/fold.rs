//! Replay: the rows of a log folded into register values.

#![forbid(unsafe_code)]

use std::sync::Mutex;
use std::thread;

use crate::algorithm::{Algorithm, MAX_SIZE};
use crate::kernels::{Chain, extend_all};

/// In [`Fold::registers`]: the row extends nothing that replay can follow.
pub const NOT_EXTENDED: u32 = u32::MAX;
/// In [`Bank::distances`]: records of the layout have no digest for the bank.
pub const NO_DIGEST: u32 = u32::MAX;

/// Rows are folded in runs of this many: their bytes stay near, and what is noted of them stays small.
const WINDOW: usize = 1 << 16;
/// Fewer rows than this are not worth a second thread.
const WORTH_A_THREAD: usize = 1 << 13;

/// The rows of a log: see `evlog.columns`.
#[derive(Clone, Copy, Debug)]
pub struct Fold<'a> {
    /// The log.
    pub buffer: &'a [u8],
    /// First byte of each record.
    pub offsets: &'a [u64],
    /// The register of each record, or [`NOT_EXTENDED`].
    pub registers: &'a [u32],
    /// The digest layout of each record; all have layout 0 where this is absent.
    pub layout_of: Option<&'a [u8]>,
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
    /// A row's digest ends beyond the buffer.
    Digest(usize),
}

impl std::fmt::Display for FoldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lengths => write!(f, "columns of different lengths"),
            Self::Layout(row) => write!(f, "row {row}: no such layout"),
            Self::Register(row) => write!(f, "row {row}: no value for its register"),
            Self::Digest(row) => write!(f, "row {row}: the digest ends beyond the buffer"),
        }
    }
}

/// Extend the banks' values, which are those of `registers` in that order, by all rows.
///
/// `threads` says how many may run; it is asked only if there is enough to do.
pub fn fold(
    columns: Fold<'_>,
    registers: &[u32],
    banks: &mut [Bank],
    threads: impl Fn() -> usize,
) -> Result<(), FoldError> {
    let rows = columns.offsets.len();
    if columns.registers.len() != rows || columns.layout_of.is_some_and(|layouts| layouts.len() != rows) {
        return Err(FoldError::Lengths);
    }
    let index = Index::new(registers);
    let mut groups: Vec<Groups> = banks.iter().map(|_| Groups::default()).collect();
    for from in (0..rows).step_by(WINDOW) {
        let window = from..rows.min(from + WINDOW);
        for (bank, group) in banks.iter_mut().zip(&mut groups) {
            group.fill(columns, window.clone(), &index, registers.len(), bank)?;
        }
        let mut tasks = Vec::new();
        for (bank, group) in banks.iter_mut().zip(&groups) {
            let chains: Vec<Chain<'_>> = group.chains(&bank.values);
            tasks.push((bank.algorithm, &mut bank.values, chains));
        }
        let threads = if window.len() < WORTH_A_THREAD { 1 } else { threads().min(tasks.len()) };
        run(columns.buffer, tasks, threads);
    }
    Ok(())
}

type Task<'a> = (Algorithm, &'a mut Vec<[u8; MAX_SIZE]>, Vec<Chain<'a>>);

fn run(buffer: &[u8], tasks: Vec<Task<'_>>, threads: usize) {
    let work = |(algorithm, values, mut chains): Task<'_>| {
        extend_all(algorithm, buffer, &mut chains);
        for (value, chain) in values.iter_mut().zip(&chains) {
            *value = chain.value;
        }
    };
    if threads <= 1 {
        tasks.into_iter().for_each(work);
        return;
    }
    let queue = Mutex::new(tasks);
    let drain = || {
        while let Some(task) = queue.lock().ok().and_then(|mut tasks| tasks.pop()) {
            work(task);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(drain);
        }
        drain();
    });
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
        for (place, &register) in registers.iter().enumerate() {
            match near.get_mut(register as usize) {
                Some(slot) => *slot = place as u32,
                None => far.push((register, place as u32)),
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

/// Where the digests of a bank start, sorted by register; those of one register stay in order.
#[derive(Default)]
struct Groups {
    starts: Vec<u64>,
    places: Vec<u32>,
    sorted: Vec<u64>,
    ends: Vec<usize>,
}

impl Groups {
    fn fill(
        &mut self,
        columns: Fold<'_>,
        window: std::ops::Range<usize>,
        index: &Index,
        registers: usize,
        bank: &mut Bank,
    ) -> Result<(), FoldError> {
        self.starts.clear();
        self.places.clear();
        let mut counts = vec![0usize; registers];
        let room = (columns.buffer.len() as u64).checked_sub(bank.algorithm.size() as u64);
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
            if room.is_none_or(|room| start > room) {
                return Err(FoldError::Digest(row));
            }
            counts[place] += 1;
            self.starts.push(start);
            self.places.push(place as u32);
        }
        let mut next = 0;
        for count in &mut counts {
            next += std::mem::replace(count, next);
        }
        self.sorted.clear();
        self.sorted.resize(self.starts.len(), 0);
        for (&start, &place) in self.starts.iter().zip(&self.places) {
            self.sorted[counts[place as usize]] = start;
            counts[place as usize] += 1;
        }
        self.ends = counts;
        Ok(())
    }

    fn chains<'a>(&'a self, values: &[[u8; MAX_SIZE]]) -> Vec<Chain<'a>> {
        let mut from = 0;
        let mut chains = Vec::with_capacity(values.len());
        for (&value, &end) in values.iter().zip(&self.ends) {
            chains.push(Chain { value, starts: &self.sorted[from..end] });
            from = end;
        }
        chains
    }
}

//! evlog-accel: scanning and hashing for evlog, in batches. This crate is the seam to Python; what it calls is in
//! `evlog-accel-core`. Every function here has its twin in evlog's own Python (`evlog.hashing`, `evlog.formats`).

mod borrow;
mod pages;

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::OnceLock;

use borrow::Borrowed;
use evlog_accel_core::scan::ima::{self, List, Template};
use evlog_accel_core::scan::tcg::{DigestList, Followed, run1, run2};
use evlog_accel_core::scan::{Rows, Stop, cel, text};
use evlog_accel_core::{
    Algorithm, Bank, Bodies, Chain, Columns, Job, MAX_SIZE, NO_DIGEST, NOT_EXTENDED, Shape, extend_all, fold_covered,
    hash_all,
};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PySet};

/// Rows that a scanner notes before they go to Python: few enough to stay in the processor's cache.
const BATCH: usize = 1 << 14;
/// Fewer bytes than this are hashed before other threads could do anything useful.
const WORTH_DETACHING: usize = 1 << 14;

fn algorithm(id: u16) -> PyResult<Algorithm> {
    Algorithm::from_id(id).ok_or_else(|| PyValueError::new_err(format!("no algorithm {id:#06x}")))
}

fn value_of(algorithm: Algorithm, value: &[u8]) -> PyResult<[u8; MAX_SIZE]> {
    let size = algorithm.size();
    if value.len() != size {
        return Err(PyValueError::new_err(format!("a value of {size} bytes expected, {} found", value.len())));
    }
    let mut whole = [0; MAX_SIZE];
    whole[..size].copy_from_slice(value);
    Ok(whole)
}

fn threads() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// TPM_ALG_IDs of the algorithms that can be computed.
#[pyfunction]
fn algorithms() -> Vec<u16> {
    Algorithm::ALL.map(Algorithm::id).to_vec()
}

/// The kernels in use on this processor, by algorithm.
#[pyfunction]
fn kernels() -> BTreeMap<&'static str, &'static str> {
    evlog_accel_core::names().into_iter().collect()
}

/// Whether known answers come out right on this machine.
#[pyfunction]
fn self_test() -> bool {
    evlog_accel_core::self_test().is_none()
}

/// The hash of each part.
#[pyfunction]
fn digests<'py>(alg: u16, parts: Vec<Bound<'py, PyAny>>, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let algorithm = algorithm(alg)?;
    let parts = parts.iter().map(Borrowed::<u8>::of).collect::<PyResult<Vec<_>>>()?;
    let slices: Vec<&[u8]> = parts.iter().map(Borrowed::items).collect();
    let hash = || hash_all(algorithm, &slices);
    let total: usize = slices.iter().map(|part| part.len()).sum();
    let hashed = if total < WORTH_DETACHING { hash() } else { py.detach(hash) };
    Ok(hashed.iter().map(|digest| PyBytes::new(py, &digest[..algorithm.size()])).collect())
}

/// A register's value after extending it with each digest.
#[pyfunction]
fn fold<'py>(
    alg: u16,
    value: &[u8],
    digests: Vec<Bound<'py, PyAny>>,
    py: Python<'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let algorithm = algorithm(alg)?;
    let size = algorithm.size();
    if value.len() != size {
        return fold_unlike(algorithm, value, digests.as_slice(), py);
    }
    let mut flat = Vec::with_capacity(digests.len() * size);
    for digest in &digests {
        let digest = Borrowed::<u8>::of(digest)?;
        if digest.items().len() != size {
            return fold_unlike(algorithm, value, digests.as_slice(), py);
        }
        flat.extend_from_slice(digest.items());
    }
    let mut chain = [Chain { value: value_of(algorithm, value)?, digests: &flat }];
    extend_all(algorithm, &mut chain);
    Ok(PyBytes::new(py, &chain[0].value[..size]))
}

/// Fold values and digests that are not of the algorithm's size: they are hashed as they are.
fn fold_unlike<'py>(
    algorithm: Algorithm,
    value: &[u8],
    digests: &[Bound<'py, PyAny>],
    py: Python<'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut value = value.to_vec();
    for digest in digests {
        let hash = algorithm.hash(&[&value, Borrowed::<u8>::of(digest)?.items()]);
        value = hash[..algorithm.size()].to_vec();
    }
    Ok(PyBytes::new(py, &value))
}

/// A bank to fold: its algorithm, the distance of its digest in each layout or None, and its values.
type Asked<'py> = (u16, Vec<Option<u32>>, Vec<Bound<'py, PyBytes>>);
/// A bank's values after a fold, and for each register whether some row lacked the bank's digest.
type Folded<'py> = (Vec<Bound<'py, PyBytes>>, Vec<bool>);

/// A log to fold: buffer, offsets, registers, layout of each row, whether zeros are violations, the registers, and
/// the banks with their values in the order of these.
type AskedJob<'py> = (
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Option<Bound<'py, PyAny>>,
    bool,
    Vec<u32>,
    Vec<Asked<'py>>,
);

/// For each log, extend the values of its registers by all rows.
#[pyfunction]
fn fold_many<'py>(py: Python<'py>, jobs: Vec<AskedJob<'py>>) -> PyResult<Vec<Vec<Folded<'py>>>> {
    let borrowed = jobs.iter().map(LogRows::of).collect::<PyResult<Vec<_>>>()?;
    let mut given = Vec::with_capacity(jobs.len());
    for (rows, (.., violations, order, banks)) in borrowed.iter().zip(&jobs) {
        let columns = Columns {
            buffer: rows.buffer.items(),
            offsets: rows.offsets.items(),
            registers: rows.registers.items(),
            layout_of: rows.layout_of.as_ref().map(Borrowed::items),
            violations: *violations,
        };
        let banks = banks.iter().map(|bank| bank_of(bank, order.len())).collect::<PyResult<_>>()?;
        given.push(Job { columns, registers: order.clone(), banks });
    }
    let count: usize = given.iter().map(|job| job.columns.offsets.len()).sum();
    let mut folding = || evlog_accel_core::fold_many(&mut given, threads);
    let done = if count < BATCH { folding() } else { py.detach(folding) };
    done.map_err(|error| PyIndexError::new_err(error.to_string()))?;
    let folded = |bank: Bank| {
        let size = bank.algorithm.size();
        let values = bank.values.iter().map(|value| PyBytes::new(py, &value[..size])).collect();
        (values, bank.missing)
    };
    Ok(given.into_iter().map(|job| job.banks.into_iter().map(folded).collect()).collect())
}

/// The memory of a log's columns.
struct LogRows<'py> {
    buffer: Borrowed<'py, u8>,
    offsets: Borrowed<'py, u64>,
    registers: Borrowed<'py, u32>,
    layout_of: Option<Borrowed<'py, u8>>,
}

impl<'py> LogRows<'py> {
    fn of((buffer, offsets, registers, layout_of, ..): &AskedJob<'py>) -> PyResult<Self> {
        Ok(Self {
            buffer: Borrowed::of(buffer)?,
            offsets: Borrowed::of(offsets)?,
            registers: Borrowed::of(registers)?,
            layout_of: layout_of.as_ref().map(Borrowed::of).transpose()?,
        })
    }
}

fn bank_of((id, distances, values): &Asked<'_>, registers: usize) -> PyResult<Bank> {
    let algorithm = algorithm(*id)?;
    if values.len() != registers {
        return Err(PyValueError::new_err("as many values as registers are needed"));
    }
    Ok(Bank {
        algorithm,
        distances: distances.iter().map(|distance| distance.unwrap_or(NO_DIGEST)).collect(),
        values: values.iter().map(|value| value_of(algorithm, value.as_bytes())).collect::<PyResult<_>>()?,
        missing: vec![false; registers],
    })
}

/// A register's value after the rows from `first` to `end`: each extends it with the hash of what it covers.
#[pyfunction]
#[pyo3(signature = (alg, value, buffer, starts, stops, registers, first, end, /))]
#[allow(clippy::too_many_arguments)]
fn fold_spans<'py>(
    py: Python<'py>,
    alg: u16,
    value: &[u8],
    buffer: &Bound<'py, PyAny>,
    starts: &Bound<'py, PyAny>,
    stops: &Bound<'py, PyAny>,
    registers: &Bound<'py, PyAny>,
    first: usize,
    end: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let algorithm = algorithm(alg)?;
    let mut value = value_of(algorithm, value)?;
    let buffer = Borrowed::<u8>::of(buffer)?;
    let starts = Borrowed::<u64>::of(starts)?;
    let stops = Borrowed::<u64>::of(stops)?;
    let registers = Borrowed::<u32>::of(registers)?;
    let missing = || PyIndexError::new_err("no such rows");
    let spans =
        (starts.items().get(first..end).ok_or_else(missing)?, stops.items().get(first..end).ok_or_else(missing)?);
    let registers = registers.items().get(first..end).ok_or_else(missing)?;
    let bytes = buffer.items();
    py.detach(|| fold_covered(algorithm, &mut value, bytes, spans, registers))
        .map_err(|error| PyIndexError::new_err(error.to_string()))?;
    Ok(PyBytes::new(py, &value[..algorithm.size()]))
}

/// How many rows extend each register: {register: rows}.
#[pyfunction]
fn tally(registers: &Bound<'_, PyAny>) -> PyResult<BTreeMap<u32, usize>> {
    let registers = Borrowed::<u32>::of(registers)?;
    let mut near = [0usize; 256];
    let mut far = BTreeMap::new();
    for &register in registers.items() {
        match near.get_mut(register as usize) {
            Some(count) => *count += 1,
            None if register == NOT_EXTENDED => {}
            None => *far.entry(register).or_insert(0) += 1,
        }
    }
    far.extend((0..).zip(near).filter(|&(_, count)| count > 0));
    Ok(far)
}

/// For each row, 1 if it has digests and all of them are hashes of its body, else 0.
///
/// `shapes` are, for each layout, the distance of the body and (algorithm, distance) of each digest.
#[pyfunction]
#[pyo3(signature = (buffer, offsets, end, layout_of, shapes, /))]
fn of_body<'py>(
    py: Python<'py>,
    buffer: &Bound<'py, PyAny>,
    offsets: &Bound<'py, PyAny>,
    end: u64,
    layout_of: Option<&Bound<'py, PyAny>>,
    shapes: Vec<(u32, Vec<(u16, u32)>)>,
) -> PyResult<Bound<'py, PyBytes>> {
    let buffer = Borrowed::<u8>::of(buffer)?;
    let offsets = Borrowed::<u64>::of(offsets)?;
    let layout_of = layout_of.map(Borrowed::<u8>::of).transpose()?;
    let shape = |(body, digests): (u32, Vec<(u16, u32)>)| -> PyResult<Shape> {
        let digests = digests.into_iter().map(|(id, distance)| Ok((algorithm(id)?, distance)));
        Ok(Shape { body, digests: digests.collect::<PyResult<_>>()? })
    };
    let shapes: Vec<Shape> = shapes.into_iter().map(shape).collect::<PyResult<_>>()?;
    let rows = Bodies {
        buffer: buffer.items(),
        offsets: offsets.items(),
        end,
        shape_of: layout_of.as_ref().map(Borrowed::items),
    };
    let flags = detached(py, rows.buffer.len(), || evlog_accel_core::of_body(rows, &shapes, threads));
    Ok(PyBytes::new(py, &flags.map_err(|error| PyIndexError::new_err(error.to_string()))?))
}

/// The number in the four bytes at a distance, given by layout, from each row's start; appended to `numbers`.
///
/// Where less is left of the buffer, the number in what is left.
#[pyfunction]
#[pyo3(signature = (buffer, offsets, layout_of, distances, big_endian, numbers, /))]
fn words(
    buffer: &Bound<'_, PyAny>,
    offsets: &Bound<'_, PyAny>,
    layout_of: Option<&Bound<'_, PyAny>>,
    distances: Vec<u32>,
    big_endian: bool,
    numbers: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let buffer = Borrowed::<u8>::of(buffer)?;
    let offsets = Borrowed::<u64>::of(offsets)?;
    let layout_of = layout_of.map(Borrowed::<u8>::of).transpose()?;
    let found = evlog_accel_core::words(
        buffer.items(),
        offsets.items(),
        layout_of.as_ref().map(Borrowed::items),
        &distances,
        big_endian,
    );
    append(numbers, &found.map_err(|error| PyIndexError::new_err(error.to_string()))?, u32::to_ne_bytes)
}

/// Note TCG_PCR_EVENT2 records that all have this digest list; the offset of the first that is odd.
///
/// `algorithms` are (distance from the record's start, TPM_ALG_ID), `fixed` the bytes before the event data.
/// Offsets and registers are appended to the arrays, rows of EV_NO_ACTION and EV_EFI_HCRTM_EVENT to `notable`.
#[pyfunction]
#[pyo3(signature = (data, start, algorithms, fixed, followed, offsets, registers, notable, /))]
#[allow(clippy::too_many_arguments)]
fn tcg2_run<'py>(
    data: &Bound<'py, PyAny>,
    start: usize,
    algorithms: Vec<(usize, u16)>,
    fixed: usize,
    followed: (u32, u32),
    offsets: &Bound<'py, PyAny>,
    registers: &Bound<'py, PyAny>,
    notable: &Bound<'py, PyList>,
) -> PyResult<usize> {
    let list = DigestList { count: algorithms.len() as u32, algorithms, fixed };
    let followed = Followed { lowest: followed.0, highest: followed.1 };
    gather(data, start, offsets, registers, notable, |data, start, rows| {
        run2(data, start, &list, followed, BATCH, rows)
    })
}

/// Note TCG_PCR_EVENT records; see `tcg2_run`.
#[pyfunction]
#[pyo3(signature = (data, start, big_endian, followed, offsets, registers, notable, /))]
fn tcg1_run<'py>(
    data: &Bound<'py, PyAny>,
    start: usize,
    big_endian: bool,
    followed: (u32, u32),
    offsets: &Bound<'py, PyAny>,
    registers: &Bound<'py, PyAny>,
    notable: &Bound<'py, PyList>,
) -> PyResult<usize> {
    let followed = Followed { lowest: followed.0, highest: followed.1 };
    gather(data, start, offsets, registers, notable, |data, start, rows| {
        run1(data, start, big_endian, followed, BATCH, rows)
    })
}

/// Note entries of a binary IMA list that have one of the templates; the offset of the first that is odd.
///
/// `templates` are (length and name as in an entry, the bytes of an entry before its data), `limits` the last PCR
/// that can be and the last that is followed.
#[pyfunction]
#[pyo3(signature = (data, start, digest, big_endian, templates, limits, offsets, registers, /))]
#[allow(clippy::too_many_arguments)]
fn ima_run<'py>(
    data: &Bound<'py, PyAny>,
    start: usize,
    digest: usize,
    big_endian: bool,
    templates: Vec<(Vec<u8>, usize)>,
    limits: (u32, u32),
    offsets: &Bound<'py, PyAny>,
    registers: &Bound<'py, PyAny>,
) -> PyResult<usize> {
    let templates = templates.into_iter().map(|(head, fixed)| Template { head, fixed }).collect();
    let list = List { digest, big_endian, templates, registers: limits };
    let notable = PyList::empty(data.py());
    gather(data, start, offsets, registers, &notable, |data, start, rows| ima::run(data, start, &list, BATCH, rows))
}

/// Note CEL-TLV records of one shape; the offset of the first that is odd.
///
/// The shape is (distance, type and length) of each field that has the same in all records; distance and width of the
/// record number, of the index, and of each digest; and the bytes before the content. Offsets, indices and record
/// numbers are appended to the arrays, rows to the lists, content types to the set.
#[pyfunction]
#[pyo3(signature = (data, start, heads, recnum, index, digests, fixed, offsets, indices, recnums, silent, notable,
                    unread, types, /))]
#[allow(clippy::too_many_arguments)]
fn cel_run<'py>(
    data: &Bound<'py, PyAny>,
    start: usize,
    heads: Vec<(usize, [u8; 5])>,
    recnum: (usize, usize),
    index: (usize, usize),
    digests: Vec<(usize, usize)>,
    fixed: usize,
    offsets: &Bound<'py, PyAny>,
    indices: &Bound<'py, PyAny>,
    recnums: &Bound<'py, PyAny>,
    silent: &Bound<'py, PyList>,
    notable: &Bound<'py, PyList>,
    unread: &Bound<'py, PyList>,
    types: &Bound<'py, PySet>,
) -> PyResult<usize> {
    let shape = cel::Shape { heads, recnum, index, digests, fixed };
    let mut rows = cel::Rows::default();
    let buffer = Borrowed::<u8>::of(data)?;
    let bytes = buffer.items();
    let mut position = start;
    loop {
        let before = offsets.len()?;
        rows.clear();
        let stop = detached(data.py(), bytes.len(), || cel::run(bytes, position, &shape, BATCH, &mut rows));
        append(offsets, &rows.offsets, u64::to_ne_bytes)?;
        append(indices, &rows.indices, u32::to_ne_bytes)?;
        append(recnums, &rows.recnums, u64::to_ne_bytes)?;
        note(silent, before, &rows.silent)?;
        note(notable, before, &rows.notable)?;
        note(unread, before, &rows.unread)?;
        for &content_type in &rows.types {
            types.add(content_type)?;
        }
        match stop {
            Stop::Full(next) => position = next,
            Stop::Odd(at) => return Ok(at),
        }
    }
}

/// Note all lines; False, and nothing noted, if the dialect would strip something off one.
///
/// Where lines start and stop and which register they extend is appended to the arrays, the rows that begin with a
/// keyword to `likely`.
#[pyfunction]
#[pyo3(signature = (data, comments, edges, register, keywords, offsets, stops, registers, likely, /))]
#[allow(clippy::too_many_arguments)]
fn text_run<'py>(
    data: &Bound<'py, PyAny>,
    comments: bool,
    edges: Vec<u8>,
    register: u32,
    keywords: Vec<Vec<u8>>,
    offsets: &Bound<'py, PyAny>,
    stops: &Bound<'py, PyAny>,
    registers: &Bound<'py, PyAny>,
    likely: &Bound<'py, PyList>,
) -> PyResult<bool> {
    let dialect = text::Dialect { comments, edges, register, keywords };
    let mut rows = text::Rows::default();
    let buffer = Borrowed::<u8>::of(data)?;
    let bytes = buffer.items();
    let mut position = 0;
    while position < bytes.len() {
        let before = offsets.len()?;
        rows.clear();
        let next = detached(data.py(), bytes.len(), || text::run(bytes, position, &dialect, BATCH, &mut rows));
        let Some(next) = next else {
            return Ok(false);
        };
        position = next;
        append(offsets, &rows.offsets, u64::to_ne_bytes)?;
        append(stops, &rows.stops, u64::to_ne_bytes)?;
        append(registers, &rows.registers, u32::to_ne_bytes)?;
        note(likely, before, &rows.likely)?;
    }
    Ok(true)
}

/// Run a scanner batch by batch, and append what it notes to Python's columns.
fn gather<'py>(
    data: &Bound<'py, PyAny>,
    mut position: usize,
    offsets: &Bound<'py, PyAny>,
    registers: &Bound<'py, PyAny>,
    notable: &Bound<'py, PyList>,
    scan: impl Fn(&[u8], usize, &mut Rows) -> Stop + Sync,
) -> PyResult<usize> {
    let mut rows = Rows::default();
    let buffer = Borrowed::<u8>::of(data)?;
    let bytes = buffer.items();
    loop {
        let before = offsets.len()?;
        rows.clear();
        let stop = detached(data.py(), bytes.len(), || scan(bytes, position, &mut rows));
        append(offsets, &rows.offsets, u64::to_ne_bytes)?;
        append(registers, &rows.registers, u32::to_ne_bytes)?;
        note(notable, before, &rows.notable)?;
        match stop {
            Stop::Full(next) => position = next,
            Stop::Odd(at) => return Ok(at),
        }
    }
}

/// Let other threads run meanwhile, if the bytes are worth it.
fn detached<T: Send>(py: Python<'_>, bytes: usize, work: impl FnOnce() -> T + Send) -> T {
    if bytes < WORTH_DETACHING { work() } else { py.detach(work) }
}

/// Append numbers to an `array`.
fn append<T: Copy, const N: usize>(column: &Bound<'_, PyAny>, items: &[T], bytes: fn(T) -> [u8; N]) -> PyResult<()> {
    let bytes: Vec<[u8; N]> = items.iter().map(|&item| bytes(item)).collect();
    column.call_method1("frombytes", (PyBytes::new(column.py(), bytes.as_flattened()),))?;
    Ok(())
}

/// Append rows of a batch to a list; `before` is the number of the batch's first.
fn note(list: &Bound<'_, PyList>, before: usize, rows: &[u32]) -> PyResult<()> {
    rows.iter().try_for_each(|&row| list.append(before + row as usize))
}

/// The whole of an open file, by its descriptor, in memory that is quick to fill; None if its size is not known.
#[cfg(unix)]
#[pyfunction]
fn read_file<'py>(py: Python<'py>, descriptor: i32) -> PyResult<Option<Bound<'py, PyBytes>>> {
    use std::os::fd::{AsFd, BorrowedFd};
    if descriptor < 0 {
        return Ok(None);
    }
    // SAFETY: the descriptor is the caller's, who keeps its file open during the call.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let file = File::from(borrowed.as_fd().try_clone_to_owned()?);
    pages::read(py, &file)
}

#[pymodule]
mod evlog_accel {
    #[cfg(unix)]
    #[pymodule_export]
    use super::read_file;
    #[pymodule_export]
    use super::{
        algorithms, cel_run, digests, fold, fold_many, fold_spans, ima_run, kernels, of_body, self_test, tally,
        tcg1_run, tcg2_run, text_run, words,
    };

    /// The number of this set of functions: evlog refuses a module with another.
    #[pymodule_export]
    const API: u32 = 3;

    #[allow(non_upper_case_globals)]
    #[pymodule_export]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}

//! Scanners: runs of ordinary records noted in Python's columns.

use evlog_accel_core::scan::cbor::Number;
use evlog_accel_core::scan::ima::{self, List, Template};
use evlog_accel_core::scan::tcg::{DigestList, Followed, run1, run2};
use evlog_accel_core::scan::{self, Rows, Stop, cbor, cel, counting, ima_text, text};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PySet};

use crate::borrow::Borrowed;
use crate::{BATCH, append, detached};

/// Note TCG_PCR_EVENT2 records that all have this digest list; the offset of the first that is odd.
///
/// `algorithms` are (distance from the record's start, TPM_ALG_ID), `fixed` the bytes before the event data.
/// Offsets and registers are appended to the arrays, rows of EV_NO_ACTION and EV_EFI_HCRTM_EVENT to `notable`.
#[pyfunction]
#[pyo3(signature = (data, start, algorithms, fixed, followed, offsets, registers, notable, /))]
#[allow(clippy::too_many_arguments)]
pub fn tcg2_run<'py>(
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
pub fn tcg1_run<'py>(
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
pub fn ima_run<'py>(
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

/// Note lines of an ascii IMA list as the kernel writes them; the offset of the first that is not so.
///
/// `name` stands before the digest in each line, `digest` is its size in bytes, `limits` are the last PCR that can be
/// and the last that is followed.
#[pyfunction]
#[pyo3(signature = (data, start, name, digest, limits, offsets, registers, /))]
pub fn ima_text_run<'py>(
    data: &Bound<'py, PyAny>,
    start: usize,
    name: Vec<u8>,
    digest: usize,
    limits: (u32, u32),
    offsets: &Bound<'py, PyAny>,
    registers: &Bound<'py, PyAny>,
) -> PyResult<usize> {
    let list = ima_text::List { name, digest, registers: limits };
    let notable = PyList::empty(data.py());
    gather(data, start, offsets, registers, &notable, |data, start, rows| {
        ima_text::run(data, start, &list, BATCH, rows)
    })
}

/// The template digests of rows of an ascii IMA list; None for a row that does not begin as the kernel writes it.
///
/// `name` stands before the digest in each line, `digest` is its size in bytes.
#[pyfunction]
#[pyo3(signature = (data, offsets, first, end, name, digest, /))]
pub fn ima_text_digests<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    offsets: &Bound<'py, PyAny>,
    first: usize,
    end: usize,
    name: Vec<u8>,
    digest: usize,
) -> PyResult<Vec<Option<Bound<'py, PyBytes>>>> {
    let list = ima_text::List { name, digest, registers: (0, 0) };
    let (buffer, offsets) = (Borrowed::<u8>::of(data)?, Borrowed::<u64>::of(offsets)?);
    let rows = offsets.items().get(first..end).ok_or_else(|| PyIndexError::new_err("no such rows"))?;
    let of = |&at: &u64| {
        let value = ima_text::digest(buffer.items(), usize::try_from(at).ok()?, &list)?;
        Some(PyBytes::new(py, &value[..digest]))
    };
    Ok(rows.iter().map(of).collect())
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
pub fn cel_run<'py>(
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

/// A number in a CEL-CBOR record: distance, width, the least and the most that would be encoded so.
type Told = (usize, usize, u64, u64);

/// Note CEL-CBOR records of PC Client events of one shape; the offset of the first that is odd.
///
/// The shape is distance and bytes of what is the same in all records; the record number, the index, the event type and
/// the length of the data, and what the byte of that says besides; and the bytes before the data. `registers` is the
/// first index that is none, `odd` are event types that are not noted. Offsets, record numbers and indices are appended
/// to the arrays, rows to the lists.
#[pyfunction]
#[pyo3(signature = (data, start, constants, numbers, inline, fixed, registers, odd, offsets, recnums, indices, silent,
                    notable, /))]
#[allow(clippy::too_many_arguments)]
pub fn cbor_run<'py>(
    data: &Bound<'py, PyAny>,
    start: usize,
    constants: Vec<(usize, Vec<u8>)>,
    numbers: [Told; 4],
    inline: u64,
    fixed: usize,
    registers: u64,
    odd: Vec<u32>,
    offsets: &Bound<'py, PyAny>,
    recnums: &Bound<'py, PyAny>,
    indices: &Bound<'py, PyAny>,
    silent: &Bound<'py, PyList>,
    notable: &Bound<'py, PyList>,
) -> PyResult<usize> {
    let numbers = numbers.map(|(at, width, least, most)| Number { at, width, least, most });
    let shape = cbor::Shape { constants, numbers, inline, fixed, registers, odd };
    let mut rows = cbor::Rows::default();
    let buffer = Borrowed::<u8>::of(data)?;
    let bytes = buffer.items();
    let mut position = start;
    loop {
        let before = offsets.len()?;
        rows.clear();
        let stop = detached(data.py(), bytes.len(), || cbor::run(bytes, position, &shape, BATCH, &mut rows));
        append(offsets, &rows.offsets, u64::to_ne_bytes)?;
        append(recnums, &rows.recnums, u64::to_ne_bytes)?;
        append(indices, &rows.indices, u32::to_ne_bytes)?;
        note(silent, before, &rows.silent)?;
        note(notable, before, &rows.notable)?;
        match stop {
            Stop::Full(next) => position = next,
            Stop::Odd(at) => return Ok(at),
        }
    }
}

/// Whether the records of each register are numbered from 0, each one more than the one before.
#[pyfunction]
#[pyo3(signature = (numbers, registers, /))]
pub fn counted(py: Python<'_>, numbers: &Bound<'_, PyAny>, registers: &Bound<'_, PyAny>) -> PyResult<bool> {
    let (numbers, registers) = (Borrowed::<u64>::of(numbers)?, Borrowed::<u32>::of(registers)?);
    let (numbers, registers) = (numbers.items(), registers.items());
    Ok(detached(py, numbers.len(), || counting::counted(numbers, registers)))
}

/// Where some bytes stand first between two offsets; -1 where they do not.
#[pyfunction]
#[pyo3(signature = (data, wanted, start, stop, /))]
pub fn find(py: Python<'_>, data: &Bound<'_, PyAny>, wanted: Vec<u8>, start: usize, stop: usize) -> PyResult<isize> {
    let buffer = Borrowed::<u8>::of(data)?;
    let bytes = buffer.items();
    let found = detached(py, stop.saturating_sub(start), || scan::find(bytes, &wanted, start, stop));
    Ok(found.map_or(-1, |at| at as isize))
}

/// Note all lines; False, and nothing noted, if the dialect would strip something off one.
///
/// Where lines start and stop and which register they extend is appended to the arrays, the rows that begin with a
/// keyword to `likely`.
#[pyfunction]
#[pyo3(signature = (data, comments, edges, register, keywords, offsets, stops, registers, likely, /))]
#[allow(clippy::too_many_arguments)]
pub fn text_run<'py>(
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

/// Append rows of a batch to a list; `before` is the number of the batch's first.
fn note(list: &Bound<'_, PyList>, before: usize, rows: &[u32]) -> PyResult<()> {
    rows.iter().try_for_each(|&row| list.append(before + row as usize))
}

//! Hashing and replay in batches.

use std::collections::BTreeMap;

use evlog_accel_core::{
    Algorithm, Bank, Bodies, Chain, Columns, Job, MAX_SIZE, NO_DIGEST, NOT_EXTENDED, Named, Part, Shape, extend_all,
    fold_covered, hash_all,
};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::borrow::Borrowed;
use crate::{BATCH, WORTH_DETACHING, append, detached, threads};

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

/// TPM_ALG_IDs of the algorithms that can be computed.
#[pyfunction]
pub fn algorithms() -> Vec<u16> {
    Algorithm::ALL.map(Algorithm::id).to_vec()
}

/// The kernels in use on this processor, by algorithm.
#[pyfunction]
pub fn kernels() -> BTreeMap<&'static str, &'static str> {
    evlog_accel_core::names().into_iter().collect()
}

/// Whether known answers come out right on this machine.
#[pyfunction]
pub fn self_test() -> bool {
    evlog_accel_core::self_test().is_none()
}

/// The hash of each part.
#[pyfunction]
pub fn digests<'py>(alg: u16, parts: Vec<Bound<'py, PyAny>>, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
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
pub fn fold<'py>(
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
pub fn fold_many<'py>(py: Python<'py>, jobs: Vec<AskedJob<'py>>) -> PyResult<Vec<Vec<Folded<'py>>>> {
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
pub fn fold_spans<'py>(
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
pub fn tally(registers: &Bound<'_, PyAny>) -> PyResult<BTreeMap<u32, usize>> {
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

/// What is covered of a body: bytes at its start, bytes left out after these, and bytes that the rest is filled up to.
type AskedPart = (u32, u32, u32);
/// Bodies behind names: whether the length of a name is big-endian, what is covered usually, and by name.
type AskedNamed = (bool, AskedPart, Vec<(Vec<u8>, AskedPart)>);
type AskedShape = (u32, Vec<(u16, u32)>, Option<AskedNamed>);

fn named_of((big_endian, usual, others): AskedNamed) -> Named {
    let part = |(kept, left_out, filled): AskedPart| Part { kept, left_out, filled };
    Named { big_endian, usual: part(usual), others: others.into_iter().map(|(name, of)| (name, part(of))).collect() }
}

/// For each row, 1 if it has digests and all of them are hashes of its body, else 0.
///
/// `shapes` are, for each layout, the distance of the body, (algorithm, distance) of each digest, and how a body is found
/// that stands behind a name: at that distance is then the length of the name.
#[pyfunction]
#[pyo3(signature = (buffer, offsets, end, layout_of, shapes, /))]
pub fn of_body<'py>(
    py: Python<'py>,
    buffer: &Bound<'py, PyAny>,
    offsets: &Bound<'py, PyAny>,
    end: u64,
    layout_of: Option<&Bound<'py, PyAny>>,
    shapes: Vec<AskedShape>,
) -> PyResult<Bound<'py, PyBytes>> {
    let buffer = Borrowed::<u8>::of(buffer)?;
    let offsets = Borrowed::<u64>::of(offsets)?;
    let layout_of = layout_of.map(Borrowed::<u8>::of).transpose()?;
    let shape = |(body, digests, named): AskedShape| -> PyResult<Shape> {
        let digests = digests.into_iter().map(|(id, distance)| Ok((algorithm(id)?, distance)));
        Ok(Shape { body, digests: digests.collect::<PyResult<_>>()?, named: named.map(named_of) })
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
pub fn words(
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

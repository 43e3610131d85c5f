//! evlog-accel: scanning and hashing for evlog, in batches. This crate is the seam to Python; what it calls is in
//! `evlog-accel-core`. Every function here has its twin in evlog's own Python (`evlog.hashing`, `evlog.formats`).

mod borrow;
mod hashes;
#[cfg(unix)]
mod pages;
mod scanners;

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Rows that a scanner notes before they go to Python: few enough to stay in the processor's cache.
const BATCH: usize = 1 << 12;
/// Fewer bytes than this are hashed before other threads could do anything useful.
const WORTH_DETACHING: usize = 1 << 14;

fn threads() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
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

#[pymodule]
mod evlog_accel {
    #[pymodule_export]
    use super::hashes::{algorithms, digests, fold, fold_many, fold_spans, kernels, of_body, self_test, tally, words};
    #[cfg(unix)]
    #[pymodule_export]
    use super::pages::read_file;
    #[pymodule_export]
    use super::scanners::{
        cbor_run, cel_run, counted, find, ima_run, ima_text_digests, ima_text_run, tcg1_run, tcg2_run, text_run,
    };

    /// The number of this set of functions: evlog refuses a module with another.
    #[pymodule_export]
    const API: u32 = 5;

    #[allow(non_upper_case_globals)]
    #[pymodule_export]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}

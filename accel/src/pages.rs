//! Reading a large file into a `bytes` whose memory is huge pages: half of the time of a plain read goes into
//! preparing pages of 4 KiB.

use std::fs::File;
use std::io::Read;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The whole of an open file, by its descriptor, in memory that is quick to fill; None if its size is not known.
#[cfg(unix)]
#[pyfunction]
pub fn read_file<'py>(py: Python<'py>, descriptor: i32) -> PyResult<Option<Bound<'py, PyBytes>>> {
    use std::os::fd::{AsFd, BorrowedFd};
    if descriptor < 0 {
        return Ok(None);
    }
    // SAFETY: the descriptor is the caller's, who keeps its file open during the call.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let file = File::from(borrowed.as_fd().try_clone_to_owned()?);
    read(py, &file)
}

/// The whole file as `bytes`; `None` if it has not the size that it says, as pseudo files do.
fn read<'py>(py: Python<'py>, mut file: &File) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let stated = file.metadata()?.len();
    let Ok(size) = ffi::Py_ssize_t::try_from(stated) else {
        return Ok(None);
    };
    // SAFETY: with a null pointer this makes an object of `size` bytes that are not yet set; nobody else has it.
    let object = unsafe { ffi::PyBytes_FromStringAndSize(std::ptr::null(), size) };
    // SAFETY: a new reference to a `bytes`, or null with an exception set.
    let bytes = unsafe { Bound::from_owned_ptr_or_err(py, object)?.cast_into_unchecked::<PyBytes>() };
    let start = bytes.as_bytes().as_ptr() as usize;
    // SAFETY: the object's own memory, initialised below before anybody reads it, and reachable from here only.
    let memory = unsafe { std::slice::from_raw_parts_mut(start as *mut std::mem::MaybeUninit<u8>, size as usize) };
    prefer_huge_pages(memory);
    // SAFETY: `File::read` writes to its argument and does not read it, as its documentation has it for files.
    let memory = unsafe { &mut *(memory as *mut [std::mem::MaybeUninit<u8>] as *mut [u8]) };
    let whole = py.detach(|| -> std::io::Result<bool> {
        let mut filled = 0;
        while filled < memory.len() {
            match file.read(&mut memory[filled..]) {
                Ok(0) => return Ok(false),
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(file.read(&mut [0])? == 0)
    })?;
    Ok(whole.then_some(bytes))
}

/// Ask for huge pages; a system without them does as before.
#[cfg(target_os = "linux")]
fn prefer_huge_pages(memory: &mut [std::mem::MaybeUninit<u8>]) {
    const PAGE: usize = 1 << 16; // no page that Linux has for small memory is larger
    let start = memory.as_ptr() as usize;
    let (from, to) = (start.next_multiple_of(PAGE), (start + memory.len()) / PAGE * PAGE);
    if from < to {
        // SAFETY: whole pages inside memory that is ours; the advice does not change what is in it.
        unsafe { libc::madvise(from as *mut libc::c_void, to - from, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn prefer_huge_pages(_: &mut [std::mem::MaybeUninit<u8>]) {}

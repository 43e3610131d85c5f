//! Memory of Python objects, borrowed through the buffer protocol.
//!
//! The protocol is part of the stable ABI from Python 3.11 on, and the same functions and struct are in 3.10, so
//! they are declared here. As with hashlib, which also lets other threads run meanwhile, nobody may write to an
//! object that is being read; a `bytes` cannot be written to at all.

use std::ffi::{c_char, c_int, c_void};
use std::marker::PhantomData;

use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::ffi::{Py_ssize_t, PyObject};
use pyo3::prelude::*;

/// `PyBUF_ND | PyBUF_FORMAT`: contiguous, readable, and the items' size is told.
const FLAGS: c_int = 0x0008 | 0x0004;

/// `Py_buffer`: see "Buffer Protocol" in Python's C API.
#[repr(C)]
struct View {
    buf: *mut c_void,
    obj: *mut PyObject,
    len: Py_ssize_t,
    itemsize: Py_ssize_t,
    readonly: c_int,
    ndim: c_int,
    format: *mut c_char,
    shape: *mut Py_ssize_t,
    strides: *mut Py_ssize_t,
    suboffsets: *mut Py_ssize_t,
    internal: *mut c_void,
}

unsafe extern "C" {
    fn PyObject_GetBuffer(object: *mut PyObject, view: *mut View, flags: c_int) -> c_int;
    fn PyBuffer_Release(view: *mut View);
}

/// A number that any bytes are.
pub trait Item: Copy {}
impl Item for u8 {}
impl Item for u32 {}
impl Item for u64 {}

/// The items of a Python object: `bytes`, `bytearray`, `mmap`, `array`, a `memoryview` of them.
pub struct Borrowed<'py, T: Item> {
    // In a box, because the exporter may point into the struct.
    view: Box<View>,
    _gil: PhantomData<(Python<'py>, T)>,
}

impl<'py, T: Item> Borrowed<'py, T> {
    /// Borrow an object's memory. Raises TypeError if it has none, or items of another size.
    pub fn of(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let mut view = Box::new(View {
            buf: std::ptr::null_mut(),
            obj: std::ptr::null_mut(),
            len: 0,
            itemsize: 0,
            readonly: 0,
            ndim: 0,
            format: std::ptr::null_mut(),
            shape: std::ptr::null_mut(),
            strides: std::ptr::null_mut(),
            suboffsets: std::ptr::null_mut(),
            internal: std::ptr::null_mut(),
        });
        // SAFETY: both pointers are valid, and the thread is attached, as the lifetime 'py says.
        if unsafe { PyObject_GetBuffer(object.as_ptr(), &mut *view, FLAGS) } != 0 {
            return Err(PyErr::fetch(object.py()));
        }
        let borrowed = Self { view, _gil: PhantomData };
        if borrowed.view.itemsize != size_of::<T>() as Py_ssize_t {
            let message = format!("items of {} bytes expected, of {} found", size_of::<T>(), borrowed.view.itemsize);
            return Err(PyTypeError::new_err(message));
        }
        if borrowed.view.len > 0 && !borrowed.view.buf.cast::<T>().is_aligned() {
            return Err(PyBufferError::new_err("the items are not aligned"));
        }
        Ok(borrowed)
    }

    /// The items.
    pub fn items(&self) -> &[T] {
        let count = self.view.len as usize / size_of::<T>();
        if count == 0 {
            return &[];
        }
        // SAFETY: the exporter keeps `len` contiguous bytes at `buf` until the view is released; they are aligned,
        // and any bytes are a valid `T`.
        unsafe { std::slice::from_raw_parts(self.view.buf.cast::<T>(), count) }
    }
}

impl<T: Item> Drop for Borrowed<'_, T> {
    fn drop(&mut self) {
        // SAFETY: the view was filled by PyObject_GetBuffer, and 'py keeps the thread attached.
        unsafe { PyBuffer_Release(&mut *self.view) }
    }
}

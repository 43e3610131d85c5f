//! Scanning and hashing of event logs in batches: everything of evlog-accel that knows nothing of Python.
//!
//! A log is bytes that somebody else wrote. No length is believed before it is compared with what is left, and
//! nothing here is `unsafe` but the calls of processor intrinsics, all of which are in [`intrinsics`].

#![deny(unsafe_code)]
#![warn(missing_docs)]

mod algorithm;
mod body;
#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
mod constants;
mod fold;
mod hash;
#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
#[allow(unsafe_code)]
mod intrinsics;
mod kernels;
mod parallel;
pub mod scan;
mod selftest;

pub use algorithm::{Algorithm, MAX_SIZE};
pub use body::{Bodies, Named, Part, Shape, of_body, words};
pub use fold::{Bank, Columns, FoldError, Job, NO_DIGEST, NOT_EXTENDED, fold, fold_covered, fold_many};
pub use hash::hash_all;
pub use kernels::{Chain, extend_all, names};
pub use selftest::{extends_agree, hashes_agree, self_test};

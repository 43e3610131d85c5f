//! SHA-1 and SHA-2 of several messages at once with the processor's own instructions: the only folder with intrinsics.
//!
//! A chain of extends is serial: each waits for the one before. Registers are independent, and so are messages, so one
//! loop runs several: SHA-1 and SHA-256 in up to four interleaved chains of SHA-NI, SHA-384 and SHA-512, and SHA-1 of
//! many registers, in the lanes of AVX2 or AVX-512. An extend hashes `value || digest`, whose length is known, so its padding is a constant; where the
//! padding fills a block of its own, so is that block's message schedule.
//!
//! Source: FIPS 180-4, section 6. Known answers: [`crate::self_test`], on the machine that runs, and this crate's tests.
//! Functions with `#[target_feature]` are safe to call on a processor that has the features; each public one asks
//! first, and that call is all that is `unsafe` here, besides three conversions of vectors into arrays and a hint.

#![allow(clippy::needless_range_loop)] // the index is the lane, in several arrays at once

mod sha1;
mod sha1_lanes;
mod sha256;
mod sha512;
mod words;

use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

pub(crate) use sha1::{blocks1, extend1};
pub(crate) use sha1_lanes::extend1_by_sixteen;
pub(crate) use sha256::{blocks256, extend256};
pub(crate) use sha512::{blocks512_by_eight, blocks512_by_four, extend512_by_eight, extend512_by_four};

/// Which kernels this processor can run.
#[derive(Clone, Copy)]
pub(crate) struct Features {
    pub sha_ni: bool,
    pub avx2: bool,
    pub avx512: bool,
}

impl Features {
    pub fn detect() -> Self {
        Self {
            sha_ni: is_x86_feature_detected!("sha")
                && is_x86_feature_detected!("sse4.1")
                && is_x86_feature_detected!("ssse3"),
            avx2: is_x86_feature_detected!("avx2"),
            avx512: is_x86_feature_detected!("avx512f"),
        }
    }
}

/// Ask for the cache line of the byte at an offset, which will be read soon.
#[inline]
pub(crate) fn prefetch(bytes: &[u8], at: usize) {
    if let Some(byte) = bytes.get(at) {
        // SAFETY: a hint, which every x86-64 processor knows; it changes nothing that a program can see.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) }
    }
}

//! Four 32-bit words of a state or a message in a vector, as SHA-NI's instructions for SHA-1 and SHA-256 take them.

use core::arch::x86_64::*;

/// Four words, from number `at` on, the first one lowest.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn quarter(words: &[u32], at: usize) -> __m128i {
    _mm_set_epi32(words[at + 3] as i32, words[at + 2] as i32, words[at + 1] as i32, words[at] as i32)
}

/// Four words, the first one highest.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn reversed(a: u32, b: u32, c: u32, d: u32) -> __m128i {
    _mm_set_epi32(a as i32, b as i32, c as i32, d as i32)
}

/// Four big-endian words, from byte `at` on, the first one lowest.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn message(bytes: &[u8], at: usize) -> __m128i {
    let (words, _) = bytes[at..at + 16].as_chunks::<4>();
    quarter(&[words[0], words[1], words[2], words[3]].map(u32::from_be_bytes), 0)
}

/// The words of a vector, the lowest first.
#[inline]
#[target_feature(enable = "sse4.1")]
pub(super) fn words(vector: __m128i) -> [u32; 4] {
    [
        _mm_extract_epi32::<0>(vector) as u32,
        _mm_extract_epi32::<1>(vector) as u32,
        _mm_extract_epi32::<2>(vector) as u32,
        _mm_extract_epi32::<3>(vector) as u32,
    ]
}

//! SHA-256 with SHA-NI, `N` messages interleaved: the instructions take four cycles and one can start in each.

use core::arch::x86_64::*;

use super::Features;
use super::words::{message, quarter, words};
use crate::constants::{H256, K256, PADDING256};

/// Extend `N` SHA-256 registers, each with its digests, of which all have as many; `None` without SHA-NI.
pub(crate) fn extend256<const N: usize>(
    features: Features,
    values: &mut [[u32; 8]; N],
    digests: [&[[u8; 32]]; N],
) -> Option<()> {
    // SAFETY: the processor has the features of `extend`.
    features.sha_ni.then(|| unsafe { extend(values, digests) })
}

/// Hash one block of each of `N` SHA-256 messages; `None` without SHA-NI.
pub(crate) fn blocks256<const N: usize>(
    features: Features,
    states: &mut [[u32; 8]; N],
    blocks: [&[u8; 64]; N],
) -> Option<()> {
    // SAFETY: the processor has the features of `compress`.
    features.sha_ni.then(|| unsafe { compress(states, blocks) })
}

/// The states of `N` messages as SHA-NI wants them: `abef` and `cdgh`.
type States<const N: usize> = ([__m128i; N], [__m128i; N]);

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn extend<const N: usize>(values: &mut [[u32; 8]; N], digests: [&[[u8; 32]]; N]) {
    let initial = initial::<N>();
    let mut abcd = values.map(|value| quarter(&value, 0));
    let mut efgh = values.map(|value| quarter(&value, 4));
    let steps = digests.iter().map(|chain| chain.len()).min().unwrap_or(0);
    let digests = digests.map(|chain| &chain[..steps]);
    for step in 0..steps {
        let digest = digests.map(|chain| &chain[step]);
        let words = [abcd, efgh, digest.map(|digest| message(digest, 0)), digest.map(|digest| message(digest, 16))];
        let state = padding(block(initial, words));
        for i in 0..N {
            (abcd[i], efgh[i]) = from_state(state.0[i], state.1[i]);
        }
    }
    for i in 0..N {
        store(&mut values[i], abcd[i], efgh[i]);
    }
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn compress<const N: usize>(states: &mut [[u32; 8]; N], blocks: [&[u8; 64]; N]) {
    let mut state = initial::<N>();
    for i in 0..N {
        (state.0[i], state.1[i]) = to_state(quarter(&states[i], 0), quarter(&states[i], 4));
    }
    let words = [0, 16, 32, 48].map(|at| blocks.map(|block| message(block, at)));
    state = block(state, words);
    for i in 0..N {
        let (abcd, efgh) = from_state(state.0[i], state.1[i]);
        store(&mut states[i], abcd, efgh);
    }
}

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn initial<const N: usize>() -> States<N> {
    let (abef, cdgh) = to_state(quarter(&H256, 0), quarter(&H256, 4));
    ([abef; N], [cdgh; N])
}

/// Four rounds with these `K + W`.
macro_rules! rounds {
    ($state:ident, $kw:expr) => {
        for i in 0..N {
            let kw: __m128i = $kw(i);
            $state.1[i] = _mm_sha256rnds2_epu32($state.1[i], $state.0[i], kw);
            $state.0[i] = _mm_sha256rnds2_epu32($state.0[i], $state.1[i], _mm_shuffle_epi32(kw, 0x0E));
        }
    };
}

/// The states after a block with these words.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn block<const N: usize>(from: States<N>, words: [[__m128i; N]; 4]) -> States<N> {
    let [mut w0, mut w1, mut w2, mut w3] = words;
    let mut state = from;
    macro_rules! schedule {
        ($a:ident, $b:ident, $c:ident, $d:ident) => {
            for i in 0..N {
                let sum = _mm_add_epi32(_mm_sha256msg1_epu32($a[i], $b[i]), _mm_alignr_epi8($d[i], $c[i], 4));
                $a[i] = _mm_sha256msg2_epu32(sum, $d[i]);
            }
        };
    }
    rounds!(state, |i| _mm_add_epi32(w0[i], quarter(&K256, 0)));
    rounds!(state, |i| _mm_add_epi32(w1[i], quarter(&K256, 4)));
    rounds!(state, |i| _mm_add_epi32(w2[i], quarter(&K256, 8)));
    rounds!(state, |i| _mm_add_epi32(w3[i], quarter(&K256, 12)));
    for t in [16, 32, 48] {
        schedule!(w0, w1, w2, w3);
        rounds!(state, |i| _mm_add_epi32(w0[i], quarter(&K256, t)));
        schedule!(w1, w2, w3, w0);
        rounds!(state, |i| _mm_add_epi32(w1[i], quarter(&K256, t + 4)));
        schedule!(w2, w3, w0, w1);
        rounds!(state, |i| _mm_add_epi32(w2[i], quarter(&K256, t + 8)));
        schedule!(w3, w0, w1, w2);
        rounds!(state, |i| _mm_add_epi32(w3[i], quarter(&K256, t + 12)));
    }
    sum(state, from)
}

/// The states after the block that pads 64 bytes.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn padding<const N: usize>(from: States<N>) -> States<N> {
    let mut state = from;
    for t in (0..64).step_by(4) {
        let kw = quarter(&PADDING256, t);
        rounds!(state, |_| kw);
    }
    sum(state, from)
}

#[inline]
#[target_feature(enable = "sse2")]
fn sum<const N: usize>(mut state: States<N>, from: States<N>) -> States<N> {
    for i in 0..N {
        state.0[i] = _mm_add_epi32(state.0[i], from.0[i]);
        state.1[i] = _mm_add_epi32(state.1[i], from.1[i]);
    }
    state
}

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn to_state(abcd: __m128i, efgh: __m128i) -> (__m128i, __m128i) {
    let badc = _mm_shuffle_epi32(abcd, 0xB1);
    let hgfe = _mm_shuffle_epi32(efgh, 0x1B);
    (_mm_alignr_epi8(badc, hgfe, 8), _mm_blend_epi16(hgfe, badc, 0xF0))
}

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn from_state(abef: __m128i, cdgh: __m128i) -> (__m128i, __m128i) {
    let abef = _mm_shuffle_epi32(abef, 0x1B);
    let cdgh = _mm_shuffle_epi32(cdgh, 0xB1);
    (_mm_blend_epi16(abef, cdgh, 0xF0), _mm_alignr_epi8(cdgh, abef, 8))
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn store(state: &mut [u32; 8], abcd: __m128i, efgh: __m128i) {
    for (half, vector) in state.as_chunks_mut::<4>().0.iter_mut().zip([abcd, efgh]) {
        *half = words(vector);
    }
}

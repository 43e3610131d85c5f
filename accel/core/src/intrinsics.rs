//! SHA-2 of several messages at once with the processor's own instructions: the only file with intrinsics.
//!
//! A chain of extends is serial: each waits for the one before. Registers are independent, and so are messages, so one
//! loop runs several: SHA-256 in up to four interleaved chains of SHA-NI, SHA-384 and SHA-512 in the lanes of AVX2 or
//! AVX-512. An extend hashes `value || digest`, whose length is known, so its padding is a constant; where the padding
//! fills a block of its own, so is that block's message schedule.
//!
//! Source: FIPS 180-4, section 6. Known answers: [`crate::self_test`], on the machine that runs, and this crate's tests.
//! Functions with `#[target_feature]` are safe to call on a processor that has the features; each public one asks
//! first, and that call is all that is `unsafe` here, besides two conversions of vectors into arrays and a hint.

#![allow(clippy::needless_range_loop)] // the index is the lane, in several arrays at once

use core::arch::x86_64::*;

use crate::constants::{H256, H384, H512, K256, K512, PADDING256, PADDING512};

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

/// Extend `N` SHA-256 registers, each with its digests, of which all have as many; `None` without SHA-NI.
pub(crate) fn extend256<const N: usize>(
    features: Features,
    values: &mut [[u32; 8]; N],
    digests: [&[[u8; 32]]; N],
) -> Option<()> {
    // SAFETY: the processor has the features of `sha_ni::extend`.
    features.sha_ni.then(|| unsafe { sha_ni::extend(values, digests) })
}

/// Hash one block of each of `N` SHA-256 messages; `None` without SHA-NI.
pub(crate) fn blocks256<const N: usize>(
    features: Features,
    states: &mut [[u32; 8]; N],
    blocks: [&[u8; 64]; N],
) -> Option<()> {
    // SAFETY: the processor has the features of `sha_ni::blocks`.
    features.sha_ni.then(|| unsafe { sha_ni::blocks(states, blocks) })
}

/// Extend registers of `W` 64-bit words (SHA-384: 6, SHA-512: 8) in eight lanes; `None` without AVX-512.
pub(crate) fn extend512_by_eight<const W: usize, const S: usize>(
    features: Features,
    values: &mut [[u64; 8]; W],
    digests: [&[[u8; S]]; 8],
) -> Option<()> {
    // SAFETY: the processor has the features of `avx512::extend`.
    features.avx512.then(|| unsafe { avx512::extend(values, digests) })
}

/// Hash one block of each of eight SHA-384 or SHA-512 messages; `None` without AVX-512.
pub(crate) fn blocks512_by_eight(
    features: Features,
    states: &mut [[u64; 8]; 8],
    blocks: [&[u8; 128]; 8],
) -> Option<()> {
    // SAFETY: the processor has the features of `avx512::blocks`.
    features.avx512.then(|| unsafe { avx512::blocks(states, blocks) })
}

/// As [`extend512_by_eight`] in four lanes; `None` without AVX2.
pub(crate) fn extend512_by_four<const W: usize, const S: usize>(
    features: Features,
    values: &mut [[u64; 4]; W],
    digests: [&[[u8; S]]; 4],
) -> Option<()> {
    // SAFETY: the processor has the features of `avx2::extend`.
    features.avx2.then(|| unsafe { avx2::extend(values, digests) })
}

/// As [`blocks512_by_eight`] in four lanes; `None` without AVX2.
pub(crate) fn blocks512_by_four(features: Features, states: &mut [[u64; 4]; 8], blocks: [&[u8; 128]; 4]) -> Option<()> {
    // SAFETY: the processor has the features of `avx2::blocks`.
    features.avx2.then(|| unsafe { avx2::blocks(states, blocks) })
}

/// Ask for the cache line of the byte at an offset, which will be read soon.
#[inline]
pub(crate) fn prefetch(bytes: &[u8], at: usize) {
    if let Some(byte) = bytes.get(at) {
        // SAFETY: a hint, which every x86-64 processor knows; it changes nothing that a program can see.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) }
    }
}

/// SHA-256 with SHA-NI, `N` messages interleaved: the instructions take four cycles and one can start in each.
mod sha_ni {
    use super::*;

    /// The states of `N` messages as SHA-NI wants them: `abef` and `cdgh`.
    type States<const N: usize> = ([__m128i; N], [__m128i; N]);

    #[target_feature(enable = "sha,sse4.1,ssse3")]
    pub(super) fn extend<const N: usize>(values: &mut [[u32; 8]; N], digests: [&[[u8; 32]]; N]) {
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
    pub(super) fn blocks<const N: usize>(states: &mut [[u32; 8]; N], blocks: [&[u8; 64]; N]) {
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
    #[target_feature(enable = "sse2")]
    fn quarter(words: &[u32], at: usize) -> __m128i {
        _mm_set_epi32(words[at + 3] as i32, words[at + 2] as i32, words[at + 1] as i32, words[at] as i32)
    }

    /// Four big-endian words, from byte `at` on.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn message(bytes: &[u8], at: usize) -> __m128i {
        let (words, _) = bytes[at..at + 16].as_chunks::<4>();
        quarter(&[words[0], words[1], words[2], words[3]].map(u32::from_be_bytes), 0)
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
    fn store(words: &mut [u32; 8], abcd: __m128i, efgh: __m128i) {
        for (half, vector) in words.as_chunks_mut::<4>().0.iter_mut().zip([abcd, efgh]) {
            *half = [
                _mm_extract_epi32::<0>(vector) as u32,
                _mm_extract_epi32::<1>(vector) as u32,
                _mm_extract_epi32::<2>(vector) as u32,
                _mm_extract_epi32::<3>(vector) as u32,
            ];
        }
    }
}

/// SHA-384 and SHA-512 of `LANES` messages, spelled once for both widths. The module that it is used in has the
/// operations on a `Vector` of that many 64-bit words.
macro_rules! sha512_in_lanes {
    ($features:literal) => {
        #[target_feature(enable = $features)]
        pub(super) fn extend<const W: usize, const S: usize>(
            values: &mut [[u64; LANES]; W],
            digests: [&[[u8; S]]; LANES],
        ) {
            let initial = (if W == 6 { H384 } else { H512 }).map(|word| splat(word as i64));
            let mut value: [Vector; W] = core::array::from_fn(|j| load(&values[j]));
            let steps = digests.iter().map(|chain| chain.len()).min().unwrap_or(0);
            let digests = digests.map(|chain| &chain[..steps]);
            for step in 0..steps {
                let mut digest = [[0u64; LANES]; W];
                for lane in 0..LANES {
                    let (words, _) = digests[lane][step].as_chunks::<8>();
                    for j in 0..W {
                        digest[j][lane] = u64::from_be_bytes(words[j]);
                    }
                }
                let mut w = [splat(0); 16];
                if W == 6 {
                    w[12] = splat(i64::MIN);
                    w[15] = splat(768);
                }
                for j in 0..W {
                    w[j] = value[j];
                    w[W + j] = load(&digest[j]);
                }
                let mut state = block(initial, w);
                if W == 8 {
                    state = padding(state);
                }
                value.copy_from_slice(&state[..W]);
            }
            for j in 0..W {
                values[j] = store(value[j]);
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn blocks(states: &mut [[u64; LANES]; 8], blocks: [&[u8; 128]; LANES]) {
            let mut words = [[0u64; LANES]; 16];
            for lane in 0..LANES {
                let (block, _) = blocks[lane].as_chunks::<8>();
                for j in 0..16 {
                    words[j][lane] = u64::from_be_bytes(block[j]);
                }
            }
            let mut w = [splat(0); 16];
            for j in 0..16 {
                w[j] = load(&words[j]);
            }
            let mut state = [splat(0); 8];
            for j in 0..8 {
                state[j] = load(&states[j]);
            }
            state = block(state, w);
            for j in 0..8 {
                states[j] = store(state[j]);
            }
        }

        // Sixteen rounds are spelled out: the words then stay in registers, and nobody has to move a to h.
        macro_rules! round {
                    ($state:ident, $kw:ident, $t:expr, $i:literal) => {
                        let kw: Vector = $kw($t, $i);
                        let [a, b, c, d, e, f, g, h] = $state;
                        let s1 = xor(ror::<14, 50>(e), ror::<18, 46>(e), ror::<41, 23>(e));
                        let (hk, ch) = (add(h, kw), choose(e, f, g));
                        let s0 = xor(ror::<28, 36>(a), ror::<34, 30>(a), ror::<39, 25>(a));
                        let t2 = add(s0, majority(a, b, c));
                        // The next round waits for the new `e`: three operations after the old one, where t1 first makes it five.
                        $state = [add(add(add(hk, ch), t2), s1), a, b, c, add(add(add(d, hk), ch), s1), e, f, g];
                    };
                }
        macro_rules! sixteen {
            ($state:ident, $kw:ident, $t:expr) => {
                round!($state, $kw, $t, 0);
                round!($state, $kw, $t, 1);
                round!($state, $kw, $t, 2);
                round!($state, $kw, $t, 3);
                round!($state, $kw, $t, 4);
                round!($state, $kw, $t, 5);
                round!($state, $kw, $t, 6);
                round!($state, $kw, $t, 7);
                round!($state, $kw, $t, 8);
                round!($state, $kw, $t, 9);
                round!($state, $kw, $t, 10);
                round!($state, $kw, $t, 11);
                round!($state, $kw, $t, 12);
                round!($state, $kw, $t, 13);
                round!($state, $kw, $t, 14);
                round!($state, $kw, $t, 15);
            };
        }

        /// The states after a block with these words.
        #[inline]
        #[target_feature(enable = $features)]
        fn block(from: [Vector; 8], mut w: [Vector; 16]) -> [Vector; 8] {
            let mut state = from;
            let first = |t: usize, i: usize| add(w[i], splat(K512[t + i] as i64));
            sixteen!(state, first, 0);
            for t in (16..80).step_by(16) {
                let mut scheduled = |t: usize, i: usize| {
                    let (x, y) = (w[(i + 1) % 16], w[(i + 14) % 16]);
                    let s0 = xor(ror::<1, 63>(x), ror::<8, 56>(x), shr::<7>(x));
                    let s1 = xor(ror::<19, 45>(y), ror::<61, 3>(y), shr::<6>(y));
                    w[i] = add(add(w[i], s0), add(w[(i + 9) % 16], s1));
                    add(w[i], splat(K512[t + i] as i64))
                };
                sixteen!(state, scheduled, t);
            }
            for j in 0..8 {
                state[j] = add(state[j], from[j]);
            }
            state
        }

        /// The states after the block that pads 128 bytes.
        #[inline]
        #[target_feature(enable = $features)]
        fn padding(from: [Vector; 8]) -> [Vector; 8] {
            let mut state = from;
            let constant = |t: usize, i: usize| splat(PADDING512[t + i] as i64);
            for t in (0..80).step_by(16) {
                sixteen!(state, constant, t);
            }
            for j in 0..8 {
                state[j] = add(state[j], from[j]);
            }
            state
        }
    };
}

mod avx512 {
    use super::*;

    type Vector = __m512i;
    const LANES: usize = 8;

    sha512_in_lanes!("avx512f");

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn splat(word: i64) -> Vector {
        _mm512_set1_epi64(word)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn load(words: &[u64; LANES]) -> Vector {
        let [a, b, c, d, e, f, g, h] = words.map(|word| word as i64);
        _mm512_set_epi64(h, g, f, e, d, c, b, a)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn store(vector: Vector) -> [u64; LANES] {
        // SAFETY: both are 64 bytes of integers.
        unsafe { core::mem::transmute(vector) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn add(a: Vector, b: Vector) -> Vector {
        _mm512_add_epi64(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn xor(a: Vector, b: Vector, c: Vector) -> Vector {
        _mm512_ternarylogic_epi64::<0x96>(a, b, c)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn ror<const BITS: i32, const REST: i32>(vector: Vector) -> Vector {
        _mm512_ror_epi64::<BITS>(vector)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn shr<const BITS: u32>(vector: Vector) -> Vector {
        _mm512_srli_epi64::<BITS>(vector)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn choose(e: Vector, f: Vector, g: Vector) -> Vector {
        _mm512_ternarylogic_epi64::<0xCA>(e, f, g)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn majority(a: Vector, b: Vector, c: Vector) -> Vector {
        _mm512_ternarylogic_epi64::<0xE8>(a, b, c)
    }
}

mod avx2 {
    use super::*;

    type Vector = __m256i;
    const LANES: usize = 4;

    sha512_in_lanes!("avx2");

    #[inline]
    #[target_feature(enable = "avx2")]
    fn splat(word: i64) -> Vector {
        _mm256_set1_epi64x(word)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(words: &[u64; LANES]) -> Vector {
        let [a, b, c, d] = words.map(|word| word as i64);
        _mm256_set_epi64x(d, c, b, a)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn store(vector: Vector) -> [u64; LANES] {
        // SAFETY: both are 32 bytes of integers.
        unsafe { core::mem::transmute(vector) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(a: Vector, b: Vector) -> Vector {
        _mm256_add_epi64(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn xor(a: Vector, b: Vector, c: Vector) -> Vector {
        _mm256_xor_si256(_mm256_xor_si256(a, b), c)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn ror<const BITS: i32, const REST: i32>(vector: Vector) -> Vector {
        _mm256_or_si256(_mm256_srli_epi64::<BITS>(vector), _mm256_slli_epi64::<REST>(vector))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn shr<const BITS: i32>(vector: Vector) -> Vector {
        _mm256_srli_epi64::<BITS>(vector)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn choose(e: Vector, f: Vector, g: Vector) -> Vector {
        _mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g)))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn majority(a: Vector, b: Vector, c: Vector) -> Vector {
        _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(c, _mm256_or_si256(a, b)))
    }
}

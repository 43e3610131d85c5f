//! SHA-384 and SHA-512 in the lanes of AVX-512, or of AVX2.

use core::arch::x86_64::*;

use super::Features;
use crate::constants::{H384, H512, K512, PADDING512};

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

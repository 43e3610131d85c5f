//! SHA-1 extends in sixteen lanes of AVX-512: for many registers at once, as a fleet's logs have.

use core::arch::x86_64::*;

use super::Features;
use crate::constants::{H160, K160};

/// How many registers run side by side.
pub(crate) const LANES: usize = 16;

/// Extend sixteen SHA-1 registers, each with its digests, of which all have as many; `None` without AVX-512.
///
/// Word `j` of each value is in `values[j]`.
pub(crate) fn extend1_by_sixteen(
    features: Features,
    values: &mut [[u32; LANES]; 5],
    digests: [&[[u8; 20]]; LANES],
) -> Option<()> {
    // SAFETY: the processor has the features of `extend`.
    features.avx512.then(|| unsafe { extend(values, digests) })
}

#[target_feature(enable = "avx512f")]
fn extend(values: &mut [[u32; LANES]; 5], digests: [&[[u8; 20]]; LANES]) {
    let initial = H160.map(|word| splat(word));
    let mut value = initial;
    for j in 0..5 {
        value[j] = load(&values[j]);
    }
    let steps = digests.iter().map(|chain| chain.len()).min().unwrap_or(0);
    let digests = digests.map(|chain| &chain[..steps]);
    for step in 0..steps {
        let mut digest = [[0; LANES]; 5];
        for lane in 0..LANES {
            let (words, _) = digests[lane][step].as_chunks::<4>();
            for j in 0..5 {
                digest[j][lane] = u32::from_be_bytes(words[j]);
            }
        }
        // What follows a value and a digest: a one bit, and the length in bits.
        let mut w = [splat(0); 16];
        w[10] = splat(0x8000_0000);
        w[15] = splat(320);
        for j in 0..5 {
            w[j] = value[j];
            w[5 + j] = load(&digest[j]);
        }
        value = block(initial, w);
    }
    for j in 0..5 {
        values[j] = store(value[j]);
    }
}

/// The states after a block with these words.
#[inline]
#[target_feature(enable = "avx512f")]
fn block(from: [__m512i; 5], mut w: [__m512i; 16]) -> [__m512i; 5] {
    let mut state = from;
    // Twenty rounds are spelled out: the words then stay in registers, and nobody has to move a to e.
    macro_rules! round {
        ($function:literal, $k:ident, $t:literal) => {
            let i = $t % 16;
            if $t >= 16 {
                let mixed = xor(xor3(w[i], w[(i + 2) % 16], w[(i + 8) % 16]), w[(i + 13) % 16]);
                w[i] = _mm512_rol_epi32::<1>(mixed);
            }
            let [a, b, c, d, e] = state;
            let f = _mm512_ternarylogic_epi32::<$function>(b, c, d);
            let sum = add(add(add(e, $k), w[i]), f);
            state = [add(sum, _mm512_rol_epi32::<5>(a)), a, _mm512_rol_epi32::<30>(b), c, d];
        };
    }
    macro_rules! rounds {
        ($function:literal, $k:expr, $($t:literal)*) => {
            let k = splat($k);
            $(round!($function, k, $t);)*
        };
    }
    // Choose, parity, majority, parity, as tables of three bits.
    rounds!(0xCA, K160[0], 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19);
    rounds!(0x96, K160[1], 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39);
    rounds!(0xE8, K160[2], 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59);
    rounds!(0x96, K160[3], 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79);
    for j in 0..5 {
        state[j] = add(state[j], from[j]);
    }
    state
}

#[inline]
#[target_feature(enable = "avx512f")]
fn splat(word: u32) -> __m512i {
    _mm512_set1_epi32(word as i32)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(words: &[u32; LANES]) -> __m512i {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = words.map(|word| word as i32);
    _mm512_set_epi32(p, o, n, m, l, k, j, i, h, g, f, e, d, c, b, a)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(vector: __m512i) -> [u32; LANES] {
    // SAFETY: both are 64 bytes of integers.
    unsafe { core::mem::transmute(vector) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add(a: __m512i, b: __m512i) -> __m512i {
    _mm512_add_epi32(a, b)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor(a: __m512i, b: __m512i) -> __m512i {
    _mm512_xor_si512(a, b)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0x96>(a, b, c)
}

//! SHA-1 with SHA-NI, `N` messages interleaved: four rounds take six cycles or so, and others can start meanwhile.

use core::arch::x86_64::*;

use super::Features;
use super::words::{message, reversed, words};
use crate::constants::H160;

/// Extend `N` SHA-1 registers, each with its digests, of which all have as many; `None` without SHA-NI.
pub(crate) fn extend1<const N: usize>(
    features: Features,
    values: &mut [[u32; 5]; N],
    digests: [&[[u8; 20]]; N],
) -> Option<()> {
    // SAFETY: the processor has the features of `extend`.
    features.sha_ni.then(|| unsafe { extend(values, digests) })
}

/// Hash one block of each of `N` SHA-1 messages; `None` without SHA-NI.
pub(crate) fn blocks1<const N: usize>(
    features: Features,
    states: &mut [[u32; 5]; N],
    blocks: [&[u8; 64]; N],
) -> Option<()> {
    // SAFETY: the processor has the features of `compress`.
    features.sha_ni.then(|| unsafe { compress(states, blocks) })
}

/// The states of `N` messages as SHA-NI wants them, the first word highest: `abcd`, and `e` before three zeros.
type States<const N: usize> = ([__m128i; N], [__m128i; N]);

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn extend<const N: usize>(values: &mut [[u32; 5]; N], digests: [&[[u8; 20]]; N]) {
    let initial = load(&[H160; N]);
    // What follows a value and a digest: a one bit, and the length in bits.
    let length = [reversed(0, 0, 0, 320); N];
    let (mut abcd, mut e) = load(values);
    let steps = digests.iter().map(|chain| chain.len()).min().unwrap_or(0);
    let digests = digests.map(|chain| &chain[..steps]);
    for step in 0..steps {
        let (mut second, mut third) = (e, e);
        for i in 0..N {
            let (words, _) = digests[i][step].as_chunks::<4>();
            let [a, b, c, d, e] = [words[0], words[1], words[2], words[3], words[4]].map(u32::from_be_bytes);
            second[i] = _mm_or_si128(second[i], reversed(0, a, b, c));
            third[i] = reversed(d, e, 0x8000_0000, 0);
        }
        (abcd, e) = block(initial, [abcd, second, third, length]);
    }
    store(values, (abcd, e));
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn compress<const N: usize>(states: &mut [[u32; 5]; N], blocks: [&[u8; 64]; N]) {
    let words = [0, 16, 32, 48].map(|at| blocks.map(|block| _mm_shuffle_epi32(message(block, at), 0x1B)));
    let state = block(load(states), words);
    store(states, state);
}

/// The states after a block with these words.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn block<const N: usize>(from: States<N>, words: [[__m128i; N]; 4]) -> States<N> {
    let [mut w0, mut w1, mut w2, mut w3] = words;
    let mut abcd = from.0;
    // `abcd` of four rounds ago, whose `a` has become `e`.
    let mut before = abcd;
    // Four rounds, of which only the first ones find `e` at hand.
    macro_rules! first {
        ($w:ident) => {
            for i in 0..N {
                abcd[i] = _mm_sha1rnds4_epu32::<0>(abcd[i], _mm_add_epi32(from.1[i], $w[i]));
            }
        };
    }
    macro_rules! rounds {
        ($function:literal, $w:ident) => {
            for i in 0..N {
                let e = _mm_sha1nexte_epu32(before[i], $w[i]);
                before[i] = abcd[i];
                abcd[i] = _mm_sha1rnds4_epu32::<$function>(abcd[i], e);
            }
        };
    }
    macro_rules! scheduled {
        ($function:literal, $a:ident, $b:ident, $c:ident, $d:ident) => {
            for i in 0..N {
                $a[i] = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32($a[i], $b[i]), $c[i]), $d[i]);
            }
            rounds!($function, $a);
        };
    }
    first!(w0);
    rounds!(0, w1);
    rounds!(0, w2);
    rounds!(0, w3);
    scheduled!(0, w0, w1, w2, w3);
    scheduled!(1, w1, w2, w3, w0);
    scheduled!(1, w2, w3, w0, w1);
    scheduled!(1, w3, w0, w1, w2);
    scheduled!(1, w0, w1, w2, w3);
    scheduled!(1, w1, w2, w3, w0);
    scheduled!(2, w2, w3, w0, w1);
    scheduled!(2, w3, w0, w1, w2);
    scheduled!(2, w0, w1, w2, w3);
    scheduled!(2, w1, w2, w3, w0);
    scheduled!(2, w2, w3, w0, w1);
    scheduled!(3, w3, w0, w1, w2);
    scheduled!(3, w0, w1, w2, w3);
    scheduled!(3, w1, w2, w3, w0);
    scheduled!(3, w2, w3, w0, w1);
    scheduled!(3, w3, w0, w1, w2);
    for i in 0..N {
        before[i] = _mm_sha1nexte_epu32(before[i], from.1[i]);
        abcd[i] = _mm_add_epi32(abcd[i], from.0[i]);
    }
    (abcd, before)
}

#[inline]
#[target_feature(enable = "sse2")]
fn load<const N: usize>(states: &[[u32; 5]; N]) -> States<N> {
    (states.map(|[a, b, c, d, _]| reversed(a, b, c, d)), states.map(|[.., e]| reversed(e, 0, 0, 0)))
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn store<const N: usize>(states: &mut [[u32; 5]; N], (abcd, e): States<N>) {
    for i in 0..N {
        let [d, c, b, a] = words(abcd[i]);
        states[i] = [a, b, c, d, words(e[i])[3]];
    }
}

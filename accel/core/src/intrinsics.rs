//! Extending several registers at once with the processor's own instructions: the only file with intrinsics.
//!
//! A chain of extends is serial: each waits for the one before. Registers are independent, so one loop runs several:
//! SHA-256 in up to four interleaved chains of SHA-NI, SHA-384 and SHA-512 in the lanes of AVX2 or AVX-512.
//! An extend hashes `value || digest`, whose length is known, so its padding is a constant; where the padding fills
//! a block of its own, so is that block's message schedule.
//!
//! Source: FIPS 180-4. Known answers: the tests below, and [`crate::self_test`] on the machine that runs.
//! The functions are safe to call on a processor that has the features they name; the callers in
//! [`crate::kernels`] ask first, and that call is all that is `unsafe`.

use core::arch::x86_64::*;

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
pub(crate) fn sha256<const N: usize>(
    features: Features,
    values: &mut [[u32; 8]; N],
    digests: [&[[u8; 32]]; N],
) -> Option<()> {
    if !features.sha_ni {
        return None;
    }
    // SAFETY: the processor has the features of `sha256_ni`.
    unsafe { sha256_ni(values, digests) };
    Some(())
}

/// Extend registers of `W` 64-bit words (SHA-384: 6, SHA-512: 8) in eight lanes; `None` without AVX-512.
pub(crate) fn sha512_by_eight<const W: usize, const S: usize>(
    features: Features,
    values: &mut [[u64; 8]; W],
    digests: [&[[u8; S]]; 8],
) -> Option<()> {
    if !features.avx512 {
        return None;
    }
    // SAFETY: the processor has the features of `sha512_avx512`.
    unsafe { sha512_avx512(values, digests) };
    Some(())
}

/// The same in four lanes; `None` without AVX2.
pub(crate) fn sha512_by_four<const W: usize, const S: usize>(
    features: Features,
    values: &mut [[u64; 4]; W],
    digests: [&[[u8; S]]; 4],
) -> Option<()> {
    if !features.avx2 {
        return None;
    }
    // SAFETY: the processor has the features of `sha512_avx2`.
    unsafe { sha512_avx2(values, digests) };
    Some(())
}

const H256: [u32; 8] = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

const K256: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
    0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
    0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
    0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2,
];

/// `K + W` of the block that pads a message of 64 bytes.
const PADDING256: [u32; 64] = {
    let mut w = [0u32; 64];
    w[0] = 0x8000_0000;
    w[15] = 512;
    let mut t = 16;
    while t < 64 {
        let s0 = w[t - 15].rotate_right(7) ^ w[t - 15].rotate_right(18) ^ (w[t - 15] >> 3);
        let s1 = w[t - 2].rotate_right(17) ^ w[t - 2].rotate_right(19) ^ (w[t - 2] >> 10);
        w[t] = w[t - 16].wrapping_add(s0).wrapping_add(w[t - 7]).wrapping_add(s1);
        t += 1;
    }
    t = 0;
    while t < 64 {
        w[t] = w[t].wrapping_add(K256[t]);
        t += 1;
    }
    w
};

const H384: [u64; 8] = [
    0xcbbb9d5dc1059ed8,
    0x629a292a367cd507,
    0x9159015a3070dd17,
    0x152fecd8f70e5939,
    0x67332667ffc00b31,
    0x8eb44a8768581511,
    0xdb0c2e0d64f98fa7,
    0x47b5481dbefa4fa4,
];

const H512: [u64; 8] = [
    0x6a09e667f3bcc908,
    0xbb67ae8584caa73b,
    0x3c6ef372fe94f82b,
    0xa54ff53a5f1d36f1,
    0x510e527fade682d1,
    0x9b05688c2b3e6c1f,
    0x1f83d9abfb41bd6b,
    0x5be0cd19137e2179,
];

const K512: [u64; 80] = [
    0x428a2f98d728ae22,
    0x7137449123ef65cd,
    0xb5c0fbcfec4d3b2f,
    0xe9b5dba58189dbbc,
    0x3956c25bf348b538,
    0x59f111f1b605d019,
    0x923f82a4af194f9b,
    0xab1c5ed5da6d8118,
    0xd807aa98a3030242,
    0x12835b0145706fbe,
    0x243185be4ee4b28c,
    0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f,
    0x80deb1fe3b1696b1,
    0x9bdc06a725c71235,
    0xc19bf174cf692694,
    0xe49b69c19ef14ad2,
    0xefbe4786384f25e3,
    0x0fc19dc68b8cd5b5,
    0x240ca1cc77ac9c65,
    0x2de92c6f592b0275,
    0x4a7484aa6ea6e483,
    0x5cb0a9dcbd41fbd4,
    0x76f988da831153b5,
    0x983e5152ee66dfab,
    0xa831c66d2db43210,
    0xb00327c898fb213f,
    0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2,
    0xd5a79147930aa725,
    0x06ca6351e003826f,
    0x142929670a0e6e70,
    0x27b70a8546d22ffc,
    0x2e1b21385c26c926,
    0x4d2c6dfc5ac42aed,
    0x53380d139d95b3df,
    0x650a73548baf63de,
    0x766a0abb3c77b2a8,
    0x81c2c92e47edaee6,
    0x92722c851482353b,
    0xa2bfe8a14cf10364,
    0xa81a664bbc423001,
    0xc24b8b70d0f89791,
    0xc76c51a30654be30,
    0xd192e819d6ef5218,
    0xd69906245565a910,
    0xf40e35855771202a,
    0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8,
    0x1e376c085141ab53,
    0x2748774cdf8eeb99,
    0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63,
    0x4ed8aa4ae3418acb,
    0x5b9cca4f7763e373,
    0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc,
    0x78a5636f43172f60,
    0x84c87814a1f0ab72,
    0x8cc702081a6439ec,
    0x90befffa23631e28,
    0xa4506cebde82bde9,
    0xbef9a3f7b2c67915,
    0xc67178f2e372532b,
    0xca273eceea26619c,
    0xd186b8c721c0c207,
    0xeada7dd6cde0eb1e,
    0xf57d4f7fee6ed178,
    0x06f067aa72176fba,
    0x0a637dc5a2c898a6,
    0x113f9804bef90dae,
    0x1b710b35131c471b,
    0x28db77f523047d84,
    0x32caab7b40c72493,
    0x3c9ebe0a15c9bebc,
    0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6,
    0x597f299cfc657e2a,
    0x5fcb6fab3ad6faec,
    0x6c44198c4a475817,
];

/// `K + W` of the block that pads a message of 128 bytes.
const PADDING512: [u64; 80] = {
    let mut w = [0u64; 80];
    w[0] = 1 << 63;
    w[15] = 1024;
    let mut t = 16;
    while t < 80 {
        let s0 = w[t - 15].rotate_right(1) ^ w[t - 15].rotate_right(8) ^ (w[t - 15] >> 7);
        let s1 = w[t - 2].rotate_right(19) ^ w[t - 2].rotate_right(61) ^ (w[t - 2] >> 6);
        w[t] = w[t - 16].wrapping_add(s0).wrapping_add(w[t - 7]).wrapping_add(s1);
        t += 1;
    }
    t = 0;
    while t < 80 {
        w[t] = w[t].wrapping_add(K512[t]);
        t += 1;
    }
    w
};

#[inline]
#[target_feature(enable = "sse2")]
fn vector(words: [u32; 4]) -> __m128i {
    _mm_set_epi32(words[3] as i32, words[2] as i32, words[1] as i32, words[0] as i32)
}

#[inline]
#[target_feature(enable = "sse2")]
fn quarter(words: &[u32], at: usize) -> __m128i {
    vector([words[at], words[at + 1], words[at + 2], words[at + 3]])
}

/// Four big-endian words of a digest, from byte `at` on.
#[inline]
#[target_feature(enable = "ssse3")]
fn message(digest: &[u8; 32], at: usize) -> __m128i {
    let (words, _) = digest[at..at + 16].as_chunks::<4>();
    vector([words[0], words[1], words[2], words[3]].map(u32::from_be_bytes))
}

/// The message words of a chain: the value as `abcd`, `efgh`. SHA-NI wants the state as `abef`, `cdgh`.
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

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn sha256_ni<const N: usize>(values: &mut [[u32; 8]; N], digests: [&[[u8; 32]]; N]) {
    let (h_abef, h_cdgh) = to_state(quarter(&H256, 0), quarter(&H256, 4));
    let mut abcd = values.map(|value| quarter(&value, 0));
    let mut efgh = values.map(|value| quarter(&value, 4));
    let steps = digests.iter().map(|chain| chain.len()).min().unwrap_or(0);
    let digests = digests.map(|chain| &chain[..steps]);
    for step in 0..steps {
        let mut abef = [h_abef; N];
        let mut cdgh = [h_cdgh; N];
        let digest = digests.map(|chain| &chain[step]);
        let mut w0 = abcd;
        let mut w1 = efgh;
        let mut w2 = digest.map(|digest| message(digest, 0));
        let mut w3 = digest.map(|digest| message(digest, 16));

        macro_rules! four_rounds {
            ($kw:expr) => {
                for i in 0..N {
                    let kw: __m128i = $kw(i);
                    cdgh[i] = _mm_sha256rnds2_epu32(cdgh[i], abef[i], kw);
                    abef[i] = _mm_sha256rnds2_epu32(abef[i], cdgh[i], _mm_shuffle_epi32(kw, 0x0E));
                }
            };
        }
        macro_rules! four_words {
            ($a:ident, $b:ident, $c:ident, $d:ident) => {
                for i in 0..N {
                    let sum = _mm_add_epi32(_mm_sha256msg1_epu32($a[i], $b[i]), _mm_alignr_epi8($d[i], $c[i], 4));
                    $a[i] = _mm_sha256msg2_epu32(sum, $d[i]);
                }
            };
        }
        macro_rules! sixteen_rounds {
            ($t:expr) => {
                four_rounds!(|i| _mm_add_epi32(w0[i], quarter(&K256, $t)));
                four_rounds!(|i| _mm_add_epi32(w1[i], quarter(&K256, $t + 4)));
                four_rounds!(|i| _mm_add_epi32(w2[i], quarter(&K256, $t + 8)));
                four_rounds!(|i| _mm_add_epi32(w3[i], quarter(&K256, $t + 12)));
            };
            ($t:expr, scheduled) => {
                four_words!(w0, w1, w2, w3);
                four_rounds!(|i| _mm_add_epi32(w0[i], quarter(&K256, $t)));
                four_words!(w1, w2, w3, w0);
                four_rounds!(|i| _mm_add_epi32(w1[i], quarter(&K256, $t + 4)));
                four_words!(w2, w3, w0, w1);
                four_rounds!(|i| _mm_add_epi32(w2[i], quarter(&K256, $t + 8)));
                four_words!(w3, w0, w1, w2);
                four_rounds!(|i| _mm_add_epi32(w3[i], quarter(&K256, $t + 12)));
            };
        }
        sixteen_rounds!(0);
        sixteen_rounds!(16, scheduled);
        sixteen_rounds!(32, scheduled);
        sixteen_rounds!(48, scheduled);
        for i in 0..N {
            abef[i] = _mm_add_epi32(abef[i], h_abef);
            cdgh[i] = _mm_add_epi32(cdgh[i], h_cdgh);
        }
        let (first_abef, first_cdgh) = (abef, cdgh);
        for t in (0..64).step_by(4) {
            let padding = quarter(&PADDING256, t);
            four_rounds!(|_| padding);
        }
        for i in 0..N {
            let abef = _mm_add_epi32(abef[i], first_abef[i]);
            let cdgh = _mm_add_epi32(cdgh[i], first_cdgh[i]);
            (abcd[i], efgh[i]) = from_state(abef, cdgh);
        }
    }
    for i in 0..N {
        let lane = |vector| {
            [
                _mm_extract_epi32::<0>(vector) as u32,
                _mm_extract_epi32::<1>(vector) as u32,
                _mm_extract_epi32::<2>(vector) as u32,
                _mm_extract_epi32::<3>(vector) as u32,
            ]
        };
        values[i][..4].copy_from_slice(&lane(abcd[i]));
        values[i][4..].copy_from_slice(&lane(efgh[i]));
    }
}

/// One SHA-512 kernel, spelled once for both widths: `$lanes` registers in vectors of 64-bit lanes.
macro_rules! sha512_lanes {
    ($name:ident, $features:literal, $lanes:literal, $vector:ty, $splat:ident, $add:ident, $xor3:ident,
     $load:ident, $store:ident, $ror:ident, $shr:ident, $choose:ident, $majority:ident) => {
        #[target_feature(enable = $features)]
        fn $name<const W: usize, const S: usize>(values: &mut [[u64; $lanes]; W], digests: [&[[u8; S]]; $lanes]) {
            let initial = (if W == 6 { H384 } else { H512 }).map(|word| $splat(word as i64));
            let mut value: [$vector; W] = core::array::from_fn(|j| $load(&values[j]));
            let steps = digests.iter().map(|chain| chain.len()).min().unwrap_or(0);
            let digests = digests.map(|chain| &chain[..steps]);
            for step in 0..steps {
                let mut digest = [[0u64; $lanes]; W];
                for lane in 0..$lanes {
                    let (words, _) = digests[lane][step].as_chunks::<8>();
                    for j in 0..W {
                        digest[j][lane] = u64::from_be_bytes(words[j]);
                    }
                }
                let mut w = [$splat(0); 16];
                if W == 6 {
                    w[12] = $splat(i64::MIN);
                    w[15] = $splat(768);
                }
                for j in 0..W {
                    w[j] = value[j];
                    w[W + j] = $load(&digest[j]);
                }
                macro_rules! round {
                    ($state:ident, $kw:ident, $t:expr, $i:literal) => {
                        let kw: $vector = $kw($t, $i);
                        let [a, b, c, d, e, f, g, h] = $state;
                        let s1 = $xor3($ror::<14, 50>(e), $ror::<18, 46>(e), $ror::<41, 23>(e));
                        let t1 = $add($add(h, kw), $add($choose(e, f, g), s1));
                        let s0 = $xor3($ror::<28, 36>(a), $ror::<34, 30>(a), $ror::<39, 25>(a));
                        let t2 = $add(s0, $majority(a, b, c));
                        $state = [$add(t1, t2), a, b, c, $add(d, t1), e, f, g];
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
                let mut state = initial;
                let first = |t: usize, i: usize| $add(w[i], $splat(K512[t + i] as i64));
                sixteen!(state, first, 0);
                for t in (16..80).step_by(16) {
                    let mut scheduled = |t: usize, i: usize| {
                        let (x, y) = (w[(i + 1) % 16], w[(i + 14) % 16]);
                        let s0 = $xor3($ror::<1, 63>(x), $ror::<8, 56>(x), $shr::<7>(x));
                        let s1 = $xor3($ror::<19, 45>(y), $ror::<61, 3>(y), $shr::<6>(y));
                        w[i] = $add($add(w[i], s0), $add(w[(i + 9) % 16], s1));
                        $add(w[i], $splat(K512[t + i] as i64))
                    };
                    sixteen!(state, scheduled, t);
                }
                for j in 0..8 {
                    state[j] = $add(state[j], initial[j]);
                }
                if W == 8 {
                    let first = state;
                    let padding = |t: usize, i: usize| $splat(PADDING512[t + i] as i64);
                    for t in (0..80).step_by(16) {
                        sixteen!(state, padding, t);
                    }
                    for j in 0..8 {
                        state[j] = $add(state[j], first[j]);
                    }
                }
                value.copy_from_slice(&state[..W]);
            }
            for j in 0..W {
                values[j] = $store(value[j]);
            }
        }
    };
}

sha512_lanes!(
    sha512_avx512,
    "avx512f",
    8,
    __m512i,
    _mm512_set1_epi64,
    _mm512_add_epi64,
    xor512,
    load512,
    store512,
    ror512,
    shr512,
    choose512,
    majority512
);
sha512_lanes!(
    sha512_avx2,
    "avx2",
    4,
    __m256i,
    _mm256_set1_epi64x,
    _mm256_add_epi64,
    xor256,
    load256,
    store256,
    ror256,
    shr256,
    choose256,
    majority256
);

#[inline]
#[target_feature(enable = "avx512f")]
fn load512(w: &[u64; 8]) -> __m512i {
    let [a, b, c, d, e, f, g, h] = w.map(|word| word as i64);
    _mm512_set_epi64(h, g, f, e, d, c, b, a)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store512(v: __m512i) -> [u64; 8] {
    // SAFETY: both are 64 bytes of integers.
    unsafe { core::mem::transmute(v) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn ror512<const BITS: i32, const REST: i32>(v: __m512i) -> __m512i {
    _mm512_ror_epi64::<BITS>(v)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn shr512<const BITS: u32>(v: __m512i) -> __m512i {
    _mm512_srli_epi64::<BITS>(v)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor512(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi64::<0x96>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn choose512(e: __m512i, f: __m512i, g: __m512i) -> __m512i {
    _mm512_ternarylogic_epi64::<0xCA>(e, f, g)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn majority512(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi64::<0xE8>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx2")]
fn load256(w: &[u64; 4]) -> __m256i {
    let [a, b, c, d] = w.map(|word| word as i64);
    _mm256_set_epi64x(d, c, b, a)
}

#[inline]
#[target_feature(enable = "avx2")]
fn store256(v: __m256i) -> [u64; 4] {
    // SAFETY: both are 32 bytes of integers.
    unsafe { core::mem::transmute(v) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn ror256<const BITS: i32, const REST: i32>(v: __m256i) -> __m256i {
    _mm256_or_si256(_mm256_srli_epi64::<BITS>(v), _mm256_slli_epi64::<REST>(v))
}

#[inline]
#[target_feature(enable = "avx2")]
fn shr256<const BITS: i32>(v: __m256i) -> __m256i {
    _mm256_srli_epi64::<BITS>(v)
}

#[inline]
#[target_feature(enable = "avx2")]
fn xor256(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    _mm256_xor_si256(_mm256_xor_si256(a, b), c)
}

#[inline]
#[target_feature(enable = "avx2")]
fn choose256(e: __m256i, f: __m256i, g: __m256i) -> __m256i {
    _mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn majority256(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    let same = _mm256_and_si256(a, b);
    _mm256_or_si256(same, _mm256_and_si256(c, _mm256_or_si256(a, b)))
}

//! Extending many independent registers of one bank, by the best means that the processor has.

#![forbid(unsafe_code)]

use crate::algorithm::{Algorithm, MAX_SIZE};

/// A register on its way: its value, and the digests that are still to be extended, one after the other.
#[derive(Clone, Debug)]
pub struct Chain<'a> {
    /// The value, in the first bytes.
    pub value: [u8; MAX_SIZE],
    /// The digests, in order; what is left over at the end is ignored.
    pub digests: &'a [u8],
}

/// Extend every chain to its end.
pub fn extend_all(algorithm: Algorithm, chains: &mut [Chain<'_>]) {
    extend_by(Kernel::of(algorithm), algorithm, chains);
}

/// Extend every chain to its end by one of the algorithm's kernels.
pub(crate) fn extend_by(kernel: Kernel, algorithm: Algorithm, chains: &mut [Chain<'_>]) {
    let size = algorithm.size();
    // The longest first: the lanes then run dry together, near the end.
    let mut waiting: Vec<usize> = (0..chains.len()).collect();
    waiting.sort_by_key(|&chain| chains[chain].digests.len());
    let mut lanes: Vec<usize> = Vec::with_capacity(kernel.lanes());
    loop {
        lanes.retain(|&chain| chains[chain].digests.len() >= size);
        while lanes.len() < kernel.lanes() {
            let Some(chain) = waiting.pop() else { break };
            if chains[chain].digests.len() >= size {
                lanes.push(chain);
            }
        }
        let Some(steps) = lanes.iter().map(|&chain| chains[chain].digests.len() / size).min() else {
            return;
        };
        let mut running: Vec<Chain<'_>> = lanes.iter().map(|&chain| chains[chain].clone()).collect();
        for chain in &mut running {
            chain.digests = &chain.digests[..steps * size];
        }
        kernel.run(algorithm, &mut running);
        for (&chain, ran) in lanes.iter().zip(&running) {
            chains[chain].value = ran.value;
            chains[chain].digests = &chains[chain].digests[steps * size..];
        }
    }
}

/// What this processor does for each algorithm that has a kernel of its own, for people.
pub fn names() -> Vec<(&'static str, &'static str)> {
    let named = [("sha1", Algorithm::Sha1), ("sha256", Algorithm::Sha256)];
    let wide = [("sha384", Algorithm::Sha384), ("sha512", Algorithm::Sha512)];
    named.into_iter().chain(wide).map(|(name, algorithm)| (name, Kernel::of(algorithm).name())).collect()
}

/// How several chains of one algorithm are extended together.
#[derive(Clone, Copy)]
pub(crate) enum Kernel {
    /// One after the other, by the algorithm's crate.
    Single,
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    ShaNi(crate::intrinsics::Features),
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    Avx2(crate::intrinsics::Features),
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    Avx512(crate::intrinsics::Features),
    /// AVX-512 for many chains of SHA-1, SHA-NI for a few.
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    Wide(crate::intrinsics::Features),
}

impl Kernel {
    /// The one that is used.
    pub(crate) fn of(algorithm: Algorithm) -> Self {
        Self::available(algorithm).next().unwrap_or(Self::Single)
    }
}

#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
impl Kernel {
    /// The kernels for an algorithm that this processor can run, the best first.
    pub(crate) fn available(algorithm: Algorithm) -> impl Iterator<Item = Self> {
        let features = crate::intrinsics::Features::detect();
        let short = matches!(algorithm, Algorithm::Sha1 | Algorithm::Sha256);
        let long = matches!(algorithm, Algorithm::Sha384 | Algorithm::Sha512);
        let own = [
            (algorithm == Algorithm::Sha1 && features.avx512).then_some(Self::Wide(features)),
            (short && features.sha_ni).then_some(Self::ShaNi(features)),
            (long && features.avx512).then_some(Self::Avx512(features)),
            (long && features.avx2).then_some(Self::Avx2(features)),
        ];
        own.into_iter().flatten().chain([Self::Single])
    }

    pub(crate) const fn lanes(self) -> usize {
        match self {
            Self::Single => 1,
            Self::ShaNi(_) | Self::Avx2(_) => 4,
            Self::Avx512(_) => 8,
            Self::Wide(_) => 16,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Single => "portable",
            Self::ShaNi(_) => "sha-ni x4",
            Self::Avx2(_) => "avx2 x4",
            Self::Avx512(_) => "avx512 x8",
            Self::Wide(_) => "avx512 x16, sha-ni x4",
        }
    }

    /// Extend up to `lanes` chains of the same length.
    fn run(self, algorithm: Algorithm, chains: &mut [Chain<'_>]) {
        use crate::intrinsics::{extend1, extend1_by_sixteen, extend256, extend512_by_eight, extend512_by_four};
        let done = match (self, algorithm, chains.len()) {
            (Self::ShaNi(f), Algorithm::Sha1, 1) => words32::<5, 20, 1>(chains, |v, s| extend1(f, v, s)),
            (Self::ShaNi(f), Algorithm::Sha1, 2) => words32::<5, 20, 2>(chains, |v, s| extend1(f, v, s)),
            (Self::ShaNi(f), Algorithm::Sha1, 3) => words32::<5, 20, 3>(chains, |v, s| extend1(f, v, s)),
            (Self::ShaNi(f), Algorithm::Sha1, 4) => words32::<5, 20, 4>(chains, |v, s| extend1(f, v, s)),
            (Self::ShaNi(f), _, 1) => words32::<8, 32, 1>(chains, |v, s| extend256(f, v, s)),
            (Self::ShaNi(f), _, 2) => words32::<8, 32, 2>(chains, |v, s| extend256(f, v, s)),
            (Self::ShaNi(f), _, 3) => words32::<8, 32, 3>(chains, |v, s| extend256(f, v, s)),
            (Self::ShaNi(f), _, 4) => words32::<8, 32, 4>(chains, |v, s| extend256(f, v, s)),
            (Self::Wide(f), _, WIDE..) => lanes32(chains, |v, s| extend1_by_sixteen(f, v, s)),
            (Self::Wide(f), ..) => {
                chains.chunks_mut(4).for_each(|few| Self::ShaNi(f).run(algorithm, few));
                return;
            }
            // Lanes take the time of one chain or nearly two, however many are in use.
            (Self::Avx512(f), Algorithm::Sha384, 2..) => {
                words64::<6, 48, 8>(chains, |v, s| extend512_by_eight(f, v, s))
            }
            (Self::Avx512(f), Algorithm::Sha512, 2..) => {
                words64::<8, 64, 8>(chains, |v, s| extend512_by_eight(f, v, s))
            }
            (Self::Avx2(f), Algorithm::Sha384, 2..) => words64::<6, 48, 4>(chains, |v, s| extend512_by_four(f, v, s)),
            (Self::Avx2(f), Algorithm::Sha512, 2..) => words64::<8, 64, 4>(chains, |v, s| extend512_by_four(f, v, s)),
            _ => None,
        };
        if done.is_none() {
            chains.iter_mut().for_each(|chain| one_by_one(algorithm, chain));
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", not(feature = "portable"))))]
impl Kernel {
    pub(crate) fn available(_: Algorithm) -> impl Iterator<Item = Self> {
        [Self::Single].into_iter()
    }

    pub(crate) const fn lanes(self) -> usize {
        1
    }

    const fn name(self) -> &'static str {
        "portable"
    }

    fn run(self, algorithm: Algorithm, chains: &mut [Chain<'_>]) {
        chains.iter_mut().for_each(|chain| one_by_one(algorithm, chain));
    }
}

#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
pub(crate) use crate::intrinsics::prefetch;

/// Ask for the cache line of the byte at an offset: not here.
#[cfg(not(all(target_arch = "x86_64", not(feature = "portable"))))]
pub(crate) fn prefetch(_: &[u8], _: usize) {}

fn one_by_one(algorithm: Algorithm, chain: &mut Chain<'_>) {
    let size = algorithm.size();
    for digest in chain.digests.chunks_exact(size) {
        chain.value = algorithm.hash(&[&chain.value[..size], digest]);
    }
}

/// Run a kernel on `N` values of `W` 32-bit words, one chain after the other.
#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
fn words32<const W: usize, const S: usize, const N: usize>(
    chains: &mut [Chain<'_>],
    kernel: impl FnOnce(&mut [[u32; W]; N], [&[[u8; S]]; N]) -> Option<()>,
) -> Option<()> {
    let mut values = core::array::from_fn(|lane| {
        let (words, _) = chains[lane].value.as_chunks::<4>();
        core::array::from_fn(|j| u32::from_be_bytes(words[j]))
    });
    kernel(&mut values, core::array::from_fn(|lane| chains[lane].digests.as_chunks().0))?;
    for (chain, value) in chains.iter_mut().zip(values) {
        let (words, _) = chain.value.as_chunks_mut::<4>();
        for (to, word) in words.iter_mut().zip(value) {
            *to = word.to_be_bytes();
        }
    }
    Some(())
}

/// Chains of SHA-1 from which on lanes are faster than SHA-NI.
#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
const WIDE: usize = 5;

/// Run a kernel on values of `W` 32-bit words in `L` lanes; lanes without a chain repeat the first.
#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
fn lanes32<const W: usize, const S: usize, const L: usize>(
    chains: &mut [Chain<'_>],
    kernel: impl FnOnce(&mut [[u32; L]; W], [&[[u8; S]]; L]) -> Option<()>,
) -> Option<()> {
    let of = |lane: usize| if lane < chains.len() { lane } else { 0 };
    let mut values: [[u32; L]; W] = core::array::from_fn(|j| {
        core::array::from_fn(|lane| u32::from_be_bytes(chains[of(lane)].value.as_chunks::<4>().0[j]))
    });
    kernel(&mut values, core::array::from_fn(|lane| chains[of(lane)].digests.as_chunks().0))?;
    for (lane, chain) in chains.iter_mut().enumerate() {
        for (to, word) in chain.value.as_chunks_mut::<4>().0.iter_mut().zip(values) {
            *to = word[lane].to_be_bytes();
        }
    }
    Some(())
}

/// Run a kernel on values of `W` 64-bit words in `L` lanes; lanes without a chain repeat the first.
#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
fn words64<const W: usize, const S: usize, const L: usize>(
    chains: &mut [Chain<'_>],
    kernel: impl FnOnce(&mut [[u64; L]; W], [&[[u8; S]]; L]) -> Option<()>,
) -> Option<()> {
    let of = |lane: usize| if lane < chains.len() { lane } else { 0 };
    let mut values: [[u64; L]; W] = core::array::from_fn(|j| {
        core::array::from_fn(|lane| u64::from_be_bytes(chains[of(lane)].value.as_chunks::<8>().0[j]))
    });
    kernel(&mut values, core::array::from_fn(|lane| chains[of(lane)].digests.as_chunks().0))?;
    for (lane, chain) in chains.iter_mut().enumerate() {
        for (to, word) in chain.value.as_chunks_mut::<8>().0.iter_mut().zip(values) {
            *to = word[lane].to_be_bytes();
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn available(algorithm: Algorithm) -> Vec<&'static str> {
        Kernel::available(algorithm).map(Kernel::name).collect()
    }

    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    #[test]
    fn all_that_the_processor_has() {
        let avx512 = is_x86_feature_detected!("avx512f").then_some("avx512 x8");
        let avx2 = is_x86_feature_detected!("avx2").then_some("avx2 x4");
        let sha_ni = is_x86_feature_detected!("sha").then_some("sha-ni x4");
        let wide = is_x86_feature_detected!("avx512f").then_some("avx512 x16, sha-ni x4");
        for algorithm in Algorithm::ALL {
            let own = match algorithm {
                Algorithm::Sha1 => [wide, sha_ni],
                Algorithm::Sha256 => [sha_ni, None],
                Algorithm::Sha384 | Algorithm::Sha512 => [avx512, avx2],
                _ => [None, None],
            };
            let expected: Vec<_> = own.into_iter().flatten().chain(["portable"]).collect();
            assert_eq!(available(algorithm), expected, "{algorithm:?}");
        }
    }

    #[cfg(not(all(target_arch = "x86_64", not(feature = "portable"))))]
    #[test]
    fn nothing_but_the_crates() {
        for algorithm in Algorithm::ALL {
            assert_eq!(available(algorithm), ["portable"], "{algorithm:?}");
        }
    }
}

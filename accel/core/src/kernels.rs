//! Extending many independent registers of one bank, by the best means that the processor has.

#![forbid(unsafe_code)]

use crate::algorithm::{Algorithm, MAX_SIZE};

/// A register on its way: its value, and where in the buffer the digests start that are still to be extended.
///
/// Every start must leave room for a digest in the buffer; [`extend_all`] panics otherwise.
#[derive(Clone, Debug)]
pub struct Chain<'a> {
    /// The value, in the first bytes.
    pub value: [u8; MAX_SIZE],
    /// Offsets of the digests, in order.
    pub starts: &'a [u64],
}

/// Extend every chain to its end.
pub fn extend_all(algorithm: Algorithm, buffer: &[u8], chains: &mut [Chain<'_>]) {
    let kernel = Kernel::of(algorithm);
    // The longest first: the lanes then run dry together, near the end.
    let mut waiting: Vec<usize> = (0..chains.len()).collect();
    waiting.sort_by_key(|&chain| chains[chain].starts.len());
    let mut lanes: Vec<usize> = Vec::with_capacity(kernel.lanes());
    loop {
        lanes.retain(|&chain| !chains[chain].starts.is_empty());
        while lanes.len() < kernel.lanes() {
            let Some(chain) = waiting.pop() else { break };
            if !chains[chain].starts.is_empty() {
                lanes.push(chain);
            }
        }
        let Some(steps) = lanes.iter().map(|&chain| chains[chain].starts.len()).min() else {
            return;
        };
        let mut running: Vec<Chain<'_>> = lanes.iter().map(|&chain| chains[chain].clone()).collect();
        for chain in &mut running {
            chain.starts = &chain.starts[..steps];
        }
        kernel.run(algorithm, buffer, &mut running);
        for (&chain, ran) in lanes.iter().zip(&running) {
            chains[chain].value = ran.value;
            chains[chain].starts = &chains[chain].starts[steps..];
        }
    }
}

/// What this processor does for each algorithm that has a kernel of its own, for people.
pub fn names() -> Vec<(&'static str, &'static str)> {
    [("sha256", Algorithm::Sha256), ("sha384", Algorithm::Sha384), ("sha512", Algorithm::Sha512)]
        .map(|(name, algorithm)| (name, Kernel::of(algorithm).name()))
        .to_vec()
}

/// How several chains of one algorithm are extended together.
#[derive(Clone, Copy)]
enum Kernel {
    /// One after the other, by the algorithm's crate.
    Single,
    #[cfg(target_arch = "x86_64")]
    ShaNi(crate::intrinsics::Features),
    #[cfg(target_arch = "x86_64")]
    Avx2(crate::intrinsics::Features),
    #[cfg(target_arch = "x86_64")]
    Avx512(crate::intrinsics::Features),
}

#[cfg(target_arch = "x86_64")]
impl Kernel {
    fn of(algorithm: Algorithm) -> Self {
        let features = crate::intrinsics::Features::detect();
        match algorithm {
            Algorithm::Sha256 if features.sha_ni => Self::ShaNi(features),
            Algorithm::Sha384 | Algorithm::Sha512 if features.avx512 => Self::Avx512(features),
            Algorithm::Sha384 | Algorithm::Sha512 if features.avx2 => Self::Avx2(features),
            _ => Self::Single,
        }
    }

    const fn lanes(self) -> usize {
        match self {
            Self::Single => 1,
            Self::ShaNi(_) | Self::Avx2(_) => 4,
            Self::Avx512(_) => 8,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Single => "portable",
            Self::ShaNi(_) => "sha-ni x4",
            Self::Avx2(_) => "avx2 x4",
            Self::Avx512(_) => "avx512 x8",
        }
    }

    /// Extend up to `lanes` chains of the same length.
    fn run(self, algorithm: Algorithm, buffer: &[u8], chains: &mut [Chain<'_>]) {
        use crate::intrinsics::{sha256, sha512_by_eight, sha512_by_four};
        let done = match (self, algorithm, chains.len()) {
            (Self::ShaNi(f), _, 1) => words32::<1>(chains, |v, s| sha256(f, buffer, v, s)),
            (Self::ShaNi(f), _, 2) => words32::<2>(chains, |v, s| sha256(f, buffer, v, s)),
            (Self::ShaNi(f), _, 3) => words32::<3>(chains, |v, s| sha256(f, buffer, v, s)),
            (Self::ShaNi(f), _, 4) => words32::<4>(chains, |v, s| sha256(f, buffer, v, s)),
            // Lanes take the time of one chain or nearly two, however many are in use.
            (Self::Avx512(f), Algorithm::Sha384, 2..) => {
                words64::<6, 8>(chains, |v, s| sha512_by_eight(f, buffer, v, s))
            }
            (Self::Avx512(f), Algorithm::Sha512, 2..) => {
                words64::<8, 8>(chains, |v, s| sha512_by_eight(f, buffer, v, s))
            }
            (Self::Avx2(f), Algorithm::Sha384, 2..) => words64::<6, 4>(chains, |v, s| sha512_by_four(f, buffer, v, s)),
            (Self::Avx2(f), Algorithm::Sha512, 2..) => words64::<8, 4>(chains, |v, s| sha512_by_four(f, buffer, v, s)),
            _ => None,
        };
        if done.is_none() {
            chains.iter_mut().for_each(|chain| one_by_one(algorithm, buffer, chain));
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Kernel {
    const fn of(_: Algorithm) -> Self {
        Self::Single
    }

    const fn lanes(self) -> usize {
        1
    }

    const fn name(self) -> &'static str {
        "portable"
    }

    fn run(self, algorithm: Algorithm, buffer: &[u8], chains: &mut [Chain<'_>]) {
        chains.iter_mut().for_each(|chain| one_by_one(algorithm, buffer, chain));
    }
}

fn one_by_one(algorithm: Algorithm, buffer: &[u8], chain: &mut Chain<'_>) {
    let size = algorithm.size();
    for &start in chain.starts {
        let digest = &buffer[start as usize..start as usize + size];
        chain.value = algorithm.hash(&[&chain.value[..size], digest]);
    }
    chain.starts = &[];
}

/// Run a kernel on values of eight 32-bit words, one chain after the other.
#[cfg(target_arch = "x86_64")]
fn words32<const N: usize>(
    chains: &mut [Chain<'_>],
    kernel: impl FnOnce(&mut [[u32; 8]; N], [&[u64]; N]) -> Option<()>,
) -> Option<()> {
    let mut values = core::array::from_fn(|lane| {
        let (words, _) = chains[lane].value.as_chunks::<4>();
        core::array::from_fn(|j| u32::from_be_bytes(words[j]))
    });
    kernel(&mut values, core::array::from_fn(|lane| chains[lane].starts))?;
    for (chain, value) in chains.iter_mut().zip(values) {
        let (words, _) = chain.value.as_chunks_mut::<4>();
        for (to, word) in words.iter_mut().zip(value) {
            *to = word.to_be_bytes();
        }
    }
    Some(())
}

/// Run a kernel on values of `W` 64-bit words in `L` lanes; lanes without a chain repeat the first.
#[cfg(target_arch = "x86_64")]
fn words64<const W: usize, const L: usize>(
    chains: &mut [Chain<'_>],
    kernel: impl FnOnce(&mut [[u64; L]; W], [&[u64]; L]) -> Option<()>,
) -> Option<()> {
    let of = |lane: usize| if lane < chains.len() { lane } else { 0 };
    let mut values: [[u64; L]; W] = core::array::from_fn(|j| {
        core::array::from_fn(|lane| u64::from_be_bytes(chains[of(lane)].value.as_chunks::<8>().0[j]))
    });
    kernel(&mut values, core::array::from_fn(|lane| chains[of(lane)].starts))?;
    for (lane, chain) in chains.iter_mut().enumerate() {
        for (to, word) in chain.value.as_chunks_mut::<8>().0.iter_mut().zip(values) {
            *to = word[lane].to_be_bytes();
        }
    }
    Some(())
}

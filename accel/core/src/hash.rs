//! Hashing many messages, several at a time where the processor can.

#![forbid(unsafe_code)]

use crate::algorithm::{Algorithm, MAX_SIZE};
use crate::kernels::Kernel;

/// The hash of each message, in order.
pub fn hash_all(algorithm: Algorithm, messages: &[&[u8]]) -> Vec<[u8; MAX_SIZE]> {
    hash_by(Kernel::of(algorithm), algorithm, messages)
}

/// The hash of each message by one of the algorithm's kernels.
pub(crate) fn hash_by(kernel: Kernel, algorithm: Algorithm, messages: &[&[u8]]) -> Vec<[u8; MAX_SIZE]> {
    let one_by_one = || messages.iter().map(|message| algorithm.hash(&[message])).collect();
    lanes::hash_all(kernel, algorithm, messages).unwrap_or_else(one_by_one)
}

#[cfg(not(all(target_arch = "x86_64", not(feature = "portable"))))]
mod lanes {
    use super::*;

    pub(super) fn hash_all(_: Kernel, _: Algorithm, _: &[&[u8]]) -> Option<Vec<[u8; MAX_SIZE]>> {
        None
    }
}

#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
mod lanes {
    use super::*;
    use crate::constants::{H160, H256, H384, H512};
    use crate::intrinsics::{Features, blocks1, blocks256, blocks512_by_eight, blocks512_by_four};

    /// Messages are sorted by length in runs of this many, so that those that run side by side are as long.
    const RUN: usize = 1 << 10;

    pub(super) fn hash_all(kernel: Kernel, algorithm: Algorithm, messages: &[&[u8]]) -> Option<Vec<[u8; MAX_SIZE]>> {
        if messages.len() < 2 || kernel.lanes() == 1 {
            return None;
        }
        let mut hashed = vec![[0; MAX_SIZE]; messages.len()];
        let mut order = Vec::with_capacity(RUN.min(messages.len()));
        for (run, out) in messages.chunks(RUN).zip(hashed.chunks_mut(RUN)) {
            order.clear();
            order.extend(0..run.len());
            match kernel {
                Kernel::Single => return None,
                Kernel::ShaNi(features) | Kernel::Wide(features) => {
                    order.sort_by_key(|&place| blocks_of::<64>(run[place]));
                    by_length::<64>(run, &order, 4, |group| short(features, algorithm, run, group, out))?;
                }
                Kernel::Avx512(features) => {
                    order.sort_by_key(|&place| blocks_of::<128>(run[place]));
                    by_length::<128>(run, &order, 8, |group| {
                        hash512::<8>(features, blocks512_by_eight, algorithm, run, group, out)
                    })?;
                }
                Kernel::Avx2(features) => {
                    order.sort_by_key(|&place| blocks_of::<128>(run[place]));
                    by_length::<128>(run, &order, 4, |group| {
                        hash512::<4>(features, blocks512_by_four, algorithm, run, group, out)
                    })?;
                }
            }
        }
        Some(hashed)
    }

    /// Blocks of a message with its padding: a one bit, and the length in an eighth of a block.
    fn blocks_of<const BLOCK: usize>(message: &[u8]) -> usize {
        (message.len() + BLOCK / 8) / BLOCK + 1
    }

    /// Go over the sorted messages in groups of up to so many that have as many blocks.
    fn by_length<const BLOCK: usize>(
        messages: &[&[u8]],
        order: &[usize],
        most: usize,
        mut hash: impl FnMut(&[usize]) -> Option<()>,
    ) -> Option<()> {
        for alike in order.chunk_by(|&a, &b| blocks_of::<BLOCK>(messages[a]) == blocks_of::<BLOCK>(messages[b])) {
            for group in alike.chunks(most) {
                hash(group)?;
            }
        }
        Some(())
    }

    /// A message and its last blocks with the padding, from which its blocks are taken.
    struct Padded<'a, const BLOCK: usize> {
        whole: &'a [[u8; BLOCK]],
        rest: [[u8; BLOCK]; 2],
    }

    impl<'a, const BLOCK: usize> Padded<'a, BLOCK> {
        fn new(message: &'a [u8]) -> Self {
            let (whole, tail) = message.as_chunks::<BLOCK>();
            let mut rest = [[0; BLOCK]; 2];
            let padding = rest.as_flattened_mut();
            padding[..tail.len()].copy_from_slice(tail);
            padding[tail.len()] = 0x80;
            let end = (blocks_of::<BLOCK>(message) - whole.len()) * BLOCK;
            padding[end - 8..end].copy_from_slice(&(message.len() as u64 * 8).to_be_bytes());
            Self { whole, rest }
        }

        fn block(&self, number: usize) -> &[u8; BLOCK] {
            self.whole.get(number).unwrap_or_else(|| &self.rest[number - self.whole.len()])
        }
    }

    /// Up to four messages of SHA-1 or SHA-256 that have as many blocks.
    fn short(
        features: Features,
        algorithm: Algorithm,
        messages: &[&[u8]],
        group: &[usize],
        out: &mut [[u8; MAX_SIZE]],
    ) -> Option<()> {
        match (algorithm, group.len()) {
            (Algorithm::Sha1, 1) => hash32::<5, 1>(H160, |s, b| blocks1(features, s, b), messages, group, out),
            (Algorithm::Sha1, 2) => hash32::<5, 2>(H160, |s, b| blocks1(features, s, b), messages, group, out),
            (Algorithm::Sha1, 3) => hash32::<5, 3>(H160, |s, b| blocks1(features, s, b), messages, group, out),
            (Algorithm::Sha1, _) => hash32::<5, 4>(H160, |s, b| blocks1(features, s, b), messages, group, out),
            (_, 1) => hash32::<8, 1>(H256, |s, b| blocks256(features, s, b), messages, group, out),
            (_, 2) => hash32::<8, 2>(H256, |s, b| blocks256(features, s, b), messages, group, out),
            (_, 3) => hash32::<8, 3>(H256, |s, b| blocks256(features, s, b), messages, group, out),
            (_, _) => hash32::<8, 4>(H256, |s, b| blocks256(features, s, b), messages, group, out),
        }
    }

    /// `N` messages, in states of `W` 32-bit words.
    fn hash32<const W: usize, const N: usize>(
        initial: [u32; W],
        compress: impl Fn(&mut [[u32; W]; N], [&[u8; 64]; N]) -> Option<()>,
        messages: &[&[u8]],
        group: &[usize],
        out: &mut [[u8; MAX_SIZE]],
    ) -> Option<()> {
        let padded: [Padded<'_, 64>; N] = core::array::from_fn(|lane| Padded::new(messages[group[lane]]));
        let mut states = [initial; N];
        for number in 0..blocks_of::<64>(messages[group[0]]) {
            compress(&mut states, core::array::from_fn(|lane| padded[lane].block(number)))?;
        }
        for (&place, state) in group.iter().zip(states) {
            for (to, word) in out[place].as_chunks_mut::<4>().0.iter_mut().zip(state) {
                *to = word.to_be_bytes();
            }
        }
        Some(())
    }

    /// The function that hashes a block in each of `L` lanes.
    type Compress<const L: usize> = fn(Features, &mut [[u64; L]; 8], [&[u8; 128]; L]) -> Option<()>;

    /// Up to `L` messages in as many lanes; lanes without a message repeat the first.
    fn hash512<const L: usize>(
        features: Features,
        compress: Compress<L>,
        algorithm: Algorithm,
        messages: &[&[u8]],
        group: &[usize],
        out: &mut [[u8; MAX_SIZE]],
    ) -> Option<()> {
        if let &[place] = group {
            // Lanes take longer than a message alone.
            out[place] = algorithm.hash(&[messages[place]]);
            return Some(());
        }
        let initial = if algorithm == Algorithm::Sha384 { H384 } else { H512 };
        let of = |lane: usize| group[if lane < group.len() { lane } else { 0 }];
        let padded: [Padded<'_, 128>; L] = core::array::from_fn(|lane| Padded::new(messages[of(lane)]));
        let mut states = initial.map(|word| [word; L]);
        for number in 0..blocks_of::<128>(messages[group[0]]) {
            compress(features, &mut states, core::array::from_fn(|lane| padded[lane].block(number)))?;
        }
        let words = algorithm.size() / 8;
        for (lane, &place) in group.iter().enumerate() {
            for (to, word) in out[place].as_chunks_mut::<8>().0.iter_mut().zip(&states[..words]) {
                *to = word[lane].to_be_bytes();
            }
        }
        Some(())
    }
}

//! Known answers, computed by this machine's own means before anything is believed of them.

#![forbid(unsafe_code)]

use crate::algorithm::{Algorithm, MAX_SIZE};
use crate::hash::hash_by;
use crate::kernels::{Chain, Kernel, extend_by};

/// The first eight bytes of H("abc"), from FIPS 180-4, FIPS 202 and GB/T 32905.
const ABC: [(Algorithm, [u8; 8]); 8] = [
    (Algorithm::Sha1, [0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a]),
    (Algorithm::Sha256, [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]),
    (Algorithm::Sha384, [0xcb, 0x00, 0x75, 0x3f, 0x45, 0xa3, 0x5e, 0x8b]),
    (Algorithm::Sha512, [0xdd, 0xaf, 0x35, 0xa1, 0x93, 0x61, 0x7a, 0xba]),
    (Algorithm::Sm3, [0x66, 0xc7, 0xf0, 0xf4, 0x62, 0xee, 0xed, 0xd9]),
    (Algorithm::Sha3_256, [0x3a, 0x98, 0x5d, 0xa7, 0x4f, 0xe2, 0x25, 0xb2]),
    (Algorithm::Sha3_384, [0xec, 0x01, 0x49, 0x82, 0x88, 0x51, 0x6f, 0xc9]),
    (Algorithm::Sha3_512, [0xb7, 0x51, 0x85, 0x0b, 0x1a, 0x57, 0x16, 0x8a]),
];

/// The first algorithm that gives a wrong answer on this machine, if any does.
///
/// Each hash of "abc" is compared with the specification's, and each kernel in use, with every number of its lanes, with
/// the hashes of its values one by one. What is not in use is left to the tests: a log waits for this.
pub fn self_test() -> Option<Algorithm> {
    let wrong = ABC.iter().find(|(algorithm, answer)| algorithm.hash(&[b"a", b"bc"])[..8] != *answer);
    if let Some((algorithm, _)) = wrong {
        return Some(*algorithm);
    }
    [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512]
        .into_iter()
        .find(|&algorithm| !passes(Kernel::of(algorithm), algorithm))
}

/// Whether every kernel that this processor can run extends these chains as the algorithm does, one by one.
pub fn extends_agree(algorithm: Algorithm, chains: &[Chain<'_>]) -> bool {
    Kernel::available(algorithm).all(|kernel| extends(kernel, algorithm, chains))
}

/// Whether every kernel that this processor can run hashes these messages as the algorithm does, one by one.
pub fn hashes_agree(algorithm: Algorithm, messages: &[&[u8]]) -> bool {
    Kernel::available(algorithm).all(|kernel| hashes(kernel, algorithm, messages))
}

/// Whether a kernel is right with every number of chains and every padding.
fn passes(kernel: Kernel, algorithm: Algorithm) -> bool {
    let size = algorithm.size();
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(12 * MAX_SIZE).collect();
    // Each lane has digests of its own; they differ in number, so that lanes run dry at different times.
    let chain = |lane: usize| Chain { value: [lane as u8; MAX_SIZE], digests: &bytes[lane..][..(lane % 3 + 2) * size] };
    let chains: Vec<Chain<'_>> = (0..kernel.lanes().max(8) + 1).map(chain).collect();
    let messages: Vec<&[u8]> = (0..400).step_by(3).map(|length| &bytes[400 - length..400]).collect();
    (1..=chains.len()).all(|count| extends(kernel, algorithm, &chains[..count])) && hashes(kernel, algorithm, &messages)
}

fn extends(kernel: Kernel, algorithm: Algorithm, chains: &[Chain<'_>]) -> bool {
    let size = algorithm.size();
    let mut extended = chains.to_vec();
    extend_by(kernel, algorithm, &mut extended);
    chains.iter().zip(extended).all(|(chain, extended)| {
        let digests = chain.digests.chunks_exact(size);
        let value = digests.fold(chain.value, |value, digest| algorithm.hash(&[&value[..size], digest]));
        value[..size] == extended.value[..size]
    })
}

fn hashes(kernel: Kernel, algorithm: Algorithm, messages: &[&[u8]]) -> bool {
    let hashed = hash_by(kernel, algorithm, messages);
    hashed.len() == messages.len()
        && messages.iter().zip(hashed).all(|(message, hash)| hash == algorithm.hash(&[message]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_passes() {
        for algorithm in Algorithm::ALL {
            for (place, kernel) in Kernel::available(algorithm).enumerate() {
                assert!(passes(kernel, algorithm), "{algorithm:?}, kernel {place}");
            }
        }
    }

    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    #[test]
    fn a_kernel_that_is_wrong_does_not() {
        if let kernel @ Kernel::ShaNi(_) = Kernel::of(Algorithm::Sha256) {
            assert!(!passes(kernel, Algorithm::Sm3));
            assert!(!extends(kernel, Algorithm::Sm3, &[Chain { value: [0; MAX_SIZE], digests: &[0; 32] }]));
            assert!(!hashes(kernel, Algorithm::Sm3, &[b"one", b"two"]));
        }
    }
}

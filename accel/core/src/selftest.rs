//! Known answers, computed by this machine's own means before anything is believed of them.

#![forbid(unsafe_code)]

use crate::algorithm::{Algorithm, MAX_SIZE};
use crate::hash::hash_all;
use crate::kernels::{Chain, extend_all};

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
/// Each hash of "abc" is compared with the specification's, and each kernel, with every number of lanes in use, with
/// the hashes of its values one by one.
pub fn self_test() -> Option<Algorithm> {
    let wrong = ABC.iter().find(|(algorithm, answer)| algorithm.hash(&[b"a", b"bc"])[..8] != *answer);
    if let Some((algorithm, _)) = wrong {
        return Some(*algorithm);
    }
    [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512]
        .into_iter()
        .find(|&algorithm| (1..=9).any(|chains| !kernel_agrees(algorithm, chains)) || !lanes_agree(algorithm))
}

/// Messages of all lengths up to three blocks, and so of every padding.
fn lanes_agree(algorithm: Algorithm) -> bool {
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(400).collect();
    let messages: Vec<&[u8]> = (0..400).step_by(3).map(|length| &bytes[400 - length..]).collect();
    let hashed = hash_all(algorithm, &messages);
    messages.iter().zip(hashed).all(|(message, hash)| hash == algorithm.hash(&[message]))
}

/// Chains of different lengths, so that lanes run dry at different times.
fn kernel_agrees(algorithm: Algorithm, count: usize) -> bool {
    let size = algorithm.size();
    let digests: Vec<u8> = (0..=u8::MAX).cycle().take((count + 2) * size).collect();
    let mut chains: Vec<Chain<'_>> =
        (0..count).map(|lane| Chain { value: [lane as u8; MAX_SIZE], digests: &digests[lane % 3 * size..] }).collect();
    let expected: Vec<_> = chains
        .iter()
        .map(|chain| {
            let digests = chain.digests.chunks_exact(size);
            digests.fold(chain.value, |value, digest| algorithm.hash(&[&value[..size], digest]))
        })
        .collect();
    extend_all(algorithm, &mut chains);
    chains.iter().zip(expected).all(|(chain, value)| chain.value[..size] == value[..size])
}

//! Extends and hashes, by each kernel of this processor, against values that Python's hashlib gave.
//!
//! The bytes of all messages and digests are 0 to 250, again and again.

mod support;

use evlog_accel_core::{Algorithm, Chain, MAX_SIZE, extend_all, extends_agree, hash_all, hashes_agree, names};
use support::hex;

/// Zeros extended by a hundred digests; the SHA-256 of the values of [`chains`], one after the other; and the SHA-256
/// of the hashes of all messages of 0 to 399 bytes.
#[rustfmt::skip]
const ANSWERS: [(Algorithm, [&str; 3]); 8] = [
    (Algorithm::Sha1, [
        "822257d1e72ce0129dce739c9fe9b5c6d532eb0a",
        "308d6005570abd761ac7d5e581fb1a7fb7c77f9896acd5b013e70b13cfa5fe5f",
        "32042e800c49d3736efea04992829b7ce855971e0d0cc4961da370e781acf78b",
    ]),
    (Algorithm::Sha256, [
        "9c60b62de7a53aa254831f1aa4f526d158f9a463f5677197f7ac77ec58a1e95b",
        "875beeec3305847d6e318b3eb18557fb48650b370e3ad6661fc1e408552a0346",
        "6d87fe26fa07c1cc0e931604b72482d0ace14cd64487e1837d9b4d79bac5d966",
    ]),
    (Algorithm::Sha384, [
        "ae999e515c2d31bfc657c620803930b527058604d2413dc6ed72605236174fdc0213e048cf341d4d8f37742d0858bdfe",
        "44c82e1be645678de616f449fb60b049c8895e41f8c70ee3198b0714707f89d8",
        "0a558e66eeb3c5f877088dc8ea2b8bbac7815647c7ecba2ddc4ff2e4c06ee590",
    ]),
    (Algorithm::Sha512, [
        "f7c10b01ae98c81aa84b95597a13d2b0741008d692ff48f38c66583ecffad53d5fec8950b0a2f7211b62a6bffa88261aa7470d1d20cc223c9e5c7cf970b07bdd",
        "999be95bb817e85ce7a2eacffd93f57e05ece5feb02119802e59e2fc710555f8",
        "2891abc0513fd7a1c7a168090a6f5945a1824d8d00dc6aaa787815fff6be0f2c",
    ]),
    (Algorithm::Sm3, [
        "a934e6f217cbaf0363424f05bac8a615af0fb32bb42e8cb5136481f965146649",
        "90c3bfeafdb7ae03ce8c63de3d9466f5873b42cc98a3fbf291a3c31a1e3bf2bc",
        "3bc3a1b696376f5dfb2dba0624584182576bb274ecad247b650ade60e3f2e58e",
    ]),
    (Algorithm::Sha3_256, [
        "de39bec95049b69c19340550c0b4fd80f0c53299d96fa37b6b612a4df448db27",
        "2b873c7824f399b818daaaa9b7d532b206595f3c03d2b4ebdf3dec67882720de",
        "18ca74bd6094dab8b46bc5597c4a6ce0c6423c2c014d8f5315f4b86a07883bea",
    ]),
    (Algorithm::Sha3_384, [
        "135953b519c3f87d8671ed2cdb9e50862cca544db22ebbc337ef1da853da667a0ce0d1032f056d95ed9fe3288dfe0448",
        "b56a0995bbe745f22bc4058c94f9426e10447a7a89a861c96dfb80c815770cc1",
        "79ca9d610bb20cf075b1b4af0391d1b6a87b0eea0821210b0d924c832d491511",
    ]),
    (Algorithm::Sha3_512, [
        "fc68d67c907bc4eec49590825457e23f4b1aec4a6fd247ff87858fcaeb79e1f225ab391ac47e2bada72ef7cca8a64a50146bb97107be978689926d037a46f911",
        "2515e528a47da786086978916005c3defd8860786830f00860963d6e20c1cb9d",
        "33e61ef514b40b68e517089b38a5ca970fffd38265cae6b60a889ff0d027e3ff",
    ]),
];

fn bytes(count: usize) -> Vec<u8> {
    (0..251).cycle().take(count).collect()
}

/// Twenty chains: number N starts with bytes of N, at digest N, and takes `N * 7 % 20` of them.
fn chains(algorithm: Algorithm, bytes: &[u8]) -> Vec<Chain<'_>> {
    let size = algorithm.size();
    let digests = |lane: usize| &bytes[lane * size..][..lane * 7 % 20 * size];
    (0..20).map(|lane| Chain { value: [lane as u8; MAX_SIZE], digests: digests(lane) }).collect()
}

#[test]
fn one_chain() {
    for (algorithm, [answer, ..]) in ANSWERS {
        let bytes = bytes(100 * algorithm.size());
        let mut chain = [Chain { value: [0; MAX_SIZE], digests: &bytes }];
        extend_all(algorithm, &mut chain);
        assert_eq!(hex(&chain[0].value[..algorithm.size()]), answer, "{algorithm:?}");
        assert!(chain[0].digests.is_empty());
    }
}

#[test]
fn many_chains() {
    for (algorithm, [_, answer, _]) in ANSWERS {
        let bytes = bytes(100 * algorithm.size());
        let mut chains = chains(algorithm, &bytes);
        extend_all(algorithm, &mut chains);
        let values: Vec<u8> = chains.iter().flat_map(|chain| &chain.value[..algorithm.size()]).copied().collect();
        assert_eq!(hex(&Algorithm::Sha256.hash(&[&values])[..32]), answer, "{algorithm:?}");
    }
}

/// Here and in the next the kernels that are not in use run as well.
#[test]
fn every_kernel_and_number_of_chains() {
    for algorithm in Algorithm::ALL {
        let bytes = bytes(100 * algorithm.size());
        let chains = chains(algorithm, &bytes);
        for count in 0..=chains.len() {
            assert!(extends_agree(algorithm, &chains[..count]), "{algorithm:?}, {count} chains");
            assert!(extends_agree(algorithm, &chains[chains.len() - count..]), "{algorithm:?}, the last {count}");
        }
    }
}

#[test]
fn bytes_that_are_no_digest_are_left() {
    for algorithm in Algorithm::ALL {
        let size = algorithm.size();
        let bytes = bytes(3 * size);
        let lengths = [0, 1, size - 1, size, size + 1, 2 * size - 1, 3 * size];
        let chain = |length: usize| Chain { value: [7; MAX_SIZE], digests: &bytes[..length] };
        let mut chains: Vec<_> = lengths.into_iter().map(chain).collect();
        assert!(extends_agree(algorithm, &chains), "{algorithm:?}");
        extend_all(algorithm, &mut chains);
        for (chain, length) in chains.iter().zip(lengths) {
            assert_eq!(chain.digests.len(), length % size, "{algorithm:?}");
        }
        assert_eq!(chains[0].value, [7; MAX_SIZE]);
        assert_eq!(chains[3].value[..size], chains[4].value[..size]);
    }
}

#[test]
fn messages_of_all_lengths() {
    let bytes = bytes(400);
    let messages: Vec<&[u8]> = (0..400).map(|length| &bytes[..length]).collect();
    for (algorithm, [.., answer]) in ANSWERS {
        let hashed = hash_all(algorithm, &messages);
        let flat: Vec<u8> = hashed.iter().flat_map(|hash| &hash[..algorithm.size()]).copied().collect();
        assert_eq!(hex(&Algorithm::Sha256.hash(&[&flat])[..32]), answer, "{algorithm:?}");
    }
}

#[test]
fn every_kernel_and_number_of_messages() {
    let bytes = bytes(900);
    for algorithm in Algorithm::ALL {
        for count in 0..=20 {
            for length in [0, 55, 56, 111, 112, 128, 300] {
                // As long as each other, so that all lanes are in use.
                let messages: Vec<&[u8]> = (0..count).map(|from| &bytes[from..from + length]).collect();
                assert!(hashes_agree(algorithm, &messages), "{algorithm:?}, {count} of {length} bytes");
            }
        }
        // More than are sorted at once, of lengths in no order.
        let messages: Vec<&[u8]> = (0..2100).map(|number| &bytes[number % 400..][..number * 37 % 401]).collect();
        assert!(hashes_agree(algorithm, &messages), "{algorithm:?}");
    }
}

#[test]
fn the_best_kernel_is_in_use() {
    let in_use: Vec<&str> = names().into_iter().map(|(_, kernel)| kernel).collect();
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    {
        let short = is_x86_feature_detected!("sha");
        let wide = is_x86_feature_detected!("avx512f");
        let long = if wide {
            "avx512 x8"
        } else if is_x86_feature_detected!("avx2") {
            "avx2 x4"
        } else {
            "portable"
        };
        let short = if short { "sha-ni x4" } else { "portable" };
        let many = if wide { "avx512 x16, sha-ni x4" } else { short };
        assert_eq!(in_use, [many, short, long, long]);
    }
    #[cfg(not(all(target_arch = "x86_64", not(feature = "portable"))))]
    assert_eq!(in_use, ["portable"; 4]);
}

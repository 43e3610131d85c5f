//! Known answers of every algorithm, whole and in parts.
//!
//! From FIPS 180-4 and FIPS 202 by the example values of NIST's Cryptographic Algorithm Validation Program, and from
//! GB/T 32905, appendix A; where these have no value for a message, Python's hashlib and OpenSSL both gave it.

mod support;

use evlog_accel_core::{Algorithm, hash_all, self_test};
use support::hex;

const BITS_448: &str = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
const BITS_896: &str = concat!(
    "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno",
    "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
);

/// Of the empty message, `abc`, [`BITS_448`], [`BITS_896`], and a million times `a`.
#[rustfmt::skip]
const ANSWERS: [(Algorithm, [&str; 5]); 8] = [
    (Algorithm::Sha1, [
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "a9993e364706816aba3e25717850c26c9cd0d89d",
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
        "a49b2446a02c645bf419f995b67091253a04a259",
        "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
    ]),
    (Algorithm::Sha256, [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    ]),
    (Algorithm::Sha384, [
        "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        "3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450de5f36bc6b0455a8520bc4e6f5fe95b1fe3c8452b",
        "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039",
        "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b07b8b3dc38ecc4ebae97ddd87f3d8985",
    ]),
    (Algorithm::Sha512, [
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c33596fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445",
        "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
        "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b",
    ]),
    (Algorithm::Sm3, [
        "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b",
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
        "639b6cc5e64d9e37a390b192df4fa1ea0720ab747ff692b9f38c4e66ad7b8c05",
        "78bcfb586acd983d7fae8e6930157f1562019e2caf68f1c98a855f1a95bb89bb",
        "c8aaf89429554029e231941a2acc0ad61ff2a5acd8fadd25847a3a732b3b02c3",
    ]),
    (Algorithm::Sha3_256, [
        "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a",
        "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
        "41c0dba2a9d6240849100376a8235e2c82e1b9998a999e21db32dd97496d3376",
        "916f6061fe879741ca6469b43971dfdb28b1a32dc36cb3254e812be27aad1d18",
        "5c8875ae474a3634ba4fd55ec85bffd661f32aca75c6d699d0cdcb6c115891c1",
    ]),
    (Algorithm::Sha3_384, [
        "0c63a75b845e4f7d01107d852e4c2485c51a50aaaa94fc61995e71bbee983a2ac3713831264adb47fb6bd1e058d5f004",
        "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
        "991c665755eb3a4b6bbdfb75c78a492e8c56a22c5c4d7e429bfdbc32b9d4ad5aa04a1f076e62fea19eef51acd0657c22",
        "79407d3b5916b59c3e30b09822974791c313fb9ecc849e406f23592d04f625dc8c709b98b43b3852b337216179aa7fc7",
        "eee9e24d78c1855337983451df97c8ad9eedf256c6334f8e948d252d5e0e76847aa0774ddb90a842190d2c558b4b8340",
    ]),
    (Algorithm::Sha3_512, [
        "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a615b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e301758586281dcd26",
        "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
        "04a371e84ecfb5b8b77cb48610fca8182dd457ce6f326a0fd3d7ec2f1e91636dee691fbe0c985302ba1b0d8dc78c086346b533b49c030d99a27daf1139d6e75e",
        "afebb2ef542e6579c50cad06d2e578f9f8dd6881d7dc824d26360feebf18a4fa73e3261122948efcfd492e74e82e2189ed0fb440d187f382270cb455f21dd185",
        "3c3a876da14034ab60627c077bb98f7e120a2a5370212dffb3385a18d4f38859ed311d0a9d5141ce9cc5c66ee689b266a8aa18ace8282a0e0db596c90b0a7b87",
    ]),
];

fn messages() -> [Vec<u8>; 5] {
    [b"".to_vec(), b"abc".to_vec(), BITS_448.into(), BITS_896.into(), vec![b'a'; 1_000_000]]
}

#[test]
fn whole() {
    for (algorithm, answers) in ANSWERS {
        for (message, answer) in messages().iter().zip(answers) {
            let hash = algorithm.hash(&[message]);
            assert_eq!(hex(&hash[..algorithm.size()]), answer, "{algorithm:?} of {} bytes", message.len());
            assert!(hash[algorithm.size()..].iter().all(|&byte| byte == 0));
        }
    }
}

#[test]
fn in_parts() {
    for (algorithm, answers) in ANSWERS {
        for (message, answer) in messages().iter().zip(answers) {
            let (first, rest) = message.split_at(message.len() / 3);
            let hash = algorithm.hash(&[first, &[], rest]);
            assert_eq!(hex(&hash[..algorithm.size()]), answer, "{algorithm:?} of {} bytes", message.len());
        }
    }
}

#[test]
fn side_by_side() {
    for (algorithm, answers) in ANSWERS {
        // Each twice, so that none is alone in its length.
        let messages = [messages(), messages()].concat();
        let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let hashed = hash_all(algorithm, &slices);
        for (hash, answer) in hashed.iter().zip([answers, answers].concat()) {
            assert_eq!(hex(&hash[..algorithm.size()]), answer, "{algorithm:?}");
        }
    }
}

#[test]
fn sm3_of_sixteen_words() {
    let hash = Algorithm::Sm3.hash(&[&b"abcd".repeat(16)]);
    assert_eq!(hex(&hash[..32]), "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
}

#[test]
fn identifiers_are_the_registry_s() {
    // TCG Algorithm Registry, table 3.
    let ids = [0x0004, 0x000B, 0x000C, 0x000D, 0x0012, 0x0027, 0x0028, 0x0029];
    let sizes = [20, 32, 48, 64, 32, 32, 48, 64];
    for ((algorithm, id), size) in Algorithm::ALL.into_iter().zip(ids).zip(sizes) {
        assert_eq!((algorithm.id(), algorithm.size()), (id, size), "{algorithm:?}");
        assert_eq!(Algorithm::from_id(id), Some(algorithm));
    }
    assert_eq!((0..=u16::MAX).filter(|&id| Algorithm::from_id(id).is_some()).count(), ids.len());
}

#[test]
fn this_machine_passes() {
    assert_eq!(self_test(), None);
}

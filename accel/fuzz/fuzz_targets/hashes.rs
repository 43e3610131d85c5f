//! Every kernel of this processor against the algorithm's own crate, one by one.
#![no_main]

use evlog_accel_core::{Algorithm, Chain, MAX_SIZE, extend_all, extends_agree, hash_all, hashes_agree};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = run(Unstructured::new(input));
});

fn run(mut u: Unstructured<'_>) -> Result<()> {
    // Mostly those that have kernels of their own.
    let own = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];
    let algorithm = if u.ratio(15, 16)? { *u.choose(&own)? } else { *u.choose(&Algorithm::ALL)? };
    let size = algorithm.size();
    let mut asked = Vec::new();
    for _ in 0..u.int_in_range(0..=20)? {
        asked.push((u.int_in_range(0..=400)?, u.arbitrary::<u64>()?));
    }
    let bytes = u.take_rest();
    let slice = |from: u64, length: usize| {
        let rest = &bytes[from as usize % (bytes.len() + 1)..];
        &rest[..length.min(rest.len())]
    };
    let messages: Vec<&[u8]> = asked.iter().map(|&(length, from)| slice(from, length)).collect();
    assert!(hashes_agree(algorithm, &messages));
    let expected: Vec<_> = messages.iter().map(|message| algorithm.hash(&[message])).collect();
    assert_eq!(hash_all(algorithm, &messages), expected);

    // Chains of up to six digests, with bytes left over.
    let value = |from: u64| std::array::from_fn(|place| (from >> (place % 8 * 8)) as u8 ^ place as u8);
    let mut chains: Vec<Chain<'_>> =
        asked.iter().map(|&(length, from)| Chain { value: value(from), digests: slice(from >> 8, length) }).collect();
    assert!(extends_agree(algorithm, &chains));
    let model = |chain: &Chain<'_>| -> [u8; MAX_SIZE] {
        let digests = chain.digests.chunks_exact(size);
        digests.fold(chain.value, |value, digest| algorithm.hash(&[&[&value[..size], digest].concat()]))
    };
    let expected: Vec<_> = chains.iter().map(model).collect();
    extend_all(algorithm, &mut chains);
    for (chain, expected) in chains.iter().zip(expected) {
        assert_eq!(chain.value[..size], expected[..size]);
        assert!(chain.digests.len() < size, "digests are left");
    }
    Ok(())
}

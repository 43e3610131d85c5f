//! Nanoseconds per extend of each bank, by the number of registers: what this machine can do over constants.

use std::time::Instant;

use evlog_accel_core::{Algorithm, Chain, MAX_SIZE, extend_all, hash_all, names, self_test};

fn main() {
    assert!(self_test().is_none(), "self-test");
    println!("{:?}", names());
    let steps = 4_000;
    let digests = vec![0; steps * MAX_SIZE];
    for algorithm in Algorithm::ALL {
        print!("{:10}", format!("{algorithm:?}"));
        for count in [1, 2, 3, 4, 8, 24] {
            let best = (0..5)
                .map(|_| {
                    let mut chains =
                        vec![Chain { value: [0; MAX_SIZE], digests: &digests[..steps * algorithm.size()] }; count];
                    let begin = Instant::now();
                    extend_all(algorithm, &mut chains);
                    std::hint::black_box(&chains);
                    begin.elapsed().as_nanos() as f64 / (steps * count) as f64
                })
                .fold(f64::MAX, f64::min);
            print!("  {count:2}: {best:6.1}");
        }
        let messages = vec![&digests[..60]; 4096];
        let best = (0..5)
            .map(|_| {
                let begin = Instant::now();
                std::hint::black_box(hash_all(algorithm, &messages));
                begin.elapsed().as_nanos() as f64 / messages.len() as f64
            })
            .fold(f64::MAX, f64::min);
        println!("  60 bytes: {best:6.1}");
    }
}

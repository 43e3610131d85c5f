//! Nanoseconds per extend over constants: what this machine can do at all.
//!
//! Without arguments, a table of all banks by the number of registers side by side, and of short messages; with
//! arguments such as `sha256:1 sha384:8 sha384:digests` one number each, the last of digests of 60 bytes. All are the
//! quickest of many runs: a busy machine disturbs the others.

use std::hint::black_box;
use std::time::Instant;

use evlog_accel_core::{Algorithm, Chain, MAX_SIZE, extend_all, hash_all, names, self_test};

/// Hashes in a run: few enough that most runs are not interrupted.
const STEPS: usize = 4_000;
const RUNS: usize = 100;

fn main() {
    assert!(self_test().is_none(), "self-test");
    let asked: Vec<String> = std::env::args().skip(1).collect();
    for one in &asked {
        let (name, chains) = one.split_once(':').expect("ALGORITHM:REGISTERS or ALGORITHM:digests");
        let named = |algorithm: &Algorithm| format!("{algorithm:?}").eq_ignore_ascii_case(name);
        let algorithm = Algorithm::ALL.into_iter().find(named).expect("an algorithm");
        let took = match chains {
            "digests" => digests(algorithm),
            count => extends(algorithm, count.parse().expect("a number of registers")),
        };
        println!("{took:.2}");
    }
    if asked.is_empty() {
        table();
    }
}

fn table() {
    println!("{:?}", names());
    for algorithm in Algorithm::ALL {
        print!("{:10}", format!("{algorithm:?}"));
        for count in [1, 2, 3, 4, 8, 24] {
            print!("  {count:2}: {:6.1}", extends(algorithm, count));
        }
        println!("  60 bytes: {:6.1}", digests(algorithm));
    }
}

fn extends(algorithm: Algorithm, registers: usize) -> f64 {
    let steps = STEPS / registers;
    let digests = vec![0; steps * algorithm.size()];
    quickest(steps * registers, || {
        let mut chains = vec![Chain { value: [0; MAX_SIZE], digests: &digests }; registers];
        extend_all(algorithm, &mut chains);
        black_box(&chains);
    })
}

fn digests(algorithm: Algorithm) -> f64 {
    let messages = [&[0; 60][..]; STEPS];
    quickest(STEPS, || {
        black_box(hash_all(algorithm, &messages));
    })
}

/// Nanoseconds that each of so many steps takes.
fn quickest(steps: usize, mut work: impl FnMut()) -> f64 {
    let times: Vec<u128> = (0..RUNS)
        .map(|_| {
            let begin = Instant::now();
            work();
            begin.elapsed().as_nanos()
        })
        .collect();
    *times.iter().min().expect("a run") as f64 / steps as f64
}

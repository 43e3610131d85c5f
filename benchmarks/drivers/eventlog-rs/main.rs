//! What eventlog-rs spends on a log: main LOG TIMES parse|verify
//!
//! "verify" parses and extends the first digest of each event into SHA-384 registers, which is all that the crate does.
//! Prints the processor seconds, those of the kernel, and the wall seconds of one time.

use std::hint::black_box;
use std::time::Instant;

use eventlog_rs::Eventlog;

/// Processor seconds of this process, and those of them in the kernel.
fn spent() -> (f64, f64) {
    let mut used = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_SELF, used.as_mut_ptr()) }, 0);
    let used = unsafe { used.assume_init() };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    (seconds(used.ru_utime) + seconds(used.ru_stime), seconds(used.ru_stime))
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let data = std::fs::read(&words[1]).expect("a log");
    let times: u32 = words[2].parse().expect("a number");
    let (cpu, system) = spent();
    let began = Instant::now();
    for _ in 0..times {
        let log = Eventlog::try_from(data.clone()).expect("a log that it reads");
        if words[3] != "parse" {
            black_box(log.replay_measurement_registry());
        }
        black_box(log);
    }
    let took = began.elapsed().as_secs_f64();
    let (cpu_then, system_then) = spent();
    let each = f64::from(times);
    println!("[{}, {}, {}]", (cpu_then - cpu) / each, (system_then - system) / each, took / each);
}

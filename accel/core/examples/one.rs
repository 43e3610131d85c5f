use evlog_accel_core::{Algorithm, Chain, MAX_SIZE, extend_all};
fn main() {
    let digests = vec![0; 4000 * MAX_SIZE];
    for _ in 0..200 {
        let mut chains = vec![Chain { value: [0; MAX_SIZE], digests: &digests[..4000 * 48] }; 8];
        extend_all(Algorithm::Sha384, &mut chains);
        std::hint::black_box(&chains);
    }
}

//! How record numbers count (TCG Canonical Event Log Format 1.1, section 4.2.2).

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

/// Whether the records of each register are numbered from 0, each one more than the one before.
pub fn counted(numbers: &[u64], registers: &[u32]) -> bool {
    let mut near = [0u64; 256];
    let mut far = BTreeMap::new();
    numbers.len() == registers.len()
        && numbers.iter().zip(registers).all(|(&number, &register)| {
            let next = match near.get_mut(register as usize) {
                Some(next) => next,
                None => far.entry(register).or_insert(0),
            };
            let follows = number == *next;
            *next += 1;
            follows
        })
}

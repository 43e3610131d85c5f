//! Lines of an ascii IMA list: `%2d `, the template digest in hex, the template's name, its fields, LF (Linux,
//! security/integrity/ima/ima_fs.c, ima_ascii_measurements_show()).

mod support;

use evlog_accel_core::NOT_EXTENDED;
use evlog_accel_core::scan::ima_text::{List, digest, run};
use evlog_accel_core::scan::{Rows, Stop};
use support::scan;

fn list(name: &str, digest: usize) -> List {
    List { name: name.as_bytes().to_vec(), digest, registers: (63, 23) }
}

fn line(register: u32, name: &str, digest: usize, rest: &str) -> Vec<u8> {
    format!("{register:>2} {name}{} {rest}\n", "a5".repeat(digest)).into_bytes()
}

#[test]
fn rows_in_batches_and_of_cut_lists() {
    for (name, digest) in [("", 20), ("sha256:", 32), ("", 64)] {
        let (mut log, mut offsets, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        let rests = ["ima-ng sha256:00 /x", "ima  a b", "d-ng|n-ng ", "ima-sig a /blank and\r"];
        let registers = [10, 9, 0, 23, 24, 63, 10];
        for (turn, &register) in registers.iter().enumerate() {
            offsets.push(log.len() as u64);
            log.extend(line(register, name, digest, rests[turn % 4]));
            ends.push(log.len());
        }
        let expected = [10, 9, 0, 23, NOT_EXTENDED, NOT_EXTENDED, 10];
        let list = list(name, digest);
        for most in 1..=9 {
            let found = scan(0, most, |at, most, rows| run(&log, at, &list, most, rows));
            assert_eq!(found, (offsets.clone(), expected.to_vec(), vec![], log.len()));
        }
        for cut in 0..=log.len() {
            let (found, noted, _, stop) = scan(0, 2, |at, most, rows| run(&log[..cut], at, &list, most, rows));
            let whole = ends.iter().filter(|&&end| end <= cut).count();
            assert_eq!((&found[..], &noted[..]), (&offsets[..whole], &expected[..whole]), "cut at {cut}");
            assert_eq!(stop, if whole == 0 { 0 } else { ends[whole - 1] }, "cut at {cut}");
        }
        for beyond in [log.len(), log.len() + 1, usize::MAX] {
            assert_eq!(run(&log, beyond, &list, 9, &mut Rows::default()), Stop::Odd(beyond));
        }
    }
}

#[test]
fn it_stops_in_front_of_what_is_odd() {
    let ordinary = line(10, "", 20, "ima-ng sha256:00 /x");
    let digits = "0f".repeat(20);
    for odd in [
        "\n".to_string(),
        "\r\n".into(),
        format!("64 {digits} ima-ng x\n"),
        format!("9 {digits} ima-ng x\n"),
        format!("   {digits} ima-ng x\n"),
        format!(" x {digits} ima-ng x\n"),
        format!("010 {digits} ima-ng x\n"),
        format!("10  {digits} ima-ng x\n"),
        format!("10 sha1:{digits} ima-ng x\n"),
        format!("10 {digits}0 ima-ng x\n"),
        format!("10 {} ima-ng x\n", &digits[1..]),
        format!("10 g{} ima-ng x\n", &digits[1..]),
        format!("10 {digits}\n"),
        format!("10 {digits}  x\n"),
        format!("10 {digits} ima-ng\n"),
        format!("10 {digits} im\x7f-ng x\n"),
        format!("10 {digits} im\r-ng x\n"),
        format!("10 {digits} {} x\n", "n".repeat(256)),
        format!("10 {digits} ima-ng x"),
    ] {
        let log = [&ordinary[..], odd.as_bytes()].concat();
        let found = scan(0, 9, |at, most, rows| run(&log, at, &list("", 20), most, rows));
        assert_eq!(found, (vec![0], vec![10], vec![], ordinary.len()), "{odd:?}");
    }
    let longest = line(10, "", 20, &format!("{} x", "n".repeat(255)));
    let found = scan(0, 9, |at, most, rows| run(&longest, at, &list("", 20), most, rows));
    assert_eq!(found.3, longest.len());
}

#[test]
fn digits_of_both_cases() {
    let digits = "00ff0123456789abcdefABCDEF09afAF90fafaFA";
    let log = format!("x10 sha1:{digits} ima-ng x\n");
    let value = digest(log.as_bytes(), 1, &list("sha1:", 20)).unwrap();
    assert_eq!(support::hex(&value[..20]), digits.to_lowercase());
    for (at, name, size) in [(0, "sha1:", 20), (1, "", 20), (1, "sha1:", 19), (1, "sha1:", 21), (usize::MAX, "", 20)] {
        assert_eq!(digest(log.as_bytes(), at, &list(name, size)), None);
    }
}

#[test]
fn a_list_that_cannot_be() {
    let log = line(10, "", 20, "ima-ng x");
    for size in [0, 65, log.len(), usize::MAX / 2, usize::MAX] {
        let list = list("", size);
        assert_eq!(run(&log, 0, &list, 9, &mut Rows::default()), Stop::Odd(0), "{size}");
        assert_eq!(digest(&log, 0, &list), None, "{size}");
    }
    let long = line(10, "", 80, "ima-ng x");
    assert_eq!(digest(&long, 0, &list("", 80)), None);
}

//! Entries of a binary IMA list: register, template digest, template name with its length, template data with theirs,
//! in the byte order of the host (Linux, Documentation/security/IMA-templates.rst and security/integrity/ima/ima_fs.c).

mod support;

use evlog_accel_core::NOT_EXTENDED;
use evlog_accel_core::scan::ima::{List, Template, run};
use evlog_accel_core::scan::{Rows, Stop};
use support::{scan, unhex};

fn number(number: usize, big_endian: bool) -> [u8; 4] {
    if big_endian { (number as u32).to_be_bytes() } else { (number as u32).to_le_bytes() }
}

fn entry(register: usize, digest: usize, name: &str, data: &[u8], big_endian: bool) -> Vec<u8> {
    let number = |value| number(value, big_endian);
    // The data of the template "ima" have no length of their own: a digest of 20 bytes, and a name with its length.
    let data = match name {
        "ima" => [&[0x33; 20][..], &number(data.len()), data].concat(),
        _ => [&number(data.len())[..], data].concat(),
    };
    [&number(register)[..], &vec![0x11; digest], &number(name.len()), name.as_bytes(), &data].concat()
}

fn list(digest: usize, names: &[&str], big_endian: bool) -> List {
    let template = |name: &&str| Template {
        head: [&number(name.len(), big_endian)[..], name.as_bytes()].concat(),
        fixed: 4 + digest + 4 + name.len() + if *name == "ima" { 24 } else { 4 },
    };
    List { digest, big_endian, templates: names.iter().map(template).collect(), registers: (63, 23) }
}

#[test]
fn an_entry_byte_by_byte() {
    let log = unhex(
        "0a000000 1111111111111111111111111111111111111111 06000000 696d612d6e67 05000000 0100000041
         0a000000 1111111111111111111111111111111111111111 03000000 696d61 3333333333333333333333333333333333333333
         02000000 2f78",
    );
    let list = list(20, &["ima-ng", "ima"], false);
    let found = scan(0, 9, |at, most, rows| run(&log, at, &list, most, rows));
    assert_eq!(found, (vec![0, 43], vec![10, 10], vec![], 100));
}

#[test]
fn rows_in_batches_and_of_cut_logs() {
    for (digest, big_endian) in [(20, false), (20, true), (32, false), (64, true)] {
        let (mut log, mut offsets, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        let names = ["ima-ng", "ima", "ima-sig", "ima"];
        let registers = [10, 11, 23, 24, 63, 10, 0];
        for (turn, &register) in registers.iter().enumerate() {
            offsets.push(log.len() as u64);
            log.extend(entry(register, digest, names[turn % 4], &vec![0xAA; turn * 3], big_endian));
            ends.push(log.len());
        }
        let expected = [10, 11, 23, NOT_EXTENDED, NOT_EXTENDED, 10, 0];
        let list = list(digest, &["ima", "ima-ng", "ima-sig"], big_endian);
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
    let ordinary = entry(10, 20, "ima-ng", b"data", false);
    let changed = |at: usize, to: &[u8]| {
        let mut entry = ordinary.clone();
        entry[at..at + to.len()].copy_from_slice(to);
        entry
    };
    let odd: [(&str, Vec<u8>); 7] = [
        ("a register that cannot be", changed(0, &[64])),
        ("the other byte order", entry(10, 20, "ima-ng", b"data", true)),
        ("a template not met yet", entry(10, 20, "ima-sig", b"data", false)),
        ("a name that goes on", changed(24, &[7])),
        ("a name of 0xFFFFFFFF bytes", changed(24, &[0xFF; 4])),
        ("data of 0xFFFFFFFF bytes", changed(34, &[0xFF; 4])),
        ("data of a byte too many", changed(34, &[47])),
    ];
    let list = list(20, &["ima-ng"], false);
    for (what, entry) in odd {
        let log = [&ordinary[..], &entry, &ordinary].concat();
        let (offsets, .., stop) = scan(0, 9, |at, most, rows| run(&log, at, &list, most, rows));
        assert_eq!((&offsets[..], stop), (&[0][..], ordinary.len()), "{what}");
    }
}

#[test]
fn a_list_that_cannot_be() {
    let log = entry(10, 20, "ima-ng", b"data", false);
    let template = |fixed| vec![Template { head: log[24..34].to_vec(), fixed }];
    let ordinary = list(20, &["ima-ng"], false);
    let lists = [
        List { templates: vec![], ..ordinary.clone() },
        List { digest: usize::MAX, ..ordinary.clone() },
        List { digest: usize::MAX - 4, ..ordinary.clone() },
        List { digest: log.len(), ..ordinary.clone() },
        List { templates: template(0), ..ordinary.clone() },
        List { templates: template(3), ..ordinary.clone() },
        List { templates: template(usize::MAX), ..ordinary.clone() },
        List { templates: template(log.len() + 1), ..ordinary.clone() },
    ];
    for list in lists {
        assert_eq!(run(&log, 0, &list, 9, &mut Rows::default()), Stop::Odd(0), "{list:?}");
    }
}

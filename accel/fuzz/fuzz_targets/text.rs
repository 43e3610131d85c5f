//! Lines of a textual log: LF ends each but, perhaps, the last.
#![no_main]

use evlog_accel_core::NOT_EXTENDED;
use evlog_accel_core::scan::text::{Dialect, Rows, run};
use evlog_accel_fuzz::{marks, split};
use libfuzzer_sys::fuzz_target;

/// A line: start, stop, register, and whether it is likely to be more than a record.
type Line = (u64, u64, u32, bool);

fuzz_target!(|input: &[u8]| {
    let Some((log, options)) = split(input) else { return };
    let edges: &[u8] = [&b""[..], b" \t\n\x0b\x0c\r\xa0", b"\r"][usize::from(options.choice >> 1) % 3];
    let comments = options.choice & 1 != 0;
    let keywords: Vec<Vec<u8>> =
        [&b"INIT"[..], b"SYNC", b""][..usize::from(options.choice >> 6)].iter().map(|word| word.to_vec()).collect();
    let dialect = Dialect { comments, edges: edges.to_vec(), register: 7, keywords: keywords.clone() };
    let check = |log: &[u8], most: usize| {
        let mut noted = Vec::new();
        let mut position = 0;
        while position < log.len() {
            let mut batch = Rows::default();
            let Some(next) = run(log, position, &dialect, most, &mut batch) else {
                assert_eq!(lines(log, &dialect), None);
                return;
            };
            assert!(next > position && next <= log.len() && batch.offsets.len() <= most);
            position = next;
            noted.extend(rows(&batch));
        }
        assert_eq!(Some(noted), lines(log, &dialect));
    };
    check(log, usize::MAX);
    check(log, options.most);
    check(&log[..options.cut], options.most);
});

fn rows(batch: &Rows) -> Vec<Line> {
    let count = batch.offsets.len();
    assert!(batch.stops.len() == count && batch.registers.len() == count);
    let likely = marks(&batch.likely, count);
    (0..count).map(|row| (batch.offsets[row], batch.stops[row], batch.registers[row], likely[row])).collect()
}

/// All lines; `None` if something would be stripped off one, or if CR would end one.
fn lines(log: &[u8], dialect: &Dialect) -> Option<Vec<Line>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in log.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let edge = |byte: &u8| dialect.edges.contains(byte);
        let ends = [text.first(), text.last()];
        if ends.into_iter().flatten().any(edge) || !dialect.edges.is_empty() && text.contains(&b'\r') {
            return None;
        }
        let comment = dialect.comments && (text.is_empty() || text[0] == b'#');
        let register = if comment { NOT_EXTENDED } else { dialect.register };
        let likely = dialect.keywords.iter().any(|word| text.len() >= word.len() && text[..word.len()] == word[..]);
        lines.push((start, start + text.len() as u64, register, likely));
        start += line.len() as u64;
    }
    Some(lines)
}

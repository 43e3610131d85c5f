//! Lines of a textual log: LF ends a line, the last may lack it.

use evlog_accel_core::NOT_EXTENDED;
use evlog_accel_core::scan::text::{Dialect, Rows, run};

fn dialect(comments: bool, edges: &[u8]) -> Dialect {
    let keywords = vec![b"INIT".to_vec(), b"SYNC".to_vec()];
    Dialect { comments, edges: edges.to_vec(), register: 5, keywords }
}

/// Start, stop and register.
type Line = (u64, u64, u32);

/// All lines, and the likely ones; `None` if some line is to be stripped.
fn scan(log: &[u8], dialect: &Dialect, most: usize) -> Option<(Vec<Line>, Vec<usize>)> {
    let (mut lines, mut likely) = (Vec::new(), Vec::new());
    let (mut rows, mut position) = (Rows::default(), 0);
    while position < log.len() {
        rows.clear();
        let next = run(log, position, dialect, most, &mut rows)?;
        assert!(next > position && rows.offsets.len() <= most);
        likely.extend(rows.likely.iter().map(|&row| lines.len() + row as usize));
        let spans = rows.offsets.iter().zip(&rows.stops);
        lines.extend(spans.zip(&rows.registers).map(|((&start, &stop), &register)| (start, stop, register)));
        position = next;
    }
    Some((lines, likely))
}

#[test]
fn lines_in_batches() {
    let log = b"INIT sha384/00\na b c\n\n# note\nSYNC\nINI\n#SYNC\nlast";
    let spoken =
        [(0, 14, 5), (15, 20, 5), (21, 21, 5), (22, 28, 5), (29, 33, 5), (34, 37, 5), (38, 43, 5), (44, 48, 5)];
    let silent = |row: usize| matches!(row, 2 | 3 | 6);
    for most in [1, 2, 3, 7, 8, 9, usize::MAX] {
        assert_eq!(scan(log, &dialect(false, b""), most), Some((spoken.to_vec(), vec![0, 4])));
        let (lines, likely) = scan(log, &dialect(true, b""), most).unwrap();
        for (row, (line, &(start, stop, register))) in lines.into_iter().zip(&spoken).enumerate() {
            assert_eq!(line, (start, stop, if silent(row) { NOT_EXTENDED } else { register }));
        }
        assert_eq!(likely, [0, 4]);
    }
}

#[test]
fn ends_of_a_log() {
    let dialect = dialect(true, b" \r");
    for (log, lines) in [
        (&b""[..], vec![]),
        (b"\n", vec![(0, 0, NOT_EXTENDED)]),
        (b"a", vec![(0, 1, 5)]),
        (b"a\n", vec![(0, 1, 5)]),
        (b"a\n\n", vec![(0, 1, 5), (2, 2, NOT_EXTENDED)]),
        (b"a\nb", vec![(0, 1, 5), (2, 3, 5)]),
    ] {
        assert_eq!(scan(log, &dialect, 1), Some((lines, vec![])), "{log:?}");
    }
    for beyond in [1, 2, usize::MAX] {
        let mut rows = Rows::default();
        assert_eq!(run(b"a", beyond, &dialect, 9, &mut rows), Some(1));
        assert!(rows.offsets.is_empty());
    }
}

#[test]
fn cut_at_every_byte() {
    let log = b"INIT sha384/00\n# note\n\na b c\n";
    for cut in 0..=log.len() {
        let (lines, _) = scan(&log[..cut], &dialect(true, b""), 2).unwrap();
        let expected: Vec<&[u8]> = log[..cut].split_inclusive(|&byte| byte == b'\n').collect();
        assert_eq!(lines.len(), expected.len(), "cut at {cut}");
        for ((start, stop, _), line) in lines.into_iter().zip(expected) {
            assert_eq!(&log[start as usize..stop as usize], line.strip_suffix(b"\n").unwrap_or(line));
        }
    }
}

#[test]
fn something_to_strip() {
    for line in [&b" a"[..], b"a ", b" ", b"a\tb\r", b"a\rb"] {
        for log in [[line, b"\nb"].concat(), [b"b\n", line].concat(), [b"b\n", line, b"\n"].concat()] {
            for most in [1, 9] {
                assert_eq!(scan(&log, &dialect(true, b" \t\r"), most), None, "{log:?}");
                assert!(scan(&log, &dialect(true, b""), most).is_some(), "{log:?}");
            }
        }
    }
    assert!(scan(b"a b\tc\n", &dialect(true, b" \t\r"), 9).is_some());
    // Where anything is stripped, CR ends a line, even if it is not itself stripped.
    assert_eq!(scan(b"a\rb", &dialect(true, b" "), 9), None);
}

//! How record numbers count, and where bytes stand in others.

use evlog_accel_core::scan::counting::counted;
use evlog_accel_core::scan::find;

#[test]
fn per_register_from_zero() {
    assert!(counted(&[], &[]));
    assert!(counted(&[0, 0, 1, 0, 2, 1, 0], &[7, 0, 7, 300, 7, 300, u32::MAX]));
    assert!(!counted(&[0, 0, 1, 1, 2, 1], &[7, 0, 7, 300, 7, 300]));
    assert!(!counted(&[1, 2], &[7, 7]));
    assert!(!counted(&[0, 2], &[7, 7]));
    assert!(!counted(&[0, u64::MAX], &[7, 7]));
    assert!(!counted(&[0], &[7, 7]));
}

#[test]
fn between_two_offsets() {
    let data = b"abcabcabd";
    assert_eq!(find(data, b"abc", 0, 9), Some(0));
    assert_eq!(find(data, b"abc", 1, 9), Some(3));
    assert_eq!(find(data, b"abc", 1, 5), None);
    assert_eq!(find(data, b"abd", 0, usize::MAX), Some(6));
    assert_eq!(find(data, b"abd", 0, 8), None);
    assert_eq!(find(data, b"", 9, 9), Some(9));
    for (start, stop) in [(10, 10), (5, 4), (usize::MAX, usize::MAX), (10, 0)] {
        assert_eq!(find(data, b"", start, stop), None);
    }
}

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
    // All runs of a byte, also at the ends, in what is nearly nothing else.
    for number in 0..1 << 14_u32 {
        let data: Vec<u8> = (0..14).map(|bit| (number >> bit & 1) as u8).collect();
        for count in [8, 9, 13] {
            let expected = data.windows(count).position(|window| window.iter().all(|&byte| byte == 1));
            assert_eq!(find(&data, &vec![1; count], 0, 14), expected, "{data:?}");
        }
    }
    for (start, stop) in [(10, 10), (5, 4), (usize::MAX, usize::MAX), (10, 0)] {
        assert_eq!(find(data, b"", start, stop), None);
    }
}

//! The window against a model that remembers every number.

use std::collections::BTreeSet;

use super::*;

/// protocol 19.9
#[test]
fn a_number_is_new_once_and_never_beyond_the_window() {
    for seed in 0..20 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut window, mut seen, mut newest) = (Window::new(), BTreeSet::new(), 0_u64);
        for _ in 0..20_000 {
            let number = match rng.u8(0..20) {
                0 => newest + rng.u64(0..5000),
                1 => newest.saturating_sub(rng.u64(WINDOW - 70..WINDOW + 70)),
                2 => newest + rng.u64(0..2) * 64,
                _ => newest.saturating_add(rng.u64(0..3)).saturating_sub(rng.u64(0..100)),
            };
            let is_new = !seen.contains(&number) && (number > newest || newest - number < WINDOW);
            assert_eq!(window.is_new(number), is_new, "{number} after {newest}, seed {seed}");
            if is_new && rng.bool() {
                window.mark(number);
                seen.insert(number);
                newest = newest.max(number);
            }
        }
    }
}

#[test]
fn the_last_numbers_are_numbers() {
    let mut window = Window::new();
    for number in [0, u64::MAX - 1, u64::MAX] {
        assert!(window.is_new(number));
        window.mark(number);
        assert!(!window.is_new(number));
    }
    assert!(!window.is_new(0));
}

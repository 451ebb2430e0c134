//! A bucket gives what its rate earns.

use std::time::Duration;

use boot::Rate;
use tokio::time::Instant;

use super::Bucket;

#[test]
fn a_burst_of_one_second_passes_and_then_the_rate_holds() {
    let now = Instant::now();
    let bucket = Bucket::new(Rate::per_second(10.0), now).unwrap();
    assert_eq!((0..20).filter(|_| bucket.take(now).is_ok()).count(), 10);
    assert_eq!(bucket.take(now), Err(Duration::from_millis(100)));
    let later = now + Duration::from_millis(350);
    assert_eq!((0..20).filter(|_| bucket.take(later).is_ok()).count(), 3);
    let much_later = now + Duration::from_secs(100);
    assert_eq!((0..20).filter(|_| bucket.take(much_later).is_ok()).count(), 10);
}

#[test]
fn a_rate_below_one_a_second_lets_one_through_at_a_time() {
    let now = Instant::now();
    let bucket = Bucket::new("1/m".parse().unwrap(), now).unwrap();
    assert_eq!(bucket.take(now), Ok(()));
    assert_eq!(bucket.take(now + Duration::from_secs(20)), Err(Duration::from_secs(40)));
    assert_eq!(bucket.take(now + Duration::from_millis(60_001)), Ok(()));
}

#[test]
fn no_bound_is_no_bucket() {
    assert!(Bucket::new(Rate::NONE, Instant::now()).is_none());
}

#[test]
fn what_is_owed_is_paid_before_anybody_comes_again() {
    let start = Instant::now();
    let bucket = Bucket::new(Rate { per_second: 10.0 }, start).unwrap();
    bucket.take(start).unwrap();
    bucket.owe(29);
    let wait = bucket.take(start).unwrap_err();
    assert!((wait.as_secs_f64() - 2.1).abs() < 1e-6, "{wait:?}");
    assert!(bucket.take(start + Duration::from_secs(2)).is_err());
    assert!(bucket.take(start + Duration::from_millis(2_101)).is_ok());
}

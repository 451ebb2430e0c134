//! Sampling, and a queue that is full.

use super::*;

fn share(ratio: f64) -> usize {
    let (sampler, mut random) = (Sampler::new(ratio), fastrand::Rng::with_seed(7));
    (0..10_000).filter(|_| sampler.root(random.u128(1..), random.u64(1..)).is_sampled()).count()
}

#[test]
fn the_ratio_is_the_share_of_new_traces() {
    assert_eq!((share(0.0), share(1.0)), (0, 10_000));
    let quarter = share(0.25);
    assert!((2_300..2_700).contains(&quarter), "{quarter}");
}

#[test]
fn the_trace_alone_decides() {
    let sampler = Sampler::new(0.5);
    for id in [1, u128::MAX, 0xffff << 112, 1 << 55] {
        assert_eq!(sampler.root(id, 1).is_sampled(), sampler.root(id, 2).is_sampled());
    }
    assert!(sampler.root((1 << 55) - 1, 1).is_sampled());
    assert!(!sampler.root(1 << 55, 1).is_sampled());
}

#[tokio::test]
async fn a_span_that_finds_no_room_is_let_go() {
    let (queue, mut kept) = mpsc::channel(1);
    let recorder = Recorder { sampler: Sampler::new(1.0), queue };
    let span = |name: &str| Span { name: name.to_owned(), ..Span::default() };
    recorder.take(span("first"));
    recorder.take(span("second"));
    assert_eq!(kept.recv().await.map(|span| span.name).as_deref(), Some("first"));
    assert!(kept.try_recv().is_err());
    drop(kept);
    recorder.take(span("third"));
}

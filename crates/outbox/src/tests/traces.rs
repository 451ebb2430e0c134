//! Which span comes after which, where nothing is recorded.

use boot::trace::{Span, TraceContext, within};

use crate::Content;
use crate::tests::fakes::parcel;
use crate::traces::{first, note, traceparent};

const PLANNED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn a_first_attempt_has_the_same_id_wherever_it_is_computed() {
    let parent = TraceContext::parse(PLANNED.as_bytes()).unwrap();
    let other = TraceContext::new([7; 16], [7; 8], true).unwrap();
    let id = first(parent, "notifier/1/sales");
    assert_eq!(id, first(parent.with_span([9; 8]), "notifier/1/sales"));
    assert_ne!(id, first(parent, "notifier/1/sales/replay"));
    assert_ne!(id, first(other, "notifier/1/sales"));
    assert_eq!(id, [119, 223, 55, 212, 165, 26, 84, 163]);
}

#[test]
fn without_a_span_of_ours_the_remote_is_told_of_the_planning_or_of_the_record() {
    let mut parcel = parcel("sales", "kr", "0");
    assert_eq!(traceparent(&parcel, &Span::none()), None);
    parcel.record.headers.push(("traceparent".to_owned(), Some("of the record".into())));
    assert_eq!(traceparent(&parcel, &Span::none()).as_deref(), Some("of the record"));
    parcel.content = Content { traceparent: Some(PLANNED.to_owned()), ..Content::default() };
    assert_eq!(traceparent(&parcel, &Span::none()).as_deref(), Some(PLANNED));
}

#[tokio::test]
async fn a_parcel_notes_the_span_in_which_it_is_planned() {
    let mut parcels = [parcel("sales", "kr", "0")];
    note(&mut parcels);
    assert_eq!(parcels[0].content.traceparent, None);
    let context = TraceContext::parse(PLANNED.as_bytes());
    within(context, std::pin::pin!(async { note(&mut parcels) })).await;
    assert_eq!(parcels[0].content.traceparent.as_deref(), Some(PLANNED));
}

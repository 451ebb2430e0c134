//! The list of who was forgotten is gone by in every commit, and read when something was added to it.

use std::time::{Duration, Instant};

use okr::OkrEvent;

use super::forget::{apply, asked, dana, max, named};
use crate::SERVICE;
use crate::erasures::listed;
use crate::tests::bench::{Bench, Member};
use crate::tests::history::at;
use crate::tests::reference;

/// A commit looks whether the list is as it was, and reads it only where it is not.
pub async fn a_list_is_read_once_and_again_when_something_is_added(bench: Bench) {
    let mut member = Member::join(&bench.target, [0]).await;
    apply(&bench, &asked(&["dana@example.com"])).await;
    apply(&bench, &asked(&["nobody@example.com"])).await;
    let owned = |n: u32, owner| OkrEvent { owner, ..at("a", n, n.into(), 0.1) };
    member.take_all([owned(1, max())]).await;
    // Whoever reads this row again says so.
    let spoil = "UPDATE okr_erasures SET kind = 'spoilt' WHERE added_nth = 1";
    bench.run(spoil, spoil).await;
    member.take_all([owned(2, dana())]).await;
    let batch = member.batch(&[(0, owned(3, max()))]);
    let added = "INSERT INTO okr_erasures (token, salt, kind, run";
    let salt: [u8; 32] = [7; 32];
    let token = listed(salt, None, "max", false).remove(0).shown();
    let salt = hex::encode(salt);
    bench
        .run(
            &format!(
                "{added}) VALUES (decode('{token}', 'hex'), decode('{salt}', 'hex'), 'person', 'older')"
            ),
            &format!(
                "{added}, erased_at) VALUES ('{token}', '{salt}', 'person', 'older', '2026-11-24T00:00:00Z')"
            ),
        )
        .await;
    let error = bench.target.commit(SERVICE, &batch).await.unwrap_err();
    assert!(error.to_string().contains("spoilt"), "{error}");
    let mend = "UPDATE okr_erasures SET kind = 'person'";
    bench.run(mend, mend).await;
    member.try_commit(&batch).await.unwrap();
    let mut expected = vec![owned(1, max()), owned(2, None), owned(3, None)];
    reference::check(&bench, &expected).await.unwrap();
    // What has no number, for an older release has added it, gets one with the next.
    apply(&bench, &asked(&["ida@example.com"])).await;
    let rows = bench.rows("SELECT added_nth FROM okr_erasures ORDER BY added_nth").await;
    assert_eq!(rows.iter().map(|row| row["added_nth"].as_i64()).collect::<Vec<_>>(), [1, 2, 3, 3].map(Some));
    member.take_all([owned(4, named("u9", "Ida", "ida@example.com"))]).await;
    expected.push(owned(4, None));
    // Whom the older release has listed goes with it.
    expected[0].owner = None;
    reference::check(&bench, &expected).await.unwrap();
}

/// How long a commit of one event takes, in the middle of some.
async fn pace(member: &mut Member, from: u32) -> Duration {
    let mut took = Vec::new();
    for n in from..from + 41 {
        let begun = Instant::now();
        member.take_all([OkrEvent { owner: max(), ..at("a", n, n.into(), 0.1) }]).await;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    took[took.len() / 2]
}

/// A hundred thousand people; were the list read, a commit would take ten times as long and more.
pub async fn a_commit_costs_the_same_however_many_were_forgotten(bench: Bench) {
    let mut member = Member::join(&bench.target, [0]).await;
    let without = pace(&mut member, 0).await;
    let columns = "INSERT INTO okr_erasures (token, salt, kind, run, added_nth";
    let postgres = format!(
        "{columns}) SELECT sha256(n::text::bytea), sha256('salt'), 'person', 'run', 1 FROM generate_series(1, 100000) n"
    );
    let file = format!(
        "{columns}, erased_at) WITH RECURSIVE all_of (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM all_of WHERE n < 100000)
         SELECT printf('%064x', n), printf('%064x', 7), 'person', 'run', 1, '2026-11-24T00:00:00Z' FROM all_of"
    );
    bench.run(&postgres, &file).await;
    let with = pace(&mut member, 1_000).await;
    println!("a commit of one event took {without:?} without a list, {with:?} with one of 100,000");
    assert!(with < without * 5, "{with:?} with a list, {without:?} without one");
}

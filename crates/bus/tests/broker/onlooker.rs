//! Looking at a group from outside, and a member's signs of life.

use std::time::Duration;

use anyhow::Result;
use bus::{Onlooker, Signal, Slot};
use okr_tests::{kafka, until};

use crate::{Door, create, fill, join, name, next_many, settings, signal};

const WAIT: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn an_onlooker_sees_members_offsets_and_ends_and_is_no_member_itself() -> Result<()> {
    let kafka = kafka().await?;
    let (settings, topic, group) = (settings(kafka.address()), name("t-look"), name("g-look"));
    create(&settings, &topic, 2).await?;
    fill(&settings, &topic, 1, 7).await?;
    let slots = [Slot::new(topic.as_str(), 0), Slot::new(topic.as_str(), 1)];
    let onlooker = Onlooker::new(&settings, &group)?;
    onlooker.alive(WAIT).await?;
    assert_eq!(onlooker.crew(WAIT).await?, None, "nobody has ever joined");
    assert_eq!(onlooker.committed(&slots, WAIT).await?, []);
    let reach = onlooker.reach(&slots, WAIT).await?;
    assert_eq!(reach.iter().map(|reach| (reach.low, reach.end)).collect::<Vec<_>>(), [(0, 0), (0, 7)]);

    let door = Door::open();
    let mut member = join(&settings, &group, &topic, &door)?;
    assert!(matches!(signal(&mut member).await?, Signal::Assigned(given) if given.len() == 2));
    next_many(&mut member, 7).await?;
    let crew = until("a stable group", WAIT * 2, async || {
        onlooker.crew(WAIT).await.ok().flatten().filter(|crew| !crew.is_rebalancing())
    })
    .await?;
    assert_eq!(crew.clients, [member.pulse().client_id()], "the onlooker is not among them");
    member.commit(vec![(slots[1].clone(), 7)]);
    let committed = until("the commit", WAIT * 2, async || {
        onlooker.committed(&slots, WAIT).await.ok().filter(|committed| !committed.is_empty())
    })
    .await?;
    assert_eq!(committed, [(slots[1].clone(), 7)]);

    let pulse = member.pulse();
    let stand = until("statistics that show the commit", WAIT * 4, async || {
        pulse.look().stands.into_iter().find(|stand| stand.committed == Some(7))
    })
    .await?;
    assert_eq!(
        (stand.slot, stand.came, stand.fetched, stand.queued),
        (slots[1].clone(), Some(7), Some(7), 0)
    );
    let (before, began) = (pulse.look().turns, std::time::Instant::now());
    until("turns of the thread", WAIT, async || (pulse.look().turns > before + 5).then_some(())).await?;
    assert!(began.elapsed() < WAIT, "an idle member turns all the same");
    member.close(Vec::new()).await;
    let emptied = until("an empty group", WAIT * 3, async || {
        onlooker.crew(WAIT).await.ok().flatten().filter(|crew| crew.clients.is_empty())
    });
    assert_eq!(emptied.await?.state, "Empty");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shut_gate_shows_as_held_and_an_open_one_does_not() -> Result<()> {
    let kafka = kafka().await?;
    let (settings, topic, group) = (settings(kafka.address()), name("t-held"), name("g-held"));
    create(&settings, &topic, 1).await?;
    let door = Door::open();
    let mut member = join(&settings, &group, &topic, &door)?;
    assert!(matches!(signal(&mut member).await?, Signal::Assigned(_)));
    assert!(!member.pulse().look().is_held);
    door.shut(true);
    fill(&settings, &topic, 0, 3).await?;
    until("records at the gate", WAIT, async || member.pulse().look().is_held.then_some(())).await?;
    door.shut(false);
    next_many(&mut member, 3).await?;
    until("nothing at the gate", WAIT, async || (!member.pulse().look().is_held).then_some(())).await?;
    member.close(Vec::new()).await;
    Ok(())
}

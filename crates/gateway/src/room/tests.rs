//! What is charged is given back, whoever comes at once.

use tokio::time::Instant;

use super::*;

#[test]
fn what_does_not_fit_is_refused_and_charges_nothing() {
    let room = Room::new(100, 10);
    let mut first = room.enter(100).unwrap();
    first.grow(60).unwrap();
    assert_eq!(room.enter(41).unwrap_err(), FULL);
    let mut second = room.enter(40).unwrap();
    assert_eq!(room.used(), 60, "what is announced is not charged");
    assert_eq!(second.grow(41).unwrap_err(), FULL);
    assert_eq!(second.grow(usize::MAX).unwrap_err(), FULL);
    second.grow(40).unwrap();
    assert_eq!(room.used(), 100);
    drop(first);
    second.grow(60).unwrap();
    drop(second);
    assert_eq!(room.used(), 0);
}

#[test]
fn many_at_once_never_have_more_than_there_is() {
    let room = Room::new(1_000, 10);
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let room = room.clone();
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed);
                for _ in 0..10_000 {
                    let Ok(mut charge) = room.enter(random.usize(0..400)) else { continue };
                    while charge.grow(random.usize(0..300)).is_ok() && random.bool() {
                        assert!(room.used() <= 1_000);
                    }
                }
            });
        }
    });
    assert_eq!(room.used(), 0);
}

const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn shares(room: &Arc<Room>, client: IpAddr, each: usize) -> Vec<Share> {
    let charge = room.enter(0).unwrap();
    let share = || {
        let mut share = charge.share(client);
        share.grow(each).map(|()| share)
    };
    std::iter::repeat_with(share).map_while(Result::ok).collect()
}

#[test]
fn many_connections_of_one_sender_are_let_in_while_a_share_stays_free() {
    let room = Room::new(16_000, 500);
    let taken = shares(&room, ONE, 40);
    assert_eq!((taken.len(), room.unfinished()), (150, 6_000), "half of the room, but a share");
    let mut next = room.enter(0).unwrap().share(ONE);
    assert_eq!(next.grow(40).unwrap_err(), Problem::Unavailable { reason: "in_flight_sender" });
    drop(taken);
    next.grow(40).unwrap();
    drop(next);
    assert_eq!(room.unfinished(), 0);
    assert!(room.shares.taken().senders.is_empty(), "nobody is remembered");
}

#[test]
fn whoever_comes_first_leaves_a_share_and_all_have_half() {
    let room = Room::new(16_000, 500);
    let mut taken = shares(&room, ONE, 40);
    for (nth, count) in [(2, 4), (3, 0)] {
        let other = shares(&room, IpAddr::from([192, 0, 2, nth]), 500);
        assert_eq!(other.len(), count, "{nth}");
        taken.extend(other);
    }
    assert_eq!(room.unfinished(), 8_000);
    let mut last = room.enter(0).unwrap().share(IpAddr::from([192, 0, 2, 9]));
    assert_eq!(last.grow(1).unwrap_err(), FULL);
    // One body everybody may have, however small the room is.
    let small = Room::new(1_000, 450);
    let _taken = shares(&small, ONE, 200);
    small.enter(0).unwrap().share(IpAddr::from([192, 0, 2, 2])).grow(100).unwrap();
    assert_eq!(small.unfinished(), 400);
}

#[test]
fn the_addresses_of_one_network_of_ipv6_are_one_sender() {
    let room = Room::new(16_000, 500);
    let _taken = shares(&room, "2001:db8:0:1::1".parse().unwrap(), 40);
    assert!(shares(&room, "2001:db8:0:1:ffff::2".parse().unwrap(), 40).is_empty());
    assert_eq!(shares(&room, "2001:db8:0:2::1".parse().unwrap(), 500).len(), 4);
}

#[test]
fn who_brings_nothing_is_given_up_where_others_need_the_room_and_only_there() {
    let room = Room::new(1 << 20, 1 << 20);
    let mut slow = room.enter(0).unwrap().share(ONE);
    slow.grow(1_000).unwrap();
    slow.look(Instant::now()).unwrap();
    slow.look(Instant::now()).unwrap();
    let mut others = room.enter(0).unwrap().share(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)));
    others.grow(270_000).unwrap();
    assert_eq!(slow.look(Instant::now()).unwrap_err(), Problem::BodySlow);
    others.look(Instant::now()).unwrap();
    others.look(Instant::now()).expect("nobody but itself takes the room");
    let mut fast = room.enter(0).unwrap().share(ONE);
    fast.grow(16 * 1024).unwrap();
    fast.look(Instant::now()).unwrap();
    fast.grow(16 * 1024 - 1).unwrap();
    assert_eq!(fast.look(Instant::now()).unwrap_err(), Problem::BodySlow);
    slow.look(Instant::now() - LOOK_EVERY).expect("we came late ourselves");
    drop(others);
    slow.look(Instant::now()).unwrap();
}

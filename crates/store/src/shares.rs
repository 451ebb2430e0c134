//! Who delivers for which target: a pure function of who is alive, what each can deliver to and who holds what.
//!
//! Every member computes it over the same rows under the same lock, so all agree without talking to each other.

use std::collections::{BTreeMap, BTreeSet};

use outbox::QueueError;

/// The targets each live member can deliver to.
pub(crate) type Members = BTreeMap<String, BTreeSet<String>>;
/// Which member has a target.
pub(crate) type Holders = BTreeMap<String, String>;

/// Reads the members' lists as they are kept: owner and a JSON array of targets.
pub(crate) fn members(rows: Vec<(String, String)>) -> Result<Members, QueueError> {
    let read = |(owner, targets): (String, String)| match serde_json::from_str(&targets) {
        Ok(targets) => Ok((owner, targets)),
        Err(error) => Err(QueueError::Broken(format!("targets of member {owner} are unreadable: {error}"))),
    };
    rows.into_iter().map(read).collect()
}

/// Gives every target that a member can deliver to to exactly one member. Members that can deliver to the same
/// targets end up with numbers that differ by one at most; who holds a target keeps it unless that would be unfair.
pub(crate) fn share(members: &Members, holders: &Holders) -> Holders {
    let mut counts: BTreeMap<&str, usize> = members.keys().map(|owner| (owner.as_str(), 0)).collect();
    let mut given: BTreeMap<&str, &str> = BTreeMap::new();
    let targets: BTreeSet<&str> = members.values().flatten().map(String::as_str).collect();

    for target in &targets {
        let holder = holders.get(*target).map(String::as_str);
        if let Some(holder) = holder.filter(|owner| can(members, owner, target)) {
            given.insert(target, holder);
            *counts.entry(holder).or_default() += 1;
        }
    }
    for target in &targets {
        if !given.contains_key(target)
            && let Some(owner) = poorest(members, &counts, target)
        {
            given.insert(target, owner);
            *counts.entry(owner).or_default() += 1;
        }
    }
    // Each move brings two counts closer together, so this ends.
    while let Some((target, from, to)) = unfair(members, &counts, &given) {
        given.insert(target, to);
        *counts.entry(from).or_default() -= 1;
        *counts.entry(to).or_default() += 1;
    }
    given.into_iter().map(|(target, owner)| (target.to_owned(), owner.to_owned())).collect()
}

/// What one member does now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Its own, taken or renewed. What is its own but still held by another is left out until that one gives it up.
    pub(crate) held: Vec<String>,
    /// Held by it, but another's.
    pub(crate) given_up: Vec<String>,
}

pub(crate) fn verdict(owner: &str, shared: &Holders, holders: &Holders) -> Verdict {
    let own = |target: &str| shared.get(target).is_some_and(|sharer| sharer == owner);
    let others = |target: &str| holders.get(target).is_some_and(|holder| holder != owner);
    let held = shared.keys().filter(|target| own(target) && !others(target)).cloned().collect();
    let given_up = holders.keys().filter(|target| !own(target) && !others(target)).cloned().collect();
    Verdict { held, given_up }
}

fn can(members: &Members, owner: &str, target: &str) -> bool {
    members.get(owner).is_some_and(|targets| targets.contains(target))
}

fn poorest<'a>(members: &'a Members, counts: &BTreeMap<&str, usize>, target: &str) -> Option<&'a str> {
    let able = members.iter().filter(|(_, targets)| targets.contains(target));
    able.map(|(owner, _)| owner.as_str()).min_by_key(|owner| counts.get(owner).copied().unwrap_or_default())
}

/// A target whose holder has at least two more than another member that could deliver to it.
fn unfair<'a>(
    members: &'a Members,
    counts: &BTreeMap<&'a str, usize>,
    given: &BTreeMap<&'a str, &'a str>,
) -> Option<(&'a str, &'a str, &'a str)> {
    let count = |owner: &str| counts.get(owner).copied().unwrap_or_default();
    given.iter().find_map(|(&target, &from)| {
        let to = poorest(members, counts, target)?;
        (count(to) + 1 < count(from)).then_some((target, from, to))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn members(lists: &[(&str, &[&str])]) -> Members {
        let set = |targets: &[&str]| targets.iter().map(ToString::to_string).collect();
        lists.iter().map(|(owner, targets)| (owner.to_string(), set(targets))).collect()
    }

    fn holders(pairs: &[(&str, &str)]) -> Holders {
        pairs.iter().map(|(target, owner)| (target.to_string(), owner.to_string())).collect()
    }

    #[test]
    fn a_newcomer_gets_its_half_and_no_more_moves_than_needed() {
        let all: &[&str] = &["a", "b", "c", "d"];
        let before = holders(&[("a", "one"), ("b", "one"), ("c", "one"), ("d", "one")]);
        let after = share(&members(&[("one", all), ("two", all)]), &before);
        assert_eq!(after.values().filter(|owner| *owner == "two").count(), 2);
        assert_eq!(share(&members(&[("one", all), ("two", all)]), &after), after, "and then it stays");
    }

    #[test]
    fn a_target_that_only_one_member_knows_is_its_own() {
        let after = share(&members(&[("one", &["a", "b"]), ("two", &["a", "b", "c", "d"])]), &Holders::new());
        let expected = holders(&[("a", "one"), ("b", "one"), ("c", "two"), ("d", "two")]);
        assert_eq!(after, expected);
    }

    #[test]
    fn a_member_takes_only_what_is_free_and_gives_up_what_is_anothers() {
        let shared = holders(&[("a", "one"), ("b", "two"), ("c", "two"), ("d", "two")]);
        let holders = holders(&[("a", "one"), ("b", "one"), ("c", "two"), ("gone", "one")]);
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let one = Verdict { held: names(&["a"]), given_up: names(&["b", "gone"]) };
        let two = Verdict { held: names(&["c", "d"]), given_up: Vec::new() };
        assert_eq!(verdict("one", &shared, &holders), one);
        assert_eq!(verdict("two", &shared, &holders), two);
    }

    #[test]
    fn what_a_dead_member_held_is_given_to_the_living() {
        let after = share(&members(&[("two", &["a"])]), &holders(&[("a", "one")]));
        assert_eq!(after, holders(&[("a", "two")]));
    }

    proptest! {
        #[test]
        fn every_target_has_one_able_holder_and_equal_members_differ_by_one_at_most(
            owners in 1usize..6,
            targets in 0usize..20,
            held in prop::collection::vec((0usize..20, 0usize..8), 0..20),
        ) {
            let all: BTreeSet<String> = (0..targets).map(|n| format!("t{n:02}")).collect();
            let members: Members = (0..owners).map(|n| (format!("o{n}"), all.clone())).collect();
            let before = held.iter().map(|(target, owner)| (format!("t{target:02}"), format!("o{owner}"))).collect();
            let after = share(&members, &before);
            prop_assert_eq!(after.keys().cloned().collect::<BTreeSet<_>>(), all);
            let counts: Vec<usize> =
                members.keys().map(|owner| after.values().filter(|holder| *holder == owner).count()).collect();
            prop_assert!(counts.iter().max().unwrap_or(&0) - counts.iter().min().unwrap_or(&0) <= 1);
        }
    }
}

"""Makes a company's events, with all that makes their numbers hard, as JSON lines in the order in which they arrive.

usage: events.py SEED KEY_RESULTS
The same seed gives the same events. They run from December 2024 to the first week of 2027: two turns of the year whose
days belong to a week of the other year, and 2026, which has 53 weeks.
"""

import datetime
import json
import random
import sys
import uuid

UTC = datetime.timezone.utc
ZONES = [datetime.timezone(datetime.timedelta(minutes=minutes)) for minutes in (0, 0, -300, 60, 345, 765)]
FIRST = datetime.datetime(2024, 12, 9, tzinfo=UTC)
LAST = datetime.datetime(2027, 1, 8, tzinfo=UTC)
NOTHING = uuid.UUID("7b1ff1a3-4f0c-4b53-9d6b-0f9f4b2d7f60")
DEPARTMENTS = ["sales", "engineering", "people", "Neuer Bereich", None]
TEAMS = ["Nord", "Süd", "O'Brien; DROP TABLE", None]
STATUS = ["unknown", "on_track", "at_risk", "behind"]


class Company:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.events = []
        self.deliveries = 0
        self.troubled = True

    def say(self, at, kind, name, change, *, namespace="acme", **fields):
        """One event; what is not named is not said."""
        self.deliveries += 1
        random = self.random
        late = datetime.timedelta(seconds=random.randrange(1, 90))
        if self.troubled and random.random() < 0.03:
            late = datetime.timedelta(days=random.randrange(0, 20), hours=random.randrange(24))  # A tool that was down.
        elif self.troubled and random.random() < 0.02:
            late = -datetime.timedelta(minutes=random.randrange(1, 4000))  # A tool whose clock runs ahead.
        delivery = f"d-{self.deliveries}"
        about = {part: fields.pop(part) for part in ("parent_id", "title", "url") if part in fields}
        event = {
            "event_id": str(uuid.uuid5(NOTHING, f"{namespace}/{delivery}/{kind}/{name}")),
            "revision": 0,
            "occurred_at": at.astimezone(random.choice(ZONES)).isoformat(timespec="microseconds"),
            "received_at": (at + late).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "source": {"name": namespace, "kind": "okr", "delivery_id": delivery,
                       "sequence": self.deliveries if random.random() < 0.3 else None},
            "change": change,
            "subject": {"type": kind, "namespace": namespace, "id": name, **about},
            "attributes": {"points": str(random.randrange(9))} if random.random() < 0.1 else {},
            **fields,
        }
        self.events.append((at + late, event))
        return event

    def correct(self, event, **fields):
        """What a replay makes of the delivery again: the same id, a higher revision."""
        received = LAST + datetime.timedelta(minutes=len(self.events))
        revision = int(received.timestamp() * 1_000_000)
        self.events.append((received, event | {"revision": revision} | fields))

    def replace(self, event, **fields):
        """What a replay makes of the delivery where it sees another subject in it: another id, a higher revision."""
        other = json.loads(json.dumps(event))
        other["subject"]["id"] += "-mended"
        other["event_id"] = str(uuid.uuid5(NOTHING, event["event_id"] + "mended"))
        self.correct(other, **fields)

    def arrivals(self):
        """As Kafka brings them: late ones late, a few out of order, a tenth twice, some of these received twice."""
        arrived = []
        for at, event in self.events:
            at += datetime.timedelta(hours=self.random.randrange(72) if self.random.random() < 0.05 else 0)
            arrived.append((at, event))
            if self.random.random() < 0.1:
                later = datetime.timedelta(hours=self.random.randrange(1, 30))
                received = datetime.datetime.fromisoformat(event["received_at"].replace("Z", "+00:00")) + later
                again = {"received_at": received.isoformat()} if self.random.random() < 0.5 else {}
                arrived.append((at + later, event | again))
        arrived.sort(key=lambda pair: pair[0])
        return [event for _, event in arrived]


def cycle(at):
    """The quarter of a time."""
    first = (at.month - 1) // 3 * 3 + 1
    start = datetime.date(at.year, first, 1)
    end = datetime.date(at.year + (first == 10), (first + 3 - 1) % 12 + 1, 1) - datetime.timedelta(days=1)
    return {"name": f"{at.year} Q{first // 3 + 1}", "start": str(start), "end": str(end)}


def metric(random, kind, share):
    """The numbers of a key result that has come so far; those of half of them fall on the way to the goal."""
    if kind == 0:
        return {"start": 0.0, "target": 40.0, "current": 40.0 * share, "unit": "EUR"}
    if kind == 1:
        return {"start": 12.5, "target": 5.0, "current": 12.5 - 7.5 * share, "unit": "%"}
    if kind == 2:
        return {"start": None, "target": 8.0, "current": float(random.randrange(12)), "unit": None}
    return {"start": 3.0, "target": 3.0, "current": float(random.choice([3, 4])), "unit": "bugs"}


def objectives(company, count):
    """A forest of objectives, with some loops, some orphans and some that are gone."""
    random = company.random
    for number in range(count):
        at = FIRST + datetime.timedelta(hours=random.randrange(24 * 700))
        name = f"o-{number}"
        fields = {"title": f"Objective {number}", "owner": {"id": f"u-{number}", "name": f"Owner {number}"},
                  "department": random.choice(DEPARTMENTS), "team": random.choice(TEAMS)}
        if number > 3 and random.random() < 0.8:
            # One number may also be that of a key result, or of itself.
            fields["parent_id"] = f"o-{random.randrange(min(number + 1, 40))}" if random.random() < 0.9 else f"kr-{number}"
        if random.random() < 0.6:
            fields["cycle"] = cycle(at)
        company.say(at, "objective", name, "created", **fields)
        at += datetime.timedelta(days=random.randrange(1, 60))
        if random.random() < 0.1:
            company.say(at, "objective", name, "updated", parent_id=f"o-{random.randrange(count)}")
        if random.random() < 0.1:
            company.say(at, "objective", name, random.choice(["deleted", "closed"]))
            if random.random() < 0.5:
                company.say(at + datetime.timedelta(days=9), "objective", name, "updated", progress=0.5, status="on_track")
        elif random.random() < 0.2:
            company.say(at, "objective", name, "status_changed", status=random.choice(["done", "cancelled", "behind"]))


def key_result(company, number, parents):
    """The life of a key result, check-in by check-in."""
    random = company.random
    at = FIRST + datetime.timedelta(minutes=random.randrange(60 * 24 * 740))
    name, space = f"kr-{number}", random.choice(["acme", "acme", "tracker/50%"])
    if random.random() < 0.03:
        name = f"o-{number % parents}"  # An id that an objective has, too.
    kind, share = random.randrange(5), 0.0
    fields = {"title": f"Key result {number}", "url": f"https://okr.example/{name}", "parent_id": f"o-{random.randrange(parents)}",
              "department": random.choice(DEPARTMENTS), "team": random.choice(TEAMS),
              "owner": {"id": None, "name": f"Owner {number % 7}", "email": f"owner{number % 7}@okr.example"}}
    if random.random() < 0.8:
        fields["cycle"] = cycle(at)
    if random.random() < 0.4:
        fields["manager"] = {"id": f"m-{number % 3}", "name": None, "email": None}
    company.say(at, "key_result", name, "created", namespace=space, **fields)
    for _ in range(random.randrange(14)):
        at += datetime.timedelta(minutes=random.randrange(1, 60 * 24 * 14))
        if at > LAST:
            return
        share = round(share + random.choice([0, 0, 0.07, 0.13, -0.05, 0.4]), 4)
        step(company, (at, name, space), (kind, share), random.random())


def step(company, where, how, dice):
    """Something happens to a key result."""
    (at, name, space), (kind, share), random = where, how, company.random
    say = lambda change, **fields: company.say(at, "key_result", name, change, namespace=space, **fields)
    if dice < 0.03:
        say("deleted")
        if random.random() < 0.6:
            company.say(at + datetime.timedelta(days=random.randrange(30)), "key_result", name, "created", namespace=space)
    elif dice < 0.06:
        say("closed", status=random.choice(["done", "unknown", "cancelled"]))
        if random.random() < 0.5:
            company.say(at + datetime.timedelta(days=random.randrange(30)), "key_result", name, "status_changed",
                        namespace=space, status="on_track")
    elif dice < 0.10:
        say("updated", department=random.choice(DEPARTMENTS), team=random.choice(TEAMS))
    elif dice < 0.13:
        say("updated", parent_id=f"o-{random.randrange(60)}", cycle=cycle(at + datetime.timedelta(days=80)))
    elif dice < 0.2:
        say("commented", note="nothing new", owner={"id": None, "name": None, "email": None})
    else:
        said = {"status": random.choice(STATUS), "actor": "somebody"}
        if random.random() < 0.7:
            said["confidence"] = random.randrange(11) / 10
        if kind < 4:
            said["metric"] = metric(random, kind, share)
        elif random.random() < 0.8:
            said["progress"] = min(max(share, 0.0), 6.5)
        event = say("checked_in", **said)
        if dice > 0.98:
            company.correct(event, progress=round(random.random(), 3))
        elif dice > 0.97:
            company.replace(event)


def hard_cases(company):
    """What the numbers of views are easily wrong about, each with a name of its own."""
    def at(text):
        return datetime.datetime.fromisoformat(text)

    year = {"name": "2026", "start": "2026-01-01", "end": "2026-12-31"}
    # Said in New York on the last evening of the year, which was the next year in UTC: week 53 of 2026 all the same.
    company.say(at("2026-12-31T23:30:00-05:00").astimezone(UTC), "key_result", "turn", "checked_in",
                department="turn", progress=0.4, confidence=0.5, parent_id="turn-o")
    # Monday at one o'clock in Auckland is Sunday in UTC.
    company.say(at("2026-12-28T01:00:00+13:00").astimezone(UTC), "key_result", "turn", "checked_in",
                department="turn", progress=0.2, confidence=0.7)
    company.say(at("2024-12-30T12:00:00+00:00"), "objective", "turn-o", "created", department="turn", team="t")
    # Moved from one department to the other in the middle of a week.
    company.say(at("2026-03-02T08:00:00+00:00"), "key_result", "mover", "created", department="here", cycle=year, progress=0.5)
    company.say(at("2026-03-12T08:00:00+00:00"), "key_result", "mover", "updated", department="there")
    # Deleted, and back three weeks later.
    company.say(at("2026-04-06T08:00:00+00:00"), "key_result", "phoenix", "created", department="ash", cycle=year, progress=0.9)
    company.say(at("2026-04-15T08:00:00+00:00"), "key_result", "phoenix", "deleted")
    company.say(at("2026-05-04T08:00:00+00:00"), "key_result", "phoenix", "created")
    # From 12.5 down to 5, half of the way.
    company.say(at("2026-06-01T08:00:00+00:00"), "key_result", "falling", "checked_in", department="down", cycle=year,
                metric={"start": 12.5, "target": 5.0, "current": 8.75, "unit": "%"})
    # Fourteen days without a check-in on 2 January, and fourteen days without progress.
    company.say(at("2026-06-01T08:00:00+00:00"), "objective", "edge-o", "created", department="edge", team="e")
    company.say(at("2026-12-19T08:00:00+00:00"), "key_result", "silent", "checked_in", department="edge", parent_id="edge-o", progress=0.1)
    company.say(at("2026-12-30T08:00:00+00:00"), "key_result", "silent", "updated", progress=0.2)
    company.say(at("2026-12-19T08:00:00+00:00"), "key_result", "still", "checked_in", department="edge", progress=0.3)
    company.say(at("2027-01-01T08:00:00+00:00"), "key_result", "still", "checked_in", progress=0.3)
    # Closed without a word on how it went, and without a cycle that would say until when it counts.
    for kind, name in (("key_result", "shut"), ("objective", "shut-o")):
        company.say(at("2026-05-04T08:00:00+00:00"), kind, name, "created", department="shut", team="s", progress=1.5)
        company.say(at("2026-05-13T08:00:00+00:00"), kind, name, "closed")
    # Three objectives in a ring, a key result under each; one is its own parent.
    for name, parent in (("ring-a", "ring-c"), ("ring-b", "ring-a"), ("ring-c", "ring-b"), ("self", "self")):
        company.say(at("2026-07-01T08:00:00+00:00"), "objective", name, "created", parent_id=parent, title=name)
    for number, name in enumerate(("ring-a", "ring-b", "ring-c", "self")):
        company.say(at("2026-07-02T08:00:00+00:00"), "key_result", f"in-{name}", "created", parent_id=name, progress=number / 4)
    # A tool whose clock stood at the year 1: its weeks begin with the first one that is drawn.
    company.say(at("0001-02-03T12:00:00+00:00"), "key_result", "ancient", "created", department="ancient", progress=0.1)
    company.say(at("2000-01-19T12:00:00+00:00"), "key_result", "ancient", "updated", progress=0.8, status="done")


def main(seed, key_results):
    company, parents = Company(int(seed)), max(int(key_results) // 3, 1)
    company.troubled = False
    hard_cases(company)
    company.troubled = True
    objectives(company, parents)
    for number in range(int(key_results)):
        key_result(company, number, parents)
    for event in company.arrivals():
        print(json.dumps(event))


if __name__ == "__main__":
    main(*sys.argv[1:])

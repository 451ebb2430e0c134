"""What the warehouse has to hold after a list of events, computed from the events alone, without any SQL.

An event is one JSON object per line, named as in schemas/okr_event.avsc; times are RFC 3339 with any offset. The rules
are those that ARCHITECTURE.md and docs/warehouse.md state: which copy of an event counts, which event is the newer one,
what a subject's state is, and which day an event belongs to.
"""

import datetime
import json
import re
import uuid

SLACK = datetime.timedelta(minutes=5)
TIME = re.compile(r"(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$")
PLAIN = ["department", "team", "progress", "confidence"]
OF_SUBJECT = ["parent_id", "title", "url"]
WHOLE = ["owner", "manager", "cycle", "metric"]


def moment(text):
    """A time as an aware datetime in UTC."""
    *numbers, fraction, zone = TIME.match(text).groups()
    micros = int((fraction or "").ljust(6, "0")[:6])
    at = datetime.datetime(*map(int, numbers), micros, tzinfo=datetime.timezone.utc)
    if zone == "Z":
        return at
    offset = datetime.timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return at + offset if zone[0] == "-" else at - offset


def happened(event):
    """When an event counts as having happened: no later than five minutes after it was received."""
    return min(moment(event["occurred_at"]), moment(event["received_at"]) + SLACK)


def day(event):
    """The UTC day of an event."""
    return happened(event).date()


def rank(event):
    """The newer of two events of a subject has the higher rank."""
    sequence = event["source"].get("sequence")
    return (
        happened(event),
        (sequence is not None, sequence or 0),
        moment(event["received_at"]),
        event.get("revision", 0),
        event["event_id"],
    )


def subject(event):
    """What tells a subject from every other one."""
    about = event["subject"]
    return about["namespace"], about["type"], about["id"]


def delivery(event):
    identity = event["source"].get("delivery_id")
    return None if identity is None else (event["subject"]["namespace"], identity)


def counted(events):
    """One copy of each event: its highest revision, and no event of a delivery that a higher revision corrected."""
    highest = {}
    for event in events:
        if (key := delivery(event)) is not None:
            highest[key] = max(highest.get(key, 0), event.get("revision", 0))
    best = {}
    for event in events:
        known = best.get(event["event_id"])
        if known is None or preferred(event) < preferred(known):
            best[event["event_id"]] = event
    return [event for event in best.values()
            if delivery(event) is None or event.get("revision", 0) >= highest[delivery(event)]]


def preferred(event):
    return -event.get("revision", 0), rank(event)


def percent_of_way(metric):
    """Progress from a metric, as the gateway fills it in where the tool gives none; the target may be the lower end."""
    start, target, current = (metric.get(name) for name in ("start", "target", "current"))
    start = 0.0 if start is None else start
    if target is None or current is None:
        return None
    if start == target:
        return 1.0 if current == target else None
    return min(max((current - start) / (target - start), 0.0), 6.5)


def progress_of(event):
    if event.get("progress") is not None:
        return event["progress"]
    return percent_of_way(event.get("metric") or {})


def states(events):
    """The state after each of these events of one subject, in their order: `[(event, state)]`."""
    found, before = [], {}
    for event in sorted(events, key=rank):
        said = dict(event, progress=progress_of(event))
        state = {name: said.get(name) if said.get(name) is not None else before.get(name) for name in PLAIN}
        for name in OF_SUBJECT:
            state[name] = event["subject"].get(name)
            if state[name] is None:
                state[name] = before.get(name)
        for name in WHOLE:
            whole = event.get(name) or {}
            says = any(value is not None for value in whole.values())
            state[name] = whole if says else before.get(name) or {}
        status = event.get("status", "unknown")
        state["status"] = status if status != "unknown" else before.get("status", "unknown")
        state["change"] = event["change"]
        found.append((event, state))
        before = state
    return found


class Subject:
    """One subject: its state now, its state at the end of each day on which it was heard of, its check-ins."""

    def __init__(self, key, events):
        self.namespace, self.type, self.id = self.key = key
        space = self.namespace.replace("%", "%25").replace("/", "%2F")
        self.uid = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{space}/{self.type}/{self.id}"))
        self.history = history = states(events)
        self.now = history[-1][1]
        self.days = {day(event): state for event, state in history}
        self.check_ins = sorted((happened(event), day(event)) for event, _ in history
                                if event["change"] == "checked_in")

    def on(self, last):
        """The state at the end of a day; none before anything was heard."""
        known = [when for when in self.days if when <= last]
        return self.days[max(known)] if known else None


def read(path):
    """All subjects of a file of events, by their key."""
    with open(path, encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines if line.strip()]
    of = {}
    for event in counted(events):
        of.setdefault(subject(event), []).append(event)
    return {key: Subject(key, events) for key, events in of.items()}

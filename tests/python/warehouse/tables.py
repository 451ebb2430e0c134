"""What the warehouse's tables have to hold, computed from a file of events with plain Python.

usage: tables.py EVENTS
Prints one JSON object: {table: {"key": [columns that tell its rows apart], "rows": [{column: value}]}}, with the columns
that events decide; times are left out.
"""

import json
import sys

from state import progress_of, read


def part(record, prefix, *names):
    return {f"{prefix}_{name}": (record or {}).get(name) for name in names}


def shared(state):
    return {
        "department": state["department"], "team": state["team"], "progress": state["progress"],
        "confidence": state["confidence"], "status": state["status"], **part(state["cycle"], "cycle", "name", "start", "end"),
        "metric_current": state["metric"].get("current"), "is_deleted": state["change"] == "deleted",
    }


def okr_state(subjects):
    for subject in subjects:
        event, state = subject.history[-1]
        yield {
            "subject_uid": subject.uid, "subject_namespace": subject.namespace, "subject_type": subject.type,
            "subject_id": subject.id, "event_id": event["event_id"], "revision": event["revision"],
            "change": event["change"], "actor": event.get("actor"), "note": event.get("note"),
            **part(state, "subject", "parent_id", "title", "url"), **shared(state),
            **part(state["owner"], "owner", "id", "name", "email"),
            **part(state["manager"], "manager", "id", "name", "email"),
            **part(state["metric"], "metric", "start", "target", "unit"),
        }


def okr_progress_daily(subjects):
    for subject in subjects:
        for day, state in subject.days.items():
            yield {"subject_uid": subject.uid, "day": day, **shared(state), "is_closed": state["change"] == "closed"}


def okr_events(subjects):
    for subject in subjects:
        for event, _ in subject.history:
            yield {
                "event_id": event["event_id"], "revision": event["revision"], "subject_uid": subject.uid,
                "change": event["change"], "progress": progress_of(event), "department": event.get("department"),
                "source_sequence": event["source"].get("sequence"),
                "source_delivery_id": event["source"].get("delivery_id"),
            }


KEYS = {
    okr_state: ["subject_uid"],
    okr_progress_daily: ["subject_uid", "day"],
    okr_events: ["event_id"],
}


def main(events):
    subjects = read(events).values()
    said = {table.__name__: {"key": key, "rows": list(table(subjects))} for table, key in KEYS.items()}
    print(json.dumps(said, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])

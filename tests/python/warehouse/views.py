"""The numbers that the warehouse's views have to show, computed from a file of events with plain Python.

usage: views.py EVENTS TODAY        (TODAY as YYYY-MM-DD, the UTC day on which somebody looks)
Prints one JSON object: {view: {"key": [columns that tell its rows apart], "rows": [{column: value}]}}.
"""

import datetime
import json
import sys

from state import read

WEEK = datetime.timedelta(days=7)
LIMIT = 14
# Weeks before this one are not drawn.
FIRST_WEEK = datetime.date(2000, 1, 3)
PARENTS = {
    "key_result": ["objective", "initiative", "custom", "key_result"],
    "objective": ["objective", "key_result", "initiative", "custom"],
    "initiative": ["key_result", "objective", "initiative", "custom"],
    "custom": ["objective", "key_result", "initiative", "custom"],
}


def monday(when):
    return when - datetime.timedelta(days=when.weekday())


def mean(values):
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def capped(progress):
    """Past its goal a key result counts as reached, so that it hides no other one."""
    return None if progress is None else min(progress, 1.0)


def date(text):
    return None if text is None else datetime.date.fromisoformat(text)


def span(state):
    cycle = state["cycle"]
    return date(cycle.get("start")), date(cycle.get("end"))


def in_cycle(state, first, last):
    """Whether any of these days lies in the state's cycle; what has no cycle always does."""
    start, end = span(state)
    return (start is None or start <= last) and (end is None or end >= first)


def is_ended(state):
    return state["status"] in ("done", "cancelled") or state["change"] == "closed"


def groups(rows, *names):
    found = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return found


def week_columns(week):
    year, number, _ = week.isocalendar()
    return {"iso_year": year, "iso_week": number, "week_start": week}


class Views:
    def __init__(self, subjects, today):
        self.subjects, self.today = subjects, today
        self.live = {key: subject for key, subject in subjects.items() if subject.now["change"] != "deleted"}
        self.parents = {key: parent for key in self.live if (parent := self.parent(key)) is not None}
        self.weeks = list(self.key_result_weeks())

    def parent(self, key):
        namespace, kind, _ = key
        wanted = self.live[key].now["parent_id"]
        for other in PARENTS[kind]:
            candidate = (namespace, other, wanted)
            if candidate in self.live and candidate != key:
                return candidate
        return None

    def okr_parents(self):
        for key, parent in self.parents.items():
            subject, above = self.live[key], self.live[parent]
            yield {"subject_uid": subject.uid, "subject_namespace": subject.namespace, "subject_type": subject.type,
                   "subject_id": subject.id, "parent_uid": above.uid, "parent_type": above.type, "parent_id": above.id}

    def okr_key_results(self):
        for key, subject in self.live.items():
            if subject.type != "key_result":
                continue
            state = subject.now
            start, end = span(state)
            first = min(subject.days)
            check_in = max((when for _, when in subject.check_ins), default=None)
            moved = self.last_move(subject)
            parent = self.parents.get(key)
            objective = parent if parent is not None and parent[1] == "objective" else None
            yield {
                "subject_uid": subject.uid, "subject_namespace": subject.namespace, "subject_id": subject.id,
                "title": state["title"], "url": state["url"],
                "department": state["department"], "team": state["team"],
                "owner_name": (state["owner"] or {}).get("name"),
                "cycle_name": state["cycle"].get("name"), "cycle_start": start, "cycle_end": end,
                "in_cycle": in_cycle(state, self.today, self.today),
                "is_open": not is_ended(state),
                "status": state["status"], "progress": state["progress"], "confidence": state["confidence"],
                "metric_start": state["metric"].get("start"), "metric_target": state["metric"].get("target"),
                "metric_current": state["metric"].get("current"), "metric_unit": state["metric"].get("unit"),
                "objective_uid": objective and self.live[objective].uid,
                "objective_id": objective and objective[2],
                "objective_title": objective and self.live[objective].now["title"],
                "first_day": first,
                "last_check_in_day": check_in,
                "days_since_check_in": max(0, (self.today - (check_in or first)).days),
                "last_progress_day": moved,
                "days_without_progress": max(0, (self.today - (moved or first)).days),
            }

    @staticmethod
    def last_move(subject):
        """The last day whose last progress is another one than that of the day before on which it was heard of."""
        last, before = None, None
        for when in sorted(subject.days):
            progress = subject.days[when]["progress"]
            if progress is not None and progress != before:
                last = when
            before = progress
        return last

    def okr_stalled(self):
        for row in self.okr_key_results():
            silent = row["days_since_check_in"] >= LIMIT
            still = row["days_without_progress"] >= LIMIT
            if row["is_open"] and row["in_cycle"] and (silent or still):
                reason = "both" if silent and still else "no_check_in" if silent else "no_progress"
                yield {name: row[name] for name in (
                    "subject_uid", "subject_namespace", "subject_id", "title", "url", "department", "team", "owner_name",
                    "cycle_name", "status", "progress", "last_check_in_day", "days_since_check_in",
                    "last_progress_day", "days_without_progress",
                )} | {"reason": reason}

    def okr_key_results_by_status(self):
        names = ("department", "team", "cycle_name", "status")
        for values, rows in groups(self.okr_key_results(), *names).items():
            yield dict(zip(names, values)) | {
                "key_results": len(rows),
                "progress_avg": mean(capped(row["progress"]) for row in rows),
                "confidence_avg": mean(row["confidence"] for row in rows),
            }

    def key_result_weeks(self):
        """Every week in which a key result counts, as it stood at the end of that week."""
        for subject in self.subjects.values():
            if subject.type != "key_result":
                continue
            week = max(monday(min(subject.days)), FIRST_WEEK)
            while week <= monday(self.today):
                row = self.in_week(subject, week)
                if row is not None:
                    yield row
                week += WEEK

    @staticmethod
    def in_week(subject, week):
        last = week + WEEK - datetime.timedelta(days=1)
        state = subject.on(last)
        if state["change"] == "deleted" or state["status"] == "cancelled" or not in_cycle(state, week, last):
            return None
        heard = max(when for when in subject.days if when <= last)
        if is_ended(state) and span(state)[1] is None and monday(heard) != week:
            return None  # Nothing says when it ceases to matter but its end.
        return {
            "subject_uid": subject.uid, "subject_namespace": subject.namespace, "subject_id": subject.id,
            **week_columns(week),
            "department": state["department"], "team": state["team"], "cycle_name": state["cycle"].get("name"),
            "status": state["status"], "progress": state["progress"], "confidence": state["confidence"],
        }

    def okr_key_result_weeks(self):
        return self.weeks

    def okr_progress_weekly(self):
        for (department, week), rows in groups(self.weeks, "department", "week_start").items():
            known = [capped(row["progress"]) for row in rows if row["progress"] is not None]
            yield {"department": department, **week_columns(week), "key_results": len(rows),
                   "key_results_measured": len(known), "progress_avg": mean(known),
                   "progress_min": min(known, default=None), "progress_max": max(known, default=None)}

    def okr_confidence_trend(self):
        found = groups(self.weeks, "department", "week_start")
        averages = {key: mean(row["confidence"] for row in rows) for key, rows in found.items()}
        for (department, week), average in averages.items():
            before = averages.get((department, week - WEEK))
            change = average - before if average is not None and before is not None else None
            known = sum(row["confidence"] is not None for row in found[department, week])
            yield {"department": department, **week_columns(week), "key_results": len(found[department, week]),
                   "key_results_rated": known, "confidence_avg": average, "confidence_change": change}

    def okr_check_in_cadence(self):
        found = {}
        for row in self.weeks:
            found.setdefault((row["department"], row["week_start"]), []).append(None)
        made = {}
        for subject in self.subjects.values():
            if subject.type != "key_result":
                continue
            before = None
            for _, when in subject.check_ins:
                key = subject.days[when]["department"], monday(when)
                made.setdefault(key, []).append((subject.key, before and (when - before).days))
                before = when
        for department, week in found.keys() | made.keys():
            check_ins = made.get((department, week), [])
            yield {"department": department, **week_columns(week),
                   "key_results": len(found.get((department, week), [])),
                   "check_ins": len(check_ins), "key_results_checked_in": len({key for key, _ in check_ins}),
                   "days_between_avg": mean(gap for _, gap in check_ins)}

    def okr_coverage(self):
        """Of the open objectives of a team, those of which a key result was checked in within the last fourteen days."""
        since = self.today - datetime.timedelta(days=LIMIT)
        covered = set()
        for key, parent in self.parents.items():
            subject = self.live[key]
            if subject.type == "key_result" and any(when > since for _, when in subject.check_ins):
                covered.add(parent)
        teams = {}
        for key, subject in self.live.items():
            if subject.type == "objective" and not is_ended(subject.now) \
                    and in_cycle(subject.now, self.today, self.today):
                teams.setdefault((subject.now["department"], subject.now["team"]), []).append(key in covered)
        for (department, team), objectives in teams.items():
            yield {"department": department, "team": team, "objectives": len(objectives),
                   "objectives_covered": sum(objectives), "coverage": sum(objectives) / len(objectives)}

    def ancestors(self, key):
        """All that a subject hangs under, whatever lies between; itself is among them when it lies in a loop."""
        found, at = set(), self.parents.get(key)
        while at is not None and at not in found:
            found.add(at)
            at = self.parents.get(at)
        return found

    def okr_rollup(self):
        above = {key: self.ancestors(key) for key in self.live}
        for key, subject in self.live.items():
            if subject.type != "objective":
                continue
            state, parent = subject.now, self.parents.get(key)
            below = [self.live[other].now for other in self.live
                     if other[1] == "key_result" and key in above[other]
                     and self.live[other].now["status"] != "cancelled"]
            known = [capped(under["progress"]) for under in below if under["progress"] is not None]
            yield {
                "subject_uid": subject.uid, "subject_namespace": subject.namespace, "subject_id": subject.id,
                "title": state["title"], "url": state["url"],
                "department": state["department"], "team": state["team"],
                "owner_name": (state["owner"] or {}).get("name"), "cycle_name": state["cycle"].get("name"),
                "status": state["status"], "is_open": not is_ended(state),
                "parent_uid": parent and self.live[parent].uid, "parent_type": parent and parent[1],
                "parent_id": parent and parent[2],
                "level": len(above[key] - {key}), "in_loop": key in above[key],
                "progress": state["progress"],
                "key_results": len(below), "key_results_measured": len(known),
                "progress_rolled_up": mean(known),
                "confidence_avg": mean(under["confidence"] for under in below),
                "key_results_at_risk": sum(under["status"] == "at_risk" for under in below),
                "key_results_behind": sum(under["status"] == "behind" for under in below),
                "key_results_done": sum(under["status"] == "done" for under in below),
            }


SUBJECT = ["subject_uid"]
KEYS = {
    "okr_parents": SUBJECT,
    "okr_key_results": SUBJECT,
    "okr_stalled": SUBJECT,
    "okr_key_results_by_status": ["department", "team", "cycle_name", "status"],
    "okr_key_result_weeks": [*SUBJECT, "week_start"],
    "okr_progress_weekly": ["department", "week_start"],
    "okr_confidence_trend": ["department", "week_start"],
    "okr_check_in_cadence": ["department", "week_start"],
    "okr_coverage": ["department", "team"],
    "okr_rollup": SUBJECT,
}


def main(events, today):
    views = Views(read(events), datetime.date.fromisoformat(today))
    said = {name: {"key": key, "rows": list(getattr(views, name)())} for name, key in KEYS.items()}
    print(json.dumps(said, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])

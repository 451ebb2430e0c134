"""Checks what deploys okr-router, without an engine: compose file, image recipe, Prometheus and Grafana.

Usage: deploy.py ROOT ROLE…
Each ROLE has its own container and is scraped. Prints what is wrong, a line each, and ends with 1; else with 0.
"""

import json
import pathlib
import re
import subprocess
import sys

import promql_parser
import yaml

TOOLS = pathlib.Path(sys.executable).parent
METRIC = re.compile(r"\bokr_[a-z_]+\b")
PARTS = re.compile(r"_(bucket|sum|count)$")


def lint(root):
    """The checkers that others wrote."""
    checks = {
        "deploy/Dockerfile": [TOOLS / "hadolint", root / "deploy/Dockerfile"],
        "docker-compose.yml": [
            TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", root / "docker-compose.yml",
        ],
    }
    for what, command in checks.items():
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            yield f"{what}: {done.stdout}{done.stderr}"


def compose(root, roles):
    """One container per role, confined, and only what is there is mounted."""
    services = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]
    for role in roles:
        service = services.get(role)
        if service is None:
            yield f"docker-compose.yml has no container for the role {role}"
            continue
        if service["command"][0] != role:
            yield f"the container {role} runs {service['command']}"
        if not (service["read_only"] and service["cap_drop"] == ["ALL"]):
            yield f"the container {role} may do more than it needs"
    for name, service in services.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./") and not (root / source).exists():
                yield f"the container {name} mounts {source}, which is not there"


def scraped(root, roles):
    """Prometheus asks every role."""
    config = yaml.safe_load((root / "deploy/prometheus/prometheus.yml").read_text())
    targets = {target.split(":")[0] for job in config["scrape_configs"]
               for group in job["static_configs"] for target in group["targets"]}
    for role in set(roles) - targets:
        yield f"deploy/prometheus/prometheus.yml does not ask {role}"


def expressions(root):
    """Every PromQL expression, with the place it stands in."""
    rules = yaml.safe_load((root / "deploy/prometheus/alerts.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield f"alert {rule['alert']}", rule["expr"]
    for path in sorted((root / "deploy/grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                if "expr" in target:
                    yield f"{path.name}, panel {panel['title']}", target["expr"].replace("$__rate_interval", "5m")


def metrics(root):
    """Expressions are PromQL and ask only for what docs/telemetry.md names."""
    known = set(METRIC.findall((root / "docs/telemetry.md").read_text()))
    found = list(expressions(root))
    if len(found) < 20:
        yield f"only {len(found)} expressions were found"
    for place, expression in found:
        try:
            promql_parser.parse(expression)
        except ValueError as error:
            yield f"{place}: {error}"
        for metric in METRIC.findall(re.sub(r'"[^"]*"', "", expression)):
            if metric not in known and PARTS.sub("", metric) not in known:
                yield f"{place}: docs/telemetry.md names no {metric}"


def charts(root):
    """Panels ask sources that are there, and those log in as somebody who is made."""
    services = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]
    made = " ".join((root / volume.split(":")[0]).read_text()
                    for volume in services["postgres"]["volumes"] if "docker-entrypoint-initdb.d" in volume)
    uids = set()
    for path in sorted((root / "deploy/grafana/provisioning/datasources").glob("*.yml")):
        for name in re.findall(r"\$(\w+)", path.read_text()):
            if name not in services["grafana"]["environment"]:
                yield f"{path.name} wants {name}, which the container grafana is not given"
        for source in yaml.safe_load(path.read_text())["datasources"]:
            uids.add(source["uid"])
            if "user" in source and f"CREATE ROLE {source['user']} " not in made:
                yield f"{path.name} logs in as {source['user']}, whom no script of the container postgres makes"
    views = set(re.findall(r"CREATE OR REPLACE VIEW (\w+)", "".join(
        path.read_text() for path in (root / "crates/warehouse/migrations/postgres").glob("*.sql"))))
    for path in sorted((root / "deploy/grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                if panel["datasource"]["uid"] not in uids:
                    yield f"{path.name}, panel {panel['title']}: there is no source {panel['datasource']['uid']}"
                if not ("expr" in target or set(re.findall(r"\bokr\.(\w+)", target.get("rawSql", ""))) & views):
                    yield f"{path.name}, panel {panel['title']} asks for no metric and no view"


def main(root, *roles):
    root = pathlib.Path(root)
    wrong = [*lint(root), *compose(root, roles), *scraped(root, roles), *metrics(root), *charts(root)]
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])

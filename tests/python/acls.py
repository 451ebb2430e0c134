"""Gives and takes rights: `acls.py BROKER add|remove '[{"principal", "resource", "name", "operation"}, ...]'`."""

import json
import re
import sys

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

broker, verb, rows = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
admin = AdminClient({"bootstrap.servers": broker})
kind = AclBinding if verb == "add" else AclBindingFilter


def binding(row):
    operation = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", row["operation"]).upper()
    return kind(
        ResourceType[row["resource"].upper()],
        row["name"],
        ResourcePatternType.LITERAL,
        row["principal"],
        "*",
        AclOperation[operation],
        AclPermissionType.ALLOW,
    )


bindings = [binding(row) for row in rows]
done = admin.create_acls(bindings) if verb == "add" else admin.delete_acls(bindings)
for answer in done.values():
    removed = answer.result(timeout=20)
    if verb == "remove" and not removed:
        sys.exit("there was no such right")

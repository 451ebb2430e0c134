"""Prints the topics of a cluster and how many partitions each has: `topics.py BROKER`."""

import json
import sys

from confluent_kafka.admin import AdminClient

topics = AdminClient({"bootstrap.servers": sys.argv[1]}).list_topics(timeout=20).topics
print(json.dumps({name: len(topic.partitions) for name, topic in topics.items()}))

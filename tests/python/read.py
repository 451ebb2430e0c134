"""Reads a topic with librdkafka's Python client and fastavro; prints one JSON line per record.

usage: read.py BROKER REGISTRY TOPIC COUNT
Schema ids are resolved by plain HTTP at the registry's Confluent API. Ends with 1 when fewer records came in 30 s.
"""

import io
import json
import sys
import time
import urllib.request

import fastavro
from confluent_kafka import Consumer, KafkaException, TopicPartition, OFFSET_BEGINNING

schemas = {}


def schema(registry, number):
    if number not in schemas:
        url = f"{registry}/schemas/ids/{number}"
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
            schemas[number] = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
    return schemas[number]


def decode(registry, frame):
    if frame is None:
        return None
    if frame[0] != 0:
        raise ValueError(f"magic byte {frame[0]}, not 0")
    body = io.BytesIO(frame[5:])
    value = fastavro.schemaless_reader(body, schema(registry, int.from_bytes(frame[1:5], "big")))
    if body.read(1):
        raise ValueError("bytes are left over after the record")
    return value


def text(value):
    return None if value is None else value.decode("utf-8", "backslashreplace")


def main(broker, registry, topic, count):
    consumer = Consumer({
        "bootstrap.servers": broker,
        "group.id": "okr-tests-python",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
    })
    partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    deadline, left = time.monotonic() + 30, int(count)
    while left and time.monotonic() < deadline:
        record = consumer.poll(0.5)
        if record is None:
            continue
        if record.error():
            raise KafkaException(record.error())
        print(json.dumps({
            "topic": record.topic(),
            "partition": record.partition(),
            "offset": record.offset(),
            "timestamp": record.timestamp()[1],
            "key": text(record.key()),
            "headers": {name: text(value) for name, value in record.headers() or []},
            "value": decode(registry, record.value()),
        }, default=str))
        left -= 1
    consumer.close()
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

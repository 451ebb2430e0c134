"""Reads and writes records byte for byte with librdkafka's Python client: everything in base64, one JSON line each.

usage: raw.py read BROKER TOPIC                        all that is on the topic now
       raw.py read BROKER TOPIC PARTITION OFFSET       one partition from an offset on
       raw.py decode BROKER REGISTRY TOPIC [PARTITION OFFSET]
                                                       the same, keys and headers as text, values decoded by fastavro;
                                                       a value that cannot be is null, with "error"
       raw.py produce BROKER TOPIC JSON                {partition, key, value, headers: [[name, value], …]}
       raw.py encode REGISTRY ID JSON                  the frame that fastavro makes of a record with this schema
"""

import base64
import io
import json
import sys

import fastavro
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from read import decode, schema, text


def encoded(value):
    return None if value is None else base64.b64encode(value).decode()


def decoded(value):
    return None if value is None else base64.b64decode(value)


def records(broker, topic, partition=None, offset=None):
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "okr-tests-python", "enable.auto.commit": False,
                         "fetch.message.max.bytes": 32 << 20, "fetch.wait.max.ms": 100})
    numbers = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    wanted, left = [], {}
    for number in ([int(partition)] if partition is not None else numbers):
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=20)
        start = max(low, int(offset or 0))
        if start < high:
            wanted.append(TopicPartition(topic, number, start))
            left[number] = high
    consumer.assign(wanted)
    while left:
        record = consumer.poll(20)
        if record is None:
            raise SystemExit(f"nothing came for 20 s, though {left} were promised")
        if record.error():
            raise KafkaException(record.error())
        if record.offset() + 1 >= left.get(record.partition(), 0):
            left.pop(record.partition(), None)
        yield record
    consumer.close()


def read(broker, topic, partition=None, offset=None):
    for record in records(broker, topic, partition, offset):
        print(json.dumps({
            "partition": record.partition(), "offset": record.offset(), "key": encoded(record.key()),
            "value": encoded(record.value()),
            "headers": [[name, encoded(value)] for name, value in record.headers() or []],
        }))


def read_decoded(broker, registry, topic, partition=None, offset=None):
    for record in records(broker, topic, partition, offset):
        value, error = None, None
        try:
            value = decode(registry, record.value())
        except Exception as problem:  # Whatever it is, the record is not one of ours.
            error = str(problem)
        print(json.dumps({
            "topic": topic, "partition": record.partition(), "offset": record.offset(), "key": text(record.key()),
            "headers": {name: text(value) for name, value in record.headers() or []}, "value": value, "error": error,
        }, default=str))


def produce(broker, topic, line):
    record = json.loads(line)
    producer = Producer({"bootstrap.servers": broker, "message.max.bytes": 16 << 20, "acks": "all"})
    reports = []
    producer.produce(topic, partition=record["partition"], key=decoded(record["key"]), value=decoded(record["value"]),
                     headers=[(name, decoded(value)) for name, value in record["headers"]],
                     on_delivery=lambda error, _: reports.append(error))
    producer.flush(20)
    if reports != [None]:
        raise SystemExit(f"not produced: {reports}")


def encode(registry, number, line):
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema(registry, int(number)), json.loads(line))
    print(encoded(b"\0" + int(number).to_bytes(4, "big") + body.getvalue()))


if __name__ == "__main__":
    verbs = {"read": read, "decode": read_decoded, "produce": produce, "encode": encode}
    verbs[sys.argv[1]](*(sys.argv[2:] if sys.argv[-1] != "-" else [*sys.argv[2:-1], sys.stdin.read()]))

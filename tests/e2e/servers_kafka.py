# SPDX-License-Identifier: Apache-2.0
"""A Kafka broker and a Kafka Connect worker for tests and the bench, in the manner of servers.py.

    with Kafka(run) as kafka, Connect(run, kafka, "2.5") as connect:
        kafka.create("events", partitions=6)
        connect.create("cdc", {"connector.class": DEBEZIUM, ...})
        connect.wait_running("cdc")
        records = kafka.consume("prefix.public.events", 10)
"""
import base64
import collections
import contextlib
import ctypes
import json
import logging
import subprocess
import urllib.error
import urllib.request
import uuid

from servers import ROOT, Server, ServerError, free_port, parse_lsn, wait_until

KAFKA_LIB = ROOT / "build/cache/kafka/lib"
DEBEZIUM = "io.debezium.connector.postgresql.PostgresConnector"
DEBEZIUM_VERSIONS = {"2.5": "2.5.4.Final", "3.3": "3.3.1.Final"}

# key, value: bytes or None; headers: a list of (name, bytes or None) in their order; time: the record's own, ms
Record = collections.namedtuple("Record", "topic partition offset key value headers time")

BROKER_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={dir}/data
num.partitions=1
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=8388608
controlled.shutdown.enable=false
"""

WORKER_PROPERTIES = """\
bootstrap.servers=127.0.0.1:{kafka_port}
group.id=connect-{port}
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
offset.storage.topic=connect-{port}-offsets
offset.storage.replication.factor=1
offset.storage.partitions=1
config.storage.topic=connect-{port}-config
config.storage.replication.factor=1
status.storage.topic=connect-{port}-status
status.storage.replication.factor=1
status.storage.partitions=1
offset.flush.interval.ms={flush_ms}
listeners=http://127.0.0.1:{port}
plugin.path={plugins}
plugin.discovery=only_scan
scheduled.rebalance.max.delay.ms=0
"""

LOG4J_PROPERTIES = """\
log4j.rootLogger={level}, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %-5p %m (%c{{1}})%n
log4j.logger.org.reflections=ERROR
"""


class JavaServer(Server):
    """A program of Kafka's jars: log4j to its output, a heap of its own."""

    heap = "512m"
    log_level = "INFO"
    start_timeout = 90.0
    stop_timeout = 30.0

    def java(self, main, *words, lib=KAFKA_LIB):
        return ["java", "-Xms64m", f"-Xmx{self.heap}", "-XX:+UseG1GC",
                f"-Dlog4j.configuration=file:{self.dir}/log4j.properties", "-cp", f"{lib}/*", main, *map(str, words)]

    def prepare(self):
        if not KAFKA_LIB.is_dir():
            raise ServerError("Kafka's jars are missing; run: make setup")
        (self.dir / "log4j.properties").write_text(LOG4J_PROPERTIES.format(level=self.log_level))


class Kafka(JavaServer):
    """One Kafka 3.9 broker, its own controller (KRaft); about 4 s to start. kill() and start() bring it back with
    what it had."""

    name = "kafka"
    log_level = "WARN"

    def __init__(self, run, label=None, port=None, **properties):
        """properties: the broker's, with _ for each dot."""
        super().__init__(run, label)
        self.port = port or self.port
        self.controller_port = free_port()
        self.properties = {name.replace("_", "."): value for name, value in properties.items()}

    def prepare(self):
        super().prepare()
        text = BROKER_PROPERTIES.format(dir=self.dir, port=self.port, controller_port=self.controller_port)
        text += "".join(f"{name}={value}\n" for name, value in self.properties.items())
        (self.dir / "server.properties").write_text(text)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
        self.run_tool("kafka.tools.StorageTool", "format", "-t", cluster, "-c", self.dir / "server.properties")

    def run_tool(self, main, *words):
        result = subprocess.run(self.java(main, *words), capture_output=True, text=True, timeout=60, cwd=self.dir)
        if result.returncode != 0:
            raise ServerError(f"{main}: {result.stdout}{result.stderr}")

    def command(self):
        return self.java("kafka.Kafka", self.dir / "server.properties")

    @property
    def brokers(self):
        return f"127.0.0.1:{self.port}"

    def client(self, **more):
        """librdkafka's properties for a client of this broker; silent while the broker is away."""
        return {"bootstrap.servers": self.brokers, "logger": _silent(), "broker.address.family": "v4",
                **{name.replace("_", "."): value for name, value in more.items()}}

    def admin(self):
        from confluent_kafka.admin import AdminClient
        return AdminClient(self.client())

    def ready(self):
        from confluent_kafka import KafkaException
        try:
            return bool(self.admin().list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    def topics(self):
        """Name to number of partitions, without the broker's own."""
        found = self.admin().list_topics(timeout=15).topics
        return {name: len(t.partitions) for name, t in sorted(found.items()) if name != "__consumer_offsets"}

    def create(self, topic, partitions=1, **config):
        """A topic and its configuration (cleanup_policy="compact"), with leaders, when this returns."""
        from confluent_kafka.admin import NewTopic
        options = {name.replace("_", "."): str(value) for name, value in config.items()}
        admin = self.admin()
        admin.create_topics([NewTopic(topic, partitions, 1, config=options)])[topic].result(30)
        wait_until(lambda: self.topics().get(topic) == partitions, 15, f"topic {topic}")

    def delete(self, *topics):
        if not topics:
            return
        admin = self.admin()  # must live until all is answered
        for future in admin.delete_topics(list(topics)).values():
            future.result(30)
        wait_until(lambda: not set(topics) & set(self.topics()), 15, f"topics {topics} are gone")

    def produce(self, topic, *records):
        """Each record: (key, value) or (key, value, headers) or (key, value, headers, partition)."""
        from confluent_kafka import Producer
        failures = []
        producer = Producer(self.client(enable_idempotence=True, linger_ms=0))
        for record in records:
            key, value, headers, partition = (*record, None, None)[:4]
            where = {} if partition is None else {"partition": partition}
            while True:
                try:
                    producer.produce(topic, value, key, headers=headers, **where,
                                     on_delivery=lambda fault, _: fault and failures.append(fault))
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        left = producer.flush(30)
        if left or failures:
            raise ServerError(f"not produced: {left} late, {failures[:3]}")

    def ends(self, topic, start=False):
        """The offset behind the last record of each partition, or of the first one."""
        with self.consumer() as consumer:
            return {p: self.watermarks(consumer, topic, p)[0 if start else 1] for p in range(self.topics()[topic])}

    @staticmethod
    def watermarks(consumer, topic, partition):
        from confluent_kafka import TopicPartition
        return consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=15)

    @contextlib.contextmanager
    def consumer(self, group=None, **more):
        """A consumer that commits nothing by itself."""
        from confluent_kafka import Consumer
        made = Consumer(self.client(**{"group_id": group or f"test-{uuid.uuid4()}", "enable_auto_commit": False,
                                       "auto_offset_reset": "earliest", "enable_partition_eof": False, **more}))
        try:
            yield made
        finally:
            made.close()

    def consume(self, topics, count=None, timeout=30.0, start=None):
        """The records of a topic or several, by partition and offset. Without a count: all that is there now; with
        one: waits until there are so many. start: partition to offset, of one topic."""
        from confluent_kafka import TopicPartition
        names = [topics] if isinstance(topics, str) else list(topics)
        records = []
        with self.consumer() as consumer:
            if count is not None:
                wait_until(lambda: set(names) <= set(self.topics()), timeout, f"topics {names}", 0.2)
            known = self.topics()
            places = [TopicPartition(n, p, (start or {}).get(p, 0)) for n in names for p in range(known[n])]
            left = {}  # (topic, partition) -> the offset to read up to, where there is something to read
            for place in places:
                low, high = self.watermarks(consumer, place.topic, place.partition)
                place.offset = max(place.offset, low)
                if high > place.offset:
                    left[place.topic, place.partition] = high
            consumer.assign(places)

            def read_on():
                for message in consumer.consume(10000, 0.2):
                    if message.error():
                        raise ServerError(f"consume: {message.error()}")
                    records.append(_record(message))
                if count is not None:
                    return len(records) >= count
                for at in consumer.position([TopicPartition(*where) for where in left]):
                    if at.offset >= left[at.topic, at.partition]:  # counts markers and compacted records too
                        del left[at.topic, at.partition]
                return not left

            wait_until(read_on, timeout, f"{count if count is not None else 'all'} records of {names}", 0)
        order = {name: at for at, name in enumerate(names)}
        return sorted(records, key=lambda r: (order[r.topic], r.partition, r.offset))

    def committed(self, group, topic):
        """Partition to offset of a consumer group; without those that have none."""
        return committed_offsets(self.brokers, group, topic, self.topics()[topic])


class _Place(ctypes.Structure):
    """rd_kafka_topic_partition_t"""
    _fields_ = [("topic", ctypes.c_char_p), ("partition", ctypes.c_int32), ("offset", ctypes.c_int64),
                ("metadata", ctypes.c_void_p), ("metadata_size", ctypes.c_size_t), ("opaque", ctypes.c_void_p),
                ("err", ctypes.c_int), ("private", ctypes.c_void_p)]


class _Places(ctypes.Structure):
    """rd_kafka_topic_partition_list_t"""
    _fields_ = [("count", ctypes.c_int), ("size", ctypes.c_int), ("items", ctypes.POINTER(_Place))]


def committed_offsets(brokers, group, topic, count):
    """By librdkafka itself: its Python client takes a note for a C string, reads on behind its end, and often finds no
    UTF-8 there."""
    lib = ctypes.CDLL("librdkafka.so.1")
    lib.rd_kafka_conf_new.restype = lib.rd_kafka_new.restype = ctypes.c_void_p
    lib.rd_kafka_topic_partition_list_new.restype = ctypes.POINTER(_Places)
    why = ctypes.create_string_buffer(512)
    conf = ctypes.c_void_p(lib.rd_kafka_conf_new())
    for name, value in {"bootstrap.servers": brokers, "group.id": group, "broker.address.family": "v4",
                        "log_level": "0"}.items():
        if lib.rd_kafka_conf_set(conf, name.encode(), value.encode(), why, ctypes.c_size_t(len(why))) != 0:
            raise ServerError(why.value.decode())
    consumer = ctypes.c_void_p(lib.rd_kafka_new(1, conf, why, ctypes.c_size_t(len(why))))
    places = lib.rd_kafka_topic_partition_list_new(count)
    for partition in range(count):
        lib.rd_kafka_topic_partition_list_add(places, topic.encode(), ctypes.c_int32(partition))
    try:
        if lib.rd_kafka_committed(consumer, places, 15000) != 0:
            return {}
        found = [places.contents.items[n] for n in range(places.contents.count)]
        return {place.partition: place.offset for place in found if place.offset >= 0}
    finally:
        lib.rd_kafka_topic_partition_list_destroy(places)
        lib.rd_kafka_destroy(consumer)


def wait_caught_up(capture, kafka, pg, topics, sinks, timeout=120.0, group="multisink-engagement"):
    """All that is committed in PostgreSQL is in Kafka, and every sink's group has committed to the end of every
    partition. Asks PostgreSQL, the broker and the one that captures, so it does not matter who delivers."""
    lsn = pg.lsn()

    def confirmed():
        status = capture() if callable(capture) else capture.status()
        return status and parse_lsn(status["source"]["confirmed_lsn"] or 0) >= lsn

    def behind():
        for topic in topics:
            ends = kafka.ends(topic)
            for sink in sinks:
                done = kafka.committed(f"{group}-{sink}", topic)
                for partition, end in ends.items():
                    if end and done.get(partition, 0) < end:
                        return f"{sink} is at {done.get(partition, 0)} of {topic}/{partition}, which has {end}"
        return None

    wait_until(confirmed, timeout, f"all up to {lsn:X} is confirmed", 0.2)
    try:
        wait_until(lambda: behind() is None, timeout, "the groups are at the end", 0.5)
    except TimeoutError as fault:
        raise TimeoutError(f"{fault}: {behind()}") from None


def wait_pipeline(multisink, kafka, pg, sinks=None, timeout=120.0):
    """The same for one process that does all."""
    config = multisink.config
    wait_until(lambda: multisink.status(), timeout, "somebody answers")
    prefix = config["stream"]["kafka"].get("topic_prefix", config["name"])
    names = [s["name"] for s in config["sinks"] if sinks is None or s["name"] in sinks]
    tables = config["source"]["postgres"]["tables"]

    class There:
        """Topics are made with their first record: which there are is asked each time."""

        def __iter__(self):
            return iter([t for t in (f"{prefix}.{table}" for table in tables) if t in kafka.topics()])

    wait_caught_up(multisink, kafka, pg, There(), names, timeout, f"multisink-{config['name']}")


def position_faults(records):
    """What is wrong with the positions in the headers: within a partition each is above the one before it."""
    faults, last = [], {}
    for record in records:
        text = dict(record.headers).get("multisink.position")
        if text is None:
            continue
        words = text.decode().split("/")
        position = (int(words[0]), int(words[1], 16) << 32 | int(words[2], 16), *(int(w) for w in words[3:]))
        place = (record.topic, record.partition)
        if place in last and position <= last[place]:
            faults.append(f"{place} offset {record.offset}: {text.decode()} is not above {last[place]}")
        last[place] = position
    return faults


def _silent():
    logger = logging.getLogger("kafka-client")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


def _record(message):
    return Record(message.topic(), message.partition(), message.offset(), message.key(), message.value(),
                  message.headers() or [], message.timestamp()[1])


class Connect(JavaServer):
    """A Kafka Connect worker with one version of Debezium as its plugin; about 8 s to start."""

    name = "connect"

    def __init__(self, run, kafka, debezium="2.5", label=None, port=None, heap="512m", flush_ms=1000, log_level="WARN"):
        super().__init__(run, label)
        self.kafka = kafka
        self.port = port or self.port
        self.plugins = ROOT / f"build/cache/debezium-{debezium}"
        self.heap = heap
        self.flush_ms = flush_ms
        self.log_level = log_level

    def prepare(self):
        super().prepare()
        if not self.plugins.is_dir():
            raise ServerError("Debezium's jars are missing; run: make setup")
        (self.dir / "worker.properties").write_text(WORKER_PROPERTIES.format(
            kafka_port=self.kafka.port, port=self.port, plugins=self.plugins, flush_ms=self.flush_ms))

    def command(self):
        return self.java("org.apache.kafka.connect.cli.ConnectDistributed", self.dir / "worker.properties")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def request(self, method, path, body=None, headers=None):
        """(status, body as JSON or text) of a request; a refusal is an answer too."""
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method,
                                         headers={"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            status, text = refusal.code, refusal.read().decode()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def ready(self):
        """It answers and is the leader of its group: before that every change is refused."""
        with contextlib.suppress(OSError):
            return self.request("GET", "/connectors")[0] == 200
        return False

    def create(self, name, config):
        """As the seed does it; a 409 (rebalance in progress) is asked again."""
        def posted():
            status, answer = self.request("POST", "/connectors", {"name": name, "config": config})
            if status not in (201, 409) or (status == 409 and "already exists" in str(answer)):
                raise ServerError(f"POST /connectors: {status} {answer}")
            return status == 201
        wait_until(posted, 30, f"connector {name} is accepted", 0.3)

    def remove(self, name):
        wait_until(lambda: self.request("DELETE", f"/connectors/{name}")[0] in (204, 404), 30, f"{name} is gone", 0.3)

    def status(self, name):
        """RUNNING when connector and task are; FAILED with its trace; or what else it says."""
        status, answer = self.request("GET", f"/connectors/{name}/status")
        if status != 200 or not answer["tasks"]:
            return "UNASSIGNED", ""
        parts = [answer["connector"], *answer["tasks"]]
        for part in parts:
            if part["state"] != "RUNNING":
                return part["state"], part.get("trace", "")
        return "RUNNING", ""

    def wait_running(self, name, timeout=60.0):
        def running():
            state, trace = self.status(name)
            if state == "FAILED":
                raise ServerError(f"connector {name} failed: {trace}")
            return state == "RUNNING"
        wait_until(running, timeout, f"connector {name} runs", 0.2)


def debezium_config(pg, prefix, slot, publication, **more):
    """The seed's connector configuration for this server; more: properties with __ for each dot."""
    return {"connector.class": DEBEZIUM, "plugin.name": "pgoutput", "database.hostname": "127.0.0.1",
            "database.port": str(pg.port), "database.user": "postgres", "database.password": "postgres",
            "database.dbname": pg.database, "topic.prefix": prefix, "publication.name": publication,
            "slot.name": slot, "database.sslmode": "disable",
            **{name.replace("__", "."): str(value) for name, value in more.items()}}

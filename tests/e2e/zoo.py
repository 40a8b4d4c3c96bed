# SPDX-License-Identifier: Apache-2.0
"""The scenario that the real Debezium and multisink are both shown, and the connectors that it is shown to.

tests/golden/debezium/README.md describes what is recorded of it; scripts/golden-debezium records.
"""
import re

from servers import ROOT, wait_until
from servers_kafka import debezium_config

GOLDEN = ROOT / "tests/golden/debezium"
FENCE = "zoo.fence"
PUBLICATION = "zoo_pub"

UNWRAP = {"transforms": "unwrap", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState"}
BARE = {"key.converter": "org.apache.kafka.connect.json.JsonConverter", "key.converter.schemas.enable": "false",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false"}
# D1 of docs/kafka.md: a NULL stays a NULL, as multisink has it, where the converter is told to leave it alone.
NULLS = {"value.converter": "org.apache.kafka.connect.json.JsonConverter",
         "value.converter.replace.null.with.default": "false"}
ALL = {"skipped.operations": "none"}

# Name: (versions, properties beyond the connection). Every mode of every option that changes bytes is in one of them.
# add.headers and transaction metadata do not go together: the real one fails at the first record that has no source.
CONFIGS = {
    "envelope": (("2.5", "3.3"), {**ALL}),
    "nulls": (("2.5", "3.3"), {**ALL, **NULLS}),
    "bare": (("2.5", "3.3"), {**ALL, **BARE, "value.converter.replace.null.with.default": "false",
                              "provide.transaction.metadata": "true", "heartbeat.interval.ms": "1000"}),
    "seed": (("2.5", "3.3"), {**UNWRAP}),
    "rewrite": (("2.5", "3.3"), {
        **UNWRAP, **NULLS, "transforms.unwrap.delete.tombstone.handling.mode": "rewrite",
        "transforms.unwrap.add.fields": "op,table,lsn,source.ts_ms,source.txId:xid",
        "transforms.unwrap.add.headers": "op,db,source.schema:s", "transforms.unwrap.add.headers.prefix": "h."}),
    "rewrite_old": (("2.5", "3.3"), {
        **UNWRAP, **BARE, "value.converter.replace.null.with.default": "false",
        "transforms.unwrap.delete.handling.mode": "rewrite", "transforms.unwrap.drop.tombstones": "false",
        "transforms.unwrap.add.fields": "op:operation,lsn,transaction.id,transaction.total_order",
        "transforms.unwrap.add.fields.prefix": "cdc_", "provide.transaction.metadata": "true"}),
    "strings": (("2.5", "3.3"), {
        **ALL, **NULLS, "decimal.handling.mode": "string", "time.precision.mode": "connect",
        "binary.handling.mode": "base64", "hstore.handling.mode": "map", "interval.handling.mode": "string",
        "tombstones.on.delete": "false"}),
    "doubles": (("2.5", "3.3"), {
        **ALL, **NULLS, "decimal.handling.mode": "double", "time.precision.mode": "adaptive_time_microseconds",
        "binary.handling.mode": "hex", "hstore.handling.mode": "map", "money.fraction.digits": "4",
        "unavailable.value.placeholder": "n/a"}),
    "urlsafe": (("2.5", "3.3"), {
        **ALL, **NULLS, "binary.handling.mode": "base64-url-safe", "decimal.handling.mode": "string",
        "include.unknown.datatypes": "true"}),
    **{f"deletes_{mode.replace('-', '_')}": (versions, {
        **UNWRAP, **BARE, "value.converter.replace.null.with.default": "false",
        "transforms.unwrap.delete.tombstone.handling.mode": mode})
       for mode, versions in (("drop", ("2.5", "3.3")), ("tombstone", ("2.5", "3.3")),
                              ("rewrite-with-tombstone", ("2.5", "3.3")), ("delete-to-tombstone", ("3.3",)))},
    "deletes_none": (("2.5",), {
        **UNWRAP, **BARE, "value.converter.replace.null.with.default": "false",
        "transforms.unwrap.delete.handling.mode": "none", "transforms.unwrap.drop.tombstones": "false"}),
    "deletes_none_alone": (("2.5",), {
        **UNWRAP, **BARE, "value.converter.replace.null.with.default": "false",
        "transforms.unwrap.delete.handling.mode": "none"}),
    "iso": (("3.3",), {**ALL, **NULLS, "time.precision.mode": "isostring"}),
    "micros": (("3.3",), {**ALL, **NULLS, "time.precision.mode": "microseconds"}),
    "nanos": (("3.3",), {**ALL, **NULLS, "time.precision.mode": "nanoseconds"}),
}
# Of these only the topics that their modes touch are kept.
DELETES = re.compile(r"\.(message|zoo\.(many|key_ba|ident_default|ident_full|ident_full_nokey|nokey))$")
MODES = ("strings", "doubles", "urlsafe", "iso", "micros", "nanos")
MODE_TOPICS = re.compile(r"\.(message|zoo\.(numbers|odd_numbers|special_numbers|texts|times|infinite_times|far_times|"
                         r"intervals|bits|shapes|odd_types|ranges|domains|arrays|more_arrays|defaults|computed|toast|"
                         r"toast_full|key_types|key_numeric))$")


def phases(path=GOLDEN / "scenario.sql"):
    """(name, statements) in their order; the first is the setup."""
    found = []
    for block in re.split(r"^--@ phase ", path.read_text(), flags=re.M)[1:]:
        name, _, text = block.partition("\n")
        statements = [s.strip() for s in re.split(r";[ ]*$", text, flags=re.M)]
        found.append((name.strip(), [s for s in statements if s]))
    return found


def run_phase(db, name, statements):
    """On one connection that commits each statement by itself."""
    for statement in statements:
        try:
            db.execute(statement)
        except Exception as fault:
            raise RuntimeError(f"phase {name}: {statement[:200]}: {fault}") from fault


class Connector:
    """One of CONFIGS on one version: a slot and a topic prefix of its own."""

    def __init__(self, name, version):
        self.name, self.version = name, version
        self.prefix = f"{name}-{version.replace('.', '')}"
        self.slot = re.sub(r"\W", "_", self.prefix)
        self.properties = CONFIGS[name][1]
        self.worker = None

    def start(self, worker, pg):
        self.worker = worker
        config = debezium_config(pg, self.prefix, self.slot, PUBLICATION)
        worker.create(self.prefix, {**config, **self.properties})

    def state(self):
        return self.worker.status(self.prefix)

    def owns(self, topic):
        return topic.startswith(self.prefix + ".") or topic.endswith(f".{self.prefix}")

    def records(self, kafka):
        """All of its topics, by topic and offset."""
        return kafka.consume([t for t in kafka.topics() if self.owns(t)], timeout=120)


def connectors(names=None, versions=("2.5", "3.3")):
    return [Connector(name, version) for name, (has, _) in CONFIGS.items() for version in has
            if version in versions and (names is None or name in names)]


def records_of(kafka, made):
    """The prefix of each connector -> its records. Read at once: that is much faster than one by one."""
    found = {connector.prefix: [] for connector in made}
    owner = {topic: c.prefix for topic in kafka.topics() for c in made if c.owns(topic)}
    for record in kafka.consume(sorted(owner), timeout=240):
        found[owner[record.topic]].append(record)
    return found


class Fences:
    """Waits until each connector has written the newest row of zoo.fence: then it has all before that row. One that
    failed says so and is left out from then on."""

    def __init__(self, pg, kafka, made):
        self.pg, self.kafka, self.made, self.count = pg, kafka, made, 0

    def raise_one(self, db):
        self.count += 1
        db.execute(f"INSERT INTO {FENCE} VALUES ({self.count})")

    def wait(self, timeout=120):
        from confluent_kafka import KafkaException
        waiting = list(self.made)

        def all_there():
            nonlocal waiting
            try:
                with self.kafka.consumer() as consumer:
                    waiting = [c for c in waiting if self._end(consumer, c) < self.count + 1]
            except KafkaException:
                pass
            for connector in list(waiting):
                state, trace = connector.state()
                if state == "FAILED":
                    print(f"{connector.prefix} failed: {trace}", flush=True)
                    self.made.remove(connector)
                    waiting.remove(connector)
            return not waiting

        wait_until(all_there, timeout, f"fence {self.count} in {[c.prefix for c in waiting]}", 0.2)

    def _end(self, consumer, connector):
        return self.kafka.watermarks(consumer, f"{connector.prefix}.{FENCE}", 0)[1]


def kept(connector, records):
    """What of its records goes into a file."""
    for record in kept_beats(records):
        only = MODE_TOPICS if connector.name in MODES else DELETES if connector.name.startswith("deletes_") else None
        if only is None or only.search(record.topic):
            yield record


def kept_beats(records):
    """Without the heartbeats but for the first two: their number is a matter of time."""
    beats = 0
    for record in records:
        beats += record.topic.startswith("__debezium-heartbeat.")
        if not record.topic.startswith("__debezium-heartbeat.") or beats <= 2:
            yield record


# Debezium's properties in the words of stream.kafka.format.
WORDS = {"decimal.handling.mode": "decimal", "time.precision.mode": "time", "binary.handling.mode": "binary",
         "hstore.handling.mode": "hstore", "interval.handling.mode": "interval",
         "unavailable.value.placeholder": "placeholder", "transforms.unwrap.add.fields.prefix": "fields_prefix",
         "transforms.unwrap.add.headers.prefix": "headers_prefix"}


def format_of(version, properties):
    """stream.kafka.format that asks multisink for what these properties ask of Debezium."""
    made = {"compat": version, "overflow": "text", "connector": "postgresql"}
    for key, word in WORDS.items():
        if key in properties:
            made[word] = properties[key]
    if "money.fraction.digits" in properties:
        made["money_digits"] = int(properties["money.fraction.digits"])
    made["schemas"] = properties.get("value.converter.schemas.enable") != "false"
    made["tombstones"] = properties.get("tombstones.on.delete") != "false"
    made["truncates"] = properties.get("skipped.operations") == "none"
    made["transactions"] = properties.get("provide.transaction.metadata") == "true"
    if "heartbeat.interval.ms" in properties:
        made["heartbeat"] = properties["heartbeat.interval.ms"] + "ms"
    if "transforms" in properties:
        made.update(unwrapped(version, properties))
    return made


def unwrapped(version, properties):
    made = {"record": "unwrapped"}
    mode = properties.get("transforms.unwrap.delete.tombstone.handling.mode")
    # The older pair of properties: 3.3 does not know it any more and takes no notice.
    older = properties.get("transforms.unwrap.delete.handling.mode")
    if version == "2.5" and older:
        keep = properties.get("transforms.unwrap.drop.tombstones") == "false"
        mode = {("rewrite", True): "rewrite-with-tombstone", ("rewrite", False): "rewrite",
                ("none", True): "none", ("none", False): "tombstone"}[older, keep]
    if mode:
        made["deletes"] = mode
    for key, word in (("add.fields", "add_fields"), ("add.headers", "add_headers")):
        if f"transforms.unwrap.{key}" in properties:
            made[word] = properties[f"transforms.unwrap.{key}"].split(",")
    return made


# Partitions instead of what they are of: so the publication sends them, and so the real one writes them.
TABLES_SQL = """SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('zoo', 'Od d') AND c.relkind = 'r' ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C" """


class Ours(Connector):
    """multisink as a capture, configured as the connector of that name."""

    def __init__(self, name, version):
        super().__init__(name, version)
        self.prefix = f"ours-{self.prefix}"
        self.slot = f"ours_{self.slot}"

    def start(self, run, pg, kafka):
        from servers import Multisink

        def quoted(name):
            return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'

        tables = [f"{quoted(schema)}.{quoted(table)}" for schema, table in pg.execute(TABLES_SQL)]
        self.worker = Multisink(run, {
            "version": 1, "name": self.name.replace("_", "-"), "role": "capture",
            "source": {"postgres": {"url": pg.url, "slot": self.slot, "publication": PUBLICATION, "tables": tables}},
            "stream": {"kafka": {"brokers": kafka.brokers, "topic_prefix": self.prefix,
                                 "format": format_of(self.version, self.properties)}}})
        self.worker.start(wait=False)

    def state(self):
        if self.worker.running():
            return "RUNNING", ""
        return "FAILED", self.worker.log_tail(40)

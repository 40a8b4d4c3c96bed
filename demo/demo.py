# SPDX-License-Identifier: Apache-2.0
"""make demo: the engagement pipeline on private servers, shown live; with DEMO_SECONDS it ends by itself and says
whether every sink has exactly what PostgreSQL has. DEMO_STREAM=kafka puts a real broker in the middle: one process
captures, three deliver, on a topic with six partitions."""
import os
import pathlib
import shutil
import signal
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))
sys.path.insert(0, str(ROOT / "demo"))
sys.dont_write_bytecode = True

import checker  # noqa: E402
import seed  # noqa: E402
import servers  # noqa: E402
import servers_kafka  # noqa: E402
from screen import Screen  # noqa: E402
from visitors import Visitors  # noqa: E402

KEPT = ROOT / "build/demo"
ALL_SINKS = ["cassandra", "redis", "http"]
CAUGHT_UP_SECONDS = 120
PREFIX = "engagement_project"
PARTITIONS = 6
MEMBERS = 3


class Demo:
    """The servers that were asked for, and what is known of them."""

    def __init__(self, sinks, stream):
        self.sinks = sinks
        self.run = servers.Run("multisink-demo-")
        self.pg = servers.Postgres(self.run)
        self.cassandra = servers.Cassandra(self.run) if "cassandra" in sinks else None
        self.redis = servers.Redis(self.run) if "redis" in sinks else None
        self.receiver = servers.Receiver(self.run) if "http" in sinks else None
        self.kafka = servers_kafka.Kafka(self.run) if stream == "kafka" else None
        self.multisink = None  # that which captures
        self.members = []      # those that deliver
        self.started = []

    def start(self):
        if self.cassandra:  # eleven seconds; the others start meanwhile
            self.cassandra.prepare()
            self.started.append(self.cassandra)
            self.cassandra.start(wait=False)
        for server in (self.pg, self.redis, self.receiver, self.kafka):
            if server:
                self.started.append(server)
                server.__enter__()
        seed.make_source(self.pg, identity_full=False)
        self.pg.execute(Visitors.LEDGER)
        if self.cassandra:
            say("Cassandra starts (about 11 s)")
            self.cassandra.wait_ready()
            seed.make_cassandra(self.cassandra)
        source = seed.source_config(self.pg)
        if self.kafka:
            self.multisink = self.start_multisink("capture", role="capture", source=source)
            self.members = [self.start_multisink(f"deliver-{n + 1}", role="deliver", sinks=self.sink_configs())
                            for n in range(MEMBERS)]
        else:
            self.multisink = self.start_multisink("pipeline", source=source, sinks=self.sink_configs())
            self.members = [self.multisink]

    def start_multisink(self, label, **config):
        if self.kafka:
            config["stream"] = {"kafka": {"brokers": [self.kafka.brokers], "topic_prefix": PREFIX,
                                          "partitions": PARTITIONS}}
        multisink = servers.Multisink(self.run, {"version": 1, "name": "engagement", **config}, label)
        shutil.copy(multisink.config_path, KEPT / f"{label}.yaml")
        self.started.append(multisink)
        multisink.start()
        return multisink

    def sink_configs(self):
        sinks = []
        if self.cassandra:
            sinks.append(seed.cassandra_sink(self.cassandra))
        if self.redis:
            sinks.append(seed.redis_sink(self.redis, seed.INSERTS_ONLY))
        if self.receiver:
            sinks.append(seed.http_sink(self.receiver))
        return sinks

    def wait_caught_up(self):
        """All that was committed is where it belongs; with Kafka in every member's part of it."""
        if self.kafka:
            servers_kafka.wait_caught_up(self.multisink, self.kafka, self.pg, [f"{PREFIX}.{seed.TABLE}"],
                                         [c["name"] for c in self.sink_configs()], CAUGHT_UP_SECONDS)
        else:
            self.multisink.wait_caught_up(self.pg, CAUGHT_UP_SECONDS)

    def stop(self):
        """The writer of a server's data ends before the server; the logs stay in build/demo."""
        for server in reversed(self.started):
            server.close()
        for server in self.started:
            if server.log_path.exists():
                shutil.copy(server.log_path, KEPT / f"{server.dir.name}.log")
        if self.receiver and self.receiver.file.exists():
            shutil.copy(self.receiver.file, KEPT / self.receiver.file.name)
        shutil.rmtree(self.run.dir, ignore_errors=True)

    def compare(self):
        """{sink: faults}, after all of it was read from the servers."""
        found = {}
        if self.cassandra:
            found["cassandra"] = checker.check_cassandra(self.pg, self.cassandra)
        if self.redis:
            counts = {str(k): n for k, n in self.pg.execute("SELECT content_id, inserts FROM demo_ledger")}
            found["redis"] = checker.check_redis(self.pg, self.redis, counts=counts)
        if self.receiver:
            found["http"] = checker.check_http(self.pg, self.receiver, repeats_allowed=False)
        return found


def say(text):
    print(f"demo: {text}", flush=True)


def chosen_sinks():
    wanted = [s.strip() for s in os.environ.get("DEMO_SINKS", "").split(",") if s.strip()] or ALL_SINKS
    unknown = [s for s in wanted if s not in ALL_SINKS]
    if unknown:
        sys.exit(f"demo: DEMO_SINKS: unknown sink {unknown[0]!r} (known: {', '.join(ALL_SINKS)})")
    return [s for s in ALL_SINKS if s in wanted]


def chosen_stream():
    stream = os.environ.get("DEMO_STREAM") or "log"
    if stream not in ("log", "kafka"):
        sys.exit(f"demo: DEMO_STREAM: unknown stream {stream!r} (known: log, kafka)")
    return stream


def number(name, fallback):
    text = os.environ.get(name) or str(fallback)
    try:
        value = float(text)
    except ValueError:
        value = -1
    if value < 0:
        sys.exit(f"demo: {name}={text}: not a number")
    return value


def show(demo, visitors, seconds):
    """Refreshes the screen until the time is over (0: for ever)."""
    screen = Screen(demo, visitors)
    end = time.monotonic() + seconds if seconds else None
    while end is None or time.monotonic() < end:
        if visitors.fault:
            raise visitors.fault
        for process in (demo.multisink, *demo.members):
            if not process.running():
                raise servers.ServerError(f"multisink ended: {process.log_tail()}")
        screen.draw()
        time.sleep(0.5)
    return screen


def finish(demo, visitors, screen):
    """Stops the writer, waits for the sinks, compares. Returns the exit code."""
    visitors.stop()
    screen.end()
    say(f"the writer has stopped after {visitors.changes} changes in {visitors.transactions} transactions")
    demo.wait_caught_up()
    faults = demo.compare()
    validate(demo)
    print()
    for sink, found in faults.items():
        say(f"{sink:10} {'exact' if not found else 'NOT EXACT'}")
        for fault in found:
            print(f"    {fault}")
    return 1 if any(faults.values()) else 0


def validate(demo):
    """The three looks that the pipeline's own instructions end with."""
    if demo.cassandra:
        print("\ncqlsh> SELECT * FROM engagement.engagement_events LIMIT 5;")
        for row in demo.cassandra.execute("SELECT * FROM engagement.engagement_events LIMIT 5"):
            print("  " + " | ".join(str(v) for v in row))
        count = demo.cassandra.execute("SELECT count(*) FROM engagement.engagement_events")[0][0]
        print(f"  ({count} rows; PostgreSQL has {demo.pg.value('SELECT count(*) FROM engagement_events')})")
    if demo.redis:
        print("\n$ redis-cli ZREVRANGE engagement_10m 0 5 WITHSCORES")
        for member, score in demo.redis.client().zrevrange(seed.SCORES, 0, 5, withscores=True):
            print(f"  {member}  {score:g}")
    if demo.receiver:
        events = checker.read_events(demo.receiver.file)
        print(f"\nPOST /api got {len(events)} bodies; the last three:")
        for event in events[-3:]:
            print(f"  {event['op']:7} {event['body']}")


def deaf():
    for caught in (signal.SIGINT, signal.SIGTERM):
        signal.signal(caught, signal.SIG_IGN)


def interrupted(*_):
    """Once: make and a terminal both send the signal, and what comes later must not break the tidying up."""
    deaf()
    raise KeyboardInterrupt


def main():
    for caught in (signal.SIGINT, signal.SIGTERM):
        signal.signal(caught, interrupted)
    sinks, stream = chosen_sinks(), chosen_stream()
    seconds, rate = number("DEMO_SECONDS", 0), number("DEMO_RATE", 100)
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True)
    demo = Demo(sinks, stream)
    visitors = None
    code = 1
    try:
        names = ["postgres", *(["kafka"] if demo.kafka else []), *sinks]
        say(f"starting private servers: {', '.join(names)} (below {demo.run.dir})")
        demo.start()
        visitors = Visitors(demo.pg, rate)
        visitors.start()
        screen = show(demo, visitors, seconds)
        code = finish(demo, visitors, screen)
    except KeyboardInterrupt:
        print()
        say("stopped by you")
        code = 0 if not seconds else 130
    except (servers.ServerError, TimeoutError) as fault:
        say(f"failed: {fault}")
    finally:
        deaf()
        if visitors:
            visitors.stop()
        demo.stop()
        say(f"all servers are stopped; logs, configuration and what the receiver got: {KEPT}")
    return code


if __name__ == "__main__":
    sys.exit(main())

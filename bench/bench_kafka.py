# SPDX-License-Identifier: Apache-2.0
"""make bench-kafka: a backlog of the seed's table into a topic, through the real Debezium on Kafka Connect and through
multisink, on the same servers in the same run; rewrites its section of docs/performance.md."""
import datetime
import os
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))
sys.path.insert(0, str(ROOT / "bench"))
sys.dont_write_bytecode = True
os.chdir(ROOT)

import seed  # noqa: E402
import servers  # noqa: E402
import servers_kafka  # noqa: E402
from machine import KAFKA_HEADING, machine, table  # noqa: E402
from writers import backlog  # noqa: E402

ROWS = int(os.environ.get("BENCH_ROWS") or 200_000)
ROUNDS = int(os.environ.get("BENCH_ROUNDS") or 3)
VERSION = "2.5"
# What connect-distributed.sh gives its worker.
HEAP = "2g"
PAGE = ROOT / "docs/performance.md"


class Round:
    """One of the two at work: rows/s, CPU-seconds per million rows, peak MiB."""

    def __init__(self, took, cpu, rss_kib):
        self.rate, self.cpu, self.rss = ROWS / took, cpu / ROWS * 1e6, rss_kib / 1024


def topic_of(prefix):
    return f"{prefix}.{seed.TABLE}"


def wait_rows(kafka, prefix, timeout=600):
    """Until the topic has as many records as there are rows."""
    with kafka.consumer() as consumer:
        servers.wait_until(lambda: kafka.watermarks(consumer, topic_of(prefix), 0)[1] >= ROWS, timeout,
                           f"{ROWS} records in {topic_of(prefix)}", 0.02)


def check_rows(kafka, prefix):
    """No figure for a run that lost or repeated a row."""
    keys = [r.key for r in kafka.consume(topic_of(prefix), timeout=300)]
    if len(keys) != ROWS or len(set(keys)) != ROWS:
        sys.exit(f"bench: not exact, so no figure: {len(keys)} records, {len(set(keys))} keys of {ROWS}")


def real(run, pg, kafka, connect, prefix):
    before = connect.cpu_seconds()
    began = time.monotonic()
    connect.create(prefix, servers_kafka.debezium_config(
        pg, prefix, prefix, "engagement_pub", snapshot__mode="never", table__include__list=seed.TABLE))
    wait_rows(kafka, prefix)
    took = time.monotonic() - began
    cpu, rss = connect.cpu_seconds() - before, connect.rss_peak_kib()
    connect.remove(prefix)
    return Round(took, cpu, rss)


def ours(run, pg, kafka, connect, prefix):
    config = {"version": 1, "name": prefix, "role": "capture", "source": seed.source_config(pg, slot=prefix),
              "stream": {"kafka": {"brokers": kafka.brokers, "topic_prefix": prefix}}}
    multisink = servers.Multisink(run, config)
    began = time.monotonic()
    multisink.start(wait=False)
    wait_rows(kafka, prefix)
    took = time.monotonic() - began
    cpu, rss = multisink.cpu_seconds(), multisink.rss_peak_kib()
    multisink.close()
    return Round(took, cpu, rss)


NAMES = {"A": "multisink", "B": f"Debezium {servers_kafka.DEBEZIUM_VERSIONS[VERSION]} on Connect"}


def measure(run):
    order = [kind for n in range(ROUNDS) for kind in ("AB" if n % 2 == 0 else "BA")]
    rounds = {"A": [], "B": []}
    with servers.Postgres(run, synchronous_commit="on", max_replication_slots="40") as pg, \
            servers_kafka.Kafka(run) as kafka:
        seed.make_source(pg, identity_full=False, slot=False)
        prefixes = [f"bench{n}" for n in range(-1, len(order))]
        prefixes = [p.replace("-1", "warm") for p in prefixes]
        for prefix in prefixes:
            pg.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", prefix)
            kafka.create(topic_of(prefix))
        backlog(pg, ROWS)
        facts = machine(pg, run.dir)
        with servers_kafka.Connect(run, kafka, VERSION, heap=HEAP) as connect:
            real(run, pg, kafka, connect, prefixes[0])  # Java gets warm
            for prefix, kind in zip(prefixes[1:], order):
                made = (ours if kind == "A" else real)(run, pg, kafka, connect, prefix)
                check_rows(kafka, prefix)
                kafka.delete(topic_of(prefix))
                rounds[kind].append(made)
                print(f"bench: {NAMES[kind]}: {made.rate:,.0f} rows/s, {made.cpu:.2f} CPU-s per million rows, "
                      f"{made.rss:.0f} MiB", flush=True)
    return facts, rounds


def spread(values, form="{:,.0f}"):
    low, middle, high = (form.format(f(values)) for f in (min, statistics.median, max))
    return f"{middle} ({low} to {high})"


def section(rounds):
    a, b = rounds["A"], rounds["B"]
    rates = [x.rate / y.rate for x, y in zip(a, b)]
    cpus = [y.cpu / x.cpu for x, y in zip(a, b)]
    return "\n".join([
        KAFKA_HEADING, "",
        f"Written by `make bench-kafka` on {datetime.date.today().isoformat()}. {ROWS:,} rows of the engagement table",
        "wait in a slot, a hundred to a transaction; from the start (of the program, or of the connector on a Connect worker",
        "that runs and is warm) until the last is in the topic, envelope with schemas, one partition. One broker, on the",
        "same machine. CPU and memory are those of multisink's process and of the worker's.", "",
        table([[NAMES[k], spread([r.rate for r in rounds[k]]), spread([r.cpu for r in rounds[k]], "{:.2f}"),
                spread([r.rss for r in rounds[k]])] for k in "AB"],
              ["", "rows/s", "CPU-s per million rows", "peak MiB"]), "",
        f"In the same round: {spread(rates, '{:.1f}')} times the rows per second, 1/{spread(cpus, '{:.0f}')} of the CPU.",
        ""])


def main():
    with servers.Run("multisink-bench-") as run:
        facts, rounds = measure(run)
    text = section(rounds)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page.split(KAFKA_HEADING)[0].rstrip("\n") + "\n\n" + text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

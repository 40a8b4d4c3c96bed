# SPDX-License-Identifier: Apache-2.0
"""make bench: what multisink does on this machine, beside what bounds it, in one run."""
import datetime
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))
sys.path.insert(0, str(ROOT / "bench"))
sys.dont_write_bytecode = True
os.chdir(ROOT)

import checker  # noqa: E402
import seed  # noqa: E402
import servers  # noqa: E402
from machine import KAFKA_HEADING, machine, table  # noqa: E402
from writers import OpenLoop, backlog  # noqa: E402

ROWS = int(os.environ.get("BENCH_ROWS") or 200_000)
ROUNDS = int(os.environ.get("BENCH_ROUNDS") or 3)
SECONDS = float(os.environ.get("BENCH_SECONDS") or 20)
RATE = 500
SETTINGS = {"synchronous_commit": "on", "max_replication_slots": "40"}


def slot(pg, name):
    pg.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", name)


def source(pg, name):
    return seed.source_config(pg, slot=name)


def config(pg, name, *sinks):
    return {"version": 1, "name": "bench", "source": source(pg, name), "sinks": list(sinks)}


def drain(run):
    """All three sinks, from a backlog in the slot until the last has acknowledged."""
    rounds = []
    with servers.Postgres(run, **SETTINGS) as pg, servers.Cassandra(run) as cassandra:
        seed.make_source(pg, identity_full=False, slot=False)
        names = [f"drain{n}" for n in range(ROUNDS)]
        for name in names:
            slot(pg, name)
        backlog(pg, ROWS)
        lsn = pg.lsn()
        facts = machine(pg, run.dir)
        for name in names:
            seed.make_cassandra(cassandra)
            with servers.Redis(run) as redis, servers.Receiver(run) as receiver:
                sinks = [seed.cassandra_sink(cassandra), seed.redis_sink(redis, seed.INSERTS_ONLY),
                         seed.http_sink(receiver)]
                multisink = servers.Multisink(run, config(pg, name, *sinks))
                began = time.monotonic()
                multisink.start(wait=False)
                per_sink = wait_each(multisink, lsn, began)
                took = time.monotonic() - began
                cpu, rss = multisink.cpu_seconds(), multisink.rss_peak_kib() / 1024
                faults = [*checker.check_cassandra(pg, cassandra), *checker.check_redis(pg, redis),
                          *checker.check_http(pg, receiver)]
                multisink.close()
                if faults:
                    sys.exit(f"bench: not exact, so no figure: {faults[:3]}")
            rounds.append((ROWS / took, cpu / ROWS * 1e6, rss, {k: ROWS / v for k, v in per_sink.items()}))
            print(f"bench: drain {rounds[-1][0]:.0f} rows/s, {cpu:.2f} CPU-s, {rss:.1f} MiB", flush=True)
    return facts, rounds


def wait_each(multisink, lsn, began, timeout=600):
    """Seconds until each sink had all up to the LSN."""
    done = {}
    deadline = began + timeout
    while time.monotonic() < deadline:
        status = multisink.status()
        if status and servers.parse_lsn(status["source"]["confirmed_lsn"] or 0) >= lsn:
            for sink in status["sinks"]:
                if sink["lag_bytes"] == 0:
                    done.setdefault(sink["name"], time.monotonic() - began)
            if len(done) == len(status["sinks"]):
                return done
        if not multisink.running():
            sys.exit(f"bench: multisink ended: {multisink.log_tail()}")
        time.sleep(0.1)
    sys.exit(f"bench: not done after {timeout} s: {multisink.status()}")


def capture(run):
    """Into the log alone, beside pg_recvlogical writing to /dev/null: ABBA, a slot each, made before the load."""
    with servers.Postgres(run, **SETTINGS) as pg:
        seed.make_source(pg, identity_full=False, slot=False)
        order = [kind for n in range(ROUNDS) for kind in ("AB" if n % 2 == 0 else "BA")]
        for n, _ in enumerate(order):
            slot(pg, f"capture{n}")
        slot(pg, "warm")
        backlog(pg, ROWS)
        end = pg.value("SELECT pg_current_wal_lsn()::text")
        recvlogical(pg, "warm", end)
        times = {"A": [], "B": []}
        cpu = []
        for n, kind in enumerate(order):
            if kind == "A":
                took, seconds = capture_once(run, pg, f"capture{n}")
                cpu.append(seconds / ROWS * 1e6)
            else:
                took = recvlogical(pg, f"capture{n}", end)
            times[kind].append(ROWS / took)
            who = "multisink -> log" if kind == "A" else "pg_recvlogical -> /dev/null"
            print(f"bench: {who} {ROWS / took:.0f} rows/s", flush=True)
    ratios = [a / b for a, b in zip(times["A"], times["B"])]
    return times["A"], times["B"], ratios, cpu


def recvlogical(pg, name, end):
    words = [pg.bindir / "pg_recvlogical", "-h", "127.0.0.1", "-p", pg.port, "-U", "postgres", "-d", pg.database,
             "-S", name, "--start", "-f", "/dev/null", "-o", "proto_version=1", "-o",
             "publication_names=engagement_pub", "--endpos", end, "--no-loop"]
    began = time.monotonic()
    subprocess.run([str(w) for w in words], check=True, capture_output=True, timeout=600)
    return time.monotonic() - began


def capture_once(run, pg, name):
    paused = {"name": "out", "from": seed.TABLE, "stdout": {}, "pause": True}
    multisink = servers.Multisink(run, config(pg, name, paused))
    began = time.monotonic()
    multisink.start(wait=False)
    # `rows` counts what was synced to the log.
    servers.wait_until(lambda: ((multisink.status() or {}).get("source") or {}).get("rows") == ROWS, 600,
                       "the log has all of it", 0.01)
    took = time.monotonic() - began
    cpu = multisink.cpu_seconds()
    multisink.close()
    return took, cpu


def latency(run):
    """Commit to acknowledgement, as multisink measures it for every change, under an open-loop writer."""
    with servers.Postgres(run, **SETTINGS) as pg, servers.Redis(run) as redis, servers.Receiver(run) as receiver, \
            servers.Cassandra(run) as cassandra:
        seed.make_source(pg, identity_full=False)
        seed.make_cassandra(cassandra)
        sinks = [seed.cassandra_sink(cassandra), seed.redis_sink(redis, seed.INSERTS_ONLY), seed.http_sink(receiver)]
        made = config(pg, "cdc_slot", *sinks)
        with servers.Multisink(run, made) as multisink:
            OpenLoop(pg, RATE, 10).run()  # the Java side gets warm
            multisink.wait_caught_up(pg)
            multisink.restart()
            done, took, late = OpenLoop(pg, RATE, SECONDS).run()
            multisink.wait_caught_up(pg)
            told = {s["name"]: s["latency"] for s in multisink.status()["sinks"]}
            rss, peak = multisink.rss_kib() / 1024, multisink.rss_peak_kib() / 1024
            cpu = multisink.cpu_seconds()
    print(f"bench: {done / took:.0f} tx/s, the writer at most {late * 1000:.1f} ms late; {told}", flush=True)
    return {"latency": told, "rss": rss, "peak": peak, "cpu": cpu / took, "rate": done / took, "late": late}


def start_time(run):
    """From exec to the first row in Redis, which a blocked reader sees at once."""
    with servers.Postgres(run, **SETTINGS) as pg, servers.Redis(run) as redis:
        seed.make_source(pg, identity_full=False)
        made = config(pg, "cdc_slot", seed.redis_sink(redis, {"insert": ["LPUSH", "first", "{{id}}"]}))
        multisink = servers.Multisink(run, made)
        client = redis.client()
        times = []
        for _ in range(7):
            pg.execute("INSERT INTO engagement_events (event_ts) VALUES (now())")
            began = time.monotonic()
            multisink.start(wait=False)
            if not client.blpop("first", timeout=9):
                sys.exit(f"bench: no row came: {multisink.log_tail()}")
            times.append((time.monotonic() - began) * 1000)
            multisink.wait_ready()
            multisink.stop()
    print(f"bench: first row after {statistics.median(times):.0f} ms", flush=True)
    return times


def spread(values, form="{:,.0f}"):
    """Median and range: one number alone says nothing."""
    low, middle, high = (form.format(f(values)) for f in (min, statistics.median, max))
    return f"{middle} ({low} to {high})"


def report(results):
    facts, drained = results["drain"]
    ours, floor, ratios, capture_cpu = results["capture"]
    load, first = results["latency"], results["start"]
    text = [
        "# Performance", "",
        f"Written by `make bench` on {datetime.date.today().isoformat()}. Median and range of {ROUNDS} rounds; every",
        "round of the drain was compared with PostgreSQL row by row before its figure counted.", "",
        table(facts, ["machine", ""]), "",
        "## A backlog of rows through all three sinks", "",
        f"{ROWS:,} rows of the engagement table wait in the slot, a hundred to a transaction; Cassandra, Redis (with",
        "append-only file) and `multisink receive` run on the same machine. From the start of the program until the last",
        "sink has acknowledged. The Spark job that this pipeline replaces did 219 rows/s.", "",
        table([["all three", spread([r[0] for r in drained])],
               *[[name, spread([r[3][name] for r in drained])] for name in drained[0][3]]],
              ["until acknowledged by", "rows/s"]), "",
        f"CPU of multisink: {spread([r[1] for r in drained], '{:.1f}')} s per million rows. "
        f"Peak memory: {spread([r[2] for r in drained], '{:.1f}')} MiB resident.", "",
        "## Capture alone", "",
        "The same rows from the slot into the durable log, beside `pg_recvlogical` writing to /dev/null, in alternating",
        "order. PostgreSQL's own decoding is most of the time of both.", "",
        table([["multisink, durable in the log", spread(ours)], ["pg_recvlogical, to /dev/null", spread(floor)],
               ["ratio in the same round", spread(ratios, "{:.2f}")],
               ["CPU of multisink, s per million rows", spread(capture_cpu, "{:.2f}")]], ["", "rows/s"]), "",
        "## Latency", "",
        f"Single-row transactions at {load['rate']:.0f} per second by the clock (open loop, {SECONDS:.0f} s, the writer at",
        f"most {load['late'] * 1000:.0f} ms late). From the commit time in PostgreSQL to the sink's acknowledgement, every",
        "change, in milliseconds.", "",
        table([[name, *[f"{1000 * told[k]:.2f}" for k in LATENCY]] for name, told in load["latency"].items()],
              ["sink", "p50", "p99", "max"]), "",
        f"Resident {load['rss']:.1f} MiB, peak {load['peak']:.1f} MiB, {100 * load['cpu']:.0f} % of one core.", "",
        "## Start", "",
        f"From exec to the first row in Redis: {spread(first)} ms.", "",
    ]
    page = ROOT / "docs/performance.md"
    _, heading, kafka = page.read_text(encoding="utf-8").partition(KAFKA_HEADING)
    page.write_text("\n".join(text) + (f"\n{heading}{kafka}" if heading else ""), encoding="utf-8")
    print("\n".join(text))


LATENCY = ["p50_seconds", "p99_seconds", "max_seconds"]
PARTS = {"drain": drain, "capture": capture, "latency": latency, "start": start_time}


def main(names):
    unknown = [n for n in names if n not in PARTS]
    if unknown:
        sys.exit(f"bench: unknown: {' '.join(unknown)} (known: {' '.join(PARTS)})")
    results = {}
    for name in names or PARTS:
        with servers.Run("multisink-bench-") as run:
            results[name] = PARTS[name](run)
    if len(results) == len(PARTS):
        report(results)


if __name__ == "__main__":
    main(sys.argv[1:])

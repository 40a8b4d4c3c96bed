# SPDX-License-Identifier: Apache-2.0
"""The machine that the figures are from, and how they are written down."""
import os
import pathlib
import platform
import re
import subprocess

# The section of docs/performance.md that `make bench-kafka` writes and `make bench` leaves alone.
KAFKA_HEADING = "## Capture into Kafka"


def first(pattern, text, fallback="unknown"):
    match = re.search(pattern, text, re.M)
    return match.group(1).strip() if match else fallback


def output(*words):
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def machine(pg, directory):
    """Facts as (name, text)."""
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    memory = int(first(r"^MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(), "0")) / 1048576
    system = first(r'^PRETTY_NAME="?([^"\n]+)', pathlib.Path("/etc/os-release").read_text())
    return [
        ("processor", first(r'^model name[ \t]*:(.*)$', cpuinfo) + f", {os.cpu_count()} cores"),
        ("memory", f"{memory:.0f} GiB"),
        ("system", f"{system}, Linux {platform.release()}"),
        ("file system", output("stat", "-f", "-c", "%T", str(directory))),
        ("PostgreSQL", pg.value("SHOW server_version")),
        ("Redis", first(r"v=([\d.]+)", output("redis-server", "--version"))),
        ("Cassandra", "5.0.5, one node, heap 768 MiB"),
        ("multisink", first(r"^(.*)$", output("build/release/multisink", "version"))),
    ]


def table(rows, head):
    """A Markdown table whose columns also line up as text."""
    rows = [[str(c) for c in row] for row in [head, *rows]]
    widths = [max(len(row[n]) for row in rows) for n in range(len(head))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])

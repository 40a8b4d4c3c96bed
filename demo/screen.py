# SPDX-License-Identifier: Apache-2.0
"""What the demo shows, refreshed in place on a terminal, and a line every few seconds elsewhere."""
import sys
import time

import seed

LINE_SECONDS = 5
COUNT_SECONDS = 2  # counting in Cassandra reads the whole table


class Screen:
    def __init__(self, demo, visitors):
        self.demo = demo
        self.visitors = visitors
        self.live = sys.stdout.isatty()
        self.began = time.monotonic()
        self.height = 0
        self.last_line = 0.0
        self.received = 0
        self.offset = 0
        self.counted = (0.0, 0)
        self.session = None
        self.reader = None

    def rows_in(self, sink):
        """Rows that the sink itself says it has."""
        if sink == "cassandra":
            return self._rows_in_cassandra()
        if sink == "redis":
            return int(sum(score for _, score in self._scores()))
        if self.demo.receiver.file.exists():
            with open(self.demo.receiver.file, "rb") as file:
                file.seek(self.offset)
                new = file.read()
            self.received += new.count(b"\n")
            self.offset += len(new)
        return self.received

    def _rows_in_cassandra(self):
        at, rows = self.counted
        if time.monotonic() - at >= COUNT_SECONDS:
            if self.session is None:
                self.reader = self.demo.cassandra.session()
                self.session = self.reader.__enter__()
            rows = self.session.execute("SELECT count(*) FROM engagement.engagement_events").one()[0]
            self.counted = (time.monotonic(), rows)
        return rows

    def _scores(self, end=-1):
        return self.demo.redis.client().zrevrange(seed.SCORES, 0, end, withscores=True)

    def told(self):
        """Sink to what is said of it; of several members the one that is furthest behind speaks."""
        told = {}
        for member in self.demo.members:
            for sink in (member.status() or {}).get("sinks", []):
                known = told.get(sink["name"])
                if known is None or sink["lag_seconds"] > known["lag_seconds"]:
                    told[sink["name"]] = sink
        return told

    def lines(self):
        v = self.visitors
        told = self.told()
        names = {"cassandra": ("events", "rows"), "redis": ("top_content", "score in all"),
                 "http": ("api", "bodies")}
        through = f"through Kafka, {len(self.demo.members)} members" if self.demo.kafka else "through the log"
        yield f"multisink demo   {time.monotonic() - self.began:5.0f} s   {through}   Ctrl-C ends it"
        yield ""
        yield (f"  PostgreSQL  committed {v.changes:8} changes   {v.inserts} inserts, {v.updates} updates, "
               f"{v.deletes} deletes")
        for sink in self.demo.sinks:
            name, unit = names[sink]
            state = told.get(name, {})
            lag = state.get("lag_seconds")
            lag = "-" if lag is None else f"{lag:.3f} s"
            fault = state.get("last_error")
            yield (f"  {sink:10}  has       {self.rows_in(sink):8} {unit:13} lag {lag:>9}   "
                   f"{state.get('state', 'unknown')}{'  ' + fault['message'][:60] if fault else ''}")
        if self.demo.redis:
            yield ""
            yield f"  top 5 of {seed.SCORES}"
            for member, score in self._scores(4):
                yield f"    {member}  {score:6.0f}"

    def draw(self):
        if not self.live and time.monotonic() - self.last_line < LINE_SECONDS:
            return
        self.last_line = time.monotonic()
        lines = list(self.lines())
        if self.live:
            up = f"\x1b[{self.height}A" if self.height else ""
            body = "".join(f"\x1b[K{line}\n" for line in lines)
            sys.stdout.write(up + body + "\x1b[J")
            self.height = len(lines)
        else:
            sys.stdout.write("\n".join(lines) + "\n\n")
        sys.stdout.flush()

    def end(self):
        """The last state stays; what follows comes below it."""
        self.last_line = 0.0
        self.draw()
        if self.reader:
            self.reader.__exit__(None, None, None)

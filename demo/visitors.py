# SPDX-License-Identifier: Apache-2.0
"""People who play, pause and finish episodes: the changes that the demo makes in PostgreSQL."""
import json
import random
import threading
import time
import uuid

import seed

UPDATE = ("UPDATE engagement_events SET event_type = 'finish', duration_ms = duration_ms + %s, raw_payload = "
          "jsonb_set(raw_payload, '{v}', to_jsonb((raw_payload->>'v')::int + 1)) WHERE id = %s")
DELETE = "DELETE FROM engagement_events WHERE id = %s"
COUNT = ("INSERT INTO demo_ledger VALUES (%s, 1) ON CONFLICT (content_id) "
         "DO UPDATE SET inserts = demo_ledger.inserts + 1")


class Visitors(threading.Thread):
    """About 85 inserts, 12 updates and 3 deletes in a hundred changes, a few in each transaction, at a steady pace.
    Some episodes are more popular than others."""

    # The scores count inserts and are never lowered, so each insert is also counted here, in its own transaction.
    # The publication leaves this table out.
    LEDGER = "CREATE TABLE demo_ledger (content_id UUID PRIMARY KEY, inserts BIGINT NOT NULL)"

    def __init__(self, pg, rate):
        super().__init__(daemon=True)
        self.pg = pg
        self.rate = max(rate, 0.1)
        self.random = random.Random()
        self.live = []
        self.inserts = self.updates = self.deletes = self.transactions = 0
        self.ending = threading.Event()
        self.fault = None

    @property
    def changes(self):
        return self.inserts + self.updates + self.deletes

    def stop(self):
        self.ending.set()
        if self.is_alive():
            self.join(10)

    def run(self):
        try:
            with self.pg.connect(autocommit=False) as db:
                self._visit(db)
        except Exception as fault:  # shown by whoever draws the screen
            self.fault = fault

    def _visit(self, db):
        began = time.monotonic()
        while not self.ending.is_set():
            done = [self._change(db) for _ in range(self.random.choice([1, 1, 1, 2, 5]))]
            db.commit()
            self.transactions += 1
            self.inserts += done.count("insert")
            self.updates += done.count("update")
            self.deletes += done.count("delete")
            ahead = self.changes / self.rate - (time.monotonic() - began)
            if ahead > 0:
                self.ending.wait(ahead)

    def _change(self, db):
        r = self.random
        what = r.random()
        if self.live and what < 0.03:
            db.execute(DELETE, (self.live.pop(r.randrange(len(self.live))),))
            return "delete"
        if self.live and what < 0.15:
            db.execute(UPDATE, (r.randrange(60000), r.choice(self.live)))
            return "update"
        content = seed.CONTENTS[min(int(r.expovariate(0.25)), len(seed.CONTENTS) - 1)]
        row = db.execute(seed.INSERT, (content, str(uuid.uuid4()), r.choice(["play", "pause", "click"]),
                                       r.randrange(60000), r.choice(["android", "ios", "web", "tv"]),
                                       json.dumps({"v": 0}))).fetchone()
        db.execute(COUNT, (content,))
        self.live.append(row[0])
        return "insert"

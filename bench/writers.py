# SPDX-License-Identifier: Apache-2.0
"""What is written for the measurements: a backlog, and an open-loop stream of small transactions."""
import threading
import time
import uuid

import seed

ROW = ("INSERT INTO engagement_events (content_id, user_id, event_type, event_ts, duration_ms, device, raw_payload) "
       "VALUES (%s, %s, 'play', now(), %s, 'android', '{\"v\": 0}')")
BULK = ("INSERT INTO engagement_events (content_id, user_id, event_type, event_ts, duration_ms, device, raw_payload) "
        "SELECT ('4bb775ea-96f5-4ffa-80be-22e3b1c945' || to_hex(112 + n %% 24))::uuid, gen_random_uuid(), 'play', "
        "now(), n, 'android', '{\"v\": 0}' FROM generate_series(1, %s) n")


def backlog(pg, rows, per_transaction=100):
    """So many rows in transactions of a hundred, while nobody reads."""
    with pg.connect() as db:
        db.execute("SET synchronous_commit = off")
        for _ in range(rows // per_transaction):
            db.execute(BULK, (per_transaction,))
        db.execute("SET synchronous_commit = on")
        db.execute("CHECKPOINT")


class OpenLoop:
    """Single-row transactions at a fixed rate, by the clock and not by the answers: a slow server makes them late, not
    fewer."""

    def __init__(self, pg, rate, seconds, connections=4):
        self.pg, self.rate, self.seconds, self.connections = pg, rate, seconds, connections
        self.done = [0] * connections
        self.late = [0.0] * connections

    def _write(self, number, began):
        every = self.connections / self.rate
        with self.pg.connect() as db:
            count = int(self.seconds / every)
            for n in range(count):
                due = began + n * every + number / self.rate
                pause = due - time.monotonic()
                if pause > 0:
                    time.sleep(pause)
                self.late[number] = max(self.late[number], -pause)
                db.execute(ROW, (seed.CONTENTS[n % 24], str(uuid.uuid4()), n))
                self.done[number] += 1

    def run(self):
        began = time.monotonic() + 0.1
        threads = [threading.Thread(target=self._write, args=(n, began)) for n in range(self.connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(self.done), time.monotonic() - began, max(self.late)

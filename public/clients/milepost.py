"""Reports a job to a Milepost server. One file, no dependencies, Python 3.8 or later.

    from milepost import job, track

    with job("nightly-backup", title="Nightly backup", stages=["Dump", "Upload"]) as run:
        for table in track(tables, unit="tables"):
            dump(table)
        run.progress(stage=1, value=0)
        run.log("uploading", "info")

Address and token come from MILEPOST_URL and MILEPOST_TOKEN or MILEPOST_TOKEN_FILE. Without an address all is inert.
Reports are sent by a thread and never raise; the only exception for the caller is Cancelled.
"""

import atexit
import json
import logging
import os
import random
import socket
import threading
import time
import urllib.error
import urllib.request
import uuid
from contextlib import contextmanager
from datetime import datetime, timezone

_AGENT = "milepost.py/1"
_MOST_WAITING = 100_000  # entries kept while the server is not reached
_BATCH = 500  # entries of a batch
_current = None


class Cancelled(Exception):
    """The job was cancelled on the server. Raised where the caller reports or checks."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None  # another address must not get the token


_opener = urllib.request.build_opener(_NoRedirect)


class Job:
    """One run. Use job() to make one."""

    def __init__(self, kind, title="", run=None, stages=(), link="", heartbeat=10, deliver=5.0):
        self.url = os.environ.get("MILEPOST_URL", "").rstrip("/")
        self.kind, self.run = kind, run or str(uuid.uuid4())
        self._heartbeat, self._deliver = heartbeat, deliver
        self._reporter = uuid.uuid4().hex[:16]
        self._origin, self._start = time.monotonic(), time.time()
        self._entries, self._first = [], 1  # entries that the server has not on its disk, and the number of the first
        self._next, self._acked, self._epoch, self._repeat = 1, 0, None, False
        self._pending = {}  # progress that waits for the next batch
        self._pace, self._cancel, self._ended, self._stopped, self._reached = 1.0, None, False, False, False
        self._dropped = 0
        self._changed = threading.Condition(threading.RLock())
        self._start_entry = {"type": "start", "at": self._now(), "title": title, "stages": list(stages),
                             "host": socket.gethostname(), "pid": os.getpid(), "agent": _AGENT, "link": link}
        if self.url:
            self._add(self._start_entry)
            self._thread = threading.Thread(target=self._report, name="milepost", daemon=True)
            self._thread.start()
            atexit.register(self.finish, state="failed", message="The program ended without a result")

    def progress(self, value=None, max=None, message=None, unit=None, stage=None, data=None):
        """Reports progress; raises Cancelled after a request to stop. Values are thinned to the server's pace."""
        self.check()
        fields = {"value": value, "max": max, "message": message, "unit": unit, "stage": stage, "data": data}
        with self._changed:
            if stage is not None and stage != self._pending.get("stage", stage):
                self._flush()
            self._pending.update({name: field for name, field in fields.items() if field is not None}, at=self._now())
            self._changed.notify_all()

    def log(self, text, level="info"):
        """Adds lines to the log."""
        level = level if level in ("debug", "info", "warn", "error") else "info"
        lines = [[self._now(), level, line[:8000]] for line in str(text).splitlines()]
        with self._changed:
            for at in range(0, len(lines), 200):
                self._add({"type": "log", "lines": lines[at:at + 200]})

    def check(self):
        """Raises Cancelled after a request to stop."""
        if self._cancel is not None and not self._ended:
            raise Cancelled(self._cancel.get("reason", "cancel"))

    def finish(self, state="succeeded", message=None, result=None):
        """Reports the end, once, and waits a few seconds at most for its delivery."""
        with self._changed:
            if self._ended:
                return
            self._flush()
            self._ended = True
            self._add({"type": "finish", "at": self._now(), "elapsed": time.monotonic() - self._origin,
                       "state": state, "message": str(message or "")[:1000], "result": result})
            if self.url:
                atexit.unregister(self.finish)
                self._changed.wait_for(lambda: self._stopped, self._deliver)

    def _now(self):
        now = datetime.fromtimestamp(self._start + time.monotonic() - self._origin, timezone.utc)
        return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _add(self, entry):
        with self._changed:
            if not self.url or self._stopped:
                return
            if entry["type"] == "log" and len(self._entries) >= _MOST_WAITING:
                self._dropped += len(entry["lines"])
                return
            if self._dropped and entry["type"] in ("log", "finish"):
                text, self._dropped = f"{self._dropped} lines left out: the server is not reached", 0
                self._entries.append({"type": "log", "lines": [[self._now(), "warn", text]]})
            self._entries.append(entry)
            self._changed.notify_all()

    def _flush(self):
        if self._pending:
            pending, self._pending = self._pending, {}
            self._add(dict(pending, type="progress"))

    def _report(self):
        failures, sent_at = 0, 0.0
        while True:
            with self._changed:
                if not failures:
                    due = lambda: self._ended or self._next < self._first + len(self._entries) or self._pending
                    self._changed.wait_for(due, self._heartbeat * 0.9)
                self._changed.wait_for(lambda: self._ended, max(0.0, sent_at + self._pace - time.monotonic()))
                self._flush()
                begin = self._next - self._first
                entries = self._entries[begin:begin + _BATCH]
                body = {"reporter": self._reporter, "seq": self._next, "acked": self._acked, "sent_at": self._now(),
                        "heartbeat": self._heartbeat, "entries": entries}
                if self._epoch:
                    body["epoch"] = self._epoch
                if self._repeat:
                    body["start"] = {name: value for name, value in self._start_entry.items() if name != "type"}
            sent_at = time.monotonic()
            delay = self._send(body)
            with self._changed:
                over = self._ended and not self._entries
                if delay is None or over or (self._ended and delay > 0 and not self._reached):
                    self._stopped = True
                    self._changed.notify_all()
                    return
                failures = failures + 1 if delay > 0 else 0
            if delay > 0:
                time.sleep(min(delay * 2 ** min(failures, 6), 15) * (0.5 + random.random() / 2))
            elif self._ended:
                time.sleep(0.05)  # the server has yet to write

    def _send(self, body):
        """Returns 0 after a success, a delay after a failure, None if the server takes no more."""
        try:
            headers = {"Content-Type": "application/json", "User-Agent": _AGENT}
            token = _token()
            if token:
                headers["Authorization"] = f"Bearer {token}"
            data = json.dumps(body, default=str).encode()
            request = urllib.request.Request(f"{self.url}/api/v1/report/{self.kind}/{self.run}", data, headers)
            with _opener.open(request, timeout=30) as response:
                self._accept(json.load(response))
            return 0
        except urllib.error.HTTPError as error:
            text = error.read()
            if error.code == 409 and b'"gap"' in text:
                with self._changed:
                    self._next = max(json.loads(text)["received"] + 1, self._first)
                return 0.01
            if error.code in (401, 408, 429) or error.code >= 500:
                return float(error.headers.get("Retry-After") or 1)
            return None
        except Exception:
            return 0.5

    def _accept(self, status):
        with self._changed:
            self._reached = True
            self._repeat = self._epoch is not None and status.get("epoch") != self._epoch
            self._epoch = status.get("epoch")
            self._acked = max(self._acked, status["acked"])
            del self._entries[:max(0, self._acked + 1 - self._first)]
            self._first = max(self._first, self._acked + 1)
            self._next = max(status["received"] + 1, self._first)
            self._pace = min(max(float(status.get("report_every", 1)), 0.1), 60)
            self._cancel = status.get("cancel") or self._cancel


def _token():
    path = os.environ.get("MILEPOST_TOKEN_FILE")
    if "MILEPOST_TOKEN" not in os.environ and path:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    return os.environ.get("MILEPOST_TOKEN", "").strip()


@contextmanager
def job(kind, **options):
    """Reports a block as a job: succeeded, failed with its exception, or cancelled."""
    global _current
    run, outer = Job(kind, **options), _current
    _current = run
    try:
        yield run
    except (Cancelled, KeyboardInterrupt):
        run.finish("cancelled")
        raise
    except BaseException as error:
        failed = not isinstance(error, SystemExit) or error.code not in (None, 0)
        run.finish("failed" if failed else "succeeded", f"{type(error).__name__}: {error}" if failed else None)
        raise
    else:
        run.finish()
    finally:
        _current = outer


def track(iterable, total=None, unit="", message=None, run=None):
    """Reports progress while it yields the items, like tqdm."""
    run = run or _current
    if total is None and hasattr(iterable, "__len__"):
        total = len(iterable)
    for count, item in enumerate(iterable):
        if run is not None:
            run.progress(count, total, message, unit)
        yield item
        if run is not None:
            run.progress(count + 1, total, message, unit)


class Handler(logging.Handler):
    """Adds the records of `logging` to the log of the job."""

    def emit(self, record):
        levels = ((logging.ERROR, "error"), (logging.WARNING, "warn"), (logging.INFO, "info"))
        level = next((name for least, name in levels if record.levelno >= least), "debug")
        try:
            if _current is not None:
                _current.log(self.format(record), level)
        except Exception:
            self.handleError(record)

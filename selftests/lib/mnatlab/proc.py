"""Programs that run beside a test."""
import os
import signal
import subprocess
import time

from . import SLOW, LabError


def wait_until(condition, timeout, what):
    """Poll until condition() is true and return what it gave."""
    timeout *= SLOW
    deadline = time.monotonic() + timeout
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"waited {timeout:g} s for {what() if callable(what) else what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


class Program:
    """A process in a namespace, its output in a log file of the run."""

    def __init__(self, netns, name, argv, stdin=subprocess.DEVNULL, stdout=None):
        self.netns = netns
        self.name = name
        self.argv = [str(a) for a in argv]
        self.log_path = netns.run_.dir / f"{netns.name}.{name}.log"
        self.stdin = stdin
        self.stdout = stdout
        self.popen = None
        self.log_start = 0
        netns.run_.programs.append(self)
        self.start()

    def start(self):
        with open(self.log_path, "ab") as log:
            self.log_start = log.tell()
            self.popen = subprocess.Popen(
                self.netns.argv(self.argv), stdin=self.stdin, stdout=self.stdout or log,
                stderr=log, start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    def children(self):
        """Their process ids."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as words:
            return [int(word) for word in words.read().split()]

    def log(self):
        """What it has written since it was last started."""
        with open(self.log_path, "rb") as log:
            log.seek(self.log_start)
            return log.read().decode(errors="replace")

    def running(self):
        return self.popen.poll() is None

    def fail(self, what):
        tail = "\n".join(self.log().splitlines()[-15:])
        raise LabError(f"{self.name} on {self.netns.name}: {what}\n{tail}")

    def wait_for(self, condition, what, timeout=10):
        """As wait_until, but give up at once when the program has ended."""
        def look():
            value = condition()
            if not value and not self.running():
                value = condition()
                if not value:
                    self.fail(f"ended with {self.popen.returncode} before {what}")
            return value
        try:
            return wait_until(look, timeout, what)
        except LabError as error:
            if self.running():
                self.fail(f"no {what} within {timeout} s")
            raise error

    def wait_text(self, text, timeout=10):
        self.wait_for(lambda: text in self.log(), f"'{text}'", timeout)
        return self

    def wait_exit(self, timeout=10):
        try:
            return self.popen.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            self.fail(f"still running after {timeout} s")

    def signal(self, number):
        if self.running():
            os.kill(self.pid, number)

    def kill9(self):
        if self.popen:
            self.signal(signal.SIGKILL)
            self.popen.wait()

    def stop(self, timeout=5):
        """SIGTERM; its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait_exit(timeout)

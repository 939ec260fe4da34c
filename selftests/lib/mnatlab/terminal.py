"""An interactive program on a terminal of its own, typed at and read by a test."""
import os
import pty
import threading

from .proc import Program, wait_until
from .topology import boottime


class Terminal(Program):
    """Like a person at a keyboard: type a line, wait for what comes."""

    def __init__(self, netns, name, argv):
        self.master, slave = pty.openpty()
        self.text = ""
        try:
            super().__init__(netns, name, argv, stdin=slave, stdout=slave)
        finally:
            os.close(slave)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while data := os.read(self.master, 4096):
                self.text += data.decode(errors="replace")
        except OSError:  # the other side has gone
            pass

    def type(self, line):
        os.write(self.master, line.encode() + b"\n")

    def ask(self, command, timeout=15):
        """(first line of the answer, ms it took). The shell computes the end mark, so that
        the echo of what we type is not taken for it."""
        start = len(self.text)
        began = boottime()
        self.type(f"{command}; echo end$((40+2))")
        wait_until(lambda: "end42" in self.text[start:] or not self.running(), timeout,
                   f"the answer to {command}")
        if "end42" not in self.text[start:]:
            self.fail("the session ended")
        answer = self.text[start:].split("end42")[0].replace("\r", "")
        # before the first prompt the terminal's own echo comes as well
        lines = [line for line in answer.split("\n") if "end$((" not in line]
        return "\n".join(lines).removeprefix("server$ ").strip(), 1000 * (boottime() - began)

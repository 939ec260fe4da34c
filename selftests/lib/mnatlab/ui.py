"""The demonstration's account: a live one on a terminal, plain lines elsewhere."""
import os
import shutil
import sys
import time

CODES = {"bold": "1", "dim": "2", "good": "32", "bad": "31", "move": "36"}


class Account:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.live = out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.colour = self.live and "NO_COLOR" not in os.environ
        self.began = time.monotonic()
        self._status = False

    def paint(self, style, text):
        return f"\033[{CODES[style]}m{text}\033[0m" if self.colour else text

    def line(self, text="", style=None):
        if self._status:
            self.out.write("\r\033[K")
            self._status = False
        self.out.write((self.paint(style, text) if style else text) + "\n")
        self.out.flush()

    def act(self, title):
        """A new part of the story."""
        self.line()
        self.line(f"{time.monotonic() - self.began:5.1f} s  {title}", "bold")

    def note(self, text):
        for line in text.splitlines():
            self.line(f"         {line}")

    def status(self, text):
        """A line that the next one replaces; only where somebody is watching."""
        if self.live:
            width = shutil.get_terminal_size().columns
            self.out.write("\r\033[K" + self.paint("dim", f"         {text}"[:width - 1]))
            self.out.flush()
            self._status = True

    def verdict(self, good, text):
        mark = self.paint("good", "  yes  ") if good else self.paint("bad", "  NO   ")
        self.line(f"{mark}  {text}")


def bar(part, whole, width=30):
    filled = int(width * part / whole) if whole else 0
    return "#" * filled + "-" * (width - filled)

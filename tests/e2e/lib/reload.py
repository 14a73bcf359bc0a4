"""A pixeld process with a configuration file, which is asked to read it again."""
import re, signal, tempfile
from pathlib import Path

from .server import Server, until


class Reloaded(Server):
    """A server with a configuration file."""

    def __init__(self, text, *flags, **options):
        self.place = tempfile.TemporaryDirectory(prefix="pixeld-reload-")
        self.config = Path(self.place.name) / "pixeld.ini"
        self.config.write_text(text)
        super().__init__("--config", self.config, *flags, **options)

    def clear(self):
        super().clear()
        self.place.cleanup()

    def write(self, text):
        """As editors do: nobody sees half of it."""
        new = self.config.with_suffix(".new")
        new.write_text(text)
        new.rename(self.config)

    def verdicts(self):
        return re.findall(r"^.* (reloaded|reload_refused) .*\n", self.said(), re.M)

    def hup(self):
        """Asks, and gives the lines that answered."""
        before, verdicts = len(self.said()), len(self.verdicts())
        self.signal(signal.SIGHUP)
        until("a verdict", lambda: len(self.verdicts()) > verdicts)
        return [line.split(" ", 1)[1] for line in self.said()[before:].splitlines() if " reload" in line]

    def reload(self, text):
        self.write(text)
        return self.hup()

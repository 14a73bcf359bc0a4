"""Disks of a test's own: a small tmpfs, and an ext4 whose faults block_device.sh controls."""
import contextlib, errno, pathlib, subprocess

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "block_device.sh"


@contextlib.contextmanager
def tmpfs(path, size):
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def fill(path):
    """A file that takes all the space there is; its size."""
    size = 0
    with open(path, "wb", buffering=0) as file:
        for step in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    size += file.write(b"\xff" * step)
            except OSError as error:
                assert error.errno == errno.ENOSPC, error
    return size


class BlockDevice:
    """with BlockDevice(place, ...) as disk: disk.mnt is an ext4."""

    def __init__(self, place, size="64M", journal=True):
        self.place, self.mnt = place, place / "mnt"
        self.journal = journal
        self.size = size

    def _do(self, *words):
        done = subprocess.run(["bash", SCRIPT, words[0], self.place, *words[1:]], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"block_device.sh {words}: {done.stdout}{done.stderr}"

    def __enter__(self):
        self.place.mkdir(parents=True, exist_ok=True)
        try:
            self._do("up", self.size, "journal" if self.journal else "plain")
        except BaseException:
            self._do("down")
            raise
        return self

    def __exit__(self, *_):
        self._do("down")

    def fail(self, on):
        """Every write to the device fails with EIO, while on."""
        self._do("eio", "on" if on else "off")

    def hang(self, on):
        """The device stops answering, while on."""
        self._do("hang", "on" if on else "off")

    def cut(self):
        """The power goes: what was not flushed is gone, whoever still has files open there gets errors.
        Call restore() when those are gone."""
        self._do("cut")

    def restore(self):
        """The power comes back: what survived is mounted again, at the same place."""
        self._do("restore")

    def remount(self):
        """What is only in the page cache, since a write to the disk failed, is gone."""
        self._do("remount")

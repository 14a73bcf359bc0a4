"""What tests draw at random comes from one seed, drawn anew for each run and printed: PIXELD_SEED=<number> repeats it."""
import os, random

SEED = int(os.environ.get("PIXELD_SEED") or int.from_bytes(os.urandom(6), "little"))
print(f"PIXELD_SEED={SEED}", flush=True)


def dice(name=""):
    """A generator of its own for what `name` says: the same one for the same name in a run."""
    return random.Random(f"{SEED} {name}")

"""The frame of a fault test: flags, a directory of its own, one line at the end, 77 when it cannot run."""
import argparse, contextlib, os, pathlib, shutil, signal, sys, tempfile, time

from . import pixeld


def flags(doc, **numbers):
    """--long, --keep, --seed; and a flag for each of `numbers`: name=(short form, long form)."""
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--long", action="store_true", help="the whole campaign, not the short form of ctest")
    parser.add_argument("--keep", action="store_true", help="leave the directory when it fails")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    for name, (short, long) in numbers.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, help=f"default {short}, with --long {long}")
    args = parser.parse_args()
    for name, (short, long) in numbers.items():
        if getattr(args, name) is None:
            setattr(args, name, long if args.long else short)
    return args


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def need(*programs, root=False):
    if not pixeld.PROGRAM.exists():
        skip(f"{pixeld.PROGRAM} is not built")
    if root and os.geteuid() != 0:
        skip("needs root")
    for program in programs:
        if shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None:
            skip(f"{program} is missing")


@contextlib.contextmanager
def workplace(keep=False):
    """A new directory, removed at the end. SIGTERM and SIGINT end the test in order, so that what it
    mounted and started goes with it."""
    def leave(signum, frame):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, leave)
    path = pathlib.Path(tempfile.mkdtemp(prefix="pixeld-fault-"))
    try:
        yield path
    except BaseException:
        if keep:
            print(f"left as it is: {path}", flush=True)
            path = None
        raise
    finally:
        if path is not None:
            shutil.rmtree(path, ignore_errors=True)


def report(name, injected, acked, lost, **more):
    extra = "".join(f"; {k.replace('_', ' ')} {v}" for k, v in more.items())
    print(f"{name}: injected {injected}; acked {acked:,}; lost {lost}{extra}", flush=True)

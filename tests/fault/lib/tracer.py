#!/usr/bin/python3
"""Runs a program and kills it with -9 at the Nth system call of one kind of one thread, by ptrace.

    tracer.py COUNTS_FILE [THREAD CALL N entry|exit] -- PROGRAM ARGUMENT...

strace counts per thread too, but its injection fires in whichever thread is first at its Nth call: a busy
thread hides the others. Here the thread is named by the order in which threads were made (0 = main), which
is the same in every run. At `entry` the call has not happened and never does; at `exit` it has, and the
program does not know its result yet. x86-64.

COUNTS_FILE gets a line `thread call count` for each pair seen. SIGTERM is passed on, SIGINT becomes SIGKILL.
The exit code is that of the program, 137 when it was killed.
"""
import collections, ctypes, os, signal, struct, sys

CALLS = {"io_uring_enter": 426, "pwrite64": 18, "fdatasync": 75, "fsync": 74, "renameat": 264, "openat": 257,
         "unlinkat": 263, "ftruncate": 77}
NAMES = {number: name for name, number in CALLS.items()}
TRACEME, SYSCALL, SETOPTIONS, SYSCALL_INFO = 0, 24, 0x4200, 0x420e
OPTIONS = 0x1 | 0x8 | 0x100000  # SYSGOOD, CLONE, EXITKILL
ENTRY, EXIT, WALL = 1, 2, 0x40000000

ptrace = ctypes.CDLL(None, use_errno=True).ptrace
ptrace.restype = ctypes.c_long
ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Trace:
    def __init__(self, point):
        self.point, self.counts = point, collections.Counter()
        self.threads, self.in_call = {}, {}
        self.info = ctypes.create_string_buffer(88)

    def run(self, argv):
        self.pid = os.fork()
        if self.pid == 0:
            ptrace(TRACEME, 0, 0, 0)
            os.execv(argv[0], argv)
        os.waitpid(self.pid, 0)  # stands at its execve
        signal.signal(signal.SIGTERM, lambda *_: self.pass_on(signal.SIGTERM))
        signal.signal(signal.SIGINT, lambda *_: self.pass_on(signal.SIGKILL))
        ptrace(SETOPTIONS, self.pid, 0, OPTIONS)
        self.threads[self.pid] = 0
        ptrace(SYSCALL, self.pid, 0, 0)
        while True:
            tid, status = os.waitpid(-1, WALL)
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                if tid == self.pid:
                    return os.waitstatus_to_exitcode(status)
                continue
            self.threads.setdefault(tid, len(self.threads))
            ptrace(SYSCALL, tid, 0, self.stopped(tid, os.WSTOPSIG(status)))

    def pass_on(self, number):
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass  # it has ended meanwhile

    def stopped(self, tid, number):
        """The signal to deliver when it goes on."""
        if number == signal.SIGTRAP | 0x80:
            if ptrace(SYSCALL_INFO, tid, len(self.info), ctypes.addressof(self.info)) > 0:
                self.called(self.threads[tid], self.info.raw)
            return 0
        return 0 if number in (signal.SIGTRAP, signal.SIGSTOP) else number

    def called(self, thread, info):
        if info[0] == ENTRY:
            name = self.in_call[thread] = NAMES.get(struct.unpack_from("<Q", info, 24)[0])
            if name:
                self.counts[thread, name] += 1
        elif info[0] == EXIT:
            name = self.in_call.pop(thread, None)
        if name and self.point == (thread, name, self.counts[thread, name], info[0]):
            self.point = None
            os.kill(self.pid, signal.SIGKILL)


def main():
    at = sys.argv.index("--")
    point = None
    if at == 6:
        thread, name, n, when = sys.argv[2:6]
        point = int(thread), name, int(n), ENTRY if when == "entry" else EXIT
    trace = Trace(point)
    code = trace.run(sys.argv[at + 1:])
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # meant for the program
    with open(sys.argv[1], "w") as out:
        for (thread, name), count in sorted(trace.counts.items()):
            out.write(f"{thread} {name} {count}\n")
    os._exit(137 if code == -signal.SIGKILL else code)  # at once: the interpreter's own end gives signals back


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Checks of the C code that compilers do not make; run by ctest as style.*

    scripts/tidy.py                                    the rules of this file
    scripts/tidy.py --fix CLANG_FORMAT [FILE ...]      lays out code and comments anew; all, or these
    scripts/tidy.py --format CLANG_FORMAT              layout, by .clang-format
    scripts/tidy.py --clang-tidy CLANG_TIDY --build DIR    .clang-tidy, over compile_commands.json

Prints file:line: what is wrong; exit 1 when something is.
"""
import argparse
import collections
import concurrent.futures
import graphlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOP = ["engine", "edge", "persist", "writer", "server", "tools", "web", "tests"]


def arrows():
    """Which folder may include headers of which, as its CMakeLists.txt says; its own it always may."""
    allowed = {}
    for path in sorted(ROOT.glob("*/**/CMakeLists.txt")):
        folder = path.parent.relative_to(ROOT).as_posix()
        if folder.split("/")[0] not in TOP[:-1]:
            continue
        text = re.sub(r"#.*", "", path.read_text())
        call = re.search(r"pixeld_(?:folder|behind)\(([^)]*)\)", text)
        allowed[folder] = [w for w in call.group(1).split() if not w.isupper()] if call else []
    return allowed


ARROWS = arrows()
FOLDERS = sorted(ARROWS) + ["tests"]

# A foreign library is seen by one file (of each program). Tests and benches may use any as an oracle.
FOREIGN = {
    r"liburing(\.h|/)": ["engine/ring/ring_uring.c"],
    r"openssl/": ["edge/codec/session.c", "edge/codec/ws_accept.c", "edge/tls/tls.c"],
    r"jansson\.h": ["edge/codec/message_json.c", "tools/loadgen/report/result_read.c"],
    r"libdeflate\.h": ["edge/picture/*"],
    r"zstd(_errors)?\.h": ["edge/picture/*"],
    r"png\.h": ["edge/picture/*"],
    r"ini\.h": ["server/settings/settings_file.c"],
    r"xxhash\.h": ["engine/base/hash.c"],
    r"libpq-fe\.h": ["persist/postgres/postgres_link.c"],
}

# Functions that may not be used, and what to use.
BANNED = {
    "strcpy": "memcpy with a length", "strcat": "snprintf", "strncpy": "memcpy", "strncat": "snprintf",
    "sprintf": "snprintf", "vsprintf": "vsnprintf", "gets": "fread", "atoi": "a parser that sees errors",
    "atol": "a parser that sees errors", "atoll": "a parser that sees errors", "strtok": "strcspn",
    "signal": "signalfd or sigaction", "alloca": "a buffer of known size", "tmpnam": "mkstemp",
    "rand": "tests/prng.h or getrandom", "usleep": "clock_nanosleep", "assert": "px_assert",
}

# A text whose length is summed up is looked at when it is written, and too late: engine/base/text_out.h. Who cuts
# what is longer, and looks before each piece, may.
TEXT_SUM = re.compile(r"\+=\s*(\(\w+\)\s*)?v?snprintf\b")
TEXT_SUM_ALLOWED = ["engine/base/log.c"]

# Who may ask for the time. All others are told it, with their turn; blocking calls to a database have limits.
CLOCK = r"\bclock_now\s*\("
CLOCK_HOMES = ("engine/base/", "persist/postgres/", "tools/", "server/server.c", "server/server_threads.c",
               "server/server_helpers.c", "server/helper.c", "server/check_config.c")

FILE_LINES_WARN = 600
FILE_LINES_MAX = 1000
FUNCTION_LINES_MAX = 70
FOLDER_FILES_MAX = 28  # .c and .h of a library
COLUMNS_MAX = 100

# Lines in a row that make a twin, and how many such lines loadgen has: check_twins().
TWIN_RUN = 3
LOADGEN_TWINS_MAX = 48

# Functions that are longer for a reason.
LONG_FUNCTIONS = {}

# Words are split, so that this file does not find itself.
MARKERS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
WORKPLACE = re.compile("/wo" + "rk/")

problems = []
warnings = []


def problem(path, line, what):
    problems.append(f"{path}:{line}: {what}")


def sources():
    for folder in TOP:
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            if path.is_file():
                yield path.relative_to(ROOT)


def folder_of(path):
    """The nearest folder above that is a library; tests are one."""
    return next((f for f in map(pathlib.PurePath.as_posix, path.parents) if f in FOLDERS), None)


def matches(path, patterns):
    return any(pathlib.PurePath(path).match(p) and str(path).startswith(p.split("*")[0]) for p in patterns)


def without_comments_and_strings(text):
    """The same text with comments and literals blanked; lines stay where they are."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


used_arrows = set()


def check_includes(path, lines):
    folder = folder_of(path)
    for number, line in enumerate(lines, 1):
        m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not m:
            continue
        header = m.group(2)
        if m.group(1) == '"':
            target = folder_of(pathlib.PurePath(header))
            if target is None:
                problem(path, number, f'write "{folder}/{header}": includes begin at the root')
            elif target not in (folder, "tests") and folder != "tests":
                used_arrows.add((folder, target))
                if target not in ARROWS[folder]:
                    problem(path, number, f"{folder} may not include {header}: {folder}/CMakeLists.txt does not name {target}")
        if folder == "tests":
            continue
        for library, homes in FOREIGN.items():
            if re.match(library, header) and not matches(path.as_posix(), homes):
                problem(path, number, f"<{header}> belongs into {' or '.join(homes)} only")


def check_arrows():
    """What a folder may use and does not; circles."""
    for folder, allowed in ARROWS.items():
        for target in allowed:
            if target in ARROWS and (folder, target) not in used_arrows:
                problem(f"{folder}/CMakeLists.txt", 1, f"names {target}, and no file includes it")
    try:
        tuple(graphlib.TopologicalSorter({f: [t for t in a if t in ARROWS] for f, a in ARROWS.items()}).static_order())
    except graphlib.CycleError as circle:
        problem("CMakeLists.txt", 1, "folders in a circle: " + " > ".join(reversed(circle.args[1])))


def check_one_home(users):
    """A library whose home is a folder is still seen by one file of it."""
    for library, homes in FOREIGN.items():
        for home in homes:
            if not home.endswith("*"):
                continue
            inside = sorted(p for p in users.get(library, []) if p.startswith(home[:-1]))
            for extra in inside[1:]:
                problem(extra, 1, f"{library} is used in {inside[0]} already: one file only")


def check_calls(path, code):
    for number, line in enumerate(code, 1):
        for m in re.finditer(r"(?<![\w.>])([a-z]+)\s*\(", line):
            name = m.group(1)
            if name in BANNED:
                problem(path, number, f"{name}() is not used here: {BANNED[name]}")
        if TEXT_SUM.search(line) and path.parts[0] != "tests" and path.as_posix() not in TEXT_SUM_ALLOWED:
            problem(path, number, "a text of several pieces is a text_out")


def check_clock(path, code):
    if path.suffix == ".h" or path.as_posix().startswith(CLOCK_HOMES):
        return
    for number, line in enumerate(code, 1):
        if re.search(CLOCK, line):
            problem(path, number, "clock_now(): take `now` from the turn")


def functions(code):
    """Yields (name, first line, last line) of every function: a brace in the first column ends it."""
    start = None
    for number, line in enumerate(code, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            head = " ".join(code[max(0, start - 12):start - 1])
            name = re.findall(r"(\w+)\s*\(", head.split(";")[-1].split("}")[-1])
            yield (name[0] if name else "?"), start, number
            start = None


def check_functions(path, code):
    for name, first, last in functions(code):
        lines = last - first - 1
        if lines > FUNCTION_LINES_MAX and name not in LONG_FUNCTIONS:
            problem(path, first, f"{name}() has {lines} lines; {FUNCTION_LINES_MAX} are enough")


ASSERT = re.compile(r"\b(?:px_assert|px_unreachable)\s*\(")
STATIC_ASSERT = re.compile(r"\b_Static_assert\s*\(")


class Figures:
    """What the style test prints of the programs' folders, beside what is wrong."""

    def __init__(self):
        self.files, self.functions, self.asserts, self.static = (collections.Counter() for _ in range(4))
        self.longest_file, self.longest_function = (0, ""), (0, "")
        self.twins = []  # (file, line, the other file)

    def take(self, path, lines, code):
        folder = path.parent.as_posix()
        text = "\n".join(code)
        self.files[folder] += 1
        self.asserts[folder] += len(ASSERT.findall(text))
        self.static[folder] += len(STATIC_ASSERT.findall(text))
        self.longest_file = max(self.longest_file, (len(lines), path.as_posix()))
        if path.suffix != ".c":
            return
        for name, first, last in functions(code):
            self.functions[folder] += 1
            self.longest_function = max(self.longest_function, (last - first - 1, f"{path}: {name}()"))

    def show(self):
        print(f"{'folder':24} {'files':>5} {'functions':>9} {'asserts per function':>20} {'static':>6}")
        for folder in sorted(self.files):
            many = self.functions[folder]
            print(f"{folder:24} {self.files[folder]:5} {many:9} "
                  f"{self.asserts[folder] / many if many else 0:20.2f} {self.static[folder]:6}")
        many = sum(self.functions.values())
        print(f"{'all':24} {sum(self.files.values()):5} {many:9} "
              f"{sum(self.asserts.values()) / many:20.2f} {sum(self.static.values()):6}")
        print("longest file: %d lines, %s" % self.longest_file)
        print("longest function: %d lines, %s" % self.longest_function)
        print(f"duplicated lines in loadgen: {len(self.twins)}")

    def check(self):
        for folder, count in self.files.items():
            if count > FOLDER_FILES_MAX:
                problem(folder, 1, f"{count} files; {FOLDER_FILES_MAX} are enough, make a folder of some")


figures = Figures()


def check_lines(path, lines):
    for number, line in enumerate(lines, 1):
        columns = len(line.expandtabs(8))
        if columns > COLUMNS_MAX:
            problem(path, number, f"{columns} columns; {COLUMNS_MAX} are enough")
        if line != line.rstrip():
            problem(path, number, "space at the end of the line")
    if len(lines) > FILE_LINES_MAX:
        problem(path, len(lines), f"{len(lines)} lines; split it by activity")
    elif len(lines) > FILE_LINES_WARN:
        warnings.append(f"{path}: {len(lines)} lines; {FILE_LINES_WARN} are the aim")


def without_comments(text):
    """As without_comments_and_strings(), but literals stay."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
    return token.sub(lambda m: m.group() if m.group()[0] in "\"'" else re.sub(r"[^\n]", " ", m.group()), text)


def check_twins():
    """Lines of loadgen that stand in another file of it too, in the same order: TWIN_RUN or more. The first file
    has them by right; raw_ before a name makes no other line, and brackets and directives are none."""
    seen = {}
    for path in sorted(p.relative_to(ROOT) for p in (ROOT / "tools/loadgen").rglob("*.[ch]")):
        lines = []
        for number, line in enumerate(without_comments((ROOT / path).read_text()).split("\n"), 1):
            line = re.sub(r"\braw_", "", " ".join(line.split()), flags=re.IGNORECASE)
            if len(re.sub(r"\W", "", line)) >= 4 and not line.startswith("#"):
                lines.append((number, line))
        own, twins = {}, {}
        for i in range(len(lines) - TWIN_RUN + 1):
            run = lines[i:i + TWIN_RUN]
            key = tuple(line for _, line in run)
            if key in seen:
                twins.update((number, seen[key]) for number, _ in run)
            else:
                own.setdefault(key, path)
        seen.update(own)
        figures.twins += [(path, number, other) for number, other in sorted(twins.items())]
    if len(figures.twins) > LOADGEN_TWINS_MAX:
        for path, number, other in figures.twins:
            problem(path, number, f"stands in {other} too")


def check_c():
    users = {}
    for path in sources():
        text = (ROOT / path).read_text()
        lines = text.split("\n")[:-1]
        code = without_comments_and_strings(text).split("\n")
        check_lines(path, lines)
        check_includes(path, lines)
        if folder_of(path) != "tests":
            check_calls(path, code)
            figures.take(path, lines, code)
            check_clock(path, code)
        check_functions(path, code)
        if not text.lstrip().startswith("/*"):
            problem(path, 1, "begins with a comment: what it is, whose thread, whose memory")
        if path.suffix == ".h" and not re.search(r"#ifndef PX_\w+_H\n#define PX_\w+_H\n", text):
            problem(path, 1, "has no guard PX_..._H")
        if folder_of(path) != "tests":
            for library in FOREIGN:
                if re.search(r"#\s*include\s*<" + library, text):
                    users.setdefault(library, []).append(path.as_posix())
    check_one_home(users)
    check_arrows()
    figures.check()


def check_every_file():
    """What must stand in no file of the repository, whatever its language."""
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                           stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        path = ROOT / name
        if name.startswith("tests/fuzz/corpus/") or not path.is_file():
            continue
        try:
            lines = path.read_text().split("\n")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            if MARKERS.search(line):
                problem(name, number, "unfinished work: do it, or write it into an issue")
            if WORKPLACE.search(line):
                problem(name, number, "a path of one machine")


# How C, Python, JavaScript, shell and CMake take a variable of the environment, or set one.
VARIABLE = re.compile(r"""(?:getenv\(\s*"|environ(?:\.get\(|\[)\s*"|process\.env\.|ENVIRONMENT "|\$\{?|export )(PIXELD_[A-Z0-9_]+)""")


def check_environment():
    """pixeld refuses a PIXELD_ that it does not know, also one that a test or script hands down."""
    known = set(re.findall(r'^ENVIRONMENT\("(\w+)"', (ROOT / "server/settings/environment.def").read_text(), re.M))
    for name in re.findall(r'^SETTING\(\w+, \w+, \w+, "([\w-]+)"', (ROOT / "server/settings/settings.def").read_text(), re.M):
        known.add("PIXELD_" + name.upper().replace("-", "_"))
    for folder in TOP + ["scripts"]:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in (".c", ".h", ".py", ".mjs", ".sh", ".txt") or "corpus" in path.parts:
                continue
            code = path.read_text()
            if path.name == "CMakeLists.txt":  # the variables of CMake itself are others
                code = "\n".join(re.findall(r'ENVIRONMENT "[^"]*', code))
            for number, line in enumerate(code.split("\n"), 1):
                for name in VARIABLE.findall(line):
                    if name not in known:
                        problem(path.relative_to(ROOT), number, f"{name} is not in server/settings/environment.def")


def check_rules():
    check_c()
    check_twins()
    check_environment()
    check_every_file()


def run_each(commands):
    """Runs commands in parallel; what a failing one said is a problem."""
    def run(command):
        return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(run, commands):
            if done.returncode != 0:
                problems.append(done.stdout.strip() or f"{done.args[0]} ended with {done.returncode}")


def check_format(program):
    run_each([[program, "--dry-run", "-Werror", str(path)] for path in sources()])


PROSE = re.compile(r"(\s*(?:/\*|\*) )(\S.*)$")


def wrap_comments(lines):
    """Moves what stands beyond the last column of a comment to the next line of its paragraph."""
    out = []
    pending = list(reversed(lines))
    while pending:
        line = pending.pop()
        m = PROSE.match(line)
        room = COLUMNS_MAX - (len(line.expandtabs(8)) - len(line))
        cut = line.rfind(" ", 0, room + 1) if m else -1
        # Two spaces in a row are a table or a drawing.
        if len(line) <= room or cut <= len(m.group(1) if m else "") or "  " in m.group(2):
            out.append(line)
            continue
        out.append(line[:cut].rstrip())
        prefix = m.group(1).replace("/*", " *")
        rest = line[cut + 1:]
        following = PROSE.match(pending[-1]) if pending else None
        if following and following.group(1) == prefix and not rest.endswith("*/") and \
                re.match(r"[A-Za-z(\[']", following.group(2)):
            pending[-1] = prefix + rest + " " + following.group(2)
        else:
            pending.append(prefix + rest)
    return out


def fix(program, names):
    for path in [pathlib.Path(name) for name in names] or list(sources()):
        text = (ROOT / path).read_text()
        wrapped = "\n".join(wrap_comments(text.split("\n")))
        if wrapped != text:
            (ROOT / path).write_text(wrapped)
        subprocess.run([program, "-i", str(path)], cwd=ROOT, check=True)


def check_clang_tidy(program, build):
    with open(os.path.join(build, "compile_commands.json")) as file:
        compiled = {entry["file"] for entry in json.load(file)}
    files = [str(p) for p in sources()
             if p.suffix == ".c" and folder_of(p) != "tests" and str(ROOT / p) in compiled]
    # GCC's own warnings are unknown to clang.
    run_each([[program, "--quiet", "-p", build, "--extra-arg=-Wno-unknown-warning-option", path]
              for path in files])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--format", metavar="CLANG_FORMAT")
    parser.add_argument("--fix", metavar="CLANG_FORMAT")
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--clang-tidy", metavar="CLANG_TIDY")
    parser.add_argument("--build", metavar="DIR", default="build/release")
    args = parser.parse_args()
    if args.fix:
        fix(args.fix, args.files)
        return 0
    if args.format:
        check_format(args.format)
    elif args.clang_tidy:
        check_clang_tidy(args.clang_tidy, args.build)
    else:
        check_rules()
    if not args.format and not args.clang_tidy:
        figures.show()
    for line in warnings:
        print(f"warning: {line}")
    for line in problems:
        print(line)
    print(f"{len(problems)} problem{'' if len(problems) == 1 else 's'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

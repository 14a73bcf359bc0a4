#!/usr/bin/env python3
"""loadgen's reports against the real server, read by programs that share no line with it.

The percentile files go through a parser written from the format; the JSON through a small checker of
docs/loadgen.schema.json; the page through an HTML parser; the terminal view through a pty.
"""
import csv, html.parser, json, math, os, pathlib, pty, re, subprocess, sys, tempfile, time, unittest

from lib.server import Server

LOADGEN = pathlib.Path(os.environ.get("PIXELD_BUILD", "build/release")) / "tools/loadgen/loadgen"
SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "docs/loadgen.schema.json"
LATENCIES = ("connect", "ack", "visible", "visible_last")

if not LOADGEN.exists():
    print(f"{LOADGEN} is not built")
    sys.exit(77)


def loadgen(*arguments, env=None):
    done = subprocess.run([LOADGEN, *map(str, arguments)], capture_output=True, text=True, timeout=600,
                          env={**os.environ, **(env or {})})
    return done.returncode, done.stdout, done.stderr


def schema_faults(value, schema, root, at="$"):
    """What of JSON Schema the page uses: type, const, enum, required, properties, additionalProperties,
    items, minimum, pattern and $ref. Yields a sentence per fault."""
    known = {"type", "const", "enum", "required", "properties", "additionalProperties", "items", "minItems",
             "maxItems", "minimum", "maximum", "pattern", "$ref", "description", "$schema", "title", "$defs", "$id"}
    assert set(schema) <= known, f"{at}: {set(schema) - known} is not known here"
    if "$ref" in schema:
        yield from schema_faults(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, at)
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "number": (int, float), "integer": int}
    kind = schema.get("type")
    if kind and (not isinstance(value, kinds[kind]) or isinstance(value, bool) != (kind == "boolean")):
        yield f"{at} is no {kind}: {value!r}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{at} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at} is none of {schema['enum']}"
    if "minimum" in schema and value < schema["minimum"] or "maximum" in schema and value > schema["maximum"]:
        yield f"{at} is out of range: {value}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at} is not like {schema['pattern']}"
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{at} lacks {name}"
        for name, member in value.items():
            below = schema.get("properties", {}).get(name, schema.get("additionalProperties", True))
            if below is False:
                yield f"{at}.{name} is not in the schema"
            elif below is not True:
                yield from schema_faults(member, below, root, f"{at}.{name}")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf):
            yield f"{at} has {len(value)} items"
        for i, item in enumerate(value):
            yield from schema_faults(item, schema.get("items", {}), root, f"{at}[{i}]")


def hgrm_read(path):
    """Lines of (value, fraction, count) and the facts at the end, of HdrHistogram's percentile format."""
    lines, facts = [], {}
    head, empty, *rest = path.read_text().splitlines()
    assert head.split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"] and empty == "", head
    for line in rest:
        if line.startswith("#["):
            facts.update((k.strip(), float(v)) for k, v in (fact.split("=") for fact in line[2:-1].split(",")))
            continue
        value, fraction, count, *inverse = line.split()
        assert not inverse or math.isclose(float(inverse[0]), 1 / (1 - float(fraction)), rel_tol=0.01, abs_tol=0.01), line
        lines.append((float(value), float(fraction), int(count)))
    return lines, facts


def ranked(pairs, rank):
    """The value of the record of this rank, from 1."""
    seen = 0
    for value, n in pairs:
        seen += n
        if seen >= rank:
            return value
    return 0


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.lines, self.text = {}, [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        attributes = dict(attributes)
        assert not {"src", "href", "srcset"} & set(attributes), (tag, attributes)
        if tag == "polyline":
            self.lines.append(attributes)

    handle_startendtag = handle_starttag

    def handle_data(self, data):
        self.text += data


class Reports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--cooldown-ms", "0")
        cls.folder = tempfile.TemporaryDirectory(prefix="loadgen-reports-")
        cls.at = pathlib.Path(cls.folder.name)
        cls.url = f"ws://{cls.server.address}/ws"
        cls.code, cls.said, cls.lines = cls.run_into("a", "--csv", cls.at / "a.csv", "--hgrm", cls.at / "a",
                                                     "--html", cls.at / "a.html", "--threshold", "reach==1",
                                                     "--session-secret", "@" + str(cls.secret()))
        cls.result = json.loads((cls.at / "a.json").read_text())

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()
        try:
            cls.server.nothing_left()
            cls.server.stop()
        finally:
            cls.server.clear()

    @classmethod
    def secret(cls):
        found = list(cls.server.folder.rglob("*secret*"))
        assert found, "the server keeps a session secret"
        return found[0]

    @classmethod
    def run_into(cls, name, *more, env=None):
        return loadgen("--url", cls.url, "--clients", 60, "--rate", "200/s", "--duration", "2500ms", "--json",
                       cls.at / f"{name}.json", *more, env=env)

    # --- one run ---
    def test_run_passes_and_says_so_in_words(self):
        self.assertEqual(self.code, 0, self.said + self.lines)
        self.assertRegex(self.said, r"PASS: all 60 clients received every sequence number up to \d+.*all thresholds are met")
        self.assertEqual((self.result["verdict"], self.result["reach"], self.result["clients"]), ("pass", 1, 60))
        self.assertGreater(self.result["acknowledged"], 200)

    def test_json_is_what_the_schema_says(self):
        schema = json.loads(SCHEMA.read_text())
        self.assertEqual(list(schema_faults(self.result, schema, schema)), [])
        self.assertEqual(sorted(self.result), sorted(schema["properties"]), "the schema names every member")
        self.assertEqual(self.result["machines"][0]["cpus"], os.cpu_count())
        self.assertIn("--rate 200/s", self.result["machines"][0]["command"])

    def test_quantiles_are_those_of_the_histograms(self):
        for name in LATENCIES:
            for kind in ("corrected", "raw"):
                told = self.result[f"{name}_ms"] if kind == "corrected" else self.result[f"{name}_ms"]["raw"]
                histogram = self.result["histograms"][name][kind]
                self.assertEqual(sum(n for _, n in histogram["counts"]), told["count"])
                self.assertAlmostEqual(told["max"], histogram["max_ns"] / 1e6, 3)
                for key, q in (("p50", .5), ("p90", .9), ("p99", .99), ("p999", .999)):
                    rank = math.ceil(q * told["count"])
                    want = min(ranked(histogram["counts"], rank), histogram["max_ns"]) / 1e6
                    self.assertAlmostEqual(told[key], want, 3, f"{name} {kind} {key}")

    def test_all_latencies_have_records_and_the_last_observer_is_the_last(self):
        counts = {name: self.result[f"{name}_ms"]["count"] for name in LATENCIES}
        placed = self.result["acknowledged"]
        self.assertEqual(counts["connect"], 60)
        self.assertEqual(counts["ack"], placed)
        self.assertEqual(counts["visible_last"], placed)
        self.assertTrue(placed <= counts["visible"] <= placed * self.result["observers"])
        self.assertGreaterEqual(self.result["visible_last_ms"]["p50"], self.result["visible_ms"]["p50"])
        self.assertEqual(self.result["visible_last_ms"]["max"], self.result["visible_ms"]["max"])

    def test_raw_is_never_above_corrected(self):
        for name in LATENCIES:
            for q in ("p50", "p99", "max"):
                self.assertLessEqual(self.result[f"{name}_ms"]["raw"][q], self.result[f"{name}_ms"][q], name)

    def test_percentile_files_are_read_by_another_parser(self):
        for name in LATENCIES:
            for kind in ("corrected", "raw"):
                lines, facts = hgrm_read(self.at / f"a-{name}{'' if kind == 'corrected' else '-raw'}.hgrm")
                histogram = self.result["histograms"][name][kind]
                self.assertEqual(lines, sorted(lines))
                self.assertEqual(lines[-1][1:], (1, sum(n for _, n in histogram["counts"])))
                self.assertEqual(facts["Total count"], lines[-1][2])
                self.assertAlmostEqual(facts["Max"], histogram["max_ns"] / 1e6, 2)
                mean = sum(v * n for v, n in histogram["counts"]) / lines[-1][2] / 1e6
                self.assertAlmostEqual(facts["Mean"], mean, 2)
                for value, fraction, count in lines:
                    want = min(ranked(histogram["counts"], count), histogram["max_ns"]) / 1e6
                    self.assertAlmostEqual(value, want, 2)
                    self.assertAlmostEqual(fraction, count / lines[-1][2], 9)

    def test_csv_has_a_row_per_second_that_adds_up(self):
        with open(self.at / "a.csv") as file:
            rows = list(csv.DictReader(file))
        self.assertGreaterEqual(len(rows), 2)
        times = [float(row["t_s"]) for row in rows]
        self.assertEqual(times, sorted(times))
        self.assertIn("placing", [row["phase"] for row in rows])
        seconds = [b - a for a, b in zip([0] + times, times)]
        placed = sum(float(row["placed_per_s"]) * s for row, s in zip(rows, seconds))
        self.assertLessEqual(placed, self.result["placed"] * 1.1)
        self.assertGreater(placed, 0)
        self.assertTrue(all(0 <= float(row["reach"]) <= 1 for row in rows))

    def test_page_is_whole_in_itself(self):
        text = (self.at / "a.html").read_text()
        page = Page(text)
        self.assertNotRegex(text, r"https?:|@import|url\(")
        self.assertGreaterEqual(len(page.lines), 10)
        for line in page.lines:
            points = [tuple(map(float, p.split(","))) for p in line["points"].split()]
            self.assertTrue(all(math.isfinite(c) and 0 <= c <= 640 for p in points for c in p), line["data-label"])
            self.assertEqual(len(points), len(line["data-v"].split("|")) if points else 0)
        self.assertIn("PASS", page.text)
        self.assertIn("reach==1", page.text)

    def test_secret_is_in_no_report(self):
        secret = "00112233445566778899aabbccddeeff"
        self.run_into("s", "--session-secret", secret, "--html", self.at / "s.html", "--rate", "0", "--duration", "100ms")
        self.run_into("t", f"--session-secret={secret}", "--rate", "0", "--duration", "100ms")
        for name in ("s.json", "s.html", "t.json"):
            text = (self.at / name).read_text()
            self.assertIn("--session-secret", text)
            self.assertNotIn(secret, text, name)

    # --- live ---
    def test_without_a_terminal_there_is_a_line_per_second(self):
        self.assertRegex(self.lines, r"(?m)^t=\d+s phase=\w+ connections=60 .*ack_p99=[\d.]+ms .*reach=[\d.]+ ")
        self.assertNotIn("\x1b", self.lines + self.said)

    def in_terminal(self, **env):
        main, other = pty.openpty()
        process = subprocess.Popen([LOADGEN, "--url", self.url, "--clients", "20", "--duration", "2200ms"], stderr=other,
                                   stdout=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm", "NO_COLOR": "", **env})
        os.close(other)
        shown = b""
        while True:
            try:
                shown += os.read(main, 4096)
            except OSError:
                break
        os.close(main)
        self.assertEqual(process.wait(600), 0)
        return shown.decode()

    def test_terminal_view_is_drawn_over_itself(self):
        shown = self.in_terminal()
        ups = [int(n) for n in re.findall(r"\x1b\[(\d+)A", shown)]
        first = shown.split("\x1b[%dA" % ups[0])[0]
        self.assertEqual(first.count("\n"), ups[0])
        self.assertTrue(6 <= ups[0] <= 10, ups)
        for word in ("placing", "connections", "acknowledged", "visible", "reach", "errors", "CPU"):
            self.assertIn(word, shown)
        self.assertRegex(shown, "[▁▂▃▄▅▆▇█]")

    def test_terminal_that_wants_no_drawing_gets_lines(self):
        for env in ({"TERM": "dumb"}, {"NO_COLOR": "1"}):
            shown = self.in_terminal(**env)
            self.assertNotIn("\x1b", shown)
            self.assertRegex(shown, r"(?m)^t=\d+s phase=")

    # --- thresholds ---
    def test_missed_threshold_is_exit_99_and_names_itself(self):
        code, said, _ = self.run_into("missed", "--threshold", "ack.p50<1us", "--threshold", "reach==1")
        result = json.loads((self.at / "missed.json").read_text())
        self.assertEqual((code, result["exit"], result["verdict"]), (99, 99, "fail"), said)
        self.assertEqual([t["met"] for t in result["thresholds"]], [False, True])
        self.assertRegex(said, r"FAIL: the threshold ack\.p50<1us is missed: [\d.]+ ms")

    def test_threshold_that_is_none_is_wrong_use(self):
        code, _, told = loadgen("--url", self.url, "--threshold", "ack.p99<3")
        self.assertEqual(code, 2)
        self.assertIn("has a unit", told)

    def test_server_that_is_not_there_is_exit_4_whatever_the_threshold(self):
        self.assertEqual(loadgen("--url", "ws://127.0.0.1:1/ws", "--threshold", "reach==1")[0], 4)

    # --- several runs ---
    def test_merge_adds_histograms_and_counts(self):
        self.run_into("b")
        b = json.loads((self.at / "b.json").read_text())
        code, said, _ = loadgen("merge", self.at / "a.json", self.at / "b.json", "--json", self.at / "m.json",
                                "--html", self.at / "m.html", "--hgrm", self.at / "m", "--threshold", "ack.p99<1us")
        merged = json.loads((self.at / "m.json").read_text())
        self.assertEqual(code, 99, said)
        schema = json.loads(SCHEMA.read_text())
        self.assertEqual(list(schema_faults(merged, schema, schema)), [])
        for name in ("clients", "placed", "acknowledged", "deliveries", "lost", "runs", "threads"):
            self.assertEqual(merged[name], self.result[name] + b[name], name)
        self.assertEqual(len(merged["machines"]), 2)
        for name in LATENCIES:
            want = {}
            for value, n in self.result["histograms"][name]["raw"]["counts"] + b["histograms"][name]["raw"]["counts"]:
                want[value] = want.get(value, 0) + n
            self.assertEqual(merged["histograms"][name]["raw"]["counts"], [[v, want[v]] for v in sorted(want)])
        Page((self.at / "m.html").read_text())

    def test_help_of_every_command(self):
        for flag in ("--help", "-h"):
            for words, begin in (((), "loadgen - opens"), (("merge",), "usage: loadgen merge"),
                                 (("find-max", "--rate"), "usage: loadgen find-max"),
                                 (("--profile-protocol", "raw"), "loadgen --profile-protocol raw - opens")):
                with self.subTest((*words, flag)):
                    code, said, told = loadgen(*words, flag)
                    self.assertEqual((code, told), (0, ""))
                    self.assertTrue(said.startswith(begin), said)

    def test_what_is_misspelt_names_the_option_that_was_meant(self):
        for words, meant in ((("--clinets", "5"), "unknown option --clinets; the nearest is --clients\n"),
                             (("--nonsense=1",), "unknown option --nonsense\n"), (("--rate",), "--rate needs a value\n"),
                             (("--quiet=5",), "--quiet takes no value\n"), (("-x",), "unknown option -x\n"),
                             (("--s", "5"), "--s is the beginning of "),
                             (("merge", "--jsno", "x"), "unknown option --jsno; the nearest is --json\n"),
                             (("find-max", "--rate", "--from", "1", "--to", "2", "--treshold", "x"), "the nearest is --threshold\n"),
                             (("find-max", "--clints=1"), "unknown option --clints; the nearest is --clients\n"),
                             (("find-max", "--clients", "--form=1", "--to", "2"), "unknown option --form"),
                             (("find-max", "--rate", "--url", "ws://x/ws", "--threshold", "reach==1", "--to", "2"), "--from and --to are missing"),
                             (("--profile-protocol", "raw", "--mesage", "x"), "the nearest is --message\n"),
                             (("--profile-protocol", "raw", "--message"), "--message needs a value\n"),
                             (("find-mx",), "unknown command find-mx; the nearest is find-max;")):
            with self.subTest(words):
                code, said, told = loadgen(*words)
                self.assertEqual((code, said), (2, ""))
                self.assertIn(meant, told)

    def test_merge_of_what_is_no_result_fails(self):
        (self.at / "x.json").write_text('{"loadgen": 2}')
        code, _, told = loadgen("merge", self.at / "a.json", self.at / "x.json")
        self.assertEqual(code, 1)
        self.assertIn("version 1", told)
        self.assertEqual(loadgen("merge", self.at / "a.json")[0], 2)

    def test_start_at_waits_for_the_clock(self):
        for ahead in (3, 60):  # a busy machine may need longer until its clients are there
            at = int(time.time()) + ahead
            code, said, told = self.run_into("start", "--start-at", at, "--duration", "200ms")
            self.assertEqual(code, 0, said)
            if "--start-at has passed" not in told:
                break
        started = json.loads((self.at / "start.json").read_text())["started"]
        self.assertEqual(started, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)))

    # --- find-max ---
    def test_find_max_ends_with_a_sentence(self):
        out = self.at / "max.json"
        code, said, told = loadgen("find-max", "--clients", "--from", 20, "--to", 80, "--threshold", "reach==1", "--url",
                                   self.url, "--rate", "50/s", "--duration", "300ms", "--json", out)
        self.assertEqual(code, 0, said + told)
        result = json.loads(out.read_text())
        self.assertEqual([(s["value"], s["held"]) for s in result["steps"]], [(20, True), (40, True), (80, True)])
        self.assertTrue(said.rstrip().endswith("80 clients hold, and no more were tried."), said)

    def test_find_max_whose_json_is_lost_says_so_and_fails(self):
        code, said, told = loadgen("find-max", "--clients", "--from", 5, "--to", 5, "--threshold", "reach==1", "--url",
                                   self.url, "--rate", "50/s", "--duration", "100ms", "--json", "/dev/full")
        self.assertEqual(code, 1, said + told)
        self.assertIn("loadgen: --json /dev/full: No space left on device", told)

    def test_find_max_where_nothing_holds_is_exit_99(self):
        code, said, _ = loadgen("find-max", "--rate", "--from", 10, "--to", 80, "--threshold", "ack.p50<1us", "--url",
                                self.url, "--clients", 10, "--duration", "300ms")
        self.assertEqual(code, 99, said)
        self.assertIn("Not even 10 placements/s hold", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)

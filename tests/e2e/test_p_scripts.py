#!/usr/bin/env python3
"""Scripts for developers, with programs in place of those that they run."""
import os, pathlib, signal, subprocess, tempfile, unittest

from lib.server import until

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAMPAIGN = ROOT / "scripts/sim-campaign.sh"
GOOD = 'echo "sim_pixeld --seed $2 --steps 9: 9 steps"\n'


def runs(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class SimCampaign(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.build, self.path = pathlib.Path(temporary.name), os.environ["PATH"]

    def start(self, simulator, seeds):
        """The campaign with a shell script as the simulator: its arguments are --seed S --seeds N."""
        sim = self.build / "tests/sim/sim_pixeld"
        sim.parent.mkdir(parents=True)
        sim.write_text("#!/bin/sh\n" + simulator)
        sim.chmod(0o755)
        campaign = subprocess.Popen(["bash", CAMPAIGN, str(seeds), "1000"],
                                    env={**os.environ, "PATH": self.path, "PIXELD_BUILD": str(self.build)},
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(campaign.communicate)
        self.addCleanup(campaign.terminate)
        return campaign

    def command(self, name, script):
        """A shell script in place of a program that the campaign runs."""
        program = self.build / "bin" / name
        program.parent.mkdir()
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(0o755)
        self.path = f"{program.parent}:{os.environ['PATH']}"

    def test_all_that_the_broken_seed_said_is_shown_and_kept(self):
        report = "printf 'sim_pixeld --seed 1007 --steps 9: '\nfor i in $(seq 60); do echo \"frame $i\"; done\nexit 1\n"
        campaign = self.start(GOOD + report, 20)
        said = campaign.communicate(timeout=600)[0]
        self.assertEqual(campaign.returncode, 1, said)
        self.assertIn("sim_pixeld --seed 1007 --steps 9: frame 1\n", said)
        self.assertIn("frame 60\n", said)
        self.assertNotIn("--seed 1000 --steps", said)  # was good
        kept = list(self.build.glob("*.txt"))
        self.assertEqual(len(kept), 1)
        self.assertIn(str(kept[0]), said)
        self.assertIn("sim_pixeld --seed 1000 --steps 9: 9 steps\nsim_pixeld --seed 1007", kept[0].read_text())

    def test_simulators_end_with_the_campaign(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                self.setUp()
                campaign = self.start(f"echo $$ >>{self.build}/pids\nexec sleep 600\n", 1000)
                pids = until("a simulator runs", lambda: self.build.joinpath("pids").exists() and
                             self.build.joinpath("pids").read_text().split())
                campaign.send_signal(number)
                campaign.communicate(timeout=600)
                self.assertNotEqual(campaign.returncode, 0)
                until("no simulator runs", lambda: not any(map(runs, self.build.joinpath("pids").read_text().split())))

    def test_a_worker_that_has_just_started_ends_too(self):
        """So many that the signal arrives while they start."""
        self.command("nproc", "echo 200\n")
        campaign = self.start(f"echo $$ >>{self.build}/pids\nexec sleep 600\n", 5000)
        until("a simulator runs", lambda: self.build.joinpath("pids").exists())
        campaign.terminate()
        campaign.communicate(timeout=120)
        until("no simulator runs", lambda: not any(map(runs, self.build.joinpath("pids").read_text().split())))

    @unittest.skipIf(os.cpu_count() < 2, "one worker is the last one, too")
    def test_progress_is_said_until_the_last_worker_ends(self):
        """The second chunk goes on after the first, until somebody asks whether there is any progress."""
        now = self.build / "now"  # never half written: the simulator reads it meanwhile
        now.write_text("0\n")
        self.command("date", f"echo $(($(cat {now}) + 30)) >{now}.new\nmv {now}.new {now}\ncat {now}\n")
        wait = f"[ $2 = 1000 ] || while [ $(cat {self.build}/now) -lt 200 ]; do sleep 0.1; done\n"
        campaign = self.start(wait + GOOD, 50)
        said = campaign.communicate(timeout=600)[0]
        self.assertEqual(campaign.returncode, 0, said)
        self.assertIn("All 2 seeds are clean", said)


@unittest.skipUnless(os.access("/proc/sys/net/ipv4/tcp_child_ehash_entries", os.W_OK), "no namespace is tried here")
class OwnNetwork(unittest.TestCase):
    def run_with(self, unshare):
        """Its exit code and output, with a shell script as unshare; the command says that it runs."""
        with tempfile.TemporaryDirectory() as folder:
            stub = pathlib.Path(folder, "unshare")
            stub.write_text("#!/bin/sh\n" + unshare)
            stub.chmod(0o755)
            done = subprocess.run([ROOT / "scripts/own-network.sh", "echo", "it runs"], timeout=600, text=True,
                                  env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.returncode, done.stdout

    def test_without_a_namespace_the_command_runs_all_the_same(self):
        self.assertEqual(self.run_with("exit 1\n"), (0, "it runs\n"))

    def test_a_signal_before_the_command_has_started_stops_it(self):
        self.assertEqual(self.run_with("kill -TERM $PPID\nexit 1\n"), (143, ""))


class Benchmarks(unittest.TestCase):
    def test_help_says_how_each_is_called_and_runs_nothing(self):
        for name in ("connect", "deliveries", "memory", "peers", "placing", "restart"):
            with self.subTest(name):
                script = f"scripts/bench/{name}.sh"
                said = subprocess.run([ROOT / script, "--help"], capture_output=True, text=True, timeout=600)
                self.assertEqual((said.returncode, said.stderr), (0, ""))
                self.assertIn(f"{script} [", said.stdout)
                self.assertNotIn("set -euo", said.stdout)

    def ratios(self, pairs):
        with tempfile.TemporaryDirectory() as folder:
            at = pathlib.Path(folder)
            for name, side in (("a", 0), ("b", 1)):
                (at / name).write_text("".join(f"{pair[side]}\n" for pair in pairs))
            table = subprocess.run(["bash", "-c", f". scripts/bench/ratio.sh; ratio_table {at}/a before {at}/b after CPU"], cwd=ROOT,
                                   capture_output=True, text=True, check=True, timeout=600).stdout
        return table.splitlines()[-1]

    def test_a_ratio_is_of_pairs_and_its_interval_leaves_out_the_outer_ones(self):
        """Of 10 pairs, the interval with 95 % is from the second to the ninth."""
        pairs = [(100 * n, 200 * n) for n in range(1, 9)] + [(1, 10), (10, 1)]
        self.assertEqual(self.ratios(pairs), "| CPU | 350 | 700 | 2.000 | 2.000 to 2.000 |")


class FreshDebian(unittest.TestCase):
    def test_a_number_that_an_earlier_run_left_is_nobody_to_end(self):
        """With an unshare that has not come as far as to write its own."""
        with tempfile.TemporaryDirectory() as folder, subprocess.Popen(["sleep", "600"]) as stranger:
            self.addCleanup(stranger.wait)
            self.addCleanup(stranger.kill)
            at = pathlib.Path(folder)
            (at / "first.pid").write_text(f"{stranger.pid}\n")
            (at / "unshare").write_text("#!/bin/sh\necho begun\nexec sleep 600\n")
            (at / "unshare").chmod(0o755)
            parts = "".join(f"/^{name}() {{/,/^}}/p;" for name in ("in_namespace", "stop"))
            script = (f"set -euo pipefail; PATH={at}:$PATH; dir={at}; namespace=; eval \"$(sed -n '{parts}' {ROOT}/scripts/fresh-debian.sh)\"\n"
                      "trap 'kill -KILL $namespace' EXIT; trap stop TERM; in_namespace true 9>/dev/null")
            with subprocess.Popen(["bash", "-c", script], stdout=subprocess.PIPE, text=True) as run:
                self.assertEqual(run.stdout.readline(), "begun\n")
                run.terminate()
                self.assertEqual(run.wait(timeout=600), 143)
            self.assertIsNone(stranger.poll(), "a stranger was ended")
            stranger.kill()


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""Running programs in turns, and telling readings that other processes disturbed."""
import dataclasses
import os
import statistics
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
# A reading is taken again while others used more of the processor's time than this beyond the cores it leaves idle.
QUIET = 0.05
# Of one reading: processor time is counted in hundredths of a second.
LEAST_SECONDS = 0.5


class Failed(Exception):
    """A program answered that it cannot, or ended."""


@dataclasses.dataclass
class Reading:
    seconds: float
    foreign: float  # share of the processor's time that other processes used meanwhile


class Program:
    """A running entrant that answers the lines of `protocol`."""

    def __init__(self, entrant, log):
        self.entrant = entrant
        environment = dict(os.environ, PYTHONWARNINGS="ignore", **entrant.environment())
        with open(log, "a", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                entrant.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
        if self.process.stdout.readline() != "ready\n":
            raise Failed(f"did not start; see {log}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def ask(self, line):
        """The seconds it answers: one number."""
        try:
            print(line, file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline().strip()
        except BrokenPipeError:
            answer = ""
        if not answer or answer.startswith("error"):
            raise Failed(answer or "ended")
        return float(answer)

    def read(self, line):
        """The mean of its answers until some time has passed, and how quiet it was."""
        answers, before, own, started = [], busy(), self.own(), time.monotonic()
        while not answers or time.monotonic() - started < LEAST_SECONDS:
            answers.append(self.ask(line))
        elapsed = time.monotonic() - started
        others = (busy() - before) - (self.own() - own)
        return Reading(statistics.fmean(answers), max(0.0, others / elapsed / os.cpu_count()))

    def read_quietly(self, line, patience):
        """The first quiet reading, or the quietest of those taken in `patience` seconds."""
        limit = QUIET + max(0, os.cpu_count() - self.entrant.threads) / os.cpu_count()
        deadline = time.monotonic() + patience
        best = None
        while best is None or (best.foreign > limit and time.monotonic() < deadline):
            while share_busy(0.2) > limit and time.monotonic() < deadline:
                pass
            best = min(filter(None, (best, self.read(line))), key=lambda reading: reading.foreign)
        return best

    def own(self):
        """Processor seconds of the process and of its children that ended."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / TICKS


def busy():
    """Processor seconds all processes of the machine, and the machine's host, have used."""
    with open("/proc/stat") as file:
        user, nice, system, _idle, _waiting, interrupts, soft, stolen = map(int, file.readline().split()[1:9])
    return (user + nice + system + interrupts + soft + stolen) / TICKS


def share_busy(pause):
    """The share of the processor's time that was used during a pause of so many seconds."""
    before = busy()
    time.sleep(pause)
    return (busy() - before) / pause / os.cpu_count()


def in_turns(programs, lines, rounds, patience, deadline=float("inf")):
    """Readings of each program for its line, A B C A B C; a first round warms up and does not count.

    After `deadline` on the monotonic clock no round begins but the first that counts.
    """
    readings = {program: [] for program in programs}
    for turn in range(rounds + 1):
        if turn > 1 and time.monotonic() > deadline:
            break
        for program in list(readings):
            try:
                if turn == 0:
                    program.ask(lines[program])
                else:
                    readings[program].append(program.read_quietly(lines[program], patience))
            except Failed as reason:
                print(f"    {program.entrant}: {reason}")
                del readings[program]
    return readings


def median(readings):
    return statistics.median(reading.seconds for reading in readings)

import json
import os
import signal
import sys
import threading

import pytest

from standalone.processes import ChildSpec, spawn
from tests.standalone.waiting import descendants, wait_gone

# Children: a Python program each. The supervisor prints {name: pid} when all is ready and after
# every restart, and lines of its own in between.
SCRIPT = """
import json, os, signal, sys, time
from pathlib import Path
from config.logging import configure_logging
from config.settings import load_settings
from standalone.processes import ChildSpec
from standalone.supervisor import Supervisor

configure_logging(load_settings(log_format="json"))
folder = Path(sys.argv[1])

def child(name, body, **more):
    code = "import os, signal, sys, time\\n" + body
    return ChildSpec(name, (sys.executable, "-S", "-c", code), dict(os.environ),
                     log=folder / "logs" / f"{name}.log", **more)

IDLE = "while True: signal.pause()"

def note_end(name):
    return (f"def end(*_):\\n open({str(folder / 'ends')!r}, 'a').write({name!r} + chr(10)); "
            f"os._exit(0)\\nsignal.signal(signal.SIGTERM, end)\\n"
            f"open({str(folder)!r} + '/{name}.up', 'w').close()\\n{IDLE}")

def is_up(name):
    return (folder / f"{name}.up").exists

def say(*what):
    print(json.dumps(what[0] if len(what) == 1 else what), flush=True)

"""


def lines(process):
    return (json.loads(line) for line in process.stdout)


@pytest.fixture
def supervise(run_script, tmp_path):
    def start(code):
        process = run_script(SCRIPT + code, tmp_path)
        return process, lines(process)

    return start


def test_stages_start_in_order_and_stop_in_reverse(supervise, tmp_path):
    process, said = supervise("""
stages = [[child("first", note_end("first"), is_ready=is_up("first"))],
          lambda: say("step", is_up("first")()),
          [child("second", note_end("second"), is_ready=is_up("second"))]]
sys.exit(Supervisor(stages, on_change=say).run())
""")
    assert next(said) == ["step", True]
    pids = next(said)
    assert list(pids) == ["first", "second"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    wait_gone(pids.values(), 0.5)
    assert (tmp_path / "ends").read_text().split() == ["second", "first"]


def test_a_killed_child_is_restarted_at_once_then_with_growing_waits(supervise):
    process, said = supervise("""
sys.exit(Supervisor([[child("one", IDLE), child("two", IDLE)]],
                    on_change=lambda pids: say([time.monotonic(), pids])).run())
""")
    before, pids = next(said)
    waits = []
    for _ in range(3):
        os.kill(pids["one"], signal.SIGKILL)
        wait_gone([pids["one"]])
        now, restarted = next(said)
        assert restarted["one"] != pids["one"]
        assert restarted["two"] == pids["two"]
        waits.append(now - before)
        before, pids = now, restarted
    assert waits[0] < 0.4
    assert waits[1] >= 0.5
    assert waits[2] >= 1.0
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0


def test_kill_9_of_the_supervisor_leaves_no_orphan(supervise):
    process, said = supervise("""
sys.exit(Supervisor([[child(str(n), IDLE)] for n in range(5)], on_change=say).run())
""")
    pids = next(said).values()
    process.kill()
    wait_gone(pids)


def test_what_a_dead_child_leaves_in_its_group_is_killed(supervise):
    process, said = supervise("""
fork = ("if os.fork() == 0: signal.signal(signal.SIGTERM, signal.SIG_IGN)\\n"
        f"open({str(folder / 'forked')!r}, 'w').close()\\n" + IDLE)
sys.exit(Supervisor([[child("master", fork, is_ready=(folder / "forked").exists)]],
                    on_change=say).run())
""")
    master = next(said)["master"]
    orphans = descendants(master)
    assert len(orphans) == 1
    os.kill(master, signal.SIGKILL)
    wait_gone(orphans)
    next(said)
    process.send_signal(signal.SIGINT)
    process.wait(20)


def test_a_child_that_ignores_its_signal_is_killed_when_its_time_is_over(supervise):
    process, said = supervise("""
deaf = ("signal.signal(signal.SIGTERM, signal.SIG_IGN)\\n"
        f"open({str(folder)!r} + '/deaf.up', 'w').close()\\n" + IDLE)
sys.exit(Supervisor([[child("deaf", deaf, is_ready=is_up("deaf"),
                            stop_signals=((signal.SIGTERM, 0.2),))]], on_change=say).run())
""")
    pids = next(said)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    wait_gone(pids.values(), 0.5)


def test_a_second_ctrl_c_hastens(supervise):
    process, said = supervise("""
deaf = (f"signal.signal(signal.SIGTERM, lambda *_: open({str(folder)!r} + '/told', 'w').close())\\n"
        f"open({str(folder)!r} + '/deaf.up', 'w').close()\\n" + IDLE)
import threading
def tell():
    while not (folder / "told").exists(): time.sleep(0.01)
    say("told")
threading.Thread(target=tell, daemon=True).start()
sys.exit(Supervisor([[child("deaf", deaf, is_ready=is_up("deaf"),
                            stop_signals=((signal.SIGTERM, 600),))]], on_change=say).run())
""")
    pids = next(said)
    process.send_signal(signal.SIGINT)
    assert next(said) == "told"
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    wait_gone(pids.values(), 0.5)


def test_a_child_that_never_gets_ready_is_named_with_its_last_words(supervise):
    process, said = supervise("""
from standalone.state import StandaloneError
try:
    Supervisor([[child("fine", IDLE)],
                [child("sick", "sys.exit('no such thing')", is_ready=lambda: False,
                       ready_timeout_s=0.4)]]).run()
except StandaloneError as error:
    say(str(error))
""")
    assert next(said).startswith("sick did not get ready: no such thing")
    assert process.wait(10) == 0


def test_work_beside_ends_the_stack_and_gives_its_result(supervise):
    process, said = supervise("""
supervisor = Supervisor([[child("one", IDLE)]], on_change=say)
sys.exit(supervisor.run(beside=lambda: 7))
""")
    pids = next(said)
    assert process.wait(10) == 7
    wait_gone(pids.values(), 0.5)


def test_a_step_that_fails_stops_what_was_started(supervise):
    process, said = supervise("""
def fail():
    raise ValueError("no migration")
try:
    Supervisor([[child("one", IDLE)], fail, [child("two", IDLE)]], on_change=say).run()
except ValueError as error:
    say(str(error))
""")
    assert list(said) == ["no migration"]
    assert process.wait(10) == 0


def test_children_are_started_from_the_main_thread_only():
    errors = []

    def attempt():
        try:
            spawn(ChildSpec("x", (sys.executable, "-c", ""), {}))
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert errors == ["child processes are started from the main thread only"]

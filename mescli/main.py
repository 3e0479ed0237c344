"""The command line: one parser, one function a command, one place where failures become sentences."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from . import bench, database, demo, install, lint, odoo, postgres, status, testing
from .errors import MesError, from_os_error
from .paths import ROOT
from .progress import say

SABOTAGES = ("drop", "double", "shift", "stretch")


def cmd_setup(options: argparse.Namespace, extra: list[str]) -> int:
    return install.setup(vendor_only=options.vendor)


def cmd_demo(options: argparse.Namespace, extra: list[str]) -> int:
    if options.sabotage and not options.check:
        raise MesError("--sabotage belongs to --check.", f"run: ./mes demo --check --sabotage {options.sabotage}")
    settings = demo.Settings(port=options.port, speed=options.speed, fresh=options.fresh, interface=options.interface)
    settings.validate()
    install.ensure(browser=False)
    if options.check:
        from . import check  # only here: it brings the comparison with it

        return check.run(settings, options.sabotage)
    return demo.run(settings)


def cmd_test(options: argparse.Namespace, extra: list[str]) -> int:
    if "--mutants" in extra:
        install.ensure(browser=False)
        return testing.mutants([word for word in extra if word != "--mutants"])
    if "--faults" in extra:
        from . import faults  # only here: it brings the matrix with it

        install.ensure(browser=False)
        return faults.run(extra)
    request = testing.parse(extra)
    install.ensure(browser="odoo" in request.stages or "browser" in request.stages)
    return testing.run(request)


def cmd_bench(options: argparse.Namespace, extra: list[str]) -> int:
    install.ensure(browser=False)
    return bench.run(options.name, extra)


def cmd_status(options: argparse.Namespace, extra: list[str]) -> int:
    return status.show()


def cmd_stop(options: argparse.Namespace, extra: list[str]) -> int:
    return status.stop_everything()


def cmd_shell(options: argparse.Namespace, extra: list[str]) -> int:
    install.ensure(browser=False)
    name = options.database or demo.DATABASE
    _need_database(name)
    line = odoo.command("shell", "-d", name, "--no-http", "--max-cron-threads=0", "--log-level=warn", *extra)
    return _replace([str(part) for part in line], odoo.environment())


def cmd_logs(options: argparse.Namespace, extra: list[str]) -> int:
    return status.logs(options.name, follow=options.follow, lines=options.lines)


def cmd_psql(options: argparse.Namespace, extra: list[str]) -> int:
    install.ensure(browser=False)
    name = options.database or demo.DATABASE
    _need_database(name)
    return _replace([str(postgres.programs() / "psql"), "-d", name, *extra], postgres.environment())


def cmd_lint(options: argparse.Namespace, extra: list[str]) -> int:
    install.ensure(browser=False)
    return lint.run()


def _need_database(name: str) -> None:
    if not database.exists(name):
        raise MesError(
            f"There is no database {name}.", f"there are: {', '.join(database.names())}; `./mes demo` makes one."
        )


def _replace(command: Sequence[str], env: dict[str, str]) -> int:
    """Hand the terminal over to an interactive program."""
    os.chdir(ROOT)
    return subprocess.run(command, env=env).returncode


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="./mes",
        description="Gemba MES: one command runs a plant, another passes all tests.",
        epilog="Settings by environment: ODOO_HOME (an Odoo 19 of yours), PGHOST & friends (a database server "
        "of yours), MES_CACHE (installed software), MES_STATE (databases, logs), "
        "MOSQUITTO (an MQTT broker of yours), CHROMIUM (the browser for tests).",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="command")

    def command(name: str, function: object, text: str, **kind: bool) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, **kind)  # type: ignore[arg-type]
        made.set_defaults(run=function)
        return made

    command("setup", cmd_setup, "install what is missing and build the template databases").add_argument(
        "--vendor", action="store_true", help="only the template with Odoo's own modules"
    )
    run = command("demo", cmd_demo, "run the demo plant: PostgreSQL, Odoo, simulated PLCs and the bridge")
    run.add_argument("--port", type=int, default=demo.PORT, help="Odoo's port (default %(default)s)")
    reach = "address to listen on (default: this machine only; the demo's passwords are known to everybody)"
    run.add_argument("--interface", default="127.0.0.1", help=reach)
    run.add_argument("--fresh", action="store_true", help="forget the demo database and everything the plant has made")
    run.add_argument("--speed", type=float, default=1.0, help="plant seconds a second (default 1)")
    run.add_argument("--check", action="store_true", help="run unattended with faults injected, compare, and report")
    run.add_argument("--sabotage", choices=SABOTAGES, help="with --check: tamper, and so prove that the check sees it")
    stages = "|".join(testing.STAGES)
    command("test", cmd_test, f"run the tests: [{stages}] [paths] [--mutants] [--faults] [pytest's arguments]")
    command("bench", cmd_bench, "run the benchmarks; each ends with one JSON object").add_argument("name", nargs="*")
    command("status", cmd_status, "what is installed, what runs, which databases exist")
    command("stop", cmd_stop, "stop everything that was started from this checkout")
    command("shell", cmd_shell, "Odoo's Python shell on the demo database").add_argument("-d", "--database")
    shown = command("logs", cmd_logs, "show the log of a process")
    shown.add_argument("name", nargs="?", help="odoo, bridge, plant, postgres … (default: the end of each)")
    shown.add_argument("-f", "--follow", action="store_true", help="go on showing what is written")
    shown.add_argument("-n", "--lines", type=int, default=30)
    command("psql", cmd_psql, "SQL on the demo database").add_argument("-d", "--database")
    command("lint", cmd_lint, "ruff, mypy and pylint-odoo")
    return top


PASS_ON = ("test", "bench", "shell", "psql")  # commands whose unknown arguments belong to the program behind them


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["test"] and not {"-h", "--help"} & set(arguments):
        # pytest's options are not ours to parse.
        options, extra = parser().parse_args(["test"]), arguments[1:]
    else:
        options, extra = parser().parse_known_args(arguments)
        if extra and options.command not in PASS_ON:
            parser().error(f"unknown argument {extra[0]}")
    try:
        return int(options.run(options, extra))
    except MesError as error:
        return _say_error(options.command, error)
    except OSError as error:
        return _say_error(options.command, from_os_error(error))
    except KeyboardInterrupt:
        say("\nstopped.")
        return 130


def _say_error(command: str, error: MesError) -> int:
    sys.stdout.flush()
    print(f"\nmes {command}: {error}", file=sys.stderr, flush=True)
    return 1

"""The command line: `convcli COMMAND ...`. click lives in this folder and nowhere else.

Commands are imported when they are asked for, so that `--help` and `shape` start as fast as click does.
"""

import errno
import gc
import io
import os
import signal
import sys
from contextlib import suppress
from functools import cache, partial
from importlib import import_module
from threading import Thread
from time import sleep

import click

from convcli.errors import ConvError, confession, hint, printable, reason

__all__ = ["main"]

COMMANDS = {
    "apply": "Filter pictures or grids of numbers.",
    "shape": "Sizes, receptive field and parameter counts, without a picture.",
    "kernels": "List the kernels, show one, save one, plot one.",
    "corners": "Find corner points.",
    "explain": "Show the arithmetic of a convolution.",
    "learn": "Find a kernel from pictures before and after; or a network that tells classes apart.",
    "classify": "Say which class pictures belong to, with a network that was learned.",
}
EPILOG = """\b
Examples:
  convcli apply sobel-x photo.png
  convcli shape --m 28 --k 3 --stride 2
  convcli kernels show gaussian:2
"""


_asked: list[int] = []  # signals that came


class Ended(BaseException):
    """A signal asked the process to end; what was begun is undone on the way out."""


class Closed(io.TextIOBase):
    """Standard output that was closed before we began: whoever has something to write learns it."""

    def write(self, text):
        raise OSError(errno.EBADF, "is closed")

    @property
    def buffer(self):
        return self


class Commands(click.Group):
    """The commands, each imported from its own file when it is used."""

    def list_commands(self, ctx):
        return list(COMMANDS)

    def get_command(self, ctx, name):
        return _adapted(import_module(f"convcli.cli.{name}").command) if name in COMMANDS else None

    def resolve_command(self, ctx, args):
        if args and args[0] not in COMMANDS:
            ctx.fail(f'no command is called "{args[0]}"{hint(args[0], COMMANDS)}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx, formatter):
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@cache
def _adapted(command: click.Command) -> click.Command:
    """The command with a quick parser, and with -q and -v, which all take, even where they change nothing."""
    known = {name for param in command.params for name in param.opts}
    for names in (("-q", "--quiet"), ("-v", "--verbose")):
        if known.isdisjoint(names):
            command.params.append(
                click.Option(names, is_flag=True, expose_value=False, hidden=True, help="Changes nothing here.")
            )
    command.make_parser = partial(_parser, command.make_parser)
    for inner in getattr(command, "commands", {}).values():
        _adapted(inner)
    return command


def _parser(make, ctx: click.Context):
    """The parser of a command, for which -o is a name as --output is.

    click would first take -o for a long name, and look for the ones that are nearest to it, with a library that it
    imports for that: some milliseconds for each short option.
    """
    parser = make(ctx)
    with suppress(AttributeError):  # these names are click's own, and it may change them
        parser._long_opt = {**parser._short_opt, **parser._long_opt}
    return parser


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "-V", "--version", package_name="convcli", message="%(prog)s %(version)s")
@click.option("-q", "--quiet", is_flag=True, expose_value=False, help="Print errors only; of any command that talks.")
@click.option("-v", "--verbose", is_flag=True, expose_value=False, help="Print more; of any command that has more.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of a bug; of every command.")
def root():
    """Run a convolution over a picture, and see what it does."""


def main(args: list[str] | None = None) -> None:
    """Runs the command line and ends the process with the contract's exit code."""
    gc.disable()  # what is imported stays; looking through it for garbage takes as long as some of the imports
    args, is_debugged = _global_options(sys.argv[1:] if args is None else args)
    _asked.clear()
    for library in ("OPENBLAS", "MKL", "BLIS"):  # strips run side by side, not parts of one product
        os.environ[f"{library}_NUM_THREADS"] = "1"
    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):  # nohup has set HUP aside
            signal.signal(number, _end)
    if hasattr(signal, "SIGXFSZ"):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file-size limit is then an error of the write
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            place = os.open(os.devnull, os.O_WRONLY)  # no file of ours may get its number, and messages with it
            setattr(sys, name, Closed() if name == "stdout" else os.fdopen(place, "w"))
    with suppress(OSError):
        _set_apart()
    try:
        if "_CONVCLI_COMPLETE" in os.environ:  # a shell asks for completions
            from convcli.cli import shells

            shells.register(os.environ["_CONVCLI_COMPLETE"])
            root.main(args, prog_name="convcli")
        # not root.main: it would end a broken pipe with a code of its own
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        with root.make_context("convcli", args, obj=is_debugged, **({"color": False} if plain else {})) as context:
            code = root.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        code = ended.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = 2
    except ConvError as error:
        from convcli.files import ExistsError

        _complain(f"{error} (-f overwrites)" if isinstance(error, ExistsError) else error)
        code = error.exit_code
    except click.ClickException as error:
        _complain(_reworded(error, args))
        code = 2
    except (KeyboardInterrupt, click.Abort):
        _die(signal.SIGINT)
    except Ended as ended:
        _die(ended.args[0])
    except BrokenPipeError:
        _die(getattr(signal, "SIGPIPE", signal.SIGTERM))
    except MemoryError:
        _complain("not enough memory")
        code = 1
    except OSError as error:  # those of files are told where they happen
        _complain(f"standard output: {reason(error)}")
        _leave(3, flushes=False)
    except Exception as bug:
        if is_debugged:
            import traceback

            traceback.print_exc()
        _complain(confession(bug))
        code = 70
    _leave(code if isinstance(code, int) else 0)


class _Messages(io.FileIO):
    """A place for messages, such as a log, that may be full: the work goes on, and ends with the code it has earned."""

    def write(self, data) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError:
            return len(data)


def _set_apart() -> None:
    """Nothing; our messages have a descriptor of their own, for what is written on 2 is taken for a decoder's."""
    old = sys.stderr
    if old is sys.__stderr__ and old.fileno() == 2:
        stream = io.BufferedWriter(_Messages(os.dup(2), "w"))
        sys.stderr = io.TextIOWrapper(stream, old.encoding, old.errors, line_buffering=True)


def _leave(code: int, flushes: bool = True) -> None:
    """Ends at once: taking the interpreter apart would cost a short command a tenth of its time, for nothing."""
    if _asked:  # and somebody's `except` has swallowed it
        _die(_asked[0])
    try:
        if flushes:
            sys.stdout.flush()
            sys.stderr.flush()
    except BrokenPipeError:
        _die(getattr(signal, "SIGPIPE", signal.SIGTERM))
    except OSError as error:
        _complain(f"standard output: {reason(error)}")
        code = 3
    os._exit(code)


def _global_options(args: list[str]) -> tuple[list[str], bool]:
    """The arguments with what stands before the command moved behind it, and whether --debug is among them."""
    own = args[: args.index("--")] if "--" in args else args
    rest = [arg for arg in own if arg != "--debug"] + args[len(own) :]
    first = next((n for n, arg in enumerate(rest) if not arg.startswith("-")), 0)
    moved = [arg for arg in rest[:first] if arg in ("-q", "--quiet", "-v", "--verbose")]
    kept = [arg for arg in rest[:first] if arg not in moved]
    return kept + rest[first : first + 1] + moved + rest[first + 1 :], "--debug" in own


def _end(number, frame):
    """Ends the program by way of its clean-up; whoever asks twice, or has waited for a second, gets it at once."""
    signal.signal(number, signal.SIG_DFL)
    _asked.append(number)
    with suppress(RuntimeError):  # no more threads
        Thread(target=_insist, args=(number,), daemon=True).start()
    raise Ended(number)


def _insist(number: int) -> None:
    sleep(0.8)
    if number in _asked:
        _abandon()
        os.kill(os.getpid(), number)


def _abandon() -> None:
    """Leaves no hidden name of a file that is being written, if any is."""
    if "convcli.files" in sys.modules:  # nobody else writes; imported here, every command would pay for it
        sys.modules["convcli.files"].abandon()


def _die(number: int) -> None:
    """Ends by the signal itself, so that the shell sees a true signal death."""
    _abandon()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _complain(message: object) -> None:
    click.echo(f"convcli: {printable(message)}", err=True)  # in one line, whatever was typed


def _reworded(error: click.ClickException, args: list[str]) -> str:
    """click's message in our form: lower case, no full stop, and what would be right."""
    if isinstance(error, click.NoSuchOption):
        name = error.option_name
        given = next((arg for arg in args if arg.startswith(name)), name)
        if name[1:2].isdigit() or name[1:2] == ".":
            return f'"{given}" looks like an option (a kernel that begins with - goes after -k, or behind --)'
        if os.path.exists(given):
            return f'"{given}" looks like an option (a file that begins with - goes behind --, or as ./{given})'
        return f"no option is called {name}{hint(name, _options(error.ctx))}"
    if isinstance(error, click.MissingParameter):
        takes = [param.metavar for param in error.ctx.command.params if isinstance(param, click.Argument)]
        return f"{error.param.metavar} is missing ({error.ctx.command_path} {' '.join(takes)})"
    if isinstance(error, click.BadOptionUsage) and error.message.endswith("requires an argument."):
        return f"{error.option_name} wants a value (--help lists them)"
    text = error.format_message().rstrip(".")
    return text[:1].lower() + text[1:]


def _options(ctx) -> list[str]:
    return [name for param in ctx.command.params for name in param.opts] if ctx else []

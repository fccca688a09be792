"""The program: `convcli` and `python -m convcli`."""

import signal
import sys
import warnings

__all__ = ["main"]


def main() -> None:
    """Runs the command line and ends the process; Ctrl-C is quiet while it is still being loaded."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if "--debug" not in sys.argv:
        warnings.simplefilter("ignore")  # of libraries: whatever matters is told in a line of ours
    from convcli.cli import main as run

    run()


if __name__ == "__main__":
    main()

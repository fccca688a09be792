"""The program: `convcli` and `python -m convcli`."""

import signal

__all__ = ["main"]


def main() -> None:
    """Runs the command line and ends the process; Ctrl-C is quiet from here on, before there is anything to undo."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from convcli.cli import main as run

    run()


if __name__ == "__main__":
    main()

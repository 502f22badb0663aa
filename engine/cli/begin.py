"""Where the program `harmony` begins: Ctrl-C ends it quietly also while Python still imports."""

import signal


def main() -> int:
    """Run the command line, with the exit status of `engine.cli.main.main`."""
    handler = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from engine.cli.main import main as run

    signal.signal(signal.SIGINT, handler)
    return run()

"""What a spawned process is for the first few milliseconds: it prepares itself, then becomes the program.

    python -I -S launcher.py AGENT_PID DIRECTORY PROGRAM ARGUMENT...

It runs as a program of its own because the agent has threads: code between fork and exec of a threaded process may
deadlock, a freshly started interpreter cannot. What fails before the program runs is told over file descriptor 3 as a
sentence; that descriptor closes by itself when the program starts.
"""

import ctypes
import os
import signal
import sys

REPORT = 3
"""The file descriptor that the spawner made the write end of its pipe."""
_PR_SET_PDEATHSIG = 1


def main(agent: int, directory: str, argv: list[str]) -> None:
    os.set_inheritable(REPORT, False)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != agent:
        sys.exit("the agent ended while it started this")  # before prctl: nobody would have told us
    try:
        os.chdir(directory)
        # What the interpreter ignores would stay ignored in the program (exec keeps SIG_IGN), and so would what nohup
        # and a shell's background do: a server that ends by SIGINT or SIGQUIT would not.
        for number in signal.valid_signals():
            if signal.getsignal(number) in (signal.SIG_IGN, signal.default_int_handler):
                signal.signal(number, signal.SIG_DFL)
        os.execvp(argv[0], argv)  # noqa: S606
    except OSError as error:
        what = directory if error.filename == directory else argv[0]
        os.write(REPORT, f"{what}: {error.strerror}".encode())
        sys.exit(127)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])

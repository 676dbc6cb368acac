"""`python -m chaos.runtime.pull HOST IMAGE`: pull one image; says why not on standard error, exit code 1.

A process of its own, because the docker SDK waits for a pull without any deadline: ended from outside, the engine
gives the pull up.
"""

from __future__ import annotations

import contextlib
import sys

from docker.errors import APIError, DockerException
from docker.utils import parse_repository_tag

from chaos.runtime.engine import open_client


def main() -> None:
    host, image = sys.argv[1:]
    repository, tag = parse_repository_tag(image)
    try:
        with contextlib.closing(open_client(host)) as client:
            for progress in client.api.pull(repository, tag=tag or "latest", stream=True, decode=True):
                if "error" in progress:
                    sys.exit(str(progress["error"]))
    except APIError as error:
        sys.exit(str(error.explanation))
    except DockerException as error:
        sys.exit(str(error))


main()

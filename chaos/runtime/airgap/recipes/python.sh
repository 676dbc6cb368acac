#!/usr/bin/env bash
# The stand-in for python:3.11-slim: Debian bookworm with its Python 3.11, as one tar.
#
#   python.sh OUT.tar [MIRROR]
#
# A virtual environment at /usr/local puts `python`, `pip` and site-packages where the published image has them, and
# leaves pip free to install there: one Dockerfile serves both.
set -euo pipefail

out=$1 mirror=${2:-}

# shellcheck disable=SC2016  # $1 is mmdebstrap's: the directory of the new system
exec mmdebstrap --mode=root --variant=minbase --include=python3-venv \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook='chroot "$1" python3 -m venv /usr/local' \
    bookworm "$out" ${mirror:+"$mirror"}

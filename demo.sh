#!/usr/bin/env bash
# From a fresh Debian 12 machine to a federated run on a real chain in which two cheaters are slashed.
#   ./demo.sh                     10 rounds, 6 honest workers, a lazy one and a poisoner
#   ./demo.sh --rounds 4 --json   fewer rounds; the result as JSON on standard output
#   ./demo.sh --help              all options
set -euo pipefail
cd "$(dirname "$0")"
for argument in "$@"; do
  case $argument in -h | --help) exec python3 deploy/demo.py --help ;; esac
done
{ deploy/build.sh dev; } >&2
exec python3 deploy/demo.py "$@"

#!/usr/bin/env bash
# Installs what is missing, then builds the contracts and a preset.
#   deploy/build.sh [PRESET]     default: dev. Everything ends up in build/PRESET/bin and contracts/out.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-dev}
deploy/setup.sh
contracts/forge build --quiet
cmake --preset "$preset" --log-level=WARNING >/dev/null
cmake --build --preset "$preset"

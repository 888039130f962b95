#!/bin/sh
# Renews requirements/*.lock from pyproject.toml. Needs uv; arguments go to it, for example `--upgrade`.
set -eu
cd "$(dirname "$0")/.."
compile() {
    out=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
        --no-annotate --no-header --no-emit-index-url --no-emit-find-links --output-file "$out" "$@" pyproject.toml
}
compile requirements/dev.lock --group build --group dev "$@"
compile requirements/run.lock --group build --constraint requirements/dev.lock "$@"
grep -nE '://|--(extra-)?index-url|--find-links' requirements/*.lock && {
    echo 'a lock file names an address' >&2
    exit 1
}
exit 0

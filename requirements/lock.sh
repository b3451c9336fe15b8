#!/bin/sh
# Write the lock files: usage sh requirements/lock.sh PYTHON TORCH. Each extra's file holds only what it adds to the core.
set -eu
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$1" -m venv "$scratch/venv"
pip="$scratch/venv/bin/python -m pip --disable-pip-version-check"
declared() { # the requirements of pyproject.toml: core, or one extra
    "$1" -c 'import sys, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
print(*(project["dependencies"] if sys.argv[1] == "core" else project["optional-dependencies"][sys.argv[1]]), sep="\n")' "$2"
}
frozen() { $pip freeze --exclude torch --exclude pip --exclude setuptools | grep '==' | LC_ALL=C sort; }
$pip install --quiet $2
declared "$1" core > "$scratch/core.in"
$pip install --quiet -r "$scratch/core.in"
frozen > requirements/core.lock
for extra in nle sf bert report dev nethackers; do
    declared "$1" $extra > "$scratch/$extra.in"
    frozen > "$scratch/before"
    $pip install --quiet -r "$scratch/$extra.in" -c requirements/core.lock
    frozen > "$scratch/after"
    LC_ALL=C comm -13 "$scratch/before" "$scratch/after" > requirements/$extra.lock
done
wc -l requirements/*.lock

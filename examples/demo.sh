#!/bin/sh
# The main job, start to end, on the embedded emulator: three chained trainings and a deployment.
# Started by `make demo`; FTOPS names the command to run.
set -eu
case $FTOPS in
  /*) ;;
  */*) FTOPS=$PWD/$FTOPS ;;  # It is called from another folder.
esac
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Ended by a signal, it tidies up too, and then ends with the code that tells which.
trap 'exit 130' INT
trap 'exit 143' TERM
cp -R "$here/specs/chain/." "$work"
cd "$work"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
# Exit code 3 means: healthy, waiting for the service, run again later.
ftops() { printf '\n$ ftops %s\n' "$*"; "$FTOPS" "$@" || [ $? -eq 3 ]; }

say "A project of four datasets, three trainings that continue each other, and a deployment:"
ls specs data
ftops validate
ftops plan

say "Apply uploads what the first training needs and starts it. Trainings take hours; nothing waits for them."
ftops apply --yes -q

say "The emulator's clock moves only when it is told to. Three hours later the first training is done."
ftops emulator advance 3h
ftops apply --yes -q

say "The chain goes on, one link a run, with no process waiting in between."
ftops emulator advance 3h
ftops apply --yes -q
ftops emulator advance 3h
ftops apply --yes -q

say "Everything is as declared, so a plan has nothing to do."
ftops status
ftops plan

#!/bin/sh
# The worker's program: the payload on standard input is a file's path, standard output is the result, the exit code
# decides. A task of the kind "flaky" fails at its first attempt.
path=$(cat && echo .)
path=${path%.}
if [ "$ROWLOCK_KIND" = flaky ] && [ "$ROWLOCK_ATTEMPT" -lt 2 ]; then
  echo "not at the first attempt" >&2
  exit 1
fi
exec sha256sum <"$path"

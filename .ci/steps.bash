# shellcheck shell=bash
# Steps with their timings and a closing summary, for the scripts of .ci.
# Every step runs, so that one run shows everything that is wrong.

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
summary=()
failures=0
begun=$SECONDS

# in_memory has all that follows make its files in memory, if there are 8 GB of
# room: settings of durability stay as they are, and nobody waits for a disk.
in_memory() {
  local room
  room="$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1)" || return 0
  if [ "${room:-0}" -ge 8000000 ]; then
    rm -rf "$scratch"
    scratch="$(mktemp -d -p /dev/shm ci.XXXXXXXX)"
    export TMPDIR="$scratch/tmp"
    mkdir "$TMPDIR"
  fi
}

# step NAME COMMAND... runs a command or function and notes how it ended.
step() {
  local name="$1" start=$SECONDS code=0
  shift
  printf '\n== %s\n' "$name"
  # In a subshell of its own, and not as a condition: errexit stays in force
  # inside functions.
  set +e
  (
    set -e
    "$@"
  )
  code=$?
  set -e
  local verdict=ok
  if [ "$code" -ne 0 ]; then
    verdict="FAILED ($code)"
    failures=$((failures + 1))
  fi
  summary+=("$(printf '%-12s %5d s  %s' "$verdict" "$((SECONDS - start))" "$name")")
}

# finish prints the summary and exits: 0 when every step passed.
finish() {
  printf '\n== summary\n'
  printf '%s\n' "${summary[@]}"
  printf 'total %d s\n' "$((SECONDS - begun))"
  if [ "$failures" -ne 0 ]; then
    printf '%d of %d steps failed\n' "$failures" "${#summary[@]}"
    exit 1
  fi
  printf 'all %d steps passed\n' "${#summary[@]}"
}

# judge_tests EVENTS CODE reads what "go test -json" printed and how it ended.
# It fails when a test failed, when one was skipped, and when a package that
# has tests, or that .ci/suites names, ran none.
judge_tests() {
  local events="$1" code="$2"
  go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... >"$scratch/expected"
  sed -e 's/#.*//' -e '/^[[:space:]]*$/d' -e "s|^|$(go list -m)/|" .ci/suites >"$scratch/suites"
  if grep -vxFf "$scratch/suites" "$scratch/expected"; then
    echo "have tests, and .ci/suites does not name them"
    code=1
  fi
  cat "$scratch/suites" >>"$scratch/expected"
  awk -v code="$code" -f .ci/tests.awk "$scratch/expected" "$events"
}

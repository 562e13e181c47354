# Reads the list of packages that must run tests, then the events of
# "go test -json"; prints what failed, was skipped or did not run.

function field(name,    pattern) {
  pattern = "\"" name "\":\"[^\"]*\""
  if (!match($0, pattern)) return ""
  return substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 5)
}

function text(    s) {
  if (!match($0, /"Output":".*"}$/)) return ""
  s = substr($0, RSTART + 10, RLENGTH - 12)
  gsub(/\\\\/, "\001", s)
  gsub(/\\n/, "\n", s)
  gsub(/\\t/, "\t", s)
  gsub(/\\"/, "\"", s)
  gsub(/\\u003c/, "<", s)
  gsub(/\\u003e/, ">", s)
  gsub(/\\u0026/, "\\&", s)
  gsub(/\001/, "\\", s)
  return s
}

FNR == NR { if ($0 != "") expected[$0] = 1; next }

{
  action = field("Action")
  package = field("Package")
  test = field("Test")
  id = package " " test
}

action == "run" { ran[package]++; total++ }
action == "output" { said[id] = said[id] text() }
action == "build-output" { said["build"] = said["build"] text() }
action == "pass" && test == "" { passed[package] = 1 }
action == "fail" { failed[id] = 1; failures++ }
action == "skip" && test != "" { skipped[id] = 1; skips++ }

END {
  bad = code != 0
  if (said["build"] != "") printf "%s", said["build"]
  for (id in failed) printf "\nFAIL %s\n%s", id, said[id]
  for (id in skipped) { printf "SKIPPED %s\n%s", id, said[id]; bad = 1 }
  for (package in expected) {
    suites++
    if (!ran[package]) { printf "NO TEST RAN in %s\n", package; bad = 1 }
    else if (!passed[package]) { printf "NOT PASSED %s\n", package; bad = 1 }
  }
  printf "%d tests in %d packages: %d failed, %d skipped\n", total, suites, failures, skips
  if (failures > 0 || total == 0) bad = 1
  exit bad
}

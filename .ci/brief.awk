# Of go test -v: the closing line of each package, and all but the successes of
# one that fails; at the end the skipped tests, counted by reason. With
# noskip=1 a skipped test is a failure: there are root and every tool.
/^=== / || /^ *--- PASS/ { next }
/^ *--- SKIP/ { # the line above says why
  sub(/^ *[^ ]+\.go:[0-9]+: /, "", last)
  skipped[last]++
  total++
  next
}
/^(ok|\?)[ \t]/ { print; buffer = ""; next }
/^FAIL[ \t]/ { printf "%s%s\n", buffer, $0; buffer = ""; next }
{ buffer = buffer $0 "\n"; last = $0 }
END {
  printf "%s", buffer
  if (total) print "skipped:"
  for (reason in skipped) printf "  %d tests: %s\n", skipped[reason], reason
  if (total && noskip) { print "here no test may be skipped"; exit 1 }
}

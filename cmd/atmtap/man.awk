# Makes the manual page, atmtap(8), of what atmtap --help prints: the text has
# the layout of one already, and stays as it is.
BEGIN { print ".TH ATMTAP 8 \"\" \"cellhub\" \"System Administration\"" }
{ gsub(/\\/, "\\e"); gsub(/-/, "\\-") }
/^[A-Z]/ { if (open) print ".fi"; print ".SH " $0; open = 0; next }
{
  if (!open) { print ".nf"; open = 1 }
  sub(/^    /, "")
  if (/^[.']/) $0 = "\\&" $0
  print
}
END { if (open) print ".fi" }

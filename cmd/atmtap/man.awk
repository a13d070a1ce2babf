# Makes the manual page, NAME(8), of what the program of that name prints for
# --help: the text has the layout of one already, and stays as it is.
BEGIN { print ".TH " toupper(name) " 8 \"\" \"cellhub\" \"System Administration\"" }
{ gsub(/\\/, "\\e"); gsub(/-/, "\\-") }
/^[A-Z]/ { if (open) print ".fi"; print ".SH " $0; open = 0; next }
{
  if (!open) { print ".nf"; open = 1 }
  sub(/^    /, "")
  if (/^[.']/) $0 = "\\&" $0
  print
}
END { if (open) print ".fi" }

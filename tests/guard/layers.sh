#!/bin/sh
# Includes go to lower floors only (tests/guard/floors), and each third-party
# library has one file that includes its headers.

. "$top_srcdir/tests/guard/tap"
cd "$top_srcdir" || exit 1

# lib/schema_files.c is made by the build and includes nothing of ours.
files=$(ls lib/*.[ch] app/*.[ch] | grep -v '^lib/schema_files\.c$')

# One line a problem: its kind, a blank, what is wrong.
problems=$(awk '
function stem(file)
{
	sub(/\.[ch]$/, "", file)
	return file
}

function third_party(header)
{
	if (header ~ /^(mysql|mariadb|ma_|errmsg|mysqld_error)/)
		return "lib/db"
	if (header ~ /^(fcgi|fcgiapp|fcgios|fcgi_stdio|fastcgi)/)
		return "app/fcgi"
	if (header ~ /^jwt/)
		return "lib/claims"
	if (header ~ /^zxcvbn/)
		return "lib/strength"
	if (header ~ /^crypt\.h/)
		return "lib/foreign_hash"
	if (header ~ /^yajl/)
		return "lib/json"
	if (header ~ /^confuse/)
		return "lib/conf_file"
	if (header ~ /^openssl\//)
		return "lib/sig"
	if (header ~ /^uni(case|ctype|norm|str)\.h/)
		return "lib/text"
	return ""
}

FILENAME == "tests/guard/floors" {
	if ($0 !~ /^(#|$)/)
		floor[$2] = $1
	next
}

FNR == 1 {
	me = stem(FILENAME)
	there[me] = 1
	if (!(me in floor))
		print "homeless", FILENAME, "stands on no floor"
}

/^[ \t]*#[ \t]*include/ {
	header = $0
	sub(/^[^<"]*[<"]/, "", header)
	sub(/[>"].*/, "", header)
	other = stem(header)
	owner = third_party(header)
	where = FILENAME ":" FNR ": " header
	if (owner != "" && owner != me)
		print "foreign", where, "is for", owner, "only"
	else if (owner != "" || $0 !~ /"/ || other == me || !(me in floor))
		next
	else if (!(other in floor))
		print "upward", where, "stands on no floor"
	else if (floor[other] >= floor[me])
		print "upward", where, "is of floor", floor[other] ",", \
			"this file of floor", floor[me]
}

END {
	for (file in floor)
		if (!(file in there))
			print "missing", file, "stands on a floor, but is not there"
}' tests/guard/floors $files | sort)

of_kind() {
	printf '%s\n' "$problems" | sed -n "s/^$1 //p"
}

echo "1..4"
result "every file stands on a floor" "$(of_kind homeless)"
result "every file on a floor is there" "$(of_kind missing)"
result "includes go to lower floors" "$(of_kind upward)"
result "a third-party library is for one file" "$(of_kind foreign)"

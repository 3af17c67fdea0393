#!/bin/sh
# Every setting of the program stands in the sample and in the manual, once and
# with its default, and nothing else does.

. "$top_srcdir/tests/guard/tap"

# "name = default" lines.  A build may have another sysconfdir than the /etc
# that both texts speak of.
wanted=$("$top_builddir/app/latchkeyctl" check-config --list |
	awk -F '\t' '{ print $1 " = " $3 }' |
	sed -e 's|"/.*\(/latchkey/database\.cnf"\)|"/etc\1|' \
		-e 's|"/.*\(/latchkey/master\.key"\)|"/etc\1|')

# Of "name = value" lines: what differs from the program's.
compare() {
	{
		printf '%s\n' "$wanted" | sed 's/^/wanted /'
		sed 's/^/given /'
	} | awk '
		# All that stands behind "name = ".
		{
			given = $0
			sub(/^[^=]*= /, "", given)
		}
		$1 == "wanted" {
			value[$2] = given
			next
		}
		!($2 in value) {
			print "unknown:", $2
			next
		}
		$2 in seen {
			print "twice:", $2
		}
		value[$2] != "required" && value[$2] != given {
			print $2 ": the default is", value[$2] ", not", given
		}
		{
			seen[$2] = 1
		}
		END {
			for (name in value)
				if (!(name in seen))
					print "missing:", name
		}'
}

echo "1..3"
if [ -n "$wanted" ]; then problems=; else problems="nothing is listed"; fi
result "the program lists its settings" "$problems"
result "the sample" "$(sed -n \
	-e '/^[^#]/p' -e 's/^#\([a-z0-9_]* = \)/\1/p' \
	"$top_srcdir/deploy/latchkey.conf" | compare)"
result "the manual" "$(sed -n \
	-e 's/\\(dq/"/g' -e 's/^\.It Li \([a-z0-9_]* = \)/\1/p' \
	"$top_srcdir/man/latchkey.conf.5" | compare)"

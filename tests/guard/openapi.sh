#!/bin/sh
# app/openapi.yaml and the program name the same endpoints, with the same
# credentials and bodies, the same error codes, and the same members of
# answers.  What each endpoint really answers is for the integration tests.

. "$top_srcdir/tests/guard/tap"
cd "$top_srcdir" || exit 1

# Of the program: what its tables say, and the members that its handlers write.
program=$("$top_builddir/tests/guard/contract" |
	sed 'p; s/^member [^ ]* [^ ]* \([^ ]*\) .*/name \1/'
	cat app/answer*.c app/handle_*.c app/page.c app/problem.c |
		tr '\n\t' '  ' |
		grep -oE '([a-z_]+\([a-z.>-]*w, *|page_begin\([^"]*)"[a-z_]+"' |
		grep -v '^lk_json_string' | sed 's/.*"\(.*\)"/name \1/')
file=$(awk -f tests/guard/flatten.awk app/openapi.yaml |
	awk -f tests/guard/openapi.awk)

# facts TEXT KIND...: those of these kinds.
facts() {
	text=$1
	shift
	for kind in "$@"; do
		printf '%s\n' "$text" | grep "^$kind "
	done | sort -u
}

# compare KIND...: the facts of these kinds that only one of the two has.
compare() {
	{
		facts "$program" "$@" | sed 's/^/program: /'
		facts "$file" "$@" | sed 's/^/file: /'
	} | awk '
		{
			fact = substr($0, length($1) + 2)
			n[fact]++
			side[fact] = $1
		}
		END {
			for (fact in n)
				if (n[fact] == 1)
					print "only in the", side[fact], fact
			if (NR == 0)
				print "there are none at all"
		}' | sort
}

echo "1..8"
result "version" "$(compare version)"
result "endpoints and methods" "$(compare operation)"
result "credentials" "$(compare bearer admin tokens)"
result "bodies of requests" "$(compare json form member)"
# This one reads its query by itself.
result "queries" "$(compare query | grep -v 'GET /continue to')"
# Some limits are a handler's, so the file has more of them.
result "limits of members" "$(compare limit | grep -v 'only in the file:')"
# The errors that stand in OAuth for codes of all endpoints are no codes.
result "error codes" "$(compare code error |
	grep -Ev ' error .* (invalid_request|server_error|temporarily_un.*)$')"
result "members of answers" "$(compare name)"

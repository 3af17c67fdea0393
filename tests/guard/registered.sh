#!/bin/sh
# Makefile.am names every source, every unit test and every guard: a file that
# it forgets would be neither built nor run nor shipped.

. "$top_srcdir/tests/guard/tap"
cd "$top_srcdir" || exit 1

# The words of Makefile.am, one a line.
words=$(tr -s ' \t\\' '\n\n\n' < Makefile.am)

# Of the files read, those that are not among the words.
unnamed() {
	while read -r file; do
		printf '%s\n' "$words" | grep -Fqx "$file" || echo "$file"
	done
}

echo "1..4"
# lib/schema_files.c is made by the build.
result "sources of lib/ and app/" "$(ls lib/*.[ch] app/*.[ch] |
	grep -v '^lib/schema_files\.c$' | unnamed)"
result "unit tests" "$(find tests/unit -name 'test_*.c' |
	sed 's/\.c$//' | unnamed)"
result "guards" "$(find tests/guard -type f | unnamed)"
result "integration tests" "$(find tests/integration -name '*.py' | unnamed)"

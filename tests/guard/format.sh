#!/bin/sh
# Sources are formatted as .clang-format says.  Versions differ in what they
# make of it, so only 14 (Debian 12) is asked.

cd "$top_srcdir" || exit 1

if [ "${CLANG_FORMAT:-:}" = : ]; then
	echo "1..0 # SKIP there is no clang-format"
	exit 0
fi
case $("$CLANG_FORMAT" --version 2>/dev/null) in
*"version 14."*) ;;
*)
	echo "1..0 # SKIP $CLANG_FORMAT is not version 14"
	exit 0
	;;
esac

. tests/guard/tap
# lib/schema_files.c is made by the build.
files=$(find lib app tests/bench tests/unit -name '*.[ch]' ! -name schema_files.c)
echo "1..1"
result "formatting" \
	"$("$CLANG_FORMAT" --dry-run -Werror $files 2>&1 | grep 'error:')"

# Turns the migrations named on the command line into a C table, in order.
# schema/005_audit.sql becomes { 5, "005_audit", "text" }.
function flush_file() {
	if (name != "")
		printf "\n\t},\n"
}
BEGIN {
	print "// Made by schema/embed.awk from the files of schema/."
	print "#include \"lib/migrate.h\""
	print "const struct lk_migration lk_migrations[] = {"
}
FNR == 1 {
	flush_file()
	name = FILENAME
	sub(/^.*\//, "", name)
	sub(/\.sql$/, "", name)
	count++
	if (name + 0 != count) {
		print "out of order: " FILENAME > "/dev/stderr"
		exit 1
	}
	printf "\t{\n\t\t%d,\n\t\t\"%s\",", count, name
}
{
	gsub(/\\/, "\\\\")
	gsub(/"/, "\\\"")
	printf "\n\t\t\"%s\\n\"", $0
}
END {
	flush_file()
	print "};"
	printf "const unsigned lk_schema_version = %d;\n", count
}

# Reads the part of YAML that app/openapi.yaml keeps to and prints a line for
# each scalar: the keys on the way to it, with `|` between them, a tab, the
# value.  Items of lists are numbered from 0.  Longer text (`>-`, `|`) is left
# out.  What it does not understand ends it with status 1.

function unquoted(text)
{
	if (text ~ /^'.*'$/) {
		text = substr(text, 2, length(text) - 2)
		gsub(/''/, "'", text)
	} else if (text ~ /^".*"$/) {
		text = substr(text, 2, length(text) - 2)
	}
	return text
}

function flow_list(path, text,    n)
{
	text = substr(text, 2, length(text) - 2)
	for (n = 0; match(text, /^('[^']*'|[^,'][^,]*)(, |$)/) > 0; n++) {
		item = substr(text, 1, RLENGTH)
		text = substr(text, RLENGTH + 1)
		sub(/, $/, "", item)
		print path "|" n "\t" unquoted(item)
	}
	if (text != "")
		lost()
}

function lost()
{
	print FILENAME ":" FNR ": not understood: " $0 > "/dev/stderr"
	failed = 1
	exit 1
}

function value(path, text)
{
	if (text == ">-" || text == "|")
		block = indent
	else if (text ~ /^\{ \$ref: '[^']*' \}$/)
		print path "|$ref\t" substr(text, 10, length(text) - 12)
	else if (text == "{}" || text == "[]")
		print path "\t" text
	else if (text ~ /^\[.*\]$/)
		flow_list(path, text)
	else if (text ~ /^[&*!{[%@`>|]/ || text ~ /^'.*[^']$/)
		lost()
	else
		print path "\t" unquoted(text)
}

# Of the keys that are open, those from this column on are closed.
function close_from(column)
{
	while (depth > 0 && columns[depth] >= column)
		depth--
}

function open(column, key)
{
	paths[depth + 1] = depth == 0 ? key : paths[depth] "|" key
	columns[++depth] = column
	items[depth] = 0
}

BEGIN {
	block = -1
}

/^ *(#|$)/ {
	next
}

{
	text = $0
	sub(/^ */, "", text)
	indent = length($0) - length(text)
	if (block >= 0 && indent > block)
		next
	block = -1
	close_from(indent)
	while (text ~ /^- /) {
		open(indent, items[depth]++)
		text = substr(text, 3)
		indent += 2
	}
	if (match(text, /^('[^']+'|[^ '"#-][^ ]*):( |$)/)) {
		key = substr(text, 1, RLENGTH)
		text = substr(text, RLENGTH + 1)
		sub(/: ?$/, "", key)
		open(indent, unquoted(key))
		if (text != "")
			value(paths[depth], text)
	} else if (indent > 0) {
		value(paths[depth], text)
	} else {
		lost()
	}
}

END {
	exit failed
}

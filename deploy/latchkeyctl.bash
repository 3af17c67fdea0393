# Completion of latchkeyctl for bash, made of what `latchkeyctl --help` says, so
# that no command stands in two places.

_latchkeyctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local -a words=()
	local i help line

	case $prev in
	-c | --config)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	# The words of the command so far, without options.
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c | --config) ((i++)) ;;
		-*) ;;
		*) words+=("${COMP_WORDS[i]}") ;;
		esac
	done
	help=$(latchkeyctl --help 2>/dev/null | grep '^  [a-z]')
	case ${#words[@]} in
	0)
		line="--config --json --help --version
			$(awk '{ print $1 }' <<<"$help")"
		;;
	1 | 2)
		# The second word, and the options that the help names.
		line=$(awk -v a="${words[0]}" -v b="${words[1]:-}" '
			$1 != a || (b != "" && $2 != b) { next }
			b == "" && substr($0, 3 + length(a), 2) ~ /^ [a-z]/ {
				print $2
				next
			}
			{
				while (match($0, /--[a-z]+/)) {
					print substr($0, RSTART, RLENGTH)
					$0 = substr($0, RSTART + RLENGTH)
				}
			}' <<<"$help")
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$line" -- "$cur" | sort -u)
}

complete -F _latchkeyctl latchkeyctl

# LK_ADD_CFLAGS(VARIABLE, FLAGS)
# Appends to VARIABLE each of FLAGS that the compiler takes without a warning.
AC_DEFUN([LK_ADD_CFLAGS], [
	for lk_flag in m4_normalize([$2]); do
		AC_MSG_CHECKING([whether $CC takes $lk_flag])
		lk_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $lk_flag"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
			[AC_MSG_RESULT([yes]); $1="${$1} $lk_flag"],
			[AC_MSG_RESULT([no])])
		CFLAGS=$lk_save_CFLAGS
	done
])

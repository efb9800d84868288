#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/docker/exec_error.h"

#define START "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: " \
	      "unable to start container process: "
#define EXEC "OCI runtime exec failed: exec failed: unable to start container process: "

static void dockerds_words(void **state)
{
	static const struct {
		enum exec_error_of of;
		const char *step;
		int error;
		const char *path, *detail, *text;
		int status, code;
	} cases[] = {
		{ EXEC_ERROR_START, "exec", ENOENT, "/nosuchbin", "", START "exec: \"/nosuchbin\": stat /nosuchbin: no such file or directory: unknown", 400, 127 },
		{ EXEC_ERROR_START, "exec", ENOENT, "nosuch", "", START "exec: \"nosuch\": executable file not found in $PATH: unknown", 400, 127 },
		{ EXEC_ERROR_START, "exec", EACCES, "/etc/passwd", "", START "exec: \"/etc/passwd\": permission denied: unknown", 400, 126 },
		{ EXEC_ERROR_START, "setup", 0, "", "no pty", START "no pty: unknown", 500, 128 },
		{ EXEC_ERROR_EXEC, "exec", ENOENT, "/nosuch", "", EXEC "exec: \"/nosuch\": stat /nosuch: no such file or directory: unknown", 400, 126 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct exec_error x;

		exec_error(&x, cases[i].of, cases[i].step, cases[i].error, cases[i].path, cases[i].detail);
		assert_string_equal(x.text, cases[i].text);
		assert_int_equal(x.status, cases[i].status);
		assert_int_equal(x.code, cases[i].code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(dockerds_words) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

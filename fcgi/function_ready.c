#include "fcgi/function_ready.h"

#include <string.h>
#include <time.h>

#include "fcgi/image_registry.h"
#include "lib/aws/lambda.h"
#include "lib/store/store.h"

#define PAUSE_FIRST_MS 50
#define PAUSE_MAX_MS 1000
#define MS 1000000LL

static enum function_ready look(struct aws_client *aws, const char *function, struct err *e)
{
	struct lambda_status s;

	if (lambda_get_function(aws, function, &s, e) < 0) {
		aws_trouble(e, "Lambda doesn't tell of the function");
		return FUNCTION_UNKNOWN;
	}
	if (s.state == LAMBDA_FAILED || !strcmp(s.update_status, "Failed")) {
		err_set(e, ERR_UPSTREAM, "Lambda doesn't take the container's image: %s", *s.reason ? s.reason : "it gave no reason");
		return FUNCTION_REFUSED;
	}
	return s.state == LAMBDA_PENDING || s.updating ? FUNCTION_PENDING : FUNCTION_READY;
}

enum function_ready function_ready(struct request *req, const char *function, unsigned int seconds, struct err *e)
{
	int64_t until = time_monotonic() + (int64_t)seconds * 1000 * MS;
	enum function_ready found = FUNCTION_PENDING;
	struct aws_client *aws = NULL;

	if (worker_aws(req, &aws, e) < 0)
		return FUNCTION_UNKNOWN;
	for (int ms = PAUSE_FIRST_MS; found == FUNCTION_PENDING && time_monotonic() < until; ms = ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : ms * 2) {
		struct timespec pause = { .tv_nsec = ms % 1000 * MS, .tv_sec = ms / 1000 };

		found = look(aws, function, e);
		if (found == FUNCTION_PENDING && nanosleep(&pause, NULL) < 0)
			continue;
	}
	if (found == FUNCTION_PENDING)
		err_set(e, ERR_TIMEOUT, "the function wasn't ready within %u s", seconds);
	return found;
}

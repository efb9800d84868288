#include "lib/registry/unzstd.h"

#include <stdbool.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define OUT_SIZE 131072 /* a block of zstd's */

struct unzstd {
	int (*write)(void *arg, const void *data, size_t len, struct err *e);
	void *arg;
	ZSTD_DStream *z;
	bool whole; /* no frame has begun that hasn't ended */
	unsigned char out[OUT_SIZE];
};

void unzstd_free(struct unzstd *u)
{
	if (!u)
		return;
	ZSTD_freeDStream(u->z);
	free(u);
}

int unzstd_begin(int (*write)(void *arg, const void *data, size_t len, struct err *e), void *arg, struct unzstd **ret, struct err *e)
{
	struct unzstd *u = calloc(1, sizeof *u);

	if (!u || !(u->z = ZSTD_createDStream()) || ZSTD_isError(ZSTD_DCtx_setParameter(u->z, ZSTD_d_windowLogMax, UNZSTD_WINDOW_LOG))) {
		unzstd_free(u);
		return err_nomem(e);
	}
	u->write = write;
	u->arg = arg;
	*ret = u;
	return 0;
}

static int failed(size_t code, struct err *e)
{
	if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge)
		return err_set(e, ERR_NOT_SUPPORTED, "zstd layers with a window of more than %d MiB are not supported", 1 << (UNZSTD_WINDOW_LOG - 20));
	return err_set(e, ERR_UPSTREAM, "a zstd layer can't be unpacked: %s", ZSTD_getErrorName(code));
}

int unzstd_write(struct unzstd *u, const void *data, size_t len, struct err *e)
{
	ZSTD_inBuffer in = { data, len, 0 };
	ZSTD_outBuffer out;

	do {
		size_t rc;

		out = (ZSTD_outBuffer){ u->out, OUT_SIZE, 0 };
		rc = ZSTD_decompressStream(u->z, &out, &in);
		if (ZSTD_isError(rc))
			return failed(rc, e);
		u->whole = rc == 0;
		if (out.pos && u->write(u->arg, u->out, out.pos, e) < 0)
			return -1;
		/* A full buffer: there may be more inside, with nothing more to put in. */
	} while (in.pos < in.size || out.pos == OUT_SIZE);
	return 0;
}

int unzstd_end(struct unzstd *u, struct err *e)
{
	return u->whole ? 0 : err_set(e, ERR_UPSTREAM, "a zstd layer ends in the midst of a frame");
}

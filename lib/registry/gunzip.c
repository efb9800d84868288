#include "lib/registry/gunzip.h"

#include <stdint.h>

#define OUT_SIZE 65536
#define GZIP_WINDOW (15 + 16) /* zlib's way to ask for a gzip header */

void gunzip_free(struct gunzip *g)
{
	if (g->packed)
		inflateEnd(&g->z);
	g->packed = false;
}

static int begin(struct gunzip *g, const unsigned char *data, struct err *e)
{
	g->begun = true;
	if (data[0] != 0x1f)
		return 0;
	if (inflateInit2(&g->z, GZIP_WINDOW) != Z_OK)
		return err_nomem(e);
	g->packed = true;
	return 0;
}

static int unpack(struct gunzip *g, struct err *e)
{
	unsigned char out[OUT_SIZE];
	int rc;

	do {
		/* gzip's members may follow one another. */
		if (g->ended && inflateReset(&g->z) != Z_OK)
			return err_set(e, ERR_INTERNAL, "inflateReset failed");
		g->ended = false;
		g->z.next_out = out;
		g->z.avail_out = OUT_SIZE;
		rc = inflate(&g->z, Z_NO_FLUSH);
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return err_set(e, ERR_UPSTREAM, "a layer's gzip is damaged");
		g->ended = rc == Z_STREAM_END;
		if (g->write(g->arg, out, OUT_SIZE - g->z.avail_out, e) < 0)
			return -1;
	} while (g->z.avail_in > 0 || g->z.avail_out == 0);
	return 0;
}

int gunzip_write(struct gunzip *g, const void *data, size_t len, struct err *e)
{
	if (len == 0)
		return 0;
	if (!g->begun && begin(g, data, e) < 0)
		return -1;
	if (!g->packed)
		return g->write(g->arg, data, len, e);
	g->z.next_in = (unsigned char *)(uintptr_t)data;
	g->z.avail_in = (uInt)len;
	return unpack(g, e);
}

int gunzip_end(struct gunzip *g, struct err *e)
{
	return g->packed && !g->ended ? err_set(e, ERR_UPSTREAM, "a layer's gzip is cut short") : 0;
}

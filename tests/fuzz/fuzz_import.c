/* The tar of `docker import`, plain or packed, up to where the layer would be uploaded. */
#include "tests/fuzz/fuzz.h"

#include "lib/registry/import.h"

#define LIMIT (1 << 20)

/* The linker puts these in the place of the uploads (--wrap): nothing is sent. */
int __wrap_registry_upload_begin(struct registry *r, struct registry_upload **ret, struct err *e);
int __wrap_registry_upload_write(struct registry_upload *u, const void *data, size_t len, struct err *e);
int __wrap_registry_upload_commit(struct registry_upload *u, const char *expected, char ret_digest[DIGEST_SIZE], int64_t *ret_size, struct err *e);
void __wrap_registry_upload_abort(struct registry_upload *u);
int __wrap_image_push(struct registry *to, const struct image *i, const char *tag, struct err *e);

int __wrap_registry_upload_begin(struct registry *r, struct registry_upload **ret, struct err *e)
{
	*ret = NULL;
	return 0;
}

int __wrap_registry_upload_write(struct registry_upload *u, const void *data, size_t len, struct err *e)
{
	return 0;
}

int __wrap_registry_upload_commit(struct registry_upload *u, const char *expected, char ret_digest[DIGEST_SIZE], int64_t *ret_size, struct err *e)
{
	*ret_size = 0;
	return digest_of("", 0, ret_digest, e);
}

void __wrap_registry_upload_abort(struct registry_upload *u)
{
}

int __wrap_image_push(struct registry *to, const struct image *i, const char *tag, struct err *e)
{
	return 0;
}

/* The first byte says how much comes at once. */
struct source {
	struct fuzz_input in;
	size_t step;
};

static ssize_t take(void *arg, void *data, size_t cap, struct err *e)
{
	struct source *s = arg;
	size_t n = s->in.len < s->step ? s->in.len : s->step;

	n = n < cap ? n : cap;
	if (n)
		memcpy(data, s->in.data, n);
	s->in.data += n;
	s->in.len -= n;
	return (ssize_t)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source s = { .in = { data, size } };
	struct image_import in = { .read = take, .arg = &s, .architecture = "amd64", .limit = LIMIT };
	IMAGE_CLEANUP struct image i = { 0 };
	struct err e = { 0 };
	uint8_t first = fuzz_byte(&s.in);

	s.step = first ? (size_t)first * 16 : SIZE_MAX;
	if (image_import(NULL, &in, NULL, &i, &e) == 0)
		FUZZ_CHECK(i.n_layers == 1 && digest_valid(i.layers[0].diff_id));
	else
		FUZZ_CHECK(e.kind && *e.text);
	return 0;
}

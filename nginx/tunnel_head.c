/*
 * The request head that the upstream gets. It is written anew: the URI is
 * nginx's decoded one, and only headers that mean something behind the tunnel
 * go along, so that the upstream's head stays short.
 */
#include "tunnel.h"

/* Counts while dst is NULL, writes otherwise. */
struct head_writer {
	u_char *dst;
	size_t len;
};

static const ngx_str_t head_passed[] = {
	ngx_string("Host"),
	ngx_string("Content-Type"),
	ngx_string("User-Agent"),
	ngx_string("Origin"),
	ngx_string("Upgrade"),
	ngx_string("Sec-WebSocket-Key"),
	ngx_string("Sec-WebSocket-Version"),
	ngx_string("Sec-WebSocket-Protocol"),
	ngx_string("Sec-WebSocket-Extensions"),
};

static void put(struct head_writer *w, const void *data, size_t len)
{
	if (w->dst != NULL)
		ngx_memcpy(w->dst + w->len, data, len);
	w->len += len;
}

static void put_str(struct head_writer *w, const ngx_str_t *s)
{
	put(w, s->data, s->len);
}

static void put_text(struct head_writer *w, const char *s)
{
	put(w, s, ngx_strlen(s));
}

/*
 * `reserved` are characters that would end the part being written. The path
 * is decoded, so % belongs to them there; in the arguments it stands for
 * itself.
 */
static void put_escaped(struct head_writer *w, const ngx_str_t *s, const char *reserved)
{
	static const u_char hex[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < s->len; i++) {
		u_char c = s->data[i];

		if (c <= ' ' || c >= 0x7f || ngx_strchr(reserved, c) != NULL) {
			u_char esc[3] = { '%', hex[c >> 4], hex[c & 15] };

			put(w, esc, sizeof(esc));
		} else {
			put(w, &c, 1);
		}
	}
}

static int header_is(const ngx_table_elt_t *h, const ngx_str_t *name)
{
	return h->key.len == name->len && ngx_strncasecmp(h->key.data, name->data, name->len) == 0;
}

static int header_passes(const ngx_table_elt_t *h)
{
	size_t i;

	for (i = 0; i < sizeof(head_passed) / sizeof(head_passed[0]); i++) {
		if (header_is(h, &head_passed[i]))
			return 1;
	}
	return 0;
}

static int header_upgrades(const ngx_table_elt_t *h)
{
	static const ngx_str_t connection = ngx_string("Connection");
	static const ngx_str_t upgrade = ngx_string("upgrade");

	return header_is(h, &connection) &&
	       ngx_strlcasestrn(h->value.data, h->value.data + h->value.len, upgrade.data, upgrade.len - 1) != NULL;
}

/* nginx keeps no pointer to Connection, and it may come more than once. */
static void put_headers(struct head_writer *w, ngx_http_request_t *r)
{
	const ngx_list_part_t *part;
	int upgrades = 0;
	ngx_uint_t i;

	for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {
		const ngx_table_elt_t *h = part->elts;

		for (i = 0; i < part->nelts; i++) {
			upgrades |= header_upgrades(&h[i]);
			if (!header_passes(&h[i]))
				continue;
			put_str(w, &h[i].key);
			put_text(w, ": ");
			put_str(w, &h[i].value);
			put_text(w, "\r\n");
		}
	}
	put_text(w, upgrades ? "Connection: Upgrade\r\n" : "Connection: close\r\n");
}

static void put_head(struct head_writer *w, ngx_http_request_t *r, off_t body)
{
	u_char length[NGX_OFF_T_LEN];
	u_char *end = ngx_sprintf(length, "%O", body);

	put_str(w, &r->method_name);
	put_text(w, " ");
	put_escaped(w, &r->uri, "%?#");
	if (r->args.len > 0) {
		put_text(w, "?");
		put_escaped(w, &r->args, "#");
	}
	put_text(w, " HTTP/1.1\r\n");
	put_headers(w, r);
	put_text(w, "Content-Length: ");
	put(w, length, (size_t) (end - length));
	put_text(w, "\r\n\r\n");
}

static ngx_buf_t *head_make(ngx_http_request_t *r, off_t body)
{
	struct head_writer w = { NULL, 0 };
	ngx_buf_t *b;

	put_head(&w, r, body);
	b = ngx_create_temp_buf(r->pool, w.len);
	if (b == NULL)
		return NULL;
	w.dst = b->pos;
	w.len = 0;
	put_head(&w, r, body);
	b->last = b->pos + w.len;
	return b;
}

/* Appends a copy of `b`, so that reading it leaves nginx's own as it is. */
static ngx_chain_t **preset_add(ngx_http_request_t *r, ngx_chain_t **tail, const ngx_buf_t *b)
{
	ngx_chain_t *cl = ngx_alloc_chain_link(r->pool);
	ngx_buf_t *copy = ngx_alloc_buf(r->pool);

	if (cl == NULL || copy == NULL)
		return NULL;
	*copy = *b;
	cl->buf = copy;
	cl->next = NULL;
	*tail = cl;
	return &cl->next;
}

ngx_chain_t *tunnel_preset(ngx_http_request_t *r)
{
	ngx_chain_t *body = r->request_body != NULL ? r->request_body->bufs : NULL;
	ngx_chain_t *first = NULL, **tail = &first, *cl;
	ngx_buf_t *head, rest;
	off_t size = 0;

	for (cl = body; cl != NULL; cl = cl->next)
		size += ngx_buf_special(cl->buf) ? 0 : ngx_buf_size(cl->buf);
	head = head_make(r, size);
	if (head == NULL)
		return NULL;
	tail = preset_add(r, tail, head);
	for (cl = body; cl != NULL && tail != NULL; cl = cl->next) {
		if (!ngx_buf_special(cl->buf))
			tail = preset_add(r, tail, cl->buf);
	}
	if (tail != NULL && r->header_in->pos < r->header_in->last) {
		ngx_memzero(&rest, sizeof(rest));
		rest.pos = r->header_in->pos;
		rest.last = r->header_in->last;
		rest.memory = 1;
		tail = preset_add(r, tail, &rest);
		r->header_in->pos = r->header_in->last;
	}
	return tail != NULL ? first : NULL;
}

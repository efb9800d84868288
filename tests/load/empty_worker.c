/*
 * empty_worker: the least that a FastCGI worker on descriptor 0 can do with
 * libfcgi; what others are measured against.
 */
#include <fcgiapp.h>

int main(void)
{
	FCGX_Request req;

	if (FCGX_Init() != 0 || FCGX_InitRequest(&req, 0, 0) != 0)
		return 1;
	while (FCGX_Accept_r(&req) == 0)
		FCGX_PutS("Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nOK", req.out);
	return 0;
}

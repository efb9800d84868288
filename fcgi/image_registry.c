#include "fcgi/image_registry.h"

#include "lib/aws/ecr.h"
#include "lib/buf.h"

/* Our own account's troubles are no fault of the client's, and must not look like a missing image or a taken name. */
int aws_trouble(struct err *e, const char *what)
{
	if (e->kind == ERR_INVALID || e->kind == ERR_UNAUTHORIZED || e->kind == ERR_FORBIDDEN || e->kind == ERR_NOT_FOUND || e->kind == ERR_CONFLICT)
		e->kind = ERR_UPSTREAM;
	return err_prefix(e, "%s", what);
}

int worker_aws(struct request *req, struct aws_client **ret, struct err *e)
{
	struct aws_client *c = req->worker->aws;

	if (!c) {
		if (aws_client_open(&c, req->settings->aws_timeout, e) < 0)
			return aws_trouble(e, "AWS");
		req->worker->aws = c;
	}
	*ret = c;
	return 0;
}

int image_registry_open(struct request *req, bool make, struct registry **ret, struct err *e)
{
	ECR_AUTHORIZATION_CLEANUP struct ecr_authorization auth = { 0 };
	BUF_CLEANUP struct buf repository = BUF_INIT;
	const long limit = (long)req->settings->aws_timeout;
	struct registry_config config = { .push = true, .insecure = req->settings->insecure_registries, .timeout = limit, .stall = limit };
	struct aws_client *aws = NULL;

	buf_printf(&repository, "%s/%s", req->settings->repository, req->tenant);
	if (repository.failed)
		return err_nomem(e);
	if (worker_aws(req, &aws, e) < 0)
		return -1;
	if (ecr_get_authorization_token(aws, &auth, e) < 0)
		return aws_trouble(e, "the image registry's password (ECR GetAuthorizationToken)");
	if (make && ecr_create_repository(aws, repository.data, e) < 0)
		return aws_trouble(e, "the repository of images (ECR CreateRepository)");
	config.endpoint = auth.endpoint;
	config.repository = repository.data;
	config.user = auth.user;
	config.password = auth.password;
	return registry_open(&config, ret, e);
}

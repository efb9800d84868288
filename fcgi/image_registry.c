#include "fcgi/image_registry.h"

#include "lib/aws/ecr.h"
#include "lib/buf.h"

int worker_aws(struct request *req, struct aws_client **ret, struct err *e)
{
	struct aws_client *c = req->worker->aws;

	if (!c) {
		if (aws_client_open(&c, e) < 0)
			return -1;
		req->worker->aws = c;
	}
	*ret = c;
	return 0;
}

int image_registry_open(struct request *req, bool make, struct registry **ret, struct err *e)
{
	ECR_AUTHORIZATION_CLEANUP struct ecr_authorization auth = { 0 };
	BUF_CLEANUP struct buf repository = BUF_INIT;
	struct registry_config config = { .push = true, .insecure = req->settings->insecure_registries };
	struct aws_client *aws;

	buf_printf(&repository, "%s/%s", req->settings->repository, req->tenant);
	if (repository.failed)
		return err_nomem(e);
	if (worker_aws(req, &aws, e) < 0)
		return err_prefix(e, "the image registry");
	if (ecr_get_authorization_token(aws, &auth, e) < 0)
		return err_prefix(e, "the image registry's password (ECR GetAuthorizationToken)");
	if (make && ecr_create_repository(aws, repository.data, e) < 0)
		return err_prefix(e, "the image repository %s (ECR CreateRepository)", repository.data);
	config.endpoint = auth.endpoint;
	config.repository = repository.data;
	config.user = auth.user;
	config.password = auth.password;
	return registry_open(&config, ret, e);
}

# Sources of local-lambda/.
include local-lambda/sandbox.mk

pkglibexec_PROGRAMS += sockerless-lambda
sockerless_lambda_SOURCES = \
  local-lambda/bucket.c local-lambda/bucket.h local-lambda/clock.h \
  local-lambda/config.c local-lambda/config.def local-lambda/config.h \
  local-lambda/configuration.c local-lambda/configuration.h \
  local-lambda/ecr.c local-lambda/ecr.h \
  local-lambda/environment.c local-lambda/environment.h local-lambda/environment_process.c local-lambda/environment_serve.c \
  local-lambda/file.c local-lambda/file.h \
  local-lambda/functions.c local-lambda/functions.h local-lambda/functions_prepare.c \
  local-lambda/http.c local-lambda/http.h \
  local-lambda/lambda_api.c local-lambda/lambda_api.h local-lambda/lambda_functions.c local-lambda/lambda_invoke.c local-lambda/lambda_tags.c \
  local-lambda/launch.c local-lambda/launch.h \
  local-lambda/limits.c local-lambda/limits.h \
  local-lambda/logs_api.c local-lambda/logs_api.h local-lambda/logs_query.c \
  local-lambda/logs_store.c local-lambda/logs_store.h local-lambda/logs_store_private.h \
  local-lambda/main.c local-lambda/manifest_check.c local-lambda/manifest_check.h \
  local-lambda/message.c local-lambda/message.h \
  local-lambda/output.c local-lambda/output.h \
  local-lambda/pool.c local-lambda/pool.h \
  local-lambda/revision.c local-lambda/revision.h \
  local-lambda/router.c local-lambda/router.h local-lambda/runtime_api.c \
  local-lambda/sigv4_verify.c local-lambda/sigv4_verify.h local-lambda/uuid.h
sockerless_lambda_LDADD = liblambdasandbox.a $(LAMBDASANDBOX_LIBS) $(SQLITE_LIBS) $(MICROHTTPD_LIBS)

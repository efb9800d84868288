libsockerless_a_SOURCES += \
  lib/aws/credentials.c lib/aws/credentials.h lib/aws/credentials_parse.c lib/aws/credentials_parse.h \
  lib/aws/easy.c lib/aws/easy.h lib/aws/ecr.c lib/aws/ecr.h lib/aws/endpoint.c lib/aws/endpoint.h \
  lib/aws/failure.c lib/aws/failure.h lib/aws/http.c lib/aws/http.h lib/aws/json11.c lib/aws/json11.h \
  lib/aws/lambda.c lib/aws/lambda.h lib/aws/lambda_parse.c lib/aws/logs.c lib/aws/logs.h \
  lib/aws/profile.c lib/aws/profile.h lib/aws/sigv4.c lib/aws/sigv4.h \
  lib/aws/web_identity.c lib/aws/web_identity.h

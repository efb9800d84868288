dist_check_SCRIPTS += tests/create/test_create.sh
EXTRA_DIST += tests/create/aws.py tests/create/conftest.py tests/create/registry.py tests/create/test_create.py tests/create/test_images.py \
  tests/create/test_reconcile.py

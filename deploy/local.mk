EXTRA_DIST += deploy/packages deploy/install-packages deploy/quickstart deploy/quickstart.d/build deploy/quickstart.d/configure \
  deploy/quickstart.d/first-container deploy/quickstart.d/services

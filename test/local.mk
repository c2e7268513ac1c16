# test: nothing to build here; the suite is distributed as it stands and run by `make check-e2e`

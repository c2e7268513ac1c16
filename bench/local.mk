# The floor of the benchmark: built by `make bench/relay`, not by `make`.
EXTRA_PROGRAMS += bench/relay
bench_relay_SOURCES = bench/relay.c
bench_relay_LDADD = $(OPENSSL_LIBS)
CLEANFILES += bench/relay
